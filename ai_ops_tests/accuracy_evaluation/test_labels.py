"""A label is kept, or it is counted and named: none is guessed, none vanishes."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ai_ops.accuracy_evaluation.labels import compute_ground_truth, judge_labels_arrived
from ai_ops.accuracy_evaluation.reading import read_rows
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.root import Root
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops_tests.accuracy_evaluation.world import at_schedule, open_root

DAY, NEXT = "2013-04-01", "2013-04-02"
NOON = datetime(2013, 4, 1, 12, tzinfo=UTC)
TIMES = pa.timestamp("us", "UTC")

pytestmark = pytest.mark.requirement("FR-1", "MO-02")


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return open_root(tmp_path)


def write(root: Root, labels: pa.Array, name: str = "labels", **columns: Any) -> Path:
    """One file of labels, all known at noon unless ``columns`` says otherwise."""
    folder = root.folder / "sources" / "flight_delay" / "labels"
    folder.mkdir(parents=True, exist_ok=True)
    count = len(labels)
    ids = columns.get("id", [f"{name}-{n}" for n in range(count)])
    times = columns.get("available_at", [NOON] * count)
    table = {
        "id": pa.array(ids, pa.string()),
        "label": labels,
        "available_at": pa.array(times, TIMES),
    }
    pq.write_table(pa.table(table), folder / f"{name}.parquet")
    return folder / f"{name}.parquet"


def arrived(root: Root, feature: AiFeatureSpec, day: str = DAY) -> Verdict:
    compute_ground_truth(root, feature, [at_schedule(day)])
    return judge_labels_arrived(root, feature, at_schedule(day))


def quarantined(root: Root, feature: AiFeatureSpec, day: str = DAY) -> list[tuple[str, str]]:
    path = root.lake.path(feature.name, "ground_truth/quarantine", day)
    table, _ = root.lake.read_table(path)
    return list(zip(table["label"].to_pylist(), table["reason"].to_pylist(), strict=True))


@pytest.mark.parametrize(
    ("labels", "positives", "strange"),
    [
        (pa.array([True, False]), 1, []),
        (pa.array([1, 0, -1, 2]), 1, ["-1", "2"]),
        (pa.array([1.0, 0.0, 0.3, float("nan")]), 1, ["0.3", "nan"]),
        (pa.array(["true", "false", "1", "0", "yes", "1.0", "-1"]), 2, ["-1", "1.0", "yes"]),
        (pa.array([NOON], TIMES), 0, ["2013-04-01 12:00:00+00"]),
    ],
)
def test_only_true_false_one_and_nought_are_labels(
    root: Root, feature: AiFeatureSpec, labels: pa.Array, positives: int, strange: list[str]
) -> None:
    write(root, labels)
    seen = arrived(root, feature).observed
    assert seen["positives"] == positives and seen["unreadable"] == len(strange)
    assert seen["labels"] == len(labels) - len(strange)
    found = quarantined(root, feature)
    assert sorted(found) == sorted((label, "unreadable") for label in strange)


def test_a_label_after_an_unreadable_one_is_kept(root: Root, feature: AiFeatureSpec) -> None:
    later = NOON.replace(hour=13)
    write(root, pa.array([-1, 1]), id=["a", "a"], available_at=[NOON, later])
    seen = arrived(root, feature).observed
    assert (seen["labels"], seen["duplicates"], seen["unreadable"]) == (1, 0, 1)


def test_a_null_label_is_none_yet_until_it_is_filled(root: Root, feature: AiFeatureSpec) -> None:
    write(root, pa.array([1, None, None]), id=["a", "b", "c"], available_at=[NOON, NOON, None])
    verdict = arrived(root, feature)
    assert (verdict.status, verdict.observed["labels"]) == ("pass", 1)
    assert verdict.observed["pending"] == 2 and "2 rows have no label yet" in verdict.reason
    assert quarantined(root, feature) == []
    write(root, pa.array([1, 0, 1]), id=["a", "b", "c"])
    verdict = arrived(root, feature)
    assert (verdict.observed["labels"], verdict.observed["pending"]) == (3, 0)
    assert (verdict.status, verdict.observed["duplicates"]) == ("pass", 0)


def test_a_null_label_waits_until_another_row_fills_it(root: Root, feature: AiFeatureSpec) -> None:
    nulls = pa.nulls(2, pa.int64())
    write(root, pa.array([1, None, None]), id=["a", "b", "c"], available_at=[NOON, NOON, None])
    write(root, nulls, name="again", id=["a", "b"], available_at=[NOON.replace(day=2)] * 2)
    write(root, pa.array([0, 1]), name="b", id=["b", "c"], available_at=[NOON.replace(day=2)] * 2)
    moments = [at_schedule(DAY), at_schedule(NEXT)]
    compute_ground_truth(root, feature, moments)
    first, second = (judge_labels_arrived(root, feature, moment) for moment in moments)
    assert (first.observed["labels"], first.observed["pending"]) == (1, 2)
    assert (second.observed["labels"], second.observed["pending"]) == (2, 0)
    assert (first.status, second.status) == ("pass", "pass")
    assert arrived(root, feature).observed == first.observed, "alone as in a range"


@pytest.mark.parametrize("time", [NOON, None])
def test_labels_that_are_all_null_are_no_evidence(
    root: Root, feature: AiFeatureSpec, time: datetime | None
) -> None:
    write(root, pa.nulls(3, pa.bool_()), available_at=[time] * 3)
    verdict = arrived(root, feature)
    assert verdict.status == "no_evidence" and verdict.observed["pending"] == 3
    assert "no label became known on 2013-04-01; 3 rows have no label yet" in verdict.reason


def test_a_row_of_nothing_but_nulls_is_no_label_that_is_awaited(
    root: Root, feature: AiFeatureSpec
) -> None:
    write(root, pa.array([1, None, None]), id=["a", None, None], available_at=[NOON, NOON, None])
    verdict = arrived(root, feature)
    assert verdict.status == "fail" and "1 label has no id" in verdict.reason
    assert "1 label beside this day's" in verdict.reason and verdict.observed["pending"] == 0


def test_labels_without_id_or_time_are_counted_and_quarantined(
    root: Root, feature: AiFeatureSpec
) -> None:
    times = [NOON, NOON, NOON, None, None]
    write(root, pa.array([1, 0, 1, 0, 1]), id=["a", None, None, "b", None], available_at=times)
    write(root, pa.array([0]), name="next", available_at=[NOON.replace(day=2)])
    verdict = arrived(root, feature)
    assert verdict.status == "fail"
    assert "2 labels have no id" in verdict.reason and "2 labels beside" in verdict.reason
    seen = verdict.observed
    assert (seen["labels"], seen["without_id"], seen["without_time"]) == (1, 2, 2)
    reasons = [reason for _, reason in quarantined(root, feature)]
    assert sorted(reasons) == ["no_id", "no_id", "no_time", "no_time"]
    assert arrived(root, feature, NEXT).status == "pass", "another file, another day"


def test_a_file_of_which_no_label_has_a_time_is_named_every_day(
    root: Root, feature: AiFeatureSpec
) -> None:
    write(root, pa.array([1]))
    write(root, pa.array([1, 0, 1]), name="timeless", available_at=[None] * 3)
    moments = [at_schedule(DAY), at_schedule(NEXT)]
    compute_ground_truth(root, feature, moments)
    for moment in moments:
        verdict = judge_labels_arrived(root, feature, moment)
        assert verdict.status == "fail" and verdict.observed["without_time"] == 3


def test_a_file_that_is_no_parquet_is_no_evidence_and_named(
    root: Root, feature: AiFeatureSpec
) -> None:
    write(root, pa.array([1]))
    write(root, pa.array([1]), name="torn").write_bytes(b"PAR1 and then nothing at all")
    verdict = arrived(root, feature)
    assert verdict.status == "no_evidence" and "torn.parquet: not a readable" in verdict.reason


def test_a_file_whose_pages_are_torn_is_no_evidence_and_named(
    root: Root, feature: AiFeatureSpec
) -> None:
    path = write(root, pa.array([n % 2 for n in range(20_000)]))
    whole = bytearray(path.read_bytes())
    whole[40:4000] = bytes(255 - byte for byte in whole[40:4000])
    path.write_bytes(whole)
    verdict = arrived(root, feature)
    assert verdict.status == "no_evidence" and "labels.parquet" in verdict.reason


def test_one_file_of_several_without_its_column_is_named(
    root: Root, feature: AiFeatureSpec
) -> None:
    write(root, pa.array([1]))
    path = write(root, pa.array([1]), name="other")
    table = pq.read_table(path)
    pq.write_table(table.rename_columns(["id", "was_late", "available_at"]), path)
    verdict = arrived(root, feature)
    assert verdict.status == "no_evidence" and "other.parquet: no column label" in verdict.reason


def test_times_that_are_text_are_no_evidence(root: Root, feature: AiFeatureSpec) -> None:
    path = write(root, pa.array([1]))
    table = pq.read_table(path)
    pq.write_table(table.set_column(2, "available_at", pa.array(["yesterday"])), path)
    verdict = arrived(root, feature)
    assert verdict.status == "no_evidence" and "available_at is VARCHAR" in verdict.reason


def test_labels_whose_contradictions_cannot_be_read_are_named_as_missing(
    root: Root, feature: AiFeatureSpec
) -> None:
    write(root, pa.array([1]))
    compute_ground_truth(root, feature, [at_schedule(DAY)])
    window, cutoff = at_schedule(DAY).window, at_schedule(DAY).as_of
    (without_log,) = read_rows(root.lake, feature, window, cutoff).missing
    assert without_log == f"flight_delay/prediction_log/{DAY}"
    Path(root.lake.path(feature.name, "ground_truth/quarantine", DAY)).unlink()
    missing = read_rows(root.lake, feature, window, cutoff).missing
    assert missing == (without_log, f"flight_delay/ground_truth/quarantine/{DAY}")
