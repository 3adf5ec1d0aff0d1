"""An item: one line of a checklist, with its owner and a pure judgement of the evidence."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist.evidence import ChecklistEvidence
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.words import Cadence, OwnedDomain

LIST_OF: Final[Mapping[Cadence, str]] = {
    "pre_launch": "pre_launch_checklist",
    "weekly": "weekly_checklist",
    "monthly": "monthly_checklist",
}
"""The asset that is the list of a cadence: its items are the checks of it."""


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a checklist. Adding an item is adding one function.

    ``asset`` is what it is about, ``reads`` names the checks whose verdicts ``judge`` reads; the
    docstring of ``judge`` is what the UI shows. A pass expires: of each check that it reads, the
    newest verdict may be ``max_age_days`` old. What those ``beside`` it saw is looked at as well,
    whatever they judged.
    """

    id: str
    title: str
    cadence: Cadence
    domain: OwnedDomain
    asset: str
    reads: tuple[str, ...]
    judge: Callable[[AiFeatureSpec, ChecklistEvidence], Verdict]
    max_age_days: int
    beside: tuple[str, ...] = ()
