"""The picture of a candidate: calibration of both versions, and how far the gate lets it go."""

from io import BytesIO

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ai_ops.accuracy_evaluation.candidate_records import CandidateEvaluation, Compared
from ai_ops.accuracy_evaluation.gate_metrics import COMPARED
from ai_ops.accuracy_evaluation.pictures import GREY, LAUNCH, NOW, draw_curve
from ai_ops.ai_features.gate import CandidateGate

SHORT = {"auc": "AUC", "ece": "ECE", "brier": "Brier score"}


def draw_candidate(evaluation: CandidateEvaluation, gate: CandidateGate) -> bytes | None:
    """A PNG: left both calibration curves, right by how much the candidate is better, per metric.

    None when nothing was compared.
    """
    compared = evaluation.compared
    if compared is None:
        return None
    figure = Figure(figsize=(9.0, 3.4), dpi=90)
    FigureCanvasAgg(figure)
    left, right = figure.subplots(
        1,
        2,
        width_ratios=(1, 1.5),
        gridspec_kw={"left": 0.06, "right": 0.985, "bottom": 0.15, "top": 0.83, "wspace": 0.26},
    )
    left.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":")
    draw_curve(left, compared.champion_curve, LAUNCH, f"version {evaluation.champion}")
    draw_curve(left, compared.candidate_curve, NOW, f"version {evaluation.version}, candidate")
    left.set(xlim=(0, 1), ylim=(0, 1), xlabel="mean score", ylabel="observed rate")
    left.set_title("Calibration", fontsize=9)
    left.legend(fontsize=8, frameon=False, loc="upper left")
    _draw_differences(right, compared, gate)
    figure.suptitle(
        f"{evaluation.feature}, version {evaluation.version} beside {evaluation.champion}: "
        f"{evaluation.rows} labelled rows, {evaluation.first_day} to {evaluation.last_day}",
        fontsize=10,
    )
    content = BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()


def _draw_differences(axes: Axes, compared: Compared, gate: CandidateGate) -> None:
    axes.axvline(0, color=GREY, linewidth=0.8)
    shown = [metric for metric in COMPARED if metric.usable(compared)]
    for place, metric in enumerate(reversed(shown)):
        better, margin = metric.better_by(compared), metric.margin(gate)
        low, high = better.low or 0.0, better.high or 0.0
        passes = low >= -margin
        axes.plot([low, high], [place, place], color=LAUNCH if passes else NOW, linewidth=2)
        axes.plot(better.value, place, color=LAUNCH if passes else NOW, marker="o", markersize=5)
        axes.plot(-margin, place, color="black", marker="|", markersize=18)
        axes.plot(metric.gain(gate), place, color="black", marker="|", markersize=8)
    axes.set_yticks(range(len(shown)), [SHORT[m.name] for m in reversed(shown)], fontsize=9)
    axes.set_ylim(-0.6, len(shown) - 0.4)
    axes.set_xlabel("worse  ←  the candidate is  →  better", fontsize=9)
    axes.set_title("Difference with its interval; long mark: margin, short: gain", fontsize=9)
