"""The picture of a training set: how much was learnt from each week, and how often it was true."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ai_ops.vocabulary.verdicts import Observed

LOGGED, HISTORY, RATE = "#1d4ed8", "#9ca3af", "#c2410c"


@dataclass(frozen=True, slots=True)
class Week:
    """A Monday week of a training set; ``logged`` of its rows are from the prediction log."""

    monday: str
    rows: int
    labelled: int
    positives: int
    logged: int

    @property
    def rate(self) -> float | None:
        """The share of its labels that are true; None without labels."""
        return self.positives / self.labelled if self.labelled else None

    def as_row(self) -> dict[str, Observed]:
        """The week as a row of a table."""
        return {
            "week": self.monday,
            "rows": self.rows,
            "labelled": self.labelled,
            "positive_rate": None if self.rate is None else round(self.rate, 4),
            "logged": self.logged,
        }


def draw_weeks(feature: str, training_set: str, weeks: Sequence[Week]) -> bytes:
    """A PNG: the rows of each week as bars, those of the log in colour, and the positive rate."""
    figure = Figure(figsize=(9.0, 3.2), dpi=90)
    FigureCanvasAgg(figure)
    axes = figure.subplots(gridspec_kw={"left": 0.08, "right": 0.92, "bottom": 0.16, "top": 0.86})
    places = list(range(len(weeks)))
    history = [week.rows - week.logged for week in weeks]
    axes.bar(places, history, color=HISTORY, label="from the history before the log")
    axes.bar(places, [week.logged for week in weeks], bottom=history, color=LOGGED, label="logged")
    axes.set_ylabel("rows")
    axes.set_ylim(0, 1.35 * max(week.rows for week in weeks))
    step = max(1, len(weeks) // 7)
    axes.set_xticks(places[::step], [week.monday for week in weeks][::step], fontsize=8)
    axes.legend(fontsize=8, frameon=False, loc="upper left")
    rates = axes.twinx()
    known = [(n, week.rate) for n, week in enumerate(weeks) if week.rate is not None]
    if known:
        rates.plot(*zip(*known, strict=True), color=RATE, marker="o", markersize=3)
    rates.set_ylim(0, 1)
    rates.set_ylabel("share of true labels", color=RATE)
    figure.suptitle(f"{feature}: training set {training_set}, by week", fontsize=10)
    content = BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()
