"""The cost drivers that a provider's answer tells: who answered, and how many tokens it took.

Read from an SDK's object or from the JSON that the API answered with: OpenAI's Chat, Responses and
Embeddings (and every API of their form), Anthropic's Messages, Gemini's ``generateContent``. Input
tokens include those that caches held, as prices want it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

_OF_ANTHROPIC: Final = ("cache_creation_input_tokens", "cache_read_input_tokens")
_BATCH: Final = "batch"


def cost_drivers(
    answer: Any, *, provider: str | None = None, attempts: int | None = None
) -> dict[str, Any]:
    """The cost drivers of an answer, as ``cost=`` of a record takes them.

    A stream is the list of what it yielded. ``provider`` says whose model answered, where neither
    the YAML nor the model's name does; ``attempts`` how often it was asked. ``ValueError`` when the
    answer does not tell its usage: a call that nobody can price is not free.

    >>> answer = {
    ...     "model": "gpt-4o-2024-08-06",
    ...     "usage": {
    ...         "prompt_tokens": 1200,
    ...         "completion_tokens": 30,
    ...         "prompt_tokens_details": {"cached_tokens": 1024},
    ...     },
    ... }
    >>> cost_drivers(answer)["cache_read_tokens"]
    1024
    """
    whole = _of_stream(answer) if _is_stream(answer) else answer
    metadata = _member(whole, "usage_metadata", "usageMetadata")
    usage = _member(whole, "usage")
    if metadata is not None:
        told = _of_gemini(metadata)
        model = _member(whole, "model_version", "modelVersion")
    elif usage is not None:
        told = _of_usage(whole, usage)
        model = _member(whole, "model")
    else:
        raise ValueError(
            f"{type(answer).__name__} tells no usage: give the whole answer; of a stream the list "
            "of its parts, asked with stream_options={'include_usage': True} at OpenAI"
        )
    named = {"model": _name(model), "provider": provider, "attempts": attempts}
    told |= _tier(_member(whole, "service_tier") or _member(usage, "service_tier"))
    return {key: value for key, value in (named | told).items() if value is not None}


def _of_usage(answer: Any, usage: Any) -> dict[str, Any]:
    if _count(usage, "prompt_tokens") is not None:
        details = _member(usage, "prompt_tokens_details")
        return {
            "input_tokens": _count(usage, "prompt_tokens"),
            "output_tokens": _count(usage, "completion_tokens"),
            "cache_read_tokens": _count(details, "cached_tokens")
            or _count(usage, "prompt_cache_hit_tokens")
            or None,
            "cache_write_tokens": _count(details, "cache_write_tokens") or None,
        }
    given = _count(usage, "input_tokens")
    if given is None:
        raise ValueError(f"usage of {type(answer).__name__} tells no input tokens")
    output = _count(usage, "output_tokens")
    if any(_member(usage, name) is not None for name in _OF_ANTHROPIC):
        write, read = (_count(usage, name) or 0 for name in _OF_ANTHROPIC)
        # Anthropic's input tokens are those that no cache had part in.
        return {
            "input_tokens": given + read + write,
            "output_tokens": output,
            "cache_read_tokens": read or None,
            "cache_write_tokens": write or None,
        }
    details = _member(usage, "input_tokens_details")
    return {
        "input_tokens": given,
        "output_tokens": output,
        "cache_read_tokens": _count(details, "cached_tokens") or None,
        "cache_write_tokens": _count(details, "cache_write_tokens") or None,
    }


def _of_gemini(usage: Any) -> dict[str, Any]:
    def count(snake: str, camel: str) -> int | None:
        found = _count(usage, snake)
        return _count(usage, camel) if found is None else found

    given = count("prompt_token_count", "promptTokenCount")
    if given is None:
        raise ValueError("usage_metadata tells no prompt_token_count")
    tools = count("tool_use_prompt_token_count", "toolUsePromptTokenCount")
    answered = count("candidates_token_count", "candidatesTokenCount")
    thought = count("thoughts_token_count", "thoughtsTokenCount")
    return {
        "input_tokens": given + (tools or 0),
        "output_tokens": (answered or 0) + (thought or 0),  # an answer that was blocked has none
        "cache_read_tokens": count("cached_content_token_count", "cachedContentTokenCount") or None,
    }


def _is_stream(answer: Any) -> bool:
    return isinstance(answer, Sequence) and not isinstance(answer, (str, bytes))


def _of_stream(parts: Sequence[Any]) -> Any:
    """The part of a stream that tells the usage; what Anthropic tells in two is put together."""
    whole: dict[str, Any] = {}
    for part in parts:
        inner = _member(part, "response") or _member(part, "message") or part
        usage = _member(inner, "usage")
        if usage is not None:
            whole["usage"] = _joined(whole.get("usage"), usage)
            if _member(part, "type") == "message_start":
                # A placeholder: of a stream that broke off nobody knows what was written.
                whole["usage"]["output_tokens"] = None
        for name in ("usage_metadata", "usageMetadata", "model", "service_tier"):
            if (found := _member(inner, name)) is not None:
                whole[name] = found
        if (found := _member(inner, "model_version", "modelVersion")) is not None:
            whole["model_version"] = found
    return whole


def _joined(before: Any, now: Any) -> dict[str, Any]:
    """Counts are told as they stand: the later one holds, where it is told at all."""
    names = (
        "prompt_tokens",
        "completion_tokens",
        "prompt_tokens_details",
        "prompt_cache_hit_tokens",
        "input_tokens",
        "output_tokens",
        "input_tokens_details",
        "service_tier",
        *_OF_ANTHROPIC,
    )
    told = {name: _member(now, name) for name in names}
    earlier = {name: _member(before, name) for name in names}
    return {name: earlier[name] if told[name] is None else told[name] for name in names}


def _tier(told: Any) -> dict[str, Any]:
    """A batch of the provider's has its own price; so have other tiers than the usual one."""
    if told is None:
        return {}
    return {"processing": _BATCH} if told == _BATCH else {"service_tier": str(told)}


def _name(model: Any) -> str | None:
    return None if model is None else str(model).removeprefix("models/")


def _member(holder: Any, *names: str) -> Any:
    """A member of a mapping or an attribute of an object; None where it has none of the names."""
    for name in names:
        found = holder.get(name) if isinstance(holder, Mapping) else getattr(holder, name, None)
        if found is not None:
            return found
    return None


def _count(holder: Any, name: str) -> int | None:
    found = _member(holder, name)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int) or found < 0:
        raise ValueError(f"{name}: {found!r} is no count of tokens")
    return found
