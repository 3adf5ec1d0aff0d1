"""What a provider's answer tells of its cost, as objects and over the wire."""

import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any
from urllib.request import Request, urlopen

import genai_prices
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_ops.client import cost_drivers

pytestmark = pytest.mark.requirement("PL-21")

CHAT = {
    "object": "chat.completion",
    "model": "gpt-4o-2024-08-06",
    "service_tier": "default",
    "choices": [{"message": {"role": "assistant", "content": "late"}}],
    "usage": {
        "prompt_tokens": 1500,
        "completion_tokens": 20,
        "total_tokens": 1520,
        "prompt_tokens_details": {"cached_tokens": 1024, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 8},
    },
}
RESPONSES = {
    "object": "response",
    "model": "gpt-4.1-2025-04-14",
    "usage": {
        "input_tokens": 900,
        "input_tokens_details": {"cached_tokens": 512},
        "output_tokens": 40,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 940,
    },
}
MESSAGES = {
    "type": "message",
    "model": "claude-sonnet-4-5-20250929",
    "usage": {
        "input_tokens": 100,
        "cache_creation_input_tokens": 300,
        "cache_read_input_tokens": 2000,
        "output_tokens": 25,
        "service_tier": "standard",
    },
}
GEMINI = {
    "modelVersion": "gemini-2.5-flash",
    "candidates": [{"content": {"parts": [{"text": "late"}]}}],
    "usageMetadata": {
        "promptTokenCount": 700,
        "candidatesTokenCount": 12,
        "thoughtsTokenCount": 50,
        "cachedContentTokenCount": 256,
        "totalTokenCount": 762,
    },
}
ANSWERS: dict[str, Any] = {
    "/v1/chat/completions": CHAT,
    "/v1/responses": RESPONSES,
    "/v1/messages": MESSAGES,
    "/v1beta/models/gemini-2.5-flash:generateContent": GEMINI,
}
EXPECTED: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {
        "model": "gpt-4o-2024-08-06",
        "input_tokens": 1500,
        "output_tokens": 20,
        "cache_read_tokens": 1024,
        "service_tier": "default",
    },
    "/v1/responses": {
        "model": "gpt-4.1-2025-04-14",
        "input_tokens": 900,
        "output_tokens": 40,
        "cache_read_tokens": 512,
    },
    "/v1/messages": {
        "model": "claude-sonnet-4-5-20250929",
        "input_tokens": 2400,
        "output_tokens": 25,
        "cache_read_tokens": 2000,
        "cache_write_tokens": 300,
        "service_tier": "standard",
    },
    "/v1beta/models/gemini-2.5-flash:generateContent": {
        "model": "gemini-2.5-flash",
        "input_tokens": 700,
        "output_tokens": 62,
        "cache_read_tokens": 256,
    },
}
REFEREE = {
    "/v1/chat/completions": ("openai", "chat"),
    "/v1/responses": ("openai", "responses"),
    "/v1/messages": ("anthropic", "default"),
    "/v1beta/models/gemini-2.5-flash:generateContent": ("google", "default"),
}


class Providers(BaseHTTPRequestHandler):
    """Answers as the providers' documentations show it."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        body = json.dumps(ANSWERS[self.path]).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Not among the tests' words."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Providers) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def as_object(value: Any) -> Any:
    """JSON as an SDK gives it: attributes, in snake case."""
    if isinstance(value, Mapping):
        return SimpleNamespace(**{_snake(name): as_object(one) for name, one in value.items()})
    return [as_object(one) for one in value] if isinstance(value, list) else value


def _snake(name: str) -> str:
    return "".join(f"_{sign.lower()}" if sign.isupper() else sign for sign in name)


@pytest.mark.parametrize("path", ANSWERS)
def test_an_answer_over_the_wire_tells_its_drivers(address: str, path: str) -> None:
    with urlopen(Request(address + path, data=b"{}", method="POST")) as response:
        assert cost_drivers(json.load(response)) == EXPECTED[path]


@pytest.mark.parametrize("path", ANSWERS)
def test_an_object_of_the_sdk_tells_the_same(path: str) -> None:
    assert cost_drivers(as_object(ANSWERS[path])) == EXPECTED[path]


@pytest.mark.parametrize("path", ANSWERS)
def test_the_library_that_prices_them_reads_the_same_counts(path: str) -> None:
    provider, flavor = REFEREE[path]
    told = genai_prices.extract_usage(ANSWERS[path], provider_id=provider, api_flavor=flavor)
    ours = cost_drivers(ANSWERS[path])
    for kind in ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"):
        assert ours.get(kind, 0) == told.usage.reported_value(kind), kind


counts = st.integers(0, 10**7)


@given(counts, counts, counts, counts)
def test_input_holds_what_caches_held_whoever_answers(
    fresh: int, read: int, write: int, output: int
) -> None:
    usage = {
        "input_tokens": fresh,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": write,
        "output_tokens": output,
    }
    told = cost_drivers({"model": "claude", "usage": usage})
    assert told["input_tokens"] == fresh + read + write
    chat = {"prompt_tokens": fresh + read, "completion_tokens": output}
    chat["prompt_tokens_details"] = {"cached_tokens": read}  # type: ignore[assignment]
    assert cost_drivers({"model": "gpt", "usage": chat})["input_tokens"] == fresh + read


def test_streams_tell_their_usage_in_their_last_part_or_in_two() -> None:
    chunk = {"model": "gpt-4o", "choices": [{"delta": {"content": "la"}}], "usage": None}
    last = {"model": "gpt-4o", "choices": [], "usage": CHAT["usage"]}
    assert cost_drivers([chunk, chunk, last])["output_tokens"] == 20

    done = {"type": "response.completed", "response": RESPONSES}
    assert cost_drivers([{"type": "response.created", "response": {}}, done]) == cost_drivers(
        RESPONSES
    )
    start = {"type": "message_start", "message": MESSAGES | {"usage": {**_usage(1)}}}
    end = {"type": "message_delta", "usage": {"output_tokens": 25}}
    delta = {"type": "content_block_delta", "delta": {"text": "late"}}
    assert cost_drivers([start, delta, end]) == EXPECTED["/v1/messages"]
    broken_off = cost_drivers([start, delta])
    assert broken_off["input_tokens"] == 2400 and "output_tokens" not in broken_off, "nobody knows"
    parts = [GEMINI | {"usageMetadata": {"promptTokenCount": 700}}, GEMINI]
    assert cost_drivers(parts) == cost_drivers(GEMINI)


def _usage(output: int) -> dict[str, Any]:
    usage: dict[str, Any] = ANSWERS["/v1/messages"]["usage"]
    return usage | {"output_tokens": output}


def test_an_embedding_says_no_output() -> None:
    told = cost_drivers({"model": "text-embedding-3-small", "usage": {"prompt_tokens": 8}})
    assert told == {"model": "text-embedding-3-small", "input_tokens": 8}


def test_a_batch_and_who_asked_again_are_kept() -> None:
    batch = MESSAGES | {"usage": _usage(25) | {"service_tier": "batch"}}
    told = cost_drivers(batch, provider="aws", attempts=3)
    assert (told["processing"], told["provider"], told["attempts"]) == ("batch", "aws", 3)
    assert "service_tier" not in told


@pytest.mark.parametrize(
    "answer",
    [
        {"model": "gpt-4o"},
        "late",
        [{"model": "gpt-4o", "choices": []}],
        {"model": "gpt-4o", "usage": {}},
        {"model": "gpt-4o", "usage": {"prompt_tokens": -3}},
        {"model": "gpt-4o", "usage": {"prompt_tokens": "many"}},
        {"usageMetadata": {"candidatesTokenCount": 3}},
    ],
)
def test_an_answer_without_counts_is_refused_and_never_free(answer: Any) -> None:
    with pytest.raises(ValueError, match=r"usage|prompt_token"):
        cost_drivers(answer)
