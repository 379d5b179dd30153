"""One run, measured for a comparison: figures as in its summary, and how sure they are by its windows."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from tests.support.compared import FRACTIONS, lognormal_series, simulated_intervals
from tests.support.runs import interval, make_run, series

from loadworthy.analysis.samples_by_window import ALL, sample_run, with_capacity
from loadworthy.analysis.summarize import summarize
from loadworthy.record.histogram import Histogram
from loadworthy.record.interval import Interval


def test_figures_are_those_of_the_summary(tmp_path: Path) -> None:
    """Percentiles, throughput and the error rate, of the whole and of each series; what came at the end counts, too."""
    rng = np.random.default_rng(1)
    intervals = simulated_intervals(rng, names=("/items", "/orders"), is_open=False, failures=3)
    last = interval(20, lognormal_series(rng, 40, 90_000))
    last.stopping = True
    run = make_run(tmp_path / "run", [*intervals, last])
    whole = summarize(run).scenarios["load"]
    sample = sample_run("run", run.intervals(), FRACTIONS).scenarios["load"]
    assert list(sample.series) == [ALL, "GET /items", "GET /orders"]
    for label, figures in ((ALL, whole.figures), *whole.series.items()):
        one = sample.series[label]
        times = figures.response_time_ms
        shown = [round(math.exp(one.log_percentiles[fraction].value) / 1000, 3) for fraction in FRACTIONS]
        assert shown == pytest.approx([times.p50, times.p95, times.p99], abs=0.0015)
        assert one.requests == figures.requests
        assert one.bad_share is not None
        assert one.bad_share.value == pytest.approx(figures.error_rate)
        assert one.log_throughput is not None
        assert math.exp(one.log_throughput.value) == pytest.approx(figures.throughput)


def bursty(rng: np.random.Generator, seconds: int) -> list[Interval]:
    """Seconds that are slow together: the requests of one are anything but independent."""
    return [
        interval(second, lognormal_series(rng, int(rng.integers(60, 140)), 20_000 * math.exp(rng.normal(0, 0.3))))
        for second in range(seconds)
    ]


@pytest.mark.parametrize("fraction", FRACTIONS)
def test_the_error_of_a_percentile_is_what_resampling_the_windows_gives(fraction: float) -> None:
    """Against a plain bootstrap over the windows, within 25 % (seed 4); requests as such would say a third of it."""
    rng = np.random.default_rng(4)
    intervals = bursty(rng, 50)
    one = sample_run("run", intervals, FRACTIONS).scenarios["load"].series[ALL].log_percentiles[fraction]
    drawn = []
    for _ in range(400):
        picked = rng.integers(0, len(intervals), len(intervals))
        merged = Histogram.merged(intervals[index].series[0].response for index in picked)
        drawn.append(math.log(merged.percentile_us(fraction) or 0))
    assert one.se == pytest.approx(float(np.std(drawn)), rel=0.25)


def test_the_errors_of_shares_and_rates_are_what_resampling_the_windows_gives() -> None:
    """Against a plain bootstrap, within 15 % (seed 5)."""
    rng = np.random.default_rng(5)
    counts = rng.poisson(100, 60)
    bad = [int(rng.binomial(count, share)) for count, share in zip(counts, rng.uniform(0, 0.2, 60), strict=True)]
    intervals = [
        interval(second, series("/", [1000] * int(count), failures={"status": failed}))
        for second, (count, failed) in enumerate(zip(counts, bad, strict=True))
    ]
    whole = sample_run("run", intervals, FRACTIONS).scenarios["load"].series[ALL]
    picks = rng.integers(0, 60, (4000, 60))
    shares = np.asarray(bad)[picks].sum(axis=1) / counts[picks].sum(axis=1)
    inner = counts[1:-1][rng.integers(0, 58, (4000, 58))].mean(axis=1)
    assert whole.bad_share is not None
    assert whole.bad_share.se == pytest.approx(float(np.std(shares)), rel=0.15)
    assert whole.log_throughput is not None
    assert whole.log_throughput.se == pytest.approx(float(np.std(inner) / np.mean(inner)), rel=0.15)


def test_long_runs_have_longer_windows_and_the_same_figures() -> None:
    """An hour is cut into no more windows than a minute, whatever the order in which its intervals come."""
    rng = np.random.default_rng(6)
    intervals = [interval(second, lognormal_series(rng, 3, 20_000)) for second in range(3600)]
    ordered = sample_run("run", intervals, FRACTIONS).scenarios["load"].series[ALL]
    rng.shuffle(intervals)
    shuffled = sample_run("run", intervals, FRACTIONS).scenarios["load"].series[ALL]
    assert shuffled.log_percentiles == ordered.log_percentiles
    assert ordered.log_percentiles[0.5].se == pytest.approx(0.5 * 1.2533 / math.sqrt(3 * 3600), rel=0.35)


def test_two_processes_share_their_windows() -> None:
    """Their seconds are put together by the clock."""
    rng = np.random.default_rng(7)
    one = simulated_intervals(rng, spread=0.0)
    other = [
        interval(second, lognormal_series(rng, 300, 20_000), process=1, scheduled=300, sent=300) for second in range(20)
    ]
    alone = sample_run("run", one, FRACTIONS).scenarios["load"].series[ALL]
    both = sample_run("run", [*one, *other], FRACTIONS).scenarios["load"].series[ALL]
    assert both.requests == 2 * alone.requests
    assert (both.log_percentiles[0.5].se or 0) < (alone.log_percentiles[0.5].se or 0)


def test_what_too_few_requests_or_windows_stand_behind_is_not_named() -> None:
    """367 requests name no p99, and nine windows no spread."""
    rng = np.random.default_rng(8)
    few = sample_run("run", [interval(s, lognormal_series(rng, 36, 20_000)) for s in range(10)], FRACTIONS)
    assert set(few.scenarios["load"].series[ALL].log_percentiles) == {0.5, 0.95}
    short = sample_run("run", [interval(s, lognormal_series(rng, 200, 20_000)) for s in range(9)], FRACTIONS)
    assert {one.se for one in short.scenarios["load"].series[ALL].log_percentiles.values()} == {None}


def test_what_came_after_the_users_were_told_to_stop_is_no_window() -> None:
    """It holds what was still under way, and no load; nine windows and that one are nine."""
    rng = np.random.default_rng(8)
    intervals = [interval(second, lognormal_series(rng, 200, 20_000)) for second in range(10)]
    assert sample_run("run", intervals, (0.5,)).scenarios["load"].series[ALL].log_percentiles[0.5].se is not None
    intervals[-1].stopping = True
    whole = sample_run("run", intervals, (0.5,)).scenarios["load"].series[ALL]
    assert whole.log_percentiles[0.5].se is None
    assert whole.requests == 2000


def test_a_rate_is_as_sure_as_its_whole_windows() -> None:
    """The first and the last are shorter, and hold less for that reason alone."""
    rng = np.random.default_rng(8)
    intervals = [interval(second, lognormal_series(rng, 100, 20_000)) for second in range(14)]
    intervals[0] = interval(0, lognormal_series(rng, 30, 20_000), duration_ms=300)
    whole = sample_run("run", intervals, (0.5,)).scenarios["load"].series[ALL]
    assert whole.log_throughput is not None
    assert whole.log_throughput.se == 0


def test_arrivals_that_were_dropped_count_as_bad_in_the_whole() -> None:
    """A tenth failed of what was sent, a fifth was never sent: 28 % of what was wanted went wrong."""
    intervals = [
        interval(second, series("/", [1000] * 80, failures={"status": 8}), scheduled=100, sent=80, dropped=20)
        for second in range(12)
    ]
    scenario = sample_run("run", intervals, FRACTIONS).scenarios["load"]
    assert scenario.workload == "open"
    whole, only = scenario.series.values()
    assert whole.bad_share is not None
    assert whole.bad_share.value == pytest.approx(1 - 0.9 * 0.8)
    assert only.bad_share is not None
    assert only.bad_share.value == pytest.approx(0.1)


def test_a_search_is_known_by_what_it_found() -> None:
    """The capacity with an error from its interval; none where it found none."""
    sample = sample_run("run", simulated_intervals(np.random.default_rng(9)), FRACTIONS).scenarios["load"]
    found = with_capacity(sample, 400.0, 390.0, 410.0)
    assert found.is_search
    assert found.log_capacity is not None
    assert math.exp(found.log_capacity.value) == pytest.approx(400)
    assert found.log_capacity.se == pytest.approx(math.log(410 / 390) / 3.92)
    assert with_capacity(sample, None, None, None).log_capacity is None
