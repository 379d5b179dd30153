"""Users of a plan on WebSockets: what their steps send, wait for, and leave behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import gevent
import pytest
from locust.env import Environment
from tests.users.http.support import PATIENCE_S, Scripted, close_clients
from tests.users.websocket.support import Party, Recording, keep

from loadworthy.clock import wall_s
from loadworthy.plan.load import plan_from_mapping
from loadworthy.testing.websocket import WebSocketServer
from loadworthy.users import WebSocket, declared, declared_sockets
from loadworthy.users.declared import Identity, Surroundings, declared_user
from loadworthy.users.declared_sockets import ReadMessage
from loadworthy.users.multipart import PlanFiles
from loadworthy.users.sink import ATTRIBUTE

RPC = {"websocket": {"path": "/rpc"}}


def make(server: WebSocketServer | Scripted, **behaviour: Any) -> Party:
    """A user of a plan with this behaviour, not started; :func:`iterate` makes it do something."""
    url = server.url if isinstance(server, Scripted) else server.http_url
    data = {"base_url": url, "scenarios": {"talk": behaviour}}
    plan = plan_from_mapping(data, path=Path("plan.yaml")).plan
    surroundings = Surroundings(lambda: Identity(7, Random(1)), {}, frozenset(), PlanFiles(Path()))
    user_class = declared_user("talk", plan.scenarios["talk"], plan, surroundings)
    user_class.network_timeout = PATIENCE_S
    environment, recording = Environment(), Recording()
    setattr(environment, ATTRIBUTE, recording)
    return keep(Party(user_class(environment), recording.sink))


def iterate(party: Party, times: int = 1) -> None:
    """So many iterations."""
    for _ in range(times):
        party.user.iterate()  # type: ignore[attr-defined]


def test_requests_and_messages_in_one_flow(server: WebSocketServer) -> None:
    """The cookie of a login opens the socket; each step is a sample of its series; the end of the pass closes it."""
    party = make(
        server,
        flow=[
            {"path": "/login"},
            {"websocket": {"path": "/private?x={{ user_number }}"}},
            {"request": {"name": "say", "text": "number {{ user_number }}", "expect": {"text": "number 7"}}},
            {"ping": {}},
            {"stream": {"name": "voice", "size": 160, "every": "1ms", "count": 3}},
        ],
    )
    iterate(party)
    assert [(one.kind, one.name, one.failure) for one in party.sink.samples] == [
        ("GET", "/login", None),
        ("connect", "/private", None),
        ("message", "say", None),
        ("ping", "/private", None),
        *[("stream", "voice", None)] * 3,
        ("close", "/private 1000", None),
    ]
    stats = server.settled()
    assert (stats.texts, stats.binaries, stats.pings, stats.close_codes) == (1, 3, 1, {1000: 1})
    assert [one.size for one in server.log()] == [len("number 7"), 160, 160, 160]


def test_the_handshake_is_as_described(server: WebSocketServer) -> None:
    """Headers of the behaviour and of the step, query, subprotocols, compression."""
    party = make(
        server,
        headers={"X-All": "a", "X-One": "b"},
        flow=[
            {
                "websocket": {
                    "path": "/echo",
                    "name": "line",
                    "headers": {"x-one": "{{ user_number }}"},
                    "query": {"subprotocol": "v{{ user_number }}"},
                    "subprotocols": ["v1", "v{{ user_number }}"],
                    "compress": False,
                }
            },
            {"wait": "1ms"},
        ],
    )
    heads: list[dict[str, Any]] = []
    connect = party.user.connect

    def spy(path: str, **options: Any) -> WebSocket:
        heads.append(options)
        return connect(path, **options)

    party.user.connect = spy  # type: ignore[method-assign]
    iterate(party)
    assert heads[0]["headers"] == {"X-All": "a", "x-one": "7"}
    assert heads[0]["subprotocols"] == ["v1", "v7"]
    assert party.kinds() == [("connect", "line", None), ("close", "line 1000", None)]
    assert server.settled().compressed == 0


def test_the_reply_is_the_one_that_matches(server: WebSocketServer) -> None:
    """Other messages are passed over; values are compared with their types, and taken for later steps."""
    party = make(
        server,
        flow=[
            {"websocket": {"path": "/rpc?batch=3"}},
            {"send": {"json": {"id": 0, "text": "zero"}}},
            {"send": {"json": {"id": "{{ user_number }}", "text": "seven"}}},
            {
                "request": {
                    "name": "ask",
                    "json": {"id": "7", "text": "text"},
                    "match": {"$.id": "{{ user_number }}", "$.reply": None},
                    "expect": {"json": {"$.reply": "seven"}},
                    "extract": {"found": "$.id"},
                }
            },
            {"websocket": {"path": "/echo"}},
            {"request": {"name": "again", "json": {"n": "{{ found }}"}, "expect": {"json": {"$.n": 7}}}},
        ],
    )
    iterate(party)
    assert [one.failure for one in party.sink.samples] == [None] * 6
    assert [one.name for one in party.of("message")] == ["ask", "again"]
    assert [one.name for one in party.of("close")] == ["/rpc 1000", "/echo 1000"]


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ({"expect": {"json": {"$.reply": "no"}}}, '$.reply is not "no"'),
        ({"expect": {"text": "no"}}, 'the body does not contain "no"'),
        ({"extract": {"a": "$.b"}}, "nothing to extract for a: $.b is not in the response"),
        ({"expect": {"json": {"$.reply": "{{ 1 // (user_number - 7) }}"}}}, None),
    ],
)
def test_a_reply_that_is_not_as_expected(server: WebSocketServer, reply: dict[str, Any], message: str | None) -> None:
    """A failed sample that ends the pass; what comes after it is not sent, and the socket is closed."""
    request = {"name": "ask", "json": {"id": 1, "text": "yes"}, **reply}
    party = make(server, flow=[RPC, {"request": request}, {"send": {"text": "{}"}}])
    iterate(party)
    kind = "assertion" if message else "exception"
    assert party.kinds() == [("connect", "/rpc", None), ("message", "ask", kind), ("close", "/rpc 1000", None)]
    failure = party.of("message")[0].failure
    assert failure is not None
    assert message is None or failure.message == message
    assert server.settled().texts == 1


def test_a_reply_that_does_not_come(server: WebSocketServer) -> None:
    """The time-out of the step counts."""
    request = {"name": "ask", "json": {"id": 1}, "match": {"$.id": 2}, "timeout": "20ms"}
    party = make(server, flow=[RPC, {"request": request}])
    iterate(party)
    assert party.kinds()[1] == ("message", "ask", "timeout_read")


def test_pushes_are_measured_from_their_stamps(server: WebSocketServer) -> None:
    """So many of them, those that match only."""
    push = {"name": "news", "count": 2, "stamp": "$.at", "match": {"$.seq": 1}}
    party = make(
        server,
        flow=[
            {"websocket": {"path": "/push?rate=500&count=3"}},
            {"expect_push": {**push, "count": 1}},
            {"expect_push": {"name": "any", "count": 2}},
        ],
    )
    iterate(party)
    assert [(one.kind, one.name, one.failure) for one in party.sink.samples][1:-1] == [
        ("push", "news", None), ("push", "any", None), ("push", "any", None),
    ]  # fmt: skip
    assert party.of("push")[0].received_bytes > 0


@pytest.mark.parametrize(
    ("message", "seconds"),
    [('{"at": 1700000000.5}', 1700000000.5), ('{"at": 1700000000500}', 1700000000.5), ('{"at": "17.5"}', 17.5)],
)
def test_stamps_are_seconds_or_milliseconds(message: str, seconds: float) -> None:
    """Which of the two is told by its size."""
    assert declared_sockets._stamp("$.at")(ReadMessage(message)) == seconds


@pytest.mark.parametrize("message", ["{}", '{"at": "soon"}', '{"at": [1]}', "no JSON", b"\xff"])
def test_stamps_that_are_none(message: str | bytes) -> None:
    """A check that failed, as the plan's expectations are."""
    with pytest.raises(AssertionError):
        declared_sockets._stamp("$.at")(ReadMessage(message))


def test_payloads(server: WebSocketServer) -> None:
    """Text, JSON, base64, and so many bytes, which are the same each time."""
    party = make(
        server,
        flow=[
            {"websocket": {"path": "/echo"}},
            {"request": {"name": "a", "text": "é"}},
            {"request": {"name": "b", "json": [1, None]}},
            {"request": {"name": "c", "base64": "AAEC"}},
            {"request": {"name": "d", "size": "1KiB"}},
            {"send": {"size": 5}},
            {"close": {"code": 4001, "reason": "bye {{ user_number }}"}},
        ],
    )
    iterate(party)
    assert all(one.failure is None for one in party.sink.samples)
    stats = server.settled()
    assert [(one.size, one.is_binary) for one in server.log()] == [
        (2, False), (9, False), (3, True), (1024, True), (5, True),
    ]  # fmt: skip
    assert stats.close_codes == {4001: 1}


def test_a_socket_of_on_start_is_kept(server: WebSocketServer) -> None:
    """All iterations use it, endpoints too; it is dropped with its user."""
    endpoints = [{"request": {"name": "ask", "json": {"id": "{{ iteration }}"}, "match": {"$.id": "{{ iteration }}"}}}]
    party = make(server, on_start=[RPC], endpoints=endpoints)
    iterate(party, 5)
    assert party.kinds() == [("connect", "/rpc", None), *[("message", "ask", None)] * 5]
    party.user.drop_websockets()
    stats = server.settled()
    assert (stats.connections, stats.close_codes) == (1, {1001: 1})


def test_a_kept_socket_that_broke_is_opened_again(server: WebSocketServer) -> None:
    """With all of on_start, for the server wants to be greeted again, too."""
    party = make(
        server,
        on_start=[{"websocket": {"path": "/close?code=4000&after=3"}}, {"send": {"text": "greeting"}}],
        flow=[{"send": {"text": "a"}}, {"ping": {}}],
    )
    iterate(party, 4)
    kinds = [(kind, failure) for kind, _, failure in party.kinds()]
    first = [("connect", None), ("ping", None), ("close", "status"), ("ping", "reset")]
    assert kinds == first * 2
    assert server.settled().texts == 6


def test_a_pass_may_have_a_socket_beside_the_kept_one(server: WebSocketServer) -> None:
    """Steps use the last that was opened; the next pass finds the kept one again."""
    party = make(
        server,
        on_start=[RPC],
        flow=[
            {"request": {"name": "kept", "text": '{"id": 1}', "expect": {"json": {"$.id": 1}}}},
            {"websocket": {"path": "/echo"}},
            {"request": {"name": "own", "text": "x", "expect": {"text": "x"}}},
        ],
    )
    iterate(party, 2)
    assert all(one.failure is None for one in party.sink.samples)
    assert [one.name for one in party.of("message")] == ["kept", "own"] * 2
    assert [one.name for one in party.of("close")] == ["/echo 1000"] * 2


def test_a_start_that_fails_is_made_again(server: WebSocketServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The socket that it had opened is closed before it opens another."""
    monkeypatch.setattr(declared, "START_RETRY_S", 0.0)
    ask = {
        "request": {"name": "greet", "json": {"id": 1, "text": "{{ iteration }}"}, "expect": {"json": {"$.reply": 1}}}
    }
    party = make(server, on_start=[RPC, ask], flow=[{"ping": {}}])
    iterate(party, 2)
    assert [(kind, failure) for kind, _, failure in party.kinds()] == [
        ("connect", None), ("message", "assertion"), ("close", None),
        ("connect", None), ("message", None), ("ping", None),
    ]  # fmt: skip


def test_a_refused_handshake_ends_the_pass(server: WebSocketServer) -> None:
    """It is a failed sample with its status."""
    party = make(server, flow=[{"websocket": {"path": "/refuse?status=403"}}, {"ping": {}}])
    iterate(party, 2)
    assert [(one.kind, one.status) for one in party.sink.samples] == [("connect", 403)] * 2
    assert server.settled().refused == {403: 2}


def test_a_template_that_fails_sends_nothing(server: WebSocketServer) -> None:
    """The attempt is a failed sample without a time."""
    party = make(server, flow=[RPC, {"request": {"name": "ask", "text": "{{ 1 // 0 }}"}}])
    iterate(party)
    (sample,) = party.of("message")
    assert sample.failure is not None
    assert sample.failure.kind == "exception"
    assert sample.done_us < sample.intended_us
    assert server.settled().texts == 0


EVENTS_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


@pytest.fixture
def event_server() -> Iterator[Scripted]:
    """Sends three events and ends the stream, twice."""
    events = [f'id: {number}\ndata: {{"n": {number}, "at": {wall_s()}}}\n\n'.encode() for number in range(3)]
    yield Scripted(*[[EVENTS_HEAD + b"".join(events)]] * 2)
    close_clients()


def test_events_of_a_stream(event_server: Scripted) -> None:
    """So many of those that match, with the latency from their stamps; what they say is there for later steps."""
    events = {"path": "/news", "name": "news", "stamp": "$.at", "match": {"$.n": 1}, "extract": {"found": "$.n"}}
    again = {"path": "/news/{{ found }}", "name": "more", "count": 2, "headers": {"X-Found": "{{ found }}"}}
    party = make(event_server, flow=[{"events": events}, {"events": again}])
    iterate(party)
    assert party.kinds() == [
        ("sse", "news", None), ("push", "news", None),
        ("sse", "more", None), ("push", "more", None), ("push", "more", None),
    ]  # fmt: skip
    assert event_server.requests[1].startswith(b"GET /news/1 HTTP/1.1\r\n")
    assert b"X-Found: 1\r\n" in event_server.requests[1]


def test_events_that_do_not_come(event_server: Scripted) -> None:
    """The end of the stream, or an event that is not as expected, is a failed push and ends the pass."""
    party = make(event_server, flow=[{"events": {"path": "/", "name": "news", "count": 4}}, {"path": "/never"}])
    iterate(party)
    assert party.kinds() == [("sse", "news", None), *[("push", "news", None)] * 3, ("push", "news", "protocol")]
    party = make(event_server, flow=[{"events": {"path": "/", "name": "news", "expect": {"json": {"$.n": 7}}}}])
    iterate(party)
    assert party.kinds() == [("sse", "news", None), ("push", "news", "assertion")]


def test_a_pause_is_spent_reading(server: WebSocketServer) -> None:
    """Pings of the server are answered while a user waits; without a socket it just waits."""
    party = make(server, flow=[{"wait": "1ms"}, {"websocket": {"path": "/ping?count=2"}}, {"wait": "1h"}])
    waiting = gevent.spawn(iterate, party)
    while server.stats().pongs < 2:
        gevent.sleep(0.001)
    waiting.kill()
    party.user.drop_websockets()
    assert party.kinds() == [("connect", "/ping", None)]


def test_the_pause_between_iterations_is_spent_reading(server: WebSocketServer) -> None:
    """A kept socket answers its server's pings, and that it was closed is known before the next iteration."""
    party = make(server, on_start=[{"websocket": {"path": "/ping?count=2"}}], wait_time="1h", flow=[{"ping": {}}])
    iterate(party)
    pausing = gevent.spawn(party.user.wait_time)
    while server.stats().pongs < 2:
        gevent.sleep(0.001)
    pausing.kill()
    party = make(server, on_start=[{"websocket": {"path": "/close?after=1"}}], wait_time="20ms", flow=[{"wait": "1us"}])
    iterate(party)
    party.user._sockets.current().send_text("x")  # type: ignore[attr-defined]
    party.user.wait_time()
    while not party.of("close"):
        party.user.wait_time()
    assert party.user.wait_time() == 0.02
    iterate(party)
    assert [one.kind for one in party.sink.samples] == ["connect", "close", "connect"]


def test_a_pause_outlasts_its_connection(server: WebSocketServer) -> None:
    """What the server ends meanwhile is a sample of its own, and no reason to hurry."""
    party = make(
        server, flow=[{"websocket": {"path": "/close?code=1000&after=1"}}, {"send": {"text": "x"}}, {"wait": "1h"}]
    )
    waiting = gevent.spawn(iterate, party)
    while not party.of("close"):
        gevent.sleep(0.001)
    gevent.sleep(0)
    assert not waiting.ready()
    waiting.kill()
    assert party.kinds() == [("connect", "/close", None), ("close", "/close 1000", None)]
