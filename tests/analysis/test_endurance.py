"""Endurance: verdicts on simulated runs of ten minutes and of hours, and on what each metric is held to.

A simulated run has response times, requests and failures with noise, and a target that a monitor read. The seeds are
fixed; the rates that are asked for stand in each test.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from tests.analysis.simulated_queues import Floats, ar1

from loadworthy.analysis.drift import trend_of
from loadworthy.analysis.endurance import DriftReport, MetricDrift, judge_endurance, warm_up
from loadworthy.analysis.endurance_metrics import (
    ERROR_RATE,
    HELD,
    MEMORY,
    POOL_SHARE,
    RESPONSE_TIME,
    THROUGHPUT,
    Kind,
    Stretch,
    kind_of,
    steady_stretch,
    step_s,
)
from loadworthy.analysis.resources import ResourceSeries
from loadworthy.analysis.timeline import Second
from loadworthy.analysis.verdict import Verdict

RUNS = 200
TARGET = "process on port 8000"
MB = 1_000_000


@dataclass
class SimulatedRun:
    """What to simulate; shares and levels are those at the end of the run, reached in a line."""

    length_s: int = 600
    phi: float = 0.6
    rate: float = 100
    slower: float = 0.0
    fewer: float = 0.0
    failing: float = 0.001
    failing_more: float = 0.0
    leak_per_min: float = 0.0
    base_bytes: float = 45 * MB
    noise_bytes: float = 0.3 * MB
    is_open: bool = False
    warm_up_s: float = 0.0
    readings: dict[str, Floats] = field(default_factory=dict)

    def seconds(self, seed: int) -> list[Second]:
        rng = np.random.default_rng(seed)
        at_s = np.arange(self.length_s)
        grown = at_s / self.length_s
        start = 1 + (20 * np.exp(-at_s / self.warm_up_s) if self.warm_up_s else 0)
        slower = (1 + self.slower * grown) * start
        times = [
            level * (1 + noise * ar1(rng, self.length_s, self.phi)) * slower
            for level, noise in ((20.0, 0.05), (50.0, 0.08), (90.0, 0.1))
        ]
        requests = rng.poisson(self.rate, self.length_s)
        done = np.round(requests * (1 - self.fewer * grown)).astype(int)
        failures = rng.binomial(done, self.failing + self.failing_more * grown)
        return [
            Second(
                at_s=second,
                requests=int(done[second]),
                failures=int(failures[second]),
                throughput=float(done[second]),
                failure_rate=float(failures[second]),
                p50_ms=float(times[0][second]),
                p95_ms=float(times[1][second]),
                p99_ms=float(times[2][second]),
                users=10,
                intended=float(requests[second]) if self.is_open else None,
            )
            for second in range(self.length_s)
        ]

    def resources(self, seed: int, *after: float) -> ResourceSeries:
        rng = np.random.default_rng(seed + 1_000_000)
        leaked = self.leak_per_min / 60 * np.arange(self.length_s)
        memory = self.base_bytes + leaked + self.noise_bytes * ar1(rng, self.length_s, self.phi)
        metrics = {metric: points(values) for metric, values in {"memory_bytes": memory, **self.readings}.items()}
        metrics["memory_bytes"] += [(self.length_s + 1.0 + at, value) for at, value in enumerate(after)]
        return ResourceSeries(float(self.length_s), {TARGET: metrics})

    def judge(self, seed: int, *after: float, **limits: float) -> DriftReport:
        return judge_endurance(self.seconds(seed), self.resources(seed, *after), limits)


def points(values: Floats) -> list[tuple[float, float]]:
    return [(float(at), float(value)) for at, value in enumerate(values)]


def line(first: float, last: float, length_s: int = 600) -> Floats:
    return np.linspace(first, last, length_s + 1)[:-1]


def of(report: DriftReport, metric: str) -> MetricDrift:
    (found,) = [one for one in report.metrics if one.metric == metric]
    return found


# False alarms, and what is found.


@pytest.mark.parametrize("phi", [0.6, 0.8])
def test_a_service_that_does_not_drift_rarely_fails(phi: float) -> None:
    """Of 200 runs with noise that hangs together at most 8 % may; none does, for a drift must also be large."""
    verdicts = [SimulatedRun(phi=phi).judge(seed).verdict for seed in range(RUNS)]
    assert verdicts.count(Verdict.FAIL) <= 0.08 * RUNS
    assert verdicts.count(Verdict.FAIL) == 0
    assert verdicts.count(Verdict.PASS) > 0.8 * RUNS


def test_significance_alone_rarely_alarms_over_all_metrics() -> None:
    """Any of six metrics with p < 5 % after Holm's correction: at most 8 % of 200 runs, warm-up cut and all."""
    alarms = 0
    for seed in range(RUNS):
        report = SimulatedRun().judge(seed)
        assert len(report.metrics) == 6
        alarms += min(one.p_value for one in report.metrics) * 6 < 0.05
    assert alarms <= 0.08 * RUNS


@pytest.mark.parametrize("base_bytes", [45 * MB, 200 * MB])
def test_a_leak_is_found_with_its_slope_and_its_end(base_bytes: float) -> None:
    """1 MB a minute for ten minutes: fails in every run of 200, and the true slope is inside in at least 90 %."""
    held = 0
    for seed in range(RUNS):
        simulated = SimulatedRun(leak_per_min=MB, base_bytes=base_bytes)
        memory = of(simulated.judge(seed, base_bytes + 10 * MB, memory_bytes=2e9), "memory_bytes")
        assert memory.verdict is Verdict.FAIL
        assert memory.falls_after_load is False
        assert memory.time_to_limit_s == pytest.approx((2e9 - base_bytes - 10 * MB) / MB * 60, rel=0.1)
        held += memory.low <= 60 * MB <= memory.high
    assert held >= 0.9 * RUNS


def test_a_leak_reads_as_people_would_say_it() -> None:
    """What, how much, how sure, when it ends, and what became of it."""
    report = SimulatedRun(leak_per_min=MB, noise_bytes=0).judge(1, 55.0 * MB, memory_bytes=2e9)
    assert of(report, "memory_bytes").reason == (
        "memory_bytes of process on port 8000 grew by 60.0 MB an hour (95 %: 60.0 MB to 60.0 MB), +22 % over the run; "
        "at that pace it reaches its limit of 2.0 GB in 32 h 25 min; it did not fall after the load"
    )


def test_a_drift_of_no_importance_passes_however_sure_it_is() -> None:
    """5 % in eight hours is significant, and less than matters."""
    found = of(SimulatedRun(length_s=8 * 3600, slower=0.05).judge(1), "response_time_p95")
    assert found.p_value < 0.001
    assert found.verdict is Verdict.PASS
    assert "grew by" in found.reason
    assert found.reason.endswith("over the run; less than the +20 % that would matter")


def test_a_change_for_the_better_is_no_fault() -> None:
    """Half as slow, fewer failures, less memory."""
    simulated = SimulatedRun(slower=-0.5, failing=0.02, failing_more=-0.02, leak_per_min=-MB)
    report = simulated.judge(1, 30.0 * MB, memory_bytes=2e9, response_time_p50=60)
    assert report.verdict is Verdict.PASS
    assert "fell by" in of(report, "response_time_p50").reason
    assert of(report, "memory_bytes").falls_after_load is None
    assert of(report, "memory_bytes").time_to_limit_s is None
    assert of(report, "response_time_p50").time_to_limit_s is None


@pytest.mark.parametrize(
    ("simulated", "metric"),
    [
        (SimulatedRun(slower=0.4), "response_time_p50"),
        (SimulatedRun(slower=0.4), "response_time_p99"),
        (SimulatedRun(failing_more=0.02), "error_rate"),
        (SimulatedRun(fewer=0.2), "throughput"),
        (SimulatedRun(fewer=0.2, is_open=True), "throughput"),
        (SimulatedRun(readings={"descriptors": line(40, 60)}), "descriptors"),
        (SimulatedRun(readings={"threads": line(10, 20)}), "threads"),
        (SimulatedRun(readings={"connections": line(10, 20)}), "connections"),
        (SimulatedRun(readings={"db_pool_connections": line(10, 20)}), "db_pool_connections"),
        (SimulatedRun(readings={"db_pool_usage_ratio": line(0.4, 0.6)}), "db_pool_usage_ratio"),
    ],
)
def test_every_metric_can_fail_and_no_other_does(simulated: SimulatedRun, metric: str) -> None:
    """What grew by twice its limit fails, and brings down the whole."""
    report = simulated.judge(3)
    assert of(report, metric).verdict is Verdict.FAIL
    assert report.verdict is Verdict.FAIL
    held = [one.metric for one in report.metrics if one.verdict is Verdict.FAIL and "response" not in one.metric]
    assert held == ([metric] if "response" not in metric else [])


def test_noise_too_wild_for_the_length_is_undecided() -> None:
    """The interval holds no change as well as a large one; the same noise over two hours passes."""
    wild = SimulatedRun(length_s=300, noise_bytes=20 * MB)
    found = of(wild.judge(5), "memory_bytes")
    assert found.verdict is Verdict.UNDECIDED
    assert "may have drifted" in found.reason
    assert found.reason.endswith("run longer to tell")
    assert of(replace(wild, length_s=7200, noise_bytes=2 * MB).judge(5), "memory_bytes").verdict is Verdict.PASS


def test_many_metrics_ask_for_more_evidence() -> None:
    """A large change that would be significant alone may be chance beside 25 others: that is not known, not a pass."""
    rng = np.random.default_rng(1)  # p = 1.3 %
    wave = 100 + 30 * np.repeat(rng.normal(size=25), 24) + line(0, 60)
    alone = judge_endurance([], ResourceSeries(600.0, {"a": {"threads": points(wave)}}))
    assert 0.002 < alone.metrics[0].p_value < 0.05
    assert alone.verdict is Verdict.FAIL
    noise = {f"x{one}_threads": points(100 + rng.normal(size=600)) for one in range(25)}
    among = judge_endurance([], ResourceSeries(600.0, {"a": {"threads": points(wave), **noise}}))
    assert of(among, "threads").verdict is Verdict.UNDECIDED
    assert "may yet be chance" in of(among, "threads").reason


def test_what_levels_off_is_no_leak_yet() -> None:
    """A cache that fills: grown, but clearly slower in the second half. At most 5 of 100 are taken for a leak."""
    filling = 20 * MB * (1 - np.exp(-np.arange(600) / 120))
    verdicts = []
    for seed in range(100):
        resources = SimulatedRun().resources(seed)
        points_ = resources.points[TARGET]["memory_bytes"]
        resources.points[TARGET]["memory_bytes"] = [(at, value + filling[int(at)]) for at, value in points_]
        found = judge_endurance([], resources, {"memory_bytes": 1e9}).metrics[0]
        verdicts.append(found.verdict)
        assert found.verdict is Verdict.FAIL or found.time_to_limit_s is None
    assert verdicts.count(Verdict.UNDECIDED) >= 95
    assert "slower in the second half: run longer" in found.reason


# Where the figures come from.


def test_the_warm_up_is_cut_off() -> None:
    """A start that is twenty times as slow, and decays with 40 s: more than 140 s go, for all metrics."""
    memory = line(45, 45) * MB
    memory[:140] = line(10, 45, 140) * MB
    simulated = SimulatedRun(warm_up_s=40, readings={"app_memory_bytes": memory})
    report = simulated.judge(2)
    assert 140 <= report.warm_up_s <= 150
    assert report.to_json()["warm_up_s"] == report.warm_up_s
    assert of(report, "app_memory_bytes").reason == f"app_memory_bytes of {TARGET} stayed at 45.0 MB"
    assert of(report, "response_time_p50").verdict is Verdict.PASS


def test_a_warm_up_hides_no_drift() -> None:
    """Slow at first, then quick, then 40 % slower by and by."""
    report = SimulatedRun(slower=0.4, warm_up_s=10).judge(2)
    assert of(report, "response_time_p50").verdict is Verdict.FAIL


def test_no_more_than_a_quarter_is_cut_off() -> None:
    """A start that takes a third of the run is steady afterwards, but a quarter is the most."""
    seconds = [replace(one, p50_ms=300.0 if one.at_s < 200 else 20.0) for one in SimulatedRun().seconds(1)]
    cut, remarks = warm_up(seconds)
    assert cut == pytest.approx(150, abs=1)
    assert remarks == []


def test_what_never_settles_is_said_and_used_whole() -> None:
    """Response times that grow from end to end have no warm-up."""
    report = SimulatedRun(slower=5, phi=0).judge(1)
    assert report.warm_up_s <= 20  # that of the throughput
    assert report.remarks == ("the median response time never became steady, so no warm-up was cut off by it",)


def test_seconds_after_the_load_are_not_judged() -> None:
    """While users stop, hardly anything is done; that is no loss of throughput."""
    simulated = SimulatedRun()
    seconds = simulated.seconds(1)
    stopping = [replace(seconds[-1], at_s=600 + at, throughput=0.0, requests=0) for at in range(60)]
    whole = judge_endurance([*seconds, *stopping], duration_s=600.0)
    assert whole.metrics == judge_endurance(seconds).metrics
    assert judge_endurance([*seconds, *stopping], simulated.resources(1)).metrics == simulated.judge(1).metrics


def test_percentiles_come_from_longer_steps_where_seconds_have_too_few() -> None:
    """A p99 that only every tenth second can name says nothing of the others."""
    seconds = SimulatedRun(slower=0.5).seconds(1)
    sparse = [replace(one, p99_ms=one.p99_ms if one.at_s % 10 == 0 else None) for one in seconds]
    missing = judge_endurance(sparse)
    assert "response_time_p99" not in missing.by_key()
    assert missing.remarks == ("the drift of the p99 was not judged: too few requests to name it",)
    assert step_s(600) == 20
    steps = [replace(seconds[at], p99_ms=90 * (1 + 0.5 * at / 600)) for at in range(0, 600, 20)]
    found = of(judge_endurance(sparse, steps=steps), "response_time_p99")
    assert found.verdict is Verdict.FAIL
    assert found.slope_per_h == pytest.approx(90 * 0.5 * 6)


def test_steps_are_enough_when_a_quarter_is_cut_off() -> None:
    """Of 30 steps 22 are left, and 20 are needed; a short run has none shorter than a second."""
    seconds = SimulatedRun().seconds(1)
    slow = [replace(one, p50_ms=300.0 if one.at_s < 148 else 20.0, p99_ms=None) for one in seconds]
    steps = [one for one in seconds if one.at_s % step_s(600) == 0]
    report = judge_endurance(slow, steps=steps)
    assert report.warm_up_s > 145
    assert "response_time_p99" in report.by_key()
    assert step_s(0) == 1


def test_garbage_is_no_leak() -> None:
    """A collector that lets more and more lie, up to twice what is needed: its floor stays where it is."""
    rng = np.random.default_rng(8)
    garbage = line(5, 45) * MB * rng.uniform(size=600)
    garbage[rng.uniform(size=600) < 0.2] = 0
    found = of(
        SimulatedRun(noise_bytes=0, readings={"app_memory_bytes": 45 * MB + garbage}).judge(1), "app_memory_bytes"
    )
    assert found.verdict is Verdict.PASS
    assert found.change_share == pytest.approx(0, abs=0.01)


def test_rare_failures_are_seen() -> None:
    """From 0 to 3 % at ten requests a second: most seconds have no failure at all, and the batches tell."""
    simulated = SimulatedRun(rate=10, length_s=3600, failing=0, failing_more=0.03)
    seconds = simulated.seconds(1)
    assert np.median([one.failures for one in seconds]) == 0
    found = of(judge_endurance(seconds), "error_rate")
    assert found.verdict is Verdict.FAIL
    assert "+3.0" in found.reason or "+2.9" in found.reason
    assert "points over the run" in found.reason


def test_chance_in_arrivals_is_no_drift_of_throughput() -> None:
    """Arrivals at 10/s vary by a third from second to second; set against what was meant to arrive, 95 of 100 pass."""
    reports = [judge_endurance(SimulatedRun(rate=10, is_open=True, failing=0).seconds(seed)) for seed in range(100)]
    assert sum(of(report, "throughput").verdict is Verdict.PASS for report in reports) >= 95


def test_the_generator_itself_is_not_judged() -> None:
    """Its memory is no fault of the service."""
    leaking = points(line(1, 100) * MB)
    resources = ResourceSeries(600.0, {"generator": {"memory_bytes": leaking}, TARGET: {"memory_bytes": leaking}})
    assert [one.source for one in judge_endurance([], resources).metrics] == [TARGET]


@pytest.mark.parametrize(
    ("metric", "kind"),
    [
        ("memory_bytes", MEMORY),
        ("process_resident_memory_bytes", MEMORY),
        ("worker_rss_bytes", MEMORY),
        ('jvm_memory_bytes_used{area="heap"}', MEMORY),
        ("process_virtual_memory_bytes", None),
        ("memory_bytes_limit", None),
        ("descriptors", HELD),
        ("process_open_fds", HELD),
        ("process_max_fds", None),
        ("threads", HELD),
        ("connections", HELD),
        ("max_connections", None),
        ('db_pool_connections{state="in_use"}', HELD),
        ('db_pool_connections{state="idle"}', None),
        ("db_pool_size", None),
        ("db_pool_usage_ratio", POOL_SHARE),
        ("rate(pool_timeouts_total)", None),
        ("cpu", None),
        ("database_size_bytes", None),
        ("active", None),
    ],
)
def test_what_a_metric_is_stands_in_its_name(metric: str, kind: Kind | None) -> None:
    """Settings, mirror images of what is in use, and rates are not judged."""
    assert kind_of(metric) is kind


# A load that changes by plan.


def at_load(seconds: list[Second], *loads: tuple[int, float], is_open: bool = False, seed: int = 7) -> list[Second]:
    """The seconds with a load that is so much of what it was, each for so many of them; what is done goes with it."""
    shares = np.concatenate([np.full(length_s, share) for length_s, share in loads])[: len(seconds)]
    arrivals = np.random.default_rng(seed).poisson(shares * 100)
    return [
        replace(
            one,
            users=round(10 * share),
            requests=int(one.requests * share),
            throughput=one.throughput * share,
            intended=float(arriving) if is_open else None,
        )
        for one, share, arriving in zip(seconds, shares, arrivals, strict=True)
    ]


@pytest.mark.parametrize("is_open", [False, True])
@pytest.mark.parametrize("seed", range(10))
def test_a_planned_change_of_load_is_no_decay(is_open: bool, seed: int) -> None:
    """Half the users after two thirds of an hour: the throughput fell by plan, and only the time before is judged."""
    run = SimulatedRun(length_s=3600, readings={"threads": np.repeat([40.0, 20.0], [2400, 1200])})
    seconds = at_load(run.seconds(seed), (2400, 1), (1200, 0.5), is_open=is_open, seed=seed)
    report = judge_endurance(seconds, run.resources(seed))
    assert report.verdict is Verdict.PASS
    assert report.until_s == pytest.approx(2400, abs=21)
    assert any(text.startswith("only the time from 0 s to ") for text in report.remarks)
    assert any(text.endswith("was judged: the load changed after") for text in report.remarks)


@pytest.mark.parametrize("is_open", [False, True])
def test_steps_upwards_are_no_leak(is_open: bool) -> None:
    """Connections, threads and memory grow with the users; what leaks in the longest step is found all the same."""
    steps = ((600, 0.5), (600, 1.0), (1800, 1.5), (600, 2.0))
    levels = np.concatenate([np.full(length_s, share) for length_s, share in steps])
    run = SimulatedRun(
        length_s=3600, noise_bytes=0, readings={"threads": 40 * levels, "app_memory_bytes": 45 * MB * levels}
    )
    seconds = at_load(run.seconds(3), *steps, is_open=is_open)
    report = judge_endurance(seconds, run.resources(3))
    assert report.verdict is Verdict.PASS
    assert 1200 <= report.warm_up_s <= 1221 + 450
    assert report.until_s == pytest.approx(3000, abs=21)
    (remark,) = report.remarks
    assert remark.startswith("only the time from 20 min")
    assert remark.endswith("was judged: the load changed before and after")
    assert "threads" in report.by_key()
    leaking = run.resources(3)
    leaking.points[TARGET]["threads"] = [(at, value + at / 30) for at, value in leaking.points[TARGET]["threads"]]
    assert of(judge_endurance(seconds, leaking), "threads").verdict is Verdict.FAIL


def test_what_monitors_read_after_the_steady_stretch_is_not_judged() -> None:
    """Twice the users for the last 45 % of the time hold twice the threads."""
    run = SimulatedRun(length_s=3600, readings={"threads": np.repeat([40.0, 80.0], [2000, 1600])})
    report = judge_endurance(at_load(run.seconds(1), (2000, 1), (1600, 2)), run.resources(1))
    assert report.until_s == 2000
    assert of(report, "threads").change == 0
    assert of(report, "threads").verdict is Verdict.PASS


@pytest.mark.parametrize("is_open", [False, True])
def test_a_ramp_at_the_beginning_is_part_of_the_warm_up(is_open: bool) -> None:
    """Users come for 40 s, and leave in the last seconds: all between is judged, and no word is said of it."""
    ramp = [(1, share / 40) for share in range(1, 41)]
    for seed in range(20):
        seconds = SimulatedRun().seconds(seed)
        report = judge_endurance(at_load(seconds, *ramp, (557, 1), (3, 0.3), is_open=is_open, seed=seed))
        assert len(report.metrics) == 5
        assert report.remarks == ()
        assert report.until_s is None
        assert 35 <= report.warm_up_s <= 61 + 135


def test_a_steady_run_is_judged_whole() -> None:
    """Poisson arrivals at any rate: at most 1 of 100 runs loses a second. So is a run of which no load is known."""
    rng = np.random.default_rng(5)
    empty = SimulatedRun().seconds(1)[0]
    for rate in (0.2, 1.0, 10.0, 100.0, 2000.0):
        cut = 0
        for _ in range(100):
            arrivals = rng.poisson(rate, 900)
            seconds = [replace(empty, at_s=at, intended=float(count)) for at, count in enumerate(arrivals)]
            cut += steady_stretch(seconds).length_s < 900
        assert cut <= 1, rate
    idle = [replace(empty, at_s=at, users=0) for at in range(600)]
    assert steady_stretch(idle) == (0, 600, 600)
    assert steady_stretch(idle, 300.5) == (0, 300.5, 300.5)
    assert steady_stretch([]) == (0, 0, 0)


def test_what_a_steady_load_is() -> None:
    """A second or two with other users change nothing, nor does 1 in 20; 1 in 10 does, and the later half is taken."""
    whole = SimulatedRun().seconds(1)

    def users(*counts: int) -> Stretch:
        each = len(whole) // len(counts)
        return steady_stretch([replace(one, users=counts[one.at_s // each]) for one in whole])

    assert users(20, 21) == (0, 600, 600)
    assert users(20, 22) == (300, 600, 600)
    assert users(20, 21, 23, 20) == (0, 300, 600)
    assert users(20, 21, 22, 20) == (150, 450, 600)
    assert users(0, 0, 5) == (400, 600, 600)
    glitch = [replace(one, users=4 if one.at_s in (300, 301) else 10) for one in whole]
    assert steady_stretch(glitch) == (0, 600, 600)


@pytest.mark.parametrize("rate", [1, 10, 100, 1000])
def test_a_change_of_rate_is_found_to_two_blocks(rate: int) -> None:
    """To half the rate, and a minute at twice the rate; at 1/s to 20 arrivals more, and a minute may go unseen."""
    rng = np.random.default_rng(6)
    empty = SimulatedRun().seconds(1)[0]

    def stretch(*loads: tuple[int, float]) -> Stretch:
        rates = np.concatenate([np.full(length_s, share * rate) for length_s, share in loads])
        return steady_stretch([replace(empty, at_s=at, intended=float(x)) for at, x in enumerate(rng.poisson(rates))])

    slack_s = 140 if rate == 1 else 41
    for _ in range(20):
        assert stretch((605, 1), (300, 0.5)).to_s == pytest.approx(605, abs=slack_s)
        assert stretch((305, 0.5), (595, 1)).from_s == pytest.approx(305, abs=slack_s)
        if rate > 1:
            assert stretch((615, 1), (300, 0.5)).to_s <= 615
            assert stretch((600, 1), (60, 2), (1200, 1)).from_s == pytest.approx(660, abs=slack_s)


@pytest.mark.parametrize("is_open", [False, True])
def test_a_load_that_is_never_steady_is_not_judged(is_open: bool) -> None:
    """Users come from the first second to the last."""
    seconds = at_load(SimulatedRun().seconds(1), *[(1, 0.1 + at / 50) for at in range(600)], is_open=is_open)
    report = judge_endurance(seconds)
    assert report.metrics == ()
    (remark,) = report.remarks
    assert remark.startswith("no drift was judged: that takes at least 20 batches over two minutes after the warm-up, ")
    assert "and the load was steady only from " in remark


def test_longer_steps_lie_within_the_steady_stretch() -> None:
    """The step in which the load changes belongs to neither."""
    seconds = at_load(SimulatedRun(length_s=1500).seconds(1), (1010, 1), (490, 0.5))
    fine = [replace(one, p99_ms=None) for one in seconds]
    steps = [replace(one, p99_ms=9000.0 if one.at_s >= 990 else 90.0) for one in seconds if one.at_s % 30 == 0]
    found = of(judge_endurance(fine, steps=steps), "response_time_p99")
    assert (found.change, found.p_value) == (0, 1)
    assert steady_stretch(seconds).length_s == 1010


# What is large, the limits, and after the load.


@pytest.mark.parametrize(
    ("kind", "first", "hours", "large"),
    [
        (RESPONSE_TIME, 100, 1, 20),
        (RESPONSE_TIME, 2, 1, 1),
        (ERROR_RATE, 0.2, 1, 0.005),
        (THROUGHPUT, 100, 1, 5),
        (HELD, 20, 1, 5),
        (HELD, 200, 1, 20),
        (POOL_SHARE, 0.5, 1, 0.1),
        (MEMORY, 5 * MB, 1, 1 * MB),
        (MEMORY, 1000 * MB, 0.25, 20 * MB),
        (MEMORY, 1000 * MB, 2.4, 50 * MB),
        (MEMORY, 1000 * MB, 12, 100 * MB),
    ],
)
def test_from_when_on_a_change_matters(kind: Kind, first: float, hours: float, large: float) -> None:
    """The table of limits. Memory: 10 %, or less if it comes to 50 % in 24 hours, but never less than 2 %."""
    drift = trend_of([(float(at), first) for at in range(20)], 0, hours * 3600)
    assert kind.large(drift) == pytest.approx(large)


def test_limits_are_read_beside_a_metric_or_given() -> None:
    """``max_connections`` of PostgreSQL, the descriptors that a process may have, a pool that is full at 100 %."""
    metrics = {
        "connections": points(line(10, 40)),
        "max_connections": points(line(100, 100)),
        "process_open_fds": points(line(24, 124)),
        "process_max_fds": points(line(1024, 1024)),
        "db_pool_usage_ratio": points(line(0.2, 0.6)),
        "threads": points(line(10, 40)),
    }
    resources = ResourceSeries(600.0, {"postgres here": metrics})
    report = judge_endurance([], resources, {"postgres here threads": 50, "threads": 1})
    assert {one.metric: one.limit for one in report.metrics} == {
        "connections": 100, "process_open_fds": 1024, "db_pool_usage_ratio": 1, "threads": 50,
    }  # fmt: skip
    left_s = {"connections": 1200, "process_open_fds": 5400, "db_pool_usage_ratio": 600, "threads": 200}
    for metric, expected_s in left_s.items():
        assert of(report, metric).time_to_limit_s == pytest.approx(expected_s, rel=0.01)
    assert "at that pace it reaches its limit of 100 % in 10 min" in of(report, "db_pool_usage_ratio").reason
    assert "grew by 240.00 points an hour" in of(report, "db_pool_usage_ratio").reason


def test_limits_on_response_times_and_throughput() -> None:
    """Upwards or downwards; one that is passed is reached in no time, one that is not drifted to never."""
    simulated = SimulatedRun(slower=0.5, fewer=0.2)
    report = simulated.judge(1, response_time_p50=60, response_time_p95=60, throughput=40)
    assert of(report, "response_time_p50").time_to_limit_s == pytest.approx(1800, rel=0.2)
    assert of(report, "response_time_p95").time_to_limit_s == 0
    assert "it is past its limit of 60.0 ms" in of(report, "response_time_p95").reason
    assert of(report, "throughput").time_to_limit_s == pytest.approx(1200, rel=0.3)
    steady = of(SimulatedRun().judge(1, response_time_p95=60), "response_time_p95")
    assert (steady.limit, steady.time_to_limit_s) == (60, None)


@pytest.mark.parametrize(("after_mb", "falls"), [((), None), ((55, 54), False), ((55, 49), True), ((46, 53), True)])
def test_whether_it_falls_after_the_load(after_mb: tuple[float, ...], falls: bool | None) -> None:
    """By at least half of the 10 MB that it had gained, at any time after the load."""
    report = SimulatedRun(leak_per_min=MB).judge(1, *(value * MB for value in after_mb))
    assert of(report, "memory_bytes").falls_after_load is falls
    words = {None: "over the run", True: "it fell again after the load", False: "it did not fall after the load"}
    assert of(report, "memory_bytes").reason.endswith(words[falls])


# Forms.


def test_two_sources_with_a_metric_of_one_name_are_told_apart() -> None:
    """The source stands in front only where it must."""
    flat = points(line(50, 50))
    resources = ResourceSeries(600.0, {"a": {"memory_bytes": flat}, "b": {"memory_bytes": flat, "threads": flat}})
    assert list(judge_endurance([], resources).by_key()) == ["a memory_bytes", "b memory_bytes", "threads"]


def test_its_json() -> None:
    """Plain data; what does not apply is left out, what is unknown is null."""
    report = SimulatedRun(noise_bytes=0).judge(1)
    data = json.loads(json.dumps(report.to_json()))
    assert set(data) == {"drift", "warm_up_s"}
    assert data["drift"]["memory_bytes"] == {
        "source": TARGET, "slope_per_h": 0, "low": 0, "high": 0, "change": 0, "change_share": 0, "p_value": 1,
        "verdict": "pass", "reason": "memory_bytes of process on port 8000 stayed at 45.0 MB", "falls_after_load": None,
    }  # fmt: skip
    assert set(data["drift"]["throughput"]) == {
        "slope_per_h", "low", "high", "change", "change_share", "p_value", "verdict", "reason",
    }  # fmt: skip
    assert SimulatedRun().judge(1, throughput=1).to_json()["drift"]["throughput"]["time_to_limit_s"] is None


def test_what_began_at_nothing_has_no_share() -> None:
    """From no descriptors to twenty: large, and told in numbers."""
    found = judge_endurance([], ResourceSeries(600.0, {"a": {"descriptors": points(line(0, 20))}})).metrics[0]
    assert found.verdict is Verdict.FAIL
    assert found.change_share is None or found.change_share > 100
    assert "grew by 120 an hour" in found.reason


def test_that_nothing_was_judged_is_said_first() -> None:
    """Before what never became steady."""
    report = judge_endurance(SimulatedRun(length_s=100, slower=9, phi=0).seconds(1))
    assert [words.partition(":")[0].partition(" never")[0] for words in report.remarks] == [
        "no drift was judged",
        "the median response time",
    ]


@pytest.mark.parametrize("length_s", [0, 60, 119])
def test_a_run_that_is_too_short_is_not_judged(length_s: int) -> None:
    """And says why."""
    report = judge_endurance(SimulatedRun(length_s=max(length_s, 1)).seconds(1)[:length_s])
    assert report.metrics == ()
    assert report.verdict is Verdict.UNDECIDED
    assert report.remarks == ("no drift was judged: that takes at least 20 batches over two minutes after the warm-up",)
    assert report.to_json() == {"drift": {}, "warm_up_s": report.warm_up_s}
