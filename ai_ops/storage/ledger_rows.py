"""Rows of the ledger: what an event or a verdict becomes in the tables, and what is refused."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

from ai_ops.storage.ledger_chain import Event, canonical, event_digest, indexed_columns, stamp
from ai_ops.vocabulary.clock import utc
from ai_ops.vocabulary.errors import BadInput
from ai_ops.vocabulary.verdicts import RecordedVerdict, as_data
from ai_ops.vocabulary.words import EventKind


@dataclass(frozen=True, slots=True)
class NewEvent:
    """Something to append: JSON-ready data about a feature, as of a moment (None: the clock's)."""

    kind: EventKind
    feature: str
    payload: Mapping[str, Any]
    as_of: datetime | None = None


def event_of(row: Mapping[Any, Any]) -> Event:
    """The event that a row of both tables holds."""
    return Event(
        row["block_seq"],
        row["idx"],
        row["kind"],
        row["feature"],
        datetime.fromisoformat(row["as_of"]),
        json.loads(row["payload"]),
        datetime.fromisoformat(row["recorded_at"]),
        row["run_id"],
    )


_NO_PLACE = dict.fromkeys(("item", "asset", "partition", "window_start", "window_end"))


def event_row(idx: int, event: NewEvent, now: datetime) -> dict[str, Any]:
    """The row of an event; ``BadInput`` for what the ledger does not take."""
    if event.kind not in get_args(EventKind) or event.kind == "verdict":
        raise BadInput(f"{event.kind}: not an event to append; verdicts go to record_verdicts")
    as_of = _not_future(event.as_of or now, now, event.kind)
    try:
        payload = canonical(dict(event.payload))
        # A lone surrogate is JSON, and nobody could ever print the book that holds one.
        json.dumps(event.payload, ensure_ascii=False).encode()
    except (TypeError, ValueError) as error:
        raise BadInput(
            f"{event.kind} of {event.feature}: its payload is not JSON: {error}"
        ) from None
    return _digested(idx, event.kind, event.feature, payload, {**_NO_PLACE, "as_of": stamp(as_of)})


def verdict_row(idx: int, verdict: RecordedVerdict, now: datetime) -> dict[str, Any]:
    """The row of a verdict; ``BadInput`` names item and key of what is not finite or not JSON."""
    _not_future(verdict.as_of, now, f"verdict on {verdict.item}")
    _must_be_json(verdict, "sample_size", verdict.verdict.sample_size)
    for key, value in verdict.verdict.observed.items():
        _must_be_json(verdict, f"observed.{key}", value)
    for n, finding in enumerate(verdict.verdict.findings):
        _must_be_json(verdict, f"findings.{n}.size", finding.size)
    data = as_data(verdict)
    return _digested(idx, "verdict", verdict.feature, canonical(data), indexed_columns(data))


def _digested(
    idx: int, kind: EventKind, feature: str, payload: str, columns: Mapping[str, str | None]
) -> dict[str, Any]:
    row = {"idx": idx, "kind": kind, "feature": feature, "payload": payload, **columns}
    return {**row, "digest": event_digest(row)}


def _not_future(as_of: datetime, now: datetime, what: str) -> datetime:
    if utc(as_of) > now:
        raise BadInput(f"{what}: as of {as_of.isoformat()}, but the clock says {now.isoformat()}")
    return as_of


def _must_be_json(verdict: RecordedVerdict, key: str, value: Any) -> None:
    where = f"{verdict.feature}, {verdict.item}, {verdict.partition}: {key}"
    if not isinstance(value, float | int | str | None):
        raise BadInput(
            f"{where}: a {type(value).__name__} is not JSON; give a plain number or text"
        )
    if isinstance(value, float) and not math.isfinite(value):
        raise BadInput(f"{where}: {value} is not a number; leave it out and say what is missing")
