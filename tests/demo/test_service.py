"""The booking service as a process: many clients at once, and nothing left behind."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import requests

from loadworthy.demo.service import MAX_REQUEST_BYTES
from loadworthy.demo.start import DemoService
from loadworthy.errors import SetupError

PATIENCE_S = 60
BOOKING = {
    "time": "09:00",
    "practitioner": "Dr. Tom Brandt",
    "service": "check-up",
    "name": "Ada",
    "email": "ada@mail.example",
}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with DemoService() as service:
        yield service.url


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def speak(url: str, request: bytes) -> bytes:
    """What comes back until the service closes the connection."""
    with socket.create_connection(("127.0.0.1", port_of(url)), timeout=PATIENCE_S) as connection:
        connection.sendall(request)
        received = b""
        while chunk := connection.recv(65_536):
            received += chunk
    return received


def test_a_hundred_want_one_slot_and_one_gets_it(url: str) -> None:
    """However they race, there is one 201; the others are told which appointment has the slot."""
    day = next(
        day
        for day in (f"2030-03-{number:02d}" for number in range(1, 29))
        if {"time": "09:00", "practitioner": "Dr. Tom Brandt"}
        in requests.get(f"{url}/appointments/{day}", timeout=PATIENCE_S).json()["free"]
    )

    def book(_: int) -> tuple[int, int]:
        answer = requests.post(f"{url}/appointments", json={**BOOKING, "date": day}, timeout=PATIENCE_S)
        return answer.status_code, answer.json()["id"]

    with ThreadPoolExecutor(25) as pool:
        answers = list(pool.map(book, range(100)))
    assert sorted(status for status, _ in answers) == [201] + [409] * 99
    assert len({number for _, number in answers}) == 1


def test_connections_are_kept_and_requests_may_be_pipelined(url: str) -> None:
    """Answers come in order on one connection, which closes when it is asked to; HEAD has no body."""
    received = speak(
        url,
        b"GET /nowhere HTTP/1.1\r\n\r\nGET /health HTTP/1.1\r\n\r\nHEAD /health HTTP/1.1\r\nConnection: close\r\n\r\n",
    )
    statuses = [part.split()[0] for part in received.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [b"404", b"200", b"200"]
    assert received.endswith(b"Connection: close\r\n\r\n")


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"NONSENSE\r\n\r\n", b"400"),
        (b"POST /appointments HTTP/1.1\r\nContent-Length: 999999\r\n\r\n".ljust(MAX_REQUEST_BYTES + 1), b"413"),
        (b"GET /health HTTP/1.1\r\nX: ".ljust(MAX_REQUEST_BYTES + 1, b"x"), b"413"),
    ],
)
def test_what_is_no_request_is_refused_with_its_connection(url: str, request_bytes: bytes, status: bytes) -> None:
    """The answer says why, in JSON; the byte beyond the limit is the last one sent, or a reset might overtake it."""
    received = speak(url, request_bytes)
    assert received.split()[1] == status
    assert b'{"error":' in received


def test_it_writes_no_request_log(capfd: pytest.CaptureFixture[str]) -> None:
    """Whatever is asked, standard output has the URL alone, and standard error nothing."""
    with DemoService() as service:
        for path in ("/health", "/nowhere"):
            requests.get(service.url + path, timeout=PATIENCE_S)
        assert service.url.startswith("http://127.0.0.1:")
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


def end_of(connection: socket.socket) -> bytes:
    """Empty once the other side is gone."""
    try:
        return connection.recv(1)
    except ConnectionResetError:
        return b""


def test_nothing_is_left_when_the_context_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its process is gone, and with it what it listened at; its database is deleted, its id is given away no more."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # other services of this machine have their databases elsewhere
    service = DemoService()
    with service:
        process = psutil.Process(service.pid)
        listens = [one.laddr.port for one in process.net_connections() if one.status == psutil.CONN_LISTEN]
        assert listens == [port_of(service.url)]
        assert list(tmp_path.glob("loadworthy-demo-*"))
    assert not process.is_running()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(SetupError, match="does not run"):
        _ = service.pid


PARENT = """
import sys
from loadworthy.demo.start import DemoService
with DemoService() as service:
    sys.stdout.write(service.url + "\\n")
    sys.stdout.flush()
    sys.stdin.readline()
"""


def test_no_orphan_when_the_parent_is_killed() -> None:
    """The service ends by itself, seen from a connection to it."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    port = port_of(parent.stdout.readline().strip())
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\n\r\n")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
        parent.kill()
        parent.communicate()
        assert end_of(connection) == b""


def test_it_starts_with_a_database_of_your_own_and_ends_with_sigterm(tmp_path: Path) -> None:
    """--database keeps the data; a polite signal is a clean end too."""
    path = tmp_path / "mine.sqlite"
    command = [sys.executable, "-m", "loadworthy.demo.service", "--database", str(path)]
    slot: dict[str, str] = {}
    for expected in (201, 409):
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        if not slot:
            free = requests.get(f"{url}/appointments/2030-04-02", timeout=PATIENCE_S).json()["free"]
            slot = {"date": "2030-04-02", **free[0]}
        answer = requests.post(f"{url}/appointments", json={**BOOKING, **slot}, timeout=PATIENCE_S)
        assert answer.status_code == expected, json.dumps(answer.json())
        os.kill(process.pid, signal.SIGTERM)
        process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0


def test_a_port_in_use_is_told_in_one_line(url: str) -> None:
    """Exit code 2, no traceback."""
    command = [sys.executable, "-m", "loadworthy.demo.service", "--port", str(port_of(url))]
    done = subprocess.run(
        command, stdin=subprocess.PIPE, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "already in use" in done.stderr
    assert "Traceback" not in done.stderr
