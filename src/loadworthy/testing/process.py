"""What our server processes have in common: a precise loop, lines in, lines out.

asyncio alone would send a delayed answer up to a millisecond late, for epoll counts in whole milliseconds.
:class:`PreciseSelector` waits with ``select`` instead, which counts in microseconds.
"""

from __future__ import annotations

import asyncio
import os
import select
import selectors
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any

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


def run_server(main: Coroutine[Any, Any, None], name: str) -> int:
    """Run a server's main coroutine to its end; the exit code. What it cannot do is told on standard error."""
    try:
        with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(PreciseSelector())) as runner:
            runner.run(main)
    except KeyboardInterrupt:
        return 130
    except (OSError, ValueError, TypeError) as error:
        sys.stderr.write(f"{name}: {error}\n")
        return 2
    return 0


def say(line: str) -> None:
    """A line to the parent."""
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os._exit(1)  # the parent is gone; a normal exit would only fail at flushing again


class StdinLines:
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
