"""The picture of a cost trend: what 1,000 predictions cost, week by week."""

from io import BytesIO

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ai_ops.inference_management.cost_trend import CostTrend

BUSY, IDLE, STORAGE = "#c2410c", "#fdba74", "#9ca3af"


def draw_trend(feature: str, trend: CostTrend) -> bytes | None:
    """A PNG: one bar a week, its busy, idle and stored parts; None without a week to show."""
    weeks = [week for week in trend.weeks if week.answered]
    if not weeks:
        return None
    # Fixed margins: a layout that is computed takes longer than all the drawing.
    figure = Figure(figsize=(6.0, 3.0), dpi=90)
    FigureCanvasAgg(figure)
    axes = figure.subplots(gridspec_kw={"left": 0.12, "right": 0.98, "bottom": 0.1, "top": 0.9})
    names = [week.monday for week in weeks]
    bottom = [0.0] * len(weeks)
    parts = (
        ("busy", BUSY, [week.busy_nano for week in weeks]),
        ("idle", IDLE, [week.rent_nano - week.busy_nano for week in weeks]),
        ("storage", STORAGE, [week.storage_nano for week in weeks]),
    )
    for name, colour, spent in parts:
        height = [nano / week.answered / 10**6 for nano, week in zip(spent, weeks, strict=True)]
        axes.bar(names, height, bottom=bottom, color=colour, label=name, width=0.6)
        bottom = [low + high for low, high in zip(bottom, height, strict=True)]
    axes.set_ylabel(f"{weeks[-1].currency} per 1,000 answers")
    axes.set_title(f"{feature}: cost of the weeks to {trend.monday}", fontsize=10)
    axes.tick_params(labelsize=8)
    axes.set_ylim(0, 1.25 * max(bottom) or 1.0)
    axes.legend(fontsize=8, frameon=False, ncols=3, loc="upper left")
    content = BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()
