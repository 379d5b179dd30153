"""The history of a scenario, or of one series of it: a line a run, oldest first, and where its level changed.

Runs that are invalid stand in it, but take no part in looking for changes: their figures do not describe the service.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loadworthy.analysis.change_points import ChangePoint, change_points
from loadworthy.analysis.likeness import scenario_fingerprint
from loadworthy.record.index import FIGURES, IndexedRun, IndexedSeries

_INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """One run in a history, and its figures: name (:data:`~loadworthy.record.index.FIGURES`) → ms, share, or number."""

    run: IndexedRun
    series: IndexedSeries

    @property
    def figures(self) -> Mapping[str, float]:
        """What is known of it."""
        return self.series.figures


@dataclass(frozen=True, slots=True)
class TrendChange:
    """A change of level, and the runs between which it came."""

    found: ChangePoint
    before: TrendPoint
    after: TrendPoint

    @property
    def same_revision(self) -> bool:
        """Whether both runs were made at the same commit, so that it is not the code that changed."""
        return self.before.run.revision is not None and self.before.run.revision == self.after.run.revision

    @property
    def other_load(self) -> bool:
        """Whether the plan of the scenario changed as well."""
        return self.before.series.fingerprint != self.after.series.fingerprint


@dataclass(frozen=True, slots=True)
class Trend:
    """The history of one figure. ``series`` is empty for the scenario as a whole."""

    scenario: str
    series: str
    figure: str
    points: tuple[TrendPoint, ...]
    changes: tuple[TrendChange, ...] = ()

    @property
    def values(self) -> list[float | None]:
        """The figure in each run; None where it is not known."""
        return [point.figures.get(self.figure) for point in self.points]


def trend(scenario: str, series: str, figure: str, points: Sequence[TrendPoint]) -> Trend:
    """The history of a figure with its changes of level. ``points`` are in the order of time."""
    judged = [point for point in points if point.run.verdict != _INVALID and figure in point.figures]
    found = change_points([point.figures[figure] for point in judged])
    changes = tuple(TrendChange(one, judged[one.index - 1], judged[one.index]) for one in found)
    return Trend(scenario, series, figure, tuple(points), changes)


def indexed_run(name: str, stamp: str, summary: Mapping[str, Any], manifest: Mapping[str, Any]) -> IndexedRun:
    """What the index keeps of a run, from its ``summary.json`` and ``run.json``.

    ``stamp`` changes when the run does. Raises AttributeError, KeyError, TypeError or ValueError on what is no summary.
    """
    git = manifest.get("git")
    state = git if isinstance(git, Mapping) else {}
    revision = state.get("revision")
    return IndexedRun(
        name=name,
        stamp=stamp,
        started_at=str(summary.get("started_at") or ""),
        verdict=str(summary["verdict"]),
        revision=None if revision is None else str(revision),
        dirty=bool(state.get("dirty")),
        series=tuple(_indexed_series(summary["scenarios"], manifest)),
    )


def _indexed_series(scenarios: Mapping[str, Any], manifest: Mapping[str, Any]) -> Iterator[IndexedSeries]:
    for name, scenario in scenarios.items():
        fingerprint = scenario_fingerprint(manifest, name)
        capacity = scenario.get("capacity")
        rate = capacity.get("rate") if isinstance(capacity, Mapping) else None
        yield IndexedSeries(name, "", fingerprint, _figures(_at_safe_load(scenario), rate))
        for label, series in scenario["series"].items():
            yield IndexedSeries(name, label, fingerprint, _figures(series))


def _at_safe_load(scenario: Mapping[str, Any]) -> Mapping[str, Any]:
    """The figures of a search's confirming trial: those over all trials say what was tried, not what it carries."""
    capacity = scenario.get("capacity")
    if not isinstance(capacity, Mapping):
        return scenario
    trials = capacity.get("trials") or ()
    held = [one for one in trials if one["verdict"] == "good" and one["rate"] == capacity["rate"]]
    return max(held, key=lambda one: float(one["duration_s"]), default=scenario)


def _figures(data: Mapping[str, Any], capacity: float | None = None) -> dict[str, float]:
    known = {**data["response_time_ms"], **{key: data[key] for key in ("requests", "error_rate", "throughput")}}
    known["capacity"] = capacity
    return {key: float(known[key]) for key in FIGURES if known.get(key) is not None}
