"""The picture of a challenger: how far it is from the champion by day, and on labels."""

from io import BytesIO

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ai_ops.accuracy_evaluation.challenger_records import ChallengerReport
from ai_ops.accuracy_evaluation.pictures import GREY, LAUNCH, MARGINS, NOW

METRICS = (("auc", "AUC"), ("accuracy", "accuracy"), ("brier", "Brier"), ("ece", "ECE"))


def draw_challenger(report: ChallengerReport) -> bytes:
    """A PNG: left the days' agreement, right each metric's difference on labels, with interval."""
    figure = Figure(figsize=(9.0, 3.4), dpi=90)
    FigureCanvasAgg(figure)
    left, right = figure.subplots(
        1, 2, width_ratios=(1.5, 1), gridspec_kw=MARGINS | {"wspace": 0.3}
    )
    _draw_days(left, report)
    _draw_labels(right, report)
    figure.suptitle(
        f"{report.feature}: challenger {report.version} beside champion {report.champion}, "
        f"to {report.day}",
        fontsize=10,
    )
    content = BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()


def _draw_days(axes: Axes, report: ChallengerReport) -> None:
    days = [one for one in report.days if one.answered]
    places = range(len(days))
    lines = (
        ("other decisions", NOW, [one.other_decisions or 0.0 for one in days]),
        ("mean difference of scores", LAUNCH, [one.mean_difference or 0.0 for one in days]),
    )
    for name, colour, values in lines:
        axes.plot(places, values, color=colour, marker="o", markersize=3, label=name)
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.set_xticks(list(places), [one.day[5:] for one in days], fontsize=7, rotation=45)
    axes.set_title("The same requests, day by day", fontsize=9)
    if days:
        axes.legend(fontsize=8, frameon=False)


def _draw_labels(axes: Axes, report: ChallengerReport) -> None:
    axes.axvline(0, color=GREY, linewidth=0.8)
    axes.set_title("Challenger minus champion on labels", fontsize=9)
    found = report.on_labels
    if found is None:
        axes.text(0.5, 0.5, "no labels yet", transform=axes.transAxes, ha="center", color=GREY)
        axes.set_yticks([])
        return
    told = [(name, found.difference[key]) for key, name in METRICS if key in found.difference]
    for place, (_, apart) in enumerate(told):
        low = apart.value if apart.low is None else apart.low
        high = apart.value if apart.high is None else apart.high
        axes.plot([low, high], [place, place], color=NOW)
        axes.plot([apart.value], [place], color=NOW, marker="o", markersize=4)
    axes.set_yticks(range(len(told)), [name for name, _ in told], fontsize=8)
    axes.set_xlabel(f"{found.rows} labelled rows of {found.days} days", fontsize=8)
