"""Dotted paths into an event: ``eventMetadata.inferenceId``, ``messages.0.content``."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec


class _Missing:
    """What a path finds where there is nothing: null is a value, this is none."""

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING: Final = _Missing()
_OPENED: Final = ("{", "[")


def find(document: Any, path: str) -> Any:
    """What lies at a path; ``MISSING`` where nothing does.

    A step is a member's name or the position in a list (from the end, when it is negative). Names
    may hold dots themselves: the longest one that fits is tried first. Text that is JSON is read
    where the path goes on inside it, as many systems write JSON into a member of JSON.

    >>> span = {"gen_ai.usage": {"input": 3}, "gen_ai.input.messages": '[{"role": "user"}]'}
    >>> find(span, "gen_ai.usage.input"), find(span, "gen_ai.input.messages.-1.role")
    (3, 'user')
    >>> find(span, "gen_ai.output")
    MISSING
    """
    if type(document) is dict and path in document:
        return document[path]
    return _find(document, _steps(path))


@lru_cache(maxsize=4096)
def _steps(path: str) -> tuple[str, ...]:
    return tuple(path.split("."))


def _find(document: Any, steps: Sequence[str]) -> Any:
    if not steps:
        return document
    if isinstance(document, str) and document.startswith(_OPENED):
        try:
            document = msgspec.json.decode(document)
        except msgspec.DecodeError:
            return MISSING
    if isinstance(document, Mapping):
        return _member(document, steps)
    if isinstance(document, list) and _is_position(steps[0]):
        place = int(steps[0])
        if -len(document) <= place < len(document):
            return _find(document[place], steps[1:])
    return MISSING


def _member(document: Mapping[str, Any], steps: Sequence[str]) -> Any:
    for end in range(len(steps), 0, -1):
        name = ".".join(steps[:end])
        if name in document:
            found = _find(document[name], steps[end:])
            if found is not MISSING:
                return found
    return MISSING


def _is_position(step: str) -> bool:
    return step.removeprefix("-").isdecimal()
