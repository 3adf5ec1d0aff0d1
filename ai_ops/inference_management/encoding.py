"""From an AI feature's inputs to the numbers that a model reads.

The encoder is fitted once, stored beside its model as JSON and used by training and by the server
alike, so that both read a row in the same way.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ai_ops.ai_features.parts import InputColumn
from ai_ops.inference_management.encoded_columns import (
    UNSEEN,
    BooleanCode,
    CategoryCode,
    NumberCode,
    affine,
    check_category,
    codes_of,
    fit_number,
    floats,
    missing_value,
    places,
    standardised,
    wrong_type,
)
from ai_ops.vocabulary.errors import BadInput

Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True)
class TabularEncoder:
    """Rows of named inputs → a float32 matrix [n, width].

    The codes of the categories stand first, then each number or boolean, a nullable one followed
    by a flag that is 1 where it is missing. Both ways in refuse what the feature does not allow
    with ``BadInput``: an absent input, a missing value where none may miss, a wrong type, infinity.

    >>> inputs = [InputColumn(name="origin", type="category"),
    ...           InputColumn(name="temp", type="number", nullable=True)]
    >>> seen = {"origin": ["JFK", "EWR", "JFK"], "temp": [30.0, None, 50.0]}
    >>> encoder = TabularEncoder.fit(seen, inputs)
    >>> encoder.names
    ('origin', 'temp', 'temp is missing')
    >>> encoder.encode_rows([{"origin": "JFK", "temp": 50.0}, {"origin": "LGA", "temp": None}])
    array([[2., 1., 0.],
           [0., 0., 1.]], dtype=float32)
    >>> TabularEncoder.from_json(encoder.to_json()) == encoder
    True
    """

    categories: tuple[CategoryCode, ...]
    numbers: tuple[NumberCode | BooleanCode, ...]

    @classmethod
    def fit(
        cls, columns: Mapping[str, Sequence[Any]], inputs: Sequence[InputColumn]
    ) -> "TabularEncoder":
        """An encoder of ``inputs`` that has seen ``columns`` (input's name → one value a row)."""
        categories: list[CategoryCode] = []
        numbers: list[NumberCode | BooleanCode] = []
        for column in inputs:
            if column.name not in columns:
                raise BadInput(f"{column.name}: the rows to fit on lack this input")
            values = columns[column.name]
            if column.type == "category":
                known = tuple(sorted({v for v in values if isinstance(v, str)}))
                categories.append(CategoryCode(column.name, column.nullable, known))
            elif column.type == "boolean":
                numbers.append(BooleanCode(column.name, column.nullable))
            else:
                numbers.append(fit_number(column, values))
        return cls(tuple(categories), tuple(numbers))

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the inputs that it reads."""
        return tuple(column.name for column in (*self.categories, *self.numbers))

    @property
    def columns(self) -> tuple[InputColumn, ...]:
        """The inputs that it reads, as a feature's YAML would declare them."""
        numbers = [
            ("boolean" if isinstance(column, BooleanCode) else "number", column)
            for column in self.numbers
        ]
        typed = [*(("category", column) for column in self.categories), *numbers]
        return tuple(
            InputColumn.model_validate({"name": c.name, "type": kind, "nullable": c.nullable})
            for kind, c in typed
        )

    @property
    def names(self) -> tuple[str, ...]:
        """What stands at each position of an encoded row."""
        rest = [
            name
            for column in self.numbers
            for name in (column.name, *([f"{column.name} is missing"] * column.nullable))
        ]
        return (*(column.name for column in self.categories), *rest)

    @property
    def width(self) -> int:
        """How many numbers an encoded row has."""
        return len(self.names)

    @property
    def category_sizes(self) -> tuple[int, ...]:
        """How many codes each category has, ``UNSEEN`` included, in the order of the codes."""
        return tuple(len(column.vocabulary) + 1 for column in self.categories)

    def encode(self, columns: Mapping[str, Sequence[Any]]) -> Matrix:
        """Many rows, given as columns (NaN and None are missing) → [n, width]."""
        absent = [name for name in self.inputs if name not in columns]
        if absent:
            raise BadInput(f"{absent[0]}: the rows lack this input")
        n = len(columns[self.inputs[0]])
        encoded = np.empty((n, self.width), dtype=np.float32)
        for place, category in enumerate(self.categories):
            encoded[:, place] = codes_of(category, columns[category.name])
        place = len(self.categories)
        for column in self.numbers:
            values = floats(column.name, columns[column.name])
            missing = np.isnan(values)
            if missing.any() and not column.nullable:
                raise missing_value(column.name)
            encoded[:, place] = standardised(column, values)
            place += 1
            if column.nullable:
                encoded[:, place] = missing
                place += 1
        return encoded

    def encode_rows(self, rows: Sequence[Mapping[str, Any]]) -> Matrix:
        """A few rows, given as mappings → [n, width]; made for one row in a few microseconds."""
        codes, numbers = self._plan
        flat: list[float] = []
        add = flat.append
        try:
            for row in rows:
                for name, nullable, get in codes:
                    code = get(row[name])
                    if code is None:
                        check_category(name, nullable, row[name])
                        code = UNSEEN
                    add(code)
                for name, nullable, fill, mean, scale in numbers:
                    value = row[name]
                    if value is None or value != value:  # NaN alone differs from itself
                        if not nullable:
                            raise missing_value(name)
                        add(fill)
                        add(1.0)
                    else:
                        add((value - mean) * scale)
                        if nullable:
                            add(0.0)
            encoded = np.array(flat, dtype=np.float32).reshape(len(rows), self.width)
        except (KeyError, TypeError, ValueError):
            raise self._mistake(rows) from None
        if not np.isfinite(encoded).all():
            raise self._mistake(rows)
        return encoded

    def to_json(self) -> str:
        """The encoder as JSON, keys sorted."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "TabularEncoder":
        """The encoder that ``to_json`` wrote; ``BadInput`` when the text is something else."""
        try:
            data = json.loads(text)
            return cls(
                tuple(
                    CategoryCode(c["name"], c["nullable"], tuple(c["vocabulary"]))
                    for c in data["categories"]
                ),
                tuple(
                    NumberCode(**n) if "mean" in n else BooleanCode(**n) for n in data["numbers"]
                ),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise BadInput(
                f"encoder.json: not an encoder ({error}); register the model again"
            ) from error

    @cached_property
    def _plan(
        self,
    ) -> tuple[
        tuple[tuple[str, bool, Callable[[Any], int | None]], ...],
        tuple[tuple[str, bool, float, float, float], ...],
    ]:
        codes = tuple((c.name, c.nullable, places(c).get) for c in self.categories)
        return codes, tuple(affine(column) for column in self.numbers)

    def _mistake(self, rows: Sequence[Mapping[str, Any]]) -> BadInput:
        """What is wrong with rows that could not be encoded, in words."""
        for row in rows:
            for name in self.inputs:
                if name not in row:
                    return BadInput(f"{name}: the row lacks this input")
            for category in self.categories:
                if not isinstance(row[category.name], str | None):
                    return wrong_type(category.name, "a text", row[category.name])
            for column in self.numbers:
                value = row[column.name]
                if not isinstance(value, int | float | np.number | np.bool_ | None):
                    return wrong_type(column.name, "a number", value)
                if value is not None and math.isinf(value):
                    return BadInput(f"{column.name}: infinity is not a number to predict from")
        return BadInput("a number is too large for the model (float32)")
