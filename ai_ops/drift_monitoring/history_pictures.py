"""The picture of how far columns went, day by day, and where their thresholds end."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from matplotlib.axes import Axes

from ai_ops.drift_monitoring.pictures import LINE, NOW, REFERENCE, grid, png_of

NEAR: Final = (0, 0.5, 1, 2, 5, 10, 20)
FAR: Final = (0, 0.5, 1, 10, 100, 1000)
"""Where the axis is marked; a column that is further than all of them is drawn at the top."""


@dataclass(frozen=True)
class Course:
    """A column's ratio to its threshold by day, oldest first; None of a day that has none.

    ``reference`` names what each day was judged against; ``told`` is what the last day says.
    """

    column: str
    days: Sequence[str]
    ratios: Sequence[float | None]
    reference: Sequence[str | None]
    told: str = ""


def draw_history(title: str, courses: Sequence[Course]) -> bytes:
    """A PNG: of each column the highest of its tests, in thresholds, over the days; the band is
    what its threshold allows, a cross a day that could not be judged, a dotted line another
    reference."""
    figure, every = grid(title, len(courses))
    highest = max((r for course in courses for r in course.ratios if r is not None), default=1.0)
    top = max(2.2, min(highest, FAR[-1]) * 1.25)
    for axes, course in zip(every, courses, strict=True):
        _draw(axes, course, top)
    return png_of(figure)


def _draw(axes: Axes, course: Course, top: float) -> None:
    days = np.array(course.days, dtype="datetime64[D]")
    ratios = np.array([np.nan if one is None else one for one in course.ratios], float)
    axes.axhspan(0, 1, color=REFERENCE, alpha=0.13, linewidth=0)
    axes.axhline(1, color=REFERENCE, linewidth=0.9, linestyle="--")
    axes.plot(days, np.minimum(ratios, top), color=LINE, linewidth=1.3)
    beyond = ratios > 1
    axes.plot(days[beyond], np.minimum(ratios[beyond], top), "o", color=NOW, markersize=3.5)
    unknown = np.isnan(ratios)
    axes.plot(days[unknown], np.zeros(int(unknown.sum())), "x", color="black", markersize=3.5)
    for before, day, after in zip(course.reference, days[1:], course.reference[1:], strict=False):
        if before and after and before != after:
            axes.axvline(day, color="black", linewidth=0.8, linestyle=":")
    axes.set_yscale("symlog", linthresh=1)
    axes.set_ylim(-0.04, top)
    ticks = [tick for tick in (NEAR if top <= 2 * NEAR[-1] else FAR) if tick <= top]
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_yticks([], minor=True)
    shown = days[:: -max(1, len(days) // 3)]
    axes.set_xticks(shown, [str(day)[5:] for day in shown])
    axes.set_xlim(days[0] - np.timedelta64(1, "D"), days[-1] + np.timedelta64(1, "D"))
    axes.set_title(course.column, fontsize=9, loc="left", parse_math=False)
    axes.set_title(course.told, fontsize=8, loc="right", parse_math=False, color=LINE)
