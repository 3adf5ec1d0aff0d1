"""A slice that goes wrong behind a good whole, and a server that reads its inputs otherwise."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ai_ops.accuracy_evaluation.evaluation import (
    compute_evaluation_run,
    judge_accuracy,
    judge_scores_reproduced,
    judge_slices_hold,
    read_run,
)
from ai_ops.inference_management.encoded_columns import NumberCode
from ai_ops.storage.root import Root
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops_tests.accuracy_evaluation.small_world import (
    DAYS,
    SmallWorld,
    day_of,
    encoder_of,
    small_world,
)

LAST = day_of(DAYS - 1)

Judge = Callable[..., Verdict]


def number(verdict: Verdict, name: str) -> float:
    found = verdict.observed[name]
    assert isinstance(found, float)
    return found


def judged(world: SmallWorld, judge: Judge) -> Verdict:
    return judge(world.root, world.feature, world.moments[-1])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> SmallWorld:
    return small_world(tmp_path_factory.mktemp("small")).planted()


@pytest.fixture
def clean(world: SmallWorld) -> SmallWorld:
    return world.planted()


@pytest.mark.requirement("MO-02", "FR-1")
def test_the_clean_month_is_green(clean: SmallWorld) -> None:
    slices, scores = judged(clean, judge_slices_hold), judged(clean, judge_scores_reproduced)
    assert slices.status == "pass", slices.reason
    assert slices.observed["slices"] == 8 and slices.sample_size > 10_000
    assert "worst is" in slices.reason and slices.observed["worst_slice"]
    assert scores.status == "pass", scores.reason
    assert scores.sample_size == 500 and number(scores, "largest_difference") < 1e-6
    accuracy = judged(clean, judge_accuracy)
    assert accuracy.status == "pass"
    assert str(slices.observed["worst_slice"]) in str(accuracy.observed["worst_slice"])


@pytest.mark.fault("slices_hold")
@pytest.mark.requirement("MO-02", "PB-32")
def test_one_inverted_carrier_is_named_while_the_whole_passes(
    world: SmallWorld,
) -> None:
    def inverted(rows: pd.DataFrame) -> pd.DataFrame:
        one = rows["carrier"] == "EV"
        # Mirrored about its own mean: its calibration in the large stays as it was.
        mirrored = np.clip(2 * rows.loc[one, "score"].mean() - rows["score"], 0.01, 0.99)
        return rows.assign(score=rows["score"].mask(one, mirrored))

    world = world.planted(inverted)
    assert judged(world, judge_accuracy).status == "pass", "eight rows of a hundred"
    verdict = judged(world, judge_slices_hold)
    assert verdict.status == "fail" and "carrier EV" in verdict.reason
    assert {finding.slice for finding in verdict.findings} == {"carrier EV"}
    assert verdict.findings[0].columns == ("carrier",) and (verdict.findings[0].size or 0) > 0.2
    assert verdict.observed["worst_slice"] == "carrier EV"
    skewed = judged(world, judge_scores_reproduced)
    assert skewed.status == "fail", "what was logged is not what the version answers"
    assert skewed.findings[0].columns == ("carrier",) and "carrier is EV" in skewed.reason


@pytest.mark.fault("slices_hold")
def test_a_month_without_its_days_or_its_launch_is_no_slice_that_holds(
    clean: SmallWorld,
) -> None:
    run, _ = read_run(clean.root, clean.feature, LAST)
    path = clean.root.lake.path(clean.feature.name, "evaluation_run", LAST, "json")
    before = clean.root.lake.read_bytes(path)
    for changed, reason in (
        ({"launch": None, "no_launch": "no reference"}, "no reference"),
        ({"slices": None, "no_slices": "the log is gone"}, "the log is gone"),
        ({"month": replace(run.month, days=3)}, "3 days of the month can be judged"),
    ):
        rewritten(clean.root, path, before, replace(run, **changed))
        verdict = judged(clean, judge_slices_hold)
        assert verdict.status == "no_evidence" and reason in verdict.reason


@pytest.mark.fault("slices_hold")
def test_where_nothing_divides_the_rows_the_whole_is_the_slice_and_no_rows_are_none(
    clean: SmallWorld,
) -> None:
    clean = replace(clean, feature=clean.feature.model_copy(update={"slices": ("tenant",)}))
    compute_evaluation_run(clean.root, clean.feature, clean.moments[-1:])
    run, _ = read_run(clean.root, clean.feature, LAST)
    whole = judged(clean, judge_slices_hold)
    assert whole.status == "pass" and whole.sample_size == run.month.rows > 10_000
    assert "nothing to slice by: tenant" in whole.reason and "accuracy tells" in whole.reason
    path = clean.root.lake.path(clean.feature.name, "evaluation_run", LAST, "json")
    before = clean.root.lake.read_bytes(path)
    unlabelled = replace(run.month, days=0, rows=0, metrics={})
    rewritten(clean.root, path, before, replace(run, month=unlabelled))
    verdict = judged(clean, judge_slices_hold)
    assert verdict.status == "no_evidence" and "0 days of the month" in verdict.reason


def rewritten(root: Root, path: str, before: bytes, run: object) -> None:
    import msgspec

    root.lake.write_bytes(path, msgspec.json.encode(run))
    assert root.lake.read_bytes(path) != before


@pytest.mark.fault("scores_reproduced")
@pytest.mark.requirement("MO-02", "FR-1")
def test_a_server_that_fills_missing_values_otherwise_is_named_by_the_column(
    world: SmallWorld,
) -> None:
    encoder = encoder_of()
    (temp,) = encoder.numbers
    assert isinstance(temp, NumberCode)
    filled = (replace(temp, fill=temp.fill + 3 * temp.std),)
    served = replace(encoder, numbers=filled)
    world = world.planted(served=served)
    verdict = judged(world, judge_scores_reproduced)
    assert verdict.status == "fail"
    (finding,) = verdict.findings
    assert finding.kind == "data_quality" and finding.columns == ("temp",)
    assert finding.size == pytest.approx(0.2, abs=0.05), "the share whose temperature is missing"
    assert "temp is missing in 100% of them (0% else)" in verdict.reason
    assert number(verdict, "largest_difference") > 0.1 and "small-" in verdict.reason


@pytest.mark.fault("scores_reproduced")
def test_a_server_that_does_not_know_a_category_is_named_by_it(world: SmallWorld) -> None:
    encoder = encoder_of()
    carrier, origin = encoder.categories
    known = tuple("nobody" if name == "DL" else name for name in carrier.vocabulary)
    served = replace(encoder, categories=(replace(carrier, vocabulary=known), origin))
    verdict = judged(world.planted(served=served), judge_scores_reproduced)
    assert verdict.status == "fail" and "carrier is DL in 100% of them" in verdict.reason


@pytest.mark.fault("scores_reproduced")
def test_one_altered_answer_is_found_with_its_id(world: SmallWorld) -> None:
    def altered(rows: pd.DataFrame) -> pd.DataFrame:
        last = rows.index[-1]
        rows.loc[last, "score"] = rows.loc[last, "score"] + 1e-3
        return rows

    world = world.planted(altered)
    verdict = judged(world, judge_scores_reproduced)
    assert verdict.status == "fail" and verdict.observed["differing"] == 1
    assert world.rows["id"].iloc[-1] in verdict.reason


@pytest.mark.fault("scores_reproduced")
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda table: table.drop_columns(["input_temp"]), "no column input_temp"),
        (lambda table: table.slice(0, 0), "no prediction was answered"),
        (
            lambda table: table.set_column(
                table.column_names.index("model_version"), "model_version", [["9"] * len(table)]
            ),
            "no version '9'",
        ),
    ],
)
def test_what_cannot_be_asked_again_is_not_called_the_same(
    clean: SmallWorld, change: Callable[..., object], reason: str
) -> None:
    lake, moment = clean.root.lake, clean.moments[-1]
    path = lake.path(clean.feature.name, "prediction_log", LAST)
    table, _ = lake.read_table(path)
    lake.write_table(path, change(table))  # type: ignore[arg-type]
    compute_evaluation_run(clean.root, clean.feature, [moment])
    verdict = judged(clean, judge_scores_reproduced)
    assert verdict.status == "no_evidence" and reason in verdict.reason
