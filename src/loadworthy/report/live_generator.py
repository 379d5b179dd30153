"""Is the generator fit to judge? A light, as far as the run has come.

The light does not go back: the judgement at the end has all of the run, and what the watch once warned of is in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from loadworthy.analysis.verdict import Verdict
from loadworthy.analysis.watch import WATCH
from loadworthy.record.interval import Interval
from loadworthy.report.words import plural
from loadworthy.units import format_ms


class GeneratorLight:
    """Fed with all events and intervals of a run."""

    def __init__(self) -> None:
        self._warnings = 0
        self._lost = 0
        self._readings: dict[int, Mapping[str, float]] = {}

    def on_event(self, event: Mapping[str, Any]) -> None:
        """Count what speaks against the generator."""
        self._warnings += event.get("type") == "warning" and event.get("source") == WATCH
        self._lost += event.get("type") == "worker_lost"

    def on_interval(self, interval: Interval) -> None:
        """Note the readings of a process."""
        if interval.health:
            self._readings[interval.process] = interval.health

    @property
    def verdict(self) -> Verdict:
        """PASS as long as nothing speaks against it, INVALID where a process was lost, UNDECIDED after a warning."""
        if self._lost:
            return Verdict.INVALID
        return Verdict.UNDECIDED if self._warnings else Verdict.PASS

    def words(self) -> Iterator[str]:
        """The state first, then the latest readings of the process that is worst off."""
        state = [f"{plural(self._lost, 'worker')} lost"] if self._lost else []
        state += [plural(self._warnings, "warning")] if self._warnings else []
        yield ", ".join(state) or "fit so far"
        shares = [reading["cpu"] for reading in self._readings.values() if "cpu" in reading]
        if shares:
            whose = "a core" if len(shares) == 1 else f"a core, the busiest of {len(shares)} processes"
            yield f"CPU {max(shares) * 100:.0f} % of {whose}"
        lags = [reading["loop_lag_ms"] for reading in self._readings.values() if "loop_lag_ms" in reading]
        if lags:
            yield f"event loop {format_ms(max(lags))} late"
