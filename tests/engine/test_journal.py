"""What the journal says of thresholds while a run goes on."""

from __future__ import annotations

from pathlib import Path

from tests.support.runs import interval, manifest, series

from loadworthy.analysis.live_thresholds import LiveThresholds
from loadworthy.engine.journal import Journal
from loadworthy.engine.observer import SilentObserver
from loadworthy.record.rundir import Run, RunWriter
from loadworthy.testing import FakeClock


def told(path: Path, *thresholds: str) -> tuple[list[dict[str, object]], list[str]]:
    """The events of a run in which the middle of thirty seconds was bad, and what was said to whoever ends it."""
    writer = RunWriter(path)
    writer.write_manifest(manifest({"load": thresholds}))
    aborted: list[str] = []
    live = LiveThresholds({"load": thresholds}, processes=1)
    journal = Journal(
        writer, SilentObserver(), FakeClock(), lambda text: text, thresholds=live, on_abort=aborted.append
    )
    for second in range(30):
        times_us = 900_000 if 10 <= second < 20 else 1000
        journal.interval(interval(second, series("/a", [times_us] * 50)))
    writer.close()
    return Run.open(path).events, aborted


def test_a_breach_and_its_end_are_events(tmp_path: Path) -> None:
    """With the scenario, the threshold and the sentence of evidence."""
    events, aborted = told(tmp_path / "run", "max < 500ms for 3s")
    assert [event["type"] for event in events] == ["threshold_breached", "threshold_recovered"]
    assert all(event["scenario"] == "load" and event["expression"] == "max < 500ms for 3s" for event in events)
    assert str(events[0]["message"]).startswith("max < 500ms for 3s was missed: 900 ms over 150 requests in 3 s")
    assert not any("abort" in event for event in events)
    assert aborted == []


def test_one_that_aborts_says_so_once(tmp_path: Path) -> None:
    """To whoever ends the run, after the event is on record; a second one has nothing more to end."""
    events, aborted = told(tmp_path / "run", "max < 500ms for 3s, abort", "mean < 500ms for 3s, abort")
    breaches = [event for event in events if event["type"] == "threshold_breached"]
    assert [event.get("abort") for event in breaches] == [True, True]
    assert aborted == [breaches[0]["message"]]
