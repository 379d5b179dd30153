"""What it costs to judge and report a long run: a synthetic run directory, read as ``loadworthy report`` reads it.

    python benchmarks/report.py [--seconds 3600] [--series 50] [--samples 200] [--open] [--keep DIR] [--profile PHASE]

The run is made from a seed, as the engine would have written it. See README.md.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from loadworthy.record.histogram import Histogram
from loadworthy.record.interval import Interval, SeriesInterval
from loadworthy.record.rundir import Run, RunWriter

START_MS = 1_795_183_509_000
SEED = 6
FAILED_SHARE = 0.002
T = TypeVar("T")


def main() -> int:
    """Make the run unless it is there, and time what is done with it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=int, default=3600)
    parser.add_argument("--series", type=int, default=50)
    parser.add_argument("--samples", type=int, default=200, help="per series and second, about")
    parser.add_argument("--open", action="store_true", help="an open workload, whose requests are sent a little late")
    parser.add_argument("--keep", type=Path, help="make the run directory here, or use the one that is here")
    parser.add_argument("--profile", help="a phase, e.g. read: show where its time goes")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = arguments.keep or Path(folder) / "run"
        if not (path / "run.json").exists():
            make_run(path, arguments.seconds, arguments.series, arguments.samples, is_open=arguments.open)
        show_size("intervals.jsonl", (path / "intervals.jsonl").stat().st_size)
        measure(path, arguments.profile)
        whole_command(path)
    return 0


def make_run(path: Path, seconds: int, series: int, samples: int, *, is_open: bool) -> None:
    """Write a run: log-normal times with a daily swing, a few failures, a median of its own for each series."""
    chance = np.random.default_rng(SEED)
    writer = RunWriter(path)
    writer.write_manifest(manifest(seconds, is_open=is_open))
    started: dict[str, Any] = {"at_ms": START_MS, "type": "scenario_started", "scenario": "load", "kind": "load"}
    started |= {"workload": "open", "rate": series * samples} if is_open else {"workload": "closed", "users": 500}
    writer.add_event(started | {"planned_duration_s": seconds})
    medians_us = chance.uniform(8_000, 60_000, series)
    for second in range(seconds):
        swing = 1 + 0.3 * np.sin(second / seconds * 2 * np.pi)
        made = [
            one_series(chance, number, float(median * swing), int(chance.poisson(samples)), is_open=is_open)
            for number, median in enumerate(medians_us)
        ]
        writer.add_interval(interval(chance, second, made, is_open=is_open))
    writer.add_event(
        {"at_ms": START_MS + seconds * 1000, "type": "scenario_ended", "scenario": "load", "reason": "completed"}
    )
    writer.close()


def one_series(
    chance: np.random.Generator, number: int, median_us: float, samples: int, *, is_open: bool
) -> SeriesInterval:
    """A second of a series."""
    service_us = chance.lognormal(np.log(median_us), 0.45, samples).astype(np.int64)
    service = response = histogram(service_us)
    lag = Histogram()
    if is_open:
        lags_us = chance.exponential(60, samples).astype(np.int64)
        lag, response = histogram(lags_us), histogram(service_us + lags_us)
    failures = int(chance.binomial(samples, FAILED_SHARE))
    return SeriesInterval(
        kind="GET",
        name=f"/catalogue/{number:02d}/[id]",
        requests=samples,
        failures=failures,
        sent_bytes=180 * samples,
        received_bytes=2_400 * samples,
        statuses={200: samples - failures} | ({500: failures} if failures else {}),
        failure_kinds={"status": failures} if failures else {},
        response=response,
        service=service,
        send_lag=lag,
    )


def interval(chance: np.random.Generator, second: int, made: list[SeriesInterval], *, is_open: bool) -> Interval:
    """A second of the run."""
    requests = sum(one.requests for one in made)
    return Interval(
        scenario="load",
        process=0,
        number=second,
        start_ms=START_MS + 1000 * second,
        duration_ms=1000,
        users=500,
        iterations=requests,
        health={"cpu": round(float(chance.uniform(0.3, 0.5)), 4), "loop_lag_ms": 1.25, "rss_bytes": 9e7},
        series=made,
        own_lag=histogram(chance.exponential(40, requests).astype(np.int64)) if is_open else Histogram(),
        scheduled=requests if is_open else 0,
        sent=requests if is_open else 0,
    )


def histogram(values_us: np.ndarray[Any, np.dtype[np.int64]]) -> Histogram:
    """One of these values."""
    made = Histogram()
    made.record_many(values_us)
    return made


def manifest(seconds: int, *, is_open: bool) -> dict[str, Any]:
    """What the engine would say of the run."""
    load = {"rate": 10_000} if is_open else {"users": 500}
    thresholds = ["p95 < 500ms", "p99 < 1s", "GET /catalogue/07/[id] p99 < 1s", "error_rate < 1%"]
    return {
        "name": "2026-11-20T14-05-09-load",
        "started_at": "2026-11-20T14:05:09Z",
        "ended_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(START_MS / 1000 + seconds)),
        "ended": "completed",
        "planned_duration_s": float(seconds),
        "seed": SEED,
        "target": "http://127.0.0.1:8080",
        "plan_file": "plan.yaml",
        "plan": {"name": "shop", "scenarios": {"load": {"kind": "load", "thresholds": thresholds, **load}}},
        "processes": 1,
    }


def measure(path: Path, profiled: str | None) -> None:
    """The phases of a report, one after another in this process."""
    from loadworthy.analysis.latency_map import latency_map
    from loadworthy.analysis.percentile_curve import percentile_curves
    from loadworthy.analysis.reading import read
    from loadworthy.analysis.resources import resource_series
    from loadworthy.analysis.summarize import summarize
    from loadworthy.report.figures.course import step_of
    from loadworthy.report.html import report_html
    from loadworthy.report.report_json import report_json
    from loadworthy.report.scenario_figures import scenario_groups

    begun_s = time.process_time()
    run = Run.open(path)
    reading = timed("read", lambda: read(run), profiled)
    summary = timed("summarize", lambda: summarize(run, reading), profiled)
    step_s, timeline = step_of(summary.scenarios["load"]), reading.timeline
    seconds = timed("second by second", lambda: timeline.seconds("load"), profiled)
    timed("in steps", lambda: timeline.seconds("load", step_s), profiled)
    timed("series by series", lambda: timeline.series("load", step_s), profiled)
    timed("latency map", lambda: latency_map(timeline, "load"), profiled)
    timed("percentile curve", lambda: percentile_curves(reading, "load"), profiled)
    print(f"{'together':28} {time.process_time() - begun_s:8.2f} s of CPU")
    resources = resource_series(run.resources, reading.totals.scenarios)
    groups = timed("figures", lambda: scenario_groups(summary, reading, run.events, resources), profiled)
    page = timed("report.html", lambda: report_html(summary, run.manifest, run.failures, groups), profiled)
    content = timed(
        "report.json",
        lambda: report_json(summary, {"load": seconds}, run.manifest, run.failures, resources, reading),
        profiled,
    )
    show_size("report.html", len(page.encode()))
    show_size("report.json", len(content.encode()))


def whole_command(path: Path) -> None:
    """The command line, in a process of its own."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "loadworthy", "report", str(path)]
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{'loadworthy report':28} {cpu_s:8.2f} s of CPU, at most {after.ru_maxrss / 1000:.0f} MB of memory")


def timed(name: str, work: Callable[[], T], profiled: str | None) -> T:
    """Do it, and say how much CPU it took; with a profile where that is asked for."""
    profile = cProfile.Profile() if profiled == name else None
    before_s = time.process_time()
    result = work() if profile is None else profile.runcall(work)
    print(f"{name:28} {time.process_time() - before_s:8.2f} s of CPU")
    if profile is not None:
        pstats.Stats(profile).sort_stats("tottime").print_stats(20)
    return result


def show_size(name: str, size_bytes: int) -> None:
    """How large a file is."""
    print(f"{name:28} {size_bytes / 1e6:8.2f} MB")


if __name__ == "__main__":
    raise SystemExit(main())
