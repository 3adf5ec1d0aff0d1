"""The picture of a candidate: calibration of both versions, how far the gate lets it go, and in
which slices it looks worst."""

from collections.abc import Sequence
from io import BytesIO
from typing import Final

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ai_ops.accuracy_evaluation.candidate_records import CandidateEvaluation, Compared
from ai_ops.accuracy_evaluation.gate_metrics import Criteria, metrics_of
from ai_ops.accuracy_evaluation.gate_slices import slice_tests, surely_worse
from ai_ops.accuracy_evaluation.intervals import Estimate
from ai_ops.accuracy_evaluation.pictures import GREY, LAUNCH, NOW, draw_curve
from ai_ops.ai_features.gate import CandidateGate

SLICES: Final = 8
"""So many slices are drawn, the worst ones."""


def draw_candidate(evaluation: CandidateEvaluation, gate: CandidateGate) -> bytes | None:
    """A PNG: left both calibration curves, then by how much the candidate is better, per metric
    and in the worst slices.

    None when nothing was compared.
    """
    compared = evaluation.compared
    if compared is None:
        return None
    figure = Figure(figsize=(12.0, 3.4), dpi=90)
    FigureCanvasAgg(figure)
    left, middle, right = figure.subplots(
        1,
        3,
        width_ratios=(1, 1.4, 1.2),
        gridspec_kw={"left": 0.045, "right": 0.985, "bottom": 0.15, "top": 0.83, "wspace": 0.62},
    )
    left.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":")
    draw_curve(left, compared.champion_curve, LAUNCH, f"version {evaluation.champion}")
    draw_curve(left, compared.candidate_curve, NOW, f"version {evaluation.version}, candidate")
    left.set(xlim=(0, 1), ylim=(0, 1), xlabel="mean score", ylabel="observed rate")
    left.set_title("Calibration", fontsize=9)
    if left.get_legend_handles_labels()[0]:  # of a handful of rows there is no curve
        left.legend(fontsize=8, frameon=False, loc="upper left")
    _draw_differences(middle, compared, gate)
    _draw_slices(right, evaluation, compared, gate)
    figure.suptitle(
        f"{evaluation.feature}, version {evaluation.version} beside {evaluation.champion}: "
        f"{evaluation.rows} labelled rows, {evaluation.first_day} to {evaluation.last_day}",
        fontsize=10,
    )
    content = BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()


def _draw_differences(axes: Axes, compared: Compared, gate: CandidateGate) -> None:
    shown = [metric for metric in metrics_of(compared).all if metric.usable(compared)]
    for place, metric in enumerate(reversed(shown)):
        better, margin = metric.better_by(compared.difference), metric.margin(gate, compared)
        _draw(axes, place, better, refused=(better.low or 0.0) < -margin)
        axes.plot(-margin, place, color="black", marker="|", markersize=18)
        gain = metric.gain(gate, compared)
        if gain is not None:
            axes.plot(gain, place, color="black", marker="|", markersize=8)
    _name(axes, [metric.words for metric in reversed(shown)])
    axes.set_title("Difference with its interval; long mark: margin, short: gain", fontsize=9)


def _draw_slices(
    axes: Axes, evaluation: CandidateEvaluation, compared: Compared, gate: CandidateGate
) -> None:
    tests = list(slice_tests(evaluation.sliced.slices, compared, Criteria(gate, "")))
    broken = surely_worse(tests)
    tests.sort(key=lambda test: test.better.value / test.margin if test.margin else 0.0)
    worst = list(reversed(tests[:SLICES]))
    for place, test in enumerate(worst):
        _draw(axes, place, test.better, refused=test in broken)
        axes.plot(-test.margin, place, color="black", marker="|", markersize=10)
    _name(axes, [f"{test.slice}, {test.metric.words}" for test in worst])
    axes.set_title(f"The worst of {len(tests)} comparisons in slices", fontsize=9)


def _draw(axes: Axes, place: int, better: Estimate, *, refused: bool) -> None:
    color = NOW if refused else LAUNCH
    axes.plot([better.low or 0.0, better.high or 0.0], [place, place], color=color, linewidth=2)
    axes.plot(better.value, place, color=color, marker="o", markersize=5)


def _name(axes: Axes, names: Sequence[str]) -> None:
    axes.axvline(0, color=GREY, linewidth=0.8)
    # A slice may be named anything: what looks like mathematics and is none would draw nothing.
    axes.set_yticks(range(len(names)), names, fontsize=8, parse_math=False)
    axes.set_ylim(-0.6, max(len(names), 1) - 0.4)
    axes.set_xlabel("worse  ←  the candidate is  →  better", fontsize=9)
