"""The picture of a cadence: how each version answered as it grew old, and when alerts fired."""

from io import BytesIO

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ai_ops.accuracy_evaluation.aging import FOLLOWED, Loss
from ai_ops.accuracy_evaluation.cadence import Advice
from ai_ops.accuracy_evaluation.pictures import GREY, LAUNCH, NOW
from ai_ops.accuracy_evaluation.staleness_records import AgedMonth

COLOURS = (LAUNCH, NOW, "#15803d", "#7c3aed", "#0e7490", "#a16207", "#be185d", GREY)


def draw_cadence(feature: str, months: list[AgedMonth], advice: Advice) -> bytes | None:
    """A PNG: left the staleness curve of every version, in the middle what is lost per month of
    age, right the days in production up to an alert. None when no version was asked again."""
    if not any(month.answered for month in months):
        return None
    figure = Figure(figsize=(12.0, 3.4), dpi=90)
    FigureCanvasAgg(figure)
    grid = {"left": 0.055, "right": 0.985, "bottom": 0.15, "top": 0.83, "wspace": 0.35}
    left, middle, right = figure.subplots(1, 3, width_ratios=(1.5, 1, 1.2), gridspec_kw=grid)
    _draw_curves(left, months)
    _draw_losses(middle, advice.losses)
    _draw_spells(right, advice)
    became = (
        f"retrain {advice.rhythm}" if advice.rhythm else "too little history to advise a cadence"
    )
    figure.suptitle(f"{feature}, by {months[-1].month[:7]}: {became}", fontsize=10)
    content = BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()


def _draw_curves(axes: Axes, months: list[AgedMonth]) -> None:
    lost = FOLLOWED[months[-1].kind][0]
    versions = dict.fromkeys(one.version for month in months for one in month.answered)
    for version, colour in zip(versions, COLOURS * len(versions), strict=False):
        own = [one for month in months for one in month.answered if one.version == version]
        known = [(one.age, one.metrics[lost.metric]) for one in own if lost.metric in one.metrics]
        ages, found = [age for age, _ in known], [one for _, one in known]
        values = [one.value for one in found]
        axes.plot(ages, values, color=colour, marker="o", markersize=3, label=f"version {version}")
        lows = [one.value if one.low is None else one.low for one in found]
        highs = [one.value if one.high is None else one.high for one in found]
        axes.fill_between(ages, lows, highs, color=colour, alpha=0.1, linewidth=0)
    axes.set(xlabel="months after the last row that it learnt from", ylabel=lost.words)
    axes.set_xlim(left=0)
    axes.set_title("How each version grew old, month by month", fontsize=9)
    axes.legend(fontsize=8, frameon=False)


def _draw_losses(axes: Axes, losses: tuple[Loss, ...]) -> None:
    for place, loss in enumerate(losses):
        lost = loss.per_month
        colour = NOW if lost.beyond(0.0) else LAUNCH
        if lost.low is not None and lost.high is not None:
            axes.plot([lost.low, lost.high], [place, place], color=colour, linewidth=2)
        axes.plot(lost.value, place, color=colour, marker="o")
    axes.axvline(0, color=GREY, linewidth=0.8)
    axes.set_yticks(range(len(losses)), [loss.words for loss in losses], fontsize=8)
    axes.set_ylim(-0.6, max(len(losses), 1) - 0.4)
    axes.tick_params(axis="x", labelsize=8)
    axes.set_title("Lost per month of age", fontsize=9)


def _draw_spells(axes: Axes, advice: Advice) -> None:
    spells = advice.spells
    for place, spell in enumerate(spells):
        axes.barh(place, spell.days, color=NOW if spell.alert else GREY, height=0.5)
        axes.annotate(spell.alert or "no alert", (0, place + 0.32), fontsize=7)
    axes.set_yticks(range(len(spells)), [f"version {one.version}" for one in spells], fontsize=8)
    axes.set_ylim(-0.6, max(len(spells), 1) - 0.2)
    axes.set(xlabel="judged days in production up to the first alert")
    axes.set_title("Spacing of alerts", fontsize=9)
