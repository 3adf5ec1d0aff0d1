"""``ai-ops watchdog``: whether the machinery is at work, for cron or a container's probe."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import sqlalchemy as sa
import typer
from rich.console import Console
from rich.table import Table

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.checklist.machinery import Sign, State, machinery_of, state_of
from ai_ops.checklist.machinery_sources import PATIENCE
from ai_ops.cli.common import (
    DEFAULT_ROOT,
    DEFS,
    DONE,
    FAILS,
    NO_EVIDENCE,
    JsonOption,
    RootOption,
    features_below,
    open_root,
    print_json,
    resolve_feature,
    shown,
    told,
)
from ai_ops.storage.signs_of_life import forget_after
from ai_ops.vocabulary.errors import LedgerBroken

_CODES: Final[dict[State, int]] = {
    "alive": DONE,
    "exempt": DONE,
    "dead": FAILS,
    "never": NO_EVIDENCE,
}
_WORST: Final[tuple[State, ...]] = ("dead", "never", "alive", "exempt")
_COLOURS: Final[dict[State, str]] = {
    "alive": "green",
    "dead": "red",
    "never": "yellow",
    "exempt": "dim",
}


@told
def watchdog(
    feature: Annotated[str | None, typer.Argument(help="An AI feature; default: all.")] = None,
    patience: Annotated[
        float,
        typer.Option(min=1, help="How many seconds what ticks every few may be silent."),
    ] = PATIENCE.total_seconds(),
    daemon_only: Annotated[
        bool, typer.Option(help="Look at Dagster's daemon alone: what a restart of it would mend.")
    ] = False,
    clock_mended: Annotated[
        bool, typer.Option(help="Forget the signs that a wrong clock gave later than now.")
    ] = False,
    root: RootOption = DEFAULT_ROOT,
    defs: Annotated[Path, typer.Option(help="Folder of the AI features' YAML.")] = DEFS,
    as_json: JsonOption = False,
) -> None:
    """Say whether sensors, schedules and Dagster's daemon are at work, and whether segments,
    labels and prices arrive. It needs none of them, nor Dagster: it reads their signs of life.

    Ends with 0 when all are alive (or the root is a replay), 1 when one is dead, when the ledger's
    last links do not hold or the clock was moved, 3 when none was ever seen.
    """
    names = [feature] if feature else list(features_below(defs))
    specs = [resolve_feature(name, defs) for name in names]
    opened = open_root(root)
    try:
        now = opened.clock.now()
        if clock_mended:
            forget_after(opened, now)
        span = timedelta(seconds=patience)
        found = [(spec, machinery_of(opened, spec, now, patience=span)) for spec in specs]
    except sa.exc.OperationalError as error:
        kind = type(error.orig).__name__  # its words may hold the database's address
        raise LedgerBroken(f"the ledger cannot be read ({kind}): is its database there?") from None
    if daemon_only:
        found = [(spec, _of_daemon(signs)) for spec, signs in found]
    states = {state_of(signs) for _, signs in found}
    whole: State = next((one for one in _WORST if one in states), "never")
    if as_json:
        print_json(_as_data(found, whole, now))
    else:
        _print(found, whole, now)
    raise typer.Exit(_CODES[whole])


def _of_daemon(signs: tuple[Sign, ...]) -> tuple[Sign, ...]:
    own = tuple(one for one in signs if one.source.startswith("daemon:"))
    return own or signs  # a replay has none of its own


def _as_data(
    found: Sequence[tuple[AiFeatureSpec, tuple[Sign, ...]]], whole: State, now: datetime
) -> dict[str, Any]:
    return {
        "as_of": now.isoformat(),
        "state": whole,
        "features": [
            {
                "feature": spec.name,
                "state": state_of(signs),
                "signs": [_sign(one) for one in signs],
            }
            for spec, signs in found
        ],
    }


def _sign(sign: Sign) -> dict[str, Any]:
    return {
        "source": sign.source,
        "state": sign.state,
        "last_at": sign.last_at.isoformat() if sign.last_at else None,
        "limit_seconds": sign.limit_seconds,
        "words": sign.words,
        "items": list(sign.items),
    }


def _print(
    found: Sequence[tuple[AiFeatureSpec, tuple[Sign, ...]]], whole: State, now: datetime
) -> None:
    console = Console()
    for spec, signs in found:
        table = Table("source", "state", "words", title=f"{shown(spec.name)}, {now:%Y-%m-%d %H:%M}")
        for one in signs:
            colour = _COLOURS[one.state]
            table.add_row(shown(one.source), f"[{colour}]{one.state}[/{colour}]", shown(one.words))
        console.print(table)
    words: dict[State, str] = {
        "alive": "the machinery is at work",
        "exempt": "nothing is watched here",
        "dead": "the machinery is dead in part: what it would have found, nobody knows",
        "never": "the machinery was never seen: start it with ai-ops ui, or dagster-daemon run",
    }
    console.print(words[whole])
