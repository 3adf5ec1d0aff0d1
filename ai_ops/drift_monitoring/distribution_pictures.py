"""The picture of where columns lie now, beside where they lay in the reference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from ai_ops.drift_monitoring.cells import Cell, ColumnCells
from ai_ops.drift_monitoring.pictures import LINE, NOW, REFERENCE, density, grid, png_of
from ai_ops.drift_monitoring.reference import share_of

BARS: Final = 7
"""At most so many categories have a bar of their own."""
COMMON: Final = 0.01
"""A category is named when it is so large a share of the reference: what many rows have in common
is no row's value."""
TOLD: Final = 0.002
"""A share of nulls, or of what lies outside, that is not told."""
MARKED: Final[Mapping[str, tuple[Cell, ...]]] = {
    "null": ("null", "nan"),
    "below": ("under", "far_under"),
    "above": ("over", "far_over"),
    "no number": ("invalid",),
}
"""What a density cannot show, in words."""


@dataclass(frozen=True, eq=False)
class Beside:
    """A column's counts in the order of its cells, now and in the reference: shape ``[cells]``."""

    cells: ColumnCells
    now: NDArray[np.int64]
    reference: NDArray[np.int64]


def draw_distributions(title: str, columns: Sequence[Beside]) -> bytes:
    """A PNG: of each column its distribution now (orange) and in the reference (blue).

    Numbers as densities over the cells, with what lies outside of them in words; categories as
    bars, the rare ones together, those that the reference never had by themselves.
    """
    figure, every = grid(title, len(columns))
    for axes, column in zip(every, columns, strict=True):
        axes.set_title(column.cells.column.name, fontsize=9, loc="left", parse_math=False)
        if column.cells.column.kind == "number":
            _draw_number(axes, column)
        else:
            _draw_categories(axes, column)
    parts = [Rectangle((0, 0), 1, 1, color=colour, alpha=0.5) for colour in (REFERENCE, NOW)]
    figure.legend(parts, ["reference", "now"], fontsize=8, frameon=False, loc="upper left", ncols=2)
    return png_of(figure)


def _draw_number(axes: Axes, column: Beside) -> None:
    borders, then = density(column.cells, column.reference)
    _, now = density(column.cells, column.now)
    axes.stairs(then, borders, color=REFERENCE, alpha=0.3, fill=True, label="reference")
    axes.stairs(now, borders, color=NOW, linewidth=1.6, label="now")
    left, right = _view(column.cells, borders)
    # A value that many rows share has a cell of no width: its tower must not flatten the rest.
    wide = np.diff(borders) > 0.02 * (right - left)
    top = max(then[wide].max(initial=0.0), now[wide].max(initial=0.0)) * 1.5
    axes.set(xlim=(left, right), ylim=(0, top if top > 0 else None), yticks=[])
    axes.xaxis.set_major_locator(MaxNLocator(5))
    _draw_words(axes, column)


def _view(cells: ColumnCells, borders: NDArray[np.float64]) -> tuple[float, float]:
    """What of the range is drawn: the tails of a skewed column would press all else together."""
    inner = cells.edges or borders
    beside = 0.6 * (inner[-1] - inner[0]) or (borders[-1] - borders[0])
    return max(borders[0], inner[0] - beside), min(borders[-1], inner[-1] + beside)


def _draw_words(axes: Axes, column: Beside) -> None:
    height = 0.99
    for word, cells in MARKED.items():
        then = share_of(column.cells, column.reference, *cells)
        now = share_of(column.cells, column.now, *cells)
        if max(then, now) < TOLD:
            continue
        axes.text(
            0.99,
            height,
            f"{word} {then:.1%} → {now:.1%}",
            transform=axes.transAxes,
            ha="right",
            va="top",
            fontsize=8,
            color=NOW if abs(now - then) >= COMMON else LINE,
        )
        height -= 0.11


def _draw_categories(axes: Axes, column: Beside) -> None:
    names, then, now = shares_of(column)
    places = np.arange(len(names))
    axes.barh(places - 0.2, then, height=0.38, color=REFERENCE, alpha=0.4, label="reference")
    axes.barh(places + 0.2, now, height=0.38, color=NOW, label="now")
    axes.set_yticks(places, names, fontsize=8, parse_math=False)
    axes.invert_yaxis()
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")


def shares_of(column: Beside) -> tuple[list[str], list[float], list[float]]:
    """The bars of a category: names, shares in the reference, shares now.

    Those of the common ones that moved most by name; the others together; unseen and null ones
    where there are any.

    >>> from ai_ops.drift_monitoring.cells import ProfiledColumn
    >>> cells = ColumnCells(ProfiledColumn("pay", "input", "category"), values=("a", "b", "c"))
    >>> shares_of(Beside(cells, np.array([50, 40, 0, 10, 0]), np.array([899, 100, 1, 0, 0])))
    (['a', 'b', '1 other', 'unseen'], [0.899, 0.1, 0.001, 0.0], [0.5, 0.4, 0.0, 0.1])
    """
    then = column.reference / max(int(column.reference.sum()), 1)
    now = column.now / max(int(column.now.sum()), 1)
    known = np.arange(len(column.cells.values))
    common = [place for place in known if then[place] >= COMMON]
    moved = sorted(common, key=lambda place: -abs(then[place] - now[place]))[:BARS]
    chosen = sorted(moved, key=lambda place: -then[place])
    rest = [place for place in known if place not in chosen]
    bars = [(_short(column.cells.values[place]), then[place], now[place]) for place in chosen]
    if rest:
        others = f"{len(rest)} other{'s' * (len(rest) > 1)}"
        bars.append((others, then[rest].sum(), now[rest].sum()))
    for word, place in (("unseen", len(known)), ("null", len(known) + 1)):
        if max(then[place], now[place]) > 0:
            bars.append((word, then[place], now[place]))
    return (
        [name for name, *_ in bars],
        [float(share) for _, share, _ in bars],
        [float(share) for *_, share in bars],
    )


def _short(name: str, most: int = 12) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"
