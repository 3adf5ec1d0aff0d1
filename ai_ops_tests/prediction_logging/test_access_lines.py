"""Lines of access logs, as real proxies write them."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_ops.prediction_logging.access_lines import Form, Served, UnreadableLine, read_access

PATHS = frozenset({"/predict", "/predict/batch"})
AT = "2021-03-04T12:34:56+00:00"

COMBINED = (
    '203.0.113.7 - alice [04/Mar/2021:13:34:56 +0100] "POST /predict HTTP/1.1" 200 17 '
    '"https://shop.example/" "Mozilla/5.0 (\\"odd\\")" rt=0.003'
)
NGINX: dict[str, Any] = {
    "time_iso8601": "2021-03-04T12:34:56+00:00",
    "request": "POST /predict HTTP/1.1",
    "status": "200",
    "upstream_addr": "10.0.0.3:8100",
}
CADDY: dict[str, Any] = {
    "level": "info",
    "ts": 1614861296.0,
    "msg": "handled request",
    "request": {"method": "POST", "uri": "/predict?debug=1", "host": "a.example"},
    "status": 200,
}
ENVOY: dict[str, Any] = {
    "start_time": "2021-03-04T12:34:56Z",
    "method": "POST",
    "path": "/predict/batch",
    "response_code": 200,
    "upstream_host": "10.0.0.3:8100",
    "writer": "web-1",
}
TRAEFIK: dict[str, Any] = {
    "StartUTC": "2021-03-04T12:34:56Z",
    "RequestMethod": "POST",
    "RequestPath": "/predict",
    "DownstreamStatus": 200,
    "ServiceAddr": "10.0.0.3:8100",
}


def read(line: str | dict[str, Any], form: Form = "json") -> Served | None:
    return read_access(line if isinstance(line, str) else json.dumps(line), form, PATHS)


@pytest.mark.parametrize(
    ("line", "upstream", "writer"),
    [
        (NGINX, "10.0.0.3:8100", None),
        (CADDY, None, None),
        (ENVOY, "10.0.0.3:8100", "web-1"),
        (TRAEFIK, "10.0.0.3:8100", None),
    ],
)
def test_what_each_proxy_writes_is_read(
    line: dict[str, Any], upstream: str | None, writer: str | None
) -> None:
    found = read(line)
    assert found is not None
    assert (found.time.isoformat(), found.upstream, found.writer) == (AT, upstream, writer)


def test_the_combined_format_is_read() -> None:
    found = read(COMBINED, "combined")
    assert found is not None
    assert found.time.isoformat() == AT


@pytest.mark.parametrize(
    "line",
    [
        NGINX | {"request": "GET /predict HTTP/1.1"},
        NGINX | {"request": "POST /predictions HTTP/1.1"},
        NGINX | {"request": "\x16\x03\x01"},
        NGINX | {"status": "502"},
        NGINX | {"status": 499},
        NGINX | {"request": "PUT /predict HTTP/1.1", "status": 405},
        CADDY | {"status": 0},
    ],
)
def test_what_no_application_answered_is_not_counted(line: dict[str, Any]) -> None:
    assert read(line) is None


def test_what_the_middleware_takes_for_a_prediction_is_counted() -> None:
    for request in ("PUT /v1/quote HTTP/1.1", "PATCH /v1/quote?a=1 HTTP/1.1"):
        line = json.dumps(NGINX | {"request": request})
        assert read_access(line, "json", {"/v1/*"}) is not None
        assert read_access(line, "json", {"/v2/*", "/v1"}) is None


@pytest.mark.parametrize("status", [200, 422, 500])
def test_a_refusal_and_a_failure_are_answers_too(status: int) -> None:
    assert read(NGINX | {"status": status}) is not None
    assert read(COMBINED.replace(" 200 ", f" {status} "), "combined") is not None


@pytest.mark.parametrize(
    ("line", "form", "problem"),
    [
        ("{not json", "json", "not JSON"),
        ("[1]", "json", "not JSON"),
        ({"msg": "started"}, "json", "no request"),
        (NGINX | {"status": "-"}, "json", "no status"),
        (NGINX | {"time_iso8601": "noon"}, "json", "no time"),
        (NGINX | {"time_iso8601": "2021-03-04T12:34:56"}, "json", "no time"),  # of which zone?
        ("INFO: started", "combined", "not the combined format"),
        (COMBINED.replace("04/Mar/2021", "99/Mar/2021"), "combined", "no time"),
    ],
)
def test_a_line_that_cannot_be_read_says_why(
    line: str | dict[str, Any], form: Form, problem: str
) -> None:
    with pytest.raises(UnreadableLine) as told:
        read(line, form)
    assert told.value.problem == problem


@given(st.text(max_size=200), st.sampled_from(["json", "combined"]))
def test_no_line_does_more_than_refuse(line: str, form: Form) -> None:
    with contextlib.suppress(UnreadableLine):
        assert read(line, form) is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(
                st.sampled_from(["request", "status", "ts", "time", "method", "path", "uri"]), inner
            )
        ),
        max_leaves=8,
    )
)
def test_no_json_does_more_than_refuse(data: Any) -> None:
    with contextlib.suppress(UnreadableLine):
        read(json.dumps(data))
