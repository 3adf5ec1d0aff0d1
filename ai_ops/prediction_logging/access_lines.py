"""A line of an access log, as proxies and load balancers write them: which request was answered.

Two forms: one JSON object a line (nginx with ``escape=json``, Caddy, Envoy, Traefik), and the
combined format of Apache and nginx, whatever stands behind its status.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any, Final, Literal

from ai_ops.vocabulary.clock import utc

Form = Literal["json", "combined"]
Problem = Literal[
    "not JSON", "not the combined format", "no time", "no request", "no status", "torn"
]
"""Why a line could not be read: each is counted under this word."""

METHODS: Final = frozenset({"POST", "PUT", "PATCH"})
"""With which a prediction is asked for."""

UNANSWERED: Final = frozenset({0, 405, 408, 429, 444, 499, 502, 503, 504})
"""Statuses of requests that no application answered with a prediction: cut off, turned away, of a
method that there is not, or nobody was there."""

_COMBINED: Final = re.compile(
    r"^\S+ \S+ .+? \[(?P<time>[^\]]+)\] "
    r'"(?P<request>(?:[^"\\]|\\.)*)" (?P<status>\d{3}|-)(?: |$)'
)
_REQUEST: Final = re.compile(r"^(?P<method>[A-Za-z]+) (?P<target>\S+)(?: HTTP/[\d.]+)?$")
_COMBINED_TIME: Final = "%d/%b/%Y:%H:%M:%S %z"

# What each proxy calls it, the usual ones first; a dot looks into an object.
_TIMES: Final = (
    *("time_iso8601", "time", "ts", "timestamp", "@timestamp", "start_time", "StartUTC"),
    *("msec", "time_local"),
)
_METHODS: Final = ("method", "request_method", "request.method", "RequestMethod", "http.method")
_TARGETS: Final = ("path", "uri", "request_uri", "request.uri", "RequestPath", "http.path")
_STATUSES: Final = ("status", "response_code", "status_code", "DownstreamStatus")
_UPSTREAMS: Final = ("upstream_addr", "upstream_host", "upstream", "ServiceAddr")


class UnreadableLine(ValueError):
    """A line that tells no request; ``problem`` is the word for why.

    What the line says is not repeated: it may hold personal data.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem: Problem = problem


@dataclass(frozen=True, slots=True)
class Served:
    """A request that was answered: when, and by whom, where the line tells."""

    time: datetime
    upstream: str | None = None
    writer: str | None = None


def read_access(line: str, form: Form, paths: Collection[str]) -> Served | None:
    """The answered request of one of the paths that a line tells; None when it tells of another.

    A path is exact, or a pattern as ``/v1/*``. ``UnreadableLine`` when it cannot be told which.

    >>> line = '10.0.0.9 - - [04/Mar/2021:05:06:07 +0100] "POST /predict?a=1 HTTP/1.1" 200 17'
    >>> read_access(line, "combined", {"/predict"}).time.isoformat()
    '2021-03-04T04:06:07+00:00'
    >>> read_access(line.replace("POST", "GET"), "combined", {"/predict"}) is None
    True
    """
    return _READ[form](line, paths)


def _from_combined(line: str, paths: Collection[str]) -> Served | None:
    found = _COMBINED.match(line)
    if found is None:
        raise UnreadableLine("not the combined format")
    if not _asked(*_request(found["request"]), paths):
        return None
    if found["status"] == "-" or int(found["status"]) in UNANSWERED:
        return None
    return Served(_moment(found["time"]))


def _from_json(line: str, paths: Collection[str]) -> Served | None:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        raise UnreadableLine("not JSON") from None
    if not isinstance(data, dict):
        raise UnreadableLine("not JSON")
    method, target = _first(data, _METHODS), _first(data, _TARGETS)
    if method is None or target is None:
        method, target = _request(data.get("request"))
    if not _asked(method, target, paths):
        return None
    status = _first(data, _STATUSES)
    try:
        answered = int(str(status)) not in UNANSWERED
    except ValueError:
        raise UnreadableLine("no status") from None
    if not answered:
        return None
    upstream, writer = _first(data, _UPSTREAMS), data.get("writer")
    return Served(
        _moment(_first(data, _TIMES)),
        upstream if isinstance(upstream, str) and upstream not in ("", "-") else None,
        writer if isinstance(writer, str) and writer else None,
    )


def _request(text: Any) -> tuple[str, str]:
    """The method and the target of a request's first line; a garbled one is nobody's prediction.

    >>> _request("POST /predict HTTP/1.1"), _request(r"\\x16\\x03\\x01")
    (('POST', '/predict'), ('', ''))
    """
    if not isinstance(text, str):
        raise UnreadableLine("no request")
    found = _REQUEST.match(text)
    # A scan of the port, a connection that said nothing: the proxy answers such by itself.
    return (found["method"], found["target"]) if found else ("", "")


def _asked(method: Any, target: Any, paths: Collection[str]) -> bool:
    if not isinstance(method, str) or not isinstance(target, str):
        raise UnreadableLine("no request")
    if method.upper() not in METHODS:
        return False
    path = target.split("?", 1)[0]
    return path in paths or any(fnmatchcase(path, pattern) for pattern in paths)


def _moment(value: Any) -> datetime:
    """A time of the combined format, of ISO 8601 with its zone, or in seconds since 1970."""
    try:
        if isinstance(value, bool) or value is None:
            raise ValueError
        if isinstance(value, int | float) or re.fullmatch(r"\d{9,11}(\.\d+)?", value):
            return datetime.fromtimestamp(float(value), UTC)
        if "/" in value:
            return utc(datetime.strptime(value, _COMBINED_TIME))
        return utc(value)
    except (ValueError, TypeError, OverflowError, OSError):
        raise UnreadableLine("no time") from None


def _first(data: Mapping[str, Any], names: Collection[str]) -> Any:
    for name in names:
        found: Any = data
        for part in (name,) if name in data else name.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        if found is not None:
            return found
    return None


_READ: Final[Mapping[Form, Callable[[str, Collection[str]], Served | None]]] = {
    "json": _from_json,
    "combined": _from_combined,
}
