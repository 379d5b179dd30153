"""Reading a run once, for all that is computed from its intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from loadworthy.analysis.accumulate import MS_PER_S, Accumulator
from loadworthy.analysis.own_readings import Readings
from loadworthy.analysis.segments import SegmentCutter
from loadworthy.analysis.stages import StageCutter
from loadworthy.analysis.timeline import TimelineBuilder
from loadworthy.analysis.windows import WindowBuilder
from loadworthy.record.rundir import EVENTS, FAILURES, INTERVALS, RESOURCES, Run
from loadworthy.told import Told, untold


@dataclass(slots=True)
class Reading:
    """All that a pass over the intervals gives; independent of their order.

    ``torn_lines`` counts damaged lines anywhere in the directory, ``torn_tails`` those of them that are the last line
    of their file and were cut off, as a killed process leaves them.
    """

    totals: Accumulator = field(default_factory=lambda: Accumulator(window_s=0))
    timeline: TimelineBuilder = field(default_factory=TimelineBuilder)
    readings: Readings = field(default_factory=Readings)
    stages: StageCutter = field(default_factory=StageCutter)
    segments: SegmentCutter = field(default_factory=SegmentCutter)
    windows: WindowBuilder = field(default_factory=WindowBuilder)
    torn_lines: int = 0
    torn_tails: int = 0


def read(run: Run, told: Told = untold) -> Reading:
    """Read a run's intervals. RunDirError where the files cannot be read.

    Args:
        run: freshly opened, for its count of torn lines grows with each pass over its intervals.
        told: hears now and then which share of the work is done, 0..1, and last that all of it is.
    """
    reading = Reading(
        timeline=TimelineBuilder(_lengths_s(run.events)),
        stages=StageCutter(run.manifest, run.events),
        segments=SegmentCutter(run.events, run.manifest),
        windows=WindowBuilder(run.manifest),
    )
    for interval in run.intervals(told):
        reading.totals.add(interval)
        reading.timeline.add(interval)
        reading.readings.add(interval)
        reading.stages.add(interval)
        reading.segments.add(interval)
        reading.windows.add(interval)  # last, for it unfolds histograms that the others add faster as they are
    reading.torn_lines = run.torn_lines
    reading.torn_tails = sum(_has_torn_tail(run, name) for name in (INTERVALS, EVENTS, RESOURCES, FAILURES))
    return reading


def _lengths_s(events: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Scenario → how long it lasted by what the run says of its beginning and end; where that is not known, nothing."""
    begun: dict[str, int] = {}
    lengths_s: dict[str, float] = {}
    for event in events:
        name, kind, at_ms = event.get("scenario"), event.get("type"), event.get("at_ms")
        if not isinstance(name, str) or not isinstance(at_ms, int):
            continue
        if kind == "scenario_started":
            begun[name] = at_ms
        elif kind == "scenario_ended" and name in begun:
            lengths_s[name] = (at_ms - begun[name]) / MS_PER_S
    return lengths_s


def _has_torn_tail(run: Run, name: str) -> bool:
    path = run.path / name
    try:
        with path.open("rb") as file:
            if file.seek(0, 2) == 0:
                return False
            file.seek(-1, 2)
            return file.read(1) != b"\n"
    except FileNotFoundError:
        return False
