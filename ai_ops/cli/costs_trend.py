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
from ai_ops.inference_management.cost_trend import CostTrend
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import BadInput, MissingEvidence
from ai_ops.vocabulary.moments import Moment
from ai_ops.vocabulary.verdicts import Verdict
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
        print_json(as_data(spec, found, verdict))
    else:
        _print(spec, found, verdict)
    if code := CODES[verdict.status]:
        raise typer.Exit(code)


def as_data(feature: AiFeatureSpec, found: CostTrend, verdict: Verdict) -> dict[str, Any]:
    """What is printed as JSON: the weeks of the stored trend, and the verdict of its check."""
    return {
        "feature": feature.name,
        "week": found.monday,
        "status": verdict.status,
        "reason": verdict.reason,
        "findings": [asdict(finding) for finding in verdict.findings],
        "weeks": [
            {
                "monday": week.monday,
                "answered": week.answered,
                "currency": week.currency,
                "total_nano": week.total_nano,
            }
            for week in found.weeks
        ],
    }


def _moment(root: Root, feature: AiFeatureSpec, week: str | None) -> Moment:
    """The week that is asked for, or the newest of which the trend was stored."""
    if week is None:
        stored = root.lake.glob(f"{feature.name}/cost_trend/*.json")
        if not stored:
            raise MissingEvidence(
                f"{feature.name}: no week of cost_trend was materialised; run the weekly job"
            )
        week = PurePosixPath(stored[-1]).stem
    day = parse_day(week, "--week")
    if day.weekday():
        raise BadInput(f"--week: {day} is no Monday; name the first day of the week")
    return Moment(day.isoformat(), Window.of_week(day), root.clock.now())


def _print(feature: AiFeatureSpec, found: CostTrend, verdict: Verdict) -> None:
    console = Console()
    table = Table(title=f"{feature.name}: the weeks to {found.monday}", box=SIMPLE_HEAD)
    for name in ("week", "answered", "total", "per 1,000"):
        table.add_column(name, justify="left" if name == "week" else "right")
    for week in found.weeks:
        per_1000 = f"{week.per_1000:.4f}" if week.answered else "–"
        total = f"{week.total_nano / 10**9:,.4f} {week.currency}"
        table.add_row(week.monday, f"{week.answered:,}", total, per_1000)
    console.print(table)
    console.print(f"{verdict.status}. {plain(verdict.reason)}", markup=False)
