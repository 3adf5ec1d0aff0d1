"""The picture of a drift report: how far each column went, and where the scores lie now; and what
all pictures of drift share."""

import warnings
from collections.abc import Sequence
from io import BytesIO
from typing import Final

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
LINE: Final = "#4b5563"


def grid(title: str, many: int) -> tuple[Figure, list[Axes]]:
    """A figure of small pictures, three in a row, with as many axes as are asked for."""
    rows = max(1, -(-many // 3))
    height = 0.55 + 1.95 * rows
    margins = {"left": 0.075, "right": 0.985, "wspace": 0.3, "hspace": 0.42}
    margins |= {"bottom": 0.27 / height, "top": 1 - 0.62 / height}
    figure = Figure(figsize=(10.0, height), dpi=100)
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=10, parse_math=False, y=1 - 0.08 / height, va="top")
    every = figure.subplots(rows, 3, squeeze=False, gridspec_kw=margins).ravel().tolist()
    for axes in every[many:]:
        axes.set_visible(False)
    for axes in every[:many]:
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    return figure, every[:many]


def png_of(figure: Figure) -> bytes:
    """The figure as a PNG; a letter that the font lacks is drawn as a box, and that is all."""
    content = BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")
        figure.savefig(content, format="png")
    return content.getvalue()


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
    longest = max((len(column.column) for column in columns), default=0)
    # Fixed margins: a layout that is computed takes longer than all the drawing.
    margins = {"left": min(0.03 + 0.0085 * longest, 0.35), "right": 0.985, "wspace": 0.16}
    margins |= {"bottom": 0.11, "top": 0.86}
    figure = Figure(figsize=(9.0, 4.2), dpi=80)
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, width_ratios=(1.15, 1), gridspec_kw=margins)
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
    figure.suptitle(title, fontsize=10, parse_math=False)
    return png_of(figure)


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
    axes.set_title("The furthest test, in thresholds of its column", fontsize=9)


def _draw_density(
    axes: Axes, cells: ColumnCells, counts: ArrayLike, colour: str, name: str, *, filled: bool
) -> None:
    borders, shares = density(cells, np.asarray(counts, float))
    label = f"{name} (n = {int(np.sum(counts)):,})"
    if filled:
        axes.stairs(shares, borders, color=colour, alpha=0.25, fill=True, label=label)
    else:
        axes.stairs(shares, borders, color=colour, linewidth=1.6, label=label)


def density(
    cells: ColumnCells, counts: NDArray[np.float64] | NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Borders and densities of the bins; rows beyond the reference's range are not drawn."""
    low, high = cells.low or 0.0, cells.high if cells.high is not None else 1.0
    borders = np.array([low, *cells.edges, max(high, low + 1e-9)])
    widths = np.maximum(np.diff(borders), 1e-9)
    bins = counts[: len(cells.edges) + 1]
    return borders, bins / widths / max(counts.sum(), 1.0)
