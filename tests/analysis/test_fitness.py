"""Was the generator the limit? Each rule at its limits, and whole runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support.runs import interval, make_run, manifest, part, series, started, started_open

from loadworthy.analysis.accumulate import ScenarioTotals
from loadworthy.analysis.fitness import Fitness, judge_fitness
from loadworthy.analysis.own_readings import Readings
from loadworthy.analysis.planned import Asked
from loadworthy.analysis.summarize import summarize
from loadworthy.analysis.summary import Summary
from loadworthy.analysis.thresholds import NO_FAILURES, evaluate
from loadworthy.analysis.verdict import Verdict
from loadworthy.plan.thresholds import parse_threshold
from loadworthy.record.histogram import Histogram
from loadworthy.record.interval import Interval

MS = 1000


def judged(intervals: list[Interval], *expressions: str, max_users: int | None = None) -> Fitness:
    totals, readings = ScenarioTotals("load"), Readings()
    for one in intervals:
        totals.add(one)
        readings.add(one)
    thresholds = [parse_threshold(text) for text in expressions] or [NO_FAILURES]
    results = [evaluate(one, totals) for one in thresholds]
    return judge_fitness(totals, thresholds, results, readings, Asked(max_users=max_users))


def told(fitness: Fitness) -> str:
    """``invalid``, ``warning`` or ``nothing``."""
    return "invalid" if fitness.invalid else "warning" if fitness.warnings else "nothing"


def lagged(lag_us: int, p50_us: int, p99_us: int, samples: int = 1000) -> list[Interval]:
    """An open workload whose requests were sent so late, the slowest 2 % of them with the p99."""
    slow = samples // 50
    one = series("/a", [p50_us] * (samples - slow) + [p99_us] * slow, send_lag_us=[lag_us] * samples)
    return [interval(0, one, scheduled=samples, sent=samples)]


@pytest.mark.parametrize(
    ("lag_us", "p50_us", "p99_us", "verdict"),
    [
        (50, 350, 400, "nothing"),  # an eighth of the p99, and yet too little to matter
        (1000, 2000, 9000, "nothing"),  # not more than 1 ms
        (1010, 2000, 10_200, "warning"),
        (1010, 2000, 10_000, "invalid"),  # more than a tenth of the p99
        (4990, 100_000, 200_000, "nothing"),  # not more than 5 % of the p50
        (5100, 100_000, 200_000, "warning"),
        (21_000, 100_000, 200_000, "invalid"),
    ],
)
def test_send_lag(lag_us: int, p50_us: int, p99_us: int, verdict: str) -> None:
    """Worth a word from 1 ms or 5 % of the p50, whichever is more; too much beyond a tenth of the p99."""
    assert told(judged(lagged(lag_us, p50_us, p99_us))) == verdict


def test_send_lag_says_how_much_and_what_to_do() -> None:
    """In one clause."""
    (text,) = judged(lagged(21 * MS, 100 * MS, 200 * MS)).invalid
    assert text.startswith("iterations began late: by 21.0 ms at the p99, by 21.0 ms at most; that is 10.50 % of the")
    assert "use more processes (--processes) or machines, or a lower rate" in text


def test_send_lag_of_few_requests_says_nothing() -> None:
    """367 have no p99; a median beyond 20 ms is another matter."""
    assert told(judged(lagged(21 * MS, 90 * MS, 99 * MS, samples=100))) == "invalid"
    assert told(judged(lagged(19 * MS, 90 * MS, 99 * MS, samples=100))) == "nothing"
    assert told(judged(lagged(5 * MS, 6 * MS, 7 * MS, samples=367))) == "nothing"
    assert told(judged(lagged(5 * MS, 6 * MS, 7 * MS, samples=400))) == "invalid"


@pytest.mark.parametrize(("limit", "verdict"), [("100ms", "invalid"), ("101ms", "warning"), ("1m", "warning")])
def test_a_lag_that_can_turn_no_verdict_is_a_warning(limit: str, verdict: str) -> None:
    """5 ms are more than a tenth of a p99 of 9 ms, and less than a twentieth of a limit of 101 ms."""
    assert told(judged(lagged(5 * MS, 6 * MS, 9 * MS), f"p95 < {limit}")) == verdict


def test_a_closed_workload_has_no_send_lag_to_judge() -> None:
    """Users with a pace are late when the service is slow: that is the service's doing."""
    one = series("/a", [6 * MS] * 1000, send_lag_us=[5 * MS] * 1000)
    assert told(judged([interval(0, one)])) == "nothing"


@pytest.mark.parametrize(
    ("scheduled", "late", "verdict"),
    [
        (1000, 0, "nothing"), (1000, 5, "nothing"), (1000, 6, "warning"), (1000, 20, "warning"), (1000, 21, "invalid"),
        (10, 2, "nothing"), (10, 3, "invalid"),
    ],
)  # fmt: skip
def test_arrivals_never_sent(scheduled: int, late: int, verdict: str) -> None:
    """Worth a word below 99.5 %, too little below 98 %; one or two of the last moment say nothing."""
    sent = scheduled - late
    fitness = judged([interval(0, series("/a", [MS] * sent), scheduled=scheduled, sent=sent, dropped=late, late=late)])
    assert told(fitness) == verdict
    assert not fitness.invalid or f"{late} of {scheduled:,} arrivals were never sent" in fitness.invalid[0]


@pytest.mark.parametrize(
    ("expressions", "dropped", "verdict"),
    [
        ((), 0, "nothing"),
        ((), 1, "warning"),
        ((), 10, "warning"),  # a tenth of the 1 % where nothing is said
        ((), 11, "invalid"),
        (("error_rate < 5%",), 50, "warning"),
        (("error_rate < 5%",), 51, "invalid"),
        (("error_rate < 5%", "p99 < 1s"), 11, "invalid"),
        (("GET /a p90 < 1s",), 99, "warning"),
        (("error_rate <= 0",), 1, "invalid"),
        (("p99 > 1us", "throughput > 1/s"), 11, "invalid"),
    ],
)
def test_arrivals_that_found_no_user(expressions: tuple[str, ...], dropped: int, verdict: str) -> None:
    """Any is worth a word; more than a tenth of the smallest share that may be bad leaves the verdict open."""
    sent = 10_000 - dropped
    fitness = judged(
        [interval(0, series("/a", [MS] * sent), scheduled=10_000, sent=sent, dropped=dropped)], *expressions
    )
    assert told(fitness) == verdict
    texts = fitness.invalid or fitness.warnings
    assert all("found no user free" in text and "raise max_users" in text for text in texts)


def test_a_slow_service_is_not_the_generators_fault() -> None:
    """Where what was sent alone misses the thresholds, more load could only have made it worse."""
    slow = [interval(0, series("/a", [2_000_000] * 500), scheduled=1000, sent=500, dropped=500)]
    fitness = judged(slow, "p95 < 500ms")
    assert (told(fitness), "missed by what was sent alone" in fitness.warnings[0]) == ("warning", True)
    assert told(judged(slow, "p95 < 5s")) == "invalid"


def dropping(users: int, health: dict[str, float] | None = None, own_lag_us: int = 50) -> list[Interval]:
    intervals = []
    for second in range(8):
        one = series("/a", [MS] * 90)
        made = interval(second, one, scheduled=100, sent=90, dropped=10, users=users, health=health or {"cpu": 0.3})
        made.own_lag = Histogram.of([own_lag_us] * 90)
        intervals.append(made)
    return intervals


@pytest.mark.parametrize(
    ("users", "health", "own_lag_us", "remedy"),
    [
        (100, None, 50, "raise max_users, or lower the rate"),
        (90, None, 50, "raise max_users, or lower the rate"),
        (89, None, 50, "max_users was not the limit, with 89 of 100 users: the others were not ready in time"),
        (100, {"cpu": 0.99}, 50, "the generator was the limit first, for process 0 used 99 % of a core"),
        (20, {"cpu": 0.99}, 50, "the generator was the limit first"),
        (100, None, 1100, "the generator was the limit first, for it began iterations 1.10 ms late (p50)"),
    ],
)
def test_more_users_help_only_where_they_are_missing(
    users: int, health: dict[str, float] | None, own_lag_us: int, remedy: str
) -> None:
    """Not where they were not ready in time, or where the generator had no time for those that it had."""
    fitness = judged(dropping(users, health, own_lag_us), max_users=100)
    (text,) = [text for text in (*fitness.invalid, *fitness.warnings) if "found no user free" in text]
    assert f"; {remedy}" in text
    assert ("raise max_users" in text) is remedy.startswith("raise")


def test_one_arrival_was_dropped() -> None:
    """In the singular."""
    one = [interval(0, series("/a", [MS] * 9999), scheduled=10_000, sent=9999, dropped=1)]
    (text,) = judged(one, "error_rate < 5%").warnings
    assert text.startswith("1 of 10,000 arrivals (0.01 %) found no user free and was dropped; raise max_users")


def test_drops_may_not_excuse_themselves() -> None:
    """A threshold on drops is missed by the drops; that says nothing of the service."""
    some = [interval(0, series("/a", [MS] * 500), scheduled=1000, sent=500, dropped=500)]
    assert told(judged(some, "dropped_rate < 1%")) == "invalid"


def test_skipped_slots_of_a_pace_are_a_warning() -> None:
    """A closed workload promises users, not requests."""
    fitness = judged([interval(0, series("/a", [MS] * 90), dropped=10)])
    assert (told(fitness), "10 of 100 iterations" in fitness.warnings[0]) == ("warning", True)


def test_what_this_machine_could_not_send_is_invalid() -> None:
    """A single one: the service was never asked."""
    failed = series("/a", [MS] * 1000, failures={"generator": 2, "status": 3})
    (text,) = judged([interval(0, failed)], "error_rate < 50%").invalid
    assert text.startswith("2 requests could not be made by this machine")
    assert "ulimit -n" in text
    parts = series("/a", [MS] * 10), part("connect", "h:1", [MS], failures={"generator": 1})
    assert judged([interval(0, *parts)]).invalid[0].startswith("1 attempt could not")
    assert told(judged([interval(0, series("/a", [MS] * 10, failures={"connect": 5}))])) == "nothing"


# Stalls and CPU.


def seconds(times_us: list[int], health: dict[str, float], count: int = 20) -> list[Interval]:
    return [interval(second, series("/a", times_us), health=health) for second in range(count)]


@pytest.mark.parametrize(
    ("key", "stall_ms", "p99_us", "verdict"),
    [
        ("loop_lag_ms", 9.0, 1 * MS, "nothing"),  # under 1 % of the time, so no p99 is delayed at all
        ("loop_lag_ms", 30.0, 41 * MS, "nothing"),  # 30 ms in each second give the p99 20 ms: under half of 41
        ("loop_lag_ms", 30.0, 39 * MS, "invalid"),
        ("gc_pause_ms", 30.0, 39 * MS, "invalid"),
    ],
)
def test_stalls_that_make_most_of_the_tail(key: str, stall_ms: float, p99_us: int, verdict: str) -> None:
    """What the stalls alone give to the p99, against half of the p99 that is reported."""
    fitness = judged(seconds([p99_us] * 100, {key: stall_ms}))
    assert told(fitness) == verdict
    if fitness.invalid:
        assert "which by itself makes a p99 of 20.0 ms, more than half of the p99 of 39.0 ms" in fitness.invalid[0]


@pytest.mark.parametrize(
    ("expression", "verdict"),
    [("p99 < 50ms", "nothing"), ("p99 < 39ms", "invalid"), ("p95 < 10ms", "nothing"), ("max < 30ms", "invalid")],
)
def test_the_tail_is_the_limit_that_is_judged(expression: str, verdict: str) -> None:
    """30 ms in each second are 20 ms at the p99 and nothing at the p95; mean and maximum are taken as the p99."""
    assert told(judged(seconds([9 * MS] * 100, {"loop_lag_ms": 30.0}), expression)) == verdict


def test_a_tail_beyond_its_limit_is_what_was_observed() -> None:
    """A service at 300 ms misses 30 ms by itself, whatever 20 ms of ours do."""
    assert told(judged(seconds([300 * MS] * 100, {"loop_lag_ms": 30.0}), "p99 < 30ms")) == "nothing"


def test_one_hiccup_invalidates_nothing() -> None:
    """30 ms once in an hour, beside a p99 of 10 ms; nor does a start of two seconds."""
    times = [10 * MS] * 20
    hour = [
        interval(second, series("/a", times), health={"loop_lag_ms": 30.0 if second == 99 else 1.0})
        for second in range(3600)
    ]
    assert told(judged(hour)) == "nothing"
    start = [
        interval(second, series("/a", times * 10), health={"loop_lag_ms": 300.0 if second < 2 else 1.0})
        for second in range(10)
    ]
    assert told(judged(start)) == "nothing"


def test_a_blocked_process_reports_seldom() -> None:
    """Two intervals of five seconds, each blocked for four, are as bad as ten of one."""
    blocked = [
        interval(5 * number, series("/a", [10 * MS] * 500), health={"loop_lag_ms": 4000.0}, duration_ms=5000)
        for number in range(2)
    ]
    assert told(judged(blocked)) == "invalid"


@pytest.mark.parametrize(
    ("cpu", "lag_ms", "count", "verdict"),
    [
        (0.99, 4.0, 20, "invalid"),
        (0.99, 2.9, 20, "nothing"),  # not more than a tenth of 30 ms
        (0.89, 4.0, 20, "nothing"),
        (0.99, 4.0, 4, "nothing"),  # too short to tell from a start
        (0.99, 4.0, 5, "invalid"),
    ],
)
def test_a_busy_process_needs_evidence(cpu: float, lag_ms: float, count: int, verdict: str) -> None:
    """From 90 % of a core for five seconds, if its loop is typically late by more than a tenth of the p99 of 30 ms."""
    fitness = judged(seconds([30 * MS] * 200, {"cpu": cpu, "loop_lag_ms": lag_ms}, count))
    assert told(fitness) == verdict
    if fitness.invalid:
        assert (
            "process 0 of the generator used 99 % of a core and its event loop was typically 4.00 ms late"
            in (fitness.invalid[0])
        )


def test_a_busy_process_that_cannot_turn_the_verdict() -> None:
    """A closed workload at full speed, judged by a limit far beyond its own lag."""
    assert told(judged(seconds([30 * MS] * 200, {"cpu": 0.99, "loop_lag_ms": 4.0}), "p99 < 500ms")) == "nothing"


def test_only_readings_of_the_scenarios_own_time_count() -> None:
    """What the generator did in another scenario does not weigh on this one."""
    totals, readings = ScenarioTotals("load"), Readings()
    for one in seconds([10 * MS] * 100, {"loop_lag_ms": 1.0}):
        totals.add(one)
        readings.add(one)
    for second in range(20, 40):
        readings.add(interval(second, scenario="other", health={"loop_lag_ms": 900.0}))
    assert told(judge_fitness(totals, [NO_FAILURES], [evaluate(NO_FAILURES, totals)], readings)) == "nothing"


# Whole runs.


def summary(path: Path, intervals: list[Interval], event: dict[str, Any], *thresholds: str) -> Summary:
    run_json = manifest({"load": thresholds}, planned_s=20.0, ended_at_s=20.0)
    return summarize(make_run(path / "run", intervals, events=[event], run_json=run_json))


def saturated() -> list[Interval]:
    """100/s intended; a task that burns CPU lets 60/s through, so the queue grows by 40 a second."""
    intervals = []
    for second in range(20):
        waiting_us = [round(1e6 * 0.4 * (second + number / 60)) for number in range(60)]
        times = [waited + 5 * MS for waited in waiting_us]
        one = series("/a", times, service_us=[5 * MS] * 60, send_lag_us=[waited + 1 for waited in waiting_us])
        health = {"cpu": 0.99, "loop_lag_ms": 15.0}
        intervals.append(interval(second, one, scheduled=100, sent=60, health=health))
    intervals.append(interval(20, dropped=800, late=800, duration_ms=50))
    return intervals


@pytest.mark.parametrize("thresholds", [(), ("p95 < 1m",), ("p95 < 100ms",), ("error_rate < 90%",)])
def test_a_saturated_generator_is_invalid(tmp_path: Path, thresholds: tuple[str, ...]) -> None:
    """Whatever is asked: neither a miss nor a hit is the service's."""
    made = summary(tmp_path, saturated(), started_open(planned_s=20.0), *thresholds)
    assert made.verdict is made.scenarios["load"].verdict is made.health.verdict is Verdict.INVALID
    assert made.exit_code == 4
    assert made.reasons[0].startswith("load: ")
    assert any("40.00 % of" not in reason and "60.00 % of the intended rate" in reason for reason in made.reasons)
    assert [reason for reason in made.health.reasons if reason in made.reasons] == list(made.health.reasons)


def test_an_idle_generator_beside_a_slow_service_is_fit(tmp_path: Path) -> None:
    """Half a second for each answer, sent when they were due: the verdict is the service's."""
    intervals = [
        interval(
            second,
            series("/a", [500 * MS] * 100, send_lag_us=[60] * 100),
            scheduled=100, sent=100, health={"cpu": 0.2, "loop_lag_ms": 0.8},
        )
        for second in range(20)
    ]  # fmt: skip
    made = summary(tmp_path, intervals, started_open(planned_s=20.0), "p95 < 100ms")
    assert (made.verdict, made.health.verdict, made.health.warnings) == (Verdict.FAIL, Verdict.PASS, ())
    assert summary(tmp_path / "2", intervals, started_open(planned_s=20.0), "p95 < 1s").verdict is Verdict.PASS


def test_the_summary_of_an_open_scenario(tmp_path: Path) -> None:
    """Its workload, what became of its arrivals, its send lag; the generator's health sums them up."""
    intervals = [
        interval(second, series("/a", [5 * MS] * 99, send_lag_us=[60] * 99), scheduled=100, sent=99, dropped=1)
        for second in range(20)
    ]
    made = summary(tmp_path, intervals, started_open(planned_s=20.0), "error_rate < 20%")
    data = made.to_json()
    scenario = data["scenarios"]["load"]
    assert scenario["workload"] == "open"
    assert scenario["arrivals"] == {
        "scheduled": 2000, "sent": 1980, "dropped": 20, "late": 0, "rate_intended": 100.0, "rate_achieved": 99.0,
    }  # fmt: skip
    assert scenario["error_rate"] == 0
    assert scenario["send_lag_ms"]["p99"] == 0.06
    assert data["health"]["send_lag_ms"] == {"p50": 0.06, "p99": 0.06, "max": 0.06}
    assert data["health"]["dropped"] == 20
    assert made.reasons[1].startswith("load: 20 of 2,000 arrivals (1.00 %) found no user free")
    assert made.verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("event", "spec", "workload"),
    [
        ({"workload": "open"}, {}, "open"),
        ({"workload": "closed"}, {"rate": 5}, "closed"),
        (None, {"rate": 5}, "open"),
        (None, {"stages": [{"users": 5}, {"ramp_to": 9}]}, "closed"),
        (None, {"stages": [{"ramp_to": "20/s"}]}, "open"),
        (None, {"stages": [{"rate": 1}]}, "open"),
        (None, {}, "closed"),
    ],
)
def test_open_or_closed(tmp_path: Path, event: Any, spec: dict[str, Any], workload: str) -> None:
    """As the run says, else as the plan does."""
    run_json = manifest()
    run_json["plan"]["scenarios"]["load"] |= spec
    run = make_run(
        tmp_path / "run",
        [interval(0, series("/a", [MS]))],
        events=[] if event is None else [started() | event],
        run_json=run_json,
    )
    assert summarize(run).scenarios["load"].workload == workload


def test_a_closed_scenario_has_drops_only_where_there_are(tmp_path: Path) -> None:
    """What does not apply is absent."""
    data = summary(tmp_path, [interval(0, series("/a", [MS] * 9), dropped=2)], started()).to_json()
    assert data["scenarios"]["load"]["dropped"] == data["health"]["dropped"] == 2
    assert {"arrivals", "send_lag_ms"}.isdisjoint(data["scenarios"]["load"])


def test_what_was_told_while_it_ran_is_not_told_again(tmp_path: Path) -> None:
    """The watch's warnings are found again with better figures; those of others stand."""
    events = [
        {"at_ms": 1, "type": "warning", "message": "seen live", "source": "watch"},
        {"at_ms": 1, "type": "warning", "message": "something else"},
    ]
    run = make_run(tmp_path / "run", [interval(0, series("/a", [MS]))], events=events)
    assert [reason for reason in summarize(run).reasons if "live" in reason or "else" in reason] == ["something else"]
