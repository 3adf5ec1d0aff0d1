"""Verdict → ledger → asset check, on a real Dagster instance and a real ledger."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path

import dagster as dg
import pytest

from ai_ops.ai_features import AiFeatureSpec, load_feature
from ai_ops.ai_features.parts import Monitoring
from ai_ops.cli.common import DEFS
from ai_ops.orchestration.building import metadata_of, partitioned_asset
from ai_ops.orchestration.judging import Check, checks_of
from ai_ops.orchestration.resources import RootResource
from ai_ops.orchestration.running import Runner, open_runner
from ai_ops.storage.root import Root
from ai_ops.vocabulary.clock import utc
from ai_ops.vocabulary.errors import BadInput, MissingEvidence
from ai_ops.vocabulary.moments import Moment, Summary
from ai_ops.vocabulary.verdicts import RecordedVerdict, Verdict

START = date(2021, 3, 1)
DECLARED = load_feature(DEFS / "flight_delay" / "defs.yaml")
FEATURE = DECLARED.model_copy(update={"monitoring": Monitoring(start=START)})
FIRST, BAD, GONE, LAST = (START.replace(day=day).isoformat() for day in (1, 3, 4, 7))
NEXT = START.replace(day=8).isoformat()


def compute_prediction_log(
    root: Root, feature: AiFeatureSpec, moments: Sequence[Moment]
) -> Mapping[str, Summary]:
    """A log of nothing."""
    return {m.partition: Summary(numbers={"rows": 1, "unknown": None}) for m in moments}


def judge_good(root: Root, feature: AiFeatureSpec, moment: Moment) -> Verdict:
    """Whether the day is good."""
    if moment.partition == BAD:
        return Verdict.lacking("<b>nothing</b> here", "volume", window=moment.window)
    if moment.partition == GONE:
        raise MissingEvidence("no such file")
    return Verdict.passing("good", sample_size=1, observed={"rows": 1, "p": None})


def judge_now(root: Root, feature: AiFeatureSpec, as_of: datetime) -> Verdict:
    """Whether it is good now."""
    return Verdict.passing("good", sample_size=1)


CHECKS = (
    Check("good", "prediction_log", "prediction_logging", "volume", judge_good),
    Check("also_good", "prediction_log", "prediction_logging", "completeness", judge_good),
)


@pytest.fixture
def root(tmp_path: Path) -> Root:
    root = Root.open(tmp_path, environment={})
    root.begin_replay(utc(f"{START.replace(day=15)}T00:00:00Z"))
    return root


@pytest.fixture
def runner(root: Root) -> Iterator[Runner]:
    asset = partitioned_asset(FEATURE, compute_prediction_log, domain="prediction_logging")
    definitions = dg.Definitions(
        assets=[asset],
        asset_checks=checks_of(FEATURE, CHECKS),
        jobs=[dg.define_asset_job("days", dg.AssetSelection.assets(asset.key))],
        resources={"root": RootResource(folder=str(root.folder))},
    )
    with open_runner(root.folder, definitions) as runner:
        yield runner


def statuses(runner: Runner, check: str = "good") -> dict[str | None, str]:
    key = dg.AssetCheckKey(dg.AssetKey([FEATURE.name, "prediction_log"]), check)
    storage = runner.instance.event_log_storage
    return {
        info.partition_key: info.latest_execution_status.value
        for info in storage.get_asset_check_partition_info([key])
    }


def plain(verdicts: Sequence[RecordedVerdict]) -> list[tuple[object, ...]]:
    return [(v.item, v.partition, v.as_of, v.window, v.verdict) for v in verdicts]


@pytest.mark.requirement("FR-1")
def test_a_range_run_gives_each_partition_its_own_verdict_in_ledger_and_dagster(
    root: Root, runner: Runner
) -> None:
    assert runner.run_range("days", FIRST, LAST).success
    verdicts = {v.partition: v for v in root.ledger.verdicts(FEATURE.name, items={"good"})}
    assert len(verdicts) == 7
    assert verdicts[FIRST].verdict.status == "pass"
    assert verdicts[BAD].verdict.status == "no_evidence"
    assert verdicts[GONE].verdict.findings[0].reason == "no such file"
    assert verdicts[FIRST].as_of == utc(f"{START.replace(day=2)}T06:00:00Z")
    shown = statuses(runner)
    assert shown == {day: ("FAILED" if day in (BAD, GONE) else "SUCCEEDED") for day in verdicts}


def test_a_range_may_be_run_again(root: Root, runner: Runner) -> None:
    first = runner.run_range("days", FIRST, LAST)
    second = runner.run_range("days", FIRST, LAST)
    assert first.success
    assert second.success
    assert "PLANNED" not in statuses(runner).values()
    assert root.ledger.verify().blocks == 2


def test_a_range_and_its_days_one_by_one_are_judged_alike(root: Root, runner: Runner) -> None:
    runner.run_range("days", FIRST, LAST)
    by_range = plain(root.ledger.verdicts(FEATURE.name))
    for day in (FIRST, BAD, GONE, LAST):
        runner.run("days", partition=day)
    assert plain(root.ledger.verdicts(FEATURE.name)) == by_range


def test_a_single_partition_is_reported_where_it_belongs(root: Root, runner: Runner) -> None:
    runner.run("days", partition=NEXT)
    assert statuses(runner) == {NEXT: "SUCCEEDED"}


def test_a_day_that_is_not_over_is_refused(root: Root, runner: Runner) -> None:
    today = START.replace(day=15).isoformat()
    with pytest.raises(BadInput, match="cannot be judged before"):
        runner.run("days", partition=today)
    assert root.ledger.verdicts(FEATURE.name) == []


def test_text_of_users_cannot_become_markup_in_the_ui(root: Root, runner: Runner) -> None:
    result = runner.run("days", partition=BAD)
    [evaluation, _] = result.get_asset_check_evaluations()
    assert not evaluation.passed
    assert evaluation.metadata["status"].value == "no_evidence"
    assert r"\<b\>nothing\</b\>" in evaluation.metadata["findings"].value


@pytest.mark.requirement("OW-01")
def test_every_check_and_asset_names_its_owner(runner: Runner) -> None:
    graph = runner.definitions.resolve_asset_graph()
    for key in graph.asset_check_keys:
        spec = graph.get_check_spec(key)
        assert spec.metadata["owner"] == "backend@example.com"
        assert spec.description == "Whether the day is good."
    [asset] = graph.get_all_asset_keys()
    assert graph.get(asset).owners == ["backend@example.com"]


def test_what_is_judged_as_it_is_now_is_an_op_beside_the_checks_of_each_day() -> None:
    odd = Check("now", "prediction_log", "prediction_logging", "volume", judge_now, rhythm=None)
    made = checks_of(FEATURE, (*CHECKS, odd))
    names = {definition.node_def.name: len(list(definition.check_specs)) for definition in made}
    prefix = f"{FEATURE.name}__prediction_log"
    assert names == {f"{prefix}__checks": len(CHECKS), f"{prefix}__latest_checks": 1}


def test_rows_of_a_table_may_differ_in_what_they_have() -> None:
    rows = ({"version": "1", "auc": 0.7}, {"version": "2", "rate": None})
    shown = metadata_of(Summary(table=rows))["table"]
    assert [record.data for record in shown.records] == [
        {"version": "1", "auc": 0.7, "rate": "–"},
        {"version": "2", "auc": "–", "rate": "–"},
    ]
