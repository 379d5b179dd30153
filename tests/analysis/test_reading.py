"""Reading a run once: whoever waits hears how far it is, and the length of scenarios is taken from their events."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.runs import START_MS, ended, interval, make_run, series, started, write_run

from loadworthy.analysis.reading import read
from loadworthy.record.rundir import INTERVALS, Run


def test_told_changes_nothing(tmp_path: Path) -> None:
    """Shares ascend to 1, and what was read is the same as if nobody had listened."""
    path = write_run(tmp_path / "run", [interval(second, series("/a", [1000] * 9)) for second in range(300)])
    shares: list[float] = []
    told, quiet = read(Run.open(path), shares.append), read(Run.open(path))
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert told.timeline.seconds("load") == quiet.timeline.seconds("load")
    assert told.totals.scenarios["load"].total == quiet.totals.scenarios["load"].total


def test_torn_lines_are_counted_while_somebody_listens(tmp_path: Path) -> None:
    """A line that is cut off is still one, and the end is still told."""
    path = write_run(tmp_path / "run", [interval(second, series("/a", [1000])) for second in range(3)])
    file = path / INTERVALS
    file.write_bytes(file.read_bytes()[:-9])
    shares: list[float] = []
    reading = read(Run.open(path), shares.append)
    assert (reading.torn_lines, reading.torn_tails, shares[-1]) == (1, 1, 1.0)


def test_the_known_length_decides_how_series_are_kept(tmp_path: Path) -> None:
    """From beginning to end by the events; where one of them is missing or odd, the length shows while reading."""
    intervals = [interval(second, series("/a", [1000])) for second in range(70)]
    hour: list[dict[str, Any]] = [started("load", 3600.0), ended("load", at_s=3600)]
    odd = [{"type": "scenario_ended", "scenario": ["load"], "at_ms": START_MS}, hour[0] | {"at_ms": "soon"}, hour[1]]
    kept = [
        read(make_run(tmp_path / str(number), intervals, events=events)).timeline.series_step_s("load", 1)
        for number, events in enumerate((hour, hour[:1], hour[1:], odd))
    ]
    assert kept == [15, 1, 1, 1]
