"""KServe's inference logger: CloudEvents of requests and responses, brought together by their id.

The events are ``org.kubeflow.serving.inference.request`` and ``…response`` with the same ``id``;
Seldon's logger sends the same by a name of its own. A line is the structured form of CloudEvents,
or ``{"headers": …, "body": …}`` as a receiver of the binary form writes it down.

https://kserve.github.io/website/docs/model-serving/predictive-inference/logger/basic-logger
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md

Paths of ``source.columns`` begin with ``request`` or ``response`` and lead into the event's
attributes and its ``data``: ``request.inferenceservicename``, ``request.metadata.x-tenant.0``.
A request that nobody answered is a failed prediction. A response without its request is set apart:
what was asked is unknown.
"""

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import pyarrow as pa

from ai_ops.prediction_logging.events.gathering import FileBatch, Gathered
from ai_ops.prediction_logging.events.halves import Half, Halves, Part
from ai_ops.prediction_logging.events.json_rows import rows_told
from ai_ops.prediction_logging.events.lines import Line, damaged
from ai_ops.prediction_logging.events.mapped import (
    MISSING_FIELD,
    OTHER_EVENT,
    UNREADABLE_PAYLOAD,
    Event,
    Mapped,
    set_apart,
)
from ai_ops.prediction_logging.events.payloads import Unreadable, read_json
from ai_ops.prediction_logging.events.times import moment
from ai_ops.prediction_logging.log_table import Quarantined
from ai_ops.prediction_logging.source_rows import SourceBatch

CONFLICTING_ID: Final = "conflicting id"
UNANSWERED: Final = "no response was logged"
UNASKED: Final = "response without its request"

_TYPES: Final[Mapping[str, Part]] = {
    "org.kubeflow.serving.inference.request": "request",
    "org.kubeflow.serving.inference.response": "response",
    "io.seldon.serving.inference.request": "request",
    "io.seldon.serving.inference.response": "response",
}
_PREFIXES: Final = ("ce-", "ce_")


class KServeEvents:
    """Reads files of events one after the other; a response may stand in another file."""

    def __init__(self, mapped: Mapped) -> None:
        self._mapped = mapped
        self._halves = Halves()

    def read(self, file: str, lines: Iterable[Line]) -> Iterator[FileBatch]:
        """The rows of the pairs that these lines complete, and what of them is damaged."""
        apart: list[Quarantined] = []
        gathered = _ByFile(self._mapped)
        for half in _halves(file, lines, apart):
            match self._halves.add(half):
                case (request, response):
                    self._tell(gathered.of(request), request, response)
                case Half() as odd:
                    words = f"another {odd.part} of this id says otherwise"
                    gathered.of(odd).quarantined.append(_alone(odd, CONFLICTING_ID, words))
        yield from gathered.batches()
        if apart:
            yield file, SourceBatch(pa.table({}), apart)

    def rest(self) -> Iterator[FileBatch]:
        """Requests that nobody answered as failed predictions; responses that nobody asked."""
        gathered = _ByFile(self._mapped)
        for half in self._halves.rest():
            one = gathered.of(half)
            if half.part == "request":
                self._tell(one, half, None)
            else:
                one.quarantined.append(_alone(half, UNASKED, "nobody knows what was asked"))
            if one.is_large:
                yield from one.batches()
                gathered.forget(half)
        yield from gathered.batches()

    def _tell(self, gathered: Gathered, request: Half, response: Half | None) -> None:
        asked = _attributes(request.raw)
        answered = _attributes(response.raw) if response else {}
        event = Event(
            request.line,
            request.raw if response is None else request.raw + b"\n" + response.raw,
            {"request": asked, "response": answered},
            ("request.time", asked.get("time")),
            {"id": request.id, "model_version": self._mapped.version(None)},
        )
        try:
            rows = rows_told(self._mapped.inputs, _data(asked, "request"), "request.data", None)
            if response is None:
                gathered.add(event, rows, None, status="failed", error=UNANSWERED)
                return
            data = _data(answered, "response")
            told = {
                "latency_ms": self._latency(asked, answered),
                "model_version": self._version(data),
            }
            if isinstance(data, dict) and "error" in data:
                gathered.add(event, rows, None, status="failed", error=str(data["error"]), **told)
                return
            answers = rows_told(self._mapped.outputs, data, "response.data", len(rows))
            gathered.add(event, rows, answers, status="ok", **told)
        except Unreadable as error:
            gathered.quarantined.append(set_apart(gathered.file, event, UNREADABLE_PAYLOAD, error))

    def _version(self, data: Any) -> str:
        told = data.get("model_version") if isinstance(data, dict) else None
        return self._mapped.version(str(told) if told else None)

    def _latency(self, asked: Mapping[str, Any], answered: Mapping[str, Any]) -> float | None:
        if asked.get("time") is None or answered.get("time") is None:
            return None
        begin = moment(asked["time"], "request.time", self._mapped.zone)
        end = moment(answered["time"], "response.time", self._mapped.zone)
        return (end - begin).total_seconds() * 1000


class _ByFile:
    """What was gathered of each file."""

    def __init__(self, mapped: Mapped) -> None:
        self._mapped = mapped
        self._files: dict[str, Gathered] = {}

    def of(self, half: Half) -> Gathered:
        return self._files.setdefault(half.file, Gathered(self._mapped, half.file))

    def forget(self, half: Half) -> None:
        del self._files[half.file]

    def batches(self) -> Iterator[FileBatch]:
        for one in self._files.values():
            yield from one.batches()


def _halves(file: str, lines: Iterable[Line], apart: list[Quarantined]) -> Iterator[Half]:
    """The requests and responses among lines; what is neither is told in ``apart``."""
    for line in lines:
        if line.problem is not None:
            apart.append(damaged(line, file))
            continue
        try:
            yield _half(line, file)
        except Unreadable as error:
            reason = OTHER_EVENT if error.field == "type" else MISSING_FIELD
            event = Event(line.number, line.raw, {}, ("time", _told(line, "time")))
            apart.append(set_apart(file, event, reason, error))


def _half(line: Line, file: str) -> Half:
    told = _attributes_of(line.document)
    if (part := _TYPES.get(str(told.get("type")))) is None:
        raise Unreadable("type", f"neither a request nor a response: {told.get('type')!r}")
    if not told.get("id"):
        raise Unreadable("id", "missing: its other half cannot be found")
    return Half(part, str(told["id"]), file, line.number, line.raw)


def _attributes(raw: bytes) -> dict[str, Any]:
    return _attributes_of(read_json(raw, "line"))


def _attributes_of(document: Any) -> dict[str, Any]:
    """The attributes of an event and its data, in whichever form it was written down."""
    if not isinstance(document, dict):
        return {}
    headers = document.get("headers")
    if not isinstance(headers, dict):
        return document
    told: dict[str, Any] = {}
    for name, value in headers.items():
        lower = name.lower()
        plain = lower[3:] if lower.startswith(_PREFIXES) else lower
        told[plain] = value[0] if isinstance(value, list) and len(value) == 1 else value
    return {**told, "data": document.get("body", document.get("data"))}


def _data(told: dict[str, Any], part: Part) -> Any:
    """The payload of an event; text is JSON, and may be in base64."""
    field, data = f"{part}.data", told.get("data")
    if isinstance(coded := told.get("data_base64"), str):
        field = f"{part}.data_base64"
        try:
            data = base64.b64decode(coded, validate=True)
        except binascii.Error as error:
            raise Unreadable(field, f"no base64 ({error})") from error
    if data is None:
        raise Unreadable(field, "missing")
    told["data"] = read_json(data, field) if isinstance(data, str | bytes) else data
    return told["data"]


def _told(line: Line, name: str) -> Any:
    return _attributes_of(line.document).get(name)


def _alone(half: Half, reason: str, words: str) -> Quarantined:
    told = _attributes(half.raw)
    event = Event(half.line, half.raw, {}, ("time", told.get("time")), {"id": half.id})
    return set_apart(half.file, event, reason, words)
