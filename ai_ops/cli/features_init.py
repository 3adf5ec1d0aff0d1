"""``ai-ops features init``: the YAML of a new AI feature, drafted from its tables."""

import glob
import os
import re
import sys
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from ai_ops.ai_features.loader import DEFS_VARIABLE, FILE_NAME, further_folders
from ai_ops.cli.common import JsonOption, print_json, told
from ai_ops.storage.clocks import WallClock
from ai_ops.storage.files import replacing
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import BadInput, MissingExtra
from ai_ops.vocabulary.words import OwnedDomain, SourceKind

if TYPE_CHECKING:
    from ai_ops.ai_features.drafting import Draft, Tables

_NAME = r"[a-z][a-z0-9_]{0,62}"


@told
def init(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the new AI feature, as churn_risk.")],
    predictions: Annotated[
        str, typer.Option("--from", metavar="FILES", help="The log: Parquet or CSV, or a glob.")
    ],
    labels: Annotated[
        str | None, typer.Option(metavar="FILES", help="The correct answers, by prediction id.")
    ] = None,
    reference: Annotated[
        str | None, typer.Option(metavar="FILES", help="What is normal, as the training set.")
    ] = None,
    to: Annotated[
        Path | None, typer.Option(help="Folder of AI features; of AI_OPS_DEFS the first.")
    ] = None,
    owner: Annotated[
        list[str] | None, typer.Option(metavar="DOMAIN=MAIL", help="Who answers for a domain.")
    ] = None,
    answer: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD=VALUE", help="The answer to a question, as it names it."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Draft the YAML of an AI feature from a log that exists: what it cannot tell, it asks."""
    if context.args:
        raise BadInput(
            f"{context.args[0]}: one option, one pattern; quote it: --from 'folder/*.parquet'"
        )
    if not re.fullmatch(_NAME, name):
        raise BadInput(f"{name}: a name has small letters, digits and _, and begins with a letter")
    file = (to or _first_folder()) / name / FILE_NAME
    if file.exists():
        raise BadInput(f"{file}: exists already and is not touched; remove it, or name another")
    answers = _pairs("--answer", answer) | _owners(owner)
    with ExitStack() as stack:
        tables = _tables(stack, predictions, labels, reference)
        drafted = _draft(name, tables, answers)
        if not as_json and sys.stdin.isatty() and sys.stdout.isatty():
            drafted = _answered(name, tables, answers, drafted)
    try:
        with replacing(str(file.absolute())) as fresh:
            Path(fresh).write_text(drafted.text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"--to: {file} cannot be written ({error.strerror})") from error
    if as_json:
        print_json(
            {
                "file": str(file),
                "questions": [asdict(question) for question in drafted.questions],
                "guessed": dict(drafted.guessed),
                "left_out": [asdict(column) for column in drafted.left_out],
            }
        )
    else:
        _tell(file, drafted)


def _first_folder() -> Path:
    folders = further_folders(os.environ)
    return folders[0] if folders else Path("ai_features")


def _pairs(option: str, given: list[str] | None) -> dict[str, str]:
    pairs = {}
    for one in given or ():
        field, equal, value = one.partition("=")
        if not equal or not value:
            raise BadInput(f"{option}: write FIELD=VALUE (found {one!r})")
        pairs[field] = value
    return pairs


def _owners(given: list[str] | None) -> dict[str, str]:
    owners = _pairs("--owner", given)
    for domain in owners:
        if domain not in get_args(OwnedDomain):
            known = ", ".join(get_args(OwnedDomain))
            raise BadInput(f"--owner: {domain} is no domain; there are: {known}")
    return {f"owners.{domain}.accountable": mail for domain, mail in owners.items()}


def _tables(
    stack: ExitStack, predictions: str, labels: str | None, reference: str | None
) -> "Tables":
    try:
        from ai_ops.ai_features.drafting import Tables
        from ai_ops.storage.table_facts import TableFacts
        from ai_ops.storage.tables import tables_engine
    except ModuleNotFoundError as error:
        words = f"ai-ops features init needs {error.name}: pip install 'ai-ops[platform]'"
        raise MissingExtra(words) from error
    # Of its own, for a draft leaves nothing behind but itself.
    root = Root.open(stack.enter_context(TemporaryDirectory(prefix="ai_ops_")))
    engine = stack.enter_context(tables_engine(root))

    def opened(files: str, option: str) -> Any:
        return TableFacts.open(root, engine, files, option)

    files, label_files = _pattern(predictions), _pattern(labels) if labels else None
    reference_files = _pattern(reference) if reference else None
    return Tables(
        opened(files, "--from"),
        files,
        opened(label_files, "--labels") if label_files else None,
        label_files,
        opened(reference_files, "--reference") if reference_files else None,
        reference_files,
    )


def _pattern(given: str) -> str:
    """A file or glob as the YAML names it: absolute, and for a folder the tables in it."""
    if re.search(r"\.jsonl?(\.gz)?$", given):
        kinds = ", ".join(kind for kind in get_args(SourceKind) if kind != "table")
        raise BadInput(
            f"{given}: a draft is made from tables; of events write the YAML with source.kind: one "
            f"of {kinds} (docs/own_log.md)"
        )
    if "://" in given:
        return given
    pattern = os.path.abspath(given)
    if os.path.isdir(pattern):
        inner = glob.escape(pattern)
        for ending in ("*.parquet", "**/*.parquet", "*.csv"):
            if glob.glob(f"{inner}/{ending}", recursive=True):
                return f"{pattern}/{ending}"
    return pattern


def _draft(name: str, tables: "Tables", answers: dict[str, str]) -> "Draft":
    from ai_ops.ai_features.drafting import draft

    return draft(name, tables, answers, WallClock().now().date())


def _answered(name: str, tables: "Tables", answers: dict[str, str], drafted: "Draft") -> "Draft":
    """The draft after a person at the terminal was asked; an empty answer leaves it open."""
    asked: set[str] = set()
    typer.echo("An empty answer leaves a question open in the draft.")
    while waiting := [one for one in drafted.questions if one.field not in asked]:
        question = waiting[0]
        asked.add(question.field)
        known = f" [{', '.join(question.candidates)}]" if question.candidates else ""
        words = f"{question.question}{known}\n  {question.field}"
        answer = typer.prompt(words, default="", show_default=False)
        if not answer.strip():
            continue
        try:
            drafted = _draft(name, tables, {**answers, question.field: answer.strip()})
        except BadInput as error:
            typer.echo(str(error), err=True)
            asked.discard(question.field)
        else:
            answers[question.field] = answer.strip()
    return drafted


def _tell(file: Path, drafted: "Draft") -> None:
    typer.echo(f"{file}: drafted")
    for field, value in drafted.guessed.items():
        typer.echo(f"  {field}: {value}")
    for column in drafted.left_out:
        typer.echo(f"  left out: {column.column} {column.reason}")
    if drafted.questions:
        typer.echo("Questions that wait for an answer in it (or give them: --answer FIELD=VALUE):")
    for question in drafted.questions:
        known = f" ({', '.join(question.candidates)})" if question.candidates else ""
        typer.echo(f"  {question.field}: {question.question}{known}")
    folder = file.absolute().parents[1]
    if folder not in further_folders(os.environ):
        typer.echo(f"Then: export {DEFS_VARIABLE}={folder}")
    typer.echo(f"Then: ai-ops features check {file.parent}")
