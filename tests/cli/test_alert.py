"""Who is told of a run: a breach while it goes on, its end, once and not again, and that it is good again; a service
that hangs does not hold up the load; ``alert test`` says what is wrong with a channel."""

from __future__ import annotations

import argparse
import io
import json
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from tests.support.alert_servers import PASSWORD, USER, AlertServers, alert_servers
from tests.support.cli import Started, files_of, loadworthy, summary_of, write_plan

from loadworthy import api
from loadworthy.cli import alert
from loadworthy.cli.main import main
from loadworthy.errors import SetupError, UsageError
from loadworthy.testing import Errors, FaultServer

TOKEN = "T0ken-of-the-webhook"
Json = dict[str, Any]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AlertServers]:
    """Where alerts arrive; what opens them is in the environment."""
    folder = tmp_path_factory.mktemp("servers")
    with alert_servers(folder) as running, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(folder / "ca.pem"))
        patch.setenv("SMTP_PASSWORD", PASSWORD)
        patch.setenv("SLACK_WEBHOOK", running.url(f"/hang/{TOKEN}"))
        yield running


@pytest.fixture
def servers(running: AlertServers) -> AlertServers:
    """These, with nothing in them."""
    running.forget()
    return running


def email(servers: AlertServers, **changes: Any) -> Json:
    """In the keys of a plan."""
    return {
        "smtp_server": "127.0.0.1", "smtp_port": servers.ports["starttls"], "username": USER,
        "password": "${SMTP_PASSWORD}", "from_addr": "perf@example.com", "to_addrs": ["team@example.com"],
    } | changes  # fmt: skip


def plan(url: str, alerting: Json, **scenario: Any) -> Json:
    """One endpoint, asked a number of times: too few for a p99 by which a busy generator would be judged."""
    load = {"users": 2, "iterations": 50, "endpoints": [{"path": "/"}], "thresholds": ["error_rate < 1%"], **scenario}
    quick = {"formats": ["json"]}
    return {"name": "shop", "base_url": url, "scenarios": {"load": load}, "alerting": alerting, "reporting": quick}


def help_of(*words: str) -> str:
    """What ``--help`` says."""
    said = io.StringIO()
    with redirect_stdout(said), pytest.raises(SystemExit):
        main([*words, "--help"])
    return said.getvalue()


def alert_events(run: Path) -> list[Json]:
    """What a run says of its alerts."""
    lines = (run / "events.jsonl").read_text(encoding="utf-8").splitlines()
    return [event for event in map(json.loads, lines) if event["type"].startswith("alert_")]


@pytest.mark.slow
def test_a_story(servers: AlertServers, tmp_path: Path) -> None:
    """It fails and both channels are told, while one of them hangs; fails again and nobody is; is good, and all are."""
    with FaultServer(faults=[(fault := Errors(at_s=0, share=1.0, status=503))]) as target:
        alerting = {"after": 0, "email": email(servers), "slack": {"webhook_url": "${SLACK_WEBHOOK}"}}
        # Whatever the machine does, some are left when the first second is looked at: when the next is over, too.
        file = write_plan(tmp_path, plan(target.url, alerting, users=3, iterations=180, wait_time="50ms"))

        with Started("run", file, cwd=tmp_path, reports=True) as run:
            for line in run.lines():
                if "report.json" in line:
                    asked = len(target.log())
                    servers.release()  # not before all load was made, and judged
                    break
            code, _ = run.finish()
        assert code == 1
        (first,) = sorted((tmp_path / "runs").glob("*-load"))
        assert (summary_of(first)["scenarios"]["load"]["requests"], asked) == (180, 180)
        assert [one["subject"] for one in servers.mails()] == [
            "BREACH  load · error_rate < 1% missed",
            "FAIL  load · error_rate < 1% missed",
        ]
        # Where all takes long, who hangs is asked again after a while; what was sent is counted below.
        texts = list(dict.fromkeys(one["text"] for one in servers.posts(f"/hang/{TOKEN}")))
        assert [text.splitlines()[0] for text in texts] == [
            "*BREACH*  load · error_rate &lt; 1% missed",
            "*FAIL*  load · error_rate &lt; 1% missed",
        ]
        assert f"Run: `{first}`" in texts[1]
        assert re.search(r"180 requests · [\d.]+/s · 180 failures \(100\.00 %\)", texts[1])
        sent = [(one["type"], one["channel"], one["matters"]) for one in alert_events(first)]
        assert sorted(sent) == sorted(
            ("alert_sent", channel, [matter]) for channel in ("email", "slack") for matter in ("breach", "fail")
        )
        secrets = (PASSWORD.encode(), TOKEN.encode())
        assert not [name for name, data in files_of(tmp_path / "runs").items() if any(one in data for one in secrets)]

        short = plan(target.url, alerting)
        again = api.run(short, out=tmp_path / "runs", view=False, closing=False)
        assert again.exit_code == 1
        assert len(servers.mails()) == 2
        assert [one["type"] for one in alert_events(again.path)] == ["alert_held_back"]

        target.heal(fault)
        good = api.run(short, out=tmp_path / "runs", view=False, closing=False)
        assert good.exit_code == 0
        assert [one["subject"] for one in servers.mails()][2:] == ["PASS  shop · it is good again"]


def test_a_run_that_cannot_begin_is_told_once(
    servers: AlertServers, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is no run directory, and it is told all the same, from a script, too; the second time it is no news."""
    alerting = {"email": email(servers)}
    for _ in range(2):
        with pytest.raises(SetupError, match="refused"):
            api.run(plan("http://127.0.0.1:9", alerting), out=tmp_path / "runs", view=False)
    (mail,) = servers.mails()
    assert mail["subject"].startswith("ABORTED  shop · nothing listens at http://127.0.0.1:9 (connection refused)")
    assert "http://127.0.0.1:9" in mail["text"]
    assert capsys.readouterr().err == ""


def test_what_stands_in_the_plan_is_not_used(
    servers: AlertServers, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The run is made and judged; its warning says what to write, and what was not delivered is said at the end."""
    with FaultServer(faults=[Errors(at_s=0, share=1.0)]) as target:
        alerting = {
            "on": ["passed_again", "fail"],
            "email": email(servers, password=PASSWORD),
            "slack": {"webhook_url": servers.url("/forbidden")},
            "urls": [f"json://user:{TOKEN}@127.0.0.1:9/x", f"discord://{TOKEN}/x"],
        }
        result = api.run(plan(target.url, alerting), out=tmp_path / "runs", view=False, closing=False)
    about, *others = [reason for reason in result.summary.reasons if reason.startswith("alerting")]
    assert ["urls[0] (json) is not used" in others[0], "urls[1] (discord) is not used" in others[1]] == [True, True]
    assert not [name for name, data in files_of(result.path).items() if TOKEN.encode() in data]
    assert about.startswith("alerting: email is not used: its password stands in the plan")
    assert "${SMTP_PASSWORD}" in about
    (event,) = alert_events(result.path)
    assert (event["type"], event["channel"], event["matters"]) == ("alert_failed", "slack", ["fail"])
    assert "answered 403: invalid_token" in event["reason"]
    said = capsys.readouterr().err
    assert said.startswith("loadworthy: no alert by slack: ")
    assert said.count("\n") == 1
    assert servers.mails() == []


def test_alert_test(servers: AlertServers, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each channel is tried; what is wrong with one is said, with how to mend it; the exit code says if all is well."""
    literal = f"http://hooks.example.com/{TOKEN}"
    assert "example:\n  SMTP_PASSWORD=… loadworthy alert test plan.yaml" in help_of("alert", "test")
    alerting = {
        "email": email(servers),
        "slack": {"webhook_url": literal},
        "urls": [servers.url("/ok").replace("http", "json"), "json://127.0.0.1:9/x"],
    }
    file = write_plan(tmp_path, plan("http://127.0.0.1:9", alerting))
    done = loadworthy("alert", "test", file, cwd=tmp_path)
    assert done.code == 2
    lines = dict(line.split("  ", 1) for line in done.out.splitlines())
    assert list(lines) == ["slack", "email", "urls[0] (json)", "urls[1] (json)"]
    assert lines["slack"].strip().startswith("not used: its webhook_url stands in the plan")
    assert [lines[name].strip() for name in ("email", "urls[0] (json)")] == ["sent", "sent"]
    assert lines["urls[1] (json)"].strip().startswith("failed: ")
    assert TOKEN not in done.out + done.err
    (mail,) = servers.mails()
    assert mail["subject"].startswith("TEST  shop")
    assert not (tmp_path / "runs").exists()

    file = write_plan(tmp_path, plan("http://127.0.0.1:9", {"email": email(servers)}))
    assert (alert.execute(argparse.Namespace(plan=file)), len(servers.mails())) == (0, 2)
    assert capsys.readouterr().out == "email  sent\n"

    nobody: list[tuple[Json, str]] = [({}, "no channel"), ({"enabled": False}, "switched off")]
    for alerting, words in nobody:
        file = write_plan(tmp_path, plan("http://127.0.0.1:9", alerting))
        with pytest.raises(UsageError, match=words):
            alert.execute(argparse.Namespace(plan=file))
