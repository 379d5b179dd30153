"""The search for the highest rate that a target can safely carry: which rate to try next, and what was found.

A trial is a stretch of open workload at one rate. Somebody else judges it: bad if more than the objective's share of
the intended requests failed, were dropped or were slower than the limit. The search sees no more than that. It has no
clock and is a function of the outcomes: who replays them gets the same result.

**Growth.** From ``start_rate`` on each short trial that holds is followed by one at ``growth`` times its rate. So the
target never gets more than one step beyond what it is known to hold. A short trial can be bad by mishap (a pause, a
cold cache), so it is done again in full length before it ends the growth. Where the first rate is bad, the search goes
down. Where the generator gives up far beyond what is known to hold, that need not be its limit: it has its hands full
of requests that wait for an overloaded target. So smaller steps come next, each the root of the one before.

**What is proven.** A rate is good or bad by the rule of MLRsearch
(:class:`~loadworthy.workload.search_bounds.Tally`); a short trial alone proves nothing. ``high`` is the lowest rate
that is proven bad, ``low`` the highest below it that held.

**Bisection** at the geometric mean, with full trials, until the two are as near as half of the precision. The other
half is for what follows.

**Confirmation** by a long trial. Shorter ones do not see small overloads
(:mod:`loadworthy.workload.search_settings`), so it is not done at ``low`` itself, but below it by what a full trial
misses and the long one does not. If it is bad, the search goes on below, in steps of half of the precision, until such
a trial is good. Its rate is the answer.

**The interval** is not just the last two bounds: :mod:`loadworthy.workload.search_bounds` says how it is made, and
what it claims.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from loadworthy.workload.search_bounds import Observation, Tally, interval, low_end
from loadworthy.workload.search_settings import SearchSettings, settings_for

__all__ = ["CapacitySearch", "Outcome", "SearchResult", "SearchSettings", "Trial", "settings_for"]

Purpose = Literal["grow", "bisect", "confirm"]
Ended = Literal["found", "max_rate", "max_duration", "generator", "nothing_held", "no_evidence", "unfinished"]
"""Why a search is over. ``no_evidence`` is what whoever does the trials says: there was nothing to judge them by."""

COOL_DOWN_S = 1.0
"""What a trial takes at least beyond its length."""
SMALLEST_GROWTH = 1.1
"""Where the generator is the limit of steps as small as this, it is the limit."""
_FLOOR = 16.0  # the search goes down as far as start_rate over this


@dataclass(frozen=True, slots=True)
class Trial:
    """What to do next: this rate, for so long."""

    number: int
    """From 0."""
    rate: float
    duration_s: float
    purpose: Purpose


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a trial.

    Args:
        rate: that was tried.
        duration_s: its planned length.
        took_s: wall time of it and its cool-down; a trial may be stopped as soon as it is bad for sure.
        is_bad: more than the objective's share of the intended requests was bad.
        by_generator: the load generator was the limit. It says nothing of the target then.
    """

    rate: float
    duration_s: float
    took_s: float
    is_bad: bool
    by_generator: bool = False


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What was found.

    Args:
        rate: the safe load: the highest rate that held; in the last long trial, if ``ended`` is ``found`` or
            ``max_rate``. None where nothing held.
        low, high: the capacity is between them (:mod:`loadworthy.workload.search_bounds` says how sure that is);
            ``high`` is None where no rate was bad.
        ended: why the search is over.
    """

    rate: float | None
    low: float | None
    high: float | None
    ended: Ended


class CapacitySearch:
    """Chooses the trials of one search: ask :meth:`next`, do it, :meth:`record` what came of it, until none is left."""

    def __init__(self, settings: SearchSettings) -> None:
        self._settings = settings
        self._tallies: dict[float, Tally] = {}
        self._seen: list[Observation] = []
        self._spent_s = 0.0
        self._overrun_s = COOL_DOWN_S + settings.limit_s  # how much longer than planned a trial takes, at worst
        self._number = 0
        self._pending: Trial | None = None
        self._ended: Ended = "unfinished"
        self._confirming = self._hurried = self._was_generator = False
        self._growth = settings.growth
        self._confirmed: float | None = None

    def next(self) -> Trial | None:
        """The trial to do; the same one until it is recorded. None when the search is over."""
        if self._pending is None and self._ended == "unfinished":
            self._pending = self._fitted(self._wanted())
        return self._pending

    def record(self, outcome: Outcome) -> None:
        """Take in what came of the trial that :meth:`next` gave.

        Raises:
            ValueError: if there was no such trial, or it was another one.
        """
        trial = self.next()
        if trial is None or not math.isclose(trial.rate, outcome.rate, rel_tol=1e-6):
            raise ValueError(f"an outcome of {outcome.rate}/s, but the search asked for {trial}")
        self._pending, self._number = None, self._number + 1
        self._spent_s += outcome.took_s
        self._overrun_s = max(self._overrun_s, outcome.took_s - trial.duration_s)
        if outcome.by_generator:
            self._blame_generator(trial)
            return
        self._was_generator = False
        tally = self._tallies.setdefault(trial.rate, Tally(self._settings.full_s_at(trial.rate)))
        tally.add(trial.duration_s, outcome.is_bad)
        self._seen.append(Observation(trial.rate, trial.duration_s, outcome.is_bad))
        if trial.purpose == "confirm":
            self._take_confirmation(trial.rate)

    @property
    def low(self) -> float | None:
        """The highest rate that held, below the lowest that is proven bad."""
        below = self.high or math.inf
        return max((rate for rate, tally in self._tallies.items() if rate < below and tally.held), default=None)

    @property
    def high(self) -> float | None:
        """The lowest rate that is proven bad."""
        return min((rate for rate, tally in self._tallies.items() if tally.is_good is False), default=None)

    @property
    def left_s(self) -> float:
        """About how much longer it takes; for people who wait."""
        trial = self.next()
        if trial is None:
            return 0.0
        settings, low, high = self._settings, self.low, self.high
        left_s = settings.confirm_s_at(trial.rate) + COOL_DOWN_S
        if not self._confirming:
            ratio = high / low if low and high else settings.growth
            halvings = math.ceil(math.log2(max(math.log(ratio) / math.log1p(self._step), 1.0)))
            # A trial that is bad is stopped early: on average it takes a third of its length less.
            left_s += halvings * (settings.full_s_at(trial.rate) / 1.5 + COOL_DOWN_S)
        if high is None:
            left_s += 3 * (settings.short_s + COOL_DOWN_S)  # nobody knows; it is never too late for three more
        return min(left_s, max(settings.max_duration_s - self._spent_s, 0.0))

    def result(self) -> SearchResult:
        """What is known now."""
        rate = self.low if self._confirmed is None else self._confirmed
        if rate is None:
            return SearchResult(None, None, self.high, self._ended)
        if self.high is None:
            return SearchResult(rate, low_end(self._seen, rate, self._settings.limit_s), None, self._ended)
        low, high = interval(self._seen, self._settings.limit_s)
        return SearchResult(rate, min(low, rate), max(high, rate), self._ended)

    @property
    def _step(self) -> float:
        return self._settings.precision / 2

    def _wanted(self) -> Trial | None:
        low, high = self.low, self.high
        doubtful = self._doubtful()
        if doubtful is not None:
            return self._full(doubtful, "grow" if high is None or low is None else "bisect")
        if high is None:
            return self._grown(low)
        if low is None:
            return self._lowered(high)
        if self._confirming:
            return self._confirmation()
        if high / low - 1 > self._step:
            return self._full(math.sqrt(low * high), "bisect")
        return self._confirmation() if self._tallies[low].is_good else self._full(low, "bisect")

    def _doubtful(self) -> float | None:
        """The rate of a short trial that was bad, which proves nothing yet."""
        doubtful = (rate for rate, tally in self._tallies.items() if tally.is_good is None and not tally.held)
        return next(doubtful, None)

    def _grown(self, low: float | None) -> Trial:
        settings, most = self._settings, self._settings.max_rate or math.inf
        if low is None:
            return self._short(settings.start_rate)
        if low < most:
            return self._short(min(low * self._growth, most))
        return self._confirmation() if self._tallies[low].is_good else self._full(low, "grow")

    def _lowered(self, high: float) -> Trial | None:
        lowest = self._settings.start_rate / _FLOOR
        if high <= lowest:
            self._ended = "nothing_held"
            return None
        return self._short(max(high / self._settings.growth, lowest))

    def _confirmation(self) -> Trial:
        """The next long trial; there is a low bound."""
        settings, low, high = self._settings, self.low or 0.0, self.high
        if self._confirming and high is not None:
            rate = high / (1 + self._step)
        elif high is None:
            rate = low
        else:
            rate = low * (1 + settings.limit_s / settings.confirm_s) / (1 + settings.limit_s / settings.full_s)
        return Trial(self._number, rate, settings.confirm_s_at(rate), "confirm")

    def _short(self, rate: float) -> Trial:
        return Trial(self._number, rate, self._settings.short_s, "grow")

    def _full(self, rate: float, purpose: Purpose) -> Trial:
        return Trial(self._number, rate, self._settings.full_s_at(rate), purpose)

    def _fitted(self, trial: Trial | None) -> Trial | None:
        """The trial, if it ends in time; else the long one, in what time is left, if that can still decide."""
        if trial is None:
            return None
        left_s = self._settings.max_duration_s - self._spent_s - self._overrun_s
        # Not the last seconds for one more bisection: an answer that is confirmed is worth more than a narrow one.
        reserved_s = trial.duration_s + self._overrun_s if trial.purpose == "bisect" else 0.0
        if trial.duration_s + reserved_s <= left_s:
            return trial
        self._hurried = True
        if self.low is not None:
            last = self._confirmation()
            if self._settings.full_s_at(last.rate) <= left_s:
                return Trial(last.number, last.rate, min(left_s, last.duration_s), "confirm")
        self._ended = "max_duration"
        return None

    def _take_confirmation(self, rate: float) -> None:
        self._confirming = True
        if not self._tallies[rate].held:
            return
        self._confirmed = rate
        self._ended = "max_duration" if self._hurried else "found" if self.high is not None else "max_rate"

    def _blame_generator(self, trial: Trial) -> None:
        """Growing from what holds, smaller steps come next. Else it may be a mishap: the trial is done once again."""
        if trial.purpose == "grow" and self.high is None and self.low is not None:
            self._growth = math.sqrt(self._growth)
            if self._growth < SMALLEST_GROWTH:
                self._ended = "generator"
            return
        if self._was_generator:
            self._ended = "generator"
        self._was_generator = True
