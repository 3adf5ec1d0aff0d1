"""``ai-ops sign``: sign a decision here that is handed in elsewhere."""

from typing import Annotated, cast

import typer

from ai_ops.cli.common import (
    DEFAULT_ROOT,
    FeatureArgument,
    RootOption,
    open_root,
    resolve_feature,
    told,
)
from ai_ops.cli.deciding import COMMANDS, ByOption, signed
from ai_ops.vocabulary.errors import BadInput
from ai_ops.vocabulary.words import EventKind


@told
def sign(
    feature: FeatureArgument,
    kind: Annotated[str, typer.Argument(help=f"One of {', '.join(COMMANDS)}.")],
    fields: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="A field of the decision, as version=4; repeat it."
        ),
    ] = None,
    by: ByOption = None,
    root: RootOption = DEFAULT_ROOT,
) -> None:
    """Sign a decision and print its token: one line, for --token of a command or a job in the UI.

    It is bound to the feature and to this root's ledger, holds for a week, and can be used once.
    What follows from the feature's file or the ledger (the gate's criteria, an item's domain) is
    filled in where no --set names it.
    """
    if kind not in COMMANDS:
        raise BadInput(f"KIND: one of {', '.join(COMMANDS)} (found {kind!r})")
    spec = resolve_feature(feature)
    given = _parsed(fields or [])
    opened = open_root(root)
    typer.echo(signed(opened, spec, cast(EventKind, kind), given, by=by, token=None))


def _parsed(fields: list[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    for field in fields:
        name, is_there, value = field.partition("=")
        if not is_there or not name:
            raise BadInput(f"--set: write key=value, as --set reason='too slow' (found {field!r})")
        if name in given:
            raise BadInput(f"--set: {name} is named twice")
        given[name] = value
    return given
