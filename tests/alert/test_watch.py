"""The observer has told what is due, with the counts so far and where the run is; it never fails over what is late."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.runs import interval, series

from loadworthy.alert.message import Message
from loadworthy.alert.policy import Policy
from loadworthy.alert.post import Answer
from loadworthy.alert.watch import Watch
from loadworthy.alert.words import RunFacts
from loadworthy.plan.alerting import DEFAULT_MATTERS
from loadworthy.testing import FakeClock

EXPRESSION = "p95 < 5ms"
BREACHED: dict[str, Any] = {
    "type": "threshold_breached",
    "scenario": "load",
    "expression": EXPRESSION,
    "message": "slow",
}


class Watched:
    """A watch, and all that it did."""

    def __init__(self, after_s: int = 30) -> None:
        self.clock = FakeClock()
        self.sent: list[Message] = []
        self.answers: list[Answer] = []
        self.told: list[Answer] = []
        self.began: list[Path] = []
        policy = Policy(DEFAULT_MATTERS, after_s * 1_000_000, 600_000_000)
        facts = RunFacts("shop", None, "bench")
        self.watch = Watch(policy, facts, self.clock, self.sent.append, self.pump, self.told.append, self.began.append)

    def pump(self) -> list[Answer]:
        """What has come."""
        answers, self.answers = self.answers, []
        return answers


def test_a_breach_and_its_end() -> None:
    """By the ticks of the run, with what all processes counted."""
    one = Watched()
    one.watch.on_event({"type": "run_started", "path": "runs/x", "run": "x", "scenarios": ["load"]})
    assert one.began == [Path("runs/x")]
    for process, failures in ((0, None), (1, {"status": 1})):
        for second in range(2):
            one.watch.on_interval(interval(second, series("/", [5000] * 10, failures=failures), process=process))
    one.watch.on_event(BREACHED)
    one.clock.advance(29_900_000)
    one.watch.tick(0, None, 0)
    assert one.sent == []
    one.clock.advance(100_000)
    one.watch.tick(0, None, 0)
    (message,) = one.sent
    assert message.figures[0].text == "40 requests · 20.0/s · 2 failures (5.00 %) · 20 users"
    assert dict(message.facts)["Run"] == str(Path("runs/x").absolute())
    assert message.about == ("breach: load: p95 < 5ms",)
    one.watch.on_event({**BREACHED, "type": "threshold_recovered", "message": "fast"})
    one.watch.tick(0, None, 0)
    assert [each.mark for each in one.sent] == ["BREACH", "RECOVERED"]
    assert one.sent[1].about == ()
    one.answers.append(Answer(message, "slack", sent=True))
    one.watch.tick(0, None, 0)
    assert one.told == [Answer(message, "slack", sent=True)]


def test_users_of_a_worker_that_was_lost_are_not_counted() -> None:
    """The others take them over."""
    one = Watched(after_s=0)
    loaded = [one.watch.load_was_made]
    for process in (0, 1):
        one.watch.on_interval(interval(0, series("/", [5000] * 10), process=process))
    assert [*loaded, one.watch.load_was_made] == [False, True]
    one.watch.on_event({"type": "worker_lost", "process": 1, "scenario": "load", "message": "worker 1 was lost"})
    one.watch.on_event(BREACHED)
    one.watch.tick(0, None, 0)
    assert one.sent[0].figures[0].text.endswith(" · 10 users")


def test_one_that_ends_the_run_is_sent_before_the_next_tick() -> None:
    """There may be none."""
    one = Watched()
    one.watch.on_event({**BREACHED, "abort": True})
    assert ["The run ends because of it." in each.sentences for each in one.sent] == [True]
    one.watch.on_event({"type": "scenario_ended", "scenario": "load"})
    one.watch.on_event({"type": "something new"})


def test_what_comes_together_is_one_message() -> None:
    """A service that is gone misses all thresholds in the same second; who is woken by that wants to hear it once."""
    one = Watched(after_s=0)
    for expression in (EXPRESSION, "error_rate < 1%"):
        one.watch.on_event({**BREACHED, "expression": expression})
    one.watch.on_event({**BREACHED, "scenario": "admin"})
    one.watch.tick(0, None, 0)
    assert [each.about for each in one.sent] == [
        ("breach: load: p95 < 5ms", "breach: load: error_rate < 1%"),
        ("breach: admin: p95 < 5ms",),
    ]
    for expression in (EXPRESSION, "error_rate < 1%"):
        one.watch.on_event({**BREACHED, "expression": expression, "type": "threshold_recovered"})
    one.watch.on_event({"type": "scenario_ended", "scenario": "load"})
    assert [each.title for each in one.sent[2:]] == ["RECOVERED  load · p95 < 5ms holds again, and 1 more"]


def test_a_breach_says_where_to_look() -> None:
    """What has failed in the last seconds, over all processes."""
    one = Watched(after_s=0)
    for process in (1, 2):
        failing = series("/orders", [5000] * 10, kind="POST", failures={"status": 4}, statuses={200: 6, 503: 4})
        one.watch.on_interval(interval(0, series("/", [900] * 10), failing, process=process))
    one.watch.on_event(BREACHED)
    one.watch.tick(0, None, 0)
    assert one.sent[0].figures[1] == ("Failed in the last 10 s", "POST /orders 8 of 20 (status 503)")
