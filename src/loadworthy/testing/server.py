"""The process of a :class:`~loadworthy.testing.FaultServer`: ``python -m loadworthy.testing.server``.

It says its URL on standard output when it listens, answers a line on standard input with a line of JSON, and ends
when standard input is closed. So it cannot outlive its parent, and asking it leaves no trace in its log. A line is a
word (``stats``, ``log``, ``clear``, ``resources``, ``mark``, ``heal``; ``websocket stats``, ``websocket settled``,
``websocket log``) or an order in JSON: ``{"inject": FAULT}``, ``{"heal": FAULT}``.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from loadworthy.testing.backend import Backend
from loadworthy.testing.desk import Desk
from loadworthy.testing.faults import fault_from_json
from loadworthy.testing.metrics import ServerResources, metrics_page
from loadworthy.testing.process import HOST, StdinLines, run_server, say
from loadworthy.testing.protocol import Connection
from loadworthy.testing.queueing import Queue
from loadworthy.testing.reading import Extras
from loadworthy.testing.routes import Route
from loadworthy.testing.site import Answer, Site
from loadworthy.testing.truth import LOG_LIMIT, Truth
from loadworthy.testing.websocket_protocol import Connection as WebSocketConnection
from loadworthy.testing.websocket_protocol import Truth as WebSocketTruth
from loadworthy.testing.websocket_server import answer_word


def main(arguments: list[str] | None = None) -> int:
    """Serve until standard input is closed; the exit code."""
    return run_server(_serve(_parse(arguments)), "loadworthy.testing.server")


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m loadworthy.testing.server",
        description="An HTTP/1.1 and WebSocket server on loopback that logs all requests; ends with standard input.",
    )
    parser.add_argument("--port", type=int, default=0, help="port to listen on; any free one by default")
    parser.add_argument("--seed", type=int, default=1, help="of delays, failures, faults and tokens")
    parser.add_argument("--log-limit", type=int, default=LOG_LIMIT, help="requests kept in the log")
    parser.add_argument(
        "--routes",
        default="",
        help="JSON file with a list of routes, or an object of routes, queue, faults, metrics_path and websockets; "
        "- for the first line of standard input; a plain 200 on every path by default",
    )
    return parser.parse_args(arguments)


class House:
    """One server: all that its connections share, and the orders that it takes.

    Args:
        loop: the running one.
        options: of the command line.
        spec: routes, queue, faults …, as read from JSON.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, options: argparse.Namespace, spec: Mapping[str, Any]) -> None:
        self._loop = loop
        self._truth = Truth(options.log_limit)
        self._websockets = WebSocketTruth(options.log_limit)
        self._site = Site([Route.from_json(item) for item in spec.get("routes", [{"path": "*"}])], options.seed)
        faults = [fault_from_json(item) for item in spec.get("faults", ())]
        self._desk = Desk(loop, Backend(Queue.from_json(spec.get("queue", {})), faults, options.seed))
        self._extras = Extras(
            self._desk,
            metrics_path=spec.get("metrics_path", ""),
            metrics=self._metrics,
            websocket=self._websocket if spec.get("websockets") else None,
        )

    def connection(self) -> Connection:
        """The protocol of a new connection."""
        return Connection(self._site, self._truth, self._loop, self._extras)

    def _websocket(self) -> asyncio.Protocol:
        return WebSocketConnection(self._websockets, self._loop)

    def _metrics(self) -> Answer:
        return metrics_page(ServerResources.of_this_process(self._desk.leaks), self._truth)

    async def obey(self, line: str) -> Any:
        """The answer to a line of the parent, as JSON has it."""
        if line.startswith("{"):
            return self._order(line)
        if line.startswith("websocket "):
            return await answer_word(line.removeprefix("websocket "), self._websockets)
        return self._answer(line)

    def _answer(self, word: str) -> Any:
        if word == "stats":
            return self._truth.stats()
        if word == "log":
            return self._truth.log()
        if word == "clear":
            return self._truth.clear()
        if word == "resources":
            return asdict(ServerResources.of_this_process(self._desk.leaks))
        if word == "mark":
            return {"at_us": self._desk.mark()}
        if word == "heal":
            return self._order('{"heal": null}')
        return {"error": f"{word!r} is not understood; say stats, log, clear, resources, mark or heal"}

    def _order(self, line: str) -> Any:
        try:
            order = json.loads(line)
            faults = {verb: fault_from_json(data) if data else None for verb, data in order.items()}
        except (ValueError, TypeError) as error:
            return {"error": str(error)}
        if (fault := faults.get("inject")) is not None:
            return {"at_us": self._desk.inject(fault)}
        if "heal" in faults:
            at_us, count = self._desk.heal(faults["heal"])
            return {"at_us": at_us, "healed": count}
        return {"error": f"{', '.join(order)} is no order; use inject or heal"}


async def _serve(options: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    lines = StdinLines()
    house = House(loop, options, _read_spec(options.routes, lines))
    server = await loop.create_server(house.connection, HOST, options.port, backlog=4096)
    ended = asyncio.Event()
    gc.freeze()  # what is there now stays for good: no need to walk through it again and again
    say(f"http://{HOST}:{server.sockets[0].getsockname()[1]}")
    tasks: set[asyncio.Task[None]] = set()

    def obey(line: str) -> None:
        task = loop.create_task(_obey(line, house))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    lines.start(lambda line: loop.call_soon_threadsafe(obey, line), lambda: loop.call_soon_threadsafe(ended.set))
    await ended.wait()
    server.close()


async def _obey(line: str, house: House) -> None:
    say(json.dumps(await house.obey(line)))


def _read_spec(source: str, lines: StdinLines) -> Mapping[str, Any]:
    if not source:
        return {}
    text = lines.read_line() if source == "-" else Path(source).read_text(encoding="utf-8")
    data = json.loads(text)
    return {"routes": data} if isinstance(data, list) else data


if __name__ == "__main__":
    sys.exit(main())
