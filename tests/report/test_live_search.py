"""A search while it goes on: lines for those who read a log, and the state of it for those who watch."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console
from tests.report.test_live import console, shown
from tests.support.runs import ended, interval, series, started_open

from loadworthy.plan.model import Plan
from loadworthy.report.events import describe
from loadworthy.report.live import PlainView
from loadworthy.report.live_search import known_words, now_words
from loadworthy.report.progress import Progress, Running, Searching

S = 1_000_000
Json = dict[str, Any]


def plan(**more: Any) -> Plan:
    find = {"kind": "capacity", "endpoints": [{"path": "/"}], "thresholds": ["p95 < 500ms"]}
    return Plan.model_validate({"scenarios": {"find": find, **more}})


def started() -> Json:
    event = started_open("find", planned_s=None)
    del event["rate"]
    return event | {"search": True}


def segment(purpose: str, rate: float, length_s: float = 20.0) -> Json:
    return {
        "type": "segment", "scenario": "find", "number": 7, "purpose": purpose, "rate": rate, "duration_s": length_s,
        "phases": [[rate, length_s]], "message": f"{purpose}: {rate:,.1f}/s for {length_s:g} s",
    }  # fmt: skip


def trial(number: int, low: float | None, high: float | None, message: str = "find: 320.0/s for 20 s holds") -> Json:
    return {
        "type": "trial", "scenario": "find", "number": 2 * number, "trial": number, "purpose": "bisect", "rate": 320.0,
        "low": low, "high": high, "left_s": 75.0, "message": message,
    }  # fmt: skip


CAPACITY = {"type": "capacity", "scenario": "find", "message": "find: it safely carries 399.5/s"}
STRESS = segment("stress", 599.2)


def test_trials_and_the_capacity_are_lines() -> None:
    """Warm-up, rests and the beginnings of trials are none; the overload is, and its phases are not one by one."""
    target, out = console(is_terminal=False)
    view = PlainView(target, plan())
    for event in (
        started(), segment("warm-up", 10.0, 2.0), segment("grow", 10.0, 3.0), trial(1, 10.0, None),
        segment("cool-down", 10.0, 1.0), CAPACITY, STRESS,
        {"type": "stage", "scenario": "find", "index": 0, "rate": 5.0}, ended("find"),
    ):  # fmt: skip
        view.on_event(event)
    assert out.getvalue().splitlines() == [
        "find: started, looks for its own rates",
        "find: 320.0/s for 20 s holds",
        "find: it safely carries 399.5/s",
        "find: stress: 599.2/s for 20 s",
        "find: ended (completed)",
    ]


def test_a_line_says_what_is_tried() -> None:
    """Beside the rate that is reached, and about how long it still takes."""
    target, out = console(is_terminal=False)
    view = PlainView(target, plan())
    for event in (started(), segment("grow", 10.0, 3.0), trial(11, 380.5, 415.0), segment("bisect", 397.4)):
        view.on_event(event)
    view.on_interval(interval(0, series(times_us=[5000] * 390), scenario="find", scheduled=397, sent=397))
    view.tick(5 * S, 80 * S, 12)
    line = out.getvalue().splitlines()[-1]
    assert line.startswith("find: 5 s of about 80 s  trial 12 (bisect) at 397.4/s for 20 s  ")
    assert "begun 397.0/s (to 397.4/s)" in line


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (segment("cool-down", 10.0), None),
        ({"type": "threshold_breached", "message": "load: p95 was 600 ms"}, "load: p95 was 600 ms"),
        ({"type": "threshold_breached", "scenario": "load", "expression": "p95 < 1s"}, "load: p95 < 1s is missed"),
        ({"type": "threshold_recovered", "scenario": "load", "expression": "p95 < 1s"}, "load: p95 < 1s holds again"),
        (ended("load", "aborted"), "load: ended by a threshold that was missed"),
        ({"type": "resource"}, None),
    ],
)
def test_events_in_words(event: Json, line: str | None) -> None:
    """A breach and what came of it; what nobody needs to read is nothing."""
    assert describe(event) == line


def test_the_panel_shows_the_search() -> None:
    """Which trial, its rate, what is known by now, about how long it still takes, and the last trial."""
    progress = Progress(plan())
    for event in (started(), trial(11, 380.5, 415.0, "find: 380.5/s holds"), segment("bisect", 397.4)):
        progress.on_event(event)
    progress.on_interval(interval(0, series(times_us=[5000] * 390), scenario="find", scheduled=397, sent=397))
    progress.tick(20 * S, 95 * S, 12)
    text = shown(progress)
    assert "trial 12 (bisect) at 397.4/s for 20 s · limit between 380.5/s and 415.0/s" in text
    assert "last: 380.5/s holds" in text
    assert "1:15 left of 1:35" in text
    assert "397.0/s" in text
    assert "…" not in shown(progress, width=80), "nor is anything cut off where there are 80 columns"
    assert "p95 < 500ms" not in text, "over all trials together it says nothing"
    assert max(len(line) for line in shown(progress, width=60).splitlines()) <= 60


def test_the_panel_before_the_first_trial() -> None:
    """It is an open workload without a rate yet."""
    progress = Progress(plan())
    progress.on_event(started())
    text = shown(progress)
    assert "begins to search · no limit known yet" in text
    assert "dropped" in text


def test_what_matters_stays_in_the_panel() -> None:
    """The capacity, and thresholds that are missed."""
    progress = Progress(plan())
    breach = {"type": "threshold_breached", "message": "find: error_rate is 4 %"}
    for event in (started(), trial(1, 10.0, None), CAPACITY, STRESS, breach):
        progress.on_event(event)
    text = shown(progress)
    assert "found: it safely carries 399.5/s" in text
    assert "last:" not in text
    assert "find: error_rate is 4 %" in text


def test_thresholds_of_others_are_still_judged() -> None:
    """Only those of the search are left out."""
    progress = Progress(plan(load={"users": 1, "thresholds": ["p95 < 1s"], "endpoints": [{"path": "/"}]}))
    progress.on_event(started())
    progress.on_event(started_open("load"))
    for number, name in enumerate(("find", "load")):
        progress.on_interval(interval(0, series(times_us=[5000] * 100), scenario=name, number=number))
    assert [name for name, _ in progress.thresholds()] == ["load"]


def test_the_rate_of_the_overload_is_followed() -> None:
    """Its phases are told as stages."""
    progress = Progress(plan())
    for event in (started(), STRESS, {"type": "stage", "scenario": "find", "index": 0, "rate": 199.7}):
        progress.on_event(event)
    assert progress.shown[0].rate == 199.7
    assert "overload and recovery, now 199.7/s" in shown(progress)


def test_a_hostile_message_is_harmless() -> None:
    """Names of scenarios come from the plan."""
    progress = Progress(plan())
    for event in (started(), trial(1, 1.0, None, "\x1b[2J[red]x")):
        progress.on_event(event)
    out = io.StringIO()
    Console(file=out, _environ={}).print(shown(progress), markup=False)
    assert "\x1b" not in out.getvalue()
    assert "[red]x" in out.getvalue()


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (None, None, "no limit known yet"),
        (10.0, None, "10.0/s holds"),
        (None, 20.0, "20.0/s is too much"),
        (10.0, 20.0, "limit between 10.0/s and 20.0/s"),
    ],
)
def test_bounds_in_words(low: float | None, high: float | None, words: str) -> None:
    """As far as they are known."""
    assert known_words(Searching(low=low, high=high)) == words


def test_what_is_no_trial_has_words_of_its_own() -> None:
    """Warm-up and rests; and before the first of all."""
    searching = {
        "warm-up": "warm-up",
        "cool-down": "rests until the target is as quick as at first",
        "grow": "trial 3 (grow) at 40.0/s",
        None: "begins to search",
    }
    for purpose, words in searching.items():
        assert now_words(Running("find", search=Searching(trials=2, purpose=purpose, rate=40.0))) == words
