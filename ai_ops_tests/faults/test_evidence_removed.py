"""Evidence taken away piece by piece: none of the fourteen items stays green, each names the loss.

Every item is green in one ledger. Then each thing that it reads is gone in turn: a check that never
ran, one that stopped, one that found nothing to judge by, a decision that nobody signed, time that
went by. What a check says when its own source is gone follows below, by the checks themselves.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ai_ops.ai_features.applying import judged_of
from ai_ops.ai_features.parts import Monitoring
from ai_ops.checklist.evidence import ChecklistEvidence, gather
from ai_ops.checklist.items import Item
from ai_ops.checklist.reading import ITEMS, Line, read_line, window_at
from ai_ops.component import CHECKS
from ai_ops.orchestration.judging import judge_and_record
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Incident
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import RecordedVerdict, Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.checklist.books import FEATURE as REHEARSED
from ai_ops_tests.checklist.books import verdict_on
from ai_ops_tests.deciding import DEVOPS, GATE, NOW, SCIENTIST, decided, root_in

pytestmark = pytest.mark.requirement("FR-1", "FR-3", "PL-02", "WK-10", "MO-01")

MARCH = Window.of_month("2021-03-01")
FEATURE = REHEARSED.model_copy(update={"monitoring": Monitoring(start=MARCH.start.date())})
ALL = {item.id: item for items in ITEMS.values() for item in items}
BY_NAME = {check.name: check for check in CHECKS}
TOLERATED = ("volume_steady", "feed_alive", "labels_plausible")
"""What a young log cannot be judged by yet: that they looked, and found too little, is on record
and held against nobody; that they never looked is."""
TOLD = "alerts_delivered"


def reads_of(item: Item) -> list[str]:
    """The checks whose verdicts an item reads, of those that the feature has."""
    return [check for check in judged_of((*item.reads, *item.beside), FEATURE) if check in BY_NAME]


def window_of(check: str) -> tuple[str | None, Window | None]:
    """Partition and window of the last verdict of a check in the books, by its rhythm."""
    match BY_NAME[check].rhythm:
        case "monthly":
            return "2021-03-01", MARCH
        case "weekly":
            return "2021-03-22", Window.of_week("2021-03-22")
        case _:
            return None, None


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Root:
    """A month of which everything was judged and passed, and everything was signed."""
    root = root_in(tmp_path_factory.mktemp("whole"))
    decided(root, "gate_freeze", SCIENTIST, **GATE)
    verdicts = []
    for check in sorted({check for item in ALL.values() for check in reads_of(item)}):
        if BY_NAME[check].rhythm == "daily":
            verdicts += [verdict_on(check, on=day) for day in MARCH.days()]
            continue
        partition, window = window_of(check)
        at = NOW - timedelta(hours=1)
        verdicts.append(verdict_on(check, on=partition, window=window, at=at))
    root.ledger.record_verdicts(verdicts, clock=root.clock)
    item = {"item": "cost_opportunities_reviewed", "domain": "inference_management", "note": ""}
    decided(root, "sign_off", DEVOPS, cadence="monthly", partition="2021-03-01", **item)
    return root


@pytest.fixture(scope="module")
def evidence(books: Root) -> dict[str, ChecklistEvidence]:
    """What each list is judged from: of a feature that is live, with an incident since yesterday
    that its people know of."""
    found = {cadence: gather(books, FEATURE, window_at(cadence, NOW), NOW) for cadence in ITEMS}
    opened = NOW - timedelta(days=1)
    rose = Incident(
        "cost_spike-2021-03-22",
        "cost_spike",
        "cost_trend",
        "2021-03-22",
        opened,
        "it rose",
        "1",
        "warning",
    )
    now = replace(found["weekly"].standing, incidents=(rose,))
    return {cadence: replace(one, standing=now, live=True) for cadence, one in found.items()}


def line(item: str, evidence: ChecklistEvidence) -> Line:
    return read_line(FEATURE, ALL[item], evidence)


def words(verdict: Verdict) -> str:
    return "; ".join([verdict.reason, *[finding.reason for finding in verdict.findings]])


@pytest.mark.parametrize("item", ALL)
def test_with_all_its_evidence_every_item_is_green(
    evidence: dict[str, ChecklistEvidence], item: str
) -> None:
    verdict = line(item, evidence[ALL[item].cadence]).verdict
    assert verdict.status == "pass", verdict.reason


PIECES = [(item.id, check) for item in ALL.values() for check in reads_of(item)]


def without(evidence: ChecklistEvidence, check: str, *, since: str = "") -> ChecklistEvidence:
    """The evidence as if the check had never run, or not ``since`` a day."""
    kept = [one for one in evidence.verdicts if one.item != check or (one.partition or "") < since]
    return replace(evidence, verdicts=tuple(kept))


def blind(evidence: ChecklistEvidence, check: str) -> ChecklistEvidence:
    """The evidence as if the check had run each time and found nothing to judge by."""
    lack = Verdict.lacking("what it reads is gone", "operations")

    def seen(one: RecordedVerdict) -> RecordedVerdict:
        return replace(one, verdict=lack) if one.item == check else one

    return replace(evidence, verdicts=tuple(map(seen, evidence.verdicts)))


@pytest.mark.fault(
    "logging_ready",
    "registry_ready",
    "drift_ready",
    "load_tested",
    "rollback_rehearsed",
    "cost_tracked",
    "drift_reviewed",
    "cost_trend_checked",
    "retraining_verified",
    "logs_written",
    "accuracy_on_held_out",
    "thresholds_reviewed",
    "log_audited",
    "cost_opportunities_reviewed",
)
@pytest.mark.parametrize(("item", "check"), PIECES)
def test_a_check_that_never_ran_is_named_by_every_item_that_reads_it(
    evidence: dict[str, ChecklistEvidence], item: str, check: str
) -> None:
    verdict = line(item, without(evidence[ALL[item].cadence], check)).verdict
    assert verdict.status == "no_evidence"
    assert check in words(verdict)


STOPPED = [(item, check) for item, check in PIECES if BY_NAME[check].rhythm == "daily"]


@pytest.mark.parametrize(("item", "check"), STOPPED)
def test_a_check_that_stopped_is_named_with_the_first_day_that_it_did_not_judge(
    evidence: dict[str, ChecklistEvidence], item: str, check: str
) -> None:
    known = evidence[ALL[item].cadence]
    day = list(known.window.days())[-2]
    verdict = line(item, without(known, check, since=day)).verdict
    assert verdict.status == "no_evidence"
    assert f"{check} was not judged on {day}" in words(verdict)


@pytest.mark.parametrize(
    ("item", "check"), [one for one in PIECES if one[1] not in (*TOLERATED, "version_registered")]
)
def test_a_check_that_found_nothing_to_judge_by_makes_no_item_green(
    evidence: dict[str, ChecklistEvidence], item: str, check: str
) -> None:
    verdict = line(item, blind(evidence[ALL[item].cadence], check)).verdict
    assert verdict.status == "no_evidence"
    assert "what it reads is gone" in words(verdict)


@pytest.mark.parametrize("item", ALL)
def test_what_passed_once_is_no_evidence_when_nothing_came_after_it(
    evidence: dict[str, ChecklistEvidence], item: str
) -> None:
    """Everything stopped at once: the same list, read when its evidence has expired."""
    known = evidence[ALL[item].cadence]
    late = NOW + timedelta(days=ALL[item].max_age_days + 40)
    seen = replace(known, as_of=late, standing=replace(known.standing, incidents=()))
    verdict = line(item, seen).verdict
    assert verdict.status == "no_evidence"
    assert "days old; it may be" in verdict.reason or "again" in verdict.reason


@pytest.mark.parametrize("item", ALL)
def test_the_list_of_a_later_time_is_empty_when_everything_stopped(books: Root, item: str) -> None:
    late = NOW + timedelta(days=120)
    cadence = ALL[item].cadence
    # The tries before a launch have no day of their own: they expire.
    verdict = line(item, gather(books, FEATURE, window_at(cadence, late), late)).verdict
    assert verdict.status == "no_evidence" and verdict.reason


# What people sign


@pytest.mark.fault("drift_ready", "cost_opportunities_reviewed")
@pytest.mark.parametrize(
    ("item", "gone", "named"),
    [
        ("drift_ready", {"gate": None}, "frozen by nobody"),
        ("cost_opportunities_reviewed", {"sign_offs": ()}, f"--by {DEVOPS}"),
    ],
)
def test_a_decision_that_nobody_signed_is_named(
    evidence: dict[str, ChecklistEvidence], item: str, gone: dict[str, Any], named: str
) -> None:
    known = evidence[ALL[item].cadence]
    verdict = line(item, replace(known, standing=replace(known.standing, **gone))).verdict
    assert not verdict.passed and named in words(verdict)


# The sources of the checks themselves


READ = sorted({check for _, check in PIECES if check != TOLD})


@pytest.fixture(scope="module")
def nothing(tmp_path_factory: pytest.TempPathFactory) -> Root:
    """A root in which nobody has logged, trained, measured or declared anything."""
    return root_in(tmp_path_factory.mktemp("nothing"), MARCH.end + timedelta(hours=9))


@pytest.mark.parametrize("check", READ)
def test_no_check_that_an_item_reads_passes_where_there_is_nothing(
    nothing: Root, check: str
) -> None:
    """No log, no labels, no version, no report, no table of prices or of answers."""
    partition, window = window_of(check)
    if BY_NAME[check].rhythm == "daily":
        partition = "2021-03-31"
        window = Window.of_day(partition)
    moment = Moment(partition or "", window or Window.of_day("2021-03-31"), nothing.clock.now())
    (found,) = judge_and_record(nothing, FEATURE, [BY_NAME[check]], [moment], run_id=None)
    assert found.verdict.status in ("no_evidence", "fail"), found.verdict.reason
    assert found.verdict.reason and found.verdict.findings
