"""``ai-ops drift thresholds``: what is in force, what is proposed, and what a person decides."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.cli.common import (
    DEFAULT_ROOT,
    FeatureArgument,
    JsonOption,
    RootOption,
    open_root,
    plain,
    print_json,
    resolve_feature,
    shown,
    told,
    write_file,
)
from ai_ops.cli.deciding import ByOption, ReasonOption, TokenOption, decide
from ai_ops.drift_monitoring.allowances import threshold_changes
from ai_ops.drift_monitoring.threshold_days import ThresholdDays
from ai_ops.drift_monitoring.threshold_deciding import days_of, decision_of, factors_in
from ai_ops.drift_monitoring.threshold_picture import draw_thresholds
from ai_ops.drift_monitoring.thresholds import back_test_as_data, newest_month
from ai_ops.storage.decisions import read_token
from ai_ops.storage.root import Root
from ai_ops.storage.threshold_changes import allowances_wrong
from ai_ops.storage.threshold_proposals import ASSET, proposal_path
from ai_ops.vocabulary.errors import BadInput, DecisionRefused, MissingEvidence


@told
def thresholds(
    feature: FeatureArgument,
    month: Annotated[
        str | None,
        typer.Option("--month", metavar="YYYY-MM", help="Default: the one proposed for last."),
    ] = None,
    approve: Annotated[
        bool, typer.Option("--approve", help="Put the proposal in force, or what --set says.")
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the thresholds as they are.")] = False,
    factors: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="COLUMN=FACTOR", help="A factor of your own; repeat it."),
    ] = None,
    picture: Annotated[
        Path | None, typer.Option("--picture", metavar="FILE", help="Write the picture as PNG.")
    ] = None,
    reason: ReasonOption = None,
    by: ByOption = None,
    token: TokenOption = None,
    root: RootOption = DEFAULT_ROOT,
    as_json: JsonOption = False,
) -> None:
    """Show the factors on the thresholds of drift with their history, what the month's alerts
    propose, and the back-test of it; with --approve or --keep, decide on it, signed."""
    spec, opened = resolve_feature(feature), open_root(root)
    if approve and keep:
        raise BadInput("--keep: either approve what is proposed or keep what is in force")
    partition = _month(opened, spec, month)
    own = ",".join(factors or [])
    decision = "approve" if approve else "keep" if keep else None
    if decision is None and token is not None:
        raise BadInput("--token: say what it decides: --approve or --keep")
    days = days_of(opened, spec, partition)
    data = proposal_shown(opened, spec, partition, days, own, decision)
    tried = {"before": data["in_force"], "after": data["would_be"]}
    if decision is None and (wrong := allowances_wrong(tried, spec)):
        raise BadInput(f"--set: {wrong.removeprefix('after: ')}")
    if picture is not None:
        write_file(picture, _picture(spec, days, data), "--picture")
    if as_json and decision is None:
        print_json(data)
    elif token is None:
        _print(data)
    if decision is not None:
        given = {"decision": decision, "month": partition, "reason": reason}
        if token is None:
            given["set"] = own or None
        else:
            _say(days, token)
        decide(opened, spec, "threshold_change", given, by=by, token=token)


def proposal_shown(
    root: Root,
    feature: AiFeatureSpec,
    month: str,
    days: ThresholdDays,
    own: str = "",
    decision: str | None = None,
) -> dict[str, Any]:
    """The stored proposal of a month with the history of decisions, and the back-test of what
    would be put in force, by what is known now."""
    stored, evidence = root.lake.read_json(proposal_path(root, feature.name, month))
    changes, void = threshold_changes(root, feature)
    asked = {"month": month, "set": own or None, "decision": decision}
    content = decision_of(root, feature, asked, days)
    tested = days.test(content["after"])
    return {
        **stored,
        "digest": evidence.digest,
        "in_force": days.in_force,
        "would_be": content["after"],
        "back_test": back_test_as_data(tested),
        "history": [
            {
                "at": one.at.isoformat(),
                "by": one.by,
                "decision": one.decision,
                "month": one.month,
                "version": one.version,
                "before": dict(one.before),
                "after": dict(one.after),
                "back_test": one.back_test,
                "reason": one.reason,
                "in_force": one.reference == days.reference and one is changes[-1],
            }
            for one in changes
        ],
        "void": [one.words for one in void],
    }


def _month(root: Root, feature: AiFeatureSpec, month: str | None) -> str:
    if month is not None:
        try:
            return (
                date.fromisoformat(f"{month}-01" if len(month) == 7 else month)
                .replace(day=1)
                .isoformat()
            )
        except ValueError:
            raise BadInput(f"--month: write a month as YYYY-MM (found {month!r})") from None
    newest = newest_month(root, feature.name)
    if newest is None:
        raise MissingEvidence(f"{feature.name}: nothing was proposed yet: materialise {ASSET}")
    return newest


def _say(days: ThresholdDays, token: str) -> None:
    """The back-test of what a token would put in force, before it is handed in."""
    try:
        factors = factors_in(read_token(token).content["after"])
    except (DecisionRefused, BadInput, KeyError, TypeError, ValueError):
        return  # whoever takes it refuses it, and records that
    typer.echo(days.test(factors).words)


def _picture(feature: AiFeatureSpec, days: ThresholdDays, data: dict[str, Any]) -> bytes:
    tested = days.test(data["would_be"])
    drawn = draw_thresholds(f"{feature.name}, {data['month'][:7]}: {tested.words}", tested)
    if drawn is None:
        raise MissingEvidence(f"{data['month'][:7]} has no alert: there is nothing to draw")
    return drawn


def _print(data: dict[str, Any]) -> None:
    console = Console()
    title = f"{data['feature']}: thresholds of drift, {data['month'][:7]}"
    columns = Table("column", "factor", "would be", "why", title=title)
    why = {one["column"]: one["reason"] for one in data["columns"]}
    for name in sorted({*why, *data["in_force"], *data["would_be"]}):
        now, then = data["in_force"].get(name, 1.0), data["would_be"].get(name, 1.0)
        style = "yellow" if now != then else None
        columns.add_row(shown(name), f"{now:g}", f"{then:g}", shown(why.get(name, "")), style=style)
    if columns.row_count:
        console.print(columns)
    else:
        console.print(f"{title}: every column has its own, and nothing is proposed", markup=False)
    _print_alerts(data["back_test"], console)
    days = data["days"]
    console.print(
        f"{data['back_test']['words']} (tested on {days['judged']} days, {days['first']} … "
        f"{days['last']}, against the reference of version {data['reference']['version']})",
        markup=False,
        soft_wrap=True,
    )
    for one in data["looks"]:
        console.print(f"a reason to look: {plain(one)}", markup=False, soft_wrap=True)
    for one in data["history"]:
        words = f"{one['at'][:10]} {one['by']} {one['decision']}: {one['reason']}"
        moved = f"{_factors(one['before'])} → {_factors(one['after'])}"
        console.print(f"{words}; {moved}", markup=False, soft_wrap=True)
    for words in data["void"]:
        console.print(f"no decision: {plain(words)}", markup=False, soft_wrap=True)


def _factors(factors: Mapping[str, float]) -> str:
    """Factors for a person.

    >>> _factors({"temp": 1.4, "fee": 1.25}), _factors({})
    ('temp × 1.4, fee × 1.25', 'no factor')
    """
    return ", ".join(f"{name} × {factor:g}" for name, factor in factors.items()) or "no factor"


def _print_alerts(tested: dict[str, Any], console: Console) -> None:
    table = Table("column", "days", "found to be", "with these")
    for word in ("vanished", "remaining", "appeared"):
        for one in tested[word]:
            days = f"{one['begin']} … {one['last']}"
            found = " ".join(filter(None, (one.get("fate", ""), one.get("incident", ""))))
            table.add_row(shown(one["column"]), days, shown(found), word)
    if table.row_count:
        console.print(table)
