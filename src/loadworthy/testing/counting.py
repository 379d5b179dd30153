"""The test's side of the counting server: start it, ask it, end it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from loadworthy.errors import LoadworthyError
from loadworthy.testing.child import Child
from loadworthy.testing.routes import Route
from loadworthy.testing.truth import (
    LOG_LIMIT,
    Exchange,
    LogArrays,
    ServerStats,
    decode_log,
    decode_log_arrays,
)


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
        log_limit: requests kept in the log, 88 bytes each; those beyond are only counted.
    """

    _name = "counting server"

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
        arguments = ["--routes", "-", "--seed", str(seed), "--port", str(port), "--log-limit", str(log_limit)]
        self._child = Child("loadworthy.testing.server", arguments, self._name)

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
        self._child.pid  # noqa: B018 - raises where it does not run
        return int(self.url.rpartition(":")[2])

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._child.pid

    def start(self) -> None:
        """Start the process and wait until it listens.

        Raises:
            SetupError: if it does not come up; what it had to say is on standard error.
        """
        self.url = self._child.start(json.dumps(self._spec()))

    def stop(self) -> None:
        """End the process; may be called twice."""
        self.url = ""
        self._child.stop()

    def _spec(self) -> dict[str, Any]:
        return {"routes": [route.to_json() for route in self._routes]}

    def stats(self) -> ServerStats:
        """The counts so far; cheap."""
        return ServerStats.from_json(self._child.ask("stats"))

    def log(self) -> list[Exchange]:
        """Every request since the start or the last :meth:`clear`, in the order in which they ended.

        Raises:
            LoadworthyError: if there were more than ``log_limit``: a log with holes proves nothing.
        """
        return decode_log(self._whole_log())

    def log_arrays(self) -> LogArrays:
        """The same in columns, as numpy arrays; for logs of many requests.

        Raises:
            LoadworthyError: as :meth:`log` does.
        """
        return decode_log_arrays(self._whole_log())

    def clear(self) -> None:
        """Forget the requests so far, e.g. those of a warm-up."""
        self._child.ask("clear")

    def _whole_log(self) -> Any:
        data = self._child.ask("log")
        if data["rows_kept"] < data["requests"]:
            raise LoadworthyError(
                f"the log holds {data['rows_kept']:,} of {data['requests']:,} requests; "
                f"give the {self._name} a higher log_limit, or clear() it between the phases of a test"
            )
        return data
