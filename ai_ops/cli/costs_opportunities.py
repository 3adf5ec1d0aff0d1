"""``ai-ops costs opportunities``: what could cost less, and what each saving would risk."""

from dataclasses import asdict
from pathlib import PurePosixPath
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.cli.common import (
    DEFAULT_ROOT,
    FeatureArgument,
    JsonOption,
    RootOption,
    open_root,
    parse_day,
    plain,
    print_json,
    resolve_feature,
    told,
)
from ai_ops.inference_management.opportunities import Opportunities, Opportunity
from ai_ops.inference_management.opportunity_judgement import amount
from ai_ops.inference_management.opportunity_report import (
    ASSET,
    judge_cost_opportunities,
    stored_opportunities,
)
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import BadInput, MissingEvidence
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Verdict
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import Status

CODES: Final[dict[Status, int]] = {"pass": 0, "waived": 0, "fail": 1, "no_evidence": 3}


@told
def opportunities(
    feature: FeatureArgument,
    month: Annotated[
        str | None,
        typer.Option(metavar="DAY", help="The month's first day; the newest by default."),
    ] = None,
    root: RootOption = DEFAULT_ROOT,
    as_json: JsonOption = False,
) -> None:
    """Tell what could have cost less in a month, and what each saving would risk.

    Ends with 3 when the month has no evidence.
    """
    spec, opened = resolve_feature(feature), open_root(root)
    moment = _moment(opened, spec, month)
    found, _ = stored_opportunities(opened, spec, moment.partition)
    verdict = judge_cost_opportunities(opened, spec, moment)
    if as_json:
        print_json(as_data(found, verdict))
    else:
        _print(found, verdict)
    if code := CODES[verdict.status]:
        raise typer.Exit(code)


def as_data(found: Opportunities, verdict: Verdict) -> dict[str, Any]:
    """What is printed as JSON: the month's file, and the verdict of its check."""
    sites = [asdict(one) | {"fit": one.fit, "saved_us": one.saved_us} for one in found.call_sites]
    data: dict[str, Any] = msgspec.to_builtins(found)
    return data | {"status": verdict.status, "reason": verdict.reason, "call_sites": sites}


def _moment(root: Root, feature: AiFeatureSpec, month: str | None) -> Moment:
    """The month that is asked for, or the newest one that was looked at."""
    if month is None:
        stored = root.lake.glob(f"{feature.name}/{ASSET}/*.json")
        if not stored:
            raise MissingEvidence(
                f"{feature.name}: no month of {ASSET} was materialised; run the monthly job"
            )
        month = PurePosixPath(stored[-1]).stem
    day = parse_day(month, "--month")
    if day.day != 1:
        raise BadInput(f"--month: a month begins on its first day, {day} is another one")
    return Moment(day.isoformat(), Window.of_month(day), root.clock.now())


def _print(found: Opportunities, verdict: Verdict) -> None:
    console = Console()
    title = f"{found.feature}: {found.first_day} to {found.last_day}, {found.spent.currency}"
    table = Table(title=title, box=SIMPLE_HEAD)
    table.add_column("what")
    table.add_column("saves", justify="right")
    table.add_column("frees", justify="right")
    table.add_column("why, and what it risks", overflow="fold")
    for one in found.found:
        told = [one.words]
        told += [f"risk: {one.risk}"] if one.risk and one.told == "saving" else []
        told += [f"how: {one.how}"] if one.how and one.told in ("saving", "due") else []
        table.add_row(
            f"{one.kind.replace('_', ' ')}\n{one.told.replace('_', ' ')}",
            _amount(one, one.cash_nano),
            _amount(one, one.capacity_nano),
            "\n".join(escape(plain(words)) for words in told),
        )
    console.print(table)
    if found.call_sites:
        console.print(_sites(found))
    console.print(f"{verdict.status}. {plain(verdict.reason)}", markup=False)


def _sites(found: Opportunities) -> Table:
    """How each call site asks: what backend decides, and signs."""
    table = Table(title="synchronous or batch: backend decides", box=SIMPLE_HEAD)
    for name in ("call site", "single calls", "rows of batches", "by the log"):
        table.add_column(name, justify="right" if "s of" in name or "calls" in name else "left")
    for one in found.call_sites:
        name = escape(plain(one.call_site or "–"))
        table.add_row(name, f"{one.calls:,}", f"{one.batch_rows:,}", one.fit)
    return table


def _amount(one: Opportunity, nano: int | None) -> str:
    return "–" if nano is None or one.told != "saving" else amount(nano)
