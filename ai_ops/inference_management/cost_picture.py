"""The picture of a cost trend: what 1,000 predictions cost week by week, and what changed it."""

from collections.abc import Sequence
from io import BytesIO
from typing import Final

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ai_ops.inference_management.cost_trend import CostTrend
from ai_ops.inference_management.costs import NANO
from ai_ops.inference_management.week_cost import WeekCost

BUSY, IDLE, STORAGE, TOKENS = "#c2410c", "#fdba74", "#9ca3af", "#1d4ed8"
DEARER, CHEAPER = "#b91c1c", "#15803d"
SEEN: Final = 0.001
"""Which share of the week before a factor must have to be seen as a bar."""
MARGINS: Final = {"left": 0.08, "right": 0.985, "bottom": 0.14, "top": 0.88, "wspace": 0.42}


def draw_trend(feature: str, trend: CostTrend) -> bytes | None:
    """A PNG: one bar a week in its parts, and beside them how each factor that can be seen led from
    the week before to this one; None without a week to show."""
    weeks = [week for week in trend.weeks if week.answered]
    if not weeks:
        return None
    # Fixed margins: a layout that is computed takes longer than all the drawing.
    figure = Figure(figsize=(10.0, 3.4), dpi=90)
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, gridspec_kw=MARGINS)
    _draw_weeks(left, weeks)
    left.set_title(f"{feature}: cost of the weeks to {trend.monday}", fontsize=10)
    _draw_factors(right, trend)
    content = BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()


def _draw_weeks(axes: Axes, weeks: Sequence[WeekCost]) -> None:
    names = [week.monday[5:] for week in weeks]
    bottom = [0.0] * len(weeks)
    parts = (
        ("busy", BUSY, [week.busy_nano for week in weeks]),
        ("idle", IDLE, [week.rent_nano - week.busy_nano for week in weeks]),
        ("tokens", TOKENS, [week.tokens_nano for week in weeks]),
        ("storage", STORAGE, [week.storage_nano for week in weeks]),
    )
    for name, colour, spent in parts:
        if name == "tokens" and not any(spent):
            continue
        height = [nano / week.answered / 10**6 for nano, week in zip(spent, weeks, strict=True)]
        axes.bar(names, height, bottom=bottom, color=colour, label=name, width=0.6)
        bottom = [low + high for low, high in zip(bottom, height, strict=True)]
    axes.set_ylabel(f"{weeks[-1].currency} per 1,000 answers")
    axes.tick_params(labelsize=8)
    axes.set_ylim(0, 1.25 * max(bottom) or 1.0)
    axes.legend(fontsize=8, frameon=False, ncols=4, loc="upper left")


def _draw_factors(axes: Axes, trend: CostTrend) -> None:
    if trend.rise is None:
        axes.set_axis_off()
        axes.set_title("no week to compare with", fontsize=10)
        return
    before, now = trend.weeks[-2:]
    level = before.per_1000_nano / NANO
    names, starts, lengths, colours = [before.monday], [0.0], [level], [IDLE]
    for share in trend.rise.shares:
        if abs(share.paid_per_1000_nano) >= SEEN * before.per_1000_nano:
            names.append(share.factor.replace("_", " "))
            starts.append(level)
            lengths.append(share.paid_per_1000_nano / NANO)
            colours.append(DEARER if share.paid_per_1000_nano > 0 else CHEAPER)
            level += lengths[-1]
    bars = axes.barh([*names, now.monday], [*lengths, level], left=[*starts, 0.0], height=0.6)
    for bar, colour in zip(bars, [*colours, IDLE], strict=True):
        bar.set_color(colour)
    axes.invert_yaxis()
    axes.set_xlim(right=1.05 * axes.get_xlim()[1])  # a small change would lie on the frame
    axes.tick_params(labelsize=8)
    axes.set_title(f"what led from {before.monday} to {now.monday}", fontsize=10)
    axes.set_xlabel(f"{now.currency} per 1,000 answers", fontsize=8)
