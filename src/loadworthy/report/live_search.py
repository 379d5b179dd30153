"""A search as the live views show it: what is tried now, between which rates the limit lies, what came of the last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from loadworthy.analysis.ending import seconds
from loadworthy.analysis.segments import STRESS
from loadworthy.report.progress import Running, Searching
from loadworthy.report.terminal import plain
from loadworthy.report.words import rate

_BETWEEN = {"warm-up": "warm-up", "cool-down": "rests until the target is as quick as at first"}
"""Purposes of what lies between trials, in words."""


def search_lines(shown: Sequence[Running]) -> Iterator[RenderableType]:
    """Two lines for each scenario that searches: where it is, and the last trial or, in the end, what was found."""
    for one in shown:
        if one.search is not None:
            name = f"{one.name}: " if len(shown) > 1 else ""
            text = f"{name}{now_words(one)} · {known_words(one.search)}"
            yield Text(plain(text), style="bold", no_wrap=True, overflow="ellipsis")
            if last := one.search.found or one.search.told:
                label = "found" if one.search.found else "last"
                words = f"{label}: {name}{last.removeprefix(f'{one.name}: ')}"
                yield Text(plain(words), style="dim", no_wrap=True, overflow="ellipsis")


def now_words(running: Running) -> str:
    """What is tried now: ``trial 12 (bisect) at 397.4/s for 20 s``."""
    search = running.search
    if search is None or search.purpose is None:
        return "begins to search"
    if search.purpose == STRESS:
        return f"overload and recovery, now {rate(running.rate)}"
    if search.purpose in _BETWEEN:
        return _BETWEEN[search.purpose]
    length = "" if search.length_s is None else f" for {seconds(search.length_s)}"
    return f"trial {search.trials + 1} ({search.purpose}) at {rate(search.rate)}{length}"


def known_words(search: Searching) -> str:
    """What is known by now: ``limit between 380.5/s and 415.0/s``."""
    if search.low is None and search.high is None:
        return "no limit known yet"
    if search.high is None:
        return f"{rate(search.low)} holds"
    if search.low is None:
        return f"{rate(search.high)} is too much"
    return f"limit between {rate(search.low)} and {rate(search.high)}"
