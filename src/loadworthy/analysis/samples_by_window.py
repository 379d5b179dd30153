"""One run, made ready to be compared with others: its figures, and how sure each of them is within the run.

A run's requests are not independent: slow ones come in bursts. So the time of the run is cut into windows, and the
windows, not the requests, say how sure a figure is. A percentile q of a run is judged through the share of requests
above it: that share is a ratio of sums over windows, whose standard error is that of cluster sampling, and the
percentiles at the share plus and minus that error bound q. (R. S. Woodruff, "Confidence intervals for medians and other
position measures", JASA 47, 1952.) It is what resampling windows gives, without the random numbers and in a
thousandth of the time.

Windows are a power of two seconds long, such that there are 32 to 64 of them in a run of more than half a minute. They
are built up in one pass, so their length is doubled when there are too many.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from loadworthy.analysis.accumulate import MS_PER_S, ScenarioTotals, SeriesKey
from loadworthy.analysis.order_statistics import min_samples
from loadworthy.analysis.summary import CLOSED, OPEN
from loadworthy.record.histogram import Histogram
from loadworthy.record.interval import Interval, SeriesInterval

ALL = "all together"
"""The label of a scenario as a whole."""

MIN_WINDOWS = 10
"""Fewer than these say nothing about their own spread."""

_MOST_WINDOWS = 64
_WHOLE: SeriesKey = ("", "")
_Z95 = 1.96


class Measured(NamedTuple):
    """A figure of one run. ``se`` is its standard error within the run, None where there are too few windows."""

    value: float
    se: float | None


@dataclass(frozen=True, slots=True)
class SeriesSample:
    """One series of one run, or a scenario as a whole.

    Args:
        requests: how many.
        failures: how many of them failed.
        response: response times.
        log_percentiles: fraction → natural logarithm of the percentile in µs; only those that enough requests name.
        bad_share: failures ÷ requests; of an open scenario as a whole, dropped arrivals count as bad. None without any.
        log_throughput: natural logarithm of the requests per second; None where there were none.
    """

    requests: int
    failures: int
    response: Histogram
    log_percentiles: Mapping[float, Measured]
    bad_share: Measured | None
    log_throughput: Measured | None


@dataclass(frozen=True, slots=True)
class ScenarioSample:
    """One scenario of one run.

    Args:
        workload: ``open`` or ``closed``.
        series: :data:`ALL` first, then each series by its label (``GET /x``), the most requests first.
        is_search: whether it looked for a capacity, by trials at different loads.
        log_capacity: natural logarithm of the capacity that it found, per second; None where there is none.
    """

    workload: str
    series: Mapping[str, SeriesSample]
    is_search: bool = False
    log_capacity: Measured | None = None


@dataclass(frozen=True, slots=True)
class RunSample:
    """One run. ``revision`` is that of the git checkout, None where it is not known."""

    name: str
    scenarios: Mapping[str, ScenarioSample]
    revision: str | None = None


@dataclass(slots=True)
class _Slot:
    """What one window holds of one series."""

    requests: int = 0
    failures: int = 0
    response: Histogram = field(default_factory=Histogram)

    def add(self, other: SeriesInterval | _Slot) -> None:
        self.requests += other.requests
        self.failures += other.failures
        self.response.merge(other.response)


Window = dict[SeriesKey, _Slot]


@dataclass(slots=True)
class _Windows:
    """The windows of one scenario, by when they begin: absolute seconds, shifted."""

    shift: int = 0
    slots: dict[int, Window] = field(default_factory=dict)

    def add(self, interval: Interval) -> None:
        # What came after the users were told to stop is no window: it holds what was still under way, and no load.
        if interval.stopping or interval.duration_ms <= 0:
            return
        second = (interval.start_ms + interval.duration_ms // 2) // MS_PER_S
        window = self.slots.setdefault(second >> self.shift, {})
        for one in interval.series:
            window.setdefault((one.kind, one.name), _Slot()).add(one)
            window.setdefault(_WHOLE, _Slot()).add(one)
        if len(self.slots) > _MOST_WINDOWS:
            self._double()

    def _double(self) -> None:
        self.shift += 1
        wider: dict[int, Window] = {}
        for number, window in self.slots.items():
            into = wider.setdefault(number >> 1, {})
            for key, slot in window.items():
                into.setdefault(key, _Slot()).add(slot)
        self.slots = wider

    def of(self, key: SeriesKey) -> list[_Slot]:
        """The windows of one series in the order of time, empty ones among them."""
        return [self.slots[number].get(key, _Slot()) for number in sorted(self.slots)]


def sample_run(
    name: str, intervals: Iterable[Interval], fractions: Sequence[float], revision: str | None = None
) -> RunSample:
    """Read a run's intervals once and measure every scenario in them.

    Args:
        name: the run's.
        intervals: all of them, in any order, each once.
        fractions: the percentiles wanted, 0..1 each.
        revision: of the git checkout.
    """
    totals: dict[str, ScenarioTotals] = {}
    windows: dict[str, _Windows] = {}
    for interval in intervals:
        scenario = interval.scenario
        totals.setdefault(scenario, ScenarioTotals(scenario)).add(interval)
        windows.setdefault(scenario, _Windows()).add(interval)
    scenarios = {one: _scenario(totals[one], windows[one], fractions) for one in totals}
    return RunSample(name, scenarios, revision)


def _scenario(totals: ScenarioTotals, windows: _Windows, fractions: Sequence[float]) -> ScenarioSample:
    whole = _series(totals.total, windows.of(_WHOLE), totals.duration_s, fractions, totals.arrivals.lost_share)
    series = {ALL: whole}
    for key, total in sorted(totals.series.items(), key=lambda item: (-item[1].requests, item[0])):
        series[f"{key[0]} {key[1]}"] = _series(total, windows.of(key), totals.duration_s, fractions)
    return ScenarioSample(OPEN if totals.arrivals.is_open else CLOSED, series)


def with_capacity(
    scenario: ScenarioSample, rate: float | None, low: float | None, high: float | None
) -> ScenarioSample:
    """The same with what its search found: the safe rate, and the interval of the capacity, per second."""
    if not rate:
        return replace(scenario, is_search=True)
    error = math.log(high / low) / (2 * _Z95) if low and high else None
    return replace(scenario, is_search=True, log_capacity=Measured(math.log(rate), error))


def _series(
    total: SeriesInterval, windows: Sequence[_Slot], duration_s: float, fractions: Sequence[float], lost: float = 0.0
) -> SeriesSample:
    bad = None
    if total.requests:
        share = 1 - (1 - total.failures / total.requests) * (1 - lost)
        bad = Measured(share, _share_error([(one.failures, one.requests) for one in windows]))
    per_s = total.requests / duration_s if duration_s > 0 else 0.0
    return SeriesSample(
        requests=total.requests,
        failures=total.failures,
        response=total.response,
        log_percentiles=dict(_log_percentiles(total.response, windows, fractions)),
        bad_share=bad,
        log_throughput=Measured(math.log(per_s), _rate_error(windows)) if per_s > 0 else None,
    )


def _log_percentiles(
    response: Histogram, windows: Sequence[_Slot], fractions: Sequence[float]
) -> Iterable[tuple[float, Measured]]:
    for fraction in fractions:
        value_us = response.percentile_us(fraction)
        if value_us is None or response.count < min_samples(fraction):
            continue
        above = [(one.response.count_above(math.ceil(value_us)), one.response.count) for one in windows]
        yield fraction, Measured(_log(value_us), _log_error(response, fraction, _share_error(above)))


def _log_error(response: Histogram, fraction: float, share_error: float | None) -> float | None:
    """Woodruff: the percentiles at the ends of the share's 95 % interval are those of the percentile's.

    Its width and not the slope at the middle gives the error: a tail is steeper above than below.
    """
    if share_error is None:
        return None
    reach = _Z95 * share_error
    bounds = response.percentiles_us((max(fraction - reach, 0.0), min(fraction + reach, 1.0)))
    low, high = (_log(bound or 0.0) for bound in bounds)
    return (high - low) / (2 * _Z95)


def _share_error(parts: Sequence[tuple[int, int]]) -> float | None:
    """The standard error of Σa ÷ Σn over windows (a, n), as clusters of unequal size.

    (W. G. Cochran, *Sampling Techniques*, 3rd ed., section 9A.2, without the finite population.) None where fewer than
    :data:`MIN_WINDOWS` hold anything.
    """
    used = [(part, whole) for part, whole in parts if whole]
    if len(used) < MIN_WINDOWS:
        return None
    total = sum(whole for _, whole in used)
    share = sum(part for part, _ in used) / total
    squares = sum((part - share * whole) ** 2 for part, whole in used)
    return math.sqrt(squares * len(used) / (len(used) - 1)) / total


def _rate_error(windows: Sequence[_Slot]) -> float | None:
    """The relative standard error of a rate; the first and the last window are left out, for they are shorter."""
    counts = [one.requests for one in windows[1:-1]]
    total = sum(counts)
    if len(counts) < MIN_WINDOWS or not total:
        return None
    mean = total / len(counts)
    variance = sum((count - mean) ** 2 for count in counts) / (len(counts) - 1)
    return math.sqrt(variance / len(counts)) / mean


def _log(value_us: float) -> float:
    return math.log(max(value_us, 0.5))  # a response in no time at all counts as half of the grain of a histogram
