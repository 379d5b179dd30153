"""A search as the live views show it: what is tried now, between which rates the limit lies, what came of the last."""

from __future__ import annotations

from loadworthy.analysis.ending import seconds
from loadworthy.analysis.segments import STRESS
from loadworthy.report.progress import Running, Searching
from loadworthy.report.words import rate

_BETWEEN = {"warm-up": "warm-up", "cool-down": "rests until the target is as quick as at first"}
"""Purposes of what lies between trials, in words."""


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


def last_words(running: Running, name: str = "") -> str:
    """What came of the last trial or, in the end, what was found; empty before the first is over.

    ``name`` stands before it in place of the scenario's own, which every such sentence begins with.
    """
    search = running.search
    if search is None or not (last := search.found or search.told):
        return ""
    return f"{'found' if search.found else 'last'}: {name}{last.removeprefix(f'{running.name}: ')}"
