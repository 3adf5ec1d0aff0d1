"""One id, one answer: which records are told twice, and which contradict each other."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from ai_ops.client.records import PredictionRecord


class HasPrediction(Protocol):
    """Whatever carries a prediction's record."""

    @property
    def prediction(self) -> PredictionRecord:
        """The record."""
        ...


T = TypeVar("T", bound=HasPrediction)


@dataclass(frozen=True, slots=True)
class Resolved(Generic[T]):
    """The records that stand, those that say nothing new, and those that contradict each other."""

    kept: list[T]
    repeated: list[T]
    conflicting: list[T]


def resolve(records: Iterable[T]) -> Resolved[T]:
    """Keep the earliest of records with the same id and content; set contradictions apart.

    Two answers to one id contradict each other when their content differs: nobody knows which
    reached the user, so neither stands. An attempt that failed or was refused answers nothing: it
    stands beside the answer that a retry got, once per outcome.
    """
    groups: dict[tuple[str, bool], list[T]] = defaultdict(list)
    for record in records:
        groups[record.prediction.id, record.prediction.status == "ok"].append(record)
    kept: list[T] = []
    repeated: list[T] = []
    conflicting: list[T] = []
    for (_, answered), group in groups.items():
        if len(group) == 1:
            kept += group
            continue
        group.sort(key=_place)
        by_content: dict[tuple[object, ...], list[T]] = defaultdict(list)
        for record in group:
            by_content[content(record.prediction)].append(record)
        if answered and len(by_content) > 1:
            conflicting += group
            continue
        for same in by_content.values():
            kept.append(same[0])
            repeated += same[1:]
    kept.sort(key=lambda record: (record.prediction.time, record.prediction.id, _place(record)))
    return Resolved(kept, repeated, conflicting)


def content(record: PredictionRecord) -> tuple[object, ...]:
    """What a record says of the prediction itself.

    Time, latency, cost, request id, writer and sequence number differ between two tellings of the
    same prediction (a caller that retried after a lost answer), and are left out.
    """
    return (
        record.feature,
        record.model_version,
        bytes(record.input),
        bytes(record.output),
        record.status,
        record.error,
        record.call_site,
        record.mode,
        record.tenant,
        record.subject,
    )


def _place(record: HasPrediction) -> tuple[object, ...]:
    told = record.prediction
    return told.time, told.writer, told.incarnation, told.seq
