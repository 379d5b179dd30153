"""Messages arrive: by SMTP with each kind of security and login, as Slack's JSON, by a URL of Apprise; where one does
not, its reason says what is wrong, and the others do not wait for it."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.support.alert_servers import PASSWORD, USER, AlertServers, alert_servers

from loadworthy.alert.channels import Channel
from loadworthy.alert.message import Fact, Message
from loadworthy.alert.post import Answer, Post
from loadworthy.clock import SystemClock
from loadworthy.told import untold
from loadworthy.units import US_PER_S

MESSAGE = Message(
    ("fail",), ("fail",), "FAIL", "load · p95 < 5 ms missed", ("Ünder <load>.",), facts=(Fact("Run", "x"),)
)


def mail(name: str, port: int, security: str, to: Sequence[str] = ("team@example.com",), **changes: Any) -> Channel:
    """An e-mail channel with a login."""
    settings = {
        "host": "127.0.0.1", "port": port, "security": security, "username": USER, "password": PASSWORD,
        "from_addr": "Perf <perf@example.com>", "to_addrs": list(to),
    }  # fmt: skip
    return Channel("email", name, settings | changes, frozenset([PASSWORD]))


def slack(name: str, url: str, channel: str | None = None, secrets: Sequence[str] = ()) -> Channel:
    """A Slack channel."""
    return Channel("slack", name, {"webhook_url": url, "channel": channel}, frozenset(secrets))


def free_port() -> int:
    """Nothing listens there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def sent(channels: Sequence[Channel], *messages: Message, patience_us: int = 60 * US_PER_S) -> list[Answer]:
    """What became of the messages; two more tries without a pause, and half a second for each answer."""
    post = Post(channels, SystemClock(), pauses_s=(0, 0), timeout_s=0.5)
    for message in messages:
        post.send(message)
    return post.finish(untold, patience_us)


@pytest.fixture
def servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Mail servers and a web server; certificates are trusted by ``SSL_CERT_FILE``."""
    with alert_servers(tmp_path) as running:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
        yield running


def test_what_arrives(servers: AlertServers) -> None:
    """A mail has text and page, and goes to all recipients at once; Slack gets mrkdwn and its channel; JSON by URL."""
    two = ["team@example.com", "boss@example.com"]
    channels = [
        mail("starttls", servers.ports["starttls"], "starttls", two),
        mail("tls", servers.ports["tls"], "tls"),
        mail("plain", servers.ports["plain"], "none", username=None, password=None),
        slack("slack", servers.url("/ok"), "#perf"),
        slack("slack by TLS", f"https://127.0.0.1:{servers.ports['tls web']}/ok-by-tls"),
        Channel("url", "urls[0] (json)", {"url": servers.url("/apprise").replace("http", "json")}),
    ]
    answers = sent(channels, MESSAGE)
    assert {one.channel: (one.sent, one.tries, one.reason) for one in answers} == {
        one.name: (True, 1, "") for one in channels
    }
    mails = {one["server"]: one for one in servers.mails()}
    assert mails.keys() == {"starttls", "tls", "plain"}
    assert (mails["starttls"]["to"], mails["tls"]["to"]) == (two, ["team@example.com"])
    first = mails["starttls"]
    assert (first["subject"], first["from"]) == (MESSAGE.title, "Perf <perf@example.com>")
    assert first["text"] == "Ünder <load>.\n\nRun: x\n"
    assert "<p>Ünder &lt;load&gt;.</p>" in first["html"]
    assert first["headers"]["To"] == "team@example.com, boss@example.com"
    assert first["headers"]["Message-ID"].endswith("@example.com>")
    assert {"Date", "Auto-Submitted"} <= first["headers"].keys()
    assert servers.posts("/ok") == [
        {"text": "*FAIL*  load · p95 &lt; 5 ms missed\n\nÜnder &lt;load&gt;.\n\nRun: `x`", "channel": "#perf"}
    ]
    (by_apprise,) = servers.posts("/apprise")
    assert (by_apprise["title"], by_apprise["message"]) == (MESSAGE.title, "Ünder <load>.\n\nRun: x")


def test_why_one_does_not_arrive(servers: AlertServers) -> None:
    """What will not pass is not tried again; what may pass is; secrets are never among the reasons."""
    port = free_port()
    wrong = {"password": "wr0ng-password"}
    channels = [
        mail("login", servers.ports["starttls"], "starttls", **wrong),
        mail("untrusted", servers.ports["untrusted"], "starttls"),
        mail("no starttls", servers.ports["plain"], "starttls"),
        mail("no tls", servers.ports["plain"], "tls"),
        mail("no login", servers.ports["plain"], "none"),
        mail("down", port, "starttls"),
        mail("refused", servers.ports["plain"], "none", ["team@example.com", "nobody@example.com"], username=None),
        mail("busy", servers.ports["plain"], "none", ["boss@example.com", "busy@example.com"], username=None),
        slack("forbidden", servers.url("/forbidden/T0ken"), secrets=["T0ken"]),
        slack("gone", f"http://127.0.0.1:{port}/services/secret"),
        slack("flaky", servers.url("/flaky")),
        slack("always", servers.url("/down")),
        slack("hangs", servers.url("/hang")),
        slack("untrusted web", f"https://127.0.0.1:{servers.ports['untrusted web']}/ok"),
        Channel("url", "apprise", {"url": f"json://127.0.0.1:{port}/x"}),
        Channel("url", "unknown", {"url": "nosuchservice://token"}),
    ]
    answers = {one.channel: one for one in sent(channels, MESSAGE)}
    assert {name: one.tries for name, one in answers.items()} == {
        "login": 1, "untrusted": 1, "no starttls": 1, "no tls": 1, "no login": 1, "down": 3, "refused": 1, "busy": 2,
        "forbidden": 1, "gone": 3, "flaky": 2, "always": 3, "hangs": 3, "untrusted web": 1, "apprise": 3, "unknown": 1,
    }  # fmt: skip
    assert {name for name, one in answers.items() if one.sent} == {"busy", "flaky"}
    plain = servers.ports["plain"]
    expected = {
        "login": (f"127.0.0.1:{servers.ports['starttls']} refused the login: 535", "username and password"),
        "untrusted": ("is not trusted", "SSL_CERT_FILE"),
        "no starttls": ("STARTTLS", "port 465"),
        "no tls": (f"no TLS with 127.0.0.1:{plain}", "port 465"),
        "no login": ("AUTH", ""),
        "down": (f"127.0.0.1:{port} refused the connection", "smtp_server and smtp_port"),
        "refused": ("refused the recipient nobody@example.com: 550 no such user", "is the address right"),
        "forbidden": (f"127.0.0.1:{servers.ports['web']} answered 403: invalid_token /forbidden/***", "webhook"),
        "gone": (f"127.0.0.1:{port} refused the connection", "webhook"),
        "always": ("answered 500: never", ""),
        "hangs": ("did not answer within 0.5 s", "up?"),
        "untrusted web": ("is not trusted", "SSL_CERT_FILE"),
        "apprise": ("JSON notification", "is the service up?"),
        "unknown": ("Apprise does not know", "as Apprise wants it"),
    }
    for name, (reason, hint) in expected.items():
        assert reason in answers[name].reason, answers[name]
        assert hint in answers[name].hint, answers[name]
    assert "secret" not in str([one.reason for one in answers.values()])
    # The one who was busy got it at the second try, and the other of the same mail not again.
    assert sorted(one["to"] for one in servers.mails()) == [
        ["boss@example.com"], ["busy@example.com"], ["team@example.com"],
    ]  # fmt: skip


def test_a_service_that_hangs_holds_up_nobody(servers: AlertServers) -> None:
    """Handing over never waits, however many messages there are; the end waits for a bounded time."""
    channels = [slack("hangs", servers.url("/hang")), slack("slack", servers.url("/ok"))]
    post = Post(channels, SystemClock(), timeout_s=600)
    messages = [Message(("breach",), (str(n),), "BREACH", str(n), ("x" * 3000,)) for n in range(100)]
    os.kill(post._process.pid, signal.SIGSTOP)  # it reads nothing, and this is more than a pipe holds
    for message in messages:
        post.send(message)
        assert post.pump() == []
    os.kill(post._process.pid, signal.SIGCONT)
    answers: list[Answer] = []
    while len(answers) < len(messages):
        answers += post.pump()
    assert [(one.channel, one.sent, one.message.subject) for one in answers] == [
        ("slack", True, str(n)) for n in range(100)
    ]
    rest = post.finish(untold, 0)
    assert {(one.channel, one.sent, one.reason) for one in rest} == {
        ("hangs", False, "it was not sent within 0 s of the end of the run")
    }
    assert not post.is_waiting


def test_a_courier_that_dies_is_told(servers: AlertServers) -> None:
    """What it had under way is given up with a reason, and later messages, too; nothing raises."""
    post = Post([slack("hangs", servers.url("/hang"))], SystemClock())
    post.send(MESSAGE)
    os.kill(post._process.pid, signal.SIGKILL)
    post._process.wait()
    post.send(MESSAGE)
    answers = post.finish(untold)
    assert [(one.sent, one.reason.partition(" with")[0]) for one in answers] == [
        (False, "the process that sends alerts has ended")
    ] * 2
    post.close()


def test_ctrl_c_is_for_the_run_alone(servers: AlertServers) -> None:
    """The courier is out of the terminal's reach, and deaf to the signal: the last message is still to come.

    Nobody who lists processes sees where it goes.
    """
    post = Post([slack("slack", servers.url("/ok"))], SystemClock())
    assert servers.url("/ok") not in Path(f"/proc/{post._process.pid}/cmdline").read_text(encoding="utf-8")
    assert os.getsid(post._process.pid) == post._process.pid
    post.send(MESSAGE)
    while not post.pump():  # it listens by now
        pass
    os.kill(post._process.pid, signal.SIGINT)
    post.send(MESSAGE)
    assert [one.sent for one in post.finish(untold)] == [True]
