"""The runs that docs/judgement.md shows: against a server whose capacity, and whose leak, are set.

    python benchmarks/judgement.py capacity|stress|leak|steady

The run directory goes to ``runs/``. ``leak`` and ``steady`` take ten minutes each, the others three to five.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import locust  # noqa: F401  # it wants to be there before requests

from loadworthy import api
from loadworthy.testing import Delay, FaultServer, MemoryLeak, Queue, Route

CAPACITY = 400
"""Per second, one after another."""
LEAK_BYTES_PER_S = 1_000_000 // 60
HOLDS = ["p95 < 200ms", "error_rate < 1%"]


def main() -> int:
    """Make the run, and show what came out."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=("capacity", "stress", "leak", "steady"))
    what = parser.parse_args().what
    if what in ("capacity", "stress"):
        thresholds = [*HOLDS, "capacity >= 300/s"] if what == "capacity" else HOLDS
        server = FaultServer([Route("*", delay=Delay.fixed(1000 / CAPACITY))], queue=Queue.fifo())
        return run(server, {"find": {"kind": what, "thresholds": thresholds}})
    faults = [MemoryLeak(bytes_per_s=LEAK_BYTES_PER_S)] if what == "leak" else []
    # Without a limit its log of all requests would grow, too.
    server = FaultServer([Route("*", delay=Delay.fixed(5))], faults=faults, metrics_path="/metrics", log_limit=1000)
    soak = {"kind": "endurance", "rate": "20/s", "run_time": "10m", "thresholds": ["p95 < 100ms", "error_rate < 1%"]}
    return run(server, {"soak": soak}, monitors=[{"prometheus": "/metrics"}])


def run(server: FaultServer, scenarios: dict[str, dict[str, Any]], **plan: Any) -> int:
    """Run one scenario of single requests; the exit code."""
    with server:
        endpoints = {"endpoints": [{"path": "/"}]}
        scenarios = {name: {**endpoints, **keys} for name, keys in scenarios.items()}
        data = {"base_url": server.url, "scenarios": scenarios, **plan}
        return int(api.run(data, out=Path("runs"), view=False, seed=1).exit_code)


if __name__ == "__main__":
    raise SystemExit(main())
