"""WebSockets in one process: messages a core-second, memory of idle connections, lateness of streams.

Nothing is written; the figures go to standard output. Each load is a ``loadworthy run`` with its full recording,
against our own server in another process. The server counts the messages, the operating system tells CPU time and
memory, and the lateness is from the run's summary. The generator has one core to itself and the server another, where
there are two; on a machine that others use too, the lateness is theirs as much as ours: for how much of the time the
generator was ready and had no core is told. ``chrt -f 10 python benchmarks/websocket.py`` keeps the others out.

Streams are measured twice: with phases spread evenly over the cadence, as those of people are, who begin when they
like; and all in one phase, the worst that can be: all frames are due at one moment, and the last waits for the others.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
from http_clients import Contender, cores, measure
from targets import pinned

from loadworthy.clock import monotonic_ns
from loadworthy.engine.limits import raise_descriptor_limit
from loadworthy.testing.websocket import WebSocketServer

_USERS = str(Path(__file__).resolve().parent / "bench_websocket_users.py")
_ECHO_USERS = 50
_CONNECT_RATE = 500
_PATIENCE_S = 60.0
_SETTLE_S = 1.0
_FIRST = 50
"""So many connections are there before memory is first looked at: what is made once is not theirs."""


class EchoTarget:
    """Counts messages as http_clients counts requests."""

    name = "loadworthy.testing.WebSocketServer"

    def __init__(self, server: WebSocketServer) -> None:
        self.url = server.http_url
        self._server = server

    def requests(self) -> int:
        """Messages received so far."""
        return self._server.stats().texts


def command(url: str, users: int, seconds: float, folder: str, rate: int = _CONNECT_RATE) -> Sequence[str]:
    """The run, as anybody would start it."""
    return [
        sys.executable, "-m", "loadworthy", "run", _USERS, "--url", url, "--out", folder, "--users", str(users),
        "--spawn-rate", str(rate), "--run-time", f"{seconds:.0f}s", "--set", "stop_timeout=1s",
    ]  # fmt: skip


def messages(window_s: float) -> None:
    """Echo of 160 bytes, 50 connections, no pause."""
    generator, server_core = cores()
    with tempfile.TemporaryDirectory(prefix="bench-runs-") as folder:
        with pinned(server_core):
            server = WebSocketServer(log_limit=0)
            server.start()
        try:
            line = command(server.http_url, _ECHO_USERS, window_s + 6, folder)
            contender = Contender("echo", line, {"BENCH_WEBSOCKET": "echo"})
            figures = measure(contender, EchoTarget(server), generator, window_s)
        finally:
            server.stop()
    rates = f"{figures.per_core_second:,.0f} a core-second, {figures.per_second:,.0f} a second"
    print(f"echo, 160 B, {_ECHO_USERS} connections: {rates}", flush=True)


def idle(connections: int) -> None:
    """Resident memory that each connection adds, its user included, once all are there and nothing goes on."""
    with running("idle", connections, 2 * connections / _CONNECT_RATE + 30) as (server, process, _):
        few, few_bytes = await_connections(server, process, _FIRST)
        many, many_bytes = await_connections(server, process, connections)
        each = (many_bytes - few_bytes) / (many - few) / 1024
        print(f"idle: {many:,} connections in one process, {each:.1f} KiB each (user, greenlet, socket)", flush=True)
        process.terminate()
        process.wait(_PATIENCE_S)


def await_connections(server: WebSocketServer, process: subprocess.Popen[bytes], count: int) -> tuple[int, int]:
    """(open connections, resident bytes) when there are so many."""
    deadline_ns = monotonic_ns() + int(_PATIENCE_S * 1e9)
    while (connections := server.stats().open_connections) < count:
        if process.poll() is not None or monotonic_ns() > deadline_ns:
            raise RuntimeError(f"only {connections} of {count} connections came")
        time.sleep(0.05)
    return connections, psutil.Process(process.pid).memory_info().rss


def streams(count: int, seconds: float, phase: str) -> None:
    """Frames of 160 bytes every 20 ms; ``phase`` says when the streams start within those 20 ms."""
    with running(f"stream {phase}", count, seconds + count / _CONNECT_RATE) as (server, process, folder):
        await_connections(server, process, count)
        time.sleep(_SETTLE_S)
        busy_s, waited_s, frames = _watch_frames(server, process, seconds / 2)
        process.wait(_PATIENCE_S + seconds)
        received = server.stats().binaries
        (path,) = Path(folder).glob("*/summary.json")
        (scenario,) = json.loads(path.read_text(encoding="utf-8"))["scenarios"].values()
        figures = scenario["series"]["stream voice"]
        times = figures["response_time_ms"]
        counts = f"{figures['requests']:,} frames (the server got {received:,})"
        lateness = f"lateness p50 {times['p50']:.2f} ms, p99 {times['p99']:.2f} ms, max {times['max']:.2f} ms"
        cost = (
            f"{busy_s / frames * 1e6:.0f} µs of CPU a frame, {waited_s / (seconds / 2):.0%} of the time without a core"
        )
        print(f"streams, {phase}: {count} at 20 ms, {counts}, {lateness}, {cost}", flush=True)


def _watch_frames(
    server: WebSocketServer, process: subprocess.Popen[bytes], seconds: float
) -> tuple[float, float, int]:
    """(CPU seconds, seconds that others had its core, frames) of the generator in a window."""
    generator = psutil.Process(process.pid)
    times, waited_s, frames = generator.cpu_times(), _waited_s(process.pid), server.stats().binaries
    time.sleep(seconds)
    now = generator.cpu_times()
    busy_s = now.user + now.system - times.user - times.system
    return busy_s, _waited_s(process.pid) - waited_s, max(server.stats().binaries - frames, 1)


def _waited_s(pid: int) -> float:
    """How long it was ready to run and did not; 0 where the system does not say."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[1]) / 1e9
    except OSError:
        return 0.0


@contextmanager
def running(kind: str, users: int, seconds: float) -> Iterator[tuple[WebSocketServer, subprocess.Popen[bytes], str]]:
    """A server and a run against it, each on its core."""
    generator, server_core = cores()
    with tempfile.TemporaryDirectory(prefix="bench-runs-") as folder:
        with pinned(server_core):
            server = WebSocketServer(log_limit=0)
            server.start()
        try:
            with pinned(generator):
                process = subprocess.Popen(
                    command(server.http_url, users, seconds, folder),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    env={**os.environ, "BENCH_WEBSOCKET": kind},
                )
            try:
                yield server, process, folder
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()
        finally:
            server.stop()


def main() -> None:
    """All of them, one after another."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--window", type=float, default=4.0, metavar="S", help="seconds of echo that are measured")
    parser.add_argument("--idle", type=int, default=5000, metavar="N", help="idle connections")
    parser.add_argument("--streams", type=int, default=200, metavar="N", help="streams at 20 ms")
    parser.add_argument("--rounds", type=int, default=1, metavar="N", help="so many times, each")
    parser.add_argument("--only", choices=["echo", "idle", "streams"], help="nothing else")
    options = parser.parse_args()
    raise_descriptor_limit()  # the server inherits it
    for _ in range(options.rounds):
        if options.only in {None, "echo"}:
            messages(options.window)
        if options.only in {None, "idle"}:
            idle(options.idle)
        for phase in ("spread", "together") if options.only in {None, "streams"} else ():
            streams(options.streams, 2 * options.window, phase)


if __name__ == "__main__":
    try:
        main()
    except RuntimeError as error:
        sys.exit(str(error))
