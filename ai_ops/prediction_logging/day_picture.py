"""The picture of a day of the log: what was served and what was logged, above who was there."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from io import BytesIO

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ai_ops.prediction_logging.completeness import Completeness
from ai_ops.prediction_logging.incarnation import Incarnation
from ai_ops.vocabulary.windows import Window

LOGGED, SERVED, MISSING, QUIET = "#1d4ed8", "#111827", "#c2410c", "#9ca3af"
MOST_ROWS = 12
"""More incarnations than this are not told apart in a picture."""
LONGEST = 12
"""Letters of a writer's name that find room beside its bar."""


def draw_day(known: Completeness, window: Window) -> bytes:
    """A PNG: the requests of each hour, logged (bars) and served by the witness (line); below it
    one bar an incarnation for the time it was there (grey when it gives no signs of life), with
    what is missing marked in red."""
    shown = _shown(known.incarnations)
    height = 2.4 + 0.22 * max(len(shown), 1)
    figure = Figure(figsize=(9.0, height), dpi=90)
    FigureCanvasAgg(figure)
    # Fixed margins: a layout that is computed takes longer than all the drawing.
    above, below = figure.subplots(
        2,
        1,
        sharex=True,
        height_ratios=(1.9, 0.3 + 0.22 * max(len(shown), 1)),
        gridspec_kw={"left": 0.16, "right": 0.97, "bottom": 0.09, "top": 0.9, "hspace": 0.08},
    )
    _draw_hours(above, known, window)
    _draw_presence(below, shown, window)
    marks = [part for axes in (above, below) for part in axes.get_legend_handles_labels()[0]]
    above.legend(handles=marks, fontsize=8, frameon=False, ncols=6, loc="upper left")
    figure.suptitle(f"{known.feature}, {known.day}: requests by hour, and who logged", fontsize=10)
    content = BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()


def _draw_hours(axes: Axes, known: Completeness, window: Window) -> None:
    told = {
        writer: {hour: one.requests for hour, one in hours.items()}
        for writer, hours in known.logged.items()
    }
    logged = _by_hour(told, window)
    served = _by_hour(known.witness.served, window)
    places = [hour + 0.5 for hour in range(24)]
    axes.bar(places, logged, width=0.8, color=LOGGED, label="logged")
    short = [max(asked - held, 0) for asked, held in zip(served, logged, strict=True)]
    if any(short):
        axes.bar(places, short, bottom=logged, width=0.8, color=MISSING, label="served, not logged")
    if any(served):
        edges = [float(edge) for edge in range(25)]
        axes.stairs(served, edges, color=SERVED, linewidth=1.0, label="served (the witness)")
    axes.set_ylabel("requests")
    axes.set_ylim(0, 1.3 * max([*logged, *served, 1]))
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.tick_params(labelsize=8)


def _draw_presence(axes: Axes, shown: Sequence[Incarnation], window: Window) -> None:
    names, lost, crashed = [], [], []
    for place, one in enumerate(shown):
        writer = one.writer if len(one.writer) <= LONGEST else f"{one.writer[: LONGEST - 1]}…"
        names.append(f"{writer} {one.pid or ''}".strip())
        spans = [
            (_hour(begin, window), max(_hour(end, window) - _hour(begin, window), 0.05))
            for begin, end in one.alive
        ]
        axes.broken_barh(spans, (place - 0.3, 0.6), color=LOGGED if one.beats else QUIET)
        moments = [gone.after or gone.before for gone in one.missing]
        lost += [(_hour(moment, window), place) for moment in moments if moment is not None]
        if one.ended == "crashed" and one.last_alive is not None:
            crashed.append((_hour(one.last_alive, window), place))
    for marked, sign, label in ((lost, "X", "numbers missing"), (crashed, "d", "crashed")):
        if marked:
            axes.plot(
                [hour for hour, _ in marked],
                [place for _, place in marked],
                sign,
                color=MISSING,
                markeredgecolor="white",  # or it would not show on a bar
                markersize=9,
                label=label,
                clip_on=False,
            )
    axes.set_yticks(range(len(names)), names, parse_math=False)  # a name may be anything
    axes.set_ylim(max(len(names), 1) - 0.4, -0.6)
    axes.set_xlim(0, 24)
    axes.set_xticks(range(0, 25, 3), [f"{hour:02}:00" for hour in range(0, 25, 3)])
    axes.tick_params(labelsize=8)


def _shown(incarnations: Sequence[Incarnation]) -> list[Incarnation]:
    """Those that fit: whoever misses something or ended badly first."""
    urgent = sorted(incarnations, key=lambda one: not (one.missing or one.ended == "crashed"))
    return sorted(urgent[:MOST_ROWS], key=lambda one: (one.writer, one.incarnation))


def _by_hour(counts: Mapping[str, Mapping[str, int]], window: Window) -> list[int]:
    """The sum of all writers in each hour of a day."""
    begins = [window.start + timedelta(hours=hour) for hour in range(24)]
    keys = [f"{begin:%Y-%m-%dT%H}" for begin in begins]
    return [sum(hours.get(key, 0) for hours in counts.values()) for key in keys]


def _hour(moment: datetime, window: Window) -> float:
    return min(max((moment - window.start) / timedelta(hours=1), 0.0), 24.0)
