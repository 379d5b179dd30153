"""Requests become the bytes that ``requests`` would send."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests import PreparedRequest

from loadworthy.users.http.errors import RequestError
from loadworthy.users.http.headers import static_headers
from loadworthy.users.http.request import (
    Message,
    basic_auth,
    build_message,
    check_method,
    plain_body,
    prepare_as_requests,
)
from loadworthy.users.http.urls import parse_url

URL = parse_url("http://h:8080/x?q=1")
NOTHING = static_headers(())

TEXT = st.text(max_size=10)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
FORM = st.dictionaries(TEXT, st.one_of(TEXT, st.integers()), max_size=4)
HEADERS = st.dictionaries(
    st.sampled_from(["Content-Type", "content-length", "X-A", "Accept", "user-agent"]), st.just("v"), max_size=3
)


def by_requests(method: str, headers: dict[str, Any] | None = None, **arguments: Any) -> PreparedRequest:
    """The oracle."""
    prepared = PreparedRequest()
    prepared.prepare(method=method, url=URL.full, headers=headers, **arguments)
    return prepared


def by_us(
    method: str, headers: dict[str, Any] | None = None, data: Any = None, json: Any = None, auth: Any = None
) -> Message:
    """The plain way, which must be open to what is given."""
    body = plain_body(data, json)
    assert body is not None
    return build_message(method, URL, NOTHING, headers, body, auth)


def assert_same(message: Message, prepared: PreparedRequest) -> None:
    """Body and headers are equal."""
    body = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body
    assert message.body == (body or b"")
    mine = {name.lower(): value for name, value in message.headers.items()}
    assert mine == {name.lower(): value for name, value in prepared.headers.items()}


METHODS = st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])


@given(METHODS, JSON, HEADERS)
def test_json(method: str, value: Any, headers: dict[str, str]) -> None:
    """json= is encoded as requests does, its headers included."""
    if value is not None:
        headers = {name: text for name, text in headers.items() if name != "content-length"}
        assert_same(by_us(method, headers, json=value), by_requests(method, headers, json=value))


@given(METHODS, st.one_of(st.none(), FORM, st.binary(max_size=20), TEXT), HEADERS)
def test_data(method: str, data: Any, headers: dict[str, str]) -> None:
    """data= as bytes, text or a flat dict is sent as requests sends it."""
    headers = {name: text for name, text in headers.items() if name != "content-length"}
    assert_same(by_us(method, headers, data=data), by_requests(method, headers, data=data))


@pytest.mark.parametrize(
    "data", [{"a": ["1", "2"]}, [("a", "b")], io.BytesIO(b"x"), iter([b"x"]), {"a": None}, {1: "x"}]
)
def test_the_rest_is_left_to_requests(data: Any) -> None:
    """Nested data, pairs, files and iterables are prepared by requests."""
    assert plain_body(data, None) is None
    message, _ = prepare_as_requests("POST", URL, {}, data, None, None, None)
    assert message.method == "POST"


def test_multipart_is_byte_for_byte_that_of_requests() -> None:
    """Files are encoded by requests; with its boundary taken over, the bytes are equal."""
    files = {"file": ("name.txt", b"content", "text/plain"), "other": b"raw"}
    message, prepared = prepare_as_requests("POST", URL, {"X-A": "1"}, {"field": "value"}, None, files, None)
    assert message.body == prepared.body
    boundary = message.headers["Content-Type"].partition("boundary=")[2].encode()
    assert isinstance(message.body, bytes)
    assert message.body.count(b"--" + boundary) == 4
    assert message.headers["Content-Length"] == str(len(message.body))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ([b"ab", b"", "c"], b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"),
        (iter(["ä"]), b"2\r\n\xc3\xa4\r\n0\r\n\r\n"),
    ],
)
def test_chunks(body: Any, expected: bytes) -> None:
    """An iterable without a length goes out in chunks, empty pieces left out."""
    message = Message("POST", URL, b"", body, chunked=True)
    assert b"".join(message.pieces()) == expected


def test_files_are_sent_in_pieces() -> None:
    """A file with a known length is sent as it is."""
    message, _ = prepare_as_requests("POST", URL, {}, io.BytesIO(b"x" * 100_000), None, None, None)
    assert message.headers["Content-Length"] == "100000"
    assert b"".join(message.pieces()) == b"x" * 100_000


def test_pieces_of_another_type_are_refused() -> None:
    """Only bytes and text can be sent."""
    with pytest.raises(RequestError):
        list(Message("POST", URL, b"", [1], chunked=True).pieces())


@pytest.mark.parametrize("value", [float("nan"), object(), {1, 2}])
def test_json_that_cannot_be(value: Any) -> None:
    """What JSON cannot express is refused, as requests does."""
    with pytest.raises(RequestError):
        plain_body(None, value)


@pytest.mark.parametrize("method", ["", "GE T", "GET\r\nX: y", "GÉT"])
def test_bad_methods(method: str) -> None:
    """A method is a token."""
    with pytest.raises(RequestError):
        check_method(method)


def test_static_headers_are_overridden_and_removed() -> None:
    """A request's headers win over the session's in any case; None removes; the body's length wins over both."""
    static = static_headers((("User-Agent", "u"), ("Accept", "*/*"), ("Content-Length", "999")))
    message = build_message("POST", URL, static, {"user-AGENT": "mine", "accept": None}, (b"hi", b""), None)
    assert {name.lower(): value for name, value in message.headers.items()} == {
        "user-agent": "mine",
        "content-length": "2",
    }


def test_length_given_by_the_session() -> None:
    """Without a body, a Content-Length that the session has is left alone."""
    static = static_headers((("Content-Length", "0"),))
    message = build_message("POST", URL, static, None, (b"", b""), None)
    assert message.block == b"Content-Length: 0\r\n"


def test_host_header() -> None:
    """A Host header given by the user, for the request or the session, replaces ours."""
    message = build_message("GET", URL, NOTHING, {"Host": "virtual"}, (b"", b""), None)
    assert message.head("") == b"GET /x?q=1 HTTP/1.1\r\nHost: virtual\r\n\r\n"
    static = static_headers((("host", "static"), ("A", "1")))
    assert (
        build_message("GET", URL, static, None, (b"", b""), None)
        .head("")
        .startswith(b"GET /x?q=1 HTTP/1.1\r\nHost: static\r\nA: 1\r\n")
    )


@pytest.mark.parametrize("pair", [("me", "secret"), ("mé", "ß"), (b"raw", b"\xff")])
def test_basic(pair: tuple[Any, Any]) -> None:
    """Basic credentials are encoded as in requests, and win over a header."""
    message = by_us("GET", {"Authorization": "other"}, auth=pair)
    assert (
        message.headers["Authorization"] == basic_auth(*pair) == by_requests("GET", auth=pair).headers["Authorization"]
    )


def test_the_whole_head() -> None:
    """Request line, Host, the session's headers, the body's, in this order."""
    static = static_headers((("A", "1"),))
    body = plain_body(None, {"b": 2})
    assert body is not None
    assert json.loads(body[0]) == {"b": 2}
    assert build_message("POST", URL, static, None, body, None).head("c=3") == (
        b"POST /x?q=1 HTTP/1.1\r\nHost: h:8080\r\nA: 1\r\n"
        b"Content-Type: application/json\r\nContent-Length: 8\r\nCookie: c=3\r\n\r\n"
    )
