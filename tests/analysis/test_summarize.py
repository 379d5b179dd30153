"""A run's figures against naive counts over the raw samples, and every rule that makes its verdict."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import pytest
from tests.support.runs import ended, interval, make_run, manifest, series, started

from loadworthy.analysis.summarize import summarize, timeline
from loadworthy.analysis.summary import Summary
from loadworthy.analysis.verdict import Verdict
from loadworthy.errors import ExitCode
from loadworthy.record.interval import Interval
from loadworthy.record.rundir import INTERVALS, Run

PERCENTILES = {"p50": (0.5, 6), "p90": (0.9, 36), "p95": (0.95, 72), "p99": (0.99, 368), "p999": (0.999, 3688)}


def good(second: int, **changes: Any) -> Interval:
    """A second in which a hundred requests went well."""
    return interval(second, series("/items", [20_000] * 100), **changes)


def bad(second: int, **changes: Any) -> Interval:
    """A second in which one of a hundred requests failed."""
    return interval(second, series("/items", [20_000] * 100, failures={"status": 1}), **changes)


def judge(path: Path, intervals: list[Interval], run_json: dict[str, Any], **parts: Any) -> Summary:
    return summarize(make_run(path / "run", intervals, run_json=run_json, **parts))


# Figures.


def naive_distribution(samples_us: list[int]) -> dict[str, float | None]:
    """Sorted list, nearest rank."""
    ordered = sorted(samples_us)
    ranked = {
        key: ordered[math.ceil(round(fraction * len(ordered), 9)) - 1] / 1000 if len(ordered) >= fewest else None
        for key, (fraction, fewest) in PERCENTILES.items()
    }
    return {
        "mean": sum(ordered) / len(ordered) / 1000,
        "min": ordered[0] / 1000,
        **ranked,
        "max": ordered[-1] / 1000,
    }


@pytest.mark.parametrize("per_second", [1, 4, 13, 130])
def test_figures_are_those_of_the_raw_samples(tmp_path: Path, per_second: int) -> None:
    """Over three processes and two series, every figure equals a naive one; a percentile of too few is null."""
    rng = random.Random(per_second)
    raw: dict[str, list[int]] = {"GET /items": [], "GET /slow": []}
    intervals = []
    for process in (1, 2, 3):
        for second in range(10):
            parts = []
            for label, scale in (("GET /items", 8.5), ("GET /slow", 11.0)):
                times = [int(rng.lognormvariate(scale, 1)) for _ in range(per_second)]
                raw[label] += times
                parts.append(series(label.removeprefix("GET "), times))
            intervals.append(interval(second, *parts, process=process))
    scenario = judge(tmp_path, intervals, manifest({"load": ["p50 < 1h"]})).to_json()["scenarios"]["load"]
    for label, samples in raw.items():
        figures = scenario["series"][label]
        assert figures["requests"] == len(samples)
        assert figures["throughput"] == pytest.approx(len(samples) / 10)
        assert figures["response_time_ms"] == approximately(naive_distribution(samples))
    everything = [sample for samples in raw.values() for sample in samples]
    assert scenario["response_time_ms"] == approximately(naive_distribution(everything))
    assert scenario["service_time_ms"] == scenario["response_time_ms"]
    assert scenario["requests"] == len(everything)
    assert scenario["users_max"] == 30


def approximately(values: dict[str, float | None]) -> dict[str, Any]:
    """Within the histogram's 0.05 %, and half a µs of rounding."""
    return {key: None if value is None else pytest.approx(value, rel=5.1e-4, abs=6e-4) for key, value in values.items()}


def test_summary_json_has_the_public_keys(tmp_path: Path) -> None:
    """The keys are public interface: none missing, none more."""
    data = judge(tmp_path, [bad(0)], manifest({"load": ["p95 < 1s"]})).to_json()
    assert list(data) == [
        "schema", "run", "plan", "verdict", "exit_code", "reasons", "started_at", "duration_s", "scenarios", "health",
    ]  # fmt: skip
    assert set(data["scenarios"]["load"]) == {
        "kind", "verdict", "workload", "requests", "failures", "error_rate", "throughput", "users_max",
        "response_time_ms", "service_time_ms", "status_codes", "failure_kinds", "series", "thresholds",
        "received_bytes", "sent_bytes", "requests_per_user_minute",
    }  # fmt: skip
    assert list(data["scenarios"]["load"]["response_time_ms"]) == [
        "mean", "min", "p50", "p90", "p95", "p99", "p999", "max",
    ]  # fmt: skip
    assert set(data["scenarios"]["load"]["series"]["GET /items"]) == {
        "requests", "failures", "error_rate", "throughput", "response_time_ms", "service_time_ms", "status_codes",
        "failure_kinds", "received_bytes", "sent_bytes",
    }  # fmt: skip
    assert set(data["health"]) == {"verdict", "loop_lag_ms", "cpu", "gc_pause_ms", "reasons"}
    assert (data["schema"], data["scenarios"]["load"]["workload"]) == (1, "closed")


def test_throughput_is_over_the_measured_time_of_all_processes(tmp_path: Path) -> None:
    """From the first interval's start to the last one's end, gaps between included."""
    intervals = [good(0, process=1), good(8, process=2, number=0, duration_ms=2000)]
    scenario = judge(tmp_path, intervals, manifest()).scenarios["load"]
    assert scenario.duration_s == 10
    assert scenario.figures.throughput == pytest.approx(20)


def test_counts_by_status_and_kind(tmp_path: Path) -> None:
    """Codes and kinds of failure are added up over series and processes, the most frequent kind first."""
    intervals = [
        interval(
            0,
            series("/a", [1000] * 5, statuses={200: 3, 500: 2}, failures={"status": 2}),
            series("/b", [1000] * 4, statuses={200: 1}, failures={"timeout_read": 3}),
            process=process,
        )
        for process in (1, 2)
    ]
    data = judge(tmp_path, intervals, manifest()).to_json()["scenarios"]["load"]
    assert data["status_codes"] == {"200": 8, "500": 4}
    assert list(data["failure_kinds"].items()) == [("timeout_read", 6), ("status", 4)]
    assert data["error_rate"] == pytest.approx(10 / 18)
    assert (data["received_bytes"], data["sent_bytes"]) == (9000, 1800)


def test_two_series_with_one_label_are_shown_as_one(tmp_path: Path) -> None:
    """A kind with a space must not make a series vanish."""
    parts = series("b c", [1000] * 3, kind="a"), series("c", [2000] * 2, kind="a b")
    scenario = judge(tmp_path, [interval(0, *parts)], manifest()).scenarios["load"]
    assert {label: one.requests for label, one in scenario.series.items()} == {"a b c": 5}


def test_scenarios_stand_in_the_plans_order(tmp_path: Path) -> None:
    """Not in the order of the data, nor of the alphabet; of those left out by choice nothing is said."""
    run_json = manifest({"z": (), "a": (), "m": ()})
    intervals = [good(0, scenario="a"), good(1, scenario="z", number=1), good(2, scenario="m", number=2)]
    assert list(judge(tmp_path, intervals, run_json).scenarios) == ["z", "a", "m"]
    chosen = run_json | {"scenarios": ["m", "z"]}
    assert list(judge(tmp_path / "chosen", intervals[1:], chosen).scenarios) == ["z", "m"]


# Verdicts.

BROKE: dict[str, Any] = {"ended": "error", "ended_at_s": 10.0, "ended_reason": "all workers were lost"}
CUT: dict[str, Any] = {"ended": "interrupted", "ended_at_s": 12.0}
KILLED: dict[str, Any] = {"ended": None, "ended_at_s": None}
ENDLESS: dict[str, Any] = {"ended": "interrupted", "ended_at_s": 12.0, "planned_s": None}
USER_ERROR = {"at_ms": 1, "type": "user_error", "scenario": "load", "message": "KeyError: 'id'", "count": 3}
LOST = {"at_ms": 1, "type": "worker_lost", "process": 2, "message": "worker 2 was lost: its process ended"}
MET, MISSED, OPEN = "p95 < 1s", "p95 < 1ms", "p99.9 < 1s"

RULES: dict[str, tuple[list[Interval], list[str], dict[str, Any], list[dict[str, Any]], str, int, str]] = {
    # what: (intervals, thresholds, manifest, events, verdict, exit code, words of the first reason)
    "met": ([good(0)], [MET], {}, [], "pass", 0, "load: the threshold holds over 100 requests in 1 s."),
    "missed": ([good(0)], [MET, MISSED], {}, [], "fail", 1, "p95 was 20.0 ms over 100 requests, limit 1.00 ms"),
    "open": ([good(0)], [MET, OPEN], {}, [], "undecided", 3, "100 requests are too few (3,688 needed)"),
    "missed and open": ([good(0)], [OPEN, MISSED], {}, [], "fail", 1, "limit 1.00 ms"),
    "implied, met": ([good(0)], [], {}, [], "pass", 0, "no request failed over 100 requests"),
    "implied, missed": ([bad(0)], [], {}, [], "fail", 1, "1 of 100 requests failed"),
    "implied, no requests": ([interval(0)], [], {}, [], "undecided", 3, "no request was made"),
    "failures allowed": ([bad(0)], ["error_rate <= 1%"], {}, [], "pass", 0, "the threshold holds"),
    "never ran": ([], [MET], {}, [], "undecided", 3, "load: it never ran"),
    "user error": ([good(0)], [MET], {}, [USER_ERROR], "fail", 1, "raised 3 exceptions outside any request: KeyError"),
    "user errors add up": ([good(0)], [], {}, [USER_ERROR, USER_ERROR], "fail", 1, "raised 6 exceptions"),
    "gap": ([good(0), good(2)], [MET], {}, [], "invalid", 4, "1 interval of process 0 never arrived (number 1)"),
    "gap and missed": ([good(0), good(2)], [MISSED], {}, [], "invalid", 4, "never arrived"),
    "worker lost": ([good(0)], [MET], {}, [LOST], "invalid", 4, "lost 1 worker (process 2)"),
    "cut short": ([good(0)], [MET], CUT, [], "undecided", 130, "ended after 12 s of the planned 60 s"),
    "cut short and missed": ([good(0)], [MISSED], CUT, [], "fail", 130, "limit 1.00 ms"),
    "cut at the end": ([good(0)], [MET], CUT | {"ended_at_s": 60.0}, [], "pass", 130, "the threshold holds"),
    "stopped, no planned end": ([good(0)], [MET], ENDLESS, [], "pass", 130, "the threshold holds"),
    "killed": ([good(0)], [MET], KILLED, [], "undecided", 3, "no end on record (killed, or still going on): it ended"),
    "killed, no planned end": ([good(0)], [MET], KILLED | {"planned_s": None}, [], "undecided", 3, "no end on record"),
    "killed and missed": ([good(0)], [MISSED], KILLED, [], "fail", 1, "limit 1.00 ms"),
    "broke": ([good(0)], [MET], BROKE, [], "invalid", 4, "broke off by an error of the generator after 10 s"),
    "broke and missed": ([good(0)], [MISSED], BROKE, [], "invalid", 4, "all workers were lost"),
}


@pytest.mark.parametrize("what", RULES)
def test_rules_of_the_verdict(tmp_path: Path, what: str) -> None:
    """Each rule by itself and where two meet: the verdict, its exit code, and the reason that comes first."""
    intervals, thresholds, facts, events, verdict, code, words = RULES[what]
    summary = judge(tmp_path, intervals, manifest({"load": thresholds}, **facts), events=events)
    assert summary.verdict is Verdict(verdict)
    assert summary.exit_code is ExitCode(code)
    assert words in summary.reasons[0]


@pytest.mark.parametrize(
    ("reason", "planned_s", "verdict"),
    [
        ("completed", 1.0, "pass"),
        ("iterations", 60.0, "pass"),
        ("users_stopped", 60.0, "undecided"),
        ("users_stopped", 1.0, "pass"),
        ("interrupted", 60.0, "undecided"),
        ("interrupted", 1.0, "pass"),
        ("interrupted", None, "pass"),
        ("workers_lost", 60.0, "undecided"),
    ],
)
def test_a_scenario_that_was_cut_short_does_not_pass(
    tmp_path: Path, reason: str, planned_s: float | None, verdict: str
) -> None:
    """One that had done what was planned keeps its verdict, whatever became of the run."""
    events = [started(planned_s=planned_s), ended(reason=reason)]
    run_json = manifest({"load": [MET]}, ended="interrupted", planned_s=None)
    assert judge(tmp_path, [good(0)], run_json, events=events).scenarios["load"].verdict is Verdict(verdict)


def test_an_earlier_scenario_passes_though_a_later_one_was_cut(tmp_path: Path) -> None:
    """Verdicts are the scenario's own; the run's is the worst."""
    events = [started("a"), ended("a"), started("b"), ended("b", "interrupted")]
    summary = judge(
        tmp_path,
        [good(0, scenario="a"), good(1, scenario="b")],
        manifest({"a": [MET], "b": [MET], "c": [MET]}, **CUT),
        events=events,
    )
    assert [one.verdict.value for one in summary.scenarios.values()] == ["pass", "undecided", "undecided"]
    assert summary.verdict is Verdict.UNDECIDED
    assert summary.reasons[0].startswith("The run was interrupted")
    assert "c: it never ran" in summary.reasons[1]


def test_reasons_come_in_the_order_of_their_weight(tmp_path: Path) -> None:
    """Invalid, fail, undecided, then warnings; what passed is not told beside it."""
    summary = judge(
        tmp_path,
        [bad(0, health={"cpu": 0.97, "loop_lag_ms": 1.0}), good(2)],
        manifest({"load": [OPEN, MISSED, MET]}, **CUT),
        events=[{"at_ms": 1, "type": "warning", "message": "User class X was not found."}, USER_ERROR],
    )
    starts = ["1 interval", "load: user code", "load: p99.9", "load: p95", "The run was", "The generator", "User class"]
    assert [reason[: len(start)] for reason, start in zip(summary.reasons, starts, strict=True)] == starts
    assert all(reason.endswith(".") for reason in summary.reasons)


def test_an_exception_outside_any_scenario_fails_them_all(tmp_path: Path) -> None:
    """An error that names no scenario is not lost."""
    events = [USER_ERROR | {"scenario": None}]
    assert judge(tmp_path, [good(0)], manifest({"load": [MET]}), events=events).verdict is Verdict.FAIL


# Damaged runs.


def damaged(path: Path, change: Any) -> Summary:
    run = make_run(path / "run", [good(0), good(1), good(2)], run_json=manifest({"load": [MET]}))
    file = run.path / INTERVALS
    file.write_bytes(change(file.read_bytes()))
    return summarize(Run.open(run.path))


def test_a_torn_last_line_is_no_damage(tmp_path: Path) -> None:
    """A killed process leaves one; the rest is judged."""
    summary = damaged(tmp_path, lambda data: data[:-20])
    assert summary.health.verdict is Verdict.PASS
    assert summary.scenarios["load"].figures.requests == 200


def test_a_torn_line_inside_is_missing_data(tmp_path: Path) -> None:
    """It cannot be recovered, so the run is invalid, and the reason says so."""
    summary = damaged(tmp_path, lambda data: data.replace(b'"number":1', b'"number";1'))
    assert summary.verdict is Verdict.INVALID
    assert any("1 line inside the run's files cannot be read" in reason for reason in summary.reasons)
    assert any("1 interval of process 0 never arrived" in reason for reason in summary.reasons)


def test_a_repeated_interval_counts_once(tmp_path: Path) -> None:
    """A worker that sends again after a late acknowledgement changes nothing."""
    summary = damaged(tmp_path, lambda data: data + data.splitlines(keepends=True)[1])
    assert summary.scenarios["load"].figures.requests == 300
    assert summary.verdict is Verdict.PASS


def test_a_killed_run_is_judged_by_what_it_wrote(tmp_path: Path) -> None:
    """Its length is that of the intervals, and what is missing at its end is no gap."""
    summary = judge(tmp_path, [good(0), good(1)], manifest({"load": [MET]}, ended=None))
    assert summary.duration_s == 2
    assert summary.health.verdict is Verdict.PASS
    assert "ended after 2 s of the planned 60 s" in summary.reasons[0]


def test_a_run_without_any_facts_is_undecided(tmp_path: Path) -> None:
    """A bare manifest is readable: unknown fields are null, and nothing is claimed."""
    summary = judge(tmp_path, [], {"name": "bare"})
    assert summary.verdict is Verdict.UNDECIDED
    assert (summary.duration_s, summary.started_at, summary.plan) == (None, None, None)


def test_timeline_is_by_scenario(tmp_path: Path) -> None:
    """Each scenario that ran has its own seconds, counted from its own start."""
    run = make_run(tmp_path / "run", [good(0, scenario="a"), good(30, scenario="b"), good(31, scenario="b")])
    assert {name: [one.at_s for one in seconds] for name, seconds in timeline(run).items()} == {"a": [0], "b": [0, 1]}
