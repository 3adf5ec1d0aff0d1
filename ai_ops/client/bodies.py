"""Bodies of requests and responses as a record holds them."""

from base64 import b64encode
from typing import Final
from urllib.parse import quote

import msgspec

_READABLE: Final = "!$&'()*+,;=:@/?<>[]{}|^`\" "


def as_payload(body: bytes, content_type: str) -> msgspec.Raw | str | None:
    """JSON as it came, byte for byte; anything else as a data URI that tells its content type.

    A data URI (RFC 2397) is a string, no mapping: where a privacy policy rules fields it is not
    written, for its fields cannot be told apart.

    >>> bytes(as_payload(b'{"x": 1.50}', "application/json"))
    b'{"x": 1.50}'
    >>> as_payload(b"data: 42%\\\\n", "text/event-stream; charset=utf-8")
    'data:text/event-stream;charset=utf-8,data: 42%25%5Cn'
    >>> as_payload(bytes([255, 0]), "image/png")
    'data:image/png;base64,/wA='
    """
    if not body:
        return None
    kind = content_type.replace(" ", "")
    if not kind or "json" in kind.partition(";")[0]:
        try:
            msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
        else:
            return msgspec.Raw(body)
    return _data_uri(body, kind or "application/octet-stream")


def _data_uri(body: bytes, kind: str) -> str:
    safe_kind = quote(kind, safe="/;=+.-")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return f"data:{safe_kind};base64,{b64encode(body).decode()}"
    return f"data:{safe_kind},{quote(text, safe=_READABLE)}"
