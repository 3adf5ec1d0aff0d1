"""The picture of a back-test: the alerts of each column, and those left with its factor."""

from collections import Counter
from io import BytesIO

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ai_ops.drift_monitoring.back_test import BackTest
from ai_ops.drift_monitoring.pictures import GREY, NOW

MOST = 30
"""At most so many columns have bars: those with the most alerts."""


def draw_thresholds(title: str, tested: BackTest) -> bytes | None:
    """A PNG: of each column the alerts that there were, and those that would be left or appear.
    None when there is neither."""
    before = Counter(one.alert.column for one in (*tested.vanished, *tested.remaining))
    after = Counter(one.alert.column for one in tested.remaining)
    after.update(one.column for one in tested.appeared)
    columns = sorted({*before, *after}, key=lambda one: (before[one], after[one], one))[-MOST:]
    if not columns:
        return None
    figure = Figure(figsize=(8.0, 1.6 + 0.28 * len(columns)), dpi=80, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    places = range(len(columns))
    old = [place + 0.2 for place in places]
    new = [place - 0.2 for place in places]
    axes.barh(old, [before[one] for one in columns], height=0.38, color=GREY, label="as it was")
    axes.barh(
        new, [after[one] for one in columns], height=0.38, color=NOW, label="with the proposal"
    )
    factors = [tested.factors.get(one, 1.0) for one in columns]
    names = [
        one if factor == 1 else f"{one} × {factor:g}"
        for one, factor in zip(columns, factors, strict=True)
    ]
    axes.set_yticks(list(places), names, fontsize=8)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel("alerts", fontsize=8)
    axes.legend(fontsize=8, frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    figure.suptitle(title, fontsize=9, wrap=True)
    content = BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()
