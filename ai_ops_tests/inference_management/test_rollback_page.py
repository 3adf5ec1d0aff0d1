"""The page for an emergency, the drill's commands and the command line say the same."""

import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import ai_ops
from ai_ops.cli.main import assemble
from ai_ops.inference_management.rollback_steps import STEPS, arguments, page

PAGE = Path(ai_ops.__file__).parents[1] / "docs" / "rollback.md"


@pytest.mark.requirement("PL-28")
def test_the_page_is_made_from_the_steps_that_the_drill_follows() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


@pytest.mark.requirement("PL-28")
def test_the_table_for_3_a_m_has_a_line_for_every_step_that_is_left_then() -> None:
    table = page().split("## At 3 a.m.")[1].split("\n\n")[1].splitlines()[2:]
    left = [one for one in STEPS if not one.only_drilled]
    assert len(table) == len(left)
    for number, (line, one) in enumerate(zip(table, left, strict=True), 1):
        assert line.startswith(f"| {number} | {one.title} | `{one.command}` |")


@pytest.mark.requirement("PL-31")
@pytest.mark.parametrize("command", [*(one.command for one in STEPS), "ai-ops drill rollback"])
def test_every_command_of_the_page_exists_with_its_options(command: str) -> None:
    words = command.split()[1:]
    app: typer.Typer = assemble(words[0])
    path = ["drill", "rollback"] if words[0] == "drill" else words[:1]
    shown = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    options = set(re.findall(r"--[a-z-]+", shown.output))
    assert {word for word in words if word.startswith("--")} <= options
    if words[0] == "drill":
        assert set(re.findall(r"drill rollback FEATURE.* (--[a-z]+)", page())) <= options


def test_what_stands_for_its_capital_words_is_one_argument_each() -> None:
    given = arguments("roll_back", FEATURE="tiny", PERSON="a@example.com", WHY="it got worse")
    assert given == ["rollback", "tiny", "--by", "a@example.com", "--reason", "it got worse"]
