"""Four real tables that this project did not make, each an AI feature by one YAML: from the first
draft to the monthly checklist, by the commands that a newcomer types."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from ai_ops.cli.main import assemble
from ai_ops_tests.package_tables import PackageTable, affairs, digits, temperature, visits

OWNERS = [
    word
    for domain, person in {
        "prediction_logging": "backend",
        "drift_monitoring": "data-science",
        "retraining_pipeline": "data-science",
        "inference_management": "devops",
    }.items()
    for word in ("--owner", f"{domain}={person}@example.com")
]
ANSWERS = {
    "affairs": {
        "source.columns.label": "affair",
        "source.calendar.rows_a_day": "60",
        "ground_truth.mature_after_hours": "24",
    },
    "digits": {
        "source.columns.label": "digit",
        "ground_truth.kind": "classes",
        "source.calendar.rows_a_day": "20",
        "ground_truth.mature_after_hours": "24",
    },
    "temperature": {
        "source.columns.label": "next_temp",
        "source.columns.available_at": "known_at",
        "ground_truth.kind": "number",
    },
    "visits": {
        "judged.decision": "advice",
        "ground_truth.kind": "none",
        "source.calendar.order_column": "row",
        "source.calendar.rows_a_day": "150",
    },
}
"""What a person answers to the questions of the draft."""

KINDS = {"affairs": "binary", "digits": "classes", "temperature": "number", "visits": "none"}
MONTH_OVER = dict.fromkeys(KINDS, "2024-03-01T10:00:00Z") | {"temperature": "2013-08-01T10:00:00Z"}
"""When the last month that each log has wholly is judged."""
SYNTHETIC = ("affairs", "digits", "visits")


@dataclass(frozen=True)
class Told:
    """What the commands said about one table, from the draft to the lists."""

    table: PackageTable
    draft: dict[str, Any]
    checked: dict[str, Any]
    backfilled: dict[str, Any]
    verdicts: list[dict[str, Any]]
    monthly: dict[str, Any]

    def of(self, item: str) -> list[dict[str, Any]]:
        """The verdicts of one check or item, in the order of their partitions."""
        own = [verdict for verdict in self.verdicts if verdict["item"] == item]
        return sorted(own, key=lambda verdict: verdict["partition"])


def said(*arguments: str, ends: tuple[int, ...] = (0,)) -> dict[str, Any]:
    """What a command prints as JSON; ``ends`` are the exit codes that are well."""
    done = CliRunner().invoke(assemble(), [*arguments, "--json"])
    assert done.exit_code in ends, f"{arguments}: {done.exit_code}: {done.output[-3000:]}"
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Told]]:
    """All four, in one root: drafted, answered, checked, backfilled, judged."""
    home = tmp_path_factory.mktemp("own")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AI_OPS_DEFS", str(home / "defs"))
        patch.setenv("AI_OPS_ROOT", str(home / "root"))
        (home / "defs").mkdir()
        drafts = {}
        for make in (affairs, digits, temperature, visits):
            table = make(home)
            answers = [
                word
                for field, value in ANSWERS[table.name].items()
                for word in ("--answer", f"{field}={value}")
            ]
            begin = ["features", "init", table.name, "--from", str(table.file)]
            drafts[table] = said(*begin, "--to", str(home / "defs"), *OWNERS, *answers)
        yield {table.name: _through(table, draft) for table, draft in drafts.items()}


def _through(table: PackageTable, draft: dict[str, Any]) -> Told:
    checked = said("features", "check", draft["file"])
    monitoring = draft["guessed"]["monitoring.start"], draft["guessed"]["monitoring.end"]
    first, end = monitoring
    last = _before(end)
    backfilled = said("backfill", table.name, "--from", first, "--to", last, ends=(0, 1, 3))
    verdicts = said("verdicts", table.name, "--from", first, "--to", last)["verdicts"]
    monthly = said(
        "checklist",
        table.name,
        "--cadence",
        "monthly",
        "--as-of",
        MONTH_OVER[table.name],
        ends=(1, 3),
    )
    return Told(table, draft, checked, backfilled, verdicts, monthly)


def _before(day: str) -> str:
    return (date.fromisoformat(day) - timedelta(days=1)).isoformat()


@pytest.mark.requirement("ST-01")
@pytest.mark.parametrize("name", KINDS)
def test_a_table_becomes_a_feature_from_its_draft_to_the_monthly_checklist(
    tables: Mapping[str, Told], name: str
) -> None:
    told = tables[name]
    assert told.draft["questions"] == []
    assert told.draft["guessed"]["ground_truth.kind"] == KINDS[name]
    (checked,) = told.checked["features"]
    assert checked["mistakes"] == []
    assert told.backfilled["failures"] == []
    days = told.backfilled["judged"][f"{name}__daily"]
    for check in ("log_written", "schema_conforms", "input_drift", "output_drift", "cost_known"):
        assert len(told.of(check)) == days, check
    lists = {verdict["item"] for verdict in told.verdicts}
    assert {"drift_reviewed", "logs_written", "retraining_verified", "log_audited"} <= lists
    items = {item["id"]: item for item in told.monthly["items"]}
    assert len(items) == 4
    assert all(item["owner"] for item in items.values())
    reviewed = items["thresholds_reviewed"]
    assert reviewed["status"] == "fail", reviewed
    assert "nobody has reviewed the thresholds of drift since" in reviewed["reason"]
    assert items["log_audited"]["status"] == "no_evidence"
    assert "completeness is unprovable" in items["log_audited"]["reason"]
    expected = "no_evidence" if name == "visits" else "pass"
    assert items["accuracy_on_held_out"]["status"] == expected, items["accuracy_on_held_out"]


@pytest.mark.parametrize("name", KINDS)
def test_each_row_is_read_once_and_nobody_says_that_none_is_missing(
    tables: Mapping[str, Told], name: str
) -> None:
    told = tables[name]
    written = told.of("log_written")
    assert {verdict["status"] for verdict in written} == {"pass"}
    monitored = sum(verdict["sample_size"] for verdict in written)
    assert 0 < monitored < told.table.rows, "the first weeks are the reference"
    for check in ("log_complete", "logs_written"):
        for verdict in told.of(check):
            assert verdict["status"] == "no_evidence"
            assert "completeness is unprovable" in verdict["reason"]


@pytest.mark.requirement("FQ-11")
@pytest.mark.parametrize("name", KINDS)
def test_what_others_train_is_waived_with_the_reason(tables: Mapping[str, Told], name: str) -> None:
    for verdict in tables[name].of("retraining_verified"):
        assert verdict["status"] == "waived"
        assert "somebody else trains the model" in verdict["reason"]


@pytest.mark.parametrize("name", KINDS)
def test_every_verdict_mentions_a_calendar_that_is_synthetic(
    tables: Mapping[str, Told], name: str
) -> None:
    told = tables[name]
    synthetic = name in SYNTHETIC
    for verdict in told.verdicts:
        assert ("synthetic calendar" in verdict["reason"]) == synthetic, verdict
    for item in told.monthly["items"]:
        assert ("synthetic calendar" in item["reason"]) == synthetic, item


@pytest.mark.requirement("MO-03")
@pytest.mark.parametrize("name", ["affairs", "digits", "temperature"])
def test_its_accuracy_is_judged_on_its_labels(tables: Mapping[str, Told], name: str) -> None:
    judged = [v for v in tables[name].of("accuracy") if v["status"] != "no_evidence"]
    assert len(judged) >= 20
    metric = {"affairs": "auc", "digits": "accuracy", "temperature": "mae"}[name]
    last = judged[-1]
    assert metric in last["observed"] and last["sample_size"] >= 70, last


def test_without_labels_nothing_is_said_about_accuracy(tables: Mapping[str, Told]) -> None:
    told = tables["visits"]
    assert told.of("accuracy") == []
    held_out = {item["id"]: item for item in told.monthly["items"]}["accuracy_on_held_out"]
    assert held_out["status"] == "no_evidence"
    assert "nobody ever learns the correct answers" in held_out["reason"]


def test_an_order_that_four_restless_weeks_let_expect_is_no_drift_and_is_told(
    tables: Mapping[str, Told],
) -> None:
    """The experiment's rows stand by the place and the plan of their families: its weeks differ."""
    judged = [v for v in tables["visits"].of("input_drift") if v["status"] != "no_evidence"]
    assert len(judged) >= 20
    assert {verdict["status"] for verdict in judged} == {"pass"}
    assert max(verdict["observed"]["max_ratio"] for verdict in judged) > 0.5
    for verdict in judged:
        beyond = verdict["observed"]["max_ratio"] >= 1
        assert ("not sustained" if beyond else "comes nearest") in verdict["reason"]
