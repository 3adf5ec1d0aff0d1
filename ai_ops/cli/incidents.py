"""``ai-ops incidents``: the alerts that are being answered, and what people found them to be."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist.believed import believed_standing
from ai_ops.cli.common import (
    DEFAULT_ROOT,
    FeatureArgument,
    JsonOption,
    RootOption,
    open_root,
    plain,
    print_json,
    resolve_feature,
    told,
)
from ai_ops.cli.deciding import ByOption, TokenOption, decide
from ai_ops.cli.incident_evidence import contradiction, evidence_lines, evidence_of
from ai_ops.cli.incident_playbook import STRUCTURED, news_of, playbook_lines
from ai_ops.playbook.describing import steps_of
from ai_ops.storage.ageing import waiting_of
from ai_ops.storage.authority import ANSWERED_BY
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Incident, standing_of
from ai_ops.vocabulary.alerts import alerts_of
from ai_ops.vocabulary.errors import BadInput

app = typer.Typer(no_args_is_help=True)

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="As drift-2021-03-04.")]
NoteOption = Annotated[str | None, typer.Option("--note", help="What was found.")]


@app.callback()
def incidents() -> None:
    """The alerts that are being answered."""


@app.command("list")
@told
def list_incidents(
    feature: FeatureArgument, root: RootOption = DEFAULT_ROOT, as_json: JsonOption = False
) -> None:
    """List the incidents of a feature, with what each one forbids."""
    spec, opened = resolve_feature(feature), open_root(root)
    found = standing_of(opened.ledger, spec.name).incidents
    since = under_performing(opened, spec)
    if as_json:
        told = [as_data(spec, one, since) for one in found]
        print_json({"feature": spec.name, "incidents": told})
        return
    if not found:
        typer.echo(f"{spec.name}: no incident was ever opened")
        return
    table = Table("incident", "state", "reason", title=f"{spec.name}: incidents")
    table.columns[0].no_wrap = True  # it is what the other commands take
    table.columns[1].overflow = "fold"
    for one in found:
        forbids = "\nforbids promotion" if one.forbids_promotion else ""
        if one.id in since:
            forbids += f"\nhas counted as under-performing since {since[one.id]}"
        table.add_row(
            f"{one.id}\n{escape(one.severity)}",
            f"{_state(one)}\n{_owner(spec, one)}{forbids}",
            "\n".join(escape(plain(words)) for words in news_of(one)),
        )
    Console().print(table)


@app.command()
@told
def show(
    feature: FeatureArgument,
    id: IdArgument,
    root: RootOption = DEFAULT_ROOT,
    as_json: JsonOption = False,
) -> None:
    """Show one incident: what alerted, what speaks for which cause, who answered, what was
    concluded."""
    spec, opened = resolve_feature(feature), open_root(root)
    found = _found(opened, spec, id)
    shown = as_data(spec, found, under_performing(opened, spec))
    evidence = evidence_of(opened, spec, found)
    if as_json:
        print_json(shown | evidence)
        return
    console = Console()
    words = {name: value for name, value in evidence.items() if name != "evidence"}
    for name, value in (shown | words).items():
        if name not in STRUCTURED:
            console.print(f"{name}: {_words(value)}", markup=False, highlight=False)
    for line in playbook_lines(found, opened.clock.now()):
        console.print(plain(line), markup=False, highlight=False, soft_wrap=True)
    for line in evidence_lines(evidence):
        console.print(plain(line), markup=False, highlight=False, soft_wrap=True)


@app.command()
@told
def acknowledge(
    feature: FeatureArgument,
    id: IdArgument,
    by: ByOption = None,
    token: TokenOption = None,
    root: RootOption = DEFAULT_ROOT,
) -> None:
    """Say that somebody is looking at it, by the owner of what alerted."""
    _answer(root, feature, "incident_acknowledged", id, {}, by, token)


@app.command()
@told
def conclude(
    feature: FeatureArgument,
    id: IdArgument,
    conclusion: Annotated[
        str | None,
        typer.Option("--as", help="bad_data, genuine_shift, false_alarm or other."),
    ] = None,
    note: NoteOption = None,
    by: ByOption = None,
    token: TokenOption = None,
    root: RootOption = DEFAULT_ROOT,
) -> None:
    """Say what it is, by the owner of what alerted; bad_data forbids promotion until resolved."""
    given = {"conclusion": conclusion, "note": note}
    _answer(root, feature, "incident_concluded", id, given, by, token)
    if against := contradiction(_found(open_root(root), resolve_feature(feature), id)):
        typer.echo(f"{id}: {against}", err=True)


@app.command()
@told
def answer(
    feature: FeatureArgument,
    id: IdArgument,
    question: Annotated[
        str, typer.Argument(metavar="QUESTION", help="Its name, as ai-ops incidents show has it.")
    ],
    answer: Annotated[
        str | None, typer.Option("--as", help="One of the answers that the question takes.")
    ] = None,
    note: NoteOption = None,
    by: ByOption = None,
    token: TokenOption = None,
    root: RootOption = DEFAULT_ROOT,
) -> None:
    """Answer what the playbook of an incident asks, by the owner of the question's domain."""
    given = {"question": question, "answer": answer, "note": note}
    _answer(root, feature, "incident_answered", id, given, by, token)


@app.command()
@told
def resolve(
    feature: FeatureArgument,
    id: IdArgument,
    note: NoteOption = None,
    by: ByOption = None,
    token: TokenOption = None,
    root: RootOption = DEFAULT_ROOT,
) -> None:
    """Say that a concluded incident is over, by the owner of what alerted."""
    _answer(root, feature, "incident_resolved", id, {"note": note}, by, token)


def under_performing(root: Root, spec: AiFeatureSpec) -> dict[str, str]:
    """The incidents of drift that were left alone for so long that the model counts as one that
    has under-performed, each since when; by what was signed."""
    standing, _ = believed_standing(root, spec, root.clock.now())
    drifts = [one for one in standing.open_incidents if "drift" in one.alerts]
    items = {about.item for one in drifts for about in one.about}
    alerts = [
        alert
        for item in sorted(items)
        for alert in alerts_of(
            item, {v.partition or "": v for v in root.ledger.verdicts(spec.name, items=[item])}
        )
    ]
    waiting = waiting_of(spec, standing, root.clock.now(), alerts)
    return {one.incident.id: one.since for one in waiting if one.neglected}


def as_data(spec: AiFeatureSpec, incident: Incident, since: Mapping[str, str]) -> dict[str, Any]:
    """An incident as JSON-ready data: what the ledger holds of it, who answers for it, and
    ``since`` when it counts as an under-performing model."""
    return {
        **_ready(asdict(incident)),
        "playbook": steps_of(incident),
        "owner": _owner(spec, incident),
        "forbids_promotion": incident.forbids_promotion,
        "contradiction": contradiction(incident),
        "under_performing_since": since.get(incident.id),
    }


def _ready(value: Any) -> Any:
    """A record's data with its times as text, however deep they lie."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {name: _ready(one) for name, one in value.items()}
    return [_ready(one) for one in value] if isinstance(value, list | tuple) else value


def _answer(
    root: Any,
    feature: str,
    kind: Any,
    id: str,
    given: dict[str, str | None],
    by: str | None,
    token: str | None,
) -> None:
    spec, opened = resolve_feature(feature), open_root(root)
    _found(opened, spec, id)
    decide(opened, spec, kind, {"incident": id, **given}, by=by, token=token)


def _found(root: Root, spec: AiFeatureSpec, id: str) -> Incident:
    standing = standing_of(root.ledger, spec.name)
    found = standing.incident(id)
    if found is None:
        known = ", ".join(one.id for one in standing.incidents) or "none"
        raise BadInput(f"{id}: no such incident of {spec.name}; there are: {known}")
    return found


def _words(value: Any) -> str:
    """A field of an incident for a person.

    >>> _words(()), _words(None), _words(True), _words(["looked", "mended"])
    ('–', '–', 'yes', '\\n  looked\\n  mended')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return "".join(f"\n  {plain(one)}" for one in value) or "–"
    return plain(value) if value else "–"


def _owner(spec: AiFeatureSpec, incident: Incident) -> str:
    return spec.owner_of(ANSWERED_BY[incident.alert]).accountable


def _state(incident: Incident) -> str:
    if incident.conclusion is None:
        return incident.state
    return f"{incident.state}: {incident.conclusion}"
