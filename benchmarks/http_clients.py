"""How many requests a generator gets out of one core: ours, Locust's, hey and wrk, side by side.

What is measured and what it is worth: README.md. Nothing is written; the table goes to standard output.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from targets import Target, pinned, start_target

from loadworthy.clock import monotonic_ns

sys.path.insert(0, str(Path(__file__).resolve().parent))

CONNECTIONS = 50
WARM_UP_S = 2.0
START_LIMIT_S = 30.0
BASELINE = "Locust FastHttpUser"
_USERS = str(Path(__file__).resolve().parent / "bench_users.py")


@dataclass(frozen=True)
class Contender:
    """A generator and how to start it."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Figures:
    """What one generator did in one window."""

    per_core_second: float
    """Requests for each second of CPU time that the generator used."""
    per_second: float


def contenders(url: str, seconds: float, folder: str) -> list[Contender]:
    """All that are installed here."""
    path = f"{url}/small.json"
    python = sys.executable
    users = ["-u", str(CONNECTIONS), "-r", str(CONNECTIONS), "-t", f"{seconds:.0f}s"]
    locust = [python, "-m", "locust", "-f", _USERS, "--headless", "--only-summary", "--host", url, *users]
    run = [python, "-m", "loadworthy", "run", _USERS, "--url", url, "--out", folder]
    run += ["--users", str(CONNECTIONS), "--spawn-rate", str(CONNECTIONS), "--run-time", f"{seconds:.0f}s"]
    ours = {"BENCH_CLIENT": "loadworthy"}
    found = [
        Contender(BASELINE, locust, {"BENCH_CLIENT": "fast"}),
        Contender("Locust HttpUser", locust, {"BENCH_CLIENT": "requests"}),
        Contender("Loadworthy HttpUser, locust -f", locust, ours),
        Contender("Loadworthy HttpUser, loadworthy run", run, ours),
    ]
    if hey := shutil.which("hey"):
        found.append(Contender("hey", [hey, "-cpus", "1", "-c", str(CONNECTIONS), "-z", f"{seconds:.0f}s", path]))
    if wrk := shutil.which("wrk"):
        found.append(Contender("wrk", [wrk, "-t", "1", "-c", str(CONNECTIONS), "-d", f"{seconds:.0f}s", path]))
    return found


def measure(contender: Contender, target: Target, core: int | None, window_s: float) -> Figures:
    """Start it, let it warm up, look at CPU time and requests over a window in its midst, let it end.

    Raises:
        RuntimeError: if it does not start, or ends badly.
    """
    with tempfile.TemporaryFile("w+") as output:
        with pinned(core):
            process = subprocess.Popen(
                contender.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **contender.environment},
            )
        try:
            _await_load(process, target)
            time.sleep(WARM_UP_S)
            figures = _watch(psutil.Process(process.pid), target, window_s)
            process.wait(START_LIMIT_S)
        except (RuntimeError, psutil.Error, subprocess.TimeoutExpired) as error:
            raise RuntimeError(f"{contender.name}: {error}\n{_tail(output)}") from error
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        if process.returncode not in {0, 4}:  # 4: the generator was busy all the time, which is the point
            raise RuntimeError(f"{contender.name} ended with code {process.returncode}\n{_tail(output)}")
    return figures


def _await_load(process: subprocess.Popen[bytes], target: Target) -> None:
    before = target.requests()
    deadline_ns = monotonic_ns() + int(START_LIMIT_S * 1e9)
    while target.requests() < before + 10 * CONNECTIONS:
        if process.poll() is not None or monotonic_ns() > deadline_ns:
            raise RuntimeError(f"no load came within {START_LIMIT_S:.0f} s (exit code {process.poll()})")
        time.sleep(0.05)


def _watch(process: psutil.Process, target: Target, window_s: float) -> Figures:
    start_ns, requests, cpu_s = monotonic_ns(), target.requests(), _cpu_s(process)
    time.sleep(window_s)
    requests, cpu_s = target.requests() - requests, _cpu_s(process) - cpu_s
    elapsed_s = (monotonic_ns() - start_ns) / 1e9
    return Figures(requests / max(cpu_s, 0.01), requests / elapsed_s)


def _cpu_s(process: psutil.Process) -> float:
    """CPU time of it and of all that it has started."""
    times = [member.cpu_times() for member in (process, *process.children(recursive=True))]
    return sum(time.user + time.system for time in times) + times[0].children_user + times[0].children_system


def _tail(output: object) -> str:
    output.seek(0)  # type: ignore[attr-defined]
    return "\n".join(output.read().splitlines()[-15:])  # type: ignore[attr-defined]


def cores() -> tuple[int | None, int | None]:
    """One core for the generator and one for the server; None where they cannot be had."""
    if not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2:
        return None, None
    server, *_, generator = sorted(os.sched_getaffinity(0))
    return generator, server


def show(results: Mapping[str, Sequence[Figures]]) -> None:
    """Medians over the rounds; each ratio is the median of the ratios within a round."""
    print(f"{'generator':38} {'req per core-s':>14} {'req/s':>9} {'÷ FastHttpUser':>15}   rounds")
    ranked = sorted(results.items(), key=lambda item: -statistics.median(f.per_core_second for f in item[1]))
    for name, rounds in ranked:
        per_core = statistics.median(figures.per_core_second for figures in rounds)
        per_second = statistics.median(figures.per_second for figures in rounds)
        pairs = list(zip(rounds, results.get(BASELINE, ()), strict=False))
        ratios = [ours.per_core_second / theirs.per_core_second for ours, theirs in pairs]
        ratio = f"{statistics.median(ratios):.2f}" if ratios else "n/a"
        spread = " ".join(f"{figures.per_core_second:,.0f}" for figures in rounds)
        print(f"{name:38} {per_core:>14,.0f} {per_second:>9,.0f} {ratio:>15}   {spread}")


def main() -> None:
    """Measure all, in rounds, so that a slow minute of the machine hits everybody."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--window", type=float, default=4.0, metavar="S", help="seconds that are measured")
    parser.add_argument("--only", nargs="*", default=[], metavar="TEXT", help="those whose name has one of these")
    options = parser.parse_args()
    generator, server = cores()
    results: dict[str, list[Figures]] = {}
    with start_target(server) as target, tempfile.TemporaryDirectory(prefix="bench-runs-") as folder:
        # Its start, Locust's ramp of one second, the warm-up, the window, and a second to spare.
        entrants = contenders(target.url, options.window + WARM_UP_S + 3, folder)
        entrants = [c for c in entrants if not options.only or any(word in c.name for word in options.only)]
        where = "unpinned" if generator is None else f"generator on core {generator}, server on core {server}"
        print(f"target {target.name}, {CONNECTIONS} connections, {options.rounds} rounds, {where}", flush=True)
        if not entrants:
            raise RuntimeError(f"no generator has any of {options.only} in its name")
        try:
            for number in range(options.rounds):
                for contender in entrants[number % len(entrants) :] + entrants[: number % len(entrants)]:
                    figures = measure(contender, target, generator, options.window)
                    results.setdefault(contender.name, []).append(figures)
                    print(f"  round {number + 1}: {contender.name}: {figures.per_core_second:,.0f}", flush=True)
        finally:
            show(results)  # what was measured stands, though a later one may fail


if __name__ == "__main__":
    try:
        main()
    except RuntimeError as error:
        sys.exit(str(error))
