"""``ai-ops labels``: hand out the predictions most worth a label, and take the labels back."""

from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.table import Table

from ai_ops.accuracy_evaluation.label_forms import write_form
from ai_ops.accuracy_evaluation.label_import import Import, import_labels
from ai_ops.accuracy_evaluation.label_queue import Export, hand_out, keep_handout
from ai_ops.ai_features.parts import Email
from ai_ops.cli.common import (
    DEFAULT_ROOT,
    FAILS,
    FeatureArgument,
    JsonOption,
    RootOption,
    open_root,
    parse_day,
    plain,
    print_json,
    resolve_feature,
    shown,
    span,
    told,
)
from ai_ops.vocabulary.counts import plural, told_of
from ai_ops.vocabulary.errors import BadInput

DAYS = 28
ROWS = 100
SHOWN = 20
HOW: Final[dict[str, str]] = {
    "drawn": "drawn by chance",
    "stratum": "for strata that lack labels",
    "doubt": "by doubt",
}

app = typer.Typer(no_args_is_help=True)


@app.callback()
def labels() -> None:
    """Labels that people give."""


@app.command()
@told
def export(
    feature: FeatureArgument,
    rows: Annotated[int, typer.Option("--rows", min=1, help="At most so many.")] = ROWS,
    day: Annotated[
        str | None, typer.Option("--day", metavar="DAY", help="Predictions of one UTC day.")
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="First UTC day.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="DAY", help="Last UTC day, included.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="The form: .csv or .parquet.", show_default=False)
    ] = None,
    blind: Annotated[
        bool,
        typer.Option(
            "--blind/--with-answers", help="Whether the form hides what the model answered."
        ),
    ] = True,
    root: RootOption = DEFAULT_ROOT,
    as_json: JsonOption = False,
) -> None:
    """Write a form with the predictions most worth a label (of the last 28 days, if none are
    named), to be filled in and given to `ai-ops labels import`.

    Half of them are drawn by chance and may speak for the accuracy; a quarter come from strata that
    lack labels, the rest is what the model was least sure of. Which row came in how, and with which
    probability, is recorded in the lake and not shown to whoever labels.

    Ends with 3 when no prediction of those days lacks its label.
    """
    spec, opened = resolve_feature(feature), open_root(root)
    if day is not None and (first is not None or last is not None):
        raise BadInput("--day: name one day, or --from and --to; leave one out")
    if day is not None:
        parse_day(day, "--day")  # the error names the option that was given
    yesterday = opened.clock.now().date() - timedelta(days=1)
    end = day or last or yesterday.isoformat()
    begin = day or first or (span(end, end).start.date() - timedelta(days=DAYS - 1)).isoformat()
    window = span(begin, end)
    path = out or Path(f"{spec.name}-labels-{begin}-{end}.csv")
    handout = hand_out(opened, spec, window, rows, blind=blind)
    digest = write_form(path, handout.form)
    keep_handout(opened, handout)
    done = handout.export
    if as_json:
        told_ = asdict(done) | {"exported_at": done.exported_at.isoformat()}
        print_json(told_ | {"file": str(path), "file_digest": digest})
    else:
        _print_export(done, path)


@app.command("import")
@told
def import_(
    feature: FeatureArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The form, filled in.")],
    by: Annotated[str, typer.Option("--by", metavar="EMAIL", help="Who labelled.")],
    root: RootOption = DEFAULT_ROOT,
    as_json: JsonOption = False,
) -> None:
    """Take the labels of a form: known from now on, as any other label.

    A line that cannot be taken goes to the quarantine with its reason, and is named. The same form
    once more changes nothing. Ends with 1 when a line was not taken.
    """
    spec, opened = resolve_feature(feature), open_root(root)
    try:
        person = TypeAdapter(Email).validate_python(by)
    except ValidationError:
        raise BadInput(
            f"--by: write a person's mail address, as ann@example.com (found {by!r})"
        ) from None
    done = import_labels(opened, spec, file, person)
    if as_json:
        print_json(done.as_data())
    else:
        _print_import(done)
    if done.quarantined:
        raise typer.Exit(FAILS)


def _print_export(done: Export, path: Path) -> None:
    picked = ", ".join(f"{count} {HOW[how]}" for how, count in sorted(done.picked.items()))
    lines = [
        f"{path}: {plural(done.rows, 'row')} to label of {done.unlabelled:,} without a label, "
        f"{done.first_day} to {done.last_day} ({picked})",
        f"each of {done.predictions:,} predictions was drawn with probability "
        f"{done.probability or 0:.4f}; export {done.export}",
    ]
    if done.drawn_before:
        who = told_of(done.drawn_before, "row", "belongs", "belong")
        lines.append(f"{who} to the drawn sample now that came in otherwise before")
    if done.problem:
        lines.append(f"the labels' source could not be read: {done.problem}")
    for line in lines:
        typer.echo(plain(line))


def _print_import(done: Import) -> None:
    typer.echo(
        plain(
            f"{done.file}: {plural(done.lines, 'line')}, {done.taken:,} taken, "
            f"{done.already:,} known already, {done.repeated:,} repeated, {done.open:,} without a "
            f"label yet, {len(done.quarantined):,} quarantined"
        )
    )
    if done.taken:
        told_ = ", ".join(f"{label}: {count:,}" for label, count in done.labels.items())
        typer.echo(plain(f"by {done.labelled_by}: {told_}"))
    if done.unheard:
        told_ = ", ".join(f"{label}: {count:,}" for label, count in done.unheard.items())
        typer.echo(plain(f"no answer is ever called so, new or misspelt: {told_}"))
    if done.drawn_open:
        typer.echo(
            f"{told_of(done.drawn_open, 'drawn row', 'lacks', 'lack')} a label still: until they "
            "have it, the accuracy is that of the rows that were easy to label"
        )
    if done.problem:
        typer.echo(plain(f"the labels' source could not be read: {done.problem}"))
    if not done.quarantined:
        return
    table = Table(header_style="bold")
    for name in ("line", "id", "label", "why it was not taken"):
        table.add_column(name, overflow="fold")
    for one in done.quarantined[:SHOWN]:
        table.add_row(*map(shown, (one.line, one.id or "–", one.label or "–", one.reason)))
    Console().print(table)
    if (more := len(done.quarantined) - SHOWN) > 0:
        typer.echo(f"and {plural(more, 'line')} more: --json names all")
