"""Smaller and older versions: by evaluations in the shape in which they are really written."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ai_ops.accuracy_evaluation.candidate_records import (
    Budgeted,
    CandidateEvaluation,
    Compared,
    Learnt,
    Speed,
)
from ai_ops.accuracy_evaluation.intervals import Estimate
from ai_ops.accuracy_evaluation.records import Measured
from ai_ops.accuracy_evaluation.version_judgement import VersionEvaluation
from ai_ops.inference_management.other_versions import OtherVersion, look_at_versions
from ai_ops.inference_management.serving_lines import version_lines
from ai_ops.inference_management.spending import Spending
from ai_ops.storage.model_version import ModelVersion
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import RegistryUnavailable
from ai_ops_tests.deciding import FEATURE, NOW, launched, root_in

pytestmark = pytest.mark.requirement("PB-22", "MO-10")

SIZES = {"1": 400_000, "2": 100_000, "3": 380_000, "4": 390_000, "5": 50_000}
LIVE = "4"
GATE = FEATURE.gate.candidate
LAST = (NOW - timedelta(days=3)).date().isoformat()


class Registered:
    """The versions that a registry tells of."""

    def serving_version(self, name: str) -> str:
        return LIVE

    def versions(self, name: str) -> list[ModelVersion]:
        begin = datetime(2021, 1, 1, tzinfo=UTC)
        return [
            ModelVersion(name, version, begin, {}, "", (), f"m{version}", "r", size)
            for version, size in SIZES.items()
        ]


@pytest.fixture
def root(tmp_path: Path) -> Root:
    made = root_in(tmp_path)
    made.__dict__["registry"] = Registered()
    launched(made, LIVE)
    return made


def estimate(value: float, spread: float = 0.001) -> Estimate:
    return Estimate(value, value - spread, value + spread, spread / 2, 9000, 14)


def metrics(auc: float = 0.7) -> dict[str, Estimate]:
    return {"auc": estimate(auc), "brier": estimate(0.18), "ece": estimate(0.02)}


def apart(auc: float, spread: float = 0.001) -> dict[str, Estimate]:
    return {"auc": estimate(auc, spread), "brier": estimate(0.0), "ece": estimate(0.0)}


def measured(auc: float, last: str = LAST) -> Measured:
    return Measured("2021-03-01", last, 14, 9000, metrics(auc))


def alone(root: Root, version: str, auc: float, *, last: str = LAST, spread: float = 0.001) -> None:
    """``ai-ops evaluate`` on a version that is so much better or worse than what was answered."""
    evaluation = VersionEvaluation(
        FEATURE.name,
        version,
        NOW - timedelta(days=1),
        NOW,
        measured(0.7 + auc, last),
        [],
        "digest",
        served=metrics(),
        difference=apart(auc, spread),
        curve=[],
    )
    write(root, "version_evaluation", version, evaluation)


def paired(root: Root, candidate: str, champion: str, auc: float, ratio: float) -> None:
    """A candidate on the hold-out beside the version in production then."""
    compared = Compared(measured(0.7 + auc), measured(0.7), apart(auc))
    speeds = Speed(ratio, ratio, SIZES[candidate]), Speed(1.0, 1.0, SIZES[champion])
    evaluation = CandidateEvaluation(
        FEATURE.name,
        candidate,
        champion,
        "retraining",
        NOW - timedelta(days=2),
        NOW,
        "2021-03-01",
        LAST,
        [],
        Learnt("set"),
        rows=9000,
        days=14,
        compared=compared,
        budget=Budgeted(*speeds, 100, 5),
    )
    write(root, "candidate_evaluation", candidate, evaluation)


def write(root: Root, asset: str, version: str, evaluation: Any) -> None:
    data = msgspec.to_builtins(evaluation)
    for partition in (version, None):
        root.lake.write_json(root.lake.path(FEATURE.name, asset, partition, "json"), data)


def others(root: Root) -> dict[str, OtherVersion]:
    found = look_at_versions(root, FEATURE, NOW)
    assert (found.live, found.problem) == (LIVE, "")
    return {one.version: one for one in found.others}


def told(root: Root) -> Sequence[tuple[str | None, str]]:
    spent = Spending(rows=900, busy_us=10**9, busy_nano=10**9)
    lines = version_lines(look_at_versions(root, FEATURE, NOW), spent)
    return [(one.version, one.told) for one in lines]


def test_what_nobody_evaluated_is_listed_and_saves_nothing(root: Root) -> None:
    found = others(root)
    assert set(found) == {"1", "2", "3", "5"}, "older, or smaller, than the one that answers"
    assert {one.standing for one in found.values()} == {"not evaluated"}
    assert found["5"].words == "run `ai-ops evaluate flight_delay --version 5`"
    assert {one for _, one in told(root)} == {"no_evidence"}


def test_a_smaller_version_within_the_margin_is_a_saving_of_what_it_takes_less(root: Root) -> None:
    # The one that answers was a candidate once: it was held against the older one, version 3.
    paired(root, "5", LIVE, -0.5 * GATE.auc_margin, ratio=0.4)
    paired(root, LIVE, "3", 3 * GATE.auc_margin, ratio=1.0)
    found = others(root)
    assert (found["5"].standing, found["5"].time_ratio) == ("within the margin", 0.4)
    assert found["3"].standing == "worse than the margin", "by what the live one was better"
    assert dict(told(root))["5"] == "saving" and dict(told(root))["3"] == "none"
    saving = next(
        one
        for one in version_lines(
            look_at_versions(root, FEATURE, NOW), Spending(busy_us=10**9, busy_nano=10**9)
        )
        if one.told == "saving"
    )
    assert saving.freed_us == pytest.approx(0.6e9) and saving.cash_nano is None
    assert "promote version 5" in saving.how and saving.rows == 9000


def test_the_whole_interval_must_lie_within_the_margin(root: Root) -> None:
    alone(root, "2", -0.5 * GATE.auc_margin)
    assert others(root)["2"].standing == "within the margin"
    assert "beside what was answered then" in others(root)["2"].words
    alone(root, "2", -0.5 * GATE.auc_margin, spread=GATE.auc_margin)
    found = others(root)["2"]
    assert found.standing == "worse than the margin" and "auc may be worse by" in found.words
    assert dict(told(root))["2"] == "none"


def test_an_evaluation_of_long_ago_or_of_later_is_none(root: Root) -> None:
    alone(root, "2", 0.0, last="2021-01-02")
    assert others(root)["2"].standing == "not evaluated"
    alone(root, "2", 0.0)
    before = look_at_versions(root, FEATURE, NOW - timedelta(days=2))
    assert before.live == LIVE
    assert all(one.standing == "not evaluated" for one in before.others) and not before.read


def test_without_a_version_there_is_a_reason(root: Root) -> None:
    sent = FEATURE.model_copy(update={"served_by": "provider_api"})
    assert "somebody else trains" in look_at_versions(root, sent, NOW).problem
    (line,) = version_lines(look_at_versions(root, sent, NOW), Spending())
    assert line.told == "none"
    (models,) = version_lines(look_at_versions(root, sent, NOW), Spending(by_model={"large": 9}))
    assert models.told == "no_evidence" and "large 100%" in models.words


def test_a_registry_that_does_not_answer_is_no_evidence_and_no_outage_of_the_rest(
    root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(self: Registered, name: str) -> list[ModelVersion]:
        raise RegistryUnavailable("the registry does not answer")

    monkeypatch.setattr(Registered, "versions", gone)
    found = look_at_versions(root, FEATURE, NOW)
    (line,) = version_lines(found, Spending())
    assert (line.told, line.words) == ("no_evidence", "the registry does not answer")
