"""Messages arrive: by SMTP with each kind of security and login, as Slack's JSON, by a URL of Apprise; where one does
not, its reason says what is wrong, and the others do not wait for it."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator, Sequence
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


NOISY = """
import os

class AppriseAsset:
    def __init__(self, **_): os.write(1, b"made ")

class NotifyFormat:
    TEXT = "text"

class Apprise:
    @staticmethod
    def instantiate(url, asset=None):
        print("no line end", end="", flush=True)
        return Apprise()

    def notify(self, **_):
        os.write(1, b'{"id": 1, "channel": 0}\\nand half a line')
        return True
"""


@pytest.fixture
def dead_port() -> Iterator[int]:
    """Nobody listens there, and nobody else can."""
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))
        yield int(kept.getsockname()[1])


def sent(channels: Sequence[Channel], pauses_s: Sequence[float] = (0, 0), timeout_s: float = 60) -> dict[str, Answer]:
    """What became of the message in each channel; two more tries without a pause."""
    post = Post(channels, SystemClock(), pauses_s=pauses_s, timeout_s=timeout_s)
    post.send(MESSAGE)
    return {one.channel: one for one in post.finish(untold, 120 * US_PER_S)}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AlertServers]:
    """Mail servers and a web server; certificates are trusted by ``SSL_CERT_FILE``."""
    folder = tmp_path_factory.mktemp("servers")
    with alert_servers(folder) as running, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(folder / "ca.pem"))
        patch.delenv("REQUESTS_CA_BUNDLE", raising=False)
        yield running


@pytest.fixture
def servers(running: AlertServers) -> AlertServers:
    """These, with nothing in them."""
    running.forget()
    return running


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
    answers = sent(channels)
    assert {name: (one.sent, one.tries, one.reason) for name, one in answers.items()} == {
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


def test_why_one_does_not_arrive(servers: AlertServers, dead_port: int) -> None:
    """What will not pass is not tried again; what may pass is; secrets are never among the reasons."""
    port = dead_port
    wrong = {"password": "wr0ng-password"}
    channels = [
        mail("login", servers.ports["starttls"], "starttls", **wrong),
        mail("untrusted", servers.ports["untrusted"], "starttls"),
        mail("no starttls", servers.ports["plain"], "starttls"),
        mail("no tls", servers.ports["plain"], "tls"),
        mail("no login", servers.ports["plain"], "none"),
        mail("down", port, "starttls"),
        mail("not ascii", servers.ports["plain"], "none", ["m\u00fcller@example.com"], username=None),
        slack("forbidden", servers.url("/forbidden/T0ken"), secrets=["T0ken"]),
        slack("gone", f"http://127.0.0.1:{port}/services/secret"),
        slack("flaky", servers.url("/flaky")),
        slack("always", servers.url("/down")),
        slack("untrusted web", f"https://127.0.0.1:{servers.ports['untrusted web']}/ok"),
        Channel("url", "apprise", {"url": f"json://127.0.0.1:{port}/x"}),
        Channel("url", "unknown", {"url": "nosuchservice://token"}),
    ]
    answers = sent(channels)
    assert {name: one.tries for name, one in answers.items()} == {
        "login": 1, "untrusted": 1, "no starttls": 1, "no tls": 1, "no login": 1, "down": 3, "not ascii": 1,
        "forbidden": 1, "gone": 3, "flaky": 2, "always": 3, "untrusted web": 1, "apprise": 3, "unknown": 1,
    }  # fmt: skip
    assert {name for name, one in answers.items() if one.sent} == {"flaky"}
    assert {name for name, one in answers.items() if one.reached} == {"flaky"}
    plain = servers.ports["plain"]
    expected = {
        "login": (f"127.0.0.1:{servers.ports['starttls']} refused the login: 535", "username and password"),
        "untrusted": ("is not trusted", "SSL_CERT_FILE"),
        "no starttls": ("STARTTLS", "port 465"),
        "no tls": (f"no TLS with 127.0.0.1:{plain}", "port 465"),
        "no login": ("AUTH", ""),
        "down": (f"127.0.0.1:{port} refused the connection", "smtp_server and smtp_port"),
        "not ascii": ("SMTPUTF8", "in plain ASCII"),
        "forbidden": (f"127.0.0.1:{servers.ports['web']} answered 403: invalid_token /forbidden/***", "webhook"),
        "gone": (f"127.0.0.1:{port} refused the connection", "webhook"),
        "always": ("answered 500: never", ""),
        "untrusted web": ("is not trusted", "SSL_CERT_FILE"),
        "apprise": ("JSON notification", "is the service up?"),
        "unknown": ("Apprise does not know", "as Apprise wants it"),
    }
    for name, (reason, hint) in expected.items():
        assert reason in answers[name].reason, answers[name]
        assert hint in answers[name].hint, answers[name]
    assert "secret" not in str([one.reason for one in answers.values()])


def test_a_mail_to_several(servers: AlertServers) -> None:
    """Each gets it once, whatever the server said of the others, and whatever it says at the end.

    A server that is busy is asked again for those only that it had no time for; one that hung up took nothing.
    """
    asked = {
        "refused": ["a1", "nobody", "a2", "busy"], "none": ["nobody"], "busy": ["b1", "busy"],
        "full": ["f1", "full", "f2"], "grumpy": ["grumpy", "g1"],
    }  # fmt: skip
    answers: dict[str, Answer] = {}
    for name, to in asked.items():
        port = servers.ports["plain"]
        answers |= sent([mail(name, port, "none", [f"{one}@{name}.test" for one in to], username=None)])
    assert {name: (one.sent, one.reached, one.tries) for name, one in answers.items()} == {
        "refused": (False, True, 2), "none": (False, False, 1), "busy": (True, True, 2), "full": (True, True, 2),
        "grumpy": (True, True, 1),
    }  # fmt: skip
    refusal = f"127.0.0.1:{port} refused the recipient nobody@{{}}.test: 550 no such user"
    assert answers["refused"].reason == f"{refusal.format('refused')}; the others have it"
    assert answers["none"].reason == refusal.format("none")
    assert "is the address right" in answers["none"].hint
    assert [[to.partition("@")[0] for to in one["to"]] for one in servers.mails()] == [
        ["a1", "a2"], ["busy"], ["b1"], ["busy"], ["f1", "full", "f2"], ["grumpy", "g1"],
    ]  # fmt: skip


def test_a_server_that_says_nothing(servers: AlertServers) -> None:
    """It is said so, whether it is silent from the start or within a conversation."""
    silent = mail("mail", servers.ports["plain"], "none", ["mute@example.com"], username=None)
    answers = sent([slack("slack", servers.url("/hang")), silent], (), timeout_s=0.05)
    for one in answers.values():
        assert (one.sent, one.tries) == (False, 1)
        assert "did not answer within 0.05 s" in one.reason
        assert "up?" in one.hint
    servers.release()


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
    while len(answers) < len(messages) or not post._so_far:
        answers += post.pump()
    assert [(one.channel, one.sent, one.message.subject) for one in answers] == [
        ("slack", True, str(n)) for n in range(100)
    ]
    rest = post.finish(untold, 0)
    late = "it was not sent within 0 s of the end of the run"
    assert [(one.channel, one.sent, one.tries, one.reason) for one in rest] == [
        ("hangs", False, 1, f"{late}; nothing has come of the first try")
    ] + [("hangs", False, 0, f"{late}; one before it was still being tried")] * 99
    assert not post.is_waiting


def test_who_gives_up_says_what_was_tried(servers: AlertServers) -> None:
    """How often, and why the last time was in vain, with secrets masked."""
    post = Post([slack("down", servers.url("/down/T0ken"), secrets=["never"])], SystemClock(), pauses_s=(0, 600))
    post.send(MESSAGE)
    for _ in range(600):
        post._wait()
        assert post.pump() == []
        if any(one.tries == 2 and one.reason for one in post._so_far.values()):
            break
    (answer,) = post.finish(untold, 0)
    assert (answer.sent, answer.tries) == (False, 2)
    why = f"the last try that ended: 127.0.0.1:{servers.ports['web']} answered 500: ***"
    assert answer.reason == f"it was not sent within 0 s of the end of the run; {why}"


def test_what_libraries_print_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither when the process begins, nor later, in lines or not; answers come all the same."""
    (tmp_path / "sitecustomize.py").write_text("print('{}', 7, flush=True)\nprint('[1]', flush=True)\n")
    (tmp_path / "apprise.py").write_text(NOISY, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]))
    answers = sent([Channel("url", "noisy", {"url": "noisy://x"})])
    assert [(one.sent, one.tries) for one in answers.values()] == [(True, 1)]


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
