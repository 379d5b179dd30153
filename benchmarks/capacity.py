"""Does a search find the capacity of a server whose capacity is set, and how long does it take?

    python benchmarks/capacity.py [--rates 400 2500] [--threshold "p95 < 200ms"] [--seed 1]

The server serves one request after another, each taking 1 ÷ rate; so it carries that rate and no more. The search
begins at 10/s and knows nothing of it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import locust  # noqa: F401  # it wants to be there before requests

from loadworthy import api
from loadworthy.testing import Delay, FaultServer, Queue, Route


def main() -> int:
    """Search each server, and print what was found beside what is true."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--rates", type=float, nargs="+", default=[400.0, 2500.0], metavar="R", help="requests per second"
    )
    parser.add_argument("--threshold", default="p95 < 200ms", help="what must hold")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(f"{'true':>8}  {'found':>8}  {'off':>7}  {'interval':>18}  {'trials':>6}  {'ended':<12}  time")
    for rate in options.rates:
        _search(rate, options.threshold, options.seed)
    return 0


def _search(rate: float, threshold: str, seed: int) -> None:
    routes = [Route("*", delay=Delay.fixed(1000 / rate))]
    scenario = {"kind": "capacity", "endpoints": [{"path": "/"}], "thresholds": [threshold, "error_rate < 1%"]}
    with FaultServer(routes, queue=Queue.fifo()) as server, tempfile.TemporaryDirectory() as out:
        plan = {"base_url": server.url, "seed": seed, "scenarios": {"find": scenario}}
        began_s = time.monotonic()
        result = api.run(plan, out=Path(out), view=False, closing=False)
        took_s = time.monotonic() - began_s
    found = result.summary.scenarios["find"].search
    if found is None or found.capacity.rate is None:
        print(f"{rate:>8,.0f}  nothing was found: {'; '.join(result.summary.reasons)}")
        return
    low, carried, high = found.capacity.bounds
    off = f"{(found.capacity.rate / rate - 1) * 100:+.1f} %"
    interval = f"{low or 0:,.0f} to " + ("?" if high is None else f"{high:,.0f}")
    trials, ended = len(found.capacity.trials), found.capacity.result.ended
    print(
        f"{rate:>8,.0f}  {carried:>8,.1f}  {off:>7}  {interval:>18}  {trials:>6}  {ended:<12}  {took_s:.0f} s",
        flush=True,
    )


if __name__ == "__main__":
    raise SystemExit(main())
