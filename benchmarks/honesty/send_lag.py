"""How late we send: an open workload against nginx, one core each, at 1,000 and 10,000 requests per second.

The figures are from ``summary.json``. Below the table is how late the timer alone wakes on the generator's core at the
same hour, with nothing to do: that much of the lag is the machine's.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import machine

from loadworthy.engine.machine import measure_timer

BARS_MS = {1000: 0.2, 10_000: 1.0}
"""Requests per second → what the p99 of send lag should not pass."""


def timer() -> Sequence[int]:
    """How late 1,000 timers were, µs ascending."""
    return sorted(measure_timer(waits=1000))


def peers() -> str:
    """Those who would stand beside us, if the distribution had them."""
    found = []
    for name in ("vegeta", "wrk2"):
        policy = subprocess.run(["apt-cache", "policy", name], capture_output=True, text=True, check=False).stdout
        found.append(f"{name}: {'in the package lists' if 'Candidate:' in policy else 'not in the package lists'}")
    return ", ".join(found) if shutil.which("apt-cache") else "no apt-cache here"


def main() -> None:
    """Every rate with either kind of arrivals."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run-time", type=int, default=20, metavar="S")
    parser.add_argument("--rates", type=int, nargs="*", default=list(BARS_MS))
    options = parser.parse_args()
    core, server_core = machine.cores()
    print(machine.describe())
    print("| rate | arrivals | sent | dropped | p50 ms | p99 ms | p99.9 ms | max ms | bar p99 | verdict |")
    print("|---" * 10 + "|")
    with machine.start_target(server_core) as target, tempfile.TemporaryDirectory(prefix="bench-honesty-") as folder:
        for rate in options.rates:
            for kind in ("constant", "poisson"):
                load = {"rate": f"{rate}/s", "arrivals": kind, "run_time": f"{options.run_time}s", "max_users": 1000}
                scenarios = {"load": {**load, "endpoints": [{"path": "/"}]}}
                plan = {"base_url": target.url, "seed": 7, "scenarios": scenarios}
                run = machine.loadworthy(Path(folder) / f"{rate}-{kind}", core, plan)
                lag, books = run.said["send_lag_ms"], run.said["arrivals"]
                cells = [f"{rate:,}/s", kind, f"{books['sent']:,}", f"{books['dropped']:,}"]
                cells += [f"{lag[figure]:.3f}" for figure in ("p50", "p99", "p999", "max")]
                bar = f"{BARS_MS[rate]}" if rate in BARS_MS else "none"
                print(f"| {' | '.join([*cells, bar, run.verdict])} |", flush=True)
        name = target.name
    with machine.pinned(core):
        late_us = timer()
    print(f"\ntarget: {name}; the timer alone: p50 {late_us[500] / 1000:.3f} ms, p99 {late_us[990] / 1000:.3f} ms")
    print(peers())


if __name__ == "__main__":
    try:
        main()
    except RuntimeError as error:
        sys.exit(str(error))
