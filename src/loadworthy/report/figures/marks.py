"""What happened while a scenario ran: stages, stretches in which a threshold was missed, events; with their words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loadworthy.analysis.accumulate import MS_PER_S
from loadworthy.analysis.ending import seconds
from loadworthy.analysis.recovery import Recovery
from loadworthy.analysis.stages import StageReport
from loadworthy.analysis.summary import ScenarioSummary
from loadworthy.report.events import describe
from loadworthy.report.figures.figure import Columns
from loadworthy.report.words import rate, stage_load

Event = Mapping[str, Any]

_BREACHED, _RECOVERED = "threshold_breached", "threshold_recovered"
_BAD = frozenset({_BREACHED, "worker_lost", "interrupted", "user_error"})
_SHOWN = frozenset(
    {"stage", "worker_lost", "worker_joined", "interrupted", "user_error", "warning", "load_changed", "segment"}
)
MOST_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment, or a stretch where ``to_s`` is known, in seconds of the scenario."""

    at_s: float
    words: str
    is_bad: bool = False
    to_s: float | None = None


def moments(events: Iterable[Event], scenario: str, start_ms: int, end_s: float) -> list[Moment]:
    """What happened in a scenario that began at ``start_ms`` and was measured until ``end_s``, in the order of time.

    A threshold that was missed is a stretch, to where it held again or to the end. Events of no scenario (a worker that
    was lost) belong to each that was running.
    """
    found: list[Moment] = []
    open_breaches: dict[str, Event] = {}
    for event in events:
        kind = str(event.get("type"))
        if event.get("scenario") not in (scenario, None) or not isinstance(event.get("at_ms"), int | float):
            continue
        at_s = (event["at_ms"] - start_ms) / MS_PER_S
        if kind == _BREACHED:
            open_breaches.setdefault(str(event.get("expression")), event)
        elif kind == _RECOVERED and (began := open_breaches.pop(str(event.get("expression")), None)) is not None:
            found.append(_stretch(began, start_ms, at_s))
        elif kind in _SHOWN and 0 <= at_s <= end_s and (words := describe(event)) is not None:
            found.append(Moment(at_s, _own(words, scenario), kind in _BAD))
    found += [_stretch(event, start_ms, end_s) for event in open_breaches.values()]
    return sorted(found, key=lambda one: one.at_s)


def shown(happened: Sequence[Moment]) -> list[Moment]:
    """As many as can be told apart: what is bad first of all, in the order of time."""
    ranked = sorted(happened, key=lambda one: not one.is_bad)
    kept = sorted(ranked[:MOST_SHOWN], key=lambda one: one.at_s)
    if len(ranked) > MOST_SHOWN:
        more = f"and {len(ranked) - MOST_SHOWN:,} more, in events.jsonl"
        kept.append(Moment(max(one.at_s for one in ranked), more))
    return kept


def judged_moments(scenario: ScenarioSummary) -> list[Moment]:
    """What was found only afterwards: where thresholds broke first, the overload, and when it had recovered."""
    found: list[Moment] = []
    if scenario.stages is not None:
        for point in scenario.stages.failure_points:
            load = stage_load(point.users, point.rate)
            found.append(Moment(point.at_s, f"{point.threshold} broke first in the stage that begins: {load}", True))
        found += _recovered(scenario.stages.recovery, _overload_end_s(scenario.stages))
    overload = None if scenario.search is None else scenario.search.overload
    if overload is not None:
        end_s = overload.from_s + overload.time_s
        told = f"overload: {rate(overload.rate)}, {overload.multiple:g} times the capacity"
        found.append(Moment(overload.from_s, told, True, end_s))
        found += _recovered(overload.recovery, end_s)
    return found


def _overload_end_s(report: StageReport) -> float:
    """Where the highest stage ends; the last of several that are as high."""
    highest = max(report.stages, key=lambda one: (one.users if one.rate is None else one.rate, one.to_s))
    return highest.to_s


def _recovered(recovery: Recovery | None, end_s: float) -> list[Moment]:
    if recovery is None:
        return []
    if recovery.time_s is None:
        return [Moment(end_s, recovery.sentence, recovery.recovered is False)]
    return [Moment(end_s + recovery.time_s, f"recovered, {seconds(recovery.time_s)} after the overload")]


def _stretch(event: Event, start_ms: int, to_s: float) -> Moment:
    at_s = max((event["at_ms"] - start_ms) / MS_PER_S, 0.0)
    return Moment(at_s, _own(describe(event) or "", str(event.get("scenario"))), True, max(to_s, at_s))


def _own(words: str, scenario: str) -> str:
    """Without the scenario's name before it: it stands above."""
    return words.removeprefix(f"{scenario}: ")


def _shades(stretches: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Stretches of which those that overlap are one."""
    found: list[tuple[float, float]] = []
    for at_s, to_s in sorted(stretches):
        if found and at_s <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], to_s))
        else:
            found.append((at_s, to_s))
    return found


def marks_columns(happened: Sequence[Moment]) -> Columns:
    """The data set of marks."""
    shades = _shades([(one.at_s, one.to_s) for one in happened if one.to_s is not None])
    padded = [*shades, *([(None, None)] * (len(happened) - len(shades)))]
    return {
        "shade_ms": [None if at_s is None else round(at_s * MS_PER_S) for at_s, _ in padded],
        "shade_to_ms": [None if to_s is None else round(to_s * MS_PER_S) for _, to_s in padded],
        "at_ms": [round(one.at_s * MS_PER_S) for one in happened],
        "to_ms": [None if one.to_s is None else round(one.to_s * MS_PER_S) for one in happened],
        "words": [one.words for one in happened],
        "bad": [one.is_bad for one in happened],
    }
