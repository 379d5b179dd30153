"""The stamp of the first byte: of the last response of a call, interim ones not counted, 0 where there was none."""

from __future__ import annotations

from typing import Any

import pytest
from requests.auth import HTTPDigestAuth
from tests.support.rawserver import HELLO
from tests.users.http.support import PATIENCE_S, Sample, Scripted, Service, Stepwise, open_client

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
REDIRECT = b"HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n"


def came_with(piece: int, server: Stepwise, sample: Sample) -> bool:
    """Whether the first byte was stamped after this piece was sent and before the next one was."""
    following = server.sent_us[piece + 1] if piece + 1 < len(server.sent_us) else sample.done_us
    return server.sent_us[piece] <= sample.first_byte_us <= following


@pytest.mark.parametrize("options", [{}, {"params": {"a": "b"}}])
def test_of_a_response_in_one_piece(options: dict[str, Any]) -> None:
    """One reading of the clock is both the first byte and the end, over a new connection and a kept one."""
    server = Scripted([HELLO, HELLO])
    session, sink = open_client(server.url)
    session.get("/1", **options)
    session.get("/2", **options)
    for sample in sink.samples:
        assert sample.sent_us <= sample.first_byte_us == sample.done_us


@pytest.mark.parametrize("options", [{}, {"params": {"a": "b"}}])
@pytest.mark.parametrize(
    ("pieces", "first"),
    [
        ([HELLO[:-3], HELLO[-3:]], 0),
        ([HELLO[:1], HELLO[1:20], HELLO[20:]], 0),
        ([CONTINUE, HELLO], 1),
        ([CONTINUE, HELLO[:9], HELLO[9:]], 1),
        ([CONTINUE[:9], CONTINUE[9:] + HELLO[:9], HELLO[9:]], 1),
        ([CONTINUE + HELLO[:1], HELLO[1:-1], HELLO[-1:]], 0),
        ([CONTINUE + CONTINUE[:5], CONTINUE[5:], HELLO[:9], HELLO[9:]], 2),
    ],
)
def test_of_a_response_in_pieces(pieces: list[bytes], first: int, options: dict[str, Any]) -> None:
    """It is stamped when the first byte of the final response is there, whatever came before it or comes later."""
    with Stepwise([HELLO], pieces) as server:
        session, sink = open_client(server.url)
        session.get("/")
        assert session.get("/", **options).content == b"hello"
    assert came_with(1 + first, server, sink.samples[1])
    assert sink.samples[1].done_us >= server.sent_us[-1]


@pytest.mark.parametrize("options", [{}, {"params": {"a": "b"}}])
def test_of_redirects(options: dict[str, Any]) -> None:
    """It is that of the last response."""
    with Stepwise([HELLO], [REDIRECT], [HELLO[:-1], HELLO[-1:]]) as server:
        session, sink = open_client(server.url)
        session.get("/")
        session.get("/", **options)
    assert came_with(2, server, sink.samples[1])


def test_of_authentication(service: Service) -> None:
    """It is that of the response after the challenge."""
    session, sink = open_client(service.url())
    response = session.get("/digest", auth=HTTPDigestAuth("me", "secret"))
    assert sink.only.first_byte_us > response.history[0].stamps.done_us


@pytest.mark.parametrize("catch", [False, True])
def test_of_a_stream(catch: bool) -> None:
    """It is stamped with the beginning of the head; the sample ends with the head's end."""
    head, body = HELLO[:-5], HELLO[-5:]
    with Stepwise([CONTINUE, head[:9], head[9:], body]) as server:
        session, sink = open_client(server.url)
        with session.get("/", stream=True, catch_response=catch) as response:
            done_us = response.stamps.done_us
            assert response.content == b"hello"
    assert came_with(1, server, sink.only)
    assert server.sent_us[2] <= sink.only.done_us == done_us <= server.sent_us[3]


def test_of_a_caught_response() -> None:
    """The sample that a with-block records has it, too."""
    with Stepwise([HELLO[:-1], HELLO[-1:]]) as server:
        session, sink = open_client(server.url)
        with session.get("/", catch_response=True) as response:
            response.failure("wrong")
    assert came_with(0, server, sink.only)


@pytest.mark.parametrize("options", [{}, {"params": {"a": "b"}}, {"stream": True}])
@pytest.mark.parametrize(
    ("path", "had_begun"),
    [
        ("/b/not-found", True),
        ("/b/half-a-head", True),
        ("/b/garbage", True),
        ("/b/garbage-open", True),
        ("/b/http-2", True),
        ("/b/length-twice-different", True),
        ("/b/head-huge", True),
        ("/b/empty-reply", False),
        ("/b/reset", False),
        ("/b/hang", False),
    ],
)
def test_of_a_failure(path: str, had_begun: bool, options: dict[str, Any], service: Service) -> None:
    """A failed sample has it where something of a response came; else it is unknown."""
    session, sink = open_client(service.url(), read_timeout_s=0.2 if path == "/b/hang" else PATIENCE_S)
    session.get("/b/length", timeout=PATIENCE_S)
    session.get(path, **options).close()
    sample = sink.samples[1]
    assert sample.failure is not None
    assert (sample.sent_us <= sample.first_byte_us <= sample.done_us) if had_begun else sample.first_byte_us == 0


@pytest.mark.parametrize("options", [{}, {"params": {"a": "b"}}])
@pytest.mark.parametrize("path", ["length-truncated", "chunk-bad-size", "gzip-bad", "body-huge"])
def test_of_a_broken_body(path: str, options: dict[str, Any], service: Service) -> None:
    """What breaks after the head has it as well."""
    session, sink = open_client(service.url(), max_body_bytes=1_000_000)
    session.get("/b/length")
    session.get(f"/b/{path}", **options)
    sample = sink.samples[1]
    assert sample.failure is not None
    assert sample.sent_us <= sample.first_byte_us <= sample.done_us


@pytest.mark.parametrize("options", [{}, {"params": {"a": "b"}}])
def test_of_a_body_that_stops_coming(options: dict[str, Any]) -> None:
    """So has what breaks off by time; the server is in this process, so that its first piece is there at once."""
    server = Scripted([HELLO, HELLO[:-3], b""])
    session, sink = open_client(server.url, read_timeout_s=0.2)
    session.get("/1", timeout=PATIENCE_S)
    session.get("/2", **options)
    assert sink.kinds == [None, "timeout_read"]
    sample = sink.samples[1]
    assert sample.sent_us <= sample.first_byte_us <= sample.done_us


def test_of_an_interim_response_only() -> None:
    """An interim response that nothing follows is no response."""
    server = Scripted([CONTINUE])
    session, sink = open_client(server.url)
    session.get("/")
    assert sink.kinds == ["protocol"]
    assert sink.only.first_byte_us == 0


@pytest.mark.parametrize("options", [{}, {"params": {"a": "b"}}])
@pytest.mark.parametrize(("target", "had_begun"), [("http://{refused}/", False), ("ftp://127.0.0.1/", True)])
def test_of_a_redirect_that_fails(target: str, had_begun: bool, options: dict[str, Any], service: Service) -> None:
    """A hop that brings nothing has none; where there is no hop, the redirect was the last response."""
    session, sink = open_client(service.url())
    session.get("/b/length")
    location = target.format(refused=f"127.0.0.1:{service.ports['refused']}")
    session.get(f"/to/{location.encode().hex()}", **options)
    assert sink.kinds[1] is not None
    assert bool(sink.samples[1].first_byte_us) is had_begun


def test_of_a_retry() -> None:
    """After a kept connection has died it is that of the second attempt."""
    server = Scripted([HELLO, b""], [HELLO])
    session, sink = open_client(server.url)
    session.get("/first")
    session.get("/again")
    assert sink.kinds == [None, None]
    assert sink.samples[1].sent_us <= sink.samples[1].first_byte_us == sink.samples[1].done_us
