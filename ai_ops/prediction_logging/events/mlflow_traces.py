"""MLflow's traces: one prediction a trace, what its root span was asked and what it answered.

Read from exported JSON (``Trace.to_json()``, one a line or in a list) or from a tracking store. The
third form of traces has ``info.trace_id``, ``request_time`` and ``state``; the second, of MLflow 2,
``info.request_id``, ``timestamp_ms`` and ``status``.

https://mlflow.org/docs/latest/genai/concepts/trace/

Paths of inputs and outputs lead into the root span's; where they lead nowhere, and for
``source.columns``, into ``tags``, ``metadata``, ``info``, ``root`` (the root span with its
``attributes``) and ``spans`` (the others' attributes by their names).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from ai_ops.prediction_logging.events.gathering import FileBatch, Gathered, WholeEvents
from ai_ops.prediction_logging.events.json_rows import row_told
from ai_ops.prediction_logging.events.lines import Line, damaged
from ai_ops.prediction_logging.events.mapped import (
    MISSING_FIELD,
    OTHER_EVENT,
    UNREADABLE_PAYLOAD,
    Event,
    Mapped,
    set_apart,
)
from ai_ops.prediction_logging.events.paths import MISSING, find
from ai_ops.prediction_logging.events.payloads import Unreadable

UNFINISHED: Final = "unfinished trace"

_SECONDS: Final = re.compile(r"^(\d+(?:\.\d+)?)s$")
_TOKENS: Final[Mapping[str, str]] = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cache_read_input_tokens": "cache_read_tokens",
    "cache_creation_input_tokens": "cache_write_tokens",
}
"""MLflow's names of token counts, and those of genai-prices."""


class MlflowTraces(WholeEvents):
    """Reads traces."""

    def __init__(self, mapped: Mapped) -> None:
        self._mapped = mapped

    def read(self, file: str, lines: Iterable[Line]) -> Iterator[FileBatch]:
        """The rows of these traces."""
        gathered = Gathered(self._mapped, file)
        for line in lines:
            if line.problem is not None:
                gathered.quarantined.append(damaged(line, file))
            else:
                self._tell(gathered, line)
        yield from gathered.batches()

    def _tell(self, gathered: Gathered, line: Line) -> None:
        event, reason = Event(line.number, line.raw, {}, ("info.request_time", None)), OTHER_EVENT
        try:
            document = _document(line.document)
            event, reason = _event(line, document, self._mapped), UNREADABLE_PAYLOAD
            state = str(_first(document["info"], "state", "status")).upper()
            if state not in ("OK", "ERROR"):
                reason = UNFINISHED
                raise Unreadable("info.state", f"{state}: read it again when it has ended")
            told = find(document, "root.attributes.mlflow.spanInputs")
            asked = row_told(self._mapped.inputs, _plain(told), "mlflow.spanInputs")
            if state == "ERROR":
                error = _error(document["root"])
                gathered.add(event, [asked], None, status="failed", error=error)
                return
            told = find(document, "root.attributes.mlflow.spanOutputs")
            answered = row_told(self._mapped.outputs, _plain(told), "mlflow.spanOutputs")
            gathered.add(event, [asked], [answered], status="ok")
        except Unreadable as error:
            gathered.quarantined.append(set_apart(gathered.file, event, reason, error))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            words = f"{type(error).__name__}: {error}"
            gathered.quarantined.append(set_apart(gathered.file, event, MISSING_FIELD, words))


def _document(told: Any) -> dict[str, Any]:
    """A trace as paths lead into it, whichever form it has."""
    if not isinstance(told, dict) or not isinstance(told.get("info"), dict):
        raise Unreadable("info", "missing: no trace of MLflow")
    info, data = told["info"], told.get("data") or {}
    spans = data.get("spans") or []
    roots = [span for span in spans if not _first(span, "parent_span_id", "parent_id")]
    if not roots:
        raise Unreadable("data.spans", "no root span: was the trace exported without its spans?")
    return {
        "info": info,
        "tags": _by_key(info.get("tags")),
        "metadata": _by_key(_first(info, "trace_metadata", "request_metadata")),
        "root": roots[0],
        "spans": {s["name"]: s.get("attributes") or {} for s in reversed(spans) if s != roots[0]},
    }


def _event(line: Line, document: Mapping[str, Any], mapped: Mapped) -> Event:
    info, metadata = document["info"], document["metadata"]
    id = _first(info, "client_request_id", "trace_id", "request_id")
    version = metadata.get("mlflow.modelId")
    usual = {
        "id": id,
        "request_id": _first(info, "trace_id", "request_id"),
        "model_version": mapped.version(version),
        "latency_ms": _latency(info),
        "cost": _cost(document),
    }
    when = ("info.request_time", _first(info, "request_time", "timestamp_ms"))
    return Event(line.number, line.raw, document, when, usual)


def _latency(info: Mapping[str, Any]) -> Any:
    told = _first(info, "execution_duration_ms", "execution_time_ms", "execution_duration")
    if isinstance(told, str) and (found := _SECONDS.match(told)):
        return float(found[1]) * 1000
    return told


def _cost(document: Mapping[str, Any]) -> dict[str, Any] | None:
    """Cost drivers by the names of genai-prices; the model where only one was called."""
    tokens = _plain(find(document, "metadata.mlflow.trace.tokenUsage"))
    if not isinstance(tokens, dict):
        return None
    every = [document["root"].get("attributes") or {}, *document["spans"].values()]
    known: dict[str, Any] = {}
    for name, field in (("provider", "mlflow.llm.provider"), ("model", "mlflow.llm.model")):
        told = {str(_plain(attributes[field])) for attributes in every if field in attributes}
        if len(told) == 1:
            known[name] = told.pop()
    return known | {ours: tokens[name] for name, ours in _TOKENS.items() if name in tokens}


def _error(root: Mapping[str, Any]) -> str:
    status = root.get("status") or {}
    words = status.get("message") if isinstance(status, dict) else root.get("status_message")
    return str(words) if words else "error"


def _by_key(told: Any) -> dict[str, Any]:
    if isinstance(told, list):
        return {one["key"]: one.get("value") for one in told}
    return dict(told or {})


def _plain(told: Any) -> Any:
    """What an attribute means: MLflow writes each as JSON in text."""
    if told is MISSING:
        return None
    if not isinstance(told, str):
        return told
    try:
        return msgspec.json.decode(told)
    except msgspec.DecodeError:
        return told


def _first(told: Mapping[str, Any], *names: str) -> Any:
    return next((told[name] for name in names if told.get(name) is not None), None)
