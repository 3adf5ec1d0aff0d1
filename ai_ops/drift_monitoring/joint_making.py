"""How the pairs of a reference are made from its table: chosen, counted, calibrated."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.drift_monitoring.calibration import Rule
from ai_ops.drift_monitoring.joint_calibration import JointCalibration, calibrate_pair
from ai_ops.drift_monitoring.joint_cells import CoarseColumn, coarse
from ai_ops.drift_monitoring.joint_pairs import (
    Codes,
    Pair,
    candidate_pairs,
    chosen_pairs,
    daily_joint,
    dependences,
)
from ai_ops.drift_monitoring.joint_query import GROUPS, PLACED, place_rows
from ai_ops.drift_monitoring.joint_reference import JointReference, WatchedPair
from ai_ops.drift_monitoring.profile import ROWS
from ai_ops.drift_monitoring.reference import Reference, ReferenceColumn
from ai_ops.drift_monitoring.rows import connect

RECIPE: Final = 1
"""To be raised when pairs are chosen or counted in another way: they are then made again."""
COLUMNS_AT_MOST: Final = 40
"""Of a wider feature all outputs are looked at, and the inputs that come first."""


def key_of(reference: Reference) -> str:
    """What names the pairs of a reference: its table, its settings and how pairs are made."""
    told = f"{RECIPE} {reference.version} {reference.digest} {reference.recipe}"
    return sha256(told.encode()).hexdigest()[:16]


def pair_reference(feature: AiFeatureSpec, reference: Reference, table: pa.Table) -> JointReference:
    """The pairs to watch of a version's reference, from the table that it was made of."""
    known = {column.name: column for column in reference.columns if not column.empty}
    columns = [coarse(column) for column in _looked_at(tuple(known.values()))]
    if len(columns) < 2:
        why = "the reference has fewer than two columns with values: nothing can depend"
        return _of(reference, columns, (), why)
    day, codes = _placed(reference, columns, table)
    weights = dependences(codes)
    if not weights:
        why = f"none of the reference's {len(columns)} columns surely depends on another"
        return _of(reference, columns, (), why)
    rule = Rule(feature.drift.window_days, feature.drift.k, feature.drift.n)
    daily = {
        (a, b): daily_joint(codes[a], codes[b], day, max(reference.days, 1))
        for a, b in candidate_pairs(weights)
    }
    found: dict[Pair, JointCalibration] = {}
    for (a, b), counts in daily.items():
        kept = _kept(reference, known[columns[a].name], known[columns[b].name])
        daily[a, b] = counts[kept]
        found[a, b] = calibrate_pair(counts[kept], rule, len(daily))
    able = {pair: weights[pair] for pair, told in found.items() if told.watchable}
    chosen = chosen_pairs(able, [column.column.role for column in columns])
    pairs = [_pair(columns, known, pair, daily[pair], found[pair]) for pair in chosen]
    why = "" if pairs else "what its columns depend on each other moves too much by itself"
    return _of(reference, columns, tuple(pairs), why)


def _looked_at(columns: Sequence[ReferenceColumn]) -> list[ReferenceColumn]:
    outputs = [column for column in columns if column.cells.column.role == "output"]
    inputs = [column for column in columns if column.cells.column.role == "input"]
    return [*inputs[: max(COLUMNS_AT_MOST - len(outputs), 0)], *outputs]


def _placed(
    reference: Reference, columns: Sequence[CoarseColumn], table: pa.Table
) -> tuple[NDArray[np.int64], list[Codes]]:
    """The place of each row's day in the reference's calendar, and each column's codes."""
    sources = [column.column.source for column in columns]
    days = pa.array(_day_places(reference, table))
    rows = table.select(sources).append_column("day", days)
    with connect() as connection:
        connection.register(ROWS, rows.append_column("model_version", pa.nulls(len(days))))
        place_rows(connection, columns, set(sources))
        query = f'SELECT p.*, g."day" FROM {PLACED} AS p JOIN {GROUPS} AS g USING ("group")'
        found = connection.execute(query).fetchnumpy()
    codes = [np.asarray(found[f"c{place}"], np.uint8) for place in range(len(columns))]
    return np.asarray(found["day"], np.int64), codes


def _day_places(reference: Reference, table: pa.Table) -> NDArray[np.int64]:
    if not reference.calendar:
        return np.zeros(table.num_rows, np.int64)
    first = int(np.datetime64(reference.calendar[0], "D").astype(np.int64))
    days = table["time"].cast(pa.date32()).cast(pa.int32()).to_numpy()
    return np.asarray(days, np.int64) - first


def _kept(reference: Reference, *columns: ReferenceColumn) -> list[int]:
    """The places of the days that are normal for all of these columns."""
    days = max(reference.days, 1)
    kept = set(range(days)).intersection(*(one.calibration.kept(days) for one in columns))
    return sorted(kept)


def _pair(
    columns: Sequence[CoarseColumn],
    known: Mapping[str, ReferenceColumn],
    pair: Pair,
    daily: NDArray[np.int64],
    calibration: JointCalibration,
) -> WatchedPair:
    first, second = (columns[place] for place in pair)
    output = "output" in (first.column.role, second.column.role)
    return WatchedPair(
        first.name,
        second.name,
        daily.sum(axis=0),
        calibration.threshold(output=output),
        calibration.shuffled,
        max(known[name].calibration.days_needed for name in (first.name, second.name)),
    )


def _of(
    reference: Reference,
    columns: Sequence[CoarseColumn],
    pairs: tuple[WatchedPair, ...],
    why: str,
) -> JointReference:
    return JointReference(
        reference.version,
        reference.digest,
        key_of(reference),
        reference.every_version,
        tuple(columns),
        pairs,
        why,
    )
