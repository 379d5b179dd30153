"""docs/troubleshooting.md: the messages that it explains are those that come; most are made to come here."""

from __future__ import annotations

import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from gevent import socket as gevent_socket
from tests.support.cli import write_plan
from tests.support.guide import ROOT, text_of
from tests.support.recipes import RecipeServer

from loadworthy import api
from loadworthy.cli import main as command_line
from loadworthy.errors import LoadworthyError
from loadworthy.testing import FaultServer

TABLES = re.findall(r"^\| it says \|.*\n\|[-|]+\n((?:\|.*\n)+)", text_of("troubleshooting"), re.MULTILINE)
MESSAGES = [
    code
    for table in TABLES
    for row in table.splitlines()
    for code in re.findall(r"`([^`]+)`", row.split(" | ")[0])
    if code != "error_rate"
]
ONE = {"users": 1, "iterations": 1, "endpoints": [{"path": "/items"}]}
LOGIN = {"path": "/login", "method": "POST", "json": {"user": "ann", "password": "wrong"}}

Plans = Callable[[str], Mapping[str, Any]]
"""The target's URL → a plan."""


def one(**keys: Any) -> Plans:
    """A scenario of one request, but for these keys."""
    scenario = {key: value for key, value in {**ONE, **keys}.items() if value is not None}
    return lambda url: {"base_url": url, "scenarios": {"load": scenario}}


def at(path: str, **keys: Any) -> Plans:
    """One request there."""
    return one(endpoints=[{"path": path, **keys}])


REFUSED: dict[str, Plans] = {
    "nothing listens at … (connection refused): start the service, or name another with --url": (
        lambda _: one()("http://127.0.0.1:1")
    ),
    "nothing listens at … (the host name does not resolve): start the service, or name another with --url": (
        lambda _: one()("http://no-such-host.invalid")
    ),
    "… is not among the hosts that this plan may load": (
        lambda url: {**at("https://api.example.com/")(url), "allowed_hosts": ["127.0.0.1"]}
    ),
    "… may ask … requests/s of …, which is not this machine, and confirm_above is …: lower the load, or say "
    "--yes-really": (
        lambda _: {"base_url": "http://192.0.2.1", "scenarios": {"load": {"rate": 2000, "endpoints": [{"path": "/"}]}}}
    ),
    "the environment variable … is not set": one(headers={"X-Api-Key": "${API_KEY}"}),
    'there is no key "…" here': one(usres=1),
    "setup step 1, …: 401 Unauthorized": lambda url: {**one()(url), "setup": [LOGIN]},
}  # fmt: skip
SHOWN: dict[str, Plans] = {
    "POST /login: 401 Unauthorized": one(endpoints=[LOGIN]),
    "GET /orders: 401 Unauthorized": at("/orders"),
    "403 Forbidden": at("/form", method="POST", form={"csrf": "0"}),
    "GET /limited: 429 Too Many Requests": one(iterations=20, endpoints=[{"path": "/limited"}]),
    "422 Unprocessable Entity": at("/status/422"),
    "502 Bad Gateway": at("/status/502"),
    "503 Service Unavailable": at("/status/503"),
    "504 Gateway Timeout": at("/status/504"),
    "no response within the read time-out": at("/hangs", timeout="50ms"),
    "TLS failed: wrong version number": lambda url: one()(url.replace("http:", "https:")),
    "connect /rpc: the server refused the handshake with status 404": one(
        endpoints=None, flow=[{"websocket": {"path": "/status/404", "name": "/rpc"}}]
    ),
    "nothing to extract for token: …": at("/items", extract={"token": "$.token"}),
    "its speed was not judged, for it has no thresholds": one(),
    "p95 is unknown: 50 requests are too few (72 needed); run longer, or with more users": (
        one(iterations=50, thresholds=["p95 < 500ms"])
    ),
    "no request belongs to 'GET /itmes'; …": one(thresholds=["GET /itmes p95 < 1s"]),
    "… found no user free and were dropped": lambda url: {
        "base_url": url, "stop_timeout": "10ms",
        "scenarios": {"load": {"rate": 50, "max_users": 1, "run_time": "500ms", "endpoints": [{"path": "/hangs"}]}},
    },
}  # fmt: skip
ELSEWHERE = {
    "message ask: no message within the time-out",
    "the certificate is not acceptable: …",
    "the locustfile cannot be loaded: …",
    "exception in user code of …: KeyError: …",
    "all its users had stopped by themselves after …",
    "port 8089 on 127.0.0.1 is in use; choose another for the live page: --ui-port 8090, or 0 for any",
    "port 5557 on 127.0.0.1 is in use; choose another with --bind 127.0.0.1:PORT",
    "--csv-prefix is Locust's own option and has no effect here; see loadworthy run --help",
}
"""Made to come below, or by the tests of what says them."""
IN_THE_CODE = {
    "nothing listens at … (no answer within 5 s): start the service, or name another with --url": (
        "start the service, or name another with", "no answer within",
    ),
    "p95 was …, limit …: …, and so may be on either side of it": ("and so may be on either side of it",),
    "The run was interrupted…": ("The run was interrupted",),
    "The generator's event loop was … ms late": ("The generator's", "event loop was"),
    "iterations began late: by … at the p99, by … at most": ("iterations began late: by",),
    "process … of the generator used … % of a core": ("of the generator used", "% of a core"),
    "… could not be made by this machine, which had no file descriptor, port or memory left": (
        "could not be made by this machine, which had no file descriptor, port or memory left",
    ),
    "The run lost … with it load and data": ("The run lost", "with it load and data"),
    "no alert by …: …": ("no alert by {answer.channel}: {answer.reason}",),
    "alerting: … is not used: … stands in the plan, where everybody can read it": (
        "is not used:", "stands in the plan, where everybody can read it",
    ),
    "no alert, for the same was told within the cool-down: …": (
        "no alert, for the same was told within the cool-down: ",
    ),
    "alerting has no channel, so nobody is told": ("alerting has no channel, so nobody is told",),
}  # fmt: skip
"""What needs a machine at its limit, a network that drops packets, or channels: the tests of alerting make it come."""


@pytest.fixture(scope="module")
def server() -> Iterator[RecipeServer]:
    """One for all."""
    with RecipeServer() as running:
        yield running


def test_every_message_of_the_page_is_held_against_the_code() -> None:
    """And none is held against it that the page does not have."""
    assert sorted(MESSAGES) == sorted([*REFUSED, *SHOWN, *ELSEWHERE, *IN_THE_CODE])


@pytest.mark.parametrize("message", REFUSED)
def test_what_ends_it_before_any_load(
    message: str, server: RecipeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error is the page's."""
    monkeypatch.setattr(gevent_socket, "getaddrinfo", _resolved_here)
    with pytest.raises(LoadworthyError) as caught:
        _run(REFUSED[message](server.url), tmp_path)
    assert _says(str(caught.value), message)


def _resolved_here(host: str, *arguments: Any) -> Any:
    """What no resolver knows is known at once: this machine's may be asked elsewhere, and take longer than we wait."""
    if host.endswith(".invalid"):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return socket.getaddrinfo(host, *arguments)


@pytest.mark.parametrize("message", SHOWN)
def test_what_a_run_says(
    message: str, server: RecipeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the closing view."""
    server.forget()
    _run(SHOWN[message](server.url), tmp_path)
    assert _says(capsys.readouterr().out, message)


def _run(plan: Mapping[str, Any], folder: Path) -> None:
    """Run it, with its closing view."""
    api.run({**plan, "reporting": {"formats": []}}, base_dir=folder, out=folder / "runs", view=False, environ={})


def _says(text: str, message: str) -> bool:
    """An ellipsis stands for anything; where lines break is no matter, nor that long ones are cut off in a table."""
    pattern = ".*?".join(re.escape(" ".join(part.split())) for part in message.split("…"))
    return re.search(pattern.replace(r"\ ", r"\s+"), " ".join(text.split())) is not None


def test_a_locustfile_that_is_broken(server: RecipeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One that cannot be loaded, one whose task raises, one whose users end themselves."""
    head = "from locust import HttpUser, task\nfrom locust.exception import StopUser\n"
    user = "class User(HttpUser):\n    @task\n    def one(self):\n        "
    file = tmp_path / "users.py"
    file.write_text(head + "import nothing_like_this\n", encoding="utf-8")
    with pytest.raises(LoadworthyError, match="the locustfile cannot be loaded: "):
        _run_file(file, server.url)
    file.write_text(f"{head}{user}self.client.get('/items').json()['nothing']\n", encoding="utf-8")
    events = _run_file(file, server.url)
    assert [event["message"] for event in events if event["type"] == "user_error"] == ["KeyError: 'nothing'"]
    file.write_text(f"{head}{user}raise StopUser\n", encoding="utf-8")
    _run_file(file, server.url, run_time="10s")
    assert _says(capsys.readouterr().out, "all its users had stopped by themselves after …")


def _run_file(file: Path, url: str, **keys: str) -> list[dict[str, Any]]:
    """Its events."""
    limits = {f"scenarios.users.{key}": value for key, value in (keys or {"iterations": "1"}).items()}
    result = api.run(
        file, overrides={"base_url": url, "reporting.formats": [], **limits}, out=file.parent / "runs", view=False
    )  # fmt: skip
    return [json.loads(line) for line in (result.path / "events.jsonl").read_text(encoding="utf-8").splitlines()]


def test_a_reply_that_does_not_come(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a server that only listens."""
    ask = {"name": "ask", "text": "hello", "timeout": "50ms"}
    with FaultServer() as silent:
        _run(one(endpoints=None, flow=[{"websocket": {"path": "/sink"}}, {"request": ask}])(silent.url), tmp_path)
    assert _says(capsys.readouterr().out, "message ask: no message within the time-out")


def test_a_certificate_that_nobody_knows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of an authority of one's own."""
    with _tls() as url:
        _run(one()(url), tmp_path)
    assert _says(capsys.readouterr().out, "the certificate is not acceptable: …")


@contextmanager
def _tls() -> Iterator[str]:
    """A port behind which a handshake is offered."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            try:
                context.wrap_socket(connection, server_side=True).close()
            except OSError:
                connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


def test_the_others_stand_in_the_code() -> None:
    """With the words that the page has."""
    literals = " ".join(
        re.sub(r'"\s*\n\s*f?"', "", path.read_text(encoding="utf-8"))
        for path in sorted((ROOT / "src" / "loadworthy").rglob("*.py"))
    )
    for words in IN_THE_CODE.values():
        assert [part for part in words if part not in literals] == []


def test_ports_that_are_taken_and_an_option_that_is_not_ours(tmp_path: Path) -> None:
    """Said by the command, with the port that it was."""
    write_plan(tmp_path, one()("http://127.0.0.1:1"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = {
            "port 8089": ("--ui", "--ui-port", str(port)),
            "port 5557": ("--workers", "1", "--bind", f"127.0.0.1:{port}"),
            "--csv-prefix": ("--no-preflight", "--", "--csv", "x"),
        }
        for begin, options in said.items():
            (message,) = [one for one in ELSEWHERE if one.startswith(begin)]
            words = re.sub(r"8089|5557", str(port), message).replace("8090", str(port + 1))
            with pytest.raises(LoadworthyError) as caught:
                command_line._dispatch(["run", str(tmp_path / "plan.yaml"), *options])
            assert str(caught.value) == words
