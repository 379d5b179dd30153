"""CountingServer, as a process, against real clients."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from tests.testing.test_routes import DISTRIBUTIONS, ks_distance, ks_limit

from loadworthy.clock import monotonic_ns
from loadworthy.errors import LoadworthyError, SetupError
from loadworthy.testing import CountingServer, Delay, Exchange, Route

PATIENCE_S = 60
REQUEST = b"GET /plain?a=1 HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n"


@pytest.fixture
def connections() -> Iterator[list[socket.socket]]:
    """Sockets that are closed after the test."""
    made: list[socket.socket] = []
    yield made
    for connection in made:
        connection.close()


def dial(server: CountingServer, connections: list[socket.socket]) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S)
    connections.append(connection)
    return connection


def exchange(connection: socket.socket, request: bytes) -> bytes:
    """One response, read to the byte."""
    connection.sendall(request)
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65_536)
    head, _, body = received.partition(b"\r\n\r\n")
    length = next(int(line[16:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length: "))
    while len(body) < length:
        body += connection.recv(65_536)
    assert len(body) == length
    return head + b"\r\n\r\n" + body


def await_in_service(server: CountingServer, wanted: int) -> None:
    """Ask until so many requests are in service; each question is a round trip through the server's loop."""
    for _ in range(50_000):
        if server.stats().in_service == wanted:
            return
    pytest.fail(f"the server never had {wanted} requests in service: {server.stats()}")


def test_the_log_is_what_the_client_did(connections: list[socket.socket]) -> None:
    """Counts, order, bytes on the wire, and stamps that lie within the client's own."""
    routes = [Route("/plain", body_bytes=1000), Route("/echo", echo=True)]
    with CountingServer(routes) as server:
        connection = dial(server, connections)
        sent: list[tuple[int, int, int, int]] = []
        for number in range(50):
            post = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (number, b"z" * number)
            for request in (REQUEST, post):
                start_us = monotonic_ns() // 1000
                response = exchange(connection, request)
                sent.append((len(request), len(response), start_us, monotonic_ns() // 1000))
        log, stats = server.log(), server.stats()
    assert [(e.request_bytes, e.response_bytes) for e in log] == [(out, back) for out, back, _, _ in sent]
    assert [(e.method, e.target) for e in log] == [("GET", "/plain?a=1"), ("POST", "/echo")] * 50
    for entry, (_, _, start_us, end_us) in zip(log, sent, strict=True):
        assert start_us <= entry.arrival_us <= entry.departure_us <= end_us
    assert (stats.requests, stats.statuses, stats.connections) == (100, {200: 100}, 1)
    assert (stats.received_bytes, stats.sent_bytes) == (sum(s[0] for s in sent), sum(s[1] for s in sent))


def test_connections_are_told_apart(connections: list[socket.socket]) -> None:
    """The log shows which requests shared a connection."""
    with CountingServer() as server:
        first, second = dial(server, connections), dial(server, connections)
        for connection in (first, second, first):
            exchange(connection, REQUEST)
        assert [e.connection for e in server.log()] == [1, 2, 1]
        assert server.stats().open_connections == 2


@pytest.mark.parametrize(("delay", "cdf"), DISTRIBUTIONS, ids=lambda x: x.shape if isinstance(x, Delay) else "")
def test_imposed_delays_follow_the_declared_distribution(
    delay: Delay, cdf: object, connections: list[socket.socket]
) -> None:
    """400 logged delays pass the Kolmogorov-Smirnov test (fixed seed; false alarm 0.1 %) and were really imposed."""
    assert callable(cdf)
    scaled = Delay(delay.shape, delay.a_ms / 10, delay.b if delay.shape == "lognormal" else delay.b / 10)
    with CountingServer([Route("*", delay=scaled)], seed=3) as server:
        connection = dial(server, connections)
        for _ in range(400):
            exchange(connection, REQUEST)
        log = server.log()
    assert ks_distance([e.imposed_us / 100 for e in log], cdf) < ks_limit(len(log))
    assert all(e.departure_us - e.arrival_us >= e.imposed_us for e in log)


def test_an_imposed_delay_is_kept_to_a_fraction_of_a_millisecond(connections: list[socket.socket]) -> None:
    """On a quiet machine 0.1 ms late; on a busy one some still are within 0.5.

    Rounded up to epoll's whole milliseconds, each of these would be 0.6 ms late or more.
    """
    with CountingServer([Route("*", delay=Delay.fixed(3.4))]) as server:
        connection = dial(server, connections)
        for _ in range(101):
            exchange(connection, REQUEST)
        late_us = sorted(e.departure_us - e.arrival_us - e.imposed_us for e in server.log())
    assert 0 <= late_us[0] < 500


def test_delayed_requests_are_served_side_by_side(connections: list[socket.socket]) -> None:
    """While one waits for its delay, another is answered."""
    with CountingServer([Route("/slow", delay=Delay.fixed(60_000)), Route("*")]) as server:
        slow = dial(server, connections)
        slow.sendall(b"GET /slow HTTP/1.1\r\n\r\n")
        await_in_service(server, 1)
        assert exchange(dial(server, connections), REQUEST).startswith(b"HTTP/1.1 200")
        assert server.stats().in_service == 1


def test_a_request_whose_client_left_is_logged_without_a_status(connections: list[socket.socket]) -> None:
    """It was asked, so it is in the truth; status 0 says that nobody got an answer."""
    with CountingServer([Route("/slow", delay=Delay.fixed(60_000))]) as server:
        slow = dial(server, connections)
        slow.sendall(b"GET /slow HTTP/1.1\r\n\r\n")
        await_in_service(server, 1)
        slow.close()
        await_in_service(server, 0)
        (entry,) = server.log()
    assert (entry.status, entry.response_bytes, entry.imposed_us) == (0, 0, 60_000_000)


def test_pipelined_requests_are_answered_in_order_though_the_first_is_slow(
    connections: list[socket.socket],
) -> None:
    """HTTP/1.1 answers in order; the second request's service begins when the first is answered."""
    with CountingServer([Route("/slow", delay=Delay.fixed(5)), Route("/quick", status=201)]) as server:
        connection = dial(server, connections)
        connection.sendall(b"GET /slow HTTP/1.1\r\n\r\nGET /quick HTTP/1.1\r\n\r\n")
        received = b""
        while received.count(b"HTTP/1.1") < 2:
            received += connection.recv(65_536)
        slow, quick = server.log()
    assert received.index(b" 200 ") < received.index(b" 201 ")
    assert slow.departure_us <= quick.arrival_us
    assert (slow.request_bytes, quick.request_bytes) == (22, 23)


def test_login_and_token_with_an_ordinary_client() -> None:
    """A standard client can log in and use what it got."""
    routes = [Route("/login", method="POST", issues_token=True), Route("/me", needs_token=True, json={"ok": True})]
    with CountingServer(routes) as server:
        client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
        client.request("POST", "/login", body=b"{}")
        token = client.getresponse().read().decode().split('"')[3]
        client.request("GET", "/me")
        refused = client.getresponse()
        assert (refused.status, b"token" in refused.read()) == (401, True)
        client.request("GET", "/me", headers={"Authorization": f"Bearer {token}"})
        assert client.getresponse().read() == b'{"ok": true}'
        client.close()
        assert server.stats().statuses == {200: 2, 401: 1}


def test_clear_forgets_the_warm_up_and_asking_leaves_no_trace(connections: list[socket.socket]) -> None:
    """Only what came after is in the log, and the questions are not."""
    with CountingServer() as server:
        connection = dial(server, connections)
        exchange(connection, REQUEST)
        server.clear()
        assert (server.log(), server.stats().requests) == ([], 0)
        exchange(connection, REQUEST)
        assert len(server.log()) == server.stats().requests == 1


def test_a_log_with_holes_is_not_given_out(connections: list[socket.socket]) -> None:
    """Beyond its limit the server counts on, and says so when asked for the log."""
    with CountingServer(log_limit=2) as server:
        connection = dial(server, connections)
        for _ in range(3):
            exchange(connection, REQUEST)
        assert server.stats().requests == 3
        with pytest.raises(LoadworthyError, match="holds 2 of 3 requests"):
            server.log()


def test_many_threads_may_ask(connections: list[socket.socket]) -> None:
    """Questions and answers do not get mixed up."""
    with CountingServer() as server:
        exchange(dial(server, connections), REQUEST)
        seen: list[int | list[Exchange]] = []
        threads = [
            threading.Thread(target=lambda n=n: seen.append(server.stats().requests if n % 2 else server.log()))
            for n in range(12)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        log = server.log()
    assert sorted(seen, key=str) == sorted([1] * 6 + [log] * 6, key=str)


def test_nothing_is_left_when_the_context_ends(connections: list[socket.socket]) -> None:
    """Its connections end, its port is free, and it says that it is gone."""
    with CountingServer() as server:
        port, connection = server.port, dial(server, connections)
        exchange(connection, REQUEST)
    assert connection.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
    assert server.url == ""
    with pytest.raises(LoadworthyError, match="does not run"):
        server.stats()


def test_a_server_that_was_killed_is_reported(connections: list[socket.socket]) -> None:
    """A question to a dead server is an error that tells how it ended, and the context still closes."""
    with CountingServer() as server:
        connection = dial(server, connections)
        exchange(connection, REQUEST)
        os.kill(server.pid, signal.SIGKILL)
        assert connection.recv(1) == b""
        with pytest.raises(LoadworthyError, match="ended with code -9"):
            server.stats()


def test_a_port_in_use_is_a_set_up_error(capfd: pytest.CaptureFixture[str]) -> None:
    """The error says what to look at, and the server's own words are on standard error."""
    with CountingServer() as server, pytest.raises(SetupError, match="is its port taken"):
        CountingServer(port=server.port).start()
    assert "address already in use" in capfd.readouterr().err.lower()


PARENT = """
import sys
{patch}
from loadworthy.testing import CountingServer
with CountingServer() as server:
    sys.stdout.write(f"{{server.port}} {{server.stats().requests}}\\n")
    sys.stdout.flush()
    sys.stdin.readline()
"""


@pytest.mark.parametrize("patch", ["", "from gevent import monkey; monkey.patch_all()"], ids=["plain", "gevent"])
def test_no_orphan_when_the_parent_is_killed(patch: str, connections: list[socket.socket]) -> None:
    """The server ends by itself, seen from a connection to it; in a monkey-patched parent it works the same."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT.format(patch=patch)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    port, requests = parent.stdout.readline().split()
    assert requests == "0"
    connection = socket.create_connection(("127.0.0.1", int(port)), timeout=PATIENCE_S)
    connections.append(connection)
    exchange(connection, REQUEST)
    parent.kill()
    parent.communicate()
    assert connection.recv(1) == b""


def test_the_server_does_not_import_gevent_or_locust() -> None:
    """It has to start fast, and to have nothing in common with the code under test."""
    code = (
        "import sys, loadworthy.testing.server; print([m for m in ('gevent', 'locust', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
