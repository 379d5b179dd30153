"""The process of a :class:`~loadworthy.testing.CountingServer`: ``python -m loadworthy.testing.server``.

It says its URL on standard output when it listens, answers a word a line on standard input (``stats``,
``log``, ``clear``) with a line of JSON, and ends when standard input is closed. So it cannot outlive its
parent, and asking it leaves no trace in its log.

asyncio alone would send a delayed answer up to a millisecond late, for epoll counts in whole milliseconds.
:class:`PreciseSelector` waits with ``select`` instead, which counts in microseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import select
import selectors
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from loadworthy.testing.protocol import Connection
from loadworthy.testing.routes import Route
from loadworthy.testing.site import Site
from loadworthy.testing.truth import LOG_LIMIT, Truth

HOST = "127.0.0.1"
_WAKE_EARLY_S = 80e-6  # the kernel wakes a sleeper some 50 us late; the rest of the wait is spun

if sys.platform == "linux":

    class PreciseSelector(selectors.EpollSelector):
        """epoll for many sockets, with time-outs to the microsecond."""

        def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
            if timeout is not None:
                if timeout > _WAKE_EARLY_S:  # an epoll descriptor is itself readable when it has events
                    select.select([self.fileno()], (), (), timeout - _WAKE_EARLY_S)
                timeout = 0
            return super().select(timeout)
else:
    PreciseSelector = selectors.DefaultSelector  # kqueue counts in nanoseconds


def main(arguments: list[str] | None = None) -> int:
    """Serve until standard input is closed; the exit code."""
    options = _parse(arguments)
    try:
        with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(PreciseSelector())) as runner:
            runner.run(_serve(options))
    except KeyboardInterrupt:
        return 130
    except (OSError, ValueError, TypeError) as error:
        sys.stderr.write(f"loadworthy.testing.server: {error}\n")
        return 2
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m loadworthy.testing.server",
        description="An HTTP/1.1 server on loopback that logs all requests; ends with standard input.",
    )
    parser.add_argument("--port", type=int, default=0, help="port to listen on; any free one by default")
    parser.add_argument("--seed", type=int, default=1, help="of delays, failures and tokens")
    parser.add_argument("--log-limit", type=int, default=LOG_LIMIT, help="requests kept in the log")
    parser.add_argument(
        "--routes",
        default="",
        help="JSON file with a list of routes, or - for the first line of standard input; "
        "a plain 200 on every path by default",
    )
    return parser.parse_args(arguments)


async def _serve(options: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    words = _StdinLines()
    truth = Truth(options.log_limit)
    site = Site(_read_routes(options.routes, words), options.seed)
    server = await loop.create_server(lambda: Connection(site, truth, loop), HOST, options.port, backlog=4096)
    ended = asyncio.Event()
    gc.freeze()  # what is there now stays for good: no need to walk through it again and again
    _say(f"http://{HOST}:{server.sockets[0].getsockname()[1]}")
    words.start(
        lambda word: loop.call_soon_threadsafe(_obey, word, truth),
        lambda: loop.call_soon_threadsafe(ended.set),
    )
    await ended.wait()
    server.close()


def _read_routes(source: str, words: _StdinLines) -> list[Route]:
    if not source:
        return [Route("*")]
    text = words.read_line() if source == "-" else Path(source).read_text(encoding="utf-8")
    return [Route.from_json(item) for item in json.loads(text)]


def _obey(word: str, truth: Truth) -> None:
    if word == "stats":
        answer: Any = truth.stats()
    elif word == "log":
        answer = truth.log()
    elif word == "clear":
        truth.clear()
        answer = {}
    else:
        answer = {"error": f"{word!r} is not understood; say stats, log or clear"}
    _say(json.dumps(answer))


def _say(line: str) -> None:
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os._exit(1)  # the parent is gone; a normal exit would only fail at flushing again


class _StdinLines:
    """Lines of standard input, by ``os.read``: a thread that hangs in a buffered read spoils the exit."""

    def __init__(self) -> None:
        self._rest = b""

    def read_line(self) -> str:
        """The next line, without its end; what is left at the end of the input, which may be nothing."""
        while b"\n" not in self._rest:
            chunk = os.read(sys.stdin.fileno(), 65_536)
            if not chunk:
                break
            self._rest += chunk
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode()

    def start(self, on_line: Callable[[str], object], on_end: Callable[[], object]) -> None:
        """Read on in a thread of its own, which ends with the process."""
        threading.Thread(target=self._run, args=(on_line, on_end), daemon=True).start()

    def _run(self, on_line: Callable[[str], object], on_end: Callable[[], object]) -> None:
        try:
            while line := self.read_line():
                on_line(line)
            on_end()
        except RuntimeError:
            return  # the loop is closed already: the process is on its way out


if __name__ == "__main__":
    sys.exit(main())
