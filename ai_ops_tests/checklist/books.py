"""The books of a feature in its rehearsal week, as checks would have written them."""

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.parts import Monitoring, Retraining
from ai_ops.checklist.logged import LOG_CHECKS
from ai_ops.checklist.reading import ITEMS, Line, read_item, window_at
from ai_ops.storage.root import Root
from ai_ops.vocabulary.verdicts import Finding, Observed, RecordedVerdict, Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import FindingKind
from ai_ops_tests.deciding import FEATURE as DECLARED
from ai_ops_tests.deciding import GATE, NOW, SCIENTIST, decided, root_in

FEATURE = DECLARED.model_copy(
    update={
        "monitoring": Monitoring(start=date(2021, 3, 25)),
        "retraining": Retraining(automated=True, trainer="trainer", wait_days=7),
    }
)
DAYS = tuple(Window.trailing("2021-03-31", days=7).days())
DAILY = (*LOG_CHECKS, "inputs_well_formed", "cost_known")
DRIFT = ("input_drift", "output_drift", "joint_drift")
LATEST = ("version_registered", "registry_reconciled", "reference_present")
TO_COME = ("load_test", "rollback_drill")
ALL = {item.id: item for items in ITEMS.values() for item in items}

TESTED: dict[str, Observed] = {"tested_rate": 200.0, "size_class": "up to 1 MB"}
FINE = Verdict.passing("fine", sample_size=900, observed={"version": "1", **TESTED})
FILLING = Verdict.lacking("the window holds rows of 1 of its 7 days", "volume", sample_size=900)


def failing(reason: str, kind: FindingKind = "drift", **observed: Observed) -> Verdict:
    """A failing verdict with one finding."""
    return Verdict.failing(reason, Finding(kind, "fail", reason), sample_size=9, observed=observed)


def verdict_on(
    item: str,
    verdict: Verdict = FINE,
    *,
    on: str | None = None,
    at: datetime | None = None,
    window: Window | None = None,
) -> RecordedVerdict:
    """A verdict as its check gives it: on a day (or a longer window), or as of a moment."""
    moment = at or NOW - timedelta(hours=2)
    if on is None:
        own = Window.of_day(moment.date())
    else:
        own = window or Window.of_day(on)
        moment = at or own.end + timedelta(hours=6)
    return RecordedVerdict(FEATURE.name, item, f"of_{item}", on, own, moment, verdict)


def judged(root: Root, item: str, verdict: Verdict = FINE, **place: Any) -> None:
    """Record a verdict as its check would."""
    root.ledger.record_verdicts([verdict_on(item, verdict, **place)], clock=root.clock)


def rehearsed(
    folder: Path,
    *,
    without: Collection[str] = (),
    instead: Mapping[tuple[str, str], Verdict] | None = None,
    frozen: bool = True,
) -> Root:
    """A rehearsal of seven days with every verdict that it leaves, but ``without`` some checks.

    ``instead`` replaces the verdicts of a check on a day.
    """
    root = root_in(folder)
    changed = instead or {}
    if frozen:
        decided(root, "gate_freeze", SCIENTIST, **GATE)
    daily = [
        verdict_on(item, changed.get((item, day), _usual(item, day)), on=day)
        for day in DAYS
        for item in (*DAILY, *DRIFT)
    ]
    written = [*daily, *[verdict_on(item) for item in (*LATEST, *TO_COME)]]
    left = [verdict for verdict in written if verdict.item not in without]
    root.ledger.record_verdicts(left, clock=root.clock)
    return root


def _usual(item: str, day: str) -> Verdict:
    return FILLING if item in DRIFT and day != DAYS[-1] else FINE


def line(root: Root, item: str, as_of: datetime = NOW, feature: AiFeatureSpec = FEATURE) -> Line:
    """One line of its checklist, as it stands in the ledger at a moment."""
    chosen = ALL[item]
    return read_item(root, feature, chosen, window_at(chosen.cadence, as_of), as_of)
