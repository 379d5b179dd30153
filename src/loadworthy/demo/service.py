"""The booking service's process: ``python -m loadworthy.demo.service``.

asyncio and httptools around :class:`loadworthy.demo.api.Api`. Handlers run one after another in the one
thread; each takes some tens of microseconds, so there is nothing to gain from more. Says its URL on
standard output when it is ready and ends when standard input is closed, so it cannot outlive the command
that started it.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import signal
import sys
import tempfile
import threading
from http import HTTPStatus
from pathlib import Path
from typing import cast

import httptools

from loadworthy.clock import SystemClock
from loadworthy.demo.api import Api, Request, Response
from loadworthy.demo.store import Store

HOST = "127.0.0.1"
MAX_REQUEST_BYTES = 128 * 1024
_REASONS = {status.value: status.phrase for status in HTTPStatus}
_log = logging.getLogger(__name__)


class Connection(asyncio.Protocol):
    """The protocol of one client; httptools calls its ``on_…`` methods."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._begin()

    def _begin(self) -> None:
        self._target = b""
        self._authorization = b""
        self._body = b""
        self._bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # what a stream server gives

    def connection_lost(self, _exc: Exception | None) -> None:
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # An upgrade may be declined by answering as if it had not been asked for (RFC 9110, 7.8).
            self._parser = httptools.HttpRequestParser(self)
        except httptools.HttpParserError:
            self._refuse(Response(400, b'{"error":"this is no HTTP/1.1 request"}'))
            return
        if self._bytes > MAX_REQUEST_BYTES:
            self._refuse(Response(413, b'{"error":"the request is too large"}'))

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(name) == 13 and name.lower() == b"authorization":
            self._authorization = value

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        method = self._parser.get_method().decode("latin-1")
        request = Request(method, self._target.decode("latin-1"), self._authorization.decode("latin-1"), self._body)
        try:
            response = self._api.handle(request)
        except Exception:  # noqa: BLE001 - a broken handler answers 500 and tells why on standard error
            _log.exception("%s %s broke the service", method, request.target)
            response = Response(500, b'{"error":"the service is broken"}')
        self._send(response, keep=self._parser.should_keep_alive(), with_body=method != "HEAD")
        self._begin()

    def _refuse(self, response: Response) -> None:
        self._send(response, keep=False, with_body=True)

    def _send(self, response: Response, *, keep: bool, with_body: bool) -> None:
        transport = self._transport
        if transport is None:
            return
        lines = [
            f"HTTP/1.1 {response.status} {_REASONS[response.status]}",
            f"Content-Type: {response.content_type}",
            f"Content-Length: {len(response.body)}",
            f"Connection: {'keep-alive' if keep else 'close'}",
            *(f"{name}: {value}" for name, value in response.headers),
            "\r\n",
        ]
        transport.write("\r\n".join(lines).encode("latin-1") + (response.body if with_body else b""))
        if not keep:
            self._transport = None
            transport.close()


def main(arguments: list[str] | None = None) -> int:
    """Serve until standard input is closed; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m loadworthy.demo.service",
        description="A booking service to try Loadworthy on, on loopback; ends with standard input.",
    )
    parser.add_argument("--port", type=int, default=0, help="port to listen on; any free one by default")
    parser.add_argument("--database", type=Path, help="SQLite file; by default one that is deleted at the end")
    options = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="loadworthy-demo-") as folder:
            asyncio.run(_serve(options.port, options.database or Path(folder) / "practice.sqlite"))
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        sys.stderr.write(f"loadworthy.demo.service: {error}\n")
        return 2
    return 0


async def _serve(port: int, database: Path) -> None:
    loop = asyncio.get_running_loop()
    store = Store(database)
    try:
        api = Api(store, SystemClock())
        server = await loop.create_server(lambda: Connection(api), HOST, port, backlog=1024)
        ended = asyncio.Event()
        gc.freeze()  # what is there now stays for good: no need to walk through it again and again
        loop.add_signal_handler(signal.SIGTERM, ended.set)  # the temporary database goes then, too
        sys.stdout.write(f"http://{HOST}:{server.sockets[0].getsockname()[1]}\n")
        sys.stdout.flush()
        watch = threading.Thread(target=_await_end, args=(loop, ended), daemon=True)
        watch.start()
        await ended.wait()
        server.close()
    finally:
        store.close()


def _await_end(loop: asyncio.AbstractEventLoop, ended: asyncio.Event) -> None:
    """Wait for the end of standard input; by ``os.read``, for a thread in a buffered read spoils the exit."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    if not loop.is_closed():
        loop.call_soon_threadsafe(ended.set)


if __name__ == "__main__":
    sys.exit(main())
