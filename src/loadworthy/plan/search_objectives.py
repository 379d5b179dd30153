"""What a search for the capacity looks for: which thresholds are objectives, and how much each lets go wrong.

"p95 < 500ms" lets 5 % of the requests be slower than 500 ms; "error_rate < 1%" lets 1 % of them fail. So whether a rate
holds is a question of how many of the intended requests were bad, which is a count, and sounder than comparing
percentiles.
"""

from __future__ import annotations

from dataclasses import dataclass

from loadworthy.plan.thresholds import Threshold

_RATIOS = ("error_rate", "dropped_rate")
_TIMES = ("response_time", "service_time")


@dataclass(frozen=True, slots=True)
class Objective:
    """One objective of a search.

    Args:
        threshold: what it was made of.
        allowed: the share of what was intended that may be bad, 0..1.
        limit_us: slower than this is bad; None where only failures are.
        is_strict: whether exactly the allowed share is too much.
    """

    threshold: Threshold
    allowed: float
    limit_us: int | None
    is_strict: bool

    def is_broken_by(self, share: float) -> bool:
        """Whether this share of bad requests is too much; shares that differ by less than 1e-12 are equal."""
        return share >= self.allowed - 1e-12 if self.is_strict else share > self.allowed + 1e-12


def objective_of(threshold: Threshold) -> Objective | None:
    """The objective that a threshold stands for; None for one that says nothing of single requests."""
    if not threshold.op.startswith("<") or threshold.aggregate == "min":
        return None
    if threshold.metric in _RATIOS:
        return Objective(threshold, threshold.limit, None, threshold.op == "<" and threshold.limit > 0)
    if threshold.metric in _TIMES and (threshold.fraction is not None or threshold.aggregate == "max"):
        allowed = 0.0 if threshold.fraction is None else 1 - threshold.fraction
        return Objective(threshold, allowed, round(threshold.limit), is_strict=False)
    return None


def is_judged_beside(threshold: Threshold) -> bool:
    """Whether a search has an answer to it all the same: a demand on the capacity itself."""
    return threshold.metric == "capacity"
