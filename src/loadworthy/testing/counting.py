"""The test's side of the counting server: start it, ask it, end it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import IO, Any, Self, cast

from loadworthy.errors import LoadworthyError, SetupError
from loadworthy.testing.routes import Route
from loadworthy.testing.truth import LOG_LIMIT, Exchange, ServerStats, decode_log

_START_S = 20.0
_STOP_S = 5.0


class CountingServer:
    """An HTTP/1.1 server in a process of its own, on loopback, that keeps the truth about every request.

    ::

        with CountingServer([Route("/slow", delay=Delay.exponential(5))], seed=7) as server:
            requests.get(server.url + "/slow")
            assert [exchange.status for exchange in server.log()] == [200]

    Works in a process that gevent has monkey-patched too. The server ends with the ``with`` block, and by
    itself when this process dies; a process forked from this one while the server runs keeps it alive until
    it ends as well.

    Args:
        routes: what it answers; a plain 200 on every path by default.
        seed: of delays, failures and tokens.
        port: 0 takes any free one.
        log_limit: requests kept in the log, 72 bytes each; those beyond are only counted.
    """

    def __init__(
        self,
        routes: Sequence[Route] = (Route("*"),),
        *,
        seed: int = 1,
        port: int = 0,
        log_limit: int = LOG_LIMIT,
    ) -> None:
        self.url = ""
        """``http://127.0.0.1:PORT``, without a slash at its end; empty while it does not run."""
        self._routes = tuple(routes)
        self._arguments = ["--seed", str(seed), "--port", str(port), "--log-limit", str(log_limit)]
        self._process: subprocess.Popen[str] | None = None
        self._turn = threading.Lock()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """The port it listens on."""
        self._running()
        return int(self.url.rpartition(":")[2])

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._running().pid

    def start(self) -> None:
        """Start the process and wait until it listens.

        Raises:
            SetupError: if it does not come up; what it had to say is on standard error.
        """
        if self._process is not None:
            raise SetupError("this server runs already; stop() it first")
        command = [sys.executable, "-P", "-m", "loadworthy.testing.server", "--routes", "-", *self._arguments]
        # A session of its own: Ctrl-C in the terminal is for the parent, which ends this server when done.
        self._process = subprocess.Popen(  # noqa: S603 - our own module, no shell
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        try:
            self.url = self._say_hello(self._process)
        except BaseException:
            self.stop()
            raise
        if not self.url:
            process = self._process
            self.stop()
            code = process.returncode
            raise SetupError(f"the counting server ended with code {code} before it listened; is its port taken?")

    def _say_hello(self, process: subprocess.Popen[str]) -> str:
        too_late = threading.Timer(_START_S, process.kill)
        too_late.daemon = True
        too_late.start()
        try:
            return self._exchange(process, json.dumps([route.to_json() for route in self._routes]))
        finally:
            too_late.cancel()

    def stop(self) -> None:
        """End the process; may be called twice."""
        process, self._process = self._process, None
        self.url = ""
        if process is None:
            return
        try:
            process.communicate(timeout=_STOP_S)  # closes its standard input, at which it ends
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()

    def stats(self) -> ServerStats:
        """The counts so far; cheap."""
        return ServerStats.from_json(self._ask("stats"))

    def log(self) -> list[Exchange]:
        """Every request since the start or the last :meth:`clear`, in the order in which they ended.

        Raises:
            LoadworthyError: if there were more than ``log_limit``: a log with holes proves nothing.
        """
        data = self._ask("log")
        exchanges = decode_log(data)
        if len(exchanges) < data["requests"]:
            raise LoadworthyError(
                f"the log holds {len(exchanges):,} of {data['requests']:,} requests; "
                "give the server a higher log_limit, or clear() it between the phases of a test"
            )
        return exchanges

    def clear(self) -> None:
        """Forget the requests so far, e.g. those of a warm-up."""
        self._ask("clear")

    def _ask(self, word: str) -> Any:
        line = self._exchange(self._running(), word)
        if not line:
            code = self._running().wait(_STOP_S)
            raise LoadworthyError(f"the counting server is gone; it ended with code {code}")
        return json.loads(line)

    def _exchange(self, process: subprocess.Popen[str], line: str) -> str:
        stdin, stdout = cast("IO[str]", process.stdin), cast("IO[str]", process.stdout)  # both are pipes
        with self._turn:
            try:
                stdin.write(line + "\n")
                stdin.flush()
            except BrokenPipeError:
                return ""
            return stdout.readline().strip()

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise LoadworthyError("the counting server does not run; use it in a with block, or call start()")
        return self._process
