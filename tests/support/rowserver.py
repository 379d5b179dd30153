"""A service with rows, in a process of its own: ``POST`` makes one, ``DELETE`` removes it, ``GET /rows`` tells of all.

What comes before the number in a path says how its rows behave: ``/contacts`` are plain, ``/stuck`` answer 500,
``/flaky`` 503 the first time, ``/secure`` want the token ``fresh``, ``/deaf`` never answer, ``/parents`` answer 409 as
long as there are ``/children``. ``POST /picky`` refuses the row whose ``number`` is 2, and makes others after that.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

from tests.support.child import ChildServer, serve

PATIENCE_S = 60


class RowServer(ChildServer):
    """The test's side: start it, ask it, end it."""

    module = "tests.support.rowserver"

    def rows(self, after_made: int = 0) -> dict[str, Any]:
        """``rows`` (paths), ``made`` (how many ever), ``deletes`` (paths, in order); once that many have been made."""
        with urlopen(f"{self.url}/rows?made={after_made}", timeout=PATIENCE_S) as answer:
            found: dict[str, Any] = json.load(answer)
        return found


class _Rows:
    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.rows: list[str] = []
        self.made = 0
        self.deletes: list[str] = []
        self.has_refused = False

    def refuses(self, collection: str, body: bytes) -> bool:
        if collection != "/picky":
            return False
        with self.changed:
            if json.loads(body)["number"] == 2:
                self.has_refused = True
                self.changed.notify_all()
                return True
            self.changed.wait_for(lambda: self.has_refused, PATIENCE_S)
            return False

    def make(self, collection: str) -> int:
        with self.changed:
            self.made += 1
            self.rows.append(f"{collection}/{self.made}")
            self.changed.notify_all()
            return self.made

    def remove(self, path: str, authorization: str) -> int | None:
        with self.changed:
            first = path not in self.deletes
            self.deletes.append(path)
            if path.startswith("/deaf"):
                return None
            if path.startswith("/stuck"):
                return 500
            if path.startswith("/flaky") and first:
                return 503
            if path.startswith("/secure") and authorization != "Bearer fresh":
                return 401
            if path.startswith("/parents") and any(row.startswith("/children") for row in self.rows):
                return 409
            if path not in self.rows:
                return 404
            self.rows.remove(path)
            return 204

    def shown(self, after_made: int) -> dict[str, Any]:
        with self.changed:
            self.changed.wait_for(lambda: self.made >= after_made, PATIENCE_S)
            return {"rows": [*self.rows], "made": self.made, "deletes": [*self.deletes]}


def _serve() -> None:
    rows = _Rows()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 65_536

        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            self._answer(200, rows.shown(int(query.get("made", ["0"])[0])))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if rows.refuses(self.path, body):
                self._answer(409, None)
            else:
                self._answer(201, {"id": rows.make(self.path)})

        def do_DELETE(self) -> None:
            status = rows.remove(self.path, self.headers.get("Authorization", ""))
            if status is None:
                threading.Event().wait(PATIENCE_S)
            else:
                self._answer(status, None)

        def _answer(self, status: int, value: Any) -> None:
            body = b"" if value is None else json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            """Nothing: the tests ask."""

    serve(Handler)


if __name__ == "__main__":
    _serve()
