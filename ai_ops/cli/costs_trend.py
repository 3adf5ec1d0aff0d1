"""``ai-ops costs trend``: what a prediction cost week by week, and what made it dearer."""

from dataclasses import asdict
from pathlib import PurePosixPath
from typing import Annotated, Any, Final

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
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
from ai_ops.inference_management.cost_reports import judge_cost_trend, stored_trend
from ai_ops.inference_management.cost_trend import CostTrend, Rise
from ai_ops.inference_management.costs import NANO
from ai_ops.inference_management.week_cost import WeekCost
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import BadInput, MissingEvidence
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import RecordedVerdict, Verdict, as_data
from ai_ops.vocabulary.windows import Window
from ai_ops.vocabulary.words import Status

CODES: Final[dict[Status, int]] = {"pass": 0, "waived": 0, "fail": 1, "no_evidence": 3}


@told
def trend(
    feature: FeatureArgument,
    week: Annotated[
        str | None, typer.Option(metavar="MONDAY", help="The week; the newest by default.")
    ] = None,
    root: RootOption = DEFAULT_ROOT,
    as_json: JsonOption = False,
) -> None:
    """Tell what 1,000 predictions cost week by week, and what made them dearer.

    Ends with 1 when the check of that week fails, and with 3 when it has no evidence.
    """
    spec, opened = resolve_feature(feature), open_root(root)
    moment = _moment(opened, spec, week)
    found = stored_trend(opened, spec, moment)
    verdict = judge_cost_trend(opened, spec, moment)
    if as_json:
        print_json(trend_as_data(spec, moment, found, verdict))
    else:
        _print(spec, found, verdict)
    if code := CODES[verdict.status]:
        raise typer.Exit(code)


def trend_as_data(
    feature: AiFeatureSpec, moment: Moment, found: CostTrend, verdict: Verdict
) -> dict[str, Any]:
    """What is printed as JSON: the weeks of the stored trend, what each factor has of the rises,
    and the verdict of the check. Amounts are billionths of the currency."""
    judged = as_data(
        RecordedVerdict(
            feature.name,
            "cost_trend",
            f"{feature.name}/cost_trend",
            found.monday,
            moment.window,
            moment.as_of,
            verdict,
        )
    )
    kept = ("as_of", "status", "reason", "observed", "findings")
    return {
        "feature": feature.name,
        "week": found.monday,
        **{name: judged[name] for name in kept},
        "rise": asdict(found.rise) if found.rise else None,
        "compounded": asdict(found.compounded) if found.compounded else None,
        "weeks": [_week(week) for week in found.weeks],
    }


def _week(week: WeekCost) -> dict[str, Any]:
    return {
        "monday": week.monday,
        "days": week.days,
        "answered": week.answered,
        "currency": week.currency,
        "rent_nano": week.rent_nano,
        "busy_nano": week.busy_nano,
        "tokens_nano": week.tokens_nano,
        "storage_nano": week.storage_nano,
        "total_nano": week.total_nano,
        "per_1000_nano": week.per_1000_nano if week.answered else None,
    }


def _moment(root: Root, feature: AiFeatureSpec, week: str | None) -> Moment:
    """The week that is asked for, or the newest of which the trend was stored."""
    if week is None:
        stored = root.lake.glob(f"{feature.name}/cost_trend/*.json")
        if not stored:
            raise MissingEvidence(
                f"{feature.name}: no week of cost_trend was materialised; run the weekly job"
            )
        week = PurePosixPath(max(stored)).stem
    day = parse_day(week, "--week")
    if day.weekday():
        raise BadInput(f"--week: {day} is no Monday; name the first day of the week")
    return Moment(day.isoformat(), Window.of_week(day), root.clock.now())


def _print(feature: AiFeatureSpec, found: CostTrend, verdict: Verdict) -> None:
    console = Console()
    table = Table(title=f"{feature.name}: the weeks to {found.monday}", box=SIMPLE_HEAD)
    for name in ("week", "answered", "rent", "tokens", "storage", "total", "per 1,000"):
        table.add_column(name, justify="left" if name == "week" else "right")
    for week in found.weeks:
        amounts = (week.rent_nano, week.tokens_nano, week.storage_nano, week.total_nano)
        per_1000 = f"{week.per_1000:.4f} {week.currency}" if week.answered else "–"
        cells = (f"{amount / NANO:,.4f}" for amount in amounts)
        table.add_row(week.monday, f"{week.answered:,}", *cells, per_1000)
    console.print(table)
    if found.rise is not None:
        console.print(_factors(found.rise, found.weeks[-1].currency))
    console.print(f"{verdict.status}. {plain(verdict.reason)}", markup=False)
    for finding in verdict.findings:
        if finding.status == "fail":
            console.print(f"- {plain(finding.reason)}", markup=False)


def _factors(rise: Rise, currency: str) -> Table:
    """What each factor has of the change since the week before; what has nothing is left out."""
    title = f"what changed since the week of {rise.since}, in {currency}"
    table = Table(title=title, box=SIMPLE_HEAD)
    for name in ("factor", "the week", "1,000 answers", "machines' time for 1,000"):
        table.add_column(name, justify="left" if name == "factor" else "right")
    shares = sorted(rise.shares, key=lambda share: -abs(share.paid_per_1000_nano))
    amounts = [(s.paid_nano, s.paid_per_1000_nano, s.work_per_1000_nano) for s in shares]
    for share, own in zip(shares, amounts, strict=True):
        if any(own):
            table.add_row(share.factor.replace("_", " "), *map(_amount, own))
    table.add_section()
    table.add_row("together", *map(_amount, map(sum, zip(*amounts, strict=True))))
    return table


def _amount(nano: int) -> str:
    return f"{nano / NANO:+,.6f}"
