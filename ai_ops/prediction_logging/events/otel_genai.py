"""OpenTelemetry's GenAI spans, as the OTLP file exporter writes them: one JSON object a line.

https://opentelemetry.io/docs/specs/otel/protocol/file-exporter/
https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/

A prediction is a span of a model's call (``gen_ai.operation.name`` chat, text_completion,
generate_content or embeddings; where it is not told, any span that names ``gen_ai.request.model``).
Other spans of a trace (tools, agents, HTTP) are none and are passed over. Paths of inputs and
outputs lead into the span's attributes (``gen_ai.input.messages.-1.parts.0.content``); those of
``source.columns``, too, through ``attributes``, beside which stand ``resource`` (its attributes),
``events`` (attributes by the event's name), ``name``, ``traceId``, ``spanId``, ``parentSpanId``,
``scope``.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from ai_ops.prediction_logging.events.gathering import FileBatch, Gathered, WholeEvents
from ai_ops.prediction_logging.events.lines import Line, damaged
from ai_ops.prediction_logging.events.mapped import (
    MISSING_FIELD,
    OTHER_EVENT,
    Event,
    Mapped,
    set_apart,
    status_of,
)
from ai_ops.prediction_logging.events.payloads import Unreadable

_CALLS: Final = ("chat", "text_completion", "generate_content", "embeddings")
_MODELS: Final = ("gen_ai.response.model", "gen_ai.request.model")
_COST: Final[Mapping[str, tuple[str, ...]]] = {
    "provider": ("gen_ai.provider.name", "gen_ai.system"),
    "model": _MODELS,
    "input_tokens": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"),
    "output_tokens": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"),
    "cache_read_tokens": ("gen_ai.usage.cache_read.input_tokens",),
    "cache_write_tokens": ("gen_ai.usage.cache_creation.input_tokens",),
}
"""Cost drivers by the names of genai-prices, and the attributes that tell them, newest first."""
_MISSHAPEN: Final = (AttributeError, KeyError, TypeError, ValueError)
_UNTIMED: Final = ("startTimeUnixNano", None)
_ERROR: Final = (2, "STATUS_CODE_ERROR")


class GenAiSpans(WholeEvents):
    """Reads files of spans."""

    def __init__(self, mapped: Mapped) -> None:
        self._mapped = mapped

    def read(self, file: str, lines: Iterable[Line]) -> Iterator[FileBatch]:
        """The rows of the models' calls among these lines' spans."""
        gathered = Gathered(self._mapped, file)
        for line in lines:
            if line.problem is not None:
                gathered.quarantined.append(damaged(line, file))
                continue
            try:
                spans = list(_spans(line.document))
            except Unreadable as error:
                event = Event(line.number, line.raw, {}, _UNTIMED)
                gathered.quarantined.append(set_apart(file, event, OTHER_EVENT, error))
                continue
            except _MISSHAPEN as error:
                event = Event(line.number, line.raw, {}, _UNTIMED)
                words = f"resourceSpans: not of the protocol's form ({error})"
                gathered.quarantined.append(set_apart(file, event, MISSING_FIELD, words))
                continue
            for span, resource, scope in spans:
                self._tell(gathered, line, span, resource, scope)
            if gathered.is_large:
                yield from gathered.batches()
                gathered = Gathered(self._mapped, file)
        yield from gathered.batches()

    def _tell(self, gathered: Gathered, line: Line, span: Any, resource: Any, scope: Any) -> None:
        try:
            attributes = _attributes(span.get("attributes"), "attributes")
            if not _is_call(attributes):
                return
            document = {
                **{name: span.get(name) for name in ("name", "traceId", "spanId", "parentSpanId")},
                "attributes": attributes,
                "resource": resource,
                "scope": scope,
                "events": _events(span.get("events")),
            }
            failed = _failure(span, attributes)
            usual = {**_usual(span, attributes, self._mapped), **failed}
        except _MISSHAPEN as error:
            event = Event(line.number, msgspec.json.encode(span), {}, _UNTIMED)
            gathered.quarantined.append(set_apart(gathered.file, event, MISSING_FIELD, error))
            return
        when = ("startTimeUnixNano", span.get("startTimeUnixNano"))
        event = Event(line.number, msgspec.json.encode(span), document, when, usual)
        gathered.add(event, [attributes], None if failed else [attributes])


def _spans(document: Any) -> Iterator[tuple[Any, dict[str, Any], Any]]:
    """The spans of a line, each with its resource's attributes and the name of its scope."""
    if not isinstance(document, dict) or not isinstance(document.get("resourceSpans"), list):
        names = ", ".join(document) if isinstance(document, dict) else type(document).__name__
        raise Unreadable("resourceSpans", f"missing: no line of spans (holds {names[:80]})")
    for group in document["resourceSpans"]:
        told = (group.get("resource") or {}).get("attributes")
        resource = _attributes(told, "resource.attributes")
        for scoped in group.get("scopeSpans") or ():
            scope = (scoped.get("scope") or {}).get("name")
            for span in scoped.get("spans") or ():
                yield span, resource, scope


def _attributes(told: Any, field: str) -> dict[str, Any]:
    """Attributes by name, their values as plain JSON."""
    if told is None:
        return {}
    if not isinstance(told, list):
        raise Unreadable(field, "no list of keys and values")
    return {one["key"]: _value(one.get("value")) for one in told if "key" in one}


def _value(told: Any) -> Any:
    """A value of OTLP: its type is the name of its member, whole numbers may be text.

    >>> _value({"arrayValue": {"values": [{"intValue": "7"}, {"stringValue": "x"}]}})
    [7, 'x']
    """
    if not isinstance(told, dict) or not told:
        return None
    [(kind, value)] = told.items()
    if kind == "intValue":
        return int(value)
    if kind == "arrayValue":
        return [_value(one) for one in value.get("values") or ()]
    if kind == "kvlistValue":
        return _attributes(value.get("values"), "kvlistValue")
    return value


def _is_call(attributes: Mapping[str, Any]) -> bool:
    operation = attributes.get("gen_ai.operation.name")
    if operation is None:
        return any(name in attributes for name in _MODELS)
    return operation in _CALLS


def _events(told: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in told or ():
        found.setdefault(one.get("name"), _attributes(one.get("attributes"), "events"))
    return found


def _usual(span: Any, attributes: Mapping[str, Any], mapped: Mapped) -> dict[str, Any]:
    cost = {name: _first(attributes, names) for name, names in _COST.items()}
    known = {name: value for name, value in cost.items() if value is not None}
    model = _first(attributes, _MODELS)
    begin, end = span.get("startTimeUnixNano"), span.get("endTimeUnixNano")
    return {
        "id": f"{span.get('traceId')}-{span['spanId']}" if span.get("spanId") else None,
        "request_id": span.get("traceId"),
        "model_version": mapped.version(str(model) if model else None),
        "latency_ms": (int(end) - int(begin)) / 1e6 if begin and end else None,
        "cost": known or None,
        "status": "ok",
    }


def _failure(span: Any, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Status and error of a call that failed; nothing of one that did not."""
    status = span.get("status") or {}
    kind, message = attributes.get("error.type"), status.get("message")
    if kind is None and status.get("code") not in _ERROR:
        return {}
    words = ": ".join(str(one) for one in (kind, message) if one)
    refused = str(kind).isdecimal() and status_of(kind, "error.type") == "refused"
    return {"status": "refused" if refused else "failed", "error": words or "error"}


def _first(attributes: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((attributes[name] for name in names if attributes.get(name) is not None), None)
