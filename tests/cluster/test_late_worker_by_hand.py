"""A worker that joins after the load was changed by hand makes its share of the changed load."""

from __future__ import annotations

import signal
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count, islice
from pathlib import Path

import pytest
from tests.support.cli import Started
from tests.support.leading import Person, request, run_led

from loadworthy.analysis.by_hand import changes_of
from loadworthy.analysis.verdict import Verdict
from loadworthy.engine.control import Control
from loadworthy.testing import CountingServer
from loadworthy.units import US_PER_S
from loadworthy.workload.profile import LoadChange

RATE, ITERATIONS = 40, 1600


def due_us(change: LoadChange) -> Iterator[int]:
    """When evenly spaced iterations are due: at the plan's rate until the change, then at so many times it."""
    before = change.at_us / US_PER_S * RATE
    for number in count():
        if number < before:
            yield round(number / RATE * US_PER_S)
        else:
            yield round(change.at_us + (number - before) / (RATE * change.factor) * US_PER_S)


@pytest.mark.slow
def test_a_worker_that_joins_late_makes_its_share_of_the_changed_load(tmp_path: Path) -> None:
    """One of two is lost and another comes: from the moments that the run names, every iteration begins once, half of
    them in the newcomer, and half of the users of another scenario are there, too."""
    control = Control()
    with ExitStack() as stack, CountingServer() as server:

        def join() -> Started:
            (told,) = (one["message"] for one in person.events if one["type"] == "waiting_for_workers")
            joined.append(stack.enter_context(Started("worker", "--join", told.rpartition(" ")[2], cwd=tmp_path)))
            return joined[-1]

        # Ended by their number: time would cut off those that a busy machine is late with.
        load = {"rate": RATE, "arrivals": "constant", "iterations": ITERATIONS,
                "endpoints": [{"path": "/{{ iteration }}", "name": "/n"}]}  # fmt: skip
        beside = {"users": 4, "run_time": 20, "wait_time": "100ms", "with": "load",
                  "endpoints": [{"path": "/beside", "name": "/b"}]}  # fmt: skip
        plan = {"base_url": server.url, "scenarios": {"load": load, "beside": beside}}
        joined: list[Started] = []
        person = Person(
            [(0.1, lambda: control.change_load(3)), (0.2, lambda: joined[1].send(signal.SIGKILL))],
            {"waiting_for_workers": lambda: [join(), join()], "worker_lost": join},
        )
        asked = request(plan, tmp_path / "runs", remote_workers=2, bind=("127.0.0.1", 0))
        summary, run = run_led(asked, control, person)
        numbers = Counter(int(one.target[1:]) for one in server.log() if one.target[1:].isdigit())
    (change,) = changes_of("load", run.events)
    expected = list(islice(due_us(change), ITERATIONS))
    assert set(numbers) <= set(range(ITERATIONS))
    assert set(numbers.values()) == {1}
    alone, together = (
        bisect_right(expected, float(one["message"].split()[1]) * US_PER_S + 100_000)  # it is told to a tenth
        for one in run.events
        if one["type"] == "shared_anew"
    )
    assert all(number in numbers for number in range(alone, ITERATIONS))
    theirs = [one for one in run.intervals() if one.process == 3]
    assert sum(one.sent for one in theirs) == pytest.approx((ITERATIONS - together) / 2, abs=20)
    assert max(one.users for one in theirs if one.scenario == "beside") == 6  # of twelve
    assert len(changes_of("beside", run.events)) == 1
    assert summary.verdict is Verdict.INVALID  # what the lost one should have begun is missing
