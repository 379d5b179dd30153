"""Server-sent events: the parser by the standard's rules, the user by its samples and what the server got."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

import gevent
import pytest
from hypothesis import given
from hypothesis import strategies as st
from locust.env import Environment
from tests.users.http.support import PATIENCE_S, KeepingSink, Scripted, close_clients

from loadworthy.clock import wall_s
from loadworthy.users import SseUser
from loadworthy.users.event_stream import EventParser, EventTooLargeError, ServerEvent
from loadworthy.users.http.errors import ProtocolError, ReadTimeoutError, StatusError, TooLargeError
from loadworthy.users.sink import ATTRIBUTE

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n"


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    close_clients()


def make_user(url: str, **attributes: Any) -> tuple[SseUser, KeepingSink]:
    """A user of this host, not started, and what it records."""
    environment, sink = Environment(), KeepingSink()
    setattr(environment, ATTRIBUTE, type("Recording", (), {"sink_for": lambda *_: sink})())
    user_class: Any = type("Tested", (SseUser,), {"host": url, "network_timeout": PATIENCE_S, **attributes})
    return user_class(environment), sink


def events_of(data: bytes, **options: Any) -> list[ServerEvent]:
    """The events of a whole stream, given at once."""
    return EventParser(1_000_000, **options).feed(data)


# --- the parser ---


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: YHOO\ndata: +2\ndata: 10\n\n", [ServerEvent("YHOO\n+2\n10")]),
        (
            b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
            [ServerEvent("first event", id="1"), ServerEvent("second event"), ServerEvent(" third event")],
        ),
        (b"data\n\ndata\ndata\n\ndata:", [ServerEvent(""), ServerEvent("\n")]),
        (b"data:test\n\ndata: test\n\n", [ServerEvent("test")] * 2),
        (b"event: add\ndata: 73\n\ndata: 1\n\n", [ServerEvent("73", "add"), ServerEvent("1")]),
        (b"event: add\n\ndata: 1\n\n", [ServerEvent("1")]),
        (b"id: 7\n\ndata: a\n\n", [ServerEvent("a", id="7")]),
        (b"id: 7\ndata: a\n\nid: 8\0\ndata: b\n\n", [ServerEvent("a", id="7"), ServerEvent("b", id="7")]),
        (b"data: a\r\rdata: b\r\n\r\ndata: c\n\n", [ServerEvent("a"), ServerEvent("b"), ServerEvent("c")]),
        (b"\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n", [ServerEvent("a")]),
        ("data: ä€😀\n\n".encode(), [ServerEvent("ä€😀")]),
        (b"data: \xff\n\n", [ServerEvent("�")]),
        (b"data: never ended\n", []),
        (b"nonsense: 1\ndata:1:2\n\n", [ServerEvent("1:2")]),
        (b"", []),
    ],
)
def test_the_rules_of_the_standard(stream: bytes, events: list[ServerEvent]) -> None:
    """Its examples, and the corners of its grammar."""
    assert events_of(stream) == events


@pytest.mark.parametrize(
    ("stream", "retry_ms"),
    [(b"retry: 2500\n", 2500), (b"retry: 2.5\n", None), (b"retry:\n", None), (b"retry: -1\n", None)],
)
def test_the_time_to_wait_before_connecting_again(stream: bytes, retry_ms: int | None) -> None:
    """Digits only, as the standard says."""
    parser = EventParser(1000)
    parser.feed(stream)
    assert parser.retry_ms == retry_ms


def naive(stream: bytes, last_id: str) -> list[ServerEvent]:
    """The whole stream as text, line by line; a second way to the same events."""
    text = stream.decode("utf-8", "replace").removeprefix("\ufeff")
    *lines, _ = re.split("\r\n|\r|\n", text)
    events, data, kind, new_id = [], "", "", last_id
    for line in lines:
        if not line:
            if data:
                events.append(ServerEvent(data[:-1], kind or "message", new_id))
            data, kind = "", ""
        elif not line.startswith(":"):
            field, value = re.fullmatch("([^:]*)(?::[ ]?(.*))?", line, re.DOTALL).groups()  # type: ignore[union-attr]
            value = value or ""
            if field == "data":
                data += value + "\n"
            elif field == "event":
                kind = value
            elif field == "id" and "\0" not in value:
                new_id = value
    return events


LINES = st.sampled_from(
    [b"data: x", b"data:", b"data", b": no", b"event: e", b"id: 1", b"id", b"id: \0", b"retry: 5", "data: ä😀".encode()]
)
ENDS = st.sampled_from([b"\n", b"\r", b"\r\n", b"\n\n", b"\r\n\r\n", b"\r\r"])
STREAMS = st.lists(st.tuples(LINES | st.binary(max_size=4), ENDS), max_size=12).map(
    lambda parts: b"".join(line + end for line, end in parts)
)


@given(STREAMS, st.booleans(), st.data())
def test_however_the_stream_is_cut(stream: bytes, has_mark: bool, data: st.DataObject) -> None:
    """Any pieces give the events of the whole, which are those of a naive reading."""
    if has_mark:
        stream = b"\xef\xbb\xbf" + stream
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    parser = EventParser(1_000_000, last_id="before")
    pieces = [stream[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    found = [event for piece in pieces for event in parser.feed(piece)]
    assert found == naive(stream, "before")


def test_line_ends_that_are_cut_in_two() -> None:
    """CRLF is one end of a line, also where its halves come apart."""
    parser = EventParser(1000)
    stream = b"data: a\r\ndata: b\r\n\r\n"
    assert [event for byte in stream for event in parser.feed(bytes([byte]))] == [ServerEvent("a\nb")]


@pytest.mark.parametrize("stream", [b"x" * 101, b"data: " + b"x" * 101 + b"\n", b"data: xxxxxxxx\n" * 9])
def test_a_parser_keeps_no_more_than_it_may(stream: bytes) -> None:
    """Neither a line without end nor lines without end."""
    parser = EventParser(100)
    with pytest.raises(EventTooLargeError):
        parser.feed(stream)


# --- the user ---


def test_events_are_samples() -> None:
    """One for the request, one for each event with the latency from its stamp; bytes are those of the stream."""
    body = b"".join(f"id: {number}\ndata: {wall_s() - 0.5}\n\n".encode() for number in range(3))
    server = Scripted([HEAD + body])
    user, sink = make_user(server.url)
    with user.events("/news?token=x", stamp=lambda event: float(event.data), headers={"X-Who": "me"}) as source:
        events = list(source)
        assert source.closed
    assert [event.id for event in events] == ["0", "1", "2"]
    assert [(one.kind, one.name, one.status) for one in sink.samples] == [
        ("sse", "/news", 200), ("push", "/news", 0), ("push", "/news", 0), ("push", "/news", 0),
    ]  # fmt: skip
    assert sink.kinds == [None] * 4
    assert all(one.done_us - one.intended_us >= 500_000 for one in sink.samples[1:])
    assert sum(one.received_bytes for one in sink.samples[1:]) == len(body)
    assert server.requests[0].startswith(b"GET /news?token=x HTTP/1.1\r\n")
    assert b"Accept: text/event-stream\r\n" in server.requests[0]
    assert b"X-Who: me\r\n" in server.requests[0]
    assert b"Last-Event-ID" not in server.requests[0]


def test_without_a_stamp_events_only_count() -> None:
    """How long a user waited for news says nothing of the server."""
    user, sink = make_user(Scripted([HEAD + b"data: a\n\ndata: b\n\n"]).url)
    with user.events("/news", name="news") as source:
        assert next(source).data == "a"
    assert [(one.kind, one.name) for one in sink.samples] == [("sse", "news"), ("push", "news")]
    assert sink.samples[1].done_us - sink.samples[1].intended_us < 0


def test_connecting_again_goes_on_after_the_last_event() -> None:
    """The id goes into the header, also where the user names the first; the pause is the server's."""
    server = Scripted([HEAD + b"retry: 1\nid: 41\ndata: a\n\ndata: lost\ndata: too"], [b""], [HEAD + b"data: b\n\n"])
    user, sink = make_user(server.url)
    source = user.events("/news", last_event_id="ä40")
    assert [event.data for event in source] == ["a"]
    assert (source.last_event_id, source.retry_s) == ("41", 0.001)
    source.reconnect(attempts=2)
    assert [event.data for event in source] == ["b"]
    wanted = [re.search(rb"Last-Event-ID: (.*)\r\n", request) for request in server.requests]
    assert [one and one[1] for one in wanted] == ["ä40".encode(), b"41", b"41"]
    assert [one.kind for one in sink.samples] == ["sse", "push", "sse", "sse", "push"]
    assert sink.kinds == [None, None, "reset", None, None]


def test_what_was_not_taken_is_asked_for_again() -> None:
    """Events that came in one piece with the last one taken are not lost."""
    events = [f"id: {number}\ndata: x\n\n".encode() for number in range(5)]
    server = Scripted([HEAD + b"".join(events)], [HEAD + b"".join(events[2:])])
    user, _ = make_user(server.url)
    with user.events("/news") as source:
        assert [next(source).id, next(source).id, source.last_event_id] == ["0", "1", "1"]
        source.reconnect(pause_s=0)
        assert [event.id for event in source] == ["2", "3", "4"]
        assert source.last_event_id == "4"
    assert b"Last-Event-ID: 1\r\n" in server.requests[1]


def test_only_what_matches_is_taken() -> None:
    """What is passed over is no sample; when the server ends the stream before it comes, that is a failed one."""
    server = Scripted([HEAD + b"data: a\n\ndata: b\n\ndata: c\n\n"])
    user, sink = make_user(server.url)
    source = user.events("/news")
    assert source.expect(lambda event: event.data == "b").data == "b"
    with pytest.raises(ProtocolError, match="ended the stream"):
        source.expect(lambda event: event.data == "b")
    assert [one.kind for one in sink.samples] == ["sse", "push", "push"]
    assert sink.kinds == [None, None, "protocol"]


@pytest.mark.parametrize(
    ("answer", "error", "kind"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", StatusError, "status"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", StatusError, "status"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n", ProtocolError, "protocol"),
    ],
)
def test_answers_that_are_no_stream(answer: bytes, error: type[Exception], kind: str) -> None:
    """A failed sample of its kind, and an exception that is not counted again."""
    user, sink = make_user(Scripted([answer]).url)
    with pytest.raises(error) as caught:
        user.events("/news")
    assert sink.kinds == [kind]
    assert sink.only.kind == "sse"
    assert caught.value.loadworthy_recorded  # type: ignore[attr-defined]


def test_a_stream_that_breaks() -> None:
    """What came before counts; the wait that it ended is a failed push."""
    head = HEAD.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n")
    user, sink = make_user(Scripted([head + b"9\r\ndata: a\n\n\r\n"]).url)
    source = user.events("/news")
    with pytest.raises(ProtocolError):
        list(source)
    assert source.closed
    assert sink.kinds == [None, None, "protocol"]


def test_a_stream_that_falls_silent() -> None:
    """The time-out is for each wait."""
    user, sink = make_user(Scripted([HEAD + b"data: a\n\n", b""]).url)
    with user.events("/news", timeout_s=0.3) as source, pytest.raises(ReadTimeoutError):
        list(source)
    assert sink.kinds == [None, None, "timeout_read"]


def test_an_event_that_is_too_large() -> None:
    """It ends its stream."""
    user, sink = make_user(Scripted([HEAD + b"data: " + b"a" * 200 + b"\n\n"]).url, max_event_bytes=100)
    with user.events("/news") as source, pytest.raises(TooLargeError):
        next(source)
    assert sink.kinds == [None, "too_large"]


def test_a_stream_may_be_longer_than_a_body() -> None:
    """Events are bounded, not their number."""
    user, sink = make_user(Scripted([HEAD + b"data: 12345678\n\n" * 100]).url, max_body_bytes=200)
    with user.events("/news") as source:
        assert len(list(source)) == 100
    assert set(sink.kinds) == {None}


def test_a_stamp_that_raises_is_a_failed_event() -> None:
    """The user hears of it."""
    user, sink = make_user(Scripted([HEAD + b"data: soon\n\n"]).url)
    with user.events("/news", stamp=lambda event: float(event.data)) as source, pytest.raises(ValueError, match="soon"):
        next(source)
    assert sink.kinds == [None, "exception"]


def test_a_user_that_ends_closes_its_streams() -> None:
    """The server sees the end; the user that was waiting is counted as interrupted, without a sample."""
    server = Scripted([HEAD + b"data: a\n\n", b"never sent"], [HEAD, b"never sent"])
    user, sink = make_user(server.url)
    source, other = user.events("/news"), user.events("/other")
    listening = gevent.spawn(list, islice(source, 2))
    while len(sink.samples) < 3:
        gevent.sleep(0)
    listening.kill()
    user.close_event_streams()
    for closed in server.closed:
        closed.wait(PATIENCE_S)
        assert closed.is_set()
    assert source.closed
    assert other.closed
    assert (sink.kinds, sink.interruptions) == ([None] * 3, 1)
