"""Payloads of JSON, many at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ai_ops.prediction_logging.block_scan import Places
from ai_ops.prediction_logging.events.payloads import Unreadable, paired, read_json, rows_of
from ai_ops.prediction_logging.events.sides import JsonSide, Members


@dataclass(frozen=True, slots=True)
class JsonPayloads:
    """The rows of payloads; ``wrong`` says of those that cannot be read why (place → problem)."""

    members: Members
    rows: Sequence[Sequence[Any]]
    wrong: dict[int, str]

    @property
    def counts(self) -> Places:
        """How many rows each payload has."""
        return np.asarray([len(rows) for rows in self.rows], dtype=np.int64)

    def side(self, stands: npt.NDArray[np.bool_]) -> JsonSide:
        """The rows of the payloads that stand."""
        kept = np.flatnonzero(stands).tolist()
        return JsonSide(self.members, [row for place in kept for row in self.rows[place]])


def read(
    members: Members, payloads: Sequence[str], field: str, asked: Places | None = None
) -> JsonPayloads:
    """The rows of payloads as text; ``asked`` says of answers how many rows were asked."""
    every: list[Sequence[Any]] = []
    wrong: dict[int, str] = {}
    for place, text in enumerate(payloads):
        try:
            wanted = None if asked is None else int(asked[place])
            every.append(rows_told(members, read_json(text, field), field, wanted))
        except Unreadable as error:
            every.append(())
            wrong[place] = str(error)
    return JsonPayloads(members, every, wrong)


def rows_told(members: Members, payload: Any, field: str, asked: int | None) -> list[Any]:
    """The rows of one payload, as ``Members`` can tell their values apart."""
    rows = [members.unwrapped(row) for row in rows_of(payload, field)]
    if not rows:
        raise Unreadable(field, "no row")
    if asked is not None:
        rows = list(paired(asked, rows, field, spread=len(members.columns) == 1))
    for row in rows:
        if isinstance(row, list) and (problem := members.misfit(len(row))):
            raise Unreadable(field, problem)
    return rows


def row_told(members: Members, payload: Any, field: str) -> Any:
    """The one row that a payload is, whatever shape it has."""
    row = members.unwrapped(payload)
    if isinstance(row, list) and (problem := members.misfit(len(row))):
        raise Unreadable(field, problem)
    return row
