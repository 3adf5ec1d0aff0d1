"""How events become records: each member from where the YAML says it lies, or where it usually is.

A path of ``source.columns`` leads into the event as its kind documents it; one that begins with
``input.`` or ``output.`` leads into the row that was asked or answered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.ai_features.source import Source
from ai_ops.prediction_logging.events.paths import MISSING, find
from ai_ops.prediction_logging.events.payloads import Unreadable
from ai_ops.prediction_logging.events.sides import Members
from ai_ops.prediction_logging.events.times import moment
from ai_ops.prediction_logging.log_columns import LogColumn, LogColumns
from ai_ops.prediction_logging.log_table import Quarantined
from ai_ops.prediction_logging.source_rows import AVAILABLE_AT

MISSING_FIELD: Final = "missing or unreadable field"
UNREADABLE_PAYLOAD: Final = "unreadable payload"
OTHER_EVENT: Final = "event of another kind"

_SIDES: Final = ("input.", "output.")
_STATUSES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("ok", "success", "succeeded", "true", "unset"), "ok"),
    **dict.fromkeys(("failed", "failure", "error", "false"), "failed"),
    "refused": "refused",
}


@dataclass(frozen=True, slots=True)
class Event:
    """What happened once: its document, and what its kind tells of it without any mapping.

    ``usual`` holds members of a record by name, ``when`` the field of the time and what it says.
    """

    line: int
    raw: bytes
    document: Mapping[str, Any]
    when: tuple[str, Any]
    usual: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mapped:
    """The mapping of a feature's YAML; ``by_row`` are the paths that lead into a row."""

    source: Source
    inputs: Members
    outputs: Members
    zone: ZoneInfo | None
    paths: Mapping[str, str]
    by_row: Mapping[str, str]

    @classmethod
    def of(cls, feature: AiFeatureSpec, columns: LogColumns) -> "Mapped":
        """The mapping of a feature that has a source."""
        source = cast(Source, feature.source)
        told = source.columns.model_dump(exclude_none=True)
        dropped = {name for name, rule in feature.privacy.fields.items() if rule == "drop"}
        kept = {name: path for name, path in told.items() if name not in dropped}
        return cls(
            source,
            _members(columns.inputs, source.inputs),
            _members(columns.outputs, source.outputs),
            ZoneInfo(source.time_zone) if source.time_zone else None,
            {name: path for name, path in kept.items() if not path.startswith(_SIDES)},
            {name: path for name, path in kept.items() if path.startswith(_SIDES)},
        )

    def version(self, otherwise: str | None) -> str:
        """The model's version where no column tells it: what the YAML says, or else the event."""
        if otherwise is None or "version" in self.source.model_fields_set:
            return self.source.version
        return otherwise

    def record(self, event: Event) -> dict[str, Any]:
        """The members of an event's record; ``Unreadable`` without an id or a time."""
        told = dict(event.usual)
        for name, path in self.paths.items():
            found = find(event.document, path)
            if found is not MISSING and found is not None:
                told[name] = found
            elif name in ("id", "time"):
                raise Unreadable(path, "missing")
        if told.get("id") is None and "id" not in self.by_row:
            raise Unreadable("id", "missing")
        if "time" not in self.by_row:
            told["time"] = self._time(event, told)
        if "status" in self.paths and "status" in told:
            told["status"] = status_of(told["status"], self.paths["status"])
        if AVAILABLE_AT in self.paths and AVAILABLE_AT in told:
            told[AVAILABLE_AT] = moment(told[AVAILABLE_AT], self.paths[AVAILABLE_AT], self.zone)
        return told

    def _time(self, event: Event, told: Mapping[str, Any]) -> datetime:
        path = self.paths.get("time")
        place, when = event.when if path is None else (path, told["time"])
        if when is None:
            raise Unreadable(place, "missing: nobody knows the day of the event")
        return moment(when, place, self.zone)


def set_apart(file: str, event: Event, reason: str, problem: object) -> Quarantined:
    """An event that cannot become rows, as it was found."""
    when: datetime | None
    try:
        when = moment(event.when[1], event.when[0], None)
    except Unreadable:
        when = None
    told = event.usual.get("id")
    id = str(told) if told is not None else None
    return Quarantined(reason, file, str(problem), event.line, when, id, event.raw)


def status_of(told: Any, field: str) -> str:
    """A status in the log's words, from words or from HTTP's numbers.

    >>> [status_of(told, "state") for told in ("OK", 503, 429, True)]
    ['ok', 'failed', 'refused', 'ok']
    """
    text = str(told).strip().lower()
    if text.isdecimal() and len(text) == 3:
        return "ok" if text < "400" else "refused" if text < "500" else "failed"
    if (status := _STATUSES.get(text)) is None:
        raise Unreadable(field, f"no status: {told!r} (know ok, failed, refused and HTTP's)")
    return status


def _members(columns: Sequence[LogColumn], mapping: Mapping[str, str]) -> Members:
    return Members(columns, [mapping.get(column.name) for column in columns])
