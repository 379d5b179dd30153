"""Worse than the baseline is a matter for an alert, by the question that ``loadworthy compare`` asks; runs of another
plan are no baseline; and what goes wrong with alerts does not touch a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from tests.support.compared import command_line, write_simulated
from tests.support.runs import interval, series

from loadworthy.alert.channels import channels_of
from loadworthy.alert.memory import recall, remember
from loadworthy.alert.message import Message
from loadworthy.alert.post import Answer
from loadworthy.analysis.compared_figures import Change
from loadworthy.cli.against_baseline import compared_with_baseline
from loadworthy.cli.alerting import RunAlerts, alerts_of
from loadworthy.cli.showing import judge
from loadworthy.clock import SystemClock
from loadworthy.engine.run import RunRequest
from loadworthy.errors import UsageError
from loadworthy.plan.load import plan_from_mapping
from loadworthy.record.rundir import Run

PLAN = {
    "name": "shop",
    "base_url": "http://127.0.0.1:8080",
    "scenarios": {"load": {}},
    "reporting": {"formats": ["json"]},
}


def test_worse_than_the_baseline(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One run against the five that are the baseline is enough; one that is as they were is not worse."""
    rng = np.random.default_rng(5)
    runs = tmp_path / "runs"
    for number in range(5):
        simulated(runs / f"old-{number}", rng)
    same, slow = (simulated(runs / name, rng, factor) for name, factor in (("same", 1.0), ("slow", 1.5)))
    assert compared_with_baseline(slow, "shop") is None
    assert command_line("baseline", "set", *sorted(runs.glob("old-*"))) == 0
    worse, not_worse = compared_with_baseline(slow, "shop"), compared_with_baseline(same, "shop")
    assert worse is not None
    assert worse.verdict is Change.WORSE
    assert not_worse is not None
    assert not_worse.verdict is not Change.WORSE
    assert compared_with_baseline(slow, "another plan") is None
    alerts = alerts_for(runs, {"on": ["regression"]}, post := Recorder())
    alerts.ended(judge(slow, closing=False))
    (message,) = post.messages
    assert message.title.startswith("WORSE  load · ")
    assert any("is worse than the baseline: " in one for one in message.sentences)

    capsys.readouterr()
    (runs / "old-0" / "run.json").unlink()
    alerts = alerts_for(runs, {"on": ["regression"]})
    alerts.ended(judge(slow, closing=False))
    assert (
        "loadworthy: alerting: not compared with the baseline: it names runs that are gone: old-0"
        in capsys.readouterr().err
    )


def simulated(path: Path, rng: np.random.Generator, factor: float = 1.0) -> Path:
    """A short run of the plan."""
    return write_simulated(path, rng, factor=factor, seconds=10, run_json={"plan": PLAN})


class Recorder:
    """In place of the post: keeps what is sent, and says that it was."""

    def __init__(self, *, interrupted: bool = False, sent: bool = True) -> None:
        self.messages: list[Message] = []
        self._sent = sent
        self.waits: list[int] = []
        self._interrupted = interrupted

    def send(self, message: Message) -> None:
        """Keep it."""
        self.messages.append(message)

    def finish(self, _told: object, patience_us: int = 1) -> list[Answer]:
        """All were sent, or reached some of several; where that was asked for, somebody does not wait at first."""
        self.waits.append(patience_us)
        if self._interrupted and len(self.waits) == 1:
            raise KeyboardInterrupt
        return [Answer(message, "slack", sent=self._sent, reached=True) for message in self.messages]

    def close(self) -> None:
        """Nothing."""


def alerts_for(out: Path, alerting: dict[str, object], post: Recorder | None = None) -> RunAlerts:
    """Of a plan with a channel that cannot be used; what is sent goes to the recorder, if there is one."""
    section = {"slack": {"webhook_url": "https://hooks.example.com/x"}, **alerting}
    loaded = plan_from_mapping({**PLAN, "alerting": section}, path=Path("plan"), environ={})
    assert loaded.plan.alerting is not None
    alerts = RunAlerts(RunRequest(loaded, out), loaded.plan.alerting, channels_of(loaded), SystemClock())
    alerts._post = cast("Any", post)
    return alerts


def test_it_is_told_once_and_not_where_a_person_ended_it(tmp_path: Path) -> None:
    """The second run that fails says that it told nobody, although one of several was not reached by the first; one
    that was interrupted tells nobody and says nothing.
    """
    rng, runs = np.random.default_rng(2), tmp_path / "runs"
    plan = {**PLAN, "scenarios": {"load": {"thresholds": ["p95 < 1ms"]}}}
    told = []
    for name, changes in (("a", {"ended": "interrupted"}), ("b", {}), ("c", {}), ("d", {"ended": "interrupted"})):
        run = write_simulated(runs / name, rng, seconds=3, run_json={"plan": plan, **changes})
        alerts = alerts_for(runs, {}, post := Recorder(sent=False))
        alerts.on_event({"type": "run_started", "path": str(run)})
        alerts.ended(judge(run, closing=False))
        told += [(name, message.title) for message in post.messages]
        kinds = [event["type"] for event in Run.open(run).events if event["type"].startswith("alert")]
        assert kinds == {"b": ["alert_failed"], "c": ["alert_held_back"]}.get(name, [])
    assert told == [("b", "FAIL  load · p95 < 1ms missed")]


def test_good_again_only_where_somebody_heard_that_it_was_bad(tmp_path: Path) -> None:
    """Not after a run that nobody was told of; and what others told while this run went on is known at its end."""
    rng, runs = np.random.default_rng(3), tmp_path / "runs"
    run = write_simulated(runs / "good", rng, seconds=3, run_json={"plan": PLAN})
    quiet, soak, silent = (alerts_for(runs, {}, Recorder()) for _ in range(3))
    key = soak._key
    remember(runs, key, False, {})
    quiet.ended(judge(run, closing=False))
    remember(runs, key, False, {"fail": 5})
    silent._finish(passed=None)  # interrupted: it says nothing of whether the plan is good
    assert (recall(runs, key).passed, recall(runs, key).told_ms) == (False, {"fail": 5})
    soak.ended(judge(run, closing=False))
    assert [cast("Any", one)._post.messages for one in (quiet, silent)] == [[], []]
    (message,) = cast("Any", soak)._post.messages
    assert message.title == "PASS  shop · it is good again"
    assert recall(runs, key).passed
    assert recall(runs, key).told_ms.keys() == {"fail", "passed_again"}


@pytest.mark.parametrize("loaded", [False, True])
def test_a_mistake_that_shows_under_load_is_told(tmp_path: Path, loaded: bool) -> None:
    """Nobody may be there any more; before any load whoever typed the command sees it."""
    plan = plan_from_mapping({**PLAN, "alerting": {}}, path=Path("plan"), environ={})
    post = Recorder()

    def run() -> None:
        with alerts_of(RunRequest(plan, tmp_path)) as alerts:
            assert alerts is not None
            alerts._post = cast("Any", post)
            if loaded:
                alerts.on_interval(interval(0, series("/", [5000] * 10)))
            raise UsageError("tick() of the load shape failed")

    with pytest.raises(UsageError):
        run()
    assert [one.title for one in post.messages] == ["ABORTED  shop · tick() of the load shape failed"] * loaded


def test_who_will_not_wait_need_not(tmp_path: Path) -> None:
    """Ctrl-C while the last messages are under way gives them up; the run keeps its verdict."""
    run = simulated(tmp_path / "run", np.random.default_rng(1))
    alerts = alerts_for(tmp_path, {}, post := Recorder(interrupted=True))
    alerts.ended(judge(run, closing=False))
    assert post.waits == [1, 0]


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The run has its verdict all the same."""
    run = simulated(tmp_path / "run", np.random.default_rng(1))
    (tmp_path / "file").write_text("", encoding="utf-8")
    alerts = alerts_for(tmp_path / "file", {})
    alerts.ended(judge(run, closing=False))
    assert f"loadworthy: what was told cannot be kept in {tmp_path / 'file'}: " in capsys.readouterr().err
