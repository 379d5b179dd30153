"""Was the generator the limit of one scenario? Why each rule is as it is stands in :mod:`loadworthy.analysis.validity`.

Findings are clauses without the scenario's name: what, how much, and the remedy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from loadworthy.analysis.accumulate import ScenarioTotals
from loadworthy.analysis.figures import Distribution
from loadworthy.analysis.judge import some, were
from loadworthy.analysis.own_readings import Readings, own_delay_ms, weighted_quantile
from loadworthy.analysis.planned import Asked
from loadworthy.analysis.selection import NO_TAGS, Tags
from loadworthy.analysis.threshold_result import ThresholdResult
from loadworthy.analysis.thresholds import DROP_METRICS, NO_FAILURES, evaluate
from loadworthy.analysis.validity import (
    ACHIEVED_INVALID,
    ACHIEVED_WARN,
    BUDGET_SHARE_INVALID,
    BUDGET_UNSAID,
    BUSY_SHARE_INVALID,
    CPU_FEWEST_S,
    CPU_INVALID,
    LATE_FEWEST,
    MORE_PROCESSES,
    NOT_READY_SHARE,
    SEND_LAG_HARMLESS_SHARE,
    SEND_LAG_INVALID_SHARE,
    SEND_LAG_WARN_MS,
    SEND_LAG_WARN_SHARE,
    STALL_FEWEST_S,
    STALL_SHARE_INVALID,
    STALL_WARN_MS,
)
from loadworthy.analysis.verdict import Verdict
from loadworthy.plan.thresholds import TIME_METRICS, Threshold
from loadworthy.record.sample import FailureKind
from loadworthy.units import US_PER_MS, format_count, format_ms, format_ratio

_P99 = 0.99
NOTHING_ASKED = Asked()
"""Where nothing is known of what was asked."""


@dataclass(frozen=True, slots=True)
class Fitness:
    """What was found: each of ``invalid`` makes the scenario invalid, ``warnings`` do not."""

    invalid: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class _Finding(NamedTuple):
    is_invalid: bool
    text: str


class _Claim(NamedTuple):
    """A tail that is claimed: at which fraction, how long, and what says so."""

    fraction: float
    tail_ms: float
    words: str


def judge_fitness(
    totals: ScenarioTotals,
    thresholds: Sequence[Threshold],
    results: Sequence[ThresholdResult],
    readings: Readings,
    asked: Asked = NOTHING_ASKED,
    *,
    tags: Tags = NO_TAGS,
) -> Fitness:
    """What the generator did to one scenario.

    Args:
        totals: the scenario's.
        thresholds: those of the plan, or the implied one.
        results: what became of them, in the same order.
        readings: of the whole run.
        asked: what the plan asked of it.
        tags: those of the scenario.
    """
    scenario = _Scenario(totals, thresholds, results, readings, asked, tags)
    findings = [
        *scenario.failures(),
        *scenario.send_lag(),
        *scenario.late(),
        *scenario.unscheduled(),
        *scenario.no_user(),
        *scenario.skipped(),
        *scenario.busy(),
        *scenario.stalls(),
    ]
    return Fitness(
        tuple(finding.text for finding in findings if finding.is_invalid),
        tuple(finding.text for finding in findings if not finding.is_invalid),
    )


class _Scenario:
    """One scenario with what the rules look at."""

    def __init__(
        self,
        totals: ScenarioTotals,
        thresholds: Sequence[Threshold],
        results: Sequence[ThresholdResult],
        readings: Readings,
        asked: Asked,
        tags: Tags,
    ) -> None:
        self._asked = asked
        self._tags = tags
        self._totals = totals
        self._thresholds = thresholds
        self._arrivals = replace(totals.arrivals, asked=asked.arrivals)
        self._response = Distribution.of(totals.total.response)
        self._lag = Distribution.of(totals.generator_lag)
        self._readings = readings.between(totals.start_ms, totals.end_ms)
        self._claims = list(_claims(thresholds, results)) or list(_reported(self._response))

    def failures(self) -> Iterator[_Finding]:
        """Attempts that this machine could not make."""
        kind = FailureKind.GENERATOR.value
        count = self._totals.total.failure_kinds.get(kind, 0)
        what = "request"
        if not count:
            count, what = sum(one.failure_kinds.get(kind, 0) for one in self._totals.parts.values()), "attempt"
        if count:
            yield _Finding(
                True,
                f"{some(count, what)} could not be made by this machine, which had no file descriptor, port or memory "
                "left: raise the limit of open files (ulimit -n), keep connections open, or use more machines",
            )

    def send_lag(self) -> Iterator[_Finding]:
        """Requests that left later than they should have."""
        name, lag_ms, tail_ms = self._lag_beside_tail()
        p50_ms = self._response.p50
        if lag_ms is None or not self._arrivals.is_open:
            return
        was = f"iterations began late: by {format_ms(lag_ms)} at the {name}, by {format_ms(self._lag.max)} at most"
        if self._is_lag_in_tail() and not self._is_lag_harmless():
            share = format_ratio(lag_ms / tail_ms) if tail_ms else "all"
            yield _Finding(
                True,
                f"{was}; that is {share} of the {name} of {format_ms(tail_ms)} that is reported, so the tail is not "
                f"the service's alone; {MORE_PROCESSES}, or a lower rate",
            )
        elif lag_ms > max(SEND_LAG_WARN_MS, SEND_LAG_WARN_SHARE * (p50_ms or 0.0)):
            yield _Finding(False, f"{was}, which their response times include; {MORE_PROCESSES}, or a lower rate")

    def _lag_beside_tail(self) -> tuple[str, float | None, float | None]:
        """The p99 of the lag beside that of the response times.

        Where there are too few samples for it, their medians speak for a process that was late by far and all the time.
        """
        if self._lag.p99 is not None and self._response.p99 is not None:
            return "p99", self._lag.p99, self._response.p99
        if (self._lag.p50 or 0.0) > STALL_WARN_MS:
            return "p50", self._lag.p50, self._response.p50
        return "p99", None, None

    def _is_lag_in_tail(self) -> bool:
        _, lag_ms, tail_ms = self._lag_beside_tail()
        if lag_ms is None or tail_ms is None or not self._arrivals.is_open:
            return False
        return lag_ms > SEND_LAG_WARN_MS and lag_ms > SEND_LAG_INVALID_SHARE * tail_ms

    def _is_lag_harmless(self) -> bool:
        limits_ms = [one.limit / US_PER_MS for one in self._thresholds if _is_upper_time(one)]
        lag_ms = self._lag_beside_tail()[1] or 0.0
        return bool(limits_ms) and lag_ms < SEND_LAG_HARMLESS_SHARE * min(limits_ms)

    def late(self) -> Iterator[_Finding]:
        """Arrivals that were never sent though users would have been free."""
        arrivals = self._arrivals
        achieved = 1 - arrivals.late / arrivals.scheduled if arrivals.scheduled else 1.0
        if arrivals.late >= LATE_FEWEST and achieved < ACHIEVED_WARN:
            yield _Finding(
                achieved < ACHIEVED_INVALID,
                f"{format_count(arrivals.late)} of {some(arrivals.scheduled, 'arrival')} were never sent, because the "
                f"generator was behind when the scenario ended: it could make {format_ratio(achieved)} of the intended "
                f"rate; {MORE_PROCESSES}, or a lower rate",
            )

    def unscheduled(self) -> Iterator[_Finding]:
        """Arrivals that the plan asks for and no process reported."""
        arrivals = self._arrivals
        achieved = arrivals.scheduled / arrivals.intended if arrivals.intended else 1.0
        if arrivals.unscheduled >= LATE_FEWEST and achieved < ACHIEVED_WARN:
            yield _Finding(
                achieved < ACHIEVED_INVALID,
                f"{format_count(arrivals.unscheduled)} of {some(arrivals.intended, 'arrival')} that the plan asks for "
                "were lost with a process of the generator, sent or not: at most "
                f"{format_ratio(achieved)} of the intended rate was measured; run again",
            )

    def no_user(self) -> Iterator[_Finding]:
        """Arrivals that found no user free up to the scenario's most."""
        arrivals = self._arrivals
        if not arrivals.is_open or not arrivals.no_user:
            return
        share, budget = arrivals.no_user / arrivals.settled, _error_budget(self._thresholds)
        was = (
            f"{format_count(arrivals.no_user)} of {format_count(arrivals.settled)} arrivals ({format_ratio(share)}) "
            f"found no user free and {were(arrivals.no_user)} dropped"
        )
        if self._is_missed_by_what_was_sent():
            yield _Finding(
                False, f"{was}; the thresholds are missed by what was sent alone, so more users would not help"
            )
        elif share > BUDGET_SHARE_INVALID * budget:
            yield _Finding(
                True,
                f"{was}, which is more than a tenth of the {format_ratio(budget)} that may be bad, so nobody knows "
                f"what the service would have done; {self._remedy_of_drops()}",
            )
        else:
            yield _Finding(False, f"{was}; {self._remedy_of_drops()}")

    def _remedy_of_drops(self) -> str:
        """What would have helped: more users only where all that may be were there, and the generator had time."""
        if limit := self._own_limit():
            return f"the generator was the limit first, for {limit}: {MORE_PROCESSES}, or a lower rate"
        users, most = self._totals.users_max, self._asked.max_users
        if most is not None and users < NOT_READY_SHARE * most:
            return (
                f"max_users was not the limit, with {format_count(users)} of {some(most, 'user')}: the others were not "
                "ready in time, or could not be made; begin with a lower rate and ramp it up, or make on_start shorter"
            )
        return "raise max_users, or lower the rate"

    def _own_limit(self) -> str | None:
        """The evidence that the generator had no time for the users that it had."""
        for process, cpu in self._busy_processes():
            return f"process {process} used {cpu * 100:.0f} % of a core"
        lag_ms = Distribution.of(self._totals.own_lag).p50 if self._totals.own_lag.count else None
        if lag_ms is not None and lag_ms > max(SEND_LAG_WARN_MS, SEND_LAG_INVALID_SHARE * (self._response.p50 or 0.0)):
            return f"it began iterations {format_ms(lag_ms)} late (p50) though users were free"
        return None

    def _busy_processes(self) -> Iterator[tuple[int, float]]:
        """Those that used most of a core, and the p95 of it."""
        for process in self._readings.processes():
            mine = self._readings.of(process)
            cpu = mine.quantile("cpu", 0.95)
            if cpu is not None and cpu >= CPU_INVALID and mine.seconds("cpu") >= CPU_FEWEST_S:
                yield process, cpu

    def _is_missed_by_what_was_sent(self) -> bool:
        judged = (
            evaluate(one, self._totals, sent_alone=True, tags=self._tags)
            for one in self._thresholds
            if one.metric not in DROP_METRICS
        )
        return any(result.verdict is Verdict.FAIL for result in judged)

    def skipped(self) -> Iterator[_Finding]:
        """Slots that users with a pace of their own missed, in a closed workload."""
        arrivals = self._arrivals
        if arrivals.dropped and not arrivals.is_open:
            yield _Finding(
                False,
                f"{format_count(arrivals.dropped)} of {format_count(arrivals.settled)} iterations that were due by the "
                f"pace of their users {were(arrivals.dropped)} skipped, for the one before took longer; so less was "
                "asked of the service than the pace says: use a longer pace and more users",
            )

    def busy(self) -> Iterator[_Finding]:
        """Processes that were too busy, with evidence that it distorts."""
        for process, cpu in self._busy_processes():
            mine = self._readings.of(process)
            was = f"process {process} of the generator used {cpu * 100:.0f} % of a core"
            lag_ms = weighted_quantile(mine.stalls_while_busy(CPU_INVALID), 0.5) or 0.0
            claim = next((one for one in self._claims if lag_ms > BUSY_SHARE_INVALID * one.tail_ms), None)
            if self._is_lag_in_tail():
                name, late_ms, _ = self._lag_beside_tail()
                evidence = f"iterations began {format_ms(late_ms)} late at the {name}"
            elif claim is not None and lag_ms > SEND_LAG_WARN_MS:
                evidence = f"its event loop was typically {format_ms(lag_ms)} late, more than a tenth of {claim.words}"
            else:
                continue
            yield _Finding(True, f"{was} and {evidence}, so it measured itself; {MORE_PROCESSES}, or less load")

    def stalls(self) -> Iterator[_Finding]:
        """Times at which the generator stood still, where they make most of a tail."""
        stalls = self._readings.stalls()
        worst = max((stall for stall, _ in stalls), default=0.0)
        for claim in self._claims:
            delay_ms, limit_ms = own_delay_ms(stalls, claim.fraction), STALL_SHARE_INVALID * claim.tail_ms
            stalled_s = sum(length for stall, length in stalls if stall > limit_ms) / 1000
            if delay_ms > limit_ms and stalled_s >= STALL_FEWEST_S:
                yield _Finding(
                    True,
                    f"the generator stood still for up to {format_ms(worst)} at once (its event loop was late, or "
                    f"garbage was collected), which by itself makes a p{claim.fraction * 100:.10g} of "
                    f"{format_ms(delay_ms)}, more than half of {claim.words}; look for blocking code in user "
                    f"classes of your own, or {MORE_PROCESSES}",
                )
                return


def _is_upper_time(threshold: Threshold) -> bool:
    """Whether it is a limit on the response or service time that must not be passed."""
    is_time = threshold.metric in TIME_METRICS and threshold.metric != "send_lag"
    return is_time and threshold.op.startswith("<") and threshold.aggregate != "min"


def _claims(thresholds: Sequence[Threshold], results: Sequence[ThresholdResult]) -> Iterator[_Claim]:
    for threshold, result in zip(thresholds, results, strict=True):
        if not _is_upper_time(threshold):
            continue
        observed = result.observed if result.observed is not None else result.low
        fraction = threshold.fraction or _P99
        if observed is not None and observed > result.limit:
            yield _Claim(fraction, observed, f"the {format_ms(observed)} observed for {threshold.expression}")
        else:
            yield _Claim(fraction, result.limit, f"the limit of {threshold.expression}")


def _reported(response: Distribution) -> Iterator[_Claim]:
    if response.p99 is not None:
        yield _Claim(_P99, response.p99, f"the p99 of {format_ms(response.p99)} that is reported")


def _error_budget(thresholds: Sequence[Threshold]) -> float:
    """The smallest share that may be bad by any threshold."""
    said = [one for one in thresholds if one is not NO_FAILURES and one.op.startswith("<")]
    shares = [one.limit for one in said if one.metric == "error_rate"]
    shares += [1 - one.fraction for one in said if one.fraction is not None and _is_upper_time(one)]
    return min(shares, default=BUDGET_UNSAID)
