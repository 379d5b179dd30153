"""Arrivals: iterations that an open workload wanted to begin, and what became of them.

Of those scheduled, some were sent and some dropped; over a whole scenario the two add up. An iteration is dropped where
no user was free up to the scenario's most, or (``late``) because the generator was behind when the scenario ended.

What was dropped is slower than any limit: leaving it out would make a tail look short just where it is longest. So of
the requests that were intended, the share ``dropped_share`` was never made. An iteration may make several requests, and
nobody knows which a dropped one would have made; so shares are combined, not counts. Where each iteration makes one
request the two are the same: with s sent, d dropped and f failed, ``1 - (1 - f/s) · (1 - d/(s + d))`` is
``(f + d)/(s + d)``.

In a closed workload only users with a pace of their own drop anything, the slots that they missed. That is told, and
counts as nothing else: a closed workload says how many users there are, not how many requests.
"""

from __future__ import annotations

from dataclasses import dataclass

from loadworthy.record.interval import Interval


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Counts of one scenario.

    ``iterations`` are those that ended. ``asked`` are those that the plan asks for, where more than were scheduled were
    due by then: the share of a process that was lost is nobody's. The others are those of an Interval.
    """

    scheduled: int = 0
    sent: int = 0
    dropped: int = 0
    late: int = 0
    iterations: int = 0
    asked: int = 0

    def plus(self, interval: Interval) -> Arrivals:
        """These and those of an interval."""
        return Arrivals(
            self.scheduled + interval.scheduled,
            self.sent + interval.sent,
            self.dropped + interval.dropped,
            self.late + interval.late,
            self.iterations + interval.iterations,
            self.asked,
        )

    @property
    def is_open(self) -> bool:
        """Whether anything was scheduled; in a stretch of a run, or sent that was scheduled before."""
        return self.scheduled > 0 or self.sent > 0

    @property
    def settled(self) -> int:
        """Those of which it is known what became of them; in a closed workload iterations and missed slots."""
        return self.dropped + (self.sent if self.is_open else self.iterations)

    @property
    def dropped_share(self) -> float:
        """The share of what was intended that was dropped."""
        return self.dropped / self.settled if self.settled else 0.0

    @property
    def intended(self) -> int:
        """Those that were to begin, whether or not any process knew of them."""
        return max(self.scheduled, self.asked)

    @property
    def unscheduled(self) -> int:
        """Those of the intended that no process reported."""
        return self.intended - self.scheduled

    @property
    def no_user(self) -> int:
        """Those dropped because no user was free."""
        return max(self.dropped - self.late, 0)

    @property
    def lost_share(self) -> float:
        """The share that counts as bad: that of the dropped in an open workload."""
        return self.dropped_share if self.is_open else 0.0

    def rates(self, due_s: float) -> tuple[float | None, float | None]:
        """Intended and sent per second of the planned time that went by."""
        if due_s <= 0:
            return None, None
        return round(self.intended / due_s, 6), round(self.sent / due_s, 6)

    def to_json(self, due_s: float) -> dict[str, float | int | None]:
        """The form that stands in ``summary.json``; rates are per second of the planned time that went by."""
        intended, achieved = self.rates(due_s)
        return {
            "scheduled": self.scheduled,
            "sent": self.sent,
            "dropped": self.dropped,
            "late": self.late,
            "rate_intended": intended,
            "rate_achieved": achieved,
        }


NO_ARRIVALS = Arrivals()
"""Those of a scenario of which nothing is known yet."""
