"""The real year through the gate: each candidate knows what was known in its moment, no more."""

from dataclasses import dataclass, replace
from datetime import datetime

import pandas as pd
import pyarrow.compute as pc
import pytest

from ai_ops.accuracy_evaluation.binary_sums import sum_by_day
from ai_ops.accuracy_evaluation.candidates import compute_candidate_evaluation
from ai_ops.accuracy_evaluation.metrics import DaySums, difference, estimate
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.held_out import is_held_out
from ai_ops.defs.flight_delay.comparison import launch_metrics, sums_of
from ai_ops.defs.flight_delay.fitting import NETWORK, columns_of, fit, one_thread
from ai_ops.defs.flight_delay.retraining import RECIPE, trainable
from ai_ops.defs.flight_delay.training import reference_table, training_data
from ai_ops.orchestration.judging import judge_and_record, moment_now
from ai_ops.retraining_pipeline.candidate import compute_candidate_model
from ai_ops.retraining_pipeline.checks import CHECKS
from ai_ops.retraining_pipeline.training_set import Request, compute_training_set
from ai_ops.storage.ledger import NewEvent
from ai_ops.storage.root import Root
from ai_ops.storage.standing import standing_of
from ai_ops.vocabulary.clock import utc
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.accuracy_evaluation.gate_world import (
    freeze_gate,
    judged,
    launched,
    root_of,
    statuses,
)
from ai_ops_tests.accuracy_evaluation.world import (
    between,
    open_root,
)
from ai_ops_tests.trained import fit_once

BEGIN, END = "2013-03-25", "2013-09-01"
LAUNCH = utc("2013-04-01T07:00:00Z")
APRIL, JULY, SEPTEMBER = (utc(f"2013-{day}T07:00:00Z") for day in ("04-29", "07-08", "09-02"))
SIBLING = "sibling"
TOLD = ("gate_sanity", "gate_slices", "gate_baseline", "gate_budget")


@dataclass(frozen=True)
class Tried:
    """One retraining: its moment, the version that it made, what that was held against."""

    version: str
    incumbent: str
    verdicts: dict[str, Verdict]

    @property
    def accepted(self) -> bool:
        return all(verdict.passed for verdict in self.verdicts.values())


@dataclass(frozen=True)
class Year:
    """The year from the rehearsal to the end of August, with two retrainings in it."""

    root: Root
    feature: AiFeatureSpec
    flights: pd.DataFrame
    launch: str
    tried: dict[datetime | str, Tried]

    def live_on(self, moment: datetime) -> str:
        live = standing_of(self.root.ledger, self.feature.name).live_at(moment)
        assert live is not None
        return live

    def over_the_next_30_days(self, version: str, other: str, moment: datetime) -> str:
        """How much better a version is than another on what came after, in words."""
        apart = difference(self._sums(version, moment), self._sums(other, moment))
        told = [f"{name} {apart[name].value:+.4f}" for name in ("auc", "ece", "brier")]
        return f"version {version} over version {other} from {moment.date()}: {', '.join(told)}"

    def auc(self, version: str, moment: datetime) -> float:
        return estimate(self._sums(version, moment))["auc"].value

    def _sums(self, version: str, moment: datetime) -> DaySums:
        end = moment + pd.Timedelta(days=30)
        rows = self.flights[(self.flights["time"] >= moment) & (self.flights["time"] < end)]
        rows = rows.dropna(subset=["late"])
        score = self.root.registry.load(self.feature.name, version).scores(columns_of(rows))
        day = rows["time"].dt.strftime("%Y-%m-%d").to_numpy().astype(str)
        return sum_by_day(day, score, rows["late"].to_numpy(bool), score >= 0.3)


@pytest.fixture(scope="module")
def year(
    tmp_path_factory: pytest.TempPathFactory, feature: AiFeatureSpec, flights: pd.DataFrame
) -> Year:
    """The launched recipe, then the real retraining at two moments; what passes is promoted."""
    root = open_root(tmp_path_factory.mktemp("year"))
    (root.folder / "cache").symlink_to(tmp_path_factory.getbasetemp().parent / "flights")
    flat = pd.Series(0.2, index=flights.index)
    root_of(root, feature, flights, flat, begin=BEGIN, end=END, now=LAUNCH)
    launch = launch_version(root, feature, flights)
    freeze_gate(root, feature)
    launched(root, feature, launch)
    tried: dict[datetime | str, Tried] = {}
    for moment in (APRIL, SEPTEMBER):
        root.begin_replay(moment)
        tried[moment] = retrained(root, feature, moment)
        if tried[moment].accepted and moment != SEPTEMBER:
            promoted(root, feature, tried[moment])
        if moment == APRIL:
            tried[SIBLING] = sibling(root, feature, tried[moment])
    return Year(root, feature, flights, launch, tried)


def launch_version(root: Root, feature: AiFeatureSpec, flights: pd.DataFrame) -> str:
    """The network of the launch, trained before the rehearsal as the set-up does it."""
    data, digest = training_data(flights, feature)
    with one_thread():
        fitted = fit_once(NETWORK, data)
    reference = reference_table(data, fitted, feature)
    made = root.registry.register(
        feature.name,
        fitted.module,
        fitted.encoder,
        fitted.encoder.encode(columns_of(data.rows.head(4))),
        metrics=launch_metrics(sums_of(reference, feature.judged.threshold)),
        params={},
        dataset=data.rows[["id"]].head(10),
        dataset_digest=digest,
        reference=reference,
    )
    return made.version


def retrained(root: Root, feature: AiFeatureSpec, moment: datetime) -> Tried:
    """Training set, candidate and its evaluation, as the retraining's job makes them."""
    compute_training_set(root, feature, moment, Request("accuracy"))
    sound = [check for check in CHECKS if check.name == "training_set_sound"]
    judge_and_record(root, feature, sound, [moment_now(moment)], run_id=None)
    compute_candidate_model(root, feature, moment)
    return evaluated(root, feature, moment)


def evaluated(root: Root, feature: AiFeatureSpec, moment: datetime) -> Tried:
    compute_candidate_evaluation(root, feature, moment)
    verdicts = judged(root, feature, moment)
    observed = verdicts["gate_evidence"].observed
    return Tried(str(observed["version"]), str(observed["champion"]), verdicts)


def promoted(root: Root, feature: AiFeatureSpec, tried: Tried) -> None:
    """A promotion, as the ledger keeps it; its door has tests of its own."""
    said = {"version": tried.version, "previous": tried.incumbent, "metrics": {}}
    payload = {**said, "gate_hash": feature.gate.digest, "approved_by": "a", "approval": [1, 0]}
    root.ledger.append([NewEvent("promotion", feature.name, payload)], clock=root.clock)


def sibling(root: Root, feature: AiFeatureSpec, of: Tried) -> Tried:
    """Another seed of the recipe that is in production, from the same rows."""
    latest = root.lake.path(feature.name, "candidate_model", None, "json")
    candidate, _ = root.lake.read_json(latest)
    rows, _ = root.lake.read_table(
        root.lake.path(feature.name, "training_set", candidate["training_set"])
    )
    data = trainable(feature, rows)
    with one_thread():
        fitted = fit(replace(RECIPE, seed=1), data)
    made = root.registry.register(
        feature.name,
        fitted.module,
        fitted.encoder,
        fitted.encoder.encode(columns_of(data.rows.head(4))),
        metrics={"n": 1.0},
        params={},
        dataset=data.rows[["id"]].head(10),
        dataset_digest=candidate["digest"],
        reference=reference_table(data, fitted, feature),
    )
    root.lake.write_json(latest, {**candidate, "version": made.version, "retraining": ""})
    return evaluated(root, feature, APRIL)


@pytest.mark.requirement("PB-14", "PB-15", "FR-3")
def test_a_retraining_is_accepted_by_july(year: Year, capsys: pytest.CaptureFixture[str]) -> None:
    """What each candidate was worth afterwards is printed, of the refused ones too."""
    tried = {moment: one for moment, one in year.tried.items() if isinstance(moment, datetime)}
    assert min(moment for moment, one in tried.items() if one.accepted) <= JULY
    with capsys.disabled():
        for moment, one in sorted(tried.items()):
            became = "promoted" if one.accepted else "refused"
            print(f"\n{became}: {one.verdicts['gate_improvement'].reason}")
            for check, verdict in one.verdicts.items():
                if not verdict.passed or check in TOLD:
                    print(f"  {check}: {verdict.status}: {verdict.reason}")
            print(year.over_the_next_30_days(one.version, one.incumbent, moment))


@pytest.mark.requirement("PB-14", "FR-1")
def test_what_is_live_from_july_8_on_is_better_than_the_launch_model(
    year: Year, capsys: pytest.CaptureFixture[str]
) -> None:
    live = year.live_on(JULY)
    assert live != year.launch
    now, then = year.auc(live, JULY), year.auc(year.launch, JULY)
    with capsys.disabled():
        print(f"\nfrom July 8 on, 30 days: AUC {now:.4f} of version {live}, launch {then:.4f}")
    assert now >= then + 0.02


@pytest.mark.requirement("PB-15")
def test_no_candidate_learnt_from_its_hold_out_or_from_the_evaluation_set(year: Year) -> None:
    lake, name = year.root.lake, year.feature.name
    for tried in year.tried.values():
        data, _ = lake.read_json(lake.path(name, "candidate_evaluation", tried.version, "json"))
        rows, _ = lake.read_table(lake.path(name, "training_set", data["learnt"]["training_set"]))
        reference, _ = year.root.registry.reference(name, tried.version)
        held = between(year.flights, data["first_day"], data["last_day"])
        share = year.feature.ground_truth.evaluation_share
        for learnt in (rows, reference):
            assert pc.max(learnt["time"]).as_py() < Window.of_day(data["first_day"]).start
            ids = set(learnt["id"].to_pylist())
            assert len(ids) > 70_000 and not ids & set(held["id"])
            assert not any(is_held_out(id, share) for id in ids)
        # A day of storms has too few labels: it is left out, as in every judgement of accuracy.
        assert data["days"] >= 13 and data["rows"] > 10_000


@pytest.mark.requirement("PB-34")
def test_better_in_auc_and_worse_in_calibration_is_refused_with_both_numbers(year: Year) -> None:
    """At the end of August the summer's rate is learnt, and the calm of autumn begins."""
    tried = year.tried[SEPTEMBER]
    calibration = tried.verdicts["gate_calibration"]
    assert calibration.status == "fail" and not tried.accepted
    seen = calibration.observed
    assert seen["auc"] > seen["champion_auc"]  # type: ignore[operator]
    assert seen["ece_difference"] > year.feature.gate.candidate.ece_margin  # type: ignore[operator]
    for name in ("auc", "ece"):
        both = f"{seen[name]:.4f} against {seen[f'champion_{name}']:.4f}"
        assert both in calibration.reason
    assert "although it is better in AUC" in calibration.reason


@pytest.mark.requirement("PB-34", "PB-44")
def test_another_seed_of_what_serves_is_no_better_and_refused(year: Year) -> None:
    tried = year.tried[SIBLING]
    assert tried.incumbent == year.tried[APRIL].version, "the accepted one serves by now"
    improvement = tried.verdicts["gate_improvement"]
    assert improvement.status == "fail" and "is no better than" in improvement.reason
    assert statuses(tried.verdicts)[0] == "pass", "the comparison itself was sound"
