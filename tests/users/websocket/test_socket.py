"""A WebSocket against a real server: what is sent and got, what is recorded, how it ends."""

from __future__ import annotations

import json
from functools import partial
from typing import Any, Self

import gevent
import pytest
from gevent.event import Event
from gevent.server import StreamServer
from tests.users.http.support import PATIENCE_S
from tests.users.websocket.support import Party, make_user

from loadworthy.testing.websocket import WebSocketServer
from loadworthy.users import (
    WebSocket,
    WebSocketClosedError,
    WebSocketError,
    WebSocketRefusedError,
    WebSocketTimeoutError,
)
from loadworthy.users.websocket.accept import accept_token
from loadworthy.users.websocket.frames import BINARY, FINAL, FrameReader, encode_frame

NUMBERS = range(5)


def has_id(number: int, message: Any) -> bool:
    """Whether a message answers the call of this number."""
    return bool(message["id"] == number)


def assert_bytes_agree(party: Party, server: WebSocketServer) -> None:
    """Bytes of all samples together are those of the server, handshakes included."""
    stats = server.settled()
    samples = party.sink.samples
    assert sum(one.sent_bytes for one in samples) == stats.received_bytes + stats.handshake_received_bytes
    assert sum(one.received_bytes for one in samples) == stats.sent_bytes + stats.handshake_sent_bytes


# --- messages ---


@pytest.mark.parametrize("compress", [True, False])
def test_messages_of_all_kinds(server: WebSocketServer, compress: bool) -> None:
    """Text, JSON and binary, sent and received, small and large; the server saw the same, byte for byte."""
    party = make_user(server.http_url)
    with party.user.connect("/echo", compress=compress) as socket:
        socket.send_text("grüße")
        socket.send_json({"a": [1, None]})
        socket.send_binary(b"\x00\xff")
        assert socket.receive() == "grüße"
        assert socket.receive_json() == {"a": [1, None]}
        assert socket.receive() == b"\x00\xff"
        for size in (0, 125, 126, 65_535, 65_536, 1_000_000):
            assert socket.request(b"x" * size, name="sizes") == b"x" * size
    assert [(one.kind, one.name, one.failure) for one in party.sink.samples] == [
        ("connect", "/echo", None),
        *[("message", "sizes", None)] * 6,
        ("close", "/echo 1000", None),
    ]
    assert [one.content_bytes for one in party.of("message")] == [0, 125, 126, 65_535, 65_536, 1_000_000]
    stats = server.settled()
    assert (stats.texts, stats.binaries, stats.close_codes) == (2, 7, {1000: 1})
    assert stats.compressed == compress
    assert_bytes_agree(party, server)


def test_sent_and_done_are_in_order(server: WebSocketServer) -> None:
    """intended ≤ sent ≤ done, and the server got the message in between."""
    party = make_user(server.http_url)
    with party.user.connect("/echo") as socket:
        socket.request("x", name="say")
    (message,) = party.of("message")
    (received,) = server.log()
    assert message.intended_us == message.sent_us <= received.arrival_us <= message.done_us


def test_an_open_workload_counts_from_its_schedule(server: WebSocketServer) -> None:
    """The first thing of an iteration that began late was wanted so much earlier, and takes that."""
    party = make_user(server.http_url)
    with party.user.connect("/echo") as socket:
        party.user.late_us = 500_000
        socket.request("late", name="first")
        socket.request("now", name="second")
    first, second = party.of("message")
    assert first.intended_us == first.sent_us - 500_000
    assert second.intended_us == second.sent_us
    assert party.user.late_us == 0


def test_replies_in_another_order(server: WebSocketServer) -> None:
    """Requests of several greenlets on one connection each get their own reply, and one sample each."""
    party = make_user(server.http_url)
    with party.user.connect("/rpc?batch=5") as socket:

        def ask(number: int) -> Any:
            request = {"id": number, "text": f"t{number}"}
            return socket.request(request, name="ask", decode=json.loads, match=lambda message: message["id"] == number)

        greenlets = [gevent.spawn(ask, number) for number in NUMBERS]
        replies = [greenlet.get(timeout=PATIENCE_S) for greenlet in greenlets]
    assert replies == [{"id": number, "reply": f"t{number}"} for number in NUMBERS]
    assert [one.failure for one in party.of("message")] == [None] * 5
    assert_bytes_agree(party, server)


def test_many_greenlets_without_order(server: WebSocketServer) -> None:
    """The lead goes from one to the next: nobody is forgotten, over many rounds."""
    party = make_user(server.http_url)
    with party.user.connect("/rpc") as socket:

        def ask(first: int) -> int:
            for number in range(first, first + 100):
                socket.request({"id": number}, name="ask", decode=json.loads, match=partial(has_id, number))
            return 100

        greenlets = [gevent.spawn(ask, 1000 * index) for index in range(8)]
        assert sum(greenlet.get(timeout=PATIENCE_S) for greenlet in greenlets) == 800
    assert len(party.of("message")) == 800
    assert not any(one.failure for one in party.sink.samples)


def test_what_matches_nobody_is_kept(server: WebSocketServer) -> None:
    """A message that is no reply goes to receive(), in the order of arrival."""
    party = make_user(server.http_url)
    with party.user.connect("/echo") as socket:
        socket.send_text("one")
        socket.send_text("two")
        assert socket.request("three", name="say", match=lambda text: text == "three") == "three"
        assert [socket.receive(), socket.receive()] == ["one", "two"]


def test_a_match_that_raises_fails_its_own_request(server: WebSocketServer) -> None:
    """The exception comes out where the request was made, after its failed sample; the connection lives on."""
    party = make_user(server.http_url)
    with party.user.connect("/echo") as socket:
        with pytest.raises(KeyError) as caught:
            socket.request({"a": 1}, name="say", decode=json.loads, match=lambda message: message["id"] == 1)
        assert caught.value.loadworthy_recorded  # type: ignore[attr-defined]
        assert socket.request("fine", name="say") == "fine"
    assert party.kinds()[1:3] == [("message", "say", "exception"), ("message", "say", None)]


def test_fragments_and_pings_between_them(server: WebSocketServer) -> None:
    """A message in pieces is one message, and the pings within are answered."""
    party = make_user(server.http_url)
    with party.user.connect("/echo?pieces=4", compress=True) as socket:
        text = "".join(str(number) for number in range(400))
        assert socket.request(text, name="say") == text
    assert server.settled().pongs == 3
    assert_bytes_agree(party, server)


def test_pings_are_answered_unless_told_not_to(server: WebSocketServer) -> None:
    """By whoever reads next; with autoping=False never."""
    party = make_user(server.http_url)
    for autoping in (True, False):
        with party.user.connect("/ping?count=3", autoping=autoping) as socket:
            assert socket.request("x", name="say") == "x"
    assert server.settled().pongs == 4


def test_our_pings(server: WebSocketServer) -> None:
    """A round trip in seconds, and a sample of kind ping; messages meanwhile are kept."""
    party = make_user(server.http_url)
    with party.user.connect("/echo") as socket:
        socket.send_text("first")
        took_s = socket.ping()
        assert socket.receive() == "first"
    (sample,) = party.of("ping")
    assert took_s == pytest.approx((sample.done_us - sample.sent_us) / 1e6)
    assert server.settled().pings == 1


def test_what_does_not_come_in_time(server: WebSocketServer) -> None:
    """Reply, push, pong, message: each a failed sample of kind timeout_read, and the connection can be used on."""
    party = make_user(server.http_url)
    with party.user.connect("/mute") as mute:
        for call in (
            lambda: mute.request("x", name="ask", timeout_s=0.02),
            lambda: mute.expect_push(name="news", timeout_s=0.02),
            lambda: mute.receive(timeout_s=0.02),
        ):
            with pytest.raises(WebSocketTimeoutError):
                call()
        assert mute.ping() > 0
        mute.close(timeout_s=0.02)
    assert party.kinds() == [
        ("connect", "/mute", None),
        ("message", "ask", "timeout_read"),
        ("push", "news", "timeout_read"),
        ("receive", "/mute", "timeout_read"),
        ("ping", "/mute", None),
        ("close", "/mute 1006", "timeout_read"),
    ]


def test_followers_have_time_outs_of_their_own(server: WebSocketServer) -> None:
    """A greenlet that waits while another reads gives up when its own time is over."""
    party = make_user(server.http_url)
    socket = party.user.connect("/sink")
    leader = gevent.spawn(socket.receive, timeout_s=30)
    gevent.sleep(0)
    with pytest.raises(WebSocketTimeoutError):
        socket.request("x", name="ask", timeout_s=0.02)
    assert not leader.dead
    leader.kill()
    assert party.sink.interruptions == 1


def test_a_leader_that_gives_up_hands_over(server: WebSocketServer) -> None:
    """When the one that reads runs out of time, one of those that wait reads on."""
    party = make_user(server.http_url)
    with party.user.connect("/rpc?batch=2") as socket:
        leader = gevent.spawn(lambda: socket.request({"id": 1}, name="a", timeout_s=0.05, match=lambda _: False))
        gevent.sleep(0)
        follower = gevent.spawn(lambda: socket.receive(timeout_s=PATIENCE_S))
        with pytest.raises(WebSocketTimeoutError):
            leader.get()
        socket.send_json({"id": 2})
        assert json.loads(follower.get(timeout=PATIENCE_S))["id"] == 2


def test_json_that_is_none(server: WebSocketServer) -> None:
    """receive_json() of something else is a failed sample."""
    party = make_user(server.http_url)
    with party.user.connect("/echo") as socket:
        socket.send_text("no json")
        with pytest.raises(WebSocketError, match="not JSON"):
            socket.receive_json()
    assert ("receive", "/echo", "protocol") in party.kinds()


def test_messages_of_other_types_are_refused(server: WebSocketServer) -> None:
    """A mistake of the caller, not of the server: no sample."""
    party = make_user(server.http_url)
    with party.user.connect("/echo") as socket, pytest.raises(TypeError, match="int"):
        socket.request(5, name="say")
    assert not party.of("message")


# --- pushes ---


def test_expected_pushes_are_measured_from_their_stamps(server: WebSocketServer) -> None:
    """Latency = arrival - stamp, on the wall clock of one host: at least 0, at most since the connection was made."""
    party = make_user(server.http_url)
    with party.user.connect("/push?rate=200&count=10") as socket:
        for seq in range(10):
            message = socket.expect_push(name="news", decode=json.loads, stamp=lambda news: news["at"])
            assert message["seq"] == seq
    pushes = party.of("push")
    connected_us = party.of("connect")[0].intended_us
    assert len(pushes) == 10
    assert all(connected_us - 1000 <= one.intended_us <= one.done_us for one in pushes)
    assert not any(one.failure for one in pushes)
    assert_bytes_agree(party, server)


def test_a_stamp_in_the_future_is_no_latency(server: WebSocketServer) -> None:
    """Clocks that differ make a failed sample, not a good one."""
    party = make_user(server.http_url)
    with party.user.connect("/push?rate=200&count=1") as socket:
        socket.expect_push(name="news", stamp=lambda text: json.loads(text)["at"] + 60)
    assert ("push", "news", "assertion") in party.kinds()


def test_pushes_are_handled_while_the_user_does_other_things(server: WebSocketServer) -> None:
    """Every push reaches the handler and is a sample, while requests of the same user go on."""
    party = make_user(server.http_url)
    got: list[int] = []
    done = Event()

    def take(message: Any) -> None:
        got.append(message["seq"])
        if len(got) == 20:
            done.set()

    with party.user.connect("/push?rate=400&count=20") as news, party.user.connect("/echo") as echo:
        news.on_push("news", take, decode=json.loads, stamp=lambda message: message["at"])
        for _ in range(50):
            echo.request("x", name="say")
        assert done.wait(PATIENCE_S)
    assert got == list(range(20))
    assert len(party.of("push")) == 20
    assert not any(one.failure for one in party.sink.samples)


def test_a_handler_may_use_its_own_connection(server: WebSocketServer) -> None:
    """A handler that asks something on the connection that called it gets its answer."""
    party = make_user(server.http_url)
    answers: list[str] = []
    done = Event()
    with party.user.connect("/echo") as socket:

        def ask(message: str) -> None:
            answers.append(socket.request(f"re: {message}", name="ask", match=lambda text: text.startswith("re")))
            done.set()

        socket.on_push("hello", ask, match=lambda text: text == "hello")
        socket.send_text("hello")
        assert done.wait(PATIENCE_S)
    assert answers == ["re: hello"]


def test_a_handler_that_raises_is_a_failed_sample(server: WebSocketServer) -> None:
    """Its message tells what was raised; later pushes are handled all the same."""
    party = make_user(server.http_url)
    done = Event()

    def fail(message: str) -> None:
        if message == "bad":
            raise LookupError("no such thing")
        done.set()

    with party.user.connect("/echo") as socket:
        socket.on_push("note", fail)
        socket.send_text("bad")
        socket.send_text("good")
        assert done.wait(PATIENCE_S)
        gevent.sleep(0)
    failures = [one.failure for one in party.of("push")]
    assert failures[0] is not None
    assert (failures[0].kind, failures[0].message) == ("exception", "LookupError: no such thing")
    assert failures[1:] == [None]


def test_too_many_unread_messages_end_the_connection(server: WebSocketServer) -> None:
    """Memory is bounded, and the failure says what to do."""
    party = make_user(server.http_url, max_unread_messages=3)
    socket = party.user.connect("/push?rate=2000&count=10")
    with pytest.raises(WebSocketClosedError, match="on_push"):
        socket.request("x", name="ask", match=lambda _: False)
    assert party.kinds()[1:] == [("close", "/push 1009", "too_large"), ("message", "ask", "too_large")]


# --- streams ---


def test_frames_are_due_at_their_cadence(server: WebSocketServer) -> None:
    """Intended times are exact multiples after the first; nothing is sent early; the server got every frame."""
    party = make_user(server.http_url)
    with party.user.connect("/sink", compress=False) as socket:
        assert socket.stream((b"x" * 160 for _ in range(12)), name="voice", every_ms=5) == 12
    frames = party.of("stream")
    first_us = frames[0].intended_us
    assert [one.intended_us - first_us for one in frames] == [5000 * index for index in range(12)]
    assert all(one.intended_us <= one.sent_us <= one.done_us for one in frames)
    server.settled()
    log = server.log()
    assert [(one.size, one.is_binary) for one in log] == [(160, True)] * 12
    assert all(frame.sent_us <= one.arrival_us for frame, one in zip(frames, log, strict=True))
    assert_bytes_agree(party, server)


def test_a_stream_that_is_behind_says_so(server: WebSocketServer) -> None:
    """When the source stalls, later frames go out at once and are counted from when they were due; none is skipped."""
    party = make_user(server.http_url)

    def frames() -> Any:
        for index in range(8):
            if index == 3:
                gevent.sleep(0.05)
            yield b"x"

    with party.user.connect("/sink") as socket:
        socket.stream(frames(), name="voice", every_ms=10)
    samples = party.of("stream")
    assert [one.intended_us - samples[0].intended_us for one in samples] == [10_000 * index for index in range(8)]
    # Frame 3 was due 10 ms after frame 2 at the latest; the source held it back for 50 ms from then on.
    assert samples[3].done_us - samples[3].intended_us >= 40_000
    assert samples[4].done_us - samples[4].intended_us >= 30_000


def test_a_stream_reads_while_it_waits(server: WebSocketServer) -> None:
    """Pings are answered, replies are kept for receive()."""
    party = make_user(server.http_url)
    with party.user.connect("/ping?count=1") as socket:
        socket.stream(["a", "b", "c"], name="talk", every_ms=30)
        assert [socket.receive() for _ in range(3)] == ["a", "b", "c"]
    assert server.settled().pongs == 4


def test_a_stream_lets_others_ask(server: WebSocketServer) -> None:
    """Requests of another greenlet get their replies while the stream goes on, whoever of the two reads."""
    party = make_user(server.http_url)
    with party.user.connect("/rpc") as socket:

        def ask(number: int) -> Any:
            return socket.request(
                {"id": number}, name="ask", decode=json.loads, match=lambda reply: reply.get("id") == number
            )

        def ask_all() -> list[Any]:
            return [ask(number)["id"] for number in range(100)]

        asking = gevent.spawn(ask_all)
        socket.stream(['{"id": -1}'] * 4, name="voice", every_ms=5)
        asking.join()
        assert asking.get() == list(range(100))
    assert all(one.failure is None for one in party.sink.samples)
    assert len(party.of("stream")) == 4


def test_a_stream_that_ends_leaves_the_reading_to_others(server: WebSocketServer) -> None:
    """Who came to wait while the stream read gets what comes after its end."""
    party = make_user(server.http_url)
    with party.user.connect("/rpc") as socket:
        streaming = gevent.spawn(socket.stream, ['{"id": -1}'] * 2, name="voice", every_ms=20)
        while not party.of("stream"):
            gevent.sleep(0)
        waiting = gevent.spawn(
            socket.expect_push, name="late", decode=json.loads, match=lambda message: message["id"] == 7
        )
        streaming.join()
        socket.send_json({"id": 7})
        assert waiting.get()["id"] == 7


def test_a_stream_whose_connection_is_dropped_ends(server: WebSocketServer) -> None:
    """Another greenlet drops the connection while the stream waits for its next frame: it does not wait on."""
    party = make_user(server.http_url)
    socket = party.user.connect("/sink")
    streaming = gevent.spawn(socket.stream, [b"x"] * 2, name="voice", every_ms=3_600_000)
    while not party.of("stream"):
        gevent.sleep(0)
    socket.abandon()
    streaming.join(timeout=PATIENCE_S)
    assert isinstance(streaming.exception, WebSocketClosedError)


def test_a_killed_stream_leaves_its_connection_usable(server: WebSocketServer) -> None:
    """A greenlet that is killed between two frames leaves the reading to others."""
    party = make_user(server.http_url)
    with party.user.connect("/echo", compress=False) as socket:
        streaming = gevent.spawn(socket.stream, ["x"] * 2, name="voice", every_ms=3_600_000)
        while not party.of("stream"):
            gevent.sleep(0)
        streaming.kill()
        assert socket.receive() == "x"
        assert socket.request("y", name="say") == "y"
    assert_bytes_agree(party, server)


def test_a_stream_that_breaks(server: WebSocketServer) -> None:
    """The frame at which it is noticed is a failed sample; those after it are none."""
    party = make_user(server.http_url)
    socket = party.user.connect("/close?code=4000&after=2")
    with pytest.raises(WebSocketClosedError) as caught:
        socket.stream([b"x"] * 1000, name="voice", every_ms=5)
    assert caught.value.code == 4000
    streams = party.of("stream")
    assert streams[-1].failure is not None
    assert streams[-1].failure.kind == "reset"
    assert len([one for one in streams if one.failure]) == 1 < len(streams)


# --- how it ends ---


@pytest.mark.parametrize(
    ("path", "code", "close_kind"),
    [
        ("/close?code=1000&after=1", 1000, None),
        ("/close?code=1001&after=1", 1001, None),
        ("/close?code=1011&after=1", 1011, "status"),
        ("/close?code=4321&reason=go&after=1", 4321, "status"),
        ("/drop?after=1", 1006, "reset"),
        ("/drop?after=1&reset=1", 1006, "reset"),
    ],
)
def test_the_peer_ends_it(server: WebSocketServer, path: str, code: int, close_kind: str | None) -> None:
    """The waiting request fails as reset; the close is a sample of its own, failed unless the code is 1000 or 1001."""
    party = make_user(server.http_url)
    name = path.partition("?")[0]
    with party.user.connect(path) as socket:
        with pytest.raises(WebSocketClosedError) as caught:
            socket.request("x", name="ask")
        assert (socket.closed, socket.close_code, caught.value.code) == (True, code, code)
        assert socket.close_reason == ("go" if "reason" in path else "")
        assert caught.value.loadworthy_recorded
        with pytest.raises(WebSocketClosedError):
            socket.send_text("more")
    assert party.kinds() == [
        ("connect", name, None),
        ("close", f"{name} {code}", close_kind),
        ("message", "ask", "reset"),
        ("send", name, "reset"),
    ]


def test_we_end_it_with_our_own_code(server: WebSocketServer) -> None:
    """An application's code that we send is no failure; the reason arrives."""
    party = make_user(server.http_url)
    socket = party.user.connect("/echo")
    socket.close(4005, "enough")
    socket.close()
    assert (socket.closed, socket.close_code) == (True, 4005)
    assert party.kinds()[1:] == [("close", "/echo 4005", None)]
    assert server.settled().close_codes == {4005: 1}


def test_codes_that_cannot_be_sent(server: WebSocketServer) -> None:
    """A mistake of the caller leaves the connection open."""
    party = make_user(server.http_url)
    with party.user.connect("/echo") as socket:
        with pytest.raises(ValueError, match="1006"):
            socket.close(1006)
        assert socket.request("x", name="say") == "x"


@pytest.mark.parametrize(
    ("frames", "kind", "code"),
    [
        ("8102c328", "protocol", 1007),
        ("8300", "protocol", 1002),
        ("827f00000000ffffffff", "too_large", 1009),
    ],
)
def test_a_server_that_breaks_the_protocol(server: WebSocketServer, frames: str, kind: str, code: int) -> None:
    """The failure has its kind, and the server is told the code."""
    party = make_user(server.http_url)
    with party.user.connect(f"/raw?hex={frames}", compress=False) as socket, pytest.raises(WebSocketClosedError):
        socket.receive()
    assert party.kinds()[1:] == [("close", f"/raw {code}", kind), ("receive", "/raw", kind)]
    assert server.settled().close_codes == {code: 1}


class Stubborn:
    """A peer in this process that first writes all it has, and only then reads: it shares no buffers with asyncio."""

    def __init__(self, to_send: bytes, frames_to_read: int) -> None:
        self._to_send = to_send
        self._left = frames_to_read
        self.messages: list[bytes | str] = []
        self.read_all = Event()
        self._server = StreamServer(("127.0.0.1", 0), self._serve)

    def __enter__(self) -> Self:
        self._server.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.stop()

    def _serve(self, client: Any, _address: Any) -> None:
        head = client.recv(65_536).decode()
        key = head.partition("Sec-WebSocket-Key: ")[2].partition("\r\n")[0]
        lines = ["HTTP/1.1 101 X", "Upgrade: websocket", "Connection: Upgrade"]
        lines.append(f"Sec-WebSocket-Accept: {accept_token(key)}")
        client.sendall("\r\n".join([*lines, "", ""]).encode() + self._to_send)
        reader = FrameReader(100_000_000, masked=True)
        while self._left > len(self.messages) and (data := client.recv(65_536)) and reader.error is None:
            self.messages += [event.payload for event in reader.feed(data)]
        self.read_all.set()


def test_large_messages_both_ways_at_once() -> None:
    """A peer that writes without reading does not lock both up: one is read while the other is written."""
    from_peer = encode_frame(FINAL | BINARY, b"y" * 30_000_000)
    with Stubborn(from_peer, 1) as peer:
        party = make_user(peer.url, max_message_bytes=64 * 1024 * 1024)
        socket = party.user.connect("/", compress=False)
        socket.send_binary(b"x" * 30_000_000)
        assert len(socket.receive()) == 30_000_000
        assert peer.read_all.wait(PATIENCE_S)
        assert [len(message) for message in peer.messages] == [30_000_000]
    assert not any(sample.failure for sample in party.sink.samples)


def test_senders_do_not_mix_their_frames() -> None:
    """Many greenlets that send more than the buffers hold, at the same time: each message arrives whole."""
    with Stubborn(b"", 8) as peer:
        party = make_user(peer.url)
        socket = party.user.connect("/", compress=False)
        greenlets = [gevent.spawn(socket.send_binary, bytes([index]) * 5_000_000) for index in range(8)]
        gevent.joinall(greenlets, timeout=PATIENCE_S, raise_error=True)
        assert peer.read_all.wait(PATIENCE_S)
    assert sorted(peer.messages) == [bytes([index]) * 5_000_000 for index in range(8)]


def test_a_user_that_is_killed_leaves_no_sample_that_lies(server: WebSocketServer) -> None:
    """What was waited for is interrupted; the connection is dropped with 1001, without a close sample."""
    party = make_user(server.http_url)
    opened = Event()

    def wait() -> None:
        with party.user.connect("/sink") as socket:
            opened.set()
            socket.request("x", name="ask")

    greenlet = gevent.spawn(wait)
    assert opened.wait(PATIENCE_S)
    gevent.sleep(0)
    greenlet.kill()
    assert party.kinds() == [("connect", "/sink", None)]
    assert party.sink.interruptions == 1
    assert server.settled().close_codes == {1001: 1}


def test_a_timeout_of_the_user_is_a_failed_sample(server: WebSocketServer) -> None:
    """A gevent.Timeout around a request: the attempt has failed, and the connection can be used on."""
    party = make_user(server.http_url)
    with party.user.connect("/sink") as socket:
        with pytest.raises(gevent.Timeout), gevent.Timeout(0.02):
            socket.request("x", name="ask")
        assert socket.ping() > 0
    assert party.kinds()[1] == ("message", "ask", "timeout_read")


def test_those_who_wait_are_woken_when_the_user_ends(server: WebSocketServer) -> None:
    """Greenlets of the user's own do not hang for ever on a connection that was dropped."""
    party = make_user(server.http_url)
    socket = party.user.connect("/sink")
    waiting = [gevent.spawn(socket.receive, timeout_s=60) for _ in range(3)]
    gevent.sleep(0)
    party.user.drop_websockets()
    gevent.joinall(waiting, timeout=PATIENCE_S)
    assert all(isinstance(one.exception, WebSocketClosedError) for one in waiting)
    assert server.settled().close_codes == {1001: 1}


def test_reconnecting(server: WebSocketServer) -> None:
    """The same object, connected again under the same name; handlers stay."""
    party = make_user(server.http_url)
    got: list[str] = []
    arrived = Event()
    socket = party.user.connect("/echo?a=1")

    def take(text: str) -> None:
        got.append(text)
        arrived.set()

    socket.on_push("echo", take)
    socket.close()
    states = [socket.closed]
    socket.reconnect()
    states.append(socket.closed)
    socket.send_text("again")
    assert arrived.wait(PATIENCE_S)
    socket.close()
    assert states == [True, False]
    assert got == ["again"]
    assert [one.name for one in party.of("connect")] == ["/echo", "/echo"]
    assert [one.name for one in party.of("close")] == ["/echo 1000", "/echo 1000"]
    assert_bytes_agree(party, server)


def test_reconnecting_in_vain(server: WebSocketServer) -> None:
    """Each attempt is a failed sample; the last error is raised."""
    party = make_user(server.http_url)
    socket = party.user.connect("/echo")
    socket.close()
    server.stop()
    with pytest.raises(WebSocketError) as caught:
        socket.reconnect(attempts=3, pause_s=0)
    assert caught.value.kind == "connect"
    assert [one.failure.kind.value for one in party.of("connect") if one.failure] == ["connect"] * 3


def test_an_idle_connection_has_no_greenlet_and_few_bytes(server: WebSocketServer) -> None:
    """Nothing reads unless somebody waits."""
    party = make_user(server.http_url)
    socket: WebSocket = party.user.connect("/echo")
    assert socket._reader_greenlet is None
    assert socket._channel.unread is None
    assert not socket._channel._waiters


def test_refusals_carry_status_and_body(server: WebSocketServer) -> None:
    """The sample has the status; the error has it, too, and the beginning of the body; no query anywhere."""
    party = make_user(server.http_url)
    for status in (401, 403, 404, 503):
        with pytest.raises(WebSocketRefusedError) as caught:
            party.user.connect(f"/refuse?status={status}&token=secret")
        assert caught.value.status == status
        assert f"refused with status {status}" in caught.value.excerpt
    samples = party.of("connect")
    assert [one.status for one in samples] == [401, 403, 404, 503]
    assert all(one.failure is not None and one.failure.kind == "status" for one in samples)
    assert "secret" not in repr(samples)
    assert server.stats().refused == {401: 1, 403: 1, 404: 1, 503: 1}


def test_a_loop_of_sends_lets_others_run(server: WebSocketServer) -> None:
    """Sending waits for nothing, yet another greenlet gets its turn before a thousand messages are out."""
    party = make_user(server.http_url)
    seen: list[int] = []
    with party.user.connect("/sink", compress=False) as socket:
        gevent.spawn(lambda: seen.append(socket._sends))
        for _ in range(1000):
            socket.send_binary(b"x")
    assert len(seen) == 1
    assert seen[0] < 1000
