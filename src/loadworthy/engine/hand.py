"""Changing the load of scenarios by hand, while they go on.

A change holds from a moment on that is near enough in the future for every process to hear of it in time, as a split of
the load does. Each process is told all changes of a scenario, every time: so one that comes late, or hears late, makes
the same load as the others. That a load was changed is told when it begins to hold: what never came to be is no change.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Protocol

from loadworthy.errors import UsageError
from loadworthy.units import US_PER_MS
from loadworthy.workload.profile import LoadChange

MOST = 100.0
"""Times the planned load, at most."""
LEAD_US = 300_000
"""A change holds from so far in the future at least: whoever leads looks four times a second what is due."""


class Changeable(Protocol):
    """Whoever makes the load; see :class:`~loadworthy.engine.drive.Crew`."""

    @property
    def lead_us(self) -> int:
        """So long before it holds everybody must have heard of a change."""
        ...

    def change_load(self, scenario: str, changes: Sequence[LoadChange]) -> None:
        """All changes of the load of a scenario; returns at once."""
        ...


class Hand:
    """Changes the load of the scenarios of one wave.

    Args:
        crew: makes the load.
        lengths_us: scenario → how long it is to take; None where that is not known.
        led: those of them that look for their own load.
        elapsed_us: the time since the wave began.
    """

    def __init__(
        self,
        crew: Changeable,
        lengths_us: Mapping[str, int | None],
        led: Collection[str],
        elapsed_us: Callable[[], int],
    ) -> None:
        self._crew = crew
        self._lengths_us = dict(lengths_us)
        self._led = frozenset(led)
        self._elapsed_us = elapsed_us
        self._changes: dict[str, list[LoadChange]] = {name: [] for name in lengths_us}
        self._untold: list[tuple[int, str, LoadChange]] = []

    def change(self, factor: float, scenario: str | None) -> Mapping[str, LoadChange]:
        """See :meth:`~loadworthy.engine.control.Control.change_load`."""
        if not 0 < factor <= MOST:  # which no NaN is
            raise UsageError(f"{factor:g} times the planned load: write a factor above 0, up to {MOST:g}")
        names = self._chosen(scenario)
        lead_us = max(self._crew.lead_us, LEAD_US)
        at_us = math.ceil((self._elapsed_us() + lead_us) / US_PER_MS) * US_PER_MS
        changed = {
            name: LoadChange(max(at_us, self._free_us(name)), factor) for name in names if self._is_new(name, factor)
        }
        in_time = {name: change for name, change in changed.items() if not self._is_late(name, change)}
        if late := [name for name in changed if name not in in_time and (scenario is not None or not in_time)]:
            raise UsageError(f"{', '.join(late)} ends before another load could begin in all processes")
        for name, change in in_time.items():
            self._changes[name].append(change)
            self._untold.append((change.at_us, name, change))
            self._crew.change_load(name, tuple(self._changes[name]))
        return in_time

    def changes(self, scenario: str) -> Sequence[LoadChange]:
        """All so far, ascending in time; some may still be to come."""
        return tuple(self._changes.get(scenario, ()))

    def begun(self, elapsed_us: int) -> Iterator[tuple[str, LoadChange]]:
        """Those that hold by now and were not told before."""
        told = [one for one in self._untold if one[0] <= elapsed_us]
        self._untold = [one for one in self._untold if one[0] > elapsed_us]
        return ((name, change) for _, name, change in told)

    def next_us(self) -> int | None:
        """When the next one begins to hold; None where none is to come."""
        return min((at_us for at_us, _, _ in self._untold), default=None)

    def let_go(self, scenario: str) -> None:
        """The scenario is over; what was to come is not."""
        self._lengths_us.pop(scenario, None)
        self._untold = [one for one in self._untold if one[1] != scenario]

    def _chosen(self, scenario: str | None) -> Sequence[str]:
        under_way = list(self._lengths_us)
        if scenario is not None and scenario not in under_way:
            raise UsageError(f"no scenario {scenario!r} is under way; these are: {', '.join(under_way)}")
        chosen = under_way if scenario is None else [scenario]
        names = [name for name in chosen if name not in self._led]
        if not names:
            raise UsageError(f"{', '.join(chosen)} finds its own load, which nobody can change by hand")
        return names

    def _is_new(self, name: str, factor: float) -> bool:
        changes = self._changes[name]
        return factor != (changes[-1].factor if changes else 1.0)

    def _free_us(self, name: str) -> int:
        """Changes of one scenario follow one another."""
        changes = self._changes[name]
        return changes[-1].at_us + US_PER_MS if changes else 0

    def _is_late(self, name: str, change: LoadChange) -> bool:
        length_us = self._lengths_us[name]
        return length_us is not None and change.at_us >= length_us
