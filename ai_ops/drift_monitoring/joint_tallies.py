"""A day's counted pairs as arrays, ready to be summed over a window."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ai_ops.drift_monitoring.joint_cells import SIZE
from ai_ops.drift_monitoring.joint_reference import JointReference


@dataclass(frozen=True, eq=False)
class DayPairs:
    """All pairs of a day: ``counts`` of shape ``[pairs, SIZE, SIZE]``.

    Of a pair with an output only what the reference's version answered is counted, and ``others``
    (shape ``[pairs]``) are the rows of other versions.
    """

    counts: NDArray[np.int64]
    others: NDArray[np.int64]

    @property
    def rows(self) -> NDArray[np.int64]:
        """The rows of each pair."""
        rows: NDArray[np.int64] = self.counts.sum(axis=(1, 2))
        return rows

    @property
    def speaks(self) -> NDArray[np.bool_]:
        """Of which pairs there are rows, and no more of another version."""
        return (self.rows > 0) & (self.rows >= self.others)


def tally_pairs(joint: JointReference, table: pa.Table) -> DayPairs:
    """The counts of one day, of shape ``joint_profiling.SCHEMA``, as arrays."""
    outputs = np.array([joint.role(pair) == "output" for pair in joint.pairs])
    versions = table["model_version"].to_pylist()
    own = {version: joint.is_of(version) for version in set(versions)}
    pair, count = table["pair"].to_numpy(), table["count"].to_numpy()
    place = (pair.astype(np.int64) * SIZE + table["first"].to_numpy()) * SIZE
    place = place + table["second"].to_numpy()
    counted = np.array([own[version] for version in versions], bool) | ~outputs[pair]
    size = len(joint.pairs)
    whole = np.zeros(size * SIZE * SIZE, np.int64)
    np.add.at(whole, place[counted], count[counted])
    others = np.zeros(size, np.int64)
    np.add.at(others, pair[~counted], count[~counted])
    return DayPairs(whole.reshape(size, SIZE, SIZE), others)
