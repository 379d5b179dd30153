"""docs/alerting.md: its plans send what it says, to a web server that takes the messages; its tables are the code's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from tests.support.alert_servers import AlertServers, alert_servers
from tests.support.guide import blocks_of, text_of, write_files
from tests.support.runs import interval, series

from loadworthy import api
from loadworthy.alert import events, words
from loadworthy.alert.delivery import PAUSES_S, TIMEOUT_S
from loadworthy.alert.where import RECENT_S, Recent
from loadworthy.cli.main import _dispatch
from loadworthy.plan.alerting import Alerting, Matter
from loadworthy.testing import Delay, Errors, FaultServer, Route
from loadworthy.units import parse_duration_us

TEXT = text_of("alerting")
SECRETS = {"SMTP_PASSWORD": "open-sesame"}


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AlertServers]:
    """Where messages arrive."""
    with alert_servers(tmp_path_factory.mktemp("servers")) as running:
        yield running


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """The first plan of the page."""
    write_files(blocks_of("alerting"), tmp_path)
    return tmp_path / "plan.yaml"


def test_the_test_message_is_sent_and_told(
    plan: Path, servers: AlertServers, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By Slack; of the e-mail, whose server there is not, the failure is told, and the exit code is 2."""
    text = plan.read_text(encoding="utf-8").replace("smtp.example.com", "127.0.0.1\n    smtp_port: 1")
    plan.write_text(text, encoding="utf-8")
    for name, value in {**SECRETS, "SLACK_WEBHOOK": servers.url("/slack/test")}.items():
        monkeypatch.setenv(name, value)
    assert _dispatch(["alert", "test", str(plan)]) == 2
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [["email", "failed:"], ["slack", "sent"]]
    (message,) = servers.posts("/slack/test")
    assert message["text"].startswith("*TEST*  shop")


def test_a_run_tells_while_it_goes_on_and_at_its_end(plan: Path, servers: AlertServers) -> None:
    """The breach, and the verdict, each with the lines that the page shows."""
    with FaultServer([Route("*", delay=Delay.fixed(200))], faults=[Errors(share=1.0)]) as target:
        # However slow the machine, some are left when the breach is seen; and too few for a p99 to judge it by.
        overrides = {
            "alerting.email.enabled": False, "alerting.after": "100ms", "reporting.formats": [],
            "scenarios.booking.iterations": 260, "scenarios.booking.thresholds": ["error_rate < 1% for 1s"],
        }  # fmt: skip
        environ = {**SECRETS, "BASE_URL": target.url, "SLACK_WEBHOOK": servers.url("/slack/run")}
        api.run(plan, overrides=overrides, out=plan.parent / "runs", view=False, closing=False, environ=environ)
    told = [message["text"] for message in servers.posts("/slack/run")]
    marks = [re.findall(r"^\*([A-Z]+)\*", text)[0] for text in told]
    assert (marks[0], marks[-1]) == ("BREACH", "FAIL")
    shown = [block.text for block in blocks_of("alerting") if re.match(r"(BREACH|FAIL)  ", block.text)]
    for text, block in zip((told[0], told[-1]), shown, strict=True):
        assert _labels(text) - {"Run", "Report"} == _labels(block) - {"Run", "Report"}


def _labels(text: str) -> set[str]:
    return set(re.findall(r"^(\w+): ", text, re.MULTILINE))


def test_where_to_look_reads_as_shown() -> None:
    """The labels are those of the code, and each line begins with the series of the most failures, or the slowest."""
    (block,) = (block.text for block in blocks_of("alerting") if block.text.startswith("Failed in"))
    recent, failing = Recent(), {"status": 2}
    recent.add(interval(0, series("/a", [9_000] * 9, failures=failing, statuses={200: 7, 503: 2}), series("/b", [100])))
    failed = recent.words()
    recent.add(interval(RECENT_S, series("/a", [9_000]), series("/b", [100])))
    slowest = recent.words()
    labels = [line.partition(": ")[0] for line in block.splitlines()]
    assert [failed and failed[0], slowest and slowest[0]] == labels[:2]
    assert failed is not None
    assert re.fullmatch(r"GET /a 2 of 9 \(status 503\)", failed[1])
    assert all(re.match(r"[A-Z]+ /\S+ [\d,]+ of [\d,]+ \(\w+( \d+)?\)", line.partition(": ")[2])
               for line in block.splitlines()[::2])  # fmt: skip


def test_its_table_of_matters_is_that_of_the_code() -> None:
    """Each with the word that its title begins with; and it says which is not told unless asked for."""
    rows = dict(re.findall(r"^\| `(\w+)` \| `([A-Z]+)` \|", TEXT, re.MULTILINE))
    assert rows == words._MARKS
    assert set(rows) == set(get_args(Matter))
    (left_out,) = set(rows) - set(Alerting().on)
    assert f"without it, of all but `{left_out}`" in " ".join(TEXT.split())


def test_its_times_are_those_of_the_code() -> None:
    """Defaults, pauses between tries, and how long an answer may take."""
    for key in ("after", "cool_down"):
        ((told,),) = [re.findall(rf"`{key}` \((\d+ \w+)\)", TEXT)]
        assert parse_duration_us(told.replace(" min", "m").replace(" ", "")) == getattr(Alerting(), key)
    assert "after {:g}, {:g} and {:g} seconds".format(*PAUSES_S) in TEXT
    assert TIMEOUT_S == 10
    assert "Each answer has ten seconds" in TEXT
    assert {events.SENT, events.FAILED, events.HELD_BACK} <= set(re.findall(r"`(alert_\w+)`", TEXT))
