"""A worker is lost while the load goes on, and another joins in its place: the shares are those of who is there."""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.support.cli import Started, only_run, write_plan

from loadworthy.record.rundir import Run
from loadworthy.testing import CountingServer

RATE, ITERATIONS = 100, 1600


def wait_for(started: Started, words: str) -> str:
    """Until it says so; what comes behind the words."""
    for line in started.lines():
        if words in line:
            return line.rpartition(words)[2].strip()
    raise AssertionError(f"it never said {words!r}")


def number_from(event: dict[str, Any]) -> int:
    """The number of the iteration from which on the shares hold, and ten more for rounding."""
    return round(float(event["message"].split()[1]) * RATE) + 10


@pytest.mark.slow
def test_a_worker_that_joins_late_takes_the_place_of_one_that_was_lost(tmp_path: Path) -> None:
    """From the moments that the run names, every iteration begins once; the newcomer does its half."""
    with CountingServer() as server:
        # Ended by their number: time would cut off those that a busy machine is late with.
        load = {"rate": f"{RATE}/s", "arrivals": "constant", "iterations": ITERATIONS,
                "endpoints": [{"path": "/{{ iteration }}", "name": "/n"}]}  # fmt: skip
        plan = write_plan(tmp_path, {"base_url": server.url, "scenarios": {"load": load}})
        with Started("run", plan, "--workers", 2, "--bind", "127.0.0.1:0", cwd=tmp_path) as run:
            join = ("worker", "--join", wait_for(run, "worker --join "))
            with Started(*join, cwd=tmp_path) as stays, Started(*join, cwd=tmp_path) as dies:
                wait_for(dies, "load: started")
                dies.send(signal.SIGKILL)
                wait_for(run, "was lost")
                with Started(*join, cwd=tmp_path) as comes:
                    code, out = run.finish()
                    codes = [stays.finish()[0], comes.finish()[0]]
        numbers = sorted(int(one.target[1:]) for one in server.log() if one.target[1:].isdigit())
    assert code == 4, out  # what the lost one should have begun is missing
    assert codes == [0, 0]
    events = [one for one in Run.open(only_run(tmp_path)).events if one["type"] == "shared_anew"]
    assert len(events) == 2, out
    alone, together = map(number_from, events)
    assert all(count == 1 for count in Counter(numbers).values())
    assert alone < together < ITERATIONS - 100
    assert [number for number in numbers if number >= alone] == list(range(alone, ITERATIONS))
    begun = Counter[int]()
    for interval in Run.open(only_run(tmp_path)).intervals():
        begun[interval.process] += interval.sent
    assert set(begun) == {1, 2, 3} or set(begun) == {1, 3} or set(begun) == {2, 3}
    assert abs(begun[3] - (ITERATIONS - together) / 2) <= 30
