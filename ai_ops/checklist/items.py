"""An item: one line of a checklist, with its owner and a pure judgement of the evidence."""

from collections.abc import Callable
from dataclasses import dataclass

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist.evidence import ChecklistEvidence
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.words import Cadence, OwnedDomain


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a checklist. Adding an item is adding one function.

    ``reads`` names the checks whose verdicts ``judge`` reads; the docstring of ``judge`` is what
    the UI shows.
    """

    id: str
    title: str
    cadence: Cadence
    domain: OwnedDomain
    asset: str
    reads: tuple[str, ...]
    judge: Callable[[AiFeatureSpec, ChecklistEvidence], Verdict]
