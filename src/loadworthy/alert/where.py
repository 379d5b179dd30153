"""Where to look first: which requests fail, and how; if none does, which are the slowest; the page of the CI job.

Of a run that goes on it is asked for the last seconds: what failed an hour ago is not what woke somebody up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from loadworthy.analysis.summary import ScenarioSummary
from loadworthy.analysis.threshold_result import ThresholdResult
from loadworthy.analysis.verdict import Verdict
from loadworthy.record.interval import Interval
from loadworthy.units import US_PER_MS, format_count, format_ms

RECENT_S = 10
"""So many seconds are looked at while a run goes on."""
_NAMED, _WAYS_NAMED = 3, 2
_BAD_STATUS = 400
_BY_STATUS = "status"
_JOB_VARIABLES = ("CI_JOB_URL", "BUILDKITE_BUILD_URL", "CIRCLE_BUILD_URL", "BUILD_URL")
"""Of GitLab, Buildkite, CircleCI and Jenkins."""
_GITHUB = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")


@dataclass(slots=True)
class SeriesCounts:
    """Of one series. ``statuses`` are those of 400 and above, ``kinds`` those of failures, ``sum_us`` of the timed."""

    requests: int = 0
    failures: int = 0
    statuses: dict[int, int] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)
    timed: int = 0
    sum_us: int = 0

    def add(self, other: SeriesCounts) -> None:
        """What another process, or another second, counted."""
        self.requests += other.requests
        self.failures += other.failures
        self.timed += other.timed
        self.sum_us += other.sum_us
        _count(self.statuses, other.statuses)
        _count(self.kinds, other.kinds)

    @property
    def mean_ms(self) -> float | None:
        """None where no request had a time."""
        return self.sum_us / self.timed / US_PER_MS if self.timed else None


class Recent:
    """What the series of one scenario did in its last seconds, over all processes."""

    def __init__(self) -> None:
        self._seconds: dict[int, dict[str, SeriesCounts]] = {}

    def add(self, interval: Interval) -> None:
        """One process's last second; what has become old is forgotten."""
        second = interval.start_ms // 1000
        counts = self._seconds.setdefault(second, {})
        for one in interval.series:
            times = one.response
            counts.setdefault(f"{one.kind} {one.name}", SeriesCounts()).add(
                SeriesCounts(
                    one.requests, one.failures, _bad(one.statuses), one.failure_kinds, times.count, times.sum_us
                )
            )
        for old in [each for each in self._seconds if each <= second - RECENT_S]:
            del self._seconds[old]

    def words(self) -> tuple[str, str] | None:
        """A label and a line: what fails, or else what is slowest; None where there is nothing to tell apart."""
        total: dict[str, SeriesCounts] = {}
        for counts in self._seconds.values():
            for name, one in counts.items():
                total.setdefault(name, SeriesCounts()).add(one)
        if any(one.failures for one in total.values()):
            return f"Failed in the last {RECENT_S} s", _failing(total)
        means = {name: mean for name, one in total.items() if (mean := one.mean_ms) is not None}
        return (f"Slowest in the last {RECENT_S} s, on average", _slowest(means)) if len(means) > 1 else None


def job_of(environment: Mapping[str, str]) -> str | None:
    """The page of the CI job that these variables tell of: a path on a runner that is gone helps nobody."""
    server, repository, run = (environment.get(name, "") for name in _GITHUB)
    url = f"{server}/{repository}/actions/runs/{run}" if server and repository and run else None
    url = url or next((found for name in _JOB_VARIABLES if (found := environment.get(name))), None)
    return url if url and url.startswith(("https://", "http://")) else None


def of_scenario(scenario: ScenarioSummary) -> Iterator[tuple[str, str]]:
    """Labels and lines on a scenario that ended badly; nothing of one that went beyond what holds to find its load."""
    if scenario.verdict is Verdict.PASS or scenario.search is not None:
        return
    counts = {
        name: SeriesCounts(one.requests, one.failures, _bad(one.status_codes), one.failure_kinds)
        for name, one in scenario.series.items()
    }
    if any(one.failures for one in counts.values()):
        yield f"{scenario.name}, failed", _failing(counts)
    is_slow = any(_is_too_slow(one) for one in scenario.thresholds)
    tails = {name: p95 for name, one in scenario.series.items() if (p95 := one.response_time_ms.p95) is not None}
    if is_slow and len(tails) > 1:
        yield f"{scenario.name}, slowest by p95", _slowest(tails)


def _is_too_slow(one: ThresholdResult) -> bool:
    """What failed counts as slower than any limit, so some are missed though all answers were quick."""
    return one.verdict is Verdict.FAIL and one.unit == "ms" and not one.series and (one.margin or 0) < 0


def _failing(series: Mapping[str, SeriesCounts]) -> str:
    found = sorted((pair for pair in series.items() if pair[1].failures), key=lambda pair: -pair[1].failures)
    return _first(
        f"{name} {format_count(one.failures)} of {format_count(one.requests)} ({_how(one)})" for name, one in found
    )


def _how(one: SeriesCounts) -> str:
    """``status 500``; or the kind, where no status says more. A 404 that the plan expects is no way to fail."""
    ways = {f"status {status}": count for status, count in one.statuses.items()} if _BY_STATUS in one.kinds else {}
    ways |= {kind: count for kind, count in one.kinds.items() if kind != _BY_STATUS or not ways}
    ordered = sorted(ways, key=lambda way: -ways[way])
    return ", ".join([*ordered[:_WAYS_NAMED], *(["…"] if len(ordered) > _WAYS_NAMED else [])]) or "unknown"


def _slowest(times_ms: Mapping[str, float]) -> str:
    found = sorted(times_ms, key=lambda name: -times_ms[name])
    return " · ".join(f"{name} {format_ms(times_ms[name])}" for name in found[:_NAMED])


def _first(texts: Iterable[str]) -> str:
    all_of_them = list(texts)
    more = len(all_of_them) - _NAMED
    return " · ".join([*all_of_them[:_NAMED], *([f"{more} more"] if more > 0 else [])])


def _bad(statuses: Mapping[int, int]) -> dict[int, int]:
    return {status: count for status, count in statuses.items() if status >= _BAD_STATUS}


def _count(into: dict[Any, int], more: Mapping[Any, int]) -> None:
    for key, count in more.items():
        into[key] = into.get(key, 0) + count
