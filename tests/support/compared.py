"""Simulated runs for comparisons: a service with a run-to-run spread, and the command line in this process."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from loadworthy.analysis.samples_by_window import RunSample, sample_run
from loadworthy.cli.guard import guarded
from loadworthy.cli.main import _dispatch
from loadworthy.record.histogram import Histogram
from loadworthy.record.interval import Interval, SeriesInterval
from tests.support.runs import ended, interval, iso, manifest, started, write_run

FRACTIONS = (0.5, 0.95, 0.99)
SPREAD = 0.03
"""Of the logarithm of a run's speed, from run to run."""


def lognormal_series(
    rng: np.random.Generator, count: int, median_us: float, *, name: str = "/items", failures: int = 0
) -> SeriesInterval:
    """So many response times, lognormal with sigma 0.5."""
    response = Histogram()
    response.record_many((median_us * np.exp(rng.normal(0, 0.5, count))).astype(np.int64))
    return SeriesInterval(
        "GET", name, requests=count, failures=failures, failure_kinds={"status": failures} if failures else {},
        response=response, service=response,
    )  # fmt: skip


def simulated_intervals(
    rng: np.random.Generator,
    *,
    factor: float = 1.0,
    seconds: int = 20,
    per_second: int = 300,
    spread: float = SPREAD,
    names: Sequence[str] = ("/items",),
    is_open: bool = True,
    failures: int = 0,
    scenario: str = "load",
) -> list[Interval]:
    """One run of a service whose times are ``factor`` times 20 ms, and vary from run to run."""
    median_us = 20_000 * factor * math.exp(rng.normal(0, spread))
    arrivals = per_second if is_open else 0
    return [
        interval(
            second,
            *(lognormal_series(rng, per_second, median_us, name=name, failures=failures) for name in names),
            scenario=scenario,
            scheduled=arrivals,
            sent=arrivals,
        )
        for second in range(seconds)
    ]


def simulated_run(rng: np.random.Generator, name: str = "run", **how: object) -> RunSample:
    """The same, measured."""
    return sample_run(name, simulated_intervals(rng, **how), FRACTIONS)  # type: ignore[arg-type]


def simulated_side(rng: np.random.Generator, runs: int, **how: object) -> list[RunSample]:
    """Several runs."""
    return [simulated_run(rng, f"run-{number}", **how) for number in range(runs)]


def write_simulated(
    path: Path,
    rng: np.random.Generator,
    *,
    at_s: int = 0,
    revision: str | None = None,
    dirty: bool = False,
    run_json: dict[str, object] | None = None,
    **how: object,
) -> Path:
    """A run directory of a closed workload that began so many seconds after the others."""
    how = {"is_open": False, "spread": 0.01, **how}
    intervals = simulated_intervals(rng, **how)  # type: ignore[arg-type]
    seconds = len(intervals)
    facts = manifest(ended_at_s=at_s + seconds, planned_s=float(seconds), name=path.name, started_at=iso(at_s))
    facts |= {"git": None if revision is None else {"revision": revision, "dirty": dirty}, **(run_json or {})}
    events = [started(planned_s=float(seconds)), ended(at_s=seconds)]
    return write_run(path, intervals, events=events, run_json=facts)


def command_line(*words: object) -> int:
    """The exit code of a command, run in this process; what it prints is for ``capsys``."""
    return guarded("loadworthy", lambda: _dispatch([str(word) for word in words]))
