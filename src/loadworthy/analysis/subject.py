"""What a threshold is judged over, and how it is counted in words."""

from __future__ import annotations

from dataclasses import dataclass, field

from loadworthy.analysis.arrivals import NO_ARRIVALS, Arrivals
from loadworthy.analysis.pace import Pace
from loadworthy.analysis.windows import Window
from loadworthy.plan.thresholds import Threshold
from loadworthy.record.histogram import Histogram
from loadworthy.record.interval import SeriesInterval
from loadworthy.units import format_count


@dataclass(frozen=True, slots=True)
class Subject:
    """What a threshold is judged over: a whole scenario, some of its series, or some of its parts.

    Args:
        total: all of it, merged.
        duration_s: the scenario's measured time.
        send_lag: how late its requests were sent.
        arrivals: those of the scenario.
        pace: that of the scenario.
        loses: whether what was dropped would have been among it.
        noun: what it is made of.
        windows: the same, in windows of time that share it out; none where it was too short.
        remedy: what would give more evidence; None: more time, or more load.
    """

    total: SeriesInterval
    duration_s: float
    send_lag: Histogram
    arrivals: Arrivals = NO_ARRIVALS
    pace: Pace = field(default_factory=Pace)
    loses: bool = True
    noun: str = "request"
    windows: tuple[Window, ...] = ()
    remedy: str | None = None

    @property
    def lost_share(self) -> float:
        """The share of what was intended that was dropped, and counts as slower than any limit."""
        return self.arrivals.lost_share if self.loses else 0.0

    def remedy_words(self) -> str:
        """What would give more evidence."""
        more = "at a higher rate" if self.arrivals.is_open else "with more users"
        return self.remedy or f"run longer, or {more}"


def counts_bad(threshold: Threshold) -> bool:
    """Whether what failed or was dropped weighs against it, as slower than any limit or as failed."""
    return threshold.op.startswith("<") and threshold.aggregate != "min" and threshold.metric != "send_lag"


def some(count: int, noun: str) -> str:
    """``1 request``, ``1,200 requests``."""
    return f"{format_count(count)} {noun}{'' if count == 1 else 's'}"


def were(count: int) -> str:
    """``1 was``, ``2 were``."""
    return "was" if count == 1 else "were"
