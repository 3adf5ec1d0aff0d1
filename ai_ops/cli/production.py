"""``ai-ops launch``, ``promote`` and ``rollback``: what moves the version in production."""

from typing import Annotated, Any

import typer

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist.reading import ITEMS, judge_pre_launch
from ai_ops.cli.common import (
    DEFAULT_ROOT,
    FeatureArgument,
    JsonOption,
    RootOption,
    open_root,
    print_json,
    resolve_feature,
    told,
)
from ai_ops.cli.deciding import ByOption, ReasonOption, TokenOption, signed, signer, whole
from ai_ops.cli.decisions import VersionOption
from ai_ops.cli.way_back import Compared
from ai_ops.retraining_pipeline import promotion
from ai_ops.retraining_pipeline.elsewhere import of_others
from ai_ops.storage.decisions import read_token
from ai_ops.storage.root import Root
from ai_ops.storage.standing import Move, standing_of
from ai_ops.vocabulary.errors import BadInput, DecisionRefused, PromotionRefused


@told
def launch(
    feature: FeatureArgument,
    version: VersionOption = None,
    reason: ReasonOption = None,
    by: ByOption = None,
    token: TokenOption = None,
    root: RootOption = DEFAULT_ROOT,
) -> None:
    """Bring the first version to production, by whoever runs the service.

    The pre-launch checklist is judged first; each item that neither passes nor is waived is in the
    way, as is everything else that is named. What is refused ends with 1, and is recorded.
    """
    spec, opened = resolve_feature(feature), open_root(root)
    if elsewhere := of_others(spec):
        raise PromotionRefused(f"the launch of {spec.name}", elsewhere)
    if token is None:
        signer(by)
    # Judged before it is signed: a signature is bound to a ledger that has begun.
    judge_pre_launch(opened, spec, opened.clock.now())
    given = {"version": version, "reason": reason}
    decision = signed(opened, spec, "launch", given, by=by, token=token)
    try:
        move = promotion.launch(opened, spec, decision)
    except PromotionRefused as refused:
        what = str(refused).split(" is refused: ", 1)[0]
        owned = [_with_owner(spec, one) for one in refused.reasons]
        raise PromotionRefused(what, owned) from None
    _tell(spec, move)


@told
def promote(
    feature: FeatureArgument,
    version: Annotated[str, typer.Option("--version", help="A version that was approved.")],
    root: RootOption = DEFAULT_ROOT,
) -> None:
    """Bring an approved candidate to production: its approval is the signature.

    Gate, approval, holds and incidents are read again from the ledger; what is refused ends with
    1, and is recorded.
    """
    spec = resolve_feature(feature)
    _tell(spec, promotion.promote(open_root(root), spec, version))


@told
def rollback(
    feature: FeatureArgument,
    to: Annotated[
        str | None, typer.Option("--to", help="A version that was live; default: the previous.")
    ] = None,
    reason: ReasonOption = None,
    by: ByOption = None,
    token: TokenOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what a rollback is decided on.")
    ] = False,
    root: RootOption = DEFAULT_ROOT,
    as_json: JsonOption = False,
) -> None:
    """Bring back a version that was live before and had passed its gate, by whoever runs the
    service.

    First it shows what both produced while they were live: predictions and their cost, accuracy,
    drift, open incidents. No hold, incident or broken ledger forbids the way back.
    """
    spec, opened = resolve_feature(feature), open_root(root)
    version = to if to is not None else _meant(opened, spec, token)
    given = {"version": version, "reason": reason}
    if token is None and not dry_run:
        whole("rollback", given, by)
    shown = Compared.of(opened, spec, version)
    if not as_json:
        typer.echo("\n".join(shown.lines()))
    if dry_run:
        if as_json:
            print_json(shown.as_data() | {"move": None})
        raise typer.Exit(1 if shown.in_the_way else 0)
    decision = signed(opened, spec, "rollback", given, by=by, token=token)
    move = promotion.rollback(opened, spec, decision)
    if as_json:
        print_json(shown.as_data() | {"move": _moved(move)})
    else:
        _tell(spec, move)


def _meant(root: Root, spec: AiFeatureSpec, token: str | None) -> str | None:
    """The version that a rollback is about, where no --to names it: the token's, or the one before.

    None when the token says nothing: whoever takes it refuses it, and records that.
    """
    if token is None:
        return _previous(root, spec)
    try:
        said = read_token(token).content.get("version")
    except DecisionRefused:
        return None
    return said if isinstance(said, str) else None


def _previous(root: Root, spec: AiFeatureSpec) -> str:
    moves = standing_of(root.ledger, spec.name).moves
    if not moves or moves[-1].previous is None:
        raise BadInput(f"--to: no version of {spec.name} was live before; there is no way back")
    if moves[-1].kind == "rollback":
        # Its previous version is the one that was fled from.
        raise BadInput(
            f"--to: {spec.name} was rolled back to version {moves[-1].version} already; name the "
            "version that is meant"
        )
    return moves[-1].previous


def _moved(move: Move) -> dict[str, Any]:
    return {
        "kind": move.kind,
        "version": move.version,
        "previous": move.previous,
        "at": move.at.isoformat(),
        "by": move.by,
        "reason": move.reason,
    }


def _tell(spec: AiFeatureSpec, move: Move) -> None:
    before = f", before it {move.previous}" if move.previous else ""
    typer.echo(
        f"{move.kind}: version {move.version} of {spec.name} is in production since "
        f"{move.at:%Y-%m-%d %H:%M} UTC{before}"
    )


def _with_owner(spec: AiFeatureSpec, reason: str) -> str:
    """A reason, and who answers for the item of the checklist that it names."""
    for item in ITEMS["pre_launch"]:
        if reason.startswith(f"{item.id}:"):
            return f"{reason} (owner: {spec.owner_of(item.domain).accountable})"
    return reason
