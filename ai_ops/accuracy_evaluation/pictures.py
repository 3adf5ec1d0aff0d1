"""The picture of an evaluation run: calibration beside launch, and the weeks that led here."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ai_ops.accuracy_evaluation.records import AnswerKind, EvaluationRun, Measured
from ai_ops.accuracy_evaluation.slice_judgement import SliceGap

NOW, LAUNCH, GREY = "#c2410c", "#1d4ed8", "#9ca3af"
MARGINS = {"left": 0.06, "right": 0.985, "bottom": 0.15, "top": 0.83, "wspace": 0.14}
SLICES = 10
LINES: Final[Mapping[AnswerKind, tuple[tuple[str, str], tuple[str, str]]]] = {
    "score": (("auc", "AUC"), ("ece", "ECE")),
    "decision": (("accuracy", "accuracy"), ("balanced_accuracy", "balanced accuracy")),
    "classes": (("accuracy", "accuracy"), ("macro_f1", "macro F1")),
    "number": (("mae", "MAE"), ("bias", "bias")),
}
"""What is drawn week by week."""


def draw_evaluation(run: EvaluationRun, slices: Sequence[SliceGap] = ()) -> bytes:
    """A PNG: left the calibration curve of the week and of launch (of answers with a probability),
    then two metrics by week, right the slices that lost most since launch, worst first."""
    curved = bool(run.week.kind == "score" or run.curve or (run.launch and run.launch.curve))
    widths = [1.0] * curved + [1.5] + [0.9] * bool(slices)
    # Fixed margins: a layout that is computed takes longer than all the drawing.
    margins = MARGINS | ({"wspace": 0.3} if slices else {})
    figure = Figure(figsize=(9.0 if not slices else 12.6, 3.4), dpi=90)
    FigureCanvasAgg(figure)
    every = figure.subplots(
        1, len(widths), width_ratios=widths, gridspec_kw=margins, squeeze=False
    )[0]
    if curved:
        _draw_calibration(every[0], run)
    if slices:
        draw_slices(every[-1], slices[:SLICES])
    _draw_weeks(every[int(curved)], run)
    figure.suptitle(
        f"{run.feature}, version {run.version}: {run.week.rows} labelled predictions of "
        f"{run.week.days} days to {run.day}",
        fontsize=10,
    )
    content = BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()


def _draw_calibration(axes: Axes, run: EvaluationRun) -> None:
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":")
    if run.launch:
        draw_curve(axes, run.launch.curve, LAUNCH, "at launch")
    draw_curve(axes, run.curve, NOW, "this week")
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="mean score", ylabel="observed rate")
    axes.set_title("Calibration", fontsize=9)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8, frameon=False, loc="upper left")


def draw_curve(
    axes: Axes, curve: Sequence[tuple[float, float, int]], colour: str, name: str
) -> None:
    """A calibration curve: the observed rate over the mean score of each cell."""
    # A cell of a few rows is noise, not a curve.
    most = max((n for *_, n in curve), default=0)
    shown = [(score, rate) for score, rate, n in curve if n >= max(10, most // 100)]
    if shown:
        axes.plot(*zip(*shown, strict=True), color=colour, marker="o", markersize=3, label=name)


def draw_slices(axes: Axes, slices: Sequence[SliceGap]) -> None:
    """What each slice lost more than all rows, in margins: the least surely, and as measured."""
    places = np.arange(len(slices))
    lost = np.array([gap.size / max(gap.margin, 1e-9) for gap in slices])
    surely = np.array([(gap.low or 0.0) / max(gap.margin, 1e-9) for gap in slices])
    axes.hlines(places, surely, lost, color=GREY, linewidth=1.5)
    axes.plot(lost, places, "o", color=NOW, markersize=4)
    axes.axvline(1.0, color=LAUNCH, linewidth=0.8, linestyle="--")
    axes.set_yticks(places, [str(gap.sliced)[:18] for gap in slices], fontsize=7, parse_math=False)
    axes.invert_yaxis()
    axes.set_xlabel("lost more than all rows, in margins", fontsize=8)
    axes.set_title("Slices; surely worse: the bar right of 1", fontsize=9)


def _draw_weeks(axes: Axes, run: EvaluationRun) -> None:
    lines = [
        (metric, name, colour)
        for (metric, name), colour in zip(LINES[run.week.kind], (NOW, LAUNCH), strict=True)
    ]
    for metric, name, colour in lines:
        _draw_metric(axes, run.trailing, metric, colour, name)
        if run.launch and metric in run.launch.measured.metrics:
            level = run.launch.measured.metrics[metric].value
            axes.axhline(level, color=colour, linewidth=0.8, linestyle="--")
    low, high = axes.get_ylim() if run.week.kind == "number" else (0.0, 1.0)
    for day in run.coverage:
        if day.mature and not day.judged:
            span = np.array([_day(day.day), _day(day.day) + 1])
            axes.fill_between(span, low, high, color=GREY, alpha=0.3, linewidth=0)
    axes.set(ylim=(low, high))
    axes.set_title("Trailing weeks; dashed: at launch; grey: a day with too few labels", fontsize=9)
    days = [day.day for day in run.coverage][::-5]
    axes.set_xticks(np.array([_day(day) for day in days]), days, fontsize=8)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8, frameon=False, loc="center left")


def _draw_metric(
    axes: Axes, weeks: Sequence[Measured], metric: str, colour: str, name: str
) -> None:
    known = [(_day(w.last_day), w.metrics[metric]) for w in weeks if metric in w.metrics]
    if not known:
        return
    days = np.array([day for day, _ in known])
    axes.plot(days, [e.value for _, e in known], color=colour, label=name)
    axes.fill_between(
        days,
        [e.value if e.low is None else e.low for _, e in known],
        [e.value if e.high is None else e.high for _, e in known],
        color=colour,
        alpha=0.15,
        linewidth=0,
    )


def _day(day: str) -> np.datetime64:
    return np.datetime64(day, "D")
