"""``python -m systems.serve NAME [--port P] [--database URL]``: one of the five services, on loopback.

It prints one line when it is ready::

    kimmy_esthi listens on http://127.0.0.1:5000 (sqlite:///…/systems/var/kimmy_esthi.db)

and ends on Ctrl-C or SIGTERM. The tables are made and filled when the database is empty.
"""

from __future__ import annotations

import argparse
import importlib
import os
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from systems.kit.database import Database

VAR = Path(__file__).resolve().parent / "var"
_BACKLOG = 2048
_LAST_PORT = 65535
_WSGI_THREADS = 32
_KEEP_ALIVE_S = 75
"""How long a connection may be idle, as in nginx. Longer than users pause: a request that is sent while the service
closes its connection is lost, and no client may send a POST again by itself (RFC 9110, 9.2.2)."""


@dataclass(frozen=True, slots=True)
class System:
    """A service that can be started. Its ``service.app`` has ``create_app(database)``."""

    port: int
    """Where its documents expect it."""
    wsgi: bool = False

    def load(self, name: str) -> Callable[[Database], Any]:
        """The function that makes its application."""
        module = importlib.import_module(f"systems.{name}.service.app")
        create: Callable[[Database], Any] = module.create_app
        return create


SYSTEMS = {
    "kimmy_esthi": System(5000),
    "thanotopolis": System(8001),
    "cms_medical": System(5000),
    "flask_auth": System(5000, wsgi=True),
    "app_performance": System(8000),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Start the service and serve until told to stop; the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        from sqlalchemy.exc import SQLAlchemyError

        from systems.kit.database import Database, UnusableUrlError
        from systems.kit.settings import SettingError
    except ModuleNotFoundError as error:
        return _complain(f"{error.name} is missing; install what the services need: pip install '.[systems]'")
    system: System = SYSTEMS[arguments.name]
    port: int = system.port if arguments.port is None else arguments.port
    if not 0 <= port <= _LAST_PORT:
        return _complain(f"there is no port {port}; choose a --port from 0 to {_LAST_PORT}")
    try:
        listening = _listen(port)
    except OSError as error:
        return _complain(f"cannot listen on port {port}: {os.strerror(error.errno or 0)}; choose a --port")
    database = None
    try:
        database = Database(arguments.database or _sqlite_file(arguments.name))
        app = system.load(arguments.name)(database)
    except UnusableUrlError as error:
        return _complain(f"--database: {error}")
    except SettingError as error:
        return _complain(str(error))
    except SQLAlchemyError as error:
        shown = database.url.render_as_string() if database else "that URL"
        return _complain(f"cannot use the database {shown}: {str(error).splitlines()[0]}")
    ready = f"{arguments.name} listens on http://127.0.0.1:{listening.getsockname()[1]} ({database.url})"
    try:
        (_serve_wsgi if system.wsgi else _serve_asgi)(app, listening, lambda: print(ready, flush=True))
    finally:
        database.dispose()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m systems.serve", description="Start one of the reference services on this machine's loopback."
    )
    parser.add_argument("name", choices=SYSTEMS, metavar="NAME", help=", ".join(SYSTEMS))
    parser.add_argument("--port", type=int, help="0 takes a free one; else: " + ", ".join(_default_ports()))
    parser.add_argument("--database", metavar="URL", help="sqlite:///FILE or postgresql://…; a file in systems/var")
    return parser


def _default_ports() -> list[str]:
    return [f"{name} {system.port}" for name, system in SYSTEMS.items()]


def _complain(message: str) -> int:
    print(f"systems.serve: {message}", file=sys.stderr)
    return 2


def _listen(port: int) -> socket.socket:
    return socket.create_server(("127.0.0.1", port), backlog=_BACKLOG)


def _sqlite_file(name: str) -> str:
    VAR.mkdir(exist_ok=True)
    return f"sqlite:///{VAR / name}.db"


def _serve_asgi(app: Any, listening: socket.socket, ready: Callable[[], None]) -> None:
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready()

    config = uvicorn.Config(
        app, log_level="warning", access_log=False, ws="websockets-sansio", timeout_graceful_shutdown=3,
        timeout_keep_alive=_KEEP_ALIVE_S,
    )  # fmt: skip
    try:
        Server(config).run(sockets=[listening])
    except KeyboardInterrupt:
        return


def _serve_wsgi(app: Any, listening: socket.socket, ready: Callable[[], None]) -> None:
    import logging
    import signal

    from waitress.server import create_server

    def stop(*_: object) -> None:
        raise SystemExit(0)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # under load it would say so for each request
    server = create_server(
        app,
        sockets=[listening],
        threads=_WSGI_THREADS,
        connection_limit=4000,
        backlog=_BACKLOG,
        asyncore_use_poll=True,  # select() ends the server at its 1024th descriptor
    )
    ready()
    try:
        server.run()
    finally:
        server.close()


if __name__ == "__main__":
    raise SystemExit(main())
