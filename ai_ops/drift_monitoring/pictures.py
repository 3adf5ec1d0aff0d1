"""The picture of a drift report: how far each column went, and where the scores lie now."""

from collections.abc import Sequence
from io import BytesIO

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from ai_ops.drift_monitoring.cells import ColumnCells
from ai_ops.drift_monitoring.comparison import ColumnDrift

MOST = 30
"""At most this many columns have a bar: those that went furthest."""
NOW, REFERENCE, GREY = "#c2410c", "#1d4ed8", "#9ca3af"


def draw_drift(
    title: str,
    columns: Sequence[ColumnDrift],
    score: ColumnCells | None,
    current: ArrayLike,
    reference: ArrayLike,
) -> bytes:
    """A PNG: left PSI over threshold per column, right the score's density now and then.

    ``score`` are the cells of the judged score; ``current`` and ``reference`` its counts, shape
    ``[cells]``.
    """
    figure = Figure(figsize=(9.0, 4.2), dpi=80, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
    _draw_ratios(left, columns)
    if score is not None:
        _draw_density(right, score, reference, REFERENCE, "reference", filled=True)
        _draw_density(right, score, current, NOW, "now", filled=False)
        right.legend(fontsize=8, frameon=False)
        right.set(xlabel=score.column.name, ylabel="density", ylim=(0, None))
    right.set_title("Scores", fontsize=9)
    for axes in (left, right):
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, fontsize=10)
    content = BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()


def _draw_ratios(axes: Axes, columns: Sequence[ColumnDrift]) -> None:
    shown = sorted(columns, key=lambda column: column.ratio or 0)[-MOST:]
    ratios = [column.ratio or 0 for column in shown]
    names = [
        column.column if column.ratio is not None else f"{column.column} (?)" for column in shown
    ]
    colours = [NOW if ratio > 1 else GREY for ratio in ratios]
    axes.barh(names, ratios, color=colours, height=0.7)
    axes.axvline(1, color="black", linewidth=0.8, linestyle="--")
    # One column far out must not press all others against the axis.
    axes.set_xlim(0, min(max([1.3, *ratios]) * 1.08, 6.5))
    for place, ratio in enumerate(ratios):
        if ratio > 6:
            axes.text(
                6.4, place, f"{ratio:.0f} →", ha="right", va="center", fontsize=7, color="white"
            )
    axes.set_title("PSI, in thresholds of its column", fontsize=9)


def _draw_density(
    axes: Axes, cells: ColumnCells, counts: ArrayLike, colour: str, name: str, *, filled: bool
) -> None:
    borders, density = _density(cells, np.asarray(counts, float))
    label = f"{name} (n = {int(np.sum(counts)):,})"
    if filled:
        axes.stairs(density, borders, color=colour, alpha=0.25, fill=True, label=label)
    else:
        axes.stairs(density, borders, color=colour, linewidth=1.6, label=label)


def _density(
    cells: ColumnCells, counts: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Borders and densities of the bins; rows beyond the reference's range are not drawn."""
    low, high = cells.low or 0.0, cells.high if cells.high is not None else 1.0
    borders = np.array([low, *cells.edges, max(high, low + 1e-9)])
    widths = np.maximum(np.diff(borders), 1e-9)
    bins = counts[: len(cells.edges) + 1]
    return borders, bins / widths / max(counts.sum(), 1.0)
