"""Warnings of the generator while a run goes on: each when its cause appears, and again only after it had gone away.

What is warned of, and from where on, is as in :mod:`loadworthy.analysis.validity`; here it is looked at over the last
seconds, because whoever watches can still do something. The judgement at the end has all of the run and better figures,
so these warnings (events whose ``source`` is :data:`WATCH`) are not repeated in it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from loadworthy.analysis.arrivals import NO_ARRIVALS, Arrivals
from loadworthy.analysis.judge import some, were
from loadworthy.analysis.order_statistics import min_samples
from loadworthy.analysis.validity import (
    CPU_FEWEST_S,
    CPU_INVALID,
    CPU_WARN,
    FULL_WARN,
    LATE_FEWEST,
    MORE_PROCESSES,
    SEND_LAG_WARN_MS,
    SEND_LAG_WARN_SHARE,
    STALL_WARN_MS,
)
from loadworthy.record.histogram import Histogram
from loadworthy.record.interval import ITERATION, Interval
from loadworthy.units import US_PER_MS, format_count, format_ms

WATCH = "watch"
"""``source`` of the events that are made of these warnings."""

WINDOW_MS = 10_000
"""Send lag is looked at over so long."""

GONE_AFTER = 10
"""A cause has gone away after so many looks at it in a row that were good: one on the edge is not told every second."""

_MS_PER_S = 1000
_P99 = 0.99


class _Look(NamedTuple):
    """One look at one cause: the sentence if it is there, None if it is not."""

    cause: tuple[str, object]
    sentence: str | None


@dataclass(slots=True)
class _Scenario:
    """What came of one scenario so far, and the last seconds of each of its processes: (end, send lag, response)."""

    arrivals: Arrivals = NO_ARRIVALS
    recent: dict[int, deque[tuple[int, Histogram, Histogram]]] = field(default_factory=dict)


class HealthWatch:
    """Fed with every interval of a run, of all processes and scenarios, in the order in which they come."""

    def __init__(self) -> None:
        self._cpu: dict[int, deque[tuple[float, int]]] = {}  # (share, ms) of the last seconds
        self._scenarios: dict[str, _Scenario] = {}
        self._good_looks: dict[tuple[str, object], int] = {}

    def add(self, interval: Interval) -> list[str]:
        """Look at one interval; the sentences to tell now, usually none."""
        looks = [*self._at_process(interval), *self._at_scenario(interval)]
        return [look.sentence for look in looks if self._is_news(look) and look.sentence]

    def _is_news(self, look: _Look) -> bool:
        """Whether a cause is there that was not there before. Those that are there are the keys of ``_good_looks``."""
        if look.sentence is not None:
            is_news = look.cause not in self._good_looks
            self._good_looks[look.cause] = 0
            return is_news
        if look.cause in self._good_looks:
            self._good_looks[look.cause] += 1
            if self._good_looks[look.cause] >= GONE_AFTER:
                del self._good_looks[look.cause]
        return False

    def _at_process(self, interval: Interval) -> Iterator[_Look]:
        health, process = interval.health, interval.process
        if "cpu" in health:
            yield from self._at_cpu(interval)
        for key, what in (("loop_lag_ms", "event loop was {} late"), ("gc_pause_ms", "garbage collector took {}")):
            if key in health:
                told = (
                    f"The generator's {what.format(format_ms(health[key]))} (process {process}), which response times "
                    f"include; look for blocking code in user classes of your own, or {MORE_PROCESSES}."
                )
                yield _Look((key, process), told if health[key] >= STALL_WARN_MS else None)
        yield from _at_limits(interval)

    def _at_cpu(self, interval: Interval) -> Iterator[_Look]:
        cpu = self._cpu.setdefault(interval.process, deque())
        cpu.append((interval.health["cpu"], interval.duration_ms))
        fewest_ms = CPU_FEWEST_S * _MS_PER_S
        while sum(ms for _, ms in cpu) - cpu[0][1] >= fewest_ms:
            cpu.popleft()
        whole_ms = sum(ms for _, ms in cpu)
        if whole_ms >= fewest_ms:
            share = sum(value * ms for value, ms in cpu) / whole_ms
            told = (
                f"Process {interval.process} of the generator used {share * 100:.0f} % of a core over the last "
                f"{whole_ms / _MS_PER_S:.0f} s, so response times hold some of its own queueing; {MORE_PROCESSES}."
            )
            yield _Look(("cpu", interval.process), told if share >= CPU_WARN else None)

    def _at_scenario(self, interval: Interval) -> Iterator[_Look]:
        name = interval.scenario
        scenario = self._scenarios.setdefault(name, _Scenario())
        scenario.arrivals = arrivals = scenario.arrivals.plus(interval)
        if arrivals.is_open:
            yield from _at_send_lag(scenario, interval)
            told = (
                f"{name}: {some(arrivals.no_user, 'arrival')} found no user free so far and "
                f"{were(arrivals.no_user)} dropped; {self._remedy_of_drops(interval)}."
            )
            yield _Look(("dropped", name), told if interval.dropped > interval.late else None)
            late = (
                f"{name}: {some(arrivals.late, 'arrival')} were never sent, because the generator was behind; "
                f"{MORE_PROCESSES}, or a lower rate."
            )
            yield _Look(("late", name), late if interval.late and arrivals.late >= LATE_FEWEST else None)
        else:
            told = (
                f"{name}: {some(arrivals.dropped, 'iteration')} due by the pace of their users "
                f"{were(arrivals.dropped)} skipped so far, for the one before took longer; use a longer pace and more "
                "users."
            )
            yield _Look(("skipped", name), told if interval.dropped else None)

    def _remedy_of_drops(self, interval: Interval) -> str:
        """More users do not help a process that has no time for those that it has."""
        readings = self._cpu.get(interval.process)
        if readings and min(share for share, _ in readings) >= CPU_INVALID:
            return (
                f"the generator is the limit (process {interval.process} is too busy): {MORE_PROCESSES}, or less load"
            )
        return "raise max_users, or lower the rate (users that are still in on_start are not free either)"


def _at_limits(interval: Interval) -> Iterator[_Look]:
    health = interval.health
    fds, limit = health.get("fds"), health.get("fd_limit")
    if fds is not None and limit:
        told = (
            f"Process {interval.process} of the generator has {fds:,.0f} of the {limit:,.0f} files open that it may; "
            "raise the limit (ulimit -n), or use more processes."
        )
        yield _Look(("fds", interval.process), told if fds >= FULL_WARN * limit else None)
    if "ports" in health:
        told = (
            f"{health['ports'] * 100:.0f} % of this machine's ephemeral ports are in use; keep connections open, widen "
            "net.ipv4.ip_local_port_range, or use more machines."
        )
        yield _Look(("ports", interval.process), told if health["ports"] >= FULL_WARN else None)


def _own_lag(interval: Interval) -> Histogram:
    """As noted; else how late its requests were, or its iterations."""
    if interval.own_lag.count:
        return interval.own_lag
    lag = Histogram.merged(one.send_lag for one in interval.series)
    return lag if lag.count else Histogram.merged(one.send_lag for one in interval.parts if one.kind == ITERATION)


def _at_send_lag(scenario: _Scenario, interval: Interval) -> Iterator[_Look]:
    """Over the last seconds of one process, if it sent enough in them for a p99."""
    end_ms = interval.start_ms + interval.duration_ms
    lag = _own_lag(interval)
    recent = scenario.recent.setdefault(interval.process, deque())
    recent.append((end_ms, lag, Histogram.merged(one.response for one in interval.series)))
    while recent[0][0] <= end_ms - WINDOW_MS:
        recent.popleft()
    if sum(lag.count for _, lag, _ in recent) < min_samples(_P99):
        return
    lag_ms = (Histogram.merged(lag for _, lag, _ in recent).percentile_us(_P99) or 0.0) / US_PER_MS
    p50_ms = (Histogram.merged(response for _, _, response in recent).percentile_us(0.5) or 0.0) / US_PER_MS
    told = (
        f"{interval.scenario}: process {interval.process} begins iterations {format_ms(lag_ms)} late (p99 of its last "
        f"{format_count(WINDOW_MS // _MS_PER_S)} s), which response times include; {MORE_PROCESSES}, or a lower rate."
    )
    is_late = lag_ms > max(SEND_LAG_WARN_MS, SEND_LAG_WARN_SHARE * p50_ms)
    yield _Look(("send_lag", (interval.scenario, interval.process)), told if is_late else None)
