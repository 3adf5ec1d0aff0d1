"""Faults that the monthly audit of the log must find: altered, removed, swapped, moved."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.parts import Monitoring
from ai_ops.orchestration.judging import judge_and_record
from ai_ops.prediction_logging.audit_report import compute_log_audit
from ai_ops.prediction_logging.checks import CHECKS
from ai_ops.prediction_logging.compaction import compute_prediction_log
from ai_ops.prediction_logging.completeness_report import compute_log_completeness
from ai_ops.prediction_logging.schema_evolution import VERSION_INPUTS
from ai_ops.prediction_logging.sources import compute_user_actions
from ai_ops.vocabulary.moments import Moment, Summary
from ai_ops.vocabulary.verdicts import Finding, Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops_tests.prediction_logging.logging_world import DAY, FEATURE, NOON, World, moment
from ai_ops_tests.sourced_world import Sourced, sourced

DAYS = ("2021-03-03", DAY, "2021-03-05")
MARCH = Moment(
    "2021-03-01", Window.of_month("2021-03-01"), datetime.fromisoformat("2021-04-01T09Z")
)
MONITORED = Monitoring(start=date(2021, 3, 3), end=date(2021, 3, 6))
TINY = FEATURE.model_copy(update={"monitoring": MONITORED})
BY_NAME = {check.name: check for check in CHECKS}
A_DAY = 20


def logged(folder: Path, feature: AiFeatureSpec = TINY) -> World:
    """Three days of twenty predictions, each asked for by a user, compacted and judged."""
    world = World(folder)
    world.root.begin_replay(MARCH.as_of)
    columns = [column.model_dump() for column in TINY.inputs]
    world.root.lake.write_json(
        world.root.lake.path(TINY.name, VERSION_INPUTS, None, "json"), {"1": columns}
    )
    ids, times, tenants = [], [], []
    for number, day in enumerate(DAYS):
        world.clock.time = NOON + timedelta(days=number - 1)
        log = world.open_log()
        for place in range(A_DAY):
            id, tenant = f"{day}-{place}", f"shop-{place % 2}"
            told = {"city": "AB"[place % 2], "temp": place / 10, "express": place % 3 == 0}
            world.write(log, id, input=told, tenant=tenant, call_site="quote")
            ids.append(id)
            times.append(world.clock.time)
            tenants.append(tenant)
        log.close()
    world.act(ids, times, tenant=tenants, call_site=["quote"] * len(ids))
    moments = [moment(day, MARCH.as_of) for day in DAYS]
    for compute in (compute_prediction_log, compute_user_actions, compute_log_completeness):
        compute(world.root, feature, moments)
    daily = [BY_NAME["log_written"], BY_NAME["log_complete"]]
    judge_and_record(world.root, feature, daily, moments, run_id=None)
    return world


def altered(world: World, change: Callable[[pa.Table], pa.Table], day: str = DAY) -> None:
    """Somebody writes a day's table anew, as nothing in the project would."""
    lake = world.root.lake
    lake.write_table(world.path(day), change(lake.read_table(world.path(day))[0]))


def audited(world: World, feature: AiFeatureSpec = TINY) -> tuple[Verdict, Summary]:
    """What the asset shows, and the verdict as the ledger holds it."""
    summary = compute_log_audit(world.root, feature, [MARCH])[MARCH.partition]
    [one] = judge_and_record(world.root, feature, [BY_NAME["log_audit"]], [MARCH], run_id=None)
    return one.verdict, summary


def only(verdict: Verdict) -> Finding:
    [finding] = [one for one in verdict.findings if one.status == "fail"]
    return finding


def with_value(table: pa.Table, column: str, row: int, value: Any) -> pa.Table:
    values = table[column].to_pylist()
    values[row] = value
    place = table.column_names.index(column)
    return table.set_column(place, column, pa.array(values, table[column].type))


@pytest.mark.requirement("MO-06", "MO-07", "MO-08", "MO-09")
def test_a_clean_month_is_green(tmp_path: Path) -> None:
    verdict, summary = audited(logged(tmp_path))
    assert verdict.status == "pass", verdict.reason
    assert verdict.sample_size == 120
    assert "0 of 60 user actions are wrong, and these are all" in verdict.reason
    assert verdict.observed["seed"] == "tiny 2021-03-01"
    assert verdict.observed["read_from_segment"] == 60
    assert (verdict.observed["days_judged_pass"], verdict.observed["records_wrong"]) == (3, 0)
    assert [row["wrong"] for row in summary.table] == [0, 0, 0]


@pytest.mark.fault("log_audit")
@pytest.mark.requirement("MO-06", "MO-07")
def test_a_prediction_that_was_removed_is_missed_by_its_action(tmp_path: Path) -> None:
    world = logged(tmp_path)
    altered(world, lambda table: table.filter(pc.not_equal(table["id"], f"{DAY}-7")))
    verdict, summary = audited(world)
    finding = only(verdict)
    assert (verdict.status, finding.kind, finding.size) == ("fail", "completeness", 1)
    assert (finding.tenant, finding.call_site) == ("shop-1", "quote")
    assert finding.begin == Window.of_day(DAY).start
    assert f"{DAY}-7" not in f"{verdict} {summary.table} {summary.numbers}", "no id is shown"
    assert f'"{DAY}-7"' in Path(summary.files["audit"]).read_text()
    assert verdict.observed["actions_wrong"] == 1
    forgiving = TINY.user_actions.model_copy(update={"missing_share": 0.02})  # type: ignore[union-attr]
    allowing = TINY.model_copy(update={"user_actions": forgiving})
    assert audited(world, allowing)[0].status == "pass", "the YAML allows for as many"


@pytest.mark.fault("log_audit")
@pytest.mark.requirement("MO-08")
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("input_temp", 99.5),
        ("output_late", True),
        ("output_probability", None),
        ("model_version", "2"),
        ("input", '{"city":"Z"}'),
        ("subject", "somebody else"),
    ],
)
def test_an_altered_value_differs_from_the_line_that_was_written(
    tmp_path: Path, column: str, value: Any
) -> None:
    world = logged(tmp_path)
    altered(world, lambda table: with_value(table, column, 4, value))
    verdict, _ = audited(world)
    reasons = [one for one in verdict.findings if one.columns == (column,)]
    assert (verdict.status, reasons[0].kind) == ("fail", "data_quality")
    assert any("not as written" in one.reason for one in reasons)


@pytest.mark.fault("log_audit")
@pytest.mark.requirement("MO-07")
def test_a_swapped_tenant_is_found_by_the_action_and_by_the_line(tmp_path: Path) -> None:
    world = logged(tmp_path)
    altered(world, lambda table: with_value(table, "tenant", 4, "shop-1"))
    verdict, _ = audited(world)
    assert {(one.kind, one.columns) for one in verdict.findings} == {
        ("completeness", ("tenant",)),
        ("data_quality", ("tenant",)),
    }
    assert "its prediction names another tenant" in " ".join(one.reason for one in verdict.findings)


@pytest.mark.fault("log_audit")
@pytest.mark.requirement("MO-08")
def test_a_wrong_time_is_found_within_the_day_and_outside_of_it(tmp_path: Path) -> None:
    world = logged(tmp_path)
    altered(world, lambda table: with_value(table, "time", 4, NOON + timedelta(hours=3)))
    assert only(audited(world)[0]).columns == ("time",)
    altered(world, lambda table: with_value(table, "time", 4, NOON + timedelta(days=3)))
    reasons = " ".join(one.reason for one in audited(world)[0].findings)
    assert "its prediction has a time of another day" in reasons
    assert "its time is not of its day" in reasons


@pytest.mark.fault("log_audit")
@pytest.mark.requirement("MO-08")
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: pa.concat_tables([t, t.slice(0, 1)]), "its id stands there more than once"),
        (lambda t: with_value(t, "status", 0, "fine"), "its status is none of the log's"),
        (lambda t: with_value(t, "model_version", 0, None), "it was answered by no version"),
        (lambda t: with_value(t, "model_version", 0, "9"), "its version is not in the registry"),
        (lambda t: t.drop_columns(["subject"]), "the day's table lacks a column"),
        (
            lambda t: t.set_column(1, "time", t["time"].cast(pa.timestamp("ms", tz="UTC"))),
            "in another type",
        ),
    ],
)
def test_a_record_that_is_built_wrongly_is_found(
    tmp_path: Path, change: Callable[[pa.Table], pa.Table], words: str
) -> None:
    world = logged(tmp_path)
    altered(world, change)
    verdict, _ = audited(world)
    assert verdict.status == "fail"
    assert words in " ".join(one.reason for one in verdict.findings)


@pytest.mark.fault("log_audit")
@pytest.mark.requirement("MO-08")
def test_a_line_that_was_altered_in_its_segment_is_found_by_its_checksum(tmp_path: Path) -> None:
    world = logged(tmp_path)
    segment = world.segments()[1]
    content = segment.read_bytes()
    segment.write_bytes(content.replace(b'"temp":0.7', b'"temp":0.8'))
    verdict, _ = audited(world)
    assert "wrong checksum" in only(verdict).reason


@pytest.mark.fault("log_audit")
def test_without_segments_the_raw_members_are_read_again(tmp_path: Path) -> None:
    world = logged(tmp_path)
    for segment in world.segments():
        segment.unlink()
    verdict, _ = audited(world)
    assert verdict.status == "pass"
    assert verdict.observed["read_from_raw_json"] == 60
    altered(world, lambda table: with_value(table, "input_city", 4, "Q"))
    assert only(audited(world)[0]).columns == ("input_city",)


@pytest.mark.fault("log_audit")
@pytest.mark.requirement("MO-06", "MO-07")
def test_what_nothing_bears_witness_to_is_no_evidence(tmp_path: Path) -> None:
    world = logged(tmp_path)
    Path(world.root.lake.path(TINY.name, "user_actions", DAY)).unlink()
    verdict, _ = audited(world)
    assert (verdict.status, verdict.sample_size) == ("no_evidence", 100)
    assert f"of {DAY} no user actions are known" in verdict.reason
    Path(world.path(DAYS[2])).unlink()
    verdict, _ = audited(world)
    assert (verdict.status, verdict.sample_size) == ("no_evidence", 60)
    assert f"of {DAYS[2]} no log was written" in verdict.reason


@pytest.mark.fault("log_audit")
@pytest.mark.requirement("MO-06")
def test_days_that_were_judged_incomplete_or_never_are_told(tmp_path: Path) -> None:
    world = logged(tmp_path)
    checks = [BY_NAME["log_complete"]]
    today = [moment(DAY, MARCH.as_of)]
    altered(world, lambda table: table.slice(3))
    compute_log_completeness(world.root, TINY, today)
    judge_and_record(world.root, TINY, checks, today, run_id=None)
    verdict, _ = audited(world)
    assert f"it was judged incomplete on {DAY}" in " ".join(f.reason for f in verdict.findings)
    later = TINY.model_copy(update={"monitoring": Monitoring(start=date(2021, 3, 2))})
    verdict, _ = audited(logged(tmp_path / "other"), later)
    assert verdict.status == "no_evidence"
    assert "its completeness was not judged on 27 days" in verdict.reason


@pytest.mark.fault("log_audit")
def test_a_month_that_nobody_audited_is_no_evidence(tmp_path: Path) -> None:
    world = logged(tmp_path)
    [one] = judge_and_record(world.root, TINY, [BY_NAME["log_audit"]], [MARCH], run_id=None)
    assert one.verdict.status == "no_evidence"


FEBRUARY = Moment(
    "2021-02-01", Window.of_month("2021-02-01"), datetime.fromisoformat("2021-03-01T09Z")
)


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> Sourced:
    """Three days of a table that something else logged."""
    world = sourced(tmp_path_factory.mktemp("vendor"), days=31, rows_a_day=40)
    world = world.declare(monitoring={"start": world.start, "end": world.start + timedelta(days=3)})
    world.root.begin_replay(FEBRUARY.as_of)
    compute_prediction_log(world.root, world.feature, world.moments(world.days(3)))
    return world


def vendor_audited(world: Sourced) -> Verdict:
    compute_log_audit(world.root, world.feature, [FEBRUARY])
    checks = [BY_NAME["log_audit"]]
    [one] = judge_and_record(world.root, world.feature, checks, [FEBRUARY], run_id=None)
    return one.verdict


@pytest.mark.requirement("MO-06", "MO-08")
def test_of_a_log_of_others_rows_are_read_again_and_its_completeness_stays_unprovable(
    vendor: Sourced,
) -> None:
    verdict = vendor_audited(vendor)
    assert verdict.status == "no_evidence"
    assert "completeness is unprovable" in verdict.reason
    assert "no user_actions are declared" in verdict.reason
    assert (verdict.observed["records"], verdict.observed["records_wrong"]) == (120, 0)
    assert verdict.observed["read_from_source"] == 120
    assert verdict.observed["structure_wrong"] == 0


@pytest.mark.fault("log_audit")
@pytest.mark.requirement("MO-08")
def test_a_row_that_is_not_its_sources_is_found(vendor: Sourced) -> None:
    path = vendor.root.lake.path(vendor.feature.name, "prediction_log", vendor.days(3)[1])
    before = vendor.root.lake.read_bytes(path)
    table, _ = vendor.root.lake.read_table(path)
    vendor.root.lake.write_table(path, with_value(table, "input_amount", 2, 1.0))
    assert only(vendor_audited(vendor)).columns == ("input_amount",)
    vendor.root.lake.write_table(path, with_value(table, "id", 2, "forged"))
    assert "no row of its source is like it" in only(vendor_audited(vendor)).reason
    [file] = (vendor.root.folder / "sources").rglob("loans.parquet")
    file.rename(file.with_suffix(".gone"))
    gone = vendor_audited(vendor)
    file.with_suffix(".gone").rename(file)
    vendor.root.lake.write_bytes(path, before)
    assert (gone.status, gone.observed["records"]) == ("no_evidence", 0)
    assert "no record of it could be read again" in gone.reason
