"""The four playbooks: what the machine does about each alert, and what it asks whom.

The page `docs/playbook.md`, `ai-ops playbook`, the job and the sensor read these definitions.
"""

from collections.abc import Mapping
from typing import Final

from ai_ops.playbook.accuracy_playbook import ACCURACY
from ai_ops.playbook.cost_playbook import COST
from ai_ops.playbook.drift_playbook import DRIFT
from ai_ops.playbook.pipeline_playbook import PIPELINE
from ai_ops.playbook.steps import Playbook
from ai_ops.vocabulary.words import AlertKind

PLAYBOOKS: Final[Mapping[AlertKind, Playbook]] = {
    one.alert: one for one in (DRIFT, COST, ACCURACY, PIPELINE)
}
"""How each alert is answered."""
