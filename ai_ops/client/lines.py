"""How a line of a segment is written, sealed, and read back.

A line is one JSON object with its checksum as the last field, so that a torn or altered line is
known for what it is without any other line:

    {"kind":"prediction", … ,"seq":7,"crc":"1f2e3d4c"}

The checksum is the CRC-32 of the object without that field.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal
from zlib import crc32

import msgspec

from ai_ops.client.records import (
    CloseRecord,
    HeartbeatRecord,
    OpenRecord,
    Prediction,
    Record,
    SealRecord,
)

Damage = Literal["torn", "no checksum", "wrong checksum", "unknown kind", "not a record"]
"""Why a line cannot be used: each is quarantined under this word."""

_PLAIN: Final = frozenset({str, int, bool, type(None), msgspec.Raw})

_LINE_FEED: Final = ord("\n")  # as a number it is looked for without a detour
_SEAL: Final = b',"crc":"%08x"}\n'
_SEAL_LENGTH: Final = len(_SEAL % 0)
_SEAL_OPENING: Final = b',"crc":"'


class DamagedLine(ValueError):
    """A line that cannot be used; ``damage`` is the word for why."""

    def __init__(self, damage: Damage, detail: str = "") -> None:
        super().__init__(f"{damage}: {detail}" if detail else damage)
        self.damage: Damage = damage


def encode(record: Prediction | OpenRecord | HeartbeatRecord | CloseRecord | SealRecord) -> bytes:
    """A record as one line of JSON, not yet sealed; ``TypeError`` for what JSON cannot hold.

    >>> encode(Prediction(id="a", model_version="1", input={"x": float("nan")}))[:68]
    b'{"kind":"prediction","id":"a","model_version":"1","input":{"x":"nan"'
    """
    body = _encode(record)
    # A number without a word in JSON comes out as null, so most lines need no look at each value.
    # From the right it is found in half the time: every prediction passes here.
    if body.rfind(b"null") >= 0 and type(record) is Prediction and not _speakable(record):
        words = {"input": _with_words(record.input), "output": _with_words(record.output)}
        body = _encode(msgspec.structs.replace(record, **words))
    # Raw JSON from a caller may be pretty-printed; a line break inside would end the line.
    return msgspec.json.format(body, indent=-1) if _LINE_FEED in body else body


def raw(value: Any) -> msgspec.Raw:
    """A value as the JSON it has now, whatever becomes of it; ``TypeError`` as for ``encode``.

    >>> bytes(raw({"x": float("nan")}))
    b'{"x":"nan"}'
    """
    body = _encode(value)
    if body.rfind(b"null") >= 0 and not _finite(value):
        body = _encode(_with_words(value))
    return msgspec.Raw(body)


def numbered(body: bytes, time: datetime, stamp: bytes, seq: int) -> bytes:
    """The sealed line of a prediction: its object, then what the log adds, its number last.

    >>> noon = datetime.fromisoformat("2021-03-04T12:00:00+00:00")
    >>> numbered(b'{"id":"a"}', noon, b',"writer":"web","seq":', 7)
    b'{"id":"a","time":"2021-03-04T12:00:00Z","writer":"web","seq":7,"crc":"0480bc52"}\\n'
    """
    # One copy and two checksums less than with ``seal``: every prediction passes here.
    line = b"".join((body[:-1], b',"time":', _encode(time), stamp, _encode(seq)))
    return line + _SEAL % crc32(b"}", crc32(line))


def seal(body: bytes) -> bytes:
    """The line of a JSON object: its checksum as the last field, and the line's end.

    >>> seal(b'{"kind":"close"}')
    b'{"kind":"close","crc":"09d6aa77"}\\n'
    """
    return body[:-1] + _SEAL % crc32(body)


def unseal(line: bytes) -> bytes:
    """The JSON object of a line whose checksum holds; ``DamagedLine`` otherwise.

    >>> unseal(seal(b'{"kind":"close"}'))
    b'{"kind":"close"}'
    >>> try:
    ...     unseal(b'{"kind":"close","cr')
    ... except DamagedLine as error:
    ...     print(error)
    torn
    """
    if not line.endswith(b"\n"):
        raise DamagedLine("torn")
    start = len(line) - _SEAL_LENGTH
    if start < 1 or not line.startswith(_SEAL_OPENING, start) or not line.endswith(b'"}\n'):
        raise DamagedLine("no checksum")
    body = line[:start] + b"}"
    if line[start + len(_SEAL_OPENING) : -3] != b"%08x" % crc32(body):
        raise DamagedLine("wrong checksum")
    return body


def read_line(line: bytes) -> Record:
    """The record of a line, its checksum verified; ``DamagedLine`` says what is wrong with it."""
    body = unseal(line)
    try:
        return _decoder.decode(body)
    except msgspec.ValidationError as error:
        known = "$.kind" not in str(error)
        raise DamagedLine("not a record" if known else "unknown kind", str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DamagedLine("not a record", str(error)) from None


def _speakable(prediction: Prediction) -> bool:
    return _finite(prediction.input) and _finite(prediction.output)


def _finite(value: Any) -> bool:
    for part in value.values() if type(value) is dict else (value,):
        kind = type(part)
        if kind is float:
            if not math.isfinite(part):
                return False
        # One look-up by type keeps the usual input, flat and of plain values, cheap.
        elif kind not in _PLAIN and not _finite_inside(part):
            return False
    return True


def _finite_inside(value: Any) -> bool:
    match value:
        case float():
            return math.isfinite(value)
        case dict():
            return all(map(_finite, value.values()))
        case list() | tuple() | set() | frozenset():
            return all(map(_finite, value))
        case _:
            return True


def _with_words(value: Any) -> Any:
    match value:
        case float() if not math.isfinite(value):
            return str(value)
        case Mapping():
            return {key: _with_words(part) for key, part in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_with_words(part) for part in value]
        case _:
            return value


def _as_plain(value: Any) -> Any:
    """Arrays of numpy and torch, models of pydantic as plain values, without importing them."""
    if hasattr(value, "tolist"):
        return _with_words(value.tolist())
    if hasattr(value, "model_dump"):
        return _with_words(value.model_dump())
    if isinstance(value, Mapping):
        return _with_words(value)
    if isinstance(value, Sequence):
        return _with_words(list(value))
    raise TypeError(f"{type(value).__name__} has no form in JSON; log numbers, strings, lists")


_encode = msgspec.json.Encoder(enc_hook=_as_plain).encode
_decoder: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)
