"""An asset says where to read on, and which command shows the same: both are there."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import typer

import ai_ops
from ai_ops.cli.main import assemble
from ai_ops.definitions import defs
from ai_ops.orchestration.reading_on import READ_ON

CHECKOUT = Path(ai_ops.__file__).parents[1]


@pytest.fixture(scope="module")
def loaded() -> dg.Definitions:
    return defs()


@pytest.mark.requirement("ST-01")
def test_every_asset_names_a_page_and_a_command(loaded: dg.Definitions) -> None:
    graph = loaded.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        metadata = graph.get(key).metadata
        assert metadata["command"].value.startswith("ai-ops "), key
        assert metadata["read_on"].value == READ_ON[key.path[-1]][0]


def test_every_page_is_there() -> None:
    assert [page for page, _ in READ_ON.values() if not (CHECKOUT / page).exists()] == []


def test_every_command_is_one() -> None:
    root: Any = typer.main.get_command(assemble())
    for _, words in READ_ON.values():
        command = root
        for word in words.partition(" {feature}")[0].split():
            command = command.commands[word]
        options = {name for one in command.params for name in one.opts}
        assert {word for word in words.split() if word.startswith("--")} <= options, words


@pytest.mark.requirement("OW-01", "OW-12")
def test_every_job_has_an_owner_and_says_what_it_is_for(loaded: dg.Definitions) -> None:
    for job in loaded.get_repository_def().get_all_jobs():
        if "ASSET" not in job.name:
            assert job.owners, job.name
            assert len(job.description or "") > 40, job.name


@pytest.mark.requirement("ST-01")
@pytest.mark.parametrize(
    ("job", "needed"),
    [
        ("evaluate_version", set()),
        ("retrain", set()),
        ("answer_incident", set()),
        ("test_load", set()),
        ("drill_rollback", set()),
        ("roll_back", {"token"}),
        ("decide", {"token"}),
    ],
)
def test_a_job_that_a_person_launches_needs_nothing_but_what_that_person_signed(
    loaded: dg.Definitions, job: str, needed: set[str]
) -> None:
    made = loaded.resolve_job_def(f"flight_delay__{job}")
    fields = {
        name: field
        for op in made.nodes
        if (schema := op.definition.config_schema)
        for name, field in getattr(schema.config_type, "fields", {}).items()
    }
    assert {name for name, field in fields.items() if field.is_required} == needed
    assert all(field.description for field in fields.values())
