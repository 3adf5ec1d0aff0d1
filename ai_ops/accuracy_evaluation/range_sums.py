"""The sums of many windows of one range: every day's rows are summed once, however many hold it."""

from collections.abc import Sequence
from typing import Any

from ai_ops.accuracy_evaluation.kinds import Kind
from ai_ops.accuracy_evaluation.labelled_rows import LabelledRows
from ai_ops.accuracy_evaluation.metrics import Bools, DaySums, measured
from ai_ops.accuracy_evaluation.records import Measured


class RangeSums:
    """The sums and metrics of chosen rows, each day's and each window's made once.

    A day is known by which of its rows were chosen: its labels become known over some days, and
    from then on it is the same in every window.
    """

    def __init__(self, kind: Kind) -> None:
        self._summer = kind.summer()
        self._days: dict[tuple[str, bytes], Any] = {}
        self._metrics: dict[tuple[Any, ...], Measured] = {}

    def parts(self, rows: LabelledRows, chosen: Bools) -> dict[str, Any]:
        """What is kept of each day that has chosen rows, in the order of the days."""
        found = {}
        for place, day in enumerate(rows.days):
            here = slice(int(rows.starts[place]), int(rows.starts[place + 1]))
            where = chosen[here]
            if not where.any():
                continue
            key = (day, where.tobytes())
            if key not in self._days:
                answers = rows.answers.take(here).take(where)
                self._days[key] = self._summer.day(day, answers)
            found[day] = self._days[key]
        return found

    def sums(self, parts: dict[str, Any], days: Sequence[str] | None = None) -> DaySums:
        """The sums of these days, or of those of them that are named."""
        return self._summer.together(self._of(parts, days))

    def measured(self, parts: dict[str, Any], days: Sequence[str]) -> Measured:
        """The metrics of the named days, with their intervals; computed once for the same rows."""
        key = (days[0], days[-1], *(id(part) for part in self._of(parts, days)))
        if key not in self._metrics:
            sums = self.sums(parts, days)
            self._metrics[key] = measured(sums, days[0], days[-1])
        return self._metrics[key]

    @staticmethod
    def _of(parts: dict[str, Any], days: Sequence[str] | None) -> list[Any]:
        wanted = parts if days is None else days
        return [parts[day] for day in wanted if day in parts]


def sums_of(rows: LabelledRows, chosen: Bools, kind: Kind) -> DaySums:
    """The sums of the chosen rows, for whoever asks once."""
    sums = RangeSums(kind)
    return sums.sums(sums.parts(rows, chosen))
