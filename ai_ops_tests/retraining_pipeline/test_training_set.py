"""The training set: of which rows it consists, which labels count, and when it is refused."""

from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ai_ops.ai_features.held_out import is_held_out
from ai_ops.retraining_pipeline.learning_rows import from_history, schema_of
from ai_ops.retraining_pipeline.records import (
    TrainingSet,
    latest_training_set,
    rows_path,
    spans_of,
)
from ai_ops.retraining_pipeline.training_set import Request, compute_training_set
from ai_ops.storage.bad_data import bad_windows
from ai_ops.storage.retrainings import of_run
from ai_ops.storage.root import Root
from ai_ops.vocabulary.clock import utc
from ai_ops.vocabulary.errors import BadInput, MissingEvidence, RetrainingRefused
from ai_ops_tests.retraining_pipeline.pipeline_world import (
    BACKEND,
    BEGIN,
    DEVOPS,
    FEATURE,
    NAME,
    NOW,
    SCIENTIST,
    decided,
    happened,
    incident,
    last_refusal,
    standing,
    write_labels,
)
from ai_ops_tests.retraining_pipeline.tiny_trainer import A_DAY, rows_of

YESTERDAY = NOW.date() - timedelta(days=1)


def made(root: Root, **asked: str) -> tuple[TrainingSet, pa.Table]:
    """A training set, made now."""
    compute_training_set(root, FEATURE, root.clock.now(), Request(**asked), run_id="run-1")
    manifest, _ = latest_training_set(root, FEATURE)
    rows, _ = root.lake.read_table(rows_path(root, FEATURE, manifest.id))
    return manifest, rows


def test_the_hold_out_is_the_last_whole_days_that_are_mature() -> None:
    spans = spans_of(FEATURE, NOW)
    assert spans.cutoff == utc("2021-03-10T00:00:00Z")
    # The labels of March 9 may come until noon of the 10th, those of the 8th until noon of the 9th.
    assert list(spans.holdout.days()) == ["2021-03-06", "2021-03-07", "2021-03-08"]
    assert spans.learning.end == spans.holdout.start
    assert len(list(spans.learning.days())) == FEATURE.retraining.training_days
    slow = FEATURE.ground_truth.model_copy(update={"mature_after_hours": 24.0})
    later = spans_of(FEATURE.model_copy(update={"ground_truth": slow}), NOW)
    assert list(later.holdout.days())[-1] == "2021-03-08"


@pytest.mark.requirement("MO-01")
def test_it_is_the_log_filled_from_the_history_without_what_is_held_out(logged: Root) -> None:
    manifest, rows = made(logged)
    assert rows.schema == schema_of(FEATURE)
    share = FEATURE.ground_truth.evaluation_share
    before = [row for n in range(9) for row in rows_of(date(2021, 2, 6) + timedelta(n)).to_pylist()]
    after = [
        row
        for n in range(19)
        for row in rows_of(BEGIN + timedelta(n), "p").to_pylist()[
            : A_DAY - 1
        ]  # the last one failed
    ]
    expected = {row["id"]: row for row in (*before, *after) if not is_held_out(row["id"], share)}
    assert rows["id"].to_pylist() == [
        row["id"] for row in sorted(expected.values(), key=lambda row: (row["time"], row["id"]))
    ]
    for row in rows.to_pylist():
        known = expected[row["id"]]
        for name in ("time", "tenant", "input_city", "input_temp", "input_express", "label"):
            assert row[name] == known[name]
        assert row["known_on"] == known["available_at"].date()
        assert row["logged"] == row["id"].startswith("p")
    left_out = len(before) + len(after) - rows.num_rows
    assert manifest.excluded_held_out == left_out > 0
    assert (manifest.rows, manifest.labelled) == (rows.num_rows, rows.num_rows)
    assert manifest.logged == pc.sum(rows["logged"]).as_py()
    assert manifest.positives == pc.sum(rows["label"]).as_py()
    assert manifest.missing == [] and len(manifest.read) == 19 + 23


def test_the_same_rows_are_the_same_set(logged: Root) -> None:
    first, _ = made(logged)
    again, _ = made(logged)
    assert (again.id, again.digest) == (first.id, first.digest)
    assert first.id == f"2021-03-10-{first.digest[:8]}"
    logged.begin_replay(NOW + timedelta(hours=5))
    at_noon, _ = made(logged)
    assert at_noon.digest == first.digest, "labels of whole days only: the hour changes nothing"


def test_a_label_that_came_later_is_none(logged: Root) -> None:
    """What becomes known on the day itself, or later, was not known before its midnight."""
    chosen = {"p-2021-03-03-2": "2021-03-09T23:59:59Z", "p-2021-03-03-3": "2021-03-10T00:00:00Z"}

    def late(labels: pa.Table) -> pa.Table:
        pairs = zip(labels["id"].to_pylist(), labels["available_at"].to_pylist(), strict=True)
        times = [utc(chosen[id]) if id in chosen else time for id, time in pairs]
        return labels.set_column(2, "available_at", pa.array(times, pa.timestamp("us", "UTC")))

    write_labels(logged, BEGIN, YESTERDAY, late)
    _, rows = made(logged)
    known = {row["id"]: row["known_on"] for row in rows.to_pylist()}
    assert known["p-2021-03-03-2"] == date(2021, 3, 9)
    assert known["p-2021-03-03-3"] is None


def test_a_label_that_was_contradicted_is_none_and_counted(logged: Root) -> None:
    def contradicted(labels: pa.Table) -> pa.Table:
        row = labels.filter(pc.equal(labels["id"], "p-2021-03-02-5"))
        other = row.set_column(1, "label", pc.invert(row["label"]))
        later = pc.add(row["available_at"], pa.scalar(timedelta(days=1)))
        return pa.concat_tables([labels, other.set_column(2, "available_at", later)])

    write_labels(logged, BEGIN, YESTERDAY, contradicted)
    manifest, rows = made(logged)
    row = rows.filter(pc.equal(rows["id"], "p-2021-03-02-5"))
    assert not row["label"].is_valid()[0].as_py() and not row["known_on"].is_valid()[0].as_py()
    assert manifest.contradicted == 1
    assert manifest.labelled == manifest.rows - 1


def test_a_prediction_that_was_asked_for_twice_is_one_row(logged: Root) -> None:
    path = logged.lake.path(NAME, "prediction_log", "2021-03-01")
    day, _ = logged.lake.read_table(path)
    logged.lake.write_table(path, pa.concat_tables([day, day.slice(0, 3)]))
    _, rows = made(logged)
    assert len(set(rows["id"].to_pylist())) == rows.num_rows


def test_before_the_log_a_label_counts_from_when_it_was_known() -> None:
    table = rows_of(date(2021, 2, 6))
    rows = from_history(table, FEATURE, utc("2021-02-06T12:00:00Z")).rows
    known = [time < utc("2021-02-06T12:00:00Z") for time in table["available_at"].to_pylist()]
    assert rows["label"].is_valid().to_pylist() == known
    assert rows["known_on"].is_valid().to_pylist() == known
    with pytest.raises(BadInput, match="tiny_trainer: history has no column tenant"):
        from_history(table.drop_columns(["tenant"]), FEATURE, NOW)


def test_a_log_without_a_column_says_what_to_do(logged: Root) -> None:
    path = logged.lake.path(NAME, "prediction_log", "2021-03-01")
    day, _ = logged.lake.read_table(path)
    logged.lake.write_table(path, day.drop_columns(["input_temp"]))
    with pytest.raises(MissingEvidence, match=r"2021-03-01.*materialise it again"):
        made(logged)


def test_what_began_it_stands_in_the_ledger_and_in_the_manifest(logged: Root) -> None:
    id = incident(logged, alert="accuracy_drop")
    manifest, _ = made(logged, cause="accuracy fell", incident=id, requested_by=BACKEND)
    (retraining,) = standing(logged).retrainings
    assert retraining == of_run(standing(logged), "run-1")
    assert manifest.retraining == retraining.id == "2021-03-10-run-1"
    assert (retraining.cause, retraining.incident) == (manifest.cause, manifest.incident)
    assert (manifest.incident, manifest.requested_by) == (id, BACKEND)
    with pytest.raises(BadInput, match="no such incident: nothing"):
        made(logged, incident="nothing")


def test_a_hold_refuses_it_and_a_release_lets_it_go_on(logged: Root) -> None:
    decided(logged, "hold", DEVOPS, reason="labels are being mended")
    with pytest.raises(RetrainingRefused, match="held by devops"):
        made(logged, requested_by=BACKEND)
    what, reasons = last_refusal(logged)
    assert what == "retraining" and "labels are being mended" in reasons[0]
    assert standing(logged).refusals[-1].by == BACKEND
    assert standing(logged).retrainings == ()
    assert not logged.lake.glob(f"{NAME}/training_set/*")
    decided(logged, "release", SCIENTIST, reason="mended")
    assert made(logged)[0].rows


def test_it_shows_the_weeks_that_are_learnt_from(logged: Root) -> None:
    summary = compute_training_set(logged, FEATURE, NOW)
    assert [row["week"] for row in summary.table] == [
        f"2021-{day}" for day in ("02-01", "02-08", "02-15", "02-22", "03-01")
    ]
    assert sum(int(str(row["rows"])) for row in summary.table) == summary.numbers["rows"]
    assert summary.table[0]["logged"] == 0 and summary.table[0]["positive_rate"] == 0.25
    assert (summary.picture or b"").startswith(b"\x89PNG")


@pytest.mark.requirement("PB-16")
def test_days_of_which_a_person_said_that_their_data_was_bad_are_not_learnt_from(
    logged: Root,
) -> None:
    happened(
        logged,
        "incident_opened",
        incident="i-1",
        alert="drift",
        item="input_drift",
        begin="2021-02-22",
        reason="temp moved",
        version="1",
        severity="warning",
    )
    happened(logged, "incident_step", incident="i-1", step="cause_told", since="2021-02-20")
    whole, _ = made(logged)
    said = {"incident": "i-1", "conclusion": "bad_data", "note": "the feed sent °C"}
    decided(logged, "incident_concluded", SCIENTIST, **said)
    lasting, rows = made(logged)
    assert (whole.bad_days, lasting.bad_days[0]) == ([], "2021-02-20")
    assert lasting.bad_days[-1] == lasting.last_day, "what is not resolved is bad to this day"
    assert lasting.excluded_bad_data > 0
    of_log = rows.filter(rows["logged"])
    assert max(of_log["time"].to_pylist()).date().isoformat() == "2021-02-19"
    assert lasting.rows + lasting.excluded_bad_data >= whole.rows
    decided(logged, "incident_resolved", SCIENTIST, incident="i-1", note="mended")
    [window] = bad_windows(FEATURE, standing(logged), NOW + timedelta(days=9))
    assert list(window.days())[-1] == YESTERDAY.isoformat(), "since it is mended, days are sound"
