"""OpenTelemetry's GenAI spans become rows: spans of the real SDK, written as the protocol says."""

import base64
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes as gen_ai
from opentelemetry.trace import StatusCode, Tracer

from ai_ops.ai_features import AiFeatureSpec
from ai_ops.storage.root import Root
from ai_ops_tests.prediction_logging.event_world import NOON, Read, feature_of, write_lines

START = int(NOON.timestamp()) * 10**9
ASKED = '[{"role": "user", "parts": [{"type": "text", "content": "Is it late?"}]}]'
ANSWERED = '[{"role": "assistant", "parts": [{"type": "text", "content": "yes"}]}]'
TEXTS = {
    "inputs": [
        {"name": "question", "type": "category"},
        {"name": "temperature", "type": "number", "nullable": True},
    ],
    "outputs": [{"name": "answer", "type": "category"}, {"name": "tokens", "type": "number"}],
    "judged": {"decision": "answer"},
    "ground_truth": {"kind": "none"},
    "served_by": "provider_api",
}
MAPPING = {
    "columns": {
        "tenant": "resource.tenant",
        "call_site": "attributes.app.call_site",
        "subject": "attributes.user.id",
    },
    "inputs": {
        "question": "gen_ai.input.messages.-1.parts.0.content",
        "temperature": "gen_ai.request.temperature",
    },
    "outputs": {
        "answer": "gen_ai.output.messages.0.parts.0.content",
        "tokens": "gen_ai.usage.output_tokens",
    },
}


def feature(**told: Any) -> AiFeatureSpec:
    return feature_of("otel_genai", "spans/*.jsonl", **{**MAPPING, **told}, attributes=TEXTS)


class FileExporter(SpanExporter):
    """Writes what the SDK hands over as lines of OTLP's JSON: ids are hexadecimal there."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        data = TracesData()
        for span in spans:
            group = data.resource_spans.add()
            _tell(group.resource.attributes, span.resource.attributes)
            scoped = group.scope_spans.add()
            scope = span.instrumentation_scope
            scoped.scope.name = scope.name if scope else ""
            told = scoped.spans.add()
            context = span.get_span_context()
            assert context is not None
            told.trace_id = context.trace_id.to_bytes(16, "big")
            told.span_id = context.span_id.to_bytes(8, "big")
            if span.parent is not None:
                told.parent_span_id = span.parent.span_id.to_bytes(8, "big")
            told.name = span.name
            told.start_time_unix_nano = span.start_time or 0
            told.end_time_unix_nano = span.end_time or 0
            told.status.code = span.status.status_code.value
            told.status.message = span.status.description or ""
            _tell(told.attributes, span.attributes or {})
            for event in span.events:
                one = told.events.add(name=event.name, time_unix_nano=event.timestamp)
                _tell(one.attributes, event.attributes or {})
        line = MessageToDict(data, use_integers_for_enums=True)
        for group in line["resourceSpans"]:
            for span in group["scopeSpans"][0]["spans"]:
                for name in ("traceId", "spanId", "parentSpanId"):
                    if name in span:
                        span[name] = base64.b64decode(span[name]).hex()
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")
        return SpanExportResult.SUCCESS


def _tell(target: Any, attributes: Any) -> None:
    for key, value in attributes.items():
        one = target.add(key=key).value
        for single in value if isinstance(value, tuple) else [value]:
            held = one.array_value.values.add() if isinstance(value, tuple) else one
            kind = {str: "string", bool: "bool", int: "int", float: "double"}[type(single)]
            setattr(held, f"{kind}_value", single)


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root.open(tmp_path, {})


@pytest.fixture
def tracer(root: Root) -> Iterator[Tracer]:
    provider = TracerProvider(resource=Resource({"service.name": "shop", "tenant": "acme"}))
    exporter = FileExporter(root.folder / "spans/spans.jsonl")
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield provider.get_tracer("shop.chat")
    provider.shutdown()


CALL = {
    gen_ai.GEN_AI_OPERATION_NAME: "chat",
    gen_ai.GEN_AI_PROVIDER_NAME: "openai",
    gen_ai.GEN_AI_REQUEST_MODEL: "gpt-4o",
    gen_ai.GEN_AI_RESPONSE_MODEL: "gpt-4o-2024-08-06",
    gen_ai.GEN_AI_REQUEST_TEMPERATURE: 0.5,
    gen_ai.GEN_AI_INPUT_MESSAGES: ASKED,
    gen_ai.GEN_AI_OUTPUT_MESSAGES: ANSWERED,
    gen_ai.GEN_AI_USAGE_INPUT_TOKENS: 12,
    gen_ai.GEN_AI_USAGE_OUTPUT_TOKENS: 3,
    gen_ai.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: 4,
    gen_ai.GEN_AI_RESPONSE_FINISH_REASONS: ("stop",),
    "app.call_site": "checkout",
    "user.id": "u-1",
}


def call(tracer: Tracer, millis: float = 250.0, name: str = "chat gpt-4o", **told: Any) -> None:
    attributes = {**CALL, **told.pop("attributes", {})}
    span = tracer.start_span(name, start_time=START, attributes=attributes)
    if status := told.pop("status", None):
        span.set_status(StatusCode.ERROR, status)
    for event, given in told.pop("events", {}).items():
        span.add_event(event, given)
    span.end(START + int(millis * 1e6))


@pytest.mark.requirement("FQ-01", "FQ-12", "PL-04", "PL-05", "PL-06", "PL-07")
def test_a_call_of_a_model_is_a_prediction_with_what_it_costs(root: Root, tracer: Tracer) -> None:
    call(tracer)
    [row] = Read(root, feature()).rows
    assert (row["input_question"], row["input_temperature"]) == ("Is it late?", 0.5)
    assert (row["output_answer"], row["output_tokens"]) == ("yes", 3.0)
    assert (row["time"], row["latency_ms"], row["status"]) == (NOON, 250.0, "ok")
    assert row["model_version"] == "gpt-4o-2024-08-06"
    assert (row["tenant"], row["call_site"], row["subject"]) == ("acme", "checkout", "u-1")
    assert json.loads(row["cost"]) == {
        "provider": "openai",
        "model": "gpt-4o-2024-08-06",
        "input_tokens": 12,
        "output_tokens": 3,
        "cache_read_tokens": 4,
    }
    assert row["id"] == f"{row['request_id']}-{row['id'][-16:]}" and len(row["id"]) == 49


def test_what_it_costs_is_named_as_the_prices_take_it(root: Root, tracer: Tracer) -> None:
    genai_prices = pytest.importorskip("genai_prices")
    call(tracer)
    cost = json.loads(Read(root, feature()).rows[0]["cost"])
    model, provider = cost.pop("model"), cost.pop("provider")
    usage = genai_prices.Usage(**cost)
    assert genai_prices.calc_price(usage, model, provider_id=provider).total_price > 0


def test_names_of_earlier_conventions_and_texts_in_events_are_read(
    root: Root, tracer: Tracer
) -> None:
    span = tracer.start_span(
        "chat",
        start_time=START,
        attributes={
            "gen_ai.system": "anthropic",
            "gen_ai.request.model": "claude-3-5-sonnet",
            "gen_ai.usage.prompt_tokens": 7,
            "gen_ai.usage.completion_tokens": 2,
        },
    )
    span.add_event("gen_ai.content.prompt", {"gen_ai.prompt": ASKED})
    span.add_event("gen_ai.choice", {"message": '{"content": "no"}'})
    span.end(START + 1000)
    mapping = {
        "inputs": {"question": "events.gen_ai.content.prompt.gen_ai.prompt.0.parts.0.content"},
        "outputs": {
            "answer": "events.gen_ai.choice.message.content",
            "tokens": "gen_ai.usage.completion_tokens",
        },
    }
    [row] = Read(root, feature(**mapping)).rows
    assert (row["input_question"], row["output_answer"]) == ("Is it late?", "no")
    assert json.loads(row["cost"]) == {
        "provider": "anthropic",
        "model": "claude-3-5-sonnet",
        "input_tokens": 7,
        "output_tokens": 2,
    }
    assert row["model_version"] == "claude-3-5-sonnet"


def test_failed_and_refused_calls_have_no_answer(root: Root, tracer: Tracer) -> None:
    call(tracer, attributes={"error.type": "timeout"}, status="no answer in 30 s")
    call(tracer, attributes={"error.type": "429"})
    call(tracer, status="broken")
    rows = {row["error"]: row for row in Read(root, feature()).rows}
    assert {error: row["status"] for error, row in rows.items()} == {
        "timeout: no answer in 30 s": "failed",
        "429": "refused",
        "broken": "failed",
    }
    assert all(row["output_answer"] is None and row["wrong"] is None for row in rows.values())
    assert rows["429"]["input_question"] is None and "Is it late?" in rows["429"]["input"]


def test_spans_that_are_no_calls_of_a_model_are_passed_over(root: Root, tracer: Tracer) -> None:
    with tracer.start_as_current_span("GET /", start_time=START, attributes={"http.route": "/"}):
        call(tracer)
        call(tracer, attributes={gen_ai.GEN_AI_OPERATION_NAME: "execute_tool"})
        call(tracer, attributes={gen_ai.GEN_AI_OPERATION_NAME: "invoke_agent"})
    found = Read(root, feature())
    assert len(found.rows) == 1 and not found.quarantined


@pytest.mark.requirement("MO-08")
def test_damage_is_told_with_its_line_and_field(root: Root, tracer: Tracer) -> None:
    call(tracer)
    call(tracer, attributes={gen_ai.GEN_AI_INPUT_MESSAGES: "[]"})
    file = root.folder / "spans/spans.jsonl"
    good, lacking = file.read_text().splitlines()
    untimed, broken = json.loads(good), json.loads(good)
    del untimed["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["startTimeUnixNano"]
    broken["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["attributes"] = "none"
    lines = [good, '{"resourceLogs": []}', "{", untimed, broken, "[1]", lacking, good[:-20]]
    write_lines(file, lines)
    found = Read(root, feature())
    assert [row["wrong"] for row in sorted(found.rows, key=lambda row: row["row"])] == [
        None,
        ["input_question"],
    ]
    told = {line: (reason, detail) for line, reason, detail in found.told}
    assert told[2] == (
        "event of another kind",
        "resourceSpans: missing: no line of spans (holds resourceLogs)",
    )
    assert told[3][0] == told[8][0] == "not JSON"
    assert told[4][1].startswith("startTimeUnixNano: missing")
    assert told[5] == ("missing or unreadable field", "attributes: no list of keys and values")
    assert told[6] == (
        "event of another kind",
        "resourceSpans: missing: no line of spans (holds int)",
    )
    assert len(told) == 6
