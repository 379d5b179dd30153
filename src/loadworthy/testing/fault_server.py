"""The test's side of the fault-injecting server."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from loadworthy.errors import LoadworthyError
from loadworthy.testing.counting import CountingServer
from loadworthy.testing.faults import Fault
from loadworthy.testing.metrics import ServerResources
from loadworthy.testing.queueing import Queue
from loadworthy.testing.routes import Route
from loadworthy.testing.truth import LOG_LIMIT
from loadworthy.testing.websocket import ReceivedMessage, WebSocketStats, check_log, check_settled


class FaultServer(CountingServer):
    """A :class:`CountingServer` whose requests share a queue, and with which things go wrong as declared.

    ::

        routes = [Route("/work", delay=Delay.exponential(2)), Route("*")]
        faults = [Stall(at_s=5, for_s=1), Errors(at_s=10, for_s=2, share=0.3, status=503)]
        with FaultServer(routes, queue=Queue.fifo(), faults=faults, seed=7) as server:
            ...  # load server.url
            log = server.log_arrays()

    It answers WebSockets, too: an upgrade on one of the paths of :class:`~loadworthy.testing.websocket.WebSocketServer`
    (``/echo``, ``/push`` …) is accepted, whatever the routes; queue and faults do not concern it.

    Args:
        routes: what it answers, and how long each service takes; a plain 200 on every path by default.
        queue: how the requests of all routes share the server; side by side by default.
        faults: what goes wrong and when, counted from the first request or from :meth:`mark`.
        metrics_path: a path that tells memory, descriptors and counts in Prometheus' text format. It is answered at
            once, whatever else happens, and neither logged nor counted as a request.
        seed: of service times, faults, failures and tokens.
        port: 0 takes any free one.
        log_limit: requests kept in the log, 88 bytes each; those beyond are only counted.
    """

    _name = "fault server"

    def __init__(
        self,
        routes: Sequence[Route] = (Route("*"),),
        *,
        queue: Queue | None = None,
        faults: Sequence[Fault] = (),
        metrics_path: str = "",
        seed: int = 1,
        port: int = 0,
        log_limit: int = LOG_LIMIT,
    ) -> None:
        super().__init__(routes, seed=seed, port=port, log_limit=log_limit)
        if metrics_path and not metrics_path.startswith("/"):
            raise ValueError(f"a metrics_path begins with a slash, {metrics_path!r} does not")
        self._queue = queue or Queue.parallel()
        self._faults = tuple(faults)
        self._metrics_path = metrics_path

    @property
    def websocket_url(self) -> str:
        """The same as ``url`` with ``ws``."""
        return self.url.replace("http", "ws", 1)

    def mark(self) -> int:
        """Planned faults count their time from now, again if they did before; this moment, as the log has it, in µs."""
        return int(self._child.ask("mark")["at_us"])

    def inject(self, fault: Fault) -> int:
        """Let something go wrong from now on (its ``at_s`` counts from now); this moment, as the log has it, in µs."""
        return int(self._child.ask(json.dumps({"inject": fault.to_json()}))["at_us"])

    def heal(self, fault: Fault | None = None) -> int:
        """End a fault, planned or injected, or every one; this moment, as the log has it, in µs.

        Raises:
            LoadworthyError: if there is no such fault.
        """
        answer = self._child.ask(json.dumps({"heal": fault.to_json() if fault is not None else None}))
        if fault is not None and not answer["healed"]:
            raise LoadworthyError(f"{fault} is not among the server's faults; was it healed before?")
        return int(answer["at_us"])

    def resources(self) -> ServerResources:
        """What its process uses now, and what of that its leaks hold."""
        return ServerResources.from_json(self._child.ask("resources"))

    def websocket_stats(self) -> WebSocketStats:
        """Counts of its WebSockets so far."""
        return WebSocketStats.from_json(self._child.ask("websocket stats"))

    def websockets_settled(self) -> WebSocketStats:
        """The counts once every WebSocket has ended on its side, too.

        Raises:
            LoadworthyError: if some are still open after a while.
        """
        return check_settled(self._child.ask("websocket settled"))

    def websocket_log(self) -> list[ReceivedMessage]:
        """Every WebSocket message received, in the order of arrival.

        Raises:
            LoadworthyError: if there were more than ``log_limit``.
        """
        return check_log(self._child.ask("websocket stats"), self._child.ask("websocket log"))

    def _spec(self) -> dict[str, Any]:
        return {
            **super()._spec(),
            "queue": self._queue.to_json(),
            "faults": [fault.to_json() for fault in self._faults],
            "metrics_path": self._metrics_path,
            "websockets": True,
        }
