"""``loadworthy doctor``: is this machine fit to make load, and how much?"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadworthy.cli.target import load_target
from loadworthy.errors import ExitCode, UsageError
from loadworthy.units import US_PER_S

if TYPE_CHECKING:
    from loadworthy.analysis.summary import Summary
    from loadworthy.engine.machine import Finding
    from loadworthy.record.interval import Interval

EPILOG = """\
example:
  loadworthy doctor
  loadworthy doctor --rate 2000 --seconds 10

It looks at limits, measures how precisely this machine can wait, and sends load for some seconds to a server of its own
on 127.0.0.1, which does nothing but answer. Nothing else is contacted, and nothing is left behind.

The exit code is 0 where there may be warnings, 1 where something would spoil a run.
"""

USERS = 50
SHARE = 0.2
"""Of what was possible: beginning each iteration at its time costs more than going round and round."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("--seconds", metavar="N", type=float, default=3.0, help="length of each measurement (3)")
    parser.add_argument(
        "--rate",
        metavar="R",
        type=float,
        help="iterations per second to begin; a fifth of what was possible if not given",
    )


def execute(arguments: argparse.Namespace) -> ExitCode:
    """Look, measure, print."""
    if not 1 <= arguments.seconds <= 600 or (arguments.rate is not None and arguments.rate <= 0):
        raise UsageError("--seconds is between 1 and 600, and --rate above 0")
    from loadworthy.engine.machine import State

    worst = State.GOOD
    marks = {State.GOOD: "✓", State.WARN: "!", State.BAD: "✗"}
    for finding in _findings(arguments.seconds, arguments.rate):
        print(f"{marks[finding.state]} {finding.what:<17} {finding.found}", flush=True)
        if finding.remedy:
            print(f"{'':<20}{finding.remedy}", flush=True)
        if finding.state is State.BAD:
            worst = State.BAD
    return ExitCode.FAIL if worst is State.BAD else ExitCode.PASS


def _findings(seconds: float, rate: float | None) -> Iterator[Finding]:
    from loadworthy.engine import machine
    from loadworthy.testing import CountingServer

    yield machine.Finding("python", machine.State.GOOD, f"{sys.version.split()[0]} on {sys.platform}")
    yield from machine.look_at_limits()
    yield machine.judge_timer(machine.measure_timer())
    with CountingServer(log_limit=0) as server:
        closed = _run(server.url, {"users": USERS}, seconds, "measuring how much is possible")
        possible = closed.scenarios["load"].figures.throughput or 0.0
        yield machine.judge_rate(possible, machine.cores_for_us())
        wanted = rate or max(possible * SHARE, 1.0)
        summary = _run(server.url, {"rate": wanted}, seconds, "measuring how punctual it is")
        lag = summary.to_json()["scenarios"]["load"].get("send_lag_ms") or {}
        reasons = summary.health.reasons or summary.reasons
        yield machine.judge_lag(wanted, lag.get("p99"), summary.verdict.value, reasons)


def _run(url: str, load: dict[str, Any], seconds: float, words: str) -> Summary:
    """One scenario against the null server, in a directory that is thrown away."""
    from loadworthy.analysis.summarize import summarize
    from loadworthy.cli.console import error_console
    from loadworthy.cli.working import working
    from loadworthy.clock import SystemClock
    from loadworthy.engine.run import RunRequest, run_plan
    from loadworthy.record.rundir import Run

    scenario = {**load, "run_time": f"{seconds:g}s", "endpoints": [{"path": "/"}], "thresholds": ["error_rate < 1%"]}
    with tempfile.TemporaryDirectory(prefix="loadworthy-doctor-") as folder:
        plan = {"base_url": url, "scenarios": {"load": scenario}}
        request = RunRequest(load_target(plan, environ={}), out=Path(folder))
        with working(error_console(), words, SystemClock()) as told:
            outcome = run_plan(request, _Follower(told))
        return summarize(Run.open(outcome.path))


class _Follower:
    """An observer that tells how much of a measurement is over; once a second, for drawing is not what is measured."""

    def __init__(self, told: Callable[[float], None]) -> None:
        self._told = told
        self._next_us = 0

    def on_event(self, event: Mapping[str, Any]) -> None:
        """Nothing."""

    def on_interval(self, interval: Interval) -> None:
        """Nothing."""

    def tick(self, elapsed_us: int, planned_us: int | None, users: int) -> None:  # noqa: ARG002  # an observer's
        """Some time has passed."""
        if planned_us and elapsed_us >= self._next_us:
            self._next_us = elapsed_us + US_PER_S
            self._told(elapsed_us / planned_us)
