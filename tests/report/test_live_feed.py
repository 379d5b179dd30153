"""What pages are told of a run: in the end the figures of ``summary.json``, and on the way no more than what is new."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.page.looking import with_rows
from tests.support.runs import (
    START_MS,
    ended,
    failure,
    interval,
    make_run,
    manifest,
    open_run,
    series,
    started,
    started_open,
)

from loadworthy.analysis.summarize import summarize
from loadworthy.plan.model import Plan
from loadworthy.record.interval import Interval
from loadworthy.record.rundir import Run
from loadworthy.report.live_feed import LiveFeed
from loadworthy.report.live_scenario import MOST_EVENTS, MOST_SERIES

Json = dict[str, Any]
HOSTILE = "</script><script>alert(1)</script>\u2028\x00\udcff"


def plan_of(**scenarios: Json) -> Plan:
    """A plan of these."""
    return Plan.model_validate({"scenarios": scenarios or {"load": {"users": 10}}})


def second(at_s: int, *, times: Sequence[int] = (12_000,) * 40, failed: int = 0, **more: Any) -> Interval:
    """A second of load."""
    return interval(at_s, series("/a", times, failures={"status": failed} if failed else None), **more)


class Reader:
    """A page: it applies what it is told."""

    def __init__(self, feed: LiveFeed) -> None:
        self.feed = feed
        self.known: Json = {}
        self.changes: list[Json] = []

    def come(self) -> None:
        """Begin to look."""
        self.feed.change()
        self.known = json.loads(json.dumps(self.feed.whole()))

    def look(self) -> Json:
        """What was told now."""
        change: Json = json.loads(json.dumps(self.feed.change() or {}, allow_nan=False))
        self.changes.append(change)
        for key in ("run", "generator"):
            if key in change:
                self.known[key] = change[key]
        for name, sections in change.get("scenarios", {}).items():
            known = self.known["scenarios"][name]
            for key, value in sections.items():
                known[key] = with_rows(known[key], value) if key == "timeline" and key in known else value
        return change


def without_after(whole: Json) -> Json:
    """The same without what only says how it came."""
    for sections in whole["scenarios"].values():
        for after in ("after_ms", "kinds_after_ms"):
            sections.get("timeline", {}).pop(after, None)
    return whole


def feed_of(run: Run) -> LiveFeed:
    """A feed that was told of a whole run."""
    plan = Plan.model_validate(run.manifest["plan"])
    feed = LiveFeed(plan)
    for event in run.events:
        if event["type"] != "scenario_ended":
            feed.on_event(event)
    for one in run.intervals():
        feed.on_interval(one)
    for event in run.events:
        if event["type"] == "scenario_ended":
            feed.on_event(event)
    return feed


def test_the_figures_in_the_end_are_those_of_the_summary(tmp_path: Path) -> None:
    """Counts, rates and percentiles of each scenario, to the last digit, in the words of ``summary.json``."""
    run = open_run(tmp_path)
    feed = feed_of(run)
    feed.change()
    shown = feed.whole()["scenarios"]
    for name, judged in summarize(run).to_json()["scenarios"].items():
        figures = shown[name]["figures"]
        for key in (
            "requests",
            "failures",
            "error_rate",
            "throughput",
            "response_time_ms",
            "failure_kinds",
            "users_max",
        ):
            assert figures[key] == judged[key], (name, key)
        tiles = {tile["key"]: tile["value"] for tile in shown[name]["tiles"]}
        assert tiles["requests"] == judged["requests"]
        assert tiles["p99"] == judged["response_time_ms"]["p99"]
        if "arrivals" in judged:
            assert tiles["dropped"] == judged["arrivals"]["dropped"]
        rows = {row[0]: row for row in shown[name]["series"]["rows"]}
        assert set(rows) == set(judged["series"])
        for label, one in judged["series"].items():
            assert rows[label][1:3] == [one["requests"], one["failures"]]
            assert rows[label][5] == pytest.approx(one["response_time_ms"]["p50"], rel=1e-4)


def test_the_verdict_comes_with_the_reasons(tmp_path: Path) -> None:
    """Once the run is judged the page says what the report says, and thresholds are what they came to."""
    run = make_run(
        tmp_path / "run",
        [second(at_s, failed=1) for at_s in range(5)],
        events=[started(planned_s=5.0), ended(at_s=5)],
        failures=[failure()],
        run_json=manifest({"load": ("error_rate < 1%", "p95 < 500ms")}, planned_s=5.0, ended_at_s=5.0),
    )
    summary = summarize(run)
    feed = feed_of(run)
    feed.judged(summary)
    feed.change()
    whole = feed.whole()
    assert (whole["run"]["state"], whole["run"]["verdict"]) == ("ended", "fail")
    assert whole["run"]["reasons"] == list(summary.reasons)
    lights = whole["scenarios"]["load"]["thresholds"]
    assert [(one["expression"], one["word"]) for one in lights] == [
        ("error_rate < 1%", "fail"),
        ("p95 < 500ms", "pass"),
    ]
    assert lights[0]["reason"] == summary.scenarios["load"].thresholds[0].reason


EVENTS: list[Json] = [
    {"type": "warning", "source": "watch", "message": "busy"},
    {"type": "stage", "scenario": "load", "index": 1, "users": 5},
    {"type": "threshold_breached", "scenario": "load", "expression": "p95 < 1ms", "message": "load: missed"},
    {"type": "threshold_recovered", "scenario": "load", "expression": "p95 < 1ms", "message": "load: holds"},
    {"type": "load_changed", "scenario": "load", "factor": 2.0, "message": "by hand"},
    {"type": "worker_lost", "process": 2, "scenario": "load, other", "message": "gone"},
    {"type": "interrupted", "message": "stopped from the live page"},
]
steps = st.lists(
    st.one_of(
        st.builds(second, st.integers(0, 30), failed=st.integers(0, 3), process=st.integers(1, 2)),
        st.sampled_from(EVENTS),
        st.just("look"),
        st.just("come"),
    ),
    max_size=50,
)


@given(steps)
@settings(max_examples=60, deadline=None)
def test_changes_lead_where_the_whole_is(given_steps: list[Any]) -> None:
    """Whoever came at any time and applied all changes has what one has who comes at the end."""
    feed = LiveFeed(plan_of(load={"users": 10, "thresholds": ["p95 < 1s"]}, other={"users": 1}))
    feed.on_event(started())
    early, late = Reader(feed), Reader(feed)
    early.come()
    for number, step in enumerate(given_steps):
        if isinstance(step, Interval):
            step.number = number
            feed.on_interval(step)
        elif isinstance(step, dict):
            feed.on_event({"at_ms": START_MS + number * 1000, **step})
        else:
            early.look()
    early.look()
    late.come()
    assert without_after(early.known) == without_after(late.known)
    assert early.look() == {}


def test_only_what_has_changed_is_told() -> None:
    """A second of load brings one row and new figures; where nothing happened nothing is told."""
    feed = LiveFeed(plan_of())
    reader = Reader(feed)
    reader.come()
    feed.on_event(started())
    for at_s in range(3):
        feed.on_interval(second(at_s))
    reader.look()
    assert reader.look() == {}
    feed.on_interval(second(3))
    change = reader.look()
    timeline = change["scenarios"]["load"]["timeline"]
    assert (timeline["after_ms"], timeline["timeline"]["at_ms"]) == (2500, [3500])
    assert "happened" not in change["scenarios"]["load"]
    assert len(json.dumps(change)) < 4000


def test_a_gap_stays_a_gap() -> None:
    """Seconds of which nobody has told are an empty row, in what is added as in what is whole."""
    feed = LiveFeed(plan_of())
    reader = Reader(feed)
    reader.come()
    for at_s in (0, 1, 5):
        feed.on_interval(second(at_s))
        reader.look()
    assert reader.known["scenarios"]["load"]["timeline"]["timeline"]["at_ms"] == [500, 1500, 2500, 5500]
    assert reader.known["scenarios"]["load"]["timeline"]["timeline"]["requests"][2] is None


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([], "ready"),
        ([{"type": "run_started", "run": "r"}], "starting"),
        ([{"type": "run_started", "run": "r"}, started()], "running"),
        ([{"type": "run_started", "run": "r"}, started(), {"type": "interrupted"}], "stopping"),
        ([{"type": "run_started", "run": "r"}, {"type": "interrupted"}, started()], "stopping"),
    ],
)
def test_the_state_is_a_word(events: list[Json], state: str) -> None:
    """What the run is about, for the big word of the page."""
    feed = LiveFeed(plan_of())
    for event in events:
        feed.on_event(event)
    feed.change()
    assert feed.whole()["run"]["state"] == feed.state == state


def test_what_is_waited_for_is_said() -> None:
    """A run that waits for workers says for how many, and how many came."""
    feed = LiveFeed(plan_of())
    feed.on_event({"type": "run_started", "run": "r"})
    feed.on_event({"type": "waiting_for_workers", "message": "waiting for 2 workers"})
    feed.on_event({"type": "worker_joined", "process": 1})
    feed.change()
    assert feed.whole()["run"]["doing"] == "waiting for 2 workers (1 joined)"


def test_a_run_that_could_not_be_made_says_why() -> None:
    """The sentence of the error is on the page."""
    feed = LiveFeed(plan_of())
    feed.begins()
    feed.failed("nothing listens at http://127.0.0.1:9")
    feed.change()
    run = feed.whole()["run"]
    assert (run["state"], run["why"]) == ("failed", "nothing listens at http://127.0.0.1:9")


def test_it_says_what_a_scenario_does_now() -> None:
    """Its stage, and how long that takes; times the plan's where it was changed by hand."""
    stages = [{"duration": "10s", "ramp_to": 20}, {"duration": "10s", "users": 20}]
    feed = LiveFeed(plan_of(load={"stages": stages}))
    feed.on_event(started(planned_s=20.0, users=20))
    feed.on_event({"type": "stage", "scenario": "load", "index": 1, "users": 20})
    feed.tick(12_000_000, 20_000_000, 20)
    feed.on_interval(second(0))
    feed.on_event({"type": "load_changed", "scenario": "load", "factor": 1.5})
    feed.change()
    state = feed.whole()["scenarios"]["load"]["state"]
    assert state["now"] == ["stage 2 of 2: holding 20 users, 1.5 times that by hand", "0:08 left of it"]
    assert (state["factor"], state["can_change"]) == (1.5, True)


def trial(number: int, rate: float, *, is_bad: bool, low: float | None, high: float | None, **more: Any) -> Json:
    """A trial that is over."""
    return {
        "type": "trial", "scenario": "find", "trial": number, "rate": rate, "purpose": "bisect", "is_bad": is_bad,
        "by_generator": None, "low": low, "high": high, "message": f"find: trial {number}", **more,
    }  # fmt: skip


def test_a_search_shows_its_trials_and_what_is_known() -> None:
    """Each trial with its rate and what it said, and the rates between which the limit lies."""
    feed = LiveFeed(plan_of(find={"kind": "capacity", "thresholds": ["p95 < 100ms"]}))
    feed.on_event({"type": "scenario_started", "scenario": "find", "search": True, "planned_duration_s": None})
    feed.on_event(trial(1, 10.0, is_bad=False, low=10.0, high=None))
    feed.on_event(trial(2, 40.0, is_bad=True, low=10.0, high=40.0))
    feed.on_event(trial(3, 20.0, is_bad=False, low=10.0, high=40.0, by_generator="it was busy"))
    feed.change()
    sections = feed.whole()["scenarios"]["find"]
    search = sections["search"]
    assert search["trials"]["place"] == [1, 2, 3]
    assert search["trials"]["rate"] == [10.0, 40.0, 20.0]
    assert search["trials"]["result"] == ["held", "did not hold", "the generator was the limit"]
    assert search["trials"]["words"][0] == "trial 1"
    assert search["bounds"] == {"label": ["holds", "too much"], "value": [10.0, 40.0]}
    assert "limit between 10.0/s and 40.0/s" in sections["state"]["now"]
    assert sections["state"]["can_change"] is False
    assert sections["thresholds"] == []


def test_breaches_and_warnings_are_told() -> None:
    """What was missed is a stretch of the time axis; what speaks against the generator stands with the generator."""
    feed = LiveFeed(plan_of())
    feed.on_event(started())
    for at_s in range(6):
        feed.on_interval(second(at_s))
    breach = {"scenario": "load", "expression": "p95 < 1ms", "message": "load: p95 is missed"}
    feed.on_event({"at_ms": START_MS + 2000, "type": "threshold_breached", **breach})
    feed.on_event({"at_ms": START_MS + 4000, "type": "threshold_recovered", **breach})
    feed.on_event({"at_ms": START_MS, "type": "warning", "source": "watch", "message": "The generator is busy."})
    feed.on_event({"at_ms": START_MS, "type": "warning", "message": "an option has no effect"})
    feed.change()
    whole = feed.whole()
    happened = whole["scenarios"]["load"]["happened"]
    assert {"at_s": 2.0, "to_s": 4.0, "words": "p95 is missed", "bad": True} in happened
    assert whole["scenarios"]["load"]["marks"]["bad"].count(True) == 1
    assert whole["generator"]["warnings"] == ["The generator is busy."]
    assert whole["generator"]["verdict"] == "undecided"
    assert any("an option has no effect" in message for message in whole["run"]["messages"])


def test_an_event_of_several_scenarios_is_each_ones() -> None:
    """A worker that was lost while two ran is told in both."""
    feed = LiveFeed(plan_of(load={"users": 1}, other={"users": 1}, third={"users": 1}))
    for name in ("load", "other"):
        feed.on_event(started(name))
        feed.on_interval(interval(0, series(), scenario=name))
    lost = {"type": "worker_lost", "process": 2, "scenario": "load, other", "message": "worker 2 was lost"}
    feed.on_event({"at_ms": START_MS + 500, **lost})
    feed.change()
    scenarios = feed.whole()["scenarios"]
    for name in ("load", "other"):
        assert [one["words"] for one in scenarios[name]["happened"]] == ["worker 2 was lost"]
    assert "happened" not in scenarios["third"]


def test_the_worst_series_come_first() -> None:
    """Those that fail, then those that are slow; not more than there is room for, and it says how many there are."""
    feed = LiveFeed(plan_of())
    many = [series(f"/{place:03}", [1000 * (place + 1)]) for place in range(MOST_SERIES + 30)]
    feed.on_interval(interval(0, *many, series("/broken", [10], failures={"status": 1})))
    feed.change()
    shown = feed.whole()["scenarios"]["load"]["series"]
    names = [row[0] for row in shown["rows"]]
    assert (len(names), shown["all"]) == (MOST_SERIES, MOST_SERIES + 31)
    assert names[:2] == ["GET /broken", f"GET /{MOST_SERIES + 29:03}"]


def test_memory_does_not_grow_with_events() -> None:
    """Of very many the last are kept."""
    feed = LiveFeed(plan_of())
    feed.on_event(started())
    for number in range(1000):
        feed.on_interval(second(number, times=(1000,)))
        feed.on_event(
            {"at_ms": START_MS + number * 1000, "type": "stage", "scenario": "load", "index": number, "users": 1}
        )
        feed.on_event({"at_ms": START_MS + number * 1000, "type": "warning", "message": f"warning {number}"})
    feed.change()
    whole = feed.whole()
    assert len(whole["scenarios"]["load"]["happened"]) <= MOST_EVENTS
    assert "stage 1000" in whole["scenarios"]["load"]["happened"][-2]["words"]
    assert whole["run"]["messages"][-1].endswith("warning 999")
    assert len(json.dumps(whole)) < 120_000


def test_hostile_names_are_data() -> None:
    """Whatever they hold: they come out as they went in, and as JSON of one ASCII line."""
    feed = LiveFeed(plan_of())
    feed.on_event(started())
    feed.on_interval(interval(0, series(HOSTILE, [1000], failures={"status": 1})))
    feed.on_event({"at_ms": START_MS, "type": "warning", "message": HOSTILE})
    feed.change()
    text = json.dumps(feed.whole())
    assert text.isascii()
    assert "\n" not in text
    assert json.loads(text)["scenarios"]["load"]["series"]["rows"][0][0] == f"GET {HOSTILE}"


def test_scenarios_that_are_not_run_are_not_shown() -> None:
    """Only the chosen ones."""
    feed = LiveFeed(plan_of(load={"users": 1}, other={"users": 1}), ["other"])
    assert set(feed.whole()["scenarios"]) == {"other"}


def test_an_open_workload_shows_what_was_dropped() -> None:
    """Of how many."""
    feed = LiveFeed(plan_of(load={"rate": 10}))
    feed.on_event(started_open())
    feed.on_interval(interval(0, series("/a", [1000] * 8), scheduled=10, sent=8, dropped=2))
    feed.change()
    sections = feed.whole()["scenarios"]["load"]
    (tile,) = [tile for tile in sections["tiles"] if tile["key"] == "dropped"]
    assert (tile["value"], tile["note"], tile["bad"]) == (2, "of 10", True)
    assert sections["state"]["workload"] == "open"
