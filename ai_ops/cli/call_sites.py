"""``ai-ops call-sites``: how each call site asks, and whether its owner signed that it should."""

from typing import Annotated, Any, get_args

import typer
from rich.console import Console
from rich.table import Table
from typer.core import TyperGroup

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.cli.common import (
    DEFAULT_ROOT,
    DONE,
    FAILS,
    NO_EVIDENCE,
    FeatureArgument,
    JsonOption,
    RootOption,
    open_root,
    plain,
    print_json,
    resolve_feature,
    shown,
    told,
)
from ai_ops.cli.deciding import ByOption, ReasonOption, TokenOption, decide
from ai_ops.inference_management.call_sites import CallSites, SiteMode, call_sites
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import BadInput
from ai_ops.vocabulary.words import Mode


class _ListsByDefault(TyperGroup):
    """``ai-ops call-sites FEATURE`` lists, without a word for it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The arguments, with the command that is meant where none is named."""
        if args and args[0] not in self.commands and args[0] != "--help":
            args = ["list", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(no_args_is_help=True, cls=_ListsByDefault)


@app.callback()
def sites() -> None:
    """How each call site asks, one by one or in batches: seen in the log, and signed."""


@app.command("list")
@told
def list_sites(
    feature: FeatureArgument, root: RootOption = DEFAULT_ROOT, as_json: JsonOption = False
) -> None:
    """List the call sites of the last 30 days with the mode that the log names and the one that
    was signed.

    Ends with 1 where the log contradicts a signature, and with 3 where nothing was logged.
    """
    spec, opened = resolve_feature(feature), open_root(root)
    found = call_sites(opened, spec, opened.clock.now())
    if as_json:
        print_json(as_data(spec, found))
    else:
        _print(spec, found)
    if any(one.contradiction for one in found.sites):
        raise typer.Exit(FAILS)
    raise typer.Exit(DONE if found.sites else NO_EVIDENCE)


@app.command("sign")
@told
def sign_site(
    feature: FeatureArgument,
    site: Annotated[str, typer.Argument(metavar="SITE", help="The call site, as it is logged.")],
    as_: Annotated[
        str | None, typer.Option("--as", metavar="MODE", help=f"{' or '.join(get_args(Mode))}.")
    ] = None,
    reason: ReasonOption = None,
    by: ByOption = None,
    token: TokenOption = None,
    root: RootOption = DEFAULT_ROOT,
) -> None:
    """Decide that a call site asks one by one or in batches, by the owner of the prediction log."""
    spec, opened = resolve_feature(feature), open_root(root)
    _must_be_seen(opened, spec, site)
    given = {"call_site": site, "mode": as_, "reason": reason}
    decide(opened, spec, "call_site_mode", given, by=by, token=token)


def _must_be_seen(root: Root, feature: AiFeatureSpec, site: str) -> None:
    """A misspelt name would leave the call site that was meant undecided."""
    found = call_sites(root, feature, root.clock.now())
    known = [one.call_site for one in found.sites if one.call_site]
    if site not in known:
        raise BadInput(
            f"{plain(site)}: no such call site in the log of {found.first_day} to "
            f"{found.last_day}; there are: {plain(', '.join(known)) or 'none'}"
        )


def as_data(feature: AiFeatureSpec, found: CallSites) -> dict[str, Any]:
    """The call sites as JSON-ready data."""
    return {
        "feature": feature.name,
        "from": found.first_day,
        "to": found.last_day,
        "days_missing": list(found.missing),
        "call_sites": [_site_as_data(one) for one in found.sites],
        "void": [one.words for one in found.void],
    }


def _site_as_data(one: SiteMode) -> dict[str, Any]:
    decided = one.decided
    return {
        "call_site": one.call_site or None,
        "sync": one.sync,
        "batch": one.batch,
        "last_day": one.last_day,
        "signed": decided.mode if decided else None,
        "signed_by": decided.by if decided else None,
        "signed_at": decided.at.isoformat() if decided else None,
        "reason": decided.reason if decided else None,
        "contradiction": one.contradiction,
    }


def _print(feature: AiFeatureSpec, found: CallSites) -> None:
    owner = feature.owner_of("prediction_logging").accountable
    table = Table(title=f"{feature.name}: {found.first_day} to {found.last_day}; {owner} decides")
    for name in ("call site", "one by one", "in batches", "signed"):
        table.add_column(name, overflow="fold")
    for one in found.sites:
        table.add_row(shown(one.call_site or "–"), f"{one.sync:,}", f"{one.batch:,}", _signed(one))
    Console().print(table)
    for one in found.sites:
        if one.contradiction:
            typer.echo(plain(one.contradiction))
    for void in found.void:
        typer.echo(plain(void.words))
    if found.missing:
        typer.echo(f"no cost_rollup of {len(found.missing)} days, first {found.missing[0]}")


def _signed(one: SiteMode) -> str:
    if one.decided is None:
        return "by nobody"
    said = one.decided
    return f"{said.mode}: {shown(said.by)}, {said.at:%Y-%m-%d}, {shown(said.reason)}"
