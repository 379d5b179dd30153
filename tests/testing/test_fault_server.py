"""FaultServer, as a process, over loopback: each fault as its client and its log see it."""

from __future__ import annotations

import http.client
import re
import socket
from collections.abc import Iterator

import numpy as np
import pytest
from tests.testing.test_counting import PATIENCE_S, await_in_service, dial, exchange
from wsproto import ConnectionType, WSConnection, events

from loadworthy.errors import LoadworthyError, SetupError
from loadworthy.monitor.exposition import parse_exposition
from loadworthy.testing import (
    ConnectionLeak,
    Delay,
    Drift,
    Errors,
    FaultServer,
    MemoryLeak,
    Queue,
    Resets,
    Route,
    Stall,
)

REQUEST = b"GET /work HTTP/1.1\r\nHost: x\r\n\r\n"
_MB = 1_000_000


@pytest.fixture
def connections() -> Iterator[list[socket.socket]]:
    """Sockets that are closed after the test."""
    made: list[socket.socket] = []
    yield made
    for connection in made:
        connection.close()


def status_of(response: bytes) -> int:
    """The status of a response."""
    return int(response.split()[1])


def send_to_all(server: FaultServer, connections: list[socket.socket], count: int) -> None:
    """A request on each of so many connections, and all of their answers."""
    dialled = [dial(server, connections) for _ in range(count)]
    for connection in dialled:
        connection.sendall(REQUEST)
    for connection in dialled:
        assert connection.recv(65_536).startswith(b"HTTP/1.1")


def read_until_reset(connection: socket.socket) -> bytes:
    """What comes before a reset; fails if there is none."""
    received = b""
    try:
        while chunk := connection.recv(65_536):
            received += chunk
    except ConnectionResetError:
        return received
    pytest.fail(f"the connection ended properly, after {received!r}")


def test_a_fifo_server_keeps_the_times_of_its_virtual_queue(connections: list[socket.socket]) -> None:
    """Each service begins when the one before is over, to the microsecond, and no answer comes before its time."""
    with FaultServer([Route("*", delay=Delay.exponential(2))], queue=Queue.fifo(), seed=3) as server:
        for _ in range(3):
            send_to_all(server, connections, 12)
        log = server.log()
    assert len(log) == 36
    free_us = 0
    for entry in log:
        assert entry.started_us == max(entry.arrival_us, free_us)
        assert entry.due_us == entry.started_us + entry.imposed_us
        assert entry.departure_us >= entry.due_us
        free_us = entry.due_us
    assert any(entry.started_us > entry.arrival_us for entry in log)


def test_the_log_comes_in_columns_too(connections: list[socket.socket]) -> None:
    """They hold the very same, and rows can be picked by their target."""
    routes = [Route("/work", delay=Delay.fixed(1)), Route("/other", status=201)]
    with FaultServer(routes, queue=Queue.fifo(2)) as server:
        connection = dial(server, connections)
        for request in (REQUEST, REQUEST.replace(b"work", b"other"), REQUEST):
            exchange(connection, request)
        log, arrays = server.log(), server.log_arrays()
    assert len(arrays) == 3
    for column in ("status", "arrival_us", "departure_us", "started_us", "due_us", "imposed_us", "connection"):
        assert getattr(arrays, column).tolist() == [getattr(entry, column) for entry in log]
    assert arrays.is_target("/work").tolist() == [True, False, True]
    assert not arrays.is_target("/nowhere").any()
    assert arrays.sojourn_us.tolist() == [entry.departure_us - entry.arrival_us for entry in log]
    assert [arrays.names[place] for place in arrays.name] == [(entry.method, entry.target) for entry in log]


def test_a_capacity_spaces_the_services_and_its_limit_refuses(connections: list[socket.socket]) -> None:
    """1,000/s: those that come together are a millisecond apart, five are let in, the others get a 503 at once."""
    with FaultServer(queue=Queue.parallel(max_per_s=1000, limit=5)) as server:
        server.inject(Stall())  # so that all come together, whatever the machine is doing
        dialled = [dial(server, connections) for _ in range(8)]
        for connection in dialled:
            connection.sendall(REQUEST)
        await_in_service(server, 8)
        server.heal()
        statuses = [status_of(connection.recv(65_536)) for connection in dialled]
        log, stats = server.log(), server.stats()
    assert statuses == [200] * 5 + [503] * 3
    started = [entry.started_us for entry in sorted(log, key=lambda entry: entry.connection) if entry.status == 200]
    assert np.diff(started).tolist() == [1000] * 4
    assert {entry.fault for entry in log if entry.status == 503} == {"refused"}
    assert (stats.faults, stats.statuses) == ({"refused": 3}, {200: 5, 503: 3})


@pytest.mark.parametrize(("queue", "waits"), [(Queue.parallel(), 0), (Queue.fifo(), 1)], ids=["parallel", "fifo"])
def test_nothing_is_served_during_a_stall(queue: Queue, waits: int, connections: list[socket.socket]) -> None:
    """Side by side, all are answered a service after its end; one after the other, the queue drains from there."""
    with FaultServer([Route("*", delay=Delay.fixed(3))], queue=queue) as server:
        stall = Stall()
        begun_us = server.inject(stall)
        dialled = [dial(server, connections) for _ in range(4)]
        for connection in dialled:
            connection.sendall(REQUEST)
        await_in_service(server, 4)
        assert server.stats().requests == 0
        ended_us = server.heal(stall)
        for connection in dialled:
            assert status_of(connection.recv(65_536)) == 200
        log = server.log()
    assert begun_us <= min(entry.arrival_us for entry in log) <= max(entry.arrival_us for entry in log) <= ended_us
    assert [entry.due_us - ended_us for entry in log] == [3000 * (1 + number * waits) for number in range(4)]


def test_when_a_stall_ends_any_number_of_clients_may_have_more_to_say(connections: list[socket.socket]) -> None:
    """400 with two requests each, the second of which is read when the first is answered: none is lost."""
    with FaultServer(queue=Queue.fifo()) as server:
        server.inject(Stall())
        for _ in range(400):
            dial(server, connections).sendall(REQUEST * 2)
        await_in_service(server, 400)
        server.heal()
        for connection in connections:
            received = b""
            while received.count(b"HTTP/1.1 200") < 2:
                received += connection.recv(65_536)
        assert server.stats().statuses == {200: 800}


def test_a_short_service_is_not_held_up_by_a_long_one(connections: list[socket.socket]) -> None:
    """The one that came later is due earlier."""
    with FaultServer([Route("/long", delay=Delay.fixed(60_000)), Route("*", delay=Delay.fixed(1))]) as server:
        dial(server, connections).sendall(b"GET /long HTTP/1.1\r\n\r\n")
        await_in_service(server, 1)
        assert status_of(exchange(dial(server, connections), REQUEST)) == 200
        assert server.stats().in_service == 1


def test_a_planned_stall_comes_at_its_time_after_the_mark(connections: list[socket.socket]) -> None:
    """20 to 50 ms after it; what is under way then is answered later by its length."""
    with FaultServer([Route("*", delay=Delay.fixed(25))], faults=[Stall(at_s=0.02, for_s=0.03)]) as server:
        connection = dial(server, connections)
        marked_us = server.mark()
        exchange(connection, REQUEST)
        exchange(connection, REQUEST)
        log = server.log()
    for entry in log:
        served_us = entry.due_us - entry.started_us
        is_cut = entry.started_us < marked_us + 20_000 <= entry.started_us + 25_000
        is_within = marked_us + 20_000 <= entry.started_us < marked_us + 50_000
        assert is_cut or is_within or served_us == 25_000
        if is_cut:
            assert served_us == 55_000
        assert not marked_us + 20_000 <= entry.departure_us < marked_us + 50_000


def test_errors_are_injected_and_healed(connections: list[socket.socket]) -> None:
    """All fail meanwhile, on their path only, and none afterwards; the log says that it was on purpose."""
    with FaultServer() as server:
        connection = dial(server, connections)
        burst = Errors(status=503, path="/work")
        found = [status_of(exchange(connection, REQUEST))]
        server.inject(burst)
        found += [status_of(exchange(connection, request)) for request in (REQUEST, b"GET / HTTP/1.1\r\n\r\n")]
        server.heal(burst)
        found.append(status_of(exchange(connection, REQUEST)))
        with pytest.raises(LoadworthyError, match="was it healed before"):
            server.heal(burst)
        assert found == [200, 503, 200, 200]
        assert [entry.fault for entry in server.log()] == ["", "errors", "", ""]
        server.clear()
        assert (server.stats().faults, server.stats().requests) == ({}, 0)


@pytest.mark.parametrize(("when", "part"), [("arrival", 0.0), ("departure", 0.0), ("half", 0.5)])
def test_a_connection_is_reset(when: str, part: float, connections: list[socket.socket]) -> None:
    """The client sees a reset after no or half of the answer; so does the log, which has no status for it."""
    whole = len(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nContent-Type: text/plain\r\n\r\n") + 1000
    fault = Resets(when=when, path="/work")  # type: ignore[arg-type]
    with FaultServer([Route("*", body_bytes=1000)], faults=[fault]) as server:
        connection = dial(server, connections)
        assert len(exchange(connection, b"GET / HTTP/1.1\r\n\r\n")) == whole
        connection.sendall(REQUEST)
        received = read_until_reset(connection)
        good, bad = server.log()
    assert len(received) == int(whole * part)
    assert (good.status, good.fault) == (200, "")
    assert (bad.status, bad.fault, bad.response_bytes) == (0, "resets", len(received))


def test_connections_may_be_reset_before_they_say_anything(connections: list[socket.socket]) -> None:
    """Those that come meanwhile; an older one goes on."""
    with FaultServer() as server:
        old = dial(server, connections)
        exchange(old, REQUEST)
        server.inject(Resets(when="connect"))
        with pytest.raises(ConnectionResetError):  # which may come while it still connects
            dial(server, connections).recv(1)
        assert status_of(exchange(old, REQUEST)) == 200


def test_service_gets_slower_as_it_drifts(connections: list[socket.socket]) -> None:
    """6 seconds more a minute are 0.1 ms more for each ms since the mark; the log has what was really imposed."""
    with FaultServer([Route("*", delay=Delay.fixed(1))], faults=[Drift(ms_per_min=6000)]) as server:
        marked_us = server.mark()
        connection = dial(server, connections)
        for _ in range(10):
            exchange(connection, REQUEST)
        log = server.log()
    for entry in log:
        assert entry.imposed_us == pytest.approx(1000 + (entry.arrival_us - marked_us) * 0.1, abs=1)
    assert log[-1].imposed_us > log[0].imposed_us + 900


def test_memory_really_grows_to_its_limit_and_no_further(connections: list[socket.socket]) -> None:
    """A megabyte for each request, as the system counts it; healed, it is given back."""
    leak = MemoryLeak(bytes_per_request=_MB, limit_bytes=20 * _MB)
    with FaultServer(faults=[leak]) as server:
        connection = dial(server, connections)
        exchange(connection, REQUEST)
        first = server.resources()
        for _ in range(30):
            exchange(connection, REQUEST)
        full = server.resources()
        server.heal(leak)
        healed = server.resources()
    assert (first.leaked_bytes, full.leaked_bytes, healed.leaked_bytes) == (_MB, 20 * _MB, 0)
    assert 15 * _MB < full.rss_bytes - first.rss_bytes < 25 * _MB
    assert healed.rss_bytes < full.rss_bytes - 10 * _MB


def test_memory_grows_with_time_alone() -> None:
    """Without any request: a mark begins it, and asking again and again sees it reach its limit."""
    with FaultServer(faults=[MemoryLeak(bytes_per_s=100 * _MB, limit_bytes=_MB)]) as server:
        assert server.resources().leaked_bytes == 0
        server.mark()
        for _ in range(100_000):
            if server.resources().leaked_bytes == _MB:
                return
        pytest.fail(f"it never leaked: {server.resources()}")


def test_connections_and_descriptors_are_not_closed(connections: list[socket.socket]) -> None:
    """An answer with ``Connection: close`` is not followed by an end, and each request costs two descriptors."""
    leak = ConnectionLeak(per_request=2)
    with FaultServer(faults=[leak]) as server:
        before = server.resources()
        for _ in range(3):
            assert b"Connection: close" in exchange(
                dial(server, connections), REQUEST[:-2] + b"Connection: close\r\n\r\n"
            )
        connections[0].settimeout(0)
        with pytest.raises(BlockingIOError):
            connections[0].recv(1)
        after = server.resources()
        assert (after.leaked_descriptors, after.descriptors - before.descriptors) == (9, 9)
        server.heal(leak)
        connections[0].settimeout(PATIENCE_S)
        assert connections[0].recv(1) == b""
        assert server.resources().descriptors == before.descriptors


def test_the_page_of_metrics_tells_the_truth_and_leaves_no_trace(connections: list[socket.socket]) -> None:
    """In the format that our monitor reads; a stall does not hold it up, and it is no request."""
    with FaultServer(metrics_path="/metrics", faults=[MemoryLeak(bytes_per_request=1000)]) as server:
        connection = dial(server, connections)
        exchange(connection, REQUEST)
        server.inject(Stall())
        ask = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
        page = exchange(connection, ask).partition(b"\r\n\r\n")[2].decode()
        server.heal()
        assert b"server_leaked_bytes 0" in exchange(connection, ask), "asked again, with nothing in the way"
        stats = server.stats()
    values = {exposed.key: exposed.value for exposed in parse_exposition(page)}
    assert values["server_leaked_bytes"] == 1000
    assert values['server_requests_total{status="200"}'] == stats.requests == 1
    assert values["process_resident_memory_bytes"] > _MB
    assert {"process_open_fds", "process_cpu_seconds_total", "server_open_connections"} <= set(values)


def open_websocket(server: FaultServer, path: str, connections: list[socket.socket]) -> tuple[WSConnection, bytes]:
    """A WebSocket on a connection that has served HTTP before; what came behind the handshake."""
    connection = dial(server, connections)
    exchange(connection, REQUEST)
    state = WSConnection(ConnectionType.CLIENT)
    connection.sendall(state.send(events.Request(host="x", target=path)))
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65_536)
    head, _, rest = received.partition(b"\r\n\r\n")
    state.receive_data(head + b"\r\n\r\n")
    assert [type(event) for event in state.events()] == [events.AcceptConnection]
    return state, rest


def next_texts(state: WSConnection, connection: socket.socket, rest: bytes, count: int) -> list[str]:
    """The next text messages."""
    found: list[str] = []
    while len(found) < count:
        state.receive_data(rest or connection.recv(65_536))
        rest = b""
        found += [event.data for event in state.events() if isinstance(event, events.TextMessage)]
    return found


def test_one_server_has_http_and_websockets(connections: list[socket.socket]) -> None:
    """On the same port, even on the same connection; echo and push, each with its truth."""
    with FaultServer() as server:
        echo, rest = open_websocket(server, "/echo", connections)
        connections[0].sendall(echo.send(events.TextMessage("hello")))
        assert next_texts(echo, connections[0], rest, 1) == ["hello"]
        push, rest = open_websocket(server, "/push?rate=1000&count=3", connections)
        stamped = next_texts(push, connections[1], rest, 3)
        assert [re.findall(r'"seq": (\d)', text) for text in stamped] == [["0"], ["1"], ["2"]]
        for connection, state in zip(connections, (echo, push), strict=True):
            connection.sendall(state.send(events.CloseConnection(1000)))
        stats = server.websockets_settled()
        assert (stats.connections, stats.close_codes, server.websocket_stats()) == (2, {1000: 2}, stats)
        assert [(message.connection, message.size) for message in server.websocket_log()] == [(1, 5)]
        assert (server.stats().requests, server.stats().open_connections) == (2, 0)
        assert server.websocket_url == server.url.replace("http", "ws")


def test_frames_that_come_with_the_handshake_are_not_lost(connections: list[socket.socket]) -> None:
    """A client may send its first message in the same packet."""
    with FaultServer() as server:
        connection = dial(server, connections)
        head = b"GET /echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        head += b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        frame = b"\x81\x82\x00\x00\x00\x00hi"
        connection.sendall(REQUEST + head + frame)
        received = b""
        while not received.endswith(b"\x81\x02hi"):
            received += connection.recv(65_536)
        assert (received.count(b" 200 OK"), received.count(b" 101 ")) == (1, 1)


def test_an_ordinary_client_that_leaves_during_a_stall_is_logged(connections: list[socket.socket]) -> None:
    """Status 0, and nobody knows when it would have been served."""
    with FaultServer([Route("*", delay=Delay.fixed(1))], faults=[Stall()]) as server:
        connection = dial(server, connections)
        connection.sendall(REQUEST)
        await_in_service(server, 1)
        connection.close()
        await_in_service(server, 0)
        (entry,) = server.log()
        server.heal()
        client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
        client.request("GET", "/")
        assert client.getresponse().status == 200
        client.close()
    assert (entry.status, entry.due_us, entry.imposed_us) == (0, 0, 1000)


def test_what_cannot_be_is_told_before_it_starts() -> None:
    """A path of metrics without its slash; a second start."""
    with pytest.raises(ValueError, match="begins with a slash"):
        FaultServer(metrics_path="metrics")
    with FaultServer() as server, pytest.raises(SetupError, match="runs already"):
        server.start()
