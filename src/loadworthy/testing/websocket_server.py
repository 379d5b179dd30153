"""The process of a :class:`~loadworthy.testing.websocket.WebSocketServer`.

Started as ``python -m loadworthy.testing.websocket_server``, it says its URL on standard output when it listens,
answers a word a line on standard input (``stats``, ``settled``, ``log``) with a line of JSON, and ends when standard
input is closed, so it cannot outlive its parent.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import ssl
import sys
from array import array
from dataclasses import asdict
from pathlib import Path
from typing import Any

from loadworthy.testing.process import HOST, StdinLines, run_server, say
from loadworthy.testing.websocket import WebSocketStats
from loadworthy.testing.websocket_protocol import Connection, Truth

_SETTLE_S = 30.0


def main(arguments: list[str] | None = None) -> int:
    """Serve until standard input is closed; the exit code."""
    options = _parse(arguments)
    return run_server(_serve(options), "loadworthy.testing.websocket_server")


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m loadworthy.testing.websocket_server",
        description="A WebSocket server on loopback that counts what it gets; ends with standard input.",
    )
    parser.add_argument("--port", type=int, default=0, help="port to listen on; any free one by default")
    parser.add_argument("--certificate", type=Path, help="file with certificate and key, for wss")
    parser.add_argument("--log-limit", type=int, default=1_000_000, help="messages kept in the log")
    return parser.parse_args(arguments)


async def _serve(options: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    words = StdinLines()
    truth = Truth(options.log_limit)
    context = None
    if options.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.certificate)
    server = await loop.create_server(lambda: Connection(truth, loop), HOST, options.port, backlog=4096, ssl=context)
    ended = asyncio.Event()
    gc.freeze()  # what is there now stays for good: no need to walk through it again and again
    scheme = "wss" if context else "ws"
    say(f"{scheme}://{HOST}:{server.sockets[0].getsockname()[1]}")
    tasks: set[asyncio.Task[None]] = set()

    def obey(word: str) -> None:
        task = loop.create_task(_obey(word, truth))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    words.start(lambda word: loop.call_soon_threadsafe(obey, word), lambda: loop.call_soon_threadsafe(ended.set))
    await ended.wait()
    server.close()


async def _obey(word: str, truth: Truth) -> None:
    say(json.dumps(await answer_word(word, truth)))


async def answer_word(word: str, truth: Truth) -> Any:
    """What is asked of the truth about WebSockets, as JSON has it."""
    if word == "settled":
        try:
            async with asyncio.timeout(_SETTLE_S):
                await truth.settled()
        except TimeoutError:
            pass  # the counts tell how many are still open
    if word in {"stats", "settled"}:
        return asdict(truth.stats(WebSocketStats))
    if word == "log":
        return _rows(truth.rows)
    return {"error": f"{word!r} is not understood; say stats, settled or log"}


def _rows(rows: array[int]) -> list[list[int]]:
    return [rows[start : start + 4].tolist() for start in range(0, len(rows), 4)]  # four columns


if __name__ == "__main__":
    sys.exit(main())
