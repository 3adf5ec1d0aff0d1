"""What every command shares: where the root is, which feature is meant, how an end is told."""

import functools
import json
import os
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, Final, ParamSpec, TypeVar

import typer
from rich.markup import escape

from ai_ops.ai_features import AiFeatureSpec, find_features, load_feature
from ai_ops.ai_features.loader import further_folders
from ai_ops.storage.root import Root
from ai_ops.vocabulary.clock import utc
from ai_ops.vocabulary.errors import AiOpsError, BadInput, MissingEvidence, MissingExtra
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import Status

DONE: Final = 0
FAILS: Final = 1
BAD: Final = 2
NO_EVIDENCE: Final = 3

DEFS = Path(__file__).parents[1] / "defs"
"""Where the AI features of this project are declared, one folder each."""

RootOption = Annotated[
    Path, typer.Option("--root", envvar="AI_OPS_ROOT", help="Folder of the installation's state.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
FeatureArgument = Annotated[str, typer.Argument(help="Name of the AI feature.")]

DEFAULT_ROOT = Path("data")

P = ParamSpec("P")
R = TypeVar("R")


def told(command: Callable[P, R]) -> Callable[P, R]:
    """A command whose errors end it with one message on stderr and the exit code they stand for.

    ``BadInput`` and ``MissingExtra`` end with 2, ``MissingEvidence`` with 3, every other
    ``AiOpsError`` (a broken ledger, a refused clock) with 1. Any other exception is a bug and
    keeps its traceback.
    """

    @functools.wraps(command)
    def telling(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except AiOpsError as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(exit_code(error)) from None

    return telling


def exit_code(error: AiOpsError) -> int:
    """The exit code that an error stands for.

    >>> exit_code(BadInput("a misspelt name")), exit_code(MissingEvidence("no labels"))
    (2, 3)
    """
    match error:
        case BadInput() | MissingExtra():
            return BAD
        case MissingEvidence():
            return NO_EVIDENCE
        case _:
            return FAILS


def features_below(defs: Path = DEFS) -> dict[str, Path]:
    """The YAML files of the AI features: of the project those in ``AI_OPS_DEFS`` as well."""
    folders = [defs, *further_folders(os.environ)] if defs == DEFS else [defs]
    files: dict[str, Path] = {}
    for folder in folders:
        for name, file in find_features(folder).items():
            if name in files:
                raise BadInput(f"{file}: {files[name]} has this name already; rename one of them")
            files[name] = file
    return files


def resolve_feature(name: str, defs: Path = DEFS) -> AiFeatureSpec:
    """The AI feature of that name; ``BadInput`` says which there are."""
    files = features_below(defs)
    if name not in files:
        known = ", ".join(files) or f"none, write {defs}/<name>/defs.yaml"
        raise BadInput(f"{name}: no such AI feature; there are: {known}")
    feature = load_feature(files[name])
    if feature.name != name:
        raise BadInput(
            f"{files[name]}: name: {feature.name} is not its folder's name; make them equal"
        )
    return feature


def open_root(folder: Path) -> Root:
    """The root in a folder that exists; ``BadInput`` otherwise: reading never makes a new root."""
    if not folder.is_dir():
        raise BadInput(f"--root: {folder.absolute()} is no folder; name one, or set AI_OPS_ROOT")
    return Root.open(folder)


def parse_day(text: str, option: str) -> date:
    """The day that an option names; ``BadInput`` names the option.

    >>> parse_day("2021-03-04", "--from").isoformat()
    '2021-03-04'
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{option}: write a day as YYYY-MM-DD (found {text!r})") from None


def write_file(file: Path, content: bytes, option: str) -> None:
    """Write what an option asks for; ``BadInput`` names the option where that cannot be."""
    try:
        file.write_bytes(content)
    except OSError as error:
        raise BadInput(f"{option}: {file} cannot be written: {error.strerror}") from None


def parse_moment(text: str, option: str) -> datetime:
    """The moment that an option names, in UTC; ``BadInput`` names the option.

    >>> parse_moment("2021-03-04T05:00:00+01:00", "--as-of").isoformat()
    '2021-03-04T04:00:00+00:00'
    """
    try:
        return utc(text)
    except ValueError as error:
        raise BadInput(
            f"{option}: write ISO 8601 with its zone, as 2021-03-04T05:00:00Z ({error})"
        ) from None


def span(first: str, last: str) -> Window:
    """The UTC days from ``--from`` to ``--to``, both included; ``BadInput`` if they are swapped.

    >>> list(span("2021-03-04", "2021-03-05").days())
    ['2021-03-04', '2021-03-05']
    """
    start, end = parse_day(first, "--from"), parse_day(last, "--to")
    if end < start:
        raise BadInput(f"--to: {end} lies before --from {start}; swap them")
    return Window(Window.of_day(start).start, Window.of_day(end).end)


def coloured(status: Status) -> str:
    """A status as the tables show it.

    >>> coloured("pass")
    '[green]pass[/green]'
    """
    colours: dict[Status, str] = {
        "pass": "green",
        "fail": "red",
        "no_evidence": "yellow",
        "waived": "cyan",
    }
    return f"[{colours[status]}]{status}[/{colours[status]}]"


def plain(text: object) -> str:
    """What somebody else wrote, without the codes that a terminal would obey.

    >>> plain("x" + chr(27) + "[2J")
    'x\\\\x1b[2J'
    """
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in str(text))


def shown(text: object) -> str:
    """The same for a table or a page: no markup in it counts.

    >>> shown("[red]x")
    '\\\\[red]x'
    """
    return escape(plain(text))


def print_json(data: Any) -> None:
    """Print one JSON value; a NaN is refused, for JSON has none."""
    typer.echo(json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False))
