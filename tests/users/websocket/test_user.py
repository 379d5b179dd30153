"""The user class: cookies, TLS, proxies, connections that fail, and whole runs whose books equal the server's."""

from __future__ import annotations

import contextlib
import socket as plain_socket
import textwrap
from pathlib import Path
from typing import Any

import gevent
import pytest
import trustme
from gevent.server import StreamServer
from tests.support.cli import EASY_FOR_A_LOCUSTFILE, command, loadworthy, only_run, summary_of
from tests.users.http.support import PATIENCE_S
from tests.users.websocket.support import make_user

from loadworthy.testing.websocket import WebSocketServer
from loadworthy.users import WebSocketError, WebSocketRefusedError

SOURCE = """
import contextlib
import json
from locust import constant, task
from loadworthy.users import WebSocketRefusedError, WebSocketUser

class Caller(WebSocketUser):
    wait_time = constant(0.01)
    network_timeout = 60

    def on_start(self):
        self.client.get("/login")
        self.talk()  # each of the tasks once for sure, however slow the machine
        self.voice()
        with contextlib.suppress(WebSocketRefusedError):
            self.refused()

    @task(3)
    def talk(self):
        with self.connect("/rpc", name="/rpc") as socket:
            for number in range(5):
                socket.request({"id": number}, name="ask", decode=json.loads,
                               match=lambda message, number=number: message["id"] == number)

    @task
    def voice(self):
        with self.connect("/private") as socket:
            socket.stream([b"x" * 160] * 5, name="voice", every_ms=2)
            for _ in range(5):
                socket.receive()

    @task
    def refused(self):
        self.connect("/refuse?status=403", name="refused")
"""


# --- one user ---


def test_cookies_of_the_http_client_are_sent(server: WebSocketServer) -> None:
    """Log in over HTTP, and the socket is open to the session; without, it is refused."""
    party = make_user(server.http_url)
    with pytest.raises(WebSocketRefusedError) as caught:
        party.user.connect("/private")
    assert caught.value.status == 401
    party.user.client.get("/login")
    with party.user.connect("/private") as socket:
        assert socket.request("x", name="say") == "x"


def test_cookies_of_the_handshake_are_kept() -> None:
    """Set-Cookie in the answer to a handshake goes to the session's jar, refused or not."""
    answer = b"HTTP/1.1 403 No\r\nSet-Cookie: a=1; Path=/\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n"
    with answering(answer) as url:
        party = make_user(url)
        with pytest.raises(WebSocketRefusedError) as caught:
            party.user.connect("/ws")
    assert caught.value.excerpt == "no"
    assert party.user.client.cookies.get_dict() == {"a": "1"}


def test_headers_and_subprotocols(server: WebSocketServer) -> None:
    """The server chooses among what is offered."""
    party = make_user(server.http_url)
    with party.user.connect("/echo", params={"subprotocol": "v2"}, subprotocols=("v1", "v2")) as socket:
        assert socket.subprotocol == "v2"
    with party.user.connect("/echo") as socket:
        assert socket.subprotocol is None
    assert [one.name for one in party.of("connect")] == ["/echo", "/echo"]


def test_tls(tmp_path: Path) -> None:
    """wss against a certificate of our own authority; unverified it is refused as tls; bytes are those inside."""
    authority = trustme.CA()
    certificate, trusted = tmp_path / "server.pem", tmp_path / "ca.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    authority.cert_pem.write_to_path(str(trusted))
    with WebSocketServer(certificate=certificate) as server:
        party = make_user(server.http_url, max_message_bytes=10_000_000)
        with pytest.raises(WebSocketError) as caught:
            party.user.connect("/echo")
        assert caught.value.kind == "tls"
        party.user.client.verify = str(trusted)
        with party.user.connect("/echo", compress=False) as socket:
            assert socket.request("x", name="say") == "x"
            socket.send_binary(b"y" * 3_000_000)
            socket.send_binary(b"z" * 3_000_000)
            assert [len(socket.receive()), len(socket.receive())] == [3_000_000] * 2
            socket.stream(["a", "b", "c"], name="talk", every_ms=5)
            assert [socket.receive() for _ in range(3)] == ["a", "b", "c"]
        stats = server.settled()
    samples = party.sink.samples
    assert sum(one.sent_bytes for one in samples) == stats.received_bytes + stats.handshake_received_bytes
    assert sum(one.received_bytes for one in samples) == stats.sent_bytes + stats.handshake_sent_bytes


def test_insecure_users_verify_nothing(tmp_path: Path) -> None:
    """As with HTTP."""
    certificate = tmp_path / "server.pem"
    trustme.CA().issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    with WebSocketServer(certificate=certificate) as server:
        party = make_user("http://unused.example", insecure=True)
        with party.user.connect(f"{server.url}/echo") as socket:
            assert socket.request("x", name="say") == "x"


def test_through_a_proxy(server: WebSocketServer) -> None:
    """A proxy must tunnel, in clear, too (RFC 6455, 4.1)."""
    heads: list[bytes] = []

    def tunnel(client: Any, _address: Any) -> None:
        head = client.recv(65_536)
        heads.append(head)
        host, port = head.split(b" ")[1].rsplit(b":", 1)
        with plain_socket.create_connection((host.decode(), int(port))) as upstream:  # gevent's, as Locust patched it
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            back = gevent.spawn(pump, upstream, client)
            pump(client, upstream)
            back.join(PATIENCE_S)

    proxy = StreamServer(("127.0.0.1", 0), tunnel)
    proxy.start()
    try:
        party = make_user(server.http_url, proxy_host="127.0.0.1", proxy_port=proxy.server_port)
        with party.user.connect("/echo") as socket:
            assert socket.request("x", name="say") == "x"
    finally:
        proxy.stop()
    assert heads[0].startswith(b"CONNECT 127.0.0.1:")


def pump(source: Any, target: Any) -> None:
    """Copy one way until the source ends."""
    while data := source.recv(65_536):
        target.sendall(data)
    with contextlib.suppress(OSError):  # the target may be gone
        target.shutdown(plain_socket.SHUT_WR)


class answering:  # a context manager, used like a function
    """A server that sends these bytes to whoever connects and asks something."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._server = StreamServer(("127.0.0.1", 0), self._serve)

    def _serve(self, client: Any, _address: Any) -> None:
        client.recv(65_536)
        client.sendall(self._answer)

    def __enter__(self) -> str:
        self._server.start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def __exit__(self, *_exception: object) -> None:
        self._server.stop()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"", "reset"),
        (b"SSH-2.0-OpenSSH_9\r\n\r\n", "protocol"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", "protocol"),
        (b"HTTP/1.1 101 X\r\nA: " + b"x" * 70_000 + b"\r\n\r\n", "too_large"),
    ],
)
def test_answers_that_are_none(answer: bytes, kind: str) -> None:
    """Each way to fail has its kind; there is one sample, and one error."""
    with answering(answer) as url:
        party = make_user(url)
        with pytest.raises(WebSocketError) as caught:
            party.user.connect("/ws")
    assert caught.value.kind == kind
    assert caught.value.loadworthy_recorded
    assert party.kinds() == [("connect", "/ws", kind)]


def test_frames_right_behind_the_answer(server: WebSocketServer) -> None:
    """A server may speak first, in the same packet as its answer."""
    party = make_user(server.http_url)
    with party.user.connect("/raw?hex=81026869") as socket:
        assert socket.receive() == "hi"


def test_a_handshake_that_is_never_answered(server: WebSocketServer) -> None:
    """It is part of connecting: timeout_connect."""
    party = make_user(server.http_url)
    with pytest.raises(WebSocketError):
        party.user.connect("/deaf", timeout_s=0.05)
    assert party.kinds() == [("connect", "/deaf", "timeout_connect")]


def test_nobody_listens() -> None:
    """A refused connection is a failed sample of kind connect."""
    with plain_socket.socket() as kept:  # so that nobody else gets the port
        kept.bind(("127.0.0.1", 0))
        party = make_user(f"http://127.0.0.1:{kept.getsockname()[1]}")
        with pytest.raises(WebSocketError):
            party.user.connect("/ws?token=secret")
    assert party.kinds() == [("connect", "/ws", "connect")]
    assert "secret" not in repr(party.sink.samples)


def test_a_url_that_is_none() -> None:
    """A mistake in the URL or the headers is a failed sample that says which."""
    party = make_user("http://127.0.0.1:1")
    with pytest.raises(WebSocketError, match="URL"):
        party.user.connect("ws://")
    with pytest.raises(WebSocketError, match="header"):
        party.user.connect("/ws", headers={"a b": "c"})
    assert [kind for _, _, kind in party.kinds()] == ["exception", "exception"]


def test_listeners_of_locusts_event_hear_of_every_sample(server: WebSocketServer) -> None:
    """With Locust's keywords; failures carry the exception."""
    party = make_user(server.http_url)
    party.sink.listeners.append("somebody")
    with party.user.connect("/echo") as socket:
        socket.request("x", name="say")
    with pytest.raises(WebSocketRefusedError):
        party.user.connect("/refuse")
    heard = party.sink.heard
    assert [one["request_type"] for one in heard] == ["connect", "message", "close", "connect"]
    assert heard[1]["response"] == "x"
    assert isinstance(heard[3]["exception"], WebSocketRefusedError)


# --- whole runs ---


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the locustfile."""
    (tmp_path / "locustfile.py").write_text(textwrap.dedent(SOURCE), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("processes", [1, 2])
def test_the_books_of_a_run_equal_the_servers(server: WebSocketServer, folder: Path, processes: int) -> None:
    """Counts of every series, and bytes, are those that the server counted."""
    done = loadworthy(
        "run", folder / "locustfile.py", "--url", server.http_url, "--users", 4, "--run-time", "2s",
        "--processes", processes,
        *EASY_FOR_A_LOCUSTFILE, cwd=folder,
    )  # fmt: skip
    assert done.code == 1, done.out + done.err  # refused handshakes are failures
    stats = server.settled()
    (scenario,) = summary_of(only_run(folder))["scenarios"].values()
    series = scenario["series"]
    counts = {name: figures["requests"] for name, figures in series.items()}
    assert counts["connect /rpc"] + counts["connect /private"] == stats.connections
    assert counts["message ask"] == 5 * counts["connect /rpc"] == stats.texts
    assert counts["stream voice"] == 5 * counts["connect /private"] == stats.binaries
    assert counts["connect refused"] == stats.refused[403]
    assert counts["close /rpc 1000"] + counts["close /private 1000"] == stats.close_codes[1000] == stats.connections
    assert scenario["failure_kinds"] == {"status": stats.refused[403]}
    own = [figures for name, figures in series.items() if not name.startswith("GET") and name != "connect refused"]
    assert sum(one["sent_bytes"] for one in own) == stats.received_bytes + stats.handshake_received_bytes
    assert sum(one["received_bytes"] for one in own) == stats.sent_bytes + stats.handshake_sent_bytes
    assert "exception" not in done.out.lower()


def test_under_plain_locust(server: WebSocketServer, folder: Path) -> None:
    """Locust's own statistics have the same series and counts."""
    done = command(
        "-m", "locust", "-f", "locustfile.py", "--headless", "--host", server.http_url, "--users", 4,
        "--spawn-rate", 4, "--run-time", "2s", "--stop-timeout", 5, "--csv", "out", cwd=folder,
    )  # fmt: skip
    stats = server.settled()
    lines = (folder / "out_stats.csv").read_text(encoding="utf-8").splitlines()
    rows = {tuple(line.split(",")[:2]): int(line.split(",")[2]) for line in lines[1:]}
    assert done.code == 1, done.err
    assert rows["message", "ask"] == stats.texts >= 20
    assert rows["stream", "voice"] == stats.binaries > 0
    assert rows["connect", "refused"] == stats.refused[403]
    assert rows["connect", "/rpc"] + rows["connect", "/private"] == stats.connections


def test_users_that_wait_when_the_run_ends_are_interrupted(server: WebSocketServer, tmp_path: Path) -> None:
    """No failed sample, no close sample; the server is told 1001."""
    source = """
    from locust import task
    from loadworthy.users import WebSocketUser

    class Idle(WebSocketUser):
        network_timeout = 60

        @task
        def idle(self):
            self.connect("/sink").request("x", name="never")
    """
    path = tmp_path / "locustfile.py"
    path.write_text(textwrap.dedent(source), encoding="utf-8")
    done = loadworthy(
        "run", path, "--url", server.http_url, "--users", 3, "--run-time", "1s",
        "--set", "stop_timeout=1s", cwd=tmp_path,
    )  # fmt: skip
    (scenario,) = summary_of(only_run(tmp_path))["scenarios"].values()
    assert set(scenario["series"]) == {"connect /sink"}, done.out + done.err
    assert scenario["requests"] == 3
    assert scenario["failures"] == 0
    assert server.settled().close_codes == {1001: 3}
