"""The suite of flask_auth against stubs that do not hash: the shares of its requests, and what it keeps to itself."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.support.cli import EASY_THRESHOLDS, only_run, summary_of
from tests.support.flask_auth import (
    FAST,
    INCOMPLETE,
    LOGIN,
    REGISTRATION,
    WRONG,
    assert_no_credentials,
    fresh_clone,
    is_share,
    statistics_of,
)
from tests.support.locust_ports import in_processes
from tests.support.systems import locust, run


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """The suite as in a fresh clone."""
    return fresh_clone(tmp_path)


class _Stub(BaseHTTPRequestHandler):
    """Answers as the service would, without hashing, so that there are many requests in a few seconds."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    seen: set[str]
    sent: list[tuple[str, str]]

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.seen.add(sent.get("password", ""))
        self.sent.append((self.path, sent["email"]))
        status, answer = self.answer(sent)
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def answer(self, sent: dict[str, str]) -> tuple[int, Any]:
        """Status and body."""
        password = sent.get("password")
        if self.path == REGISTRATION:
            return (201, {"client": {"id": 1}}) if password else (422, {})
        return (401, {}) if not password or password.endswith("?") else (200, {"token": "t"})

    def log_message(self, *_arguments: Any) -> None:
        """Nothing is logged."""


class _Leaky(_Stub):
    """A service with every fault: it lets everybody in, repeats what it was sent, and fails."""

    def answer(self, sent: dict[str, str]) -> tuple[int, Any]:
        """A token for everybody."""
        return 500 if self.path == REGISTRATION else 200, {"access_token": "eyJleaked.by.the.service", "you_sent": sent}


class _MixedUp(_Stub):
    """Logs everybody in as the first client."""

    def answer(self, sent: dict[str, str]) -> tuple[int, Any]:
        """Always the same client_id."""
        status, body = super().answer(sent)
        return status, {**body, "client_id": 1}


class _Renamed(_Stub):
    """Tells another e-mail address than that of the login."""

    def answer(self, sent: dict[str, str]) -> tuple[int, Any]:
        """Somebody's."""
        status, body = super().answer(sent)
        return status, {**body, "email": "somebody@else.example"}


@contextmanager
def _stub(kind: type[_Stub], sent: list[tuple[str, str]] | None = None) -> Iterator[tuple[str, set[str]]]:
    """Such a service: its URL, and the passwords that it has seen. ``sent`` gets each request's path and address."""
    seen: set[str] = set()
    handler = type("Handler", (kind,), {"seen": seen, "sent": [] if sent is None else sent})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(("test", "name"), [("registration_test", INCOMPLETE), ("login_test", WRONG)])
def test_the_shares_of_the_requests_are_those_of_the_tasks(test: str, name: str, suite: Path) -> None:
    """Five in a hundred are to be refused, over a thousand requests and more, within what chance gives."""
    no_pause = {"TEST_MIN_WAIT_TIME": "0", "TEST_MAX_WAIT_TIME": "0", "TEST_USERS_COUNT": "3"}
    with _stub(_Stub) as (url, _):
        done = run(
            "loadworthy", "run", f"locust_scenarios/{test}.py", "--url", url, "--users", 8, "--spawn-rate", 100,
            "--set", f"scenarios.{test}.iterations=1200", "--set", "reporting.formats=[]", "--", "--keep-data",
            cwd=suite, environ=no_pause,
        )  # fmt: skip
    assert done.code in (0, 3, 4), done.err
    figures = summary_of(only_run(suite))["scenarios"][test]
    assert (figures["requests"] > 1000, figures["failures"]) == (True, 0)
    assert is_share(figures["series"][f"POST {name}"]["requests"], figures["requests"], 0.05)


def test_logins_begin_at_once_and_no_account_is_asked_for_twice(suite: Path) -> None:
    """Two processes, a thousand accounts of which none is there: each is made just before its first login, by one."""
    sent: list[tuple[str, str]] = []
    with _stub(_Stub, sent) as (url, _):
        done = locust(
            "-f", "locust_scenarios/login_test.py", "--host", url, "--users", 4, "--spawn-rate", 4, "--run-time", "2s",
            "--headless", "--csv=reports/two", "--keep-data", *in_processes(2), cwd=suite, environ=FAST,
        )  # fmt: skip
    assert done.code == 0, done.err
    made = [address for path, address in sent if path == REGISTRATION]
    used = [address for path, address in sent if path == LOGIN]
    assert len(made) == len(set(made)) >= 4
    assert set(used) <= set(made)
    assert len(used) == statistics_of(suite / "reports" / "two_stats.csv")["Aggregated"][0]
    # Each of the four users sends one of each kind in turn, so none gets far ahead of the logins.
    for number in range(len(sent)):
        paths = [path for path, _ in sent[:number]]
        assert paths.count(REGISTRATION) <= paths.count(LOGIN) + 4
    parity = {int(address.rpartition("@")[0].rpartition(".")[2]) % 2 for address in used}
    assert parity == {0, 1}, "both processes have a share"


@pytest.mark.parametrize(
    ("kind", "says"), [(_MixedUp, "has the client_id of another account"), (_Renamed, "is for another e-mail address")]
)
def test_a_login_as_somebody_else_is_a_failure(kind: type[_Stub], says: str, suite: Path) -> None:
    """Each account has a client_id and an address of its own, so a service that mixes them up is found out."""
    with _stub(kind) as (url, _):
        done = locust(
            "-f", "locust_scenarios/login_test.py", "--host", url, "--users", 2, "--spawn-rate", 2, "--run-time", "1s",
            "--headless", "--csv=reports/mixed", "--keep-data", cwd=suite, environ=FAST,
        )  # fmt: skip
    assert done.code == 1
    assert says in (suite / "reports" / "mixed_failures.csv").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("test", ["registration_test", "login_test"])
def test_what_a_leaky_service_answers_is_written_nowhere(test: str, suite: Path) -> None:
    """Failures are told with their status; neither passwords nor tokens are in reports, run directories or logs."""
    fast = {**FAST, "TEST_USERS_COUNT": "3"}
    with _stub(_Leaky) as (url, seen):
        one = run(
            "loadworthy", "run", f"scenarios/{test}.py", "--url", url, "--run-time", "1s",
            "--set", f"scenarios.{test}.thresholds={json.dumps(EASY_THRESHOLDS)}", cwd=suite, environ=fast,
        )  # fmt: skip
        other = locust(
            "-f", f"scenarios/{test}.py", "--host", url, "--run-time", "1s", "--headless", "--csv=reports/leaky",
            "--html=reports/leaky.html", cwd=suite, environ=fast,
        )  # fmt: skip
    assert (one.code, other.code) == (1, 1)
    assert statistics_of(suite / "reports" / "leaky_stats.csv")["Aggregated"][1] > 0
    secrets = tuple(secret for secret in seen if secret)
    assert secrets
    assert_no_credentials(suite, one.out, one.err, other.out, other.err, secrets=secrets)
