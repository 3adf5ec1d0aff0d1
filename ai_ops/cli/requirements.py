"""``ai-ops requirements``: what the project must do, and which tests, checks, assets carry it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ai_ops.checklist.requirements import Requirement, chosen, load_requirements
from ai_ops.cli.common import DONE, FAILS, JsonOption, print_json, told
from ai_ops.cli.requirement_tests import carrying_tests, not_passing, outcomes_in, run_tests
from ai_ops.vocabulary.errors import BadInput

CHECKOUT = Path(__file__).parents[2]
TESTS = "ai_ops_tests"


@told
def requirements(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Only these; default: all.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="End with 1 if one of the IDs has no passing test.")
    ] = False,
    results: Annotated[
        list[Path] | None,
        typer.Option(
            help="What `pytest --junitxml` wrote (several times: of several runs); without it the "
            "tests are run."
        ),
    ] = None,
    tests: Annotated[
        Path | None, typer.Option(help="Folder of the tests; default: the checkout's.")
    ] = None,
    json_: JsonOption = False,
) -> None:
    """List the requirements with the tests, checks and assets that carry each one.

    Ends with 0, with 1 if a strict id has no passing test, with 2 if an id is unknown.
    """
    known = load_requirements()
    shown = chosen(known, ids) if ids else known
    if strict and not ids:
        raise BadInput("--strict: name the ids that must have a passing test, as --strict PL-04")
    if results and not strict:
        raise BadInput("--results: is read for --strict only; add --strict and the ids")
    folder = _tests_folder(tests)
    carried = carrying_tests(folder)
    if json_:
        print_json([as_data(one, carried) for one in shown])
    elif not strict:
        _print(shown, carried)
    if strict:
        raise typer.Exit(_held(shown, carried, folder, results or ()))


def as_data(requirement: Requirement, carried: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """One requirement as JSON-ready data."""
    return {
        "id": requirement.id,
        "text": requirement.text,
        "tests": list(carried.get(requirement.id, ())),
        "checks": list(requirement.checks),
        "assets": list(requirement.assets),
    }


def _tests_folder(named: Path | None) -> Path:
    """The folder of the tests; an installed package has none, and then nothing carries anything."""
    if named is None and not (CHECKOUT / "pyproject.toml").is_file():
        raise BadInput(
            f"the tests are read from their source, and {CHECKOUT} is no checkout of the project: "
            f"name its folder with --tests .../{TESTS}"
        )
    folder = named or CHECKOUT / TESTS
    if not folder.is_dir():
        raise BadInput(f"--tests: {folder} is no folder; name the one that holds the tests")
    return folder.absolute()


def _held(
    claimed: Sequence[Requirement],
    carried: Mapping[str, Sequence[str]],
    folder: Path,
    results: Sequence[Path],
) -> int:
    nodes = sorted({node for one in claimed for node in carried.get(one.id, ())})
    outcomes = run_tests(folder, nodes) if not results else {}
    for file in results:
        outcomes |= outcomes_in(file)
    broken = {}
    for one in claimed:
        own = carried.get(one.id, ())
        lost = not_passing(own, outcomes)
        if len(lost) == len(own):  # none passes, or there is none
            broken[one.id] = "; ".join(f"{node} {how}" for node, how in lost.items())
    for id, reasons in broken.items():
        typer.echo(f"{id}: no passing test: {reasons or 'no test names it'}", err=True)
    typer.echo(
        f"{len(claimed) - len(broken)} of {len(claimed)} claimed requirements have a passing test",
        err=True,
    )
    return FAILS if broken else DONE


def _print(shown: Sequence[Requirement], carried: Mapping[str, Sequence[str]]) -> None:
    table = Table("id", "requirement", "tests", "checks", "assets", header_style="bold")
    for one in shown:
        tests = len(carried.get(one.id, ()))
        table.add_row(
            one.id,
            escape(one.text),
            str(tests) if tests else "[red]gap[/red]",
            escape(", ".join(one.checks)) or "–",
            escape(", ".join(one.assets)) or "–",
        )
    console = Console()
    console.print(table)
    count = sum(one.id in carried for one in shown)
    console.print(f"{count} of {len(shown)} carried by a test, {len(shown) - count} gaps")
