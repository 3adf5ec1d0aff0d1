"""The slices of the trailing month beside the same slices at launch."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from ai_ops.accuracy_evaluation.kinds import kind_of
from ai_ops.accuracy_evaluation.labelled_rows import LabelledRows
from ai_ops.accuracy_evaluation.launch import LaunchRows
from ai_ops.accuracy_evaluation.metrics import Answers, Bools, Floats
from ai_ops.accuracy_evaluation.records import SliceMeasured, Slices, Then
from ai_ops.accuracy_evaluation.slice_sums import Places, Sliced, measure_slices, sums_of_slices
from ai_ops.accuracy_evaluation.slices import (
    VALUES_AT_MOST,
    Slice,
    coded,
    edges_of,
    read_slices,
)
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.root import Root

ROWS_AT_LEAST: Final = 200
"""A slice with fewer labelled rows in the month is not judged by itself."""

NAMED: Final = 5


@dataclass(frozen=True)
class _Day:
    """One day's sums [n, K] of the n slices that had rows, and their places among all."""

    places: Places
    sums: Floats


class SlicedMonths:
    """The slices of a feature, month by month: every day's rows are summed once."""

    def __init__(self, root: Root, feature: AiFeatureSpec) -> None:
        self._root, self._feature = root, feature
        self._kind = kind_of(feature).name
        self._known: dict[Slice, int] = {}
        self._edges: dict[str, dict[str, Floats]] = {}
        self._codes: dict[tuple[str, str], list[Places]] = {}
        self._days: dict[tuple[str, str, bytes], _Day] = {}
        self._launches: dict[str, Mapping[Slice, Then]] = {}

    def launched(self, version: str, rows: LaunchRows) -> None:
        """Measure the slices of a version's launch, and cut numbers where its quartiles are."""
        if version in self._launches:
            return
        self._edges[version] = edges_of(rows.slices)
        codes = self._coded(rows.slices, version)
        days, place = np.unique(rows.days, return_inverse=True)
        parts = [
            self._summed(rows.answers.take(where), [code[where] for code in codes])
            for where in (place == number for number in range(len(days)))
        ]
        found, _, sliced = self._measured(parts)
        self._launches[version] = {one: Then(*sliced.of(at)) for at, one in enumerate(found)}

    def month(self, rows: LabelledRows, chosen: Bools, version: str) -> Slices:
        """The slices of the chosen rows, which are those of a month that ``version`` answered.

        Raises ``MissingEvidence`` where the log of one of its days is gone.
        """
        parts = []
        for place, day in enumerate(rows.days):
            here = slice(int(rows.starts[place]), int(rows.starts[place + 1]))
            if chosen[here].any():
                parts.append(self._day(version, day, rows, here, chosen[here]))
        found, thin, sliced = self._measured(parts)
        launch = self._launches.get(version)
        judged, fresh = [], []
        for place, one in enumerate(found):
            then = launch.get(one) if launch else None
            if launch and then is None:
                fresh.append(str(one))
            else:
                judged.append(SliceMeasured(one.column, one.value, *sliced.of(place), then))
        return Slices(judged, len(thin), [str(one) for one in thin[:NAMED]], fresh)

    def _order(self, one: Slice) -> tuple[int, str]:
        return self._feature.sliced_by.index(one.column), one.value

    def _day(self, version: str, day: str, rows: LabelledRows, here: slice, where: Bools) -> _Day:
        key = (version, day, where.tobytes())
        if key not in self._days:
            if (version, day) not in self._codes:
                table = read_slices(self._root, self._feature, day, rows.ids[here].tolist())
                self._codes[version, day] = self._coded(table, version)
            codes = [code[where] for code in self._codes[version, day]]
            self._days[key] = self._summed(rows.answers.take(here).take(where), codes)
        return self._days[key]

    def _coded(self, table: pa.Table, version: str) -> list[Places]:
        """The place of each row's slice among all, for each column that has some."""
        codes = []
        for column in coded(table, self._edges.get(version, {})):
            if 0 < len(column.values) <= VALUES_AT_MOST:
                slices = (Slice(column.column, value) for value in column.values)
                places = [self._known.setdefault(one, len(self._known)) for one in slices]
                codes.append(np.array([*places, -1], np.int64)[column.codes])
        return codes

    def _summed(self, answers: Answers, codes: Sequence[Places]) -> _Day:
        places = np.unique(np.concatenate([*codes, np.zeros(0, np.int64)]))
        places = places[places >= 0]
        own = [np.where(c >= 0, np.searchsorted(places, np.maximum(c, 0)), -1) for c in codes]
        return _Day(places, sums_of_slices(answers, own, len(places)))

    def _measured(self, days: Sequence[_Day]) -> tuple[list[Slice], list[Slice], Sliced]:
        """The slices of these days that have rows enough, those that have too few, and what is
        measured of the former."""
        known, every = list(self._known), np.zeros(len(self._known))
        for day in days:
            every[day.places] += day.sums[:, 0]
        columns = Counter(known[place].column for place in np.flatnonzero(every))
        dividing = {name for name, count in columns.items() if 1 < count <= VALUES_AT_MOST}
        own = [place for place in np.flatnonzero(every) if known[place].column in dividing]
        own.sort(key=lambda place: self._order(known[place]))
        enough = [place for place in own if every[place] >= ROWS_AT_LEAST]
        at = np.full(len(known), -1)
        at[enough] = np.arange(len(enough))
        sums = np.zeros((len(days), len(enough), days[0].sums.shape[1] if days else 1))
        for place, day in enumerate(days):
            here = at[day.places]
            sums[place, here[here >= 0]] = day.sums[here >= 0]
        thin = [known[place] for place in own if every[place] < ROWS_AT_LEAST]
        return [known[place] for place in enough], thin, measure_slices(sums, self._kind)
