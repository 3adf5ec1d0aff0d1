"""The strata of a labelled evaluation set, and how the set stands beside all predictions.

Nobody can draw more of a rare stratum without knowing it when the training rows are drawn, and
whoever trains knows ids only. So the set is every held-out row that has its label, each stratum has
its share of it but for chance, and what is absent or thin is named.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ai_ops.accuracy_evaluation.binary_sums import BinaryAnswers
from ai_ops.accuracy_evaluation.class_sums import ClassAnswers
from ai_ops.accuracy_evaluation.decision_sums import DecisionAnswers
from ai_ops.accuracy_evaluation.labelled_rows import LabelledRows
from ai_ops.accuracy_evaluation.metrics import Answers, Bools, Floats
from ai_ops.accuracy_evaluation.number_sums import NumberAnswers
from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.agreement import NAMED_IN_LOG
from ai_ops.storage.root import Root

NONE: Final = "–"
BANDS: Final = 5
"""A score is stratified by fifths of [0, 1]."""
QUARTILES: Final = 4
THIN: Final = 30
"""A stratum of fewer labels says nothing of itself."""
EXPECTED: Final = 10.0
"""A stratum of which so many labels were to be expected is not absent by chance: e⁻¹⁰."""
PREDICTED: Final = "predicted"
LABEL: Final = "label"

Names = npt.NDArray[np.object_]
Counts = dict[str, dict[str, int]]
"""How many rows have each value of each column."""


@dataclass(frozen=True)
class Stratum:
    """One value of one column: its rows in the set, beside the predictions that it stands for.

    ``population`` is None of a label: nobody knows those of all predictions.
    """

    column: str
    value: str
    labelled: int
    share: float
    population: int | None
    population_share: float | None

    def __str__(self) -> str:
        return f"{self.column} {self.value}"

    @property
    def thin(self) -> bool:
        """Whether there are too few labels to say anything of it by itself."""
        return self.labelled < THIN

    def absent(self, rows: int) -> bool:
        """Whether it has no label in a set of so many, and that is not chance."""
        share = self.population_share or 0.0
        return self.labelled == 0 and share * rows >= EXPECTED


def strata_of(labelled: Counts, population: Counts) -> tuple[Stratum, ...]:
    """Every stratum that occurs among the predictions or the labels.

    >>> for one in strata_of({"tenant": {"a": 9}}, {"tenant": {"a": 60, "b": 40}}):
    ...     print(one, one.labelled, one.share, one.population_share)
    tenant a 9 1.0 0.6
    tenant b 0 0.0 0.4
    """
    found = []
    for column, counts in labelled.items():
        whole = population.get(column)
        rows, of_all = sum(counts.values()), sum((whole or {}).values())
        names = dict.fromkeys([*(whole or {}), *counts])
        for value in sorted(names, key=lambda name: (-(whole or counts).get(name, 0), name)):
            here = counts.get(value, 0)
            known = None if whole is None else whole.get(value, 0)
            part = known / of_all if known is not None and of_all else None
            found.append(Stratum(column, value, here, here / rows if rows else 0.0, known, part))
    return tuple(found)


@dataclass(frozen=True)
class StratifiedRows:
    """The values of each column that N rows are stratified by, [N] each."""

    columns: dict[str, Names]

    def count(self, where: Bools, drawn_for: Names | None = None) -> Counts:
        """How many of the chosen rows have each value; ``drawn_for`` names the stratum of rows that
        count in that one only."""
        found = {}
        for name, values in self.columns.items():
            chosen = where if drawn_for is None else where | self._drawn(name, drawn_for)
            found[name] = counted(values[chosen].tolist())
        return found

    def each(self, where: Bools, drawn_for: Names) -> Iterator[tuple[str, str, Bools]]:
        """Each stratum of the chosen rows: column, value, and where they are, with those that were
        drawn for it."""
        for name, values in self.columns.items():
            chosen = where | self._drawn(name, drawn_for)
            for value in dict.fromkeys(values[chosen].tolist()):
                yield name, value, chosen & (values == value)

    def _drawn(self, name: str, drawn_for: Names) -> Bools:
        drawn: Bools = np.zeros(len(drawn_for), np.bool_)
        for place in np.flatnonzero(drawn_for != ""):
            drawn[place] = drawn_for[place] == f"{name} {self.columns[name][place]}"
        return drawn

    def told(self, column: str, where: Bools) -> pa.Array:
        """The values of a column of the chosen rows; null where the log does not say."""
        values = self.columns[column][where]
        return pa.array([None if one == NONE else one for one in values.tolist()], pa.string())


def stratified(root: Root, feature: AiFeatureSpec, rows: LabelledRows) -> StratifiedRows:
    """Tenant, call site and what was predicted of rows of the feature's log."""
    who = who_asked(root, feature, rows)
    columns = {name: _words(who[name]) for name in NAMED_IN_LOG}
    return StratifiedRows(columns | {PREDICTED: predicted(rows.answers)})


def counted(values: Sequence[Any]) -> dict[str, int]:
    """How often each value stands there, the most frequent first.

    >>> counted([True, None, True])
    {'true': 2, '–': 1}
    """
    found = Counter(word(value) for value in values)
    return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))


def word(value: object) -> str:
    """A value as its stratum is called."""
    return str(value).lower() if isinstance(value, bool) else str(value or NONE)


def who_asked(root: Root, feature: AiFeatureSpec, rows: LabelledRows) -> pa.Table:
    """Tenant and call site of each row; null where the log does not say."""
    schema = pa.schema([(name, pa.string()) for name in NAMED_IN_LOG])
    tables = [schema.empty_table()]
    for place, day in enumerate(rows.days):
        ids = rows.ids[int(rows.starts[place]) : int(rows.starts[place + 1])]
        if not len(ids):
            continue
        path = root.lake.path(feature.name, "prediction_log", day)
        try:
            table, _ = root.lake.read_table(path, ["id", *NAMED_IN_LOG])
        except pa.ArrowInvalid:  # the log of that day is older than one of the columns
            table, _ = root.lake.read_table(path)
        # A prediction that was asked for twice stands in the log twice: its first row tells.
        found = pc.index_in(pa.array(ids.tolist(), pa.string()), table["id"].cast(pa.string()))
        absent = pa.nulls(table.num_rows, pa.string())
        columns = [
            (table[name].cast(pa.string()) if name in table.column_names else absent).take(found)
            for name in NAMED_IN_LOG
        ]
        tables.append(pa.table(columns, schema=schema))
    return pa.concat_tables(tables)


def predicted(answers: Answers) -> Names:
    """The stratum of each answer: the fifth of a score, a decision, a class, a number's quartile.

    >>> scores = BinaryAnswers(np.array([0.1, 0.95]), np.zeros(2, bool), np.zeros(2, bool))
    >>> predicted(scores).tolist()
    ['0 to 0.2', '0.8 to 1']
    """
    if isinstance(answers, DecisionAnswers):
        names: Names = np.where(answers.decision, "true", "false").astype(object)
    elif isinstance(answers, ClassAnswers):
        names = np.array([*answers.classes, NONE], dtype=object)[answers.decision]
    elif isinstance(answers, BinaryAnswers):
        names = _between(answers.score, np.linspace(0, 1, BANDS + 1))
    elif isinstance(answers, NumberAnswers) and bool(answers.usable.any()):
        names = np.full(len(answers), NONE, dtype=object)
        names[answers.usable] = quartile_of(answers.score[answers.usable])
    else:
        names = np.full(len(answers), NONE, dtype=object)
    names[~answers.usable] = NONE
    return names


def quartile_of(numbers: Floats) -> Names:
    """Which quartile of these numbers each of them is in.

    >>> quartile_of(np.array([1.0, 2.0, 3.0, 4.0, 5.0])).tolist()
    ['1 to 2', '2 to 3', '3 to 4', '4 to 5', '4 to 5']
    """
    if not len(numbers):
        return np.array([], dtype=object)
    return _between(numbers, np.quantile(numbers, np.linspace(0, 1, QUARTILES + 1)))


def _between(numbers: Floats, edges: Floats) -> Names:
    bounds = np.unique(edges)
    if len(bounds) < 2:
        return np.full(len(numbers), f"{bounds[0]:g}", dtype=object)
    named = np.array([f"{low:g} to {high:g}" for low, high in pairwise(bounds)], dtype=object)
    place = np.searchsorted(bounds, np.nan_to_num(numbers), side="right") - 1
    return named[np.clip(place, 0, len(named) - 1)]


def _words(column: pa.ChunkedArray) -> Names:
    return np.array(pc.fill_null(column, NONE).to_pylist(), dtype=object)
