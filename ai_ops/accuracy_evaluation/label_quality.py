"""Coverage by slice and the signs of wrong labels, computed of the rows of an evaluation run."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
import pyarrow as pa

from ai_ops.accuracy_evaluation.label_records import LabelQuality, SlicesCovered
from ai_ops.accuracy_evaluation.label_signs import SignReader
from ai_ops.accuracy_evaluation.label_slices import DAYS, MatureRows, cover_slices
from ai_ops.accuracy_evaluation.labelled_rows import LabelledRows, label_cutoff
from ai_ops.accuracy_evaluation.launch import LaunchRows
from ai_ops.accuracy_evaluation.metrics import Bools
from ai_ops.accuracy_evaluation.records import DayCoverage
from ai_ops.accuracy_evaluation.slices import (
    VALUES_AT_MOST,
    SlicedColumn,
    coded,
    edges_of,
    read_slices,
)
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.root import Root
from ai_ops.vocabulary.errors import MissingEvidence

BEFORE_DAYS = 14
"""So many days are looked back on for the day since which a slice lacks labels."""


class LabelQualities:
    """The quality of a feature's labels, day by day of a range: what days share is read once."""

    def __init__(self, root: Root, feature: AiFeatureSpec) -> None:
        self._root, self._feature = root, feature
        self._signs = SignReader(root, feature)
        self._tables: dict[str, pa.Table] = {}

    def of(
        self,
        rows: LabelledRows,
        own: Bools,
        coverage: Sequence[DayCoverage],
        as_of: datetime,
        launch: tuple[str, LaunchRows] | str,
    ) -> LabelQuality:
        """The quality of the labels of a month's rows; ``own`` are the labelled ones of the version
        that is judged, ``launch`` its name and launch, or why that is not known."""
        return LabelQuality(self._slices(rows, coverage, as_of), self._signs.of(rows, own, launch))

    def _slices(
        self, rows: LabelledRows, coverage: Sequence[DayCoverage], as_of: datetime
    ) -> SlicesCovered:
        """Days that lack labels as a whole are named as such, and no slice of them is."""
        minimum = self._feature.ground_truth.minimum_coverage
        judged = [day.day for day in coverage if day.mature and day.judged]
        problem = ""
        try:
            found = self._covered(rows, judged[-DAYS:], as_of, minimum)
            if found.lacking:
                found = self._covered(rows, judged[-BEFORE_DAYS:], as_of, minimum)
        except MissingEvidence as missing:
            problem = str(missing)
            found = SlicesCovered(judged[-DAYS:], problem=problem)
        return found

    def _covered(
        self, rows: LabelledRows, days: Sequence[str], as_of: datetime, minimum: float
    ) -> SlicesCovered:
        if not days:
            return SlicesCovered()
        here, cutoff = rows.within(days[0], days[-1]), label_cutoff(as_of)
        hours = self._feature.ground_truth.mature_after_hours
        chosen = here.mature(cutoff, hours) & here.on(set(days))
        places: Mapping[str, int] = {day: place for place, day in enumerate(days)}
        day = np.repeat([places.get(name, -1) for name in here.days], np.diff(here.starts))
        columns = self._columns(here)
        mature = MatureRows(days, day[chosen].astype(np.intp), here.labelled(cutoff)[chosen])
        return cover_slices(
            mature, [replace(column, codes=column.codes[chosen]) for column in columns], minimum
        )

    def _columns(self, rows: LabelledRows) -> list[SlicedColumn]:
        """The sliced columns of these rows; each day of a range is read once."""
        tables = []
        for place, day in enumerate(rows.days):
            if day not in self._tables:
                ids = rows.ids[int(rows.starts[place]) : int(rows.starts[place + 1])]
                self._tables[day] = read_slices(self._root, self._feature, day, ids.tolist())
            tables.append(self._tables[day])
        table = pa.concat_tables(tables)
        found = coded(table, edges_of(table))
        return [column for column in found if 1 < len(column.values) <= VALUES_AT_MOST]
