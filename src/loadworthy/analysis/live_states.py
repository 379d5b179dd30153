"""What a threshold has seen while a run goes on, and whether that is a breach for sure.

- A share (of errors, of drops, of what is slower than a percentile's limit) is missed where the lower end of its
  interval is beyond the limit: where a share at the limit would show so much with a chance of 2.5 % at most (Clopper
  and Pearson, *Biometrika* 26, 1934).
- A mean is missed where it is so by more than the seconds differ among themselves, ten of them at least.
- A count, the most and the least are missed where they are: they do not come back.
- What is only known at the end (:func:`loadworthy.plan.thresholds.known_only_at_end`) is not looked at.

A share is looked at again each second, so one that lies just at its limit is sooner or later taken for a breach.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from loadworthy.analysis.stretches import State, Sums, holds, judge, judge_extreme, judge_percentile, outside, shares
from loadworthy.analysis.subject import counts_bad, some
from loadworthy.analysis.threshold_result import format_value
from loadworthy.analysis.windows import Seen
from loadworthy.plan.thresholds import TIME_METRICS, Threshold, known_only_at_end
from loadworthy.units import US_PER_MS, format_count, format_ratio

_FEWEST_MEANS = 10
_STUDENT_10 = 2.262
"""97.5 % of Student's t with 9 degrees of freedom: for the fewest means, and too wide for more."""
_TAIL = 0.025


def is_live(threshold: Threshold) -> bool:
    """Whether a breach can be known before the end."""
    return not known_only_at_end(threshold)


@dataclass(slots=True)
class Tally:
    """What one threshold looks at in a second, or in several."""

    requests: int = 0
    failures: int = 0
    dropped: int = 0
    settled: int = 0
    timed: int = 0
    outside: int = 0
    total_us: int = 0
    least_us: int = 0
    most_us: int = 0
    covered_s: float = 0.0

    def add(self, other: Tally) -> None:
        if other.timed:
            self.least_us = min(self.least_us, other.least_us) if self.timed else other.least_us
            self.most_us = max(self.most_us, other.most_us)
        self.requests += other.requests
        self.failures += other.failures
        self.dropped += other.dropped
        self.settled += other.settled
        self.timed += other.timed
        self.outside += other.outside
        self.total_us += other.total_us
        self.covered_s += other.covered_s

    def sums(self) -> Sums:
        """As one stretch."""

        def whole(value: int) -> npt.NDArray[np.int64]:
            return np.array([value], dtype=np.int64)

        return Sums(
            requests=whole(self.requests),
            failures=whole(self.failures),
            dropped=whole(self.dropped),
            settled=whole(self.settled),
            good=np.array([float(self.requests - self.failures)]),
            timed=whole(self.timed),
            outside=whole(self.outside),
            total_us=whole(self.total_us),
            least_us=whole(self.least_us),
            most_us=whole(self.most_us),
        )


def tally_of(seen: Seen, threshold: Threshold) -> Tally:
    """What an interval has of it."""
    tally, times = Tally(seen.requests, seen.failures), seen.times
    if times.count:
        tally.timed, tally.outside, tally.total_us = times.count, outside(times, threshold), times.sum_us
        tally.least_us, tally.most_us = times.min_us, times.max_us
    return tally


def state_of_all(threshold: Threshold, seen: Tally, means: Sequence[float], *, loses: bool) -> State:
    """Over all the time: missed where that is sure, held where it is so now."""
    sums = seen.sums()
    _, bad = (float(one[0]) for one in shares(sums, loses=loses))
    if threshold.metric == "error_rate":
        return _state_of_share(threshold, bad, seen.requests or seen.settled)
    if threshold.metric == "dropped_rate":
        share = seen.dropped / seen.settled if seen.settled else 0.0
        return _state_of_share(threshold, share, seen.settled)
    if threshold.metric not in TIME_METRICS or threshold.aggregate in ("min", "max"):
        return judge(threshold, sums, 1.0, loses=loses).state
    if threshold.fraction is None:
        return _state_of_mean(threshold, seen, means)
    return _state_of_percentile(threshold, seen, loses=loses)


def _state_of_percentile(threshold: Threshold, seen: Tally, *, loses: bool) -> State:
    fraction, sums = threshold.fraction or 0.0, seen.sums()
    lost, bads = shares(sums, loses=loses)
    bad = float(bads[0])
    state = judge_percentile(threshold, sums, lost).state
    if state is State.MISSED:
        return state
    made = seen.requests or seen.settled
    if counts_bad(threshold) and _is_surely_above(bad, made, 1 - fraction):
        return State.MISSED
    slow = seen.outside / seen.timed if seen.timed else 0.0
    most = 1 - fraction if threshold.op.startswith("<") else fraction
    is_good = slow <= most and (bad <= 1 - fraction or not counts_bad(threshold))
    return State.HELD if is_good and seen.timed else State.OPEN


def _state_of_mean(threshold: Threshold, seen: Tally, means: Sequence[float]) -> State:
    if judge_extreme(threshold, seen.sums()).state is not State.MISSED:
        return State.HELD if seen.timed else State.OPEN
    if len(means) < _FEWEST_MEANS:
        return State.OPEN
    mean_us = seen.total_us / seen.timed
    doubt_us = _STUDENT_10 * float(np.std(means, ddof=1)) / len(means) ** 0.5
    nearer_us = mean_us - doubt_us if threshold.op.startswith("<") else mean_us + doubt_us
    return State.OPEN if holds(threshold, nearer_us) else State.MISSED


def _state_of_share(threshold: Threshold, share: float, count: int) -> State:
    if not count:
        return State.OPEN
    if holds(threshold, share):
        return State.HELD
    is_upper = threshold.op.startswith("<")
    is_sure = (
        _is_surely_above(share, count, threshold.limit)
        if is_upper
        else _is_surely_above(1 - share, count, 1 - threshold.limit)
    )
    return State.MISSED if is_sure else State.OPEN


def _is_surely_above(share: float, count: int, limit: float) -> bool:
    """Whether the lower end of the one-sided 97.5 % interval of a share is above the limit."""
    from scipy import special

    seen = int(share * count + 1e-9)
    if not seen or share <= limit:
        return False
    return limit <= 0 or float(special.bdtrc(seen - 1, count, limit)) <= _TAIL


# Words.


def evidence(threshold: Threshold, seen: Tally, length: int | None, *, loses: bool) -> str:
    """What was seen, in a clause; ``length``: in so many seconds."""
    over = "" if length is None else f" in {length} s"
    failed = f"{format_count(seen.failures)} of {some(seen.requests, 'request')} failed"
    dropped = f"{format_count(seen.dropped)} of {some(seen.settled, 'arrival')} were dropped"
    if threshold.metric == "throughput":
        per_s = (seen.requests - seen.failures) / max(seen.covered_s, 1.0)
        return f"{format_value(per_s, 'per_s')}{over}"
    if threshold.metric in ("dropped", "dropped_rate"):
        return f"{dropped}{over}"
    if threshold.metric == "requests":
        return f"{some(seen.requests, 'request')}{over}"
    bad = f"{failed} and {dropped}" if loses and seen.dropped else failed
    if threshold.metric in ("error_rate", "failures"):
        return f"{bad}{over}"
    also = f"; {bad}" if seen.failures or (loses and seen.dropped) else ""
    return f"{_times(threshold, seen)}{over}{also}"


def _times(threshold: Threshold, seen: Tally) -> str:
    limit = format_value(threshold.limit / US_PER_MS, "ms")
    if threshold.fraction is not None:
        share = format_ratio(seen.outside / seen.timed if seen.timed else None)
        side = "longer" if threshold.op.startswith("<") else "less"
        return f"{format_count(seen.outside)} of {some(seen.timed, 'request')} ({share}) took {side} than {limit}"
    values = {"min": seen.least_us, "max": seen.most_us}
    value_us = values.get(threshold.aggregate or "", seen.total_us / max(seen.timed, 1))
    return f"{format_value(value_us / US_PER_MS, 'ms')} over {some(seen.timed, 'request')}"
