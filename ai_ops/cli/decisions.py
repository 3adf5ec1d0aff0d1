"""The commands of people's decisions: each is signed, verified and recorded in the ledger."""

from typing import Annotated

import typer

from ai_ops.cli.common import (
    DEFAULT_ROOT,
    FeatureArgument,
    RootOption,
    open_root,
    resolve_feature,
    told,
)
from ai_ops.cli.deciding import ByOption, ReasonOption, TokenOption, decide
from ai_ops.storage.standing import standing_of
from ai_ops.vocabulary.errors import BadInput
from ai_ops.vocabulary.words import EventKind

ItemArgument = Annotated[str, typer.Argument(help="The item of a checklist.")]
NoteOption = Annotated[str | None, typer.Option("--note", help="What was seen.")]
VersionOption = Annotated[str | None, typer.Option("--version", help="A registered version.")]


@told
def freeze_gate(
    feature: FeatureArgument,
    reason: ReasonOption = None,
    by: ByOption = None,
    token: TokenOption = None,
    root: RootOption = DEFAULT_ROOT,
) -> None:
    """Freeze the evaluation criteria of the feature's file, by the role that defines them.

    Criteria that were frozen before are amended: that takes a --reason.
    """
    spec, opened = resolve_feature(feature), open_root(root)
    frozen = standing_of(opened.ledger, spec.name).gate
    if token is None and frozen is not None and frozen.hash == spec.gate.digest:
        typer.echo(f"these criteria were frozen by {frozen.by} on {frozen.at:%Y-%m-%d} already")
        return
    if token is None and frozen is not None and reason is None:
        raise BadInput(
            f"--reason: {frozen.by} froze other criteria on {frozen.at:%Y-%m-%d}; say why they "
            "are amended"
        )
    if token is None and frozen is None and reason is not None:
        raise BadInput("--reason: nothing is frozen yet, so nothing is amended; leave it out")
    kind: EventKind = "gate_freeze" if frozen is None else "gate_amendment"
    given = {} if reason is None else {"reason": reason}
    decide(opened, spec, kind, given, by=by, token=token)


@told
def waive(
    feature: FeatureArgument,
    item: ItemArgument,
    reason: ReasonOption = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="DAY", help="Last day, at most a year ahead.")
    ] = None,
    by: ByOption = None,
    token: TokenOption = None,
    root: RootOption = DEFAULT_ROOT,
) -> None:
    """Excuse an item of a checklist for a time, by its owner."""
    given = {"item": item, "reason": reason, "until": until}
    decide(open_root(root), resolve_feature(feature), "waiver", given, by=by, token=token)


@told
def sign_off(
    feature: FeatureArgument,
    item: ItemArgument,
    cadence: Annotated[
        str | None, typer.Option("--cadence", help="Which list; default: the item's own.")
    ] = None,
    partition: Annotated[
        str | None,
        typer.Option("--partition", metavar="DAY", help="First day of the week or month."),
    ] = None,
    domain: Annotated[
        str | None, typer.Option("--domain", help="For whom one signs; default: the item's own.")
    ] = None,
    note: NoteOption = None,
    shown: Annotated[
        str | None,
        typer.Option(
            "--shown", metavar="DIGEST", help="Of what one saw; refused if it changed since."
        ),
    ] = None,
    by: ByOption = None,
    token: TokenOption = None,
    root: RootOption = DEFAULT_ROOT,
) -> None:
    """Sign a line of a checklist off, by its owner: default is the latest whole week or month.

    What the line says is kept with the signature: `ai-ops checklist --signed` shows it again. The
    digest of what was looked at stands in `ai-ops checklist`.
    """
    if token is not None and shown is not None:
        raise BadInput("--shown: the token says what was shown; leave it out")
    given = {
        "item": item,
        "cadence": cadence,
        "partition": partition,
        "domain": domain,
        "note": note,
        "shown": shown,
    }
    decide(open_root(root), resolve_feature(feature), "sign_off", given, by=by, token=token)


@told
def review(
    feature: FeatureArgument,
    item: Annotated[str, typer.Argument(help="The check that alerts, as input_drift.")],
    begin: Annotated[
        str | None, typer.Option("--begin", metavar="DAY", help="The alert's first day.")
    ] = None,
    note: NoteOption = None,
    by: ByOption = None,
    token: TokenOption = None,
    root: RootOption = DEFAULT_ROOT,
) -> None:
    """Say that an alert was looked at, by the owner of what alerts."""
    given = {"item": item, "begin": begin, "note": note}
    decide(open_root(root), resolve_feature(feature), "review", given, by=by, token=token)


@told
def hold(
    feature: FeatureArgument,
    reason: ReasonOption = None,
    by: ByOption = None,
    token: TokenOption = None,
    root: RootOption = DEFAULT_ROOT,
) -> None:
    """Pause retraining and promotion of a feature: every owner of a domain may."""
    given = {"reason": reason}
    decide(open_root(root), resolve_feature(feature), "hold", given, by=by, token=token)


@told
def release(
    feature: FeatureArgument,
    reason: ReasonOption = None,
    by: ByOption = None,
    token: TokenOption = None,
    root: RootOption = DEFAULT_ROOT,
) -> None:
    """End every hold of a feature, by the owner of retraining or of its evaluation."""
    given = {"reason": reason}
    decide(open_root(root), resolve_feature(feature), "release", given, by=by, token=token)


@told
def approve(
    feature: FeatureArgument,
    version: VersionOption = None,
    reason: ReasonOption = None,
    by: ByOption = None,
    token: TokenOption = None,
    root: RootOption = DEFAULT_ROOT,
) -> None:
    """Approve a version by the criteria in force: `ai-ops promote` then brings it to production."""
    spec, opened = resolve_feature(feature), open_root(root)
    if version is not None:
        opened.registry.version(spec.name, version)
    given = {"version": version, "reason": reason}
    decide(opened, spec, "approval", given, by=by, token=token)


@told
def reject(
    feature: FeatureArgument,
    version: VersionOption = None,
    reason: ReasonOption = None,
    by: ByOption = None,
    token: TokenOption = None,
    root: RootOption = DEFAULT_ROOT,
) -> None:
    """Reject a version; the last decision on it counts."""
    spec, opened = resolve_feature(feature), open_root(root)
    if version is not None:
        # A misspelt number would leave the version that was meant approved.
        opened.registry.version(spec.name, version)
    given = {"version": version, "reason": reason}
    decide(opened, spec, "rejection", given, by=by, token=token)
