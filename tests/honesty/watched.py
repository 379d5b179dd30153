"""An open run against a server that logs: every request with its intended time, next to what the summary says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from loadworthy.record.interval import Interval
from loadworthy.record.rundir import Run
from loadworthy.testing import CountingServer
from tests.honesty.oracles import Int64Array, intended
from tests.support.cli import loadworthy, only_run, summary_of, write_plan

SEED = 7
QUICK = [{"path": "/{{ iteration }}", "name": "/[iteration]"}]


@dataclass(frozen=True)
class Watched:
    """What one run said, and what the server saw; the arrays have one place for each iteration, by its number.

    ``intended_us`` is on the server's scale. The run's start is not known to the server: it is taken so that the
    promptest request was in time, so intended times are late by what that one took to arrive, some 0.1 ms. The times
    that follow from them are therefore never longer than they really were.
    """

    said: Any
    intended_us: Int64Array
    arrival_us: Int64Array
    started_us: Int64Array
    due_us: Int64Array
    departure_us: Int64Array
    own_late_us: float
    """The latest that the generator's event loop was."""
    scheduled: int
    sent: int
    dropped: int

    def said_us(self, figure: str, times: str = "response_time_ms") -> float:
        """A figure of the summary."""
        return float(self.said[times][figure]) * 1000

    @property
    def response_us(self) -> Int64Array:
        """From when it should have been sent until the answer went out."""
        return self.departure_us - self.intended_us

    @property
    def came_late_us(self) -> Int64Array:
        """How much later than intended the server saw each request: what the generator, the way and the server took."""
        return self.arrival_us - self.intended_us

    @property
    def late_us(self) -> Int64Array:
        """How late the server itself was with its answers."""
        return self.departure_us - self.due_us


def watch(folder: Path, server: CountingServer, seed: int = SEED, locustfile: str = "", **load: Any) -> Watched:
    """Run one open scenario of so many requests /NUMBER to its end; each number must have come exactly once.

    The run is told how many there are, not how long it may take: at a planned end it drops what a machine that stood
    still just before has not begun. Nor are users given a limit, of which the same could be too few.
    """
    due_us = intended(seed, **load)
    behaviour = {"locustfile": locustfile} if locustfile else {"endpoints": QUICK}
    counted = {key: value for key, value in load.items() if key != "run_time"} | {"iterations": due_us.size}
    plan = {"base_url": server.url, "seed": seed, "scenarios": {"load": {**counted, **behaviour}}}
    done = loadworthy("run", write_plan(folder, plan), cwd=folder)
    assert done.code in {0, 4}, done.out + done.err
    run = only_run(folder)
    log = server.log_arrays()
    numbers = np.array([int(target[1:]) for _, target in log.names], dtype=np.int64)[log.name]
    order = np.argsort(numbers)
    assert np.array_equal(numbers[order], np.arange(due_us.size))
    start_us = int((log.arrival_us[order] - due_us).min())
    scheduled, sent, dropped = books(list(Run.open(run).intervals()))
    return Watched(
        said=summary_of(run)["scenarios"]["load"],
        intended_us=due_us + start_us,
        arrival_us=log.arrival_us[order],
        started_us=log.started_us[order],
        due_us=log.due_us[order],
        departure_us=log.departure_us[order],
        own_late_us=float(summary_of(run)["health"]["loop_lag_ms"]) * 1000,
        scheduled=scheduled,
        sent=sent,
        dropped=dropped,
    )


def books(intervals: list[Interval]) -> tuple[int, int, int]:
    """Scheduled, sent, dropped."""
    return (
        sum(one.scheduled for one in intervals),
        sum(one.sent for one in intervals),
        sum(one.dropped for one in intervals),
    )
