"""Events of JSON gathered until they are worth a batch."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import pyarrow as pa

from ai_ops.prediction_logging.events.building import Sides, build
from ai_ops.prediction_logging.events.mapped import Event, Mapped
from ai_ops.prediction_logging.events.sides import JsonSide
from ai_ops.prediction_logging.log_table import Quarantined
from ai_ops.prediction_logging.source_rows import SourceBatch

FileBatch = tuple[str, SourceBatch]
"""A batch, and the name of the file that it is of."""
EVENTS_AT_ONCE: Final = 10_000


@dataclass(slots=True)
class Gathered:
    """Events of one file with their rows, and what of the file was set apart."""

    mapped: Mapped
    file: str
    quarantined: list[Quarantined] = field(default_factory=list)
    _events: list[Event] = field(default_factory=list)
    _counts: list[int] = field(default_factory=list)
    _asked: list[Any] = field(default_factory=list)
    _answered: list[Any] = field(default_factory=list)
    _beside: list[Mapping[str, Any]] = field(default_factory=list)

    def add(
        self, event: Event, asked: Sequence[Any], answered: Sequence[Any] | None, **usual: Any
    ) -> None:
        """Add an event and its rows; without an answer it has no outputs."""
        self._events.append(replace(event, usual={**event.usual, **usual}))
        self._counts.append(len(asked))
        self._asked += asked
        self._answered += [None] * len(asked) if answered is None else answered
        self._beside += [event.document] * len(asked)

    @property
    def is_large(self) -> bool:
        """Whether what was gathered is worth a batch."""
        return len(self._events) + len(self.quarantined) >= EVENTS_AT_ONCE

    def batches(self) -> Iterator[FileBatch]:
        """All that was gathered, in one batch; none where nothing was."""
        if self._events:
            sides = Sides(
                np.asarray(self._counts, dtype=np.int64),
                JsonSide(self.mapped.inputs, self._asked, self._beside),
                JsonSide(self.mapped.outputs, self._answered, self._beside),
            )
            batch = build(self.mapped, self.file, self._events, sides)
            yield self.file, SourceBatch(batch.table, [*batch.quarantined, *self.quarantined])
        elif self.quarantined:
            yield self.file, SourceBatch(pa.table({}), self.quarantined)


class WholeEvents:
    """Kinds of which a line says all of itself."""

    def rest(self) -> Iterator[FileBatch]:
        """Nothing waits for another file."""
        return iter(())
