"""How one column is encoded: a number, a boolean or a category, and what each of them refuses."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ai_ops.ai_features.parts import InputColumn
from ai_ops.vocabulary.errors import BadInput

Floats = npt.NDArray[np.float64]
UNSEEN = 0
"""The code of a category that the fit never saw, and of a missing one."""


@dataclass(frozen=True, slots=True)
class NumberCode:
    """A number, standardised; a missing one becomes the median, and a nullable one has a flag."""

    name: str
    nullable: bool
    fill: float
    mean: float
    std: float


@dataclass(frozen=True, slots=True)
class BooleanCode:
    """A boolean as 1 and 0; a missing one is 0, and a nullable one has a flag."""

    name: str
    nullable: bool


@dataclass(frozen=True, slots=True)
class CategoryCode:
    """A category as its place in the vocabulary, counted from 1; ``UNSEEN`` is everything else."""

    name: str
    nullable: bool
    vocabulary: tuple[str, ...]


def fit_number(column: InputColumn, values: Sequence[Any]) -> NumberCode:
    """What standardises a number, from the values seen; ``BadInput`` when there is none."""
    known = floats(column.name, values)
    known = known[np.isfinite(known)]
    if not len(known):
        raise BadInput(f"{column.name}: no row to fit on has a value")
    std = float(known.std())
    fill, mean = float(np.median(known)), float(known.mean())
    return NumberCode(column.name, column.nullable, fill, mean, std if std > 0 else 1.0)


def affine(column: NumberCode | BooleanCode) -> tuple[str, bool, float, float, float]:
    """Name, nullable, what a missing value becomes, mean, and 1 / standard deviation."""
    if isinstance(column, BooleanCode):
        return column.name, column.nullable, 0.0, 0.0, 1.0
    scale = 1.0 / column.std
    return column.name, column.nullable, (column.fill - column.mean) * scale, column.mean, scale


def standardised(column: NumberCode | BooleanCode, values: Floats) -> Floats:
    """Values with NaN for missing → the numbers of an encoded column; infinity is refused."""
    _, _, fill, mean, scale = affine(column)
    if np.isinf(values).any():
        raise BadInput(f"{column.name}: infinity is not a number to predict from")
    return np.where(np.isnan(values), fill, (values - mean) * scale)


def places(column: CategoryCode) -> dict[Any, int]:
    """The code of each known category."""
    return {value: place for place, value in enumerate(column.vocabulary, start=1)}


def codes_of(column: CategoryCode, values: Sequence[Any]) -> list[int]:
    """The code of each value; what is no text, or misses where it may not, is refused."""
    get = places(column).get
    try:
        codes = [get(value, UNSEEN) for value in values]
    except TypeError:
        codes = [UNSEEN]
    if UNSEEN in codes:
        for value in values:
            check_category(column.name, column.nullable, value)
    return codes


def check_category(name: str, nullable: bool, value: Any) -> None:
    """Refuse a value that is neither a text nor an allowed absence."""
    if isinstance(value, str):
        return
    if value is not None and not (isinstance(value, float) and math.isnan(value)):
        raise wrong_type(name, "a text", value)
    if not nullable:
        raise missing_value(name)


def floats(name: str, values: Sequence[Any]) -> Floats:
    """The values as numbers, None as NaN; ``BadInput`` when one is no number."""
    raw = np.asarray(values)
    if raw.dtype.kind not in "biuf":
        for value in values:
            if isinstance(value, str | bytes):  # numpy would read "3" as a number
                raise wrong_type(name, "a number", value)
    try:
        return raw.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise BadInput(f"{name}: not all values are numbers ({error})") from None


def missing_value(name: str) -> BadInput:
    """The error for a value that is missing and may not be."""
    return BadInput(f"{name}: a value is missing, and this input may not be")


def wrong_type(name: str, expected: str, value: Any) -> BadInput:
    """The error for a value of another type."""
    return BadInput(f"{name}: expected {expected}, found {value!r}")
