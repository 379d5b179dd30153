"""What theory knows beforehand, measured: the waiting line of M/M/1, and Poisson arrivals as the server saw them.

As tests/honesty has it, seeds included, but here with nothing allowed for the machine, so leave it alone meanwhile.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import machine  # puts the repository's root on the import path
import numpy as np
from tests.honesty.oracles import mm1_quantile_s, quantile
from tests.honesty.test_poisson import LEVEL, exponential_p, tail
from tests.honesty.watched import Watched, watch

from loadworthy.testing import CountingServer, Delay, FaultServer, Queue, Route

LINES = ((20, 40, 30, 555), (40, 50, 40, 153))
"""Arrivals and services per second, seconds, seed."""
BEYOND_US = 250
"""One core sends a request in some 0.1 ms, so shorter gaps are not what they should be; the tail of the others is."""


def watched(server: CountingServer, seed: int, **load: object) -> Watched:
    """One run, generator and server on a core each."""
    core, server_core = machine.cores()
    with tempfile.TemporaryDirectory(prefix="bench-honesty-") as folder:
        with machine.pinned(server_core):
            server.start()
        try:
            with machine.pinned(core):
                return watch(Path(folder), server, seed, **load)
        finally:
            server.stop()


def line(arrivals: int, services: int, run_s: int, seed: int) -> None:
    """A row for each figure."""
    server = FaultServer([Route("*", delay=Delay.exponential(1000 / services))], queue=Queue.fifo(), seed=seed)
    seen = watched(server, seed, rate=f"{arrivals}/s", run_time=f"{run_s}s")
    for figure, part in (("p50", 0.5), ("p95", 0.95)):
        theory_ms = mm1_quantile_s(part, arrivals_per_s=arrivals, services_per_s=services) * 1000
        said_ms, log_ms = seen.said_us(figure) / 1000, quantile(seen.response_us, part) / 1000
        off = f"{said_ms / theory_ms - 1:+.1%} | {said_ms / log_ms - 1:+.1%}"
        print(
            f"| {arrivals / services} | {figure} | {theory_ms:.2f} | {log_ms:.2f} | {said_ms:.2f} | {off} |", flush=True
        )


def poisson(rate: int, run_s: int) -> None:
    """Lancet's three tests of 4,096 gaps, as intended and as seen by the server: all, and those that can be kept."""
    from scipy import stats

    seen = watched(CountingServer(), 7, rate=f"{rate}/s", run_time=f"{run_s}s", max_users=2000)
    for name, moments_us in (("intended", seen.intended_us), ("server", np.sort(seen.arrival_us))):
        gaps = np.diff(moments_us)
        per_s = (moments_us.size - 1) / (moments_us[-1] - moments_us[0]) * 1e6
        for beyond_us in (0, BEYOND_US):
            longer = tail(gaps, beyond_us)[:4096] if beyond_us else gaps[:4096]
            fit = stats.anderson((longer + 0.5) / longer.mean(), "expon", method="interpolate").statistic
            told = "passes" if exponential_p(longer) > LEVEL else "does not pass"
            lag = stats.spearmanr(longer[:-1], longer[1:]).statistic
            which = f"{name}, beyond {beyond_us / 1000} ms" if beyond_us else f"{name}, all"
            print(f"| {rate:,}/s | {which} | {longer.size:,} | {fit:.2f} | {told} | {lag:+.3f} | {per_s:,.1f} |")
    books = f"scheduled {seen.scheduled:,} = sent {seen.sent:,} + dropped {seen.dropped:,}"
    print(f"| | {books}, the server saw {seen.arrival_us.size:,} | | | | | |", flush=True)


def main() -> None:
    """Both tables."""
    print(machine.describe())
    print("| rho | figure | theory ms | server's log ms | Loadworthy ms | off theory | off the log |")
    print("|---" * 7 + "|")
    for one in LINES:
        line(*one)
    print("\n| rate | gaps | n | Anderson-Darling | at 1 % | Spearman lag 1 (bound 0.047) | per second |")
    print("|---" * 7 + "|")
    for rate, run_s in ((200, 30), (2000, 10)):
        poisson(rate, run_s)


if __name__ == "__main__":
    try:
        main()
    except RuntimeError as error:
        sys.exit(str(error))
