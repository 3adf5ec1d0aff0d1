"""The picture of the arrival of labels: the share that is there, by age."""

from io import BytesIO

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ai_ops.accuracy_evaluation.arrival_curve import ArrivalCurve
from ai_ops.accuracy_evaluation.label_maturity import ArrivalReport

USUAL, LATE, GREY = "#1d4ed8", "#c2410c", "#9ca3af"
TICKS = (1, 2, 4, 8, 12, 24, 48, 96, 168, 336, 672)


def draw_arrival(report: ArrivalReport, declared: float) -> bytes | None:
    """A PNG: the curve with its interval, the declared maturity marked; None without a curve."""
    if not report.curve.ages:
        return None
    # Fixed margins: a layout that is computed takes longer than all the drawing.
    figure = Figure(figsize=(6.0, 3.2), dpi=90)
    FigureCanvasAgg(figure)
    axes = figure.subplots(gridspec_kw={"left": 0.1, "right": 0.98, "bottom": 0.15, "top": 0.9})
    _draw(axes, report.curve, USUAL, f"to {report.last_day}" if not report.late else "before")
    if report.late is not None and report.late.ages:
        _draw(axes, report.late, LATE, f"since {report.late_since}")
    axes.axvline(np.log2(declared), color=GREY, linewidth=1.0, linestyle="--")
    axes.text(np.log2(declared), 0.03, f" declared: {declared:g} h", color=GREY, fontsize=8)
    ends = (min(report.curve.ages[0], declared), max(report.curve.ages[-1], declared))
    shown = [tick for tick in TICKS if ends[0] <= tick <= ends[1]]
    # Ages are doubled from tick to tick; a logarithmic axis takes longer than all the drawing.
    axes.set_xticks(np.log2(shown), [f"{tick}" for tick in shown], fontsize=8)
    axes.set(ylim=(0, 1.02), xlabel="hours since the prediction", ylabel="share with a label")
    axes.tick_params(labelsize=8)
    axes.set_title(f"{report.feature}: when labels come", fontsize=10)
    axes.legend(fontsize=8, frameon=False, loc="lower right")
    content = BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()


def _draw(axes: Axes, curve: ArrivalCurve, colour: str, name: str) -> None:
    ages = np.log2(curve.ages)
    axes.plot(ages, curve.share, color=colour, marker="o", markersize=3, label=name)
    axes.fill_between(ages, curve.low, curve.high, color=colour, alpha=0.15, linewidth=0)
