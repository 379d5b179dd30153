"""Wording that the renderings share."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.report.searches import scenario, searched

from loadworthy.analysis.figures import Distribution
from loadworthy.analysis.thresholds import UNKNOWN, ThresholdResult
from loadworthy.analysis.validity import Health
from loadworthy.analysis.verdict import Verdict
from loadworthy.report.words import (
    as_sentence,
    head_line,
    health_details,
    health_line,
    interval,
    interval_method,
    interval_note,
    margin,
    milliseconds,
    observed,
    plural,
    rate,
    stage_load,
)


def result(op: str, value: float | None, limit: float, **parts: float | None) -> ThresholdResult:
    return ThresholdResult(f"p95 {op} {limit}", value, Verdict.PASS, "", "ms", op, limit, **parts)  # type: ignore[arg-type]  # only floats are given


@pytest.mark.parametrize(
    ("op", "value", "limit", "text"),
    [
        ("<", 75, 500, "85 % below"),
        ("<", 600, 500, "20 % above"),
        (">", 60, 50, "20 % above"),
        (">=", 40, 50, "20 % below"),
        ("<", 1.5, 500, "99 % below"),
        ("<", 0, 500, "100 % below"),
        ("<", 500.1, 500, "under 1 % above"),
        ("<=", 500, 500, "0 % below"),
        ("<", 6000, 500, "1,100 % above"),
        ("<", None, 500, ""),
        ("<=", 0, 0, ""),
    ],
)
def test_margin(op: str, value: float | None, limit: float, text: str) -> None:
    """Which way and how far, never rounded up to "100 % below"."""
    assert margin(result(op, value, limit)) == text


def test_what_is_broken_by_failures_has_no_margin() -> None:
    """Times within the limit beside a verdict of fail would say the contrary of it."""
    failed = replace(result("<", 75, 500), verdict=Verdict.FAIL)
    assert margin(failed) == "too many failed"
    assert margin(replace(failed, observed=600.0)) == "20 % above"
    assert margin(replace(failed, observed=500.0)) == "0 % below"


@pytest.mark.parametrize(
    ("value_ms", "text"), [(None, UNKNOWN), (0.4242, "0.42"), (18.34, "18.3"), (418.4, "418"), (12_345.6, "12,346")]
)
def test_milliseconds(value_ms: float | None, text: str) -> None:
    """About three significant digits, without a unit."""
    assert milliseconds(value_ms) == text


def test_small_words() -> None:
    """Counts, rates and intervals; what is unknown is a dash or nothing."""
    assert (plural(1, "user"), plural(1200, "user")) == ("1 user", "1,200 users")
    assert (rate(None), rate(1234.56)) == (UNKNOWN, "1,234.6/s")
    assert interval(result("<", 1, 2, low=0.5, high=None)) == "0.50 ms or more"
    assert interval(result("<", None, 2, low=0.5, high=None)) == ""
    assert interval(result("<", 1, 2, low=None, high=20)) == ""
    assert interval(result("<", 1, 2, low=0.5, high=20)) == "0.50 to 20.0 ms"
    assert interval(result("<", 1, 2, low=950, high=1050)) == "950 ms to 1.05 s"
    assert as_sentence("it held.") == as_sentence("it held") == "It held."
    assert as_sentence("error_rate grew") == "error_rate grew.", "names stay as they are"
    assert as_sentence("p95 fell") == "p95 fell."


def test_intervals_say_how_they_were_found() -> None:
    """Those from windows of the run stand as they are; those that take requests as independent are named as such."""
    windows = replace(result("<", 75, 500, low=70.0, high=80.0), interval="windows")
    narrow = replace(windows, expression="p99 < 900", interval="order statistics")
    assert interval_method(windows) == "by bootstrap over windows of the run"
    assert interval_method(narrow) == "as if requests were independent; wider in truth"
    assert interval_note([windows, replace(narrow, low=None)]) is None
    assert interval_note([narrow]) == "Intervals: as if requests were independent; wider in truth."
    assert interval_note([windows, narrow]) == "Interval of p99 < 900: as if requests were independent; wider in truth."


def test_a_search_has_no_rate_over_all_of_its_trials() -> None:
    """Its head line counts trials and drops instead; others have their rates."""
    assert head_line(searched()) == (
        "76,000 requests · 10 trials · 0 drops · 0 failures (0.00 %) · 5 min · up to 64 users"
    )
    assert "250.0/s · sent 253.3/s of 253.3/s intended" in head_line(scenario())


def test_where_a_bound_decides_it_is_shown() -> None:
    """Too few requests to name the percentile, but enough to say that it is beyond the limit."""
    sparse = replace(result("<", None, 500), verdict=Verdict.FAIL, low=1000.0)
    assert observed(sparse) == "at least 1.00 s"
    assert observed(replace(sparse, op=">", low=None, high=20.0)) == "at most 20.0 ms"
    assert observed(replace(sparse, verdict=Verdict.UNDECIDED)) == UNKNOWN
    assert observed(result("<", 75, 500)) == "75.0 ms"


def test_a_stage_is_told_by_what_it_asks_for() -> None:
    """Users, or a rate where the workload is open."""
    assert (stage_load(1, None), stage_load(50, None), stage_load(50, 200.0)) == ("1 user", "50 users", "200.0/s")


def test_the_generator_in_words() -> None:
    """Its state by what was found, and only those details that are known."""
    lag = Distribution(None, None, 0.06, None, None, None, None, 3.2)
    health = Health(Verdict.PASS, cpu=0.5, loop_lag_ms=2.0)
    assert health_line(health) == "CPU 50 % of a core (p95) · event loop at most 2.00 ms late · fit to judge"
    assert health_line(replace(health, warnings=("x",))).endswith("see the warnings")
    assert health_line(replace(health, warnings=("x",), reasons=("y",))).endswith("not fit to judge")
    assert health_details(health) == []
    known = replace(health, send_lag_ms=lag, gc_pause_ms=4.0, descriptors=(9.0, 1024.0), ports=0.5)
    assert health_details(known) == [
        "iterations began late by 0.06 ms (p50), 3.20 ms at most",
        "garbage collection paused it for 4.00 ms at most",
        "9 of 1,024 files open",
        "50 % of the ports in use",
    ]
