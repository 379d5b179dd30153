"""The service that the guide's plans are run against, in a process of its own: a shop with logins and its limits.

It checks what the recipes claim to do: orders want a token, a form wants the number that it came with, an upload wants
to be multipart, a voucher is good once, ``/fresh`` refuses a token after five requests, ``/limited`` answers ten
requests and then 429, ``/status/503`` answers so, ``/hangs`` never. ``/state`` tells what is left and what was seen.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import uuid
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

from tests.support.child import ChildServer

PAGES = 3
TOKEN_LASTS = 5
LIMIT = 10


class RecipeServer(ChildServer):
    """The test's side."""

    module = "tests.support.recipes"

    def state(self) -> dict[str, Any]:
        """``orders``: paths that are there; ``seen``: ``METHOD /path`` → how often; ``vouchers``: those used."""
        with urlopen(f"{self.url}/state", timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def forget(self) -> None:
        """As if nothing had been asked yet."""
        urlopen(f"{self.url}/forget", timeout=30).close()


class Shop:
    """What the service remembers."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.never = threading.Event()
        self.forget()

    def forget(self) -> None:
        """Empty it."""
        self.orders: dict[str, Any] = {}
        self.made = 0
        self.tokens: dict[str, int] = {}
        self.forms: set[str] = set()
        self.vouchers: list[str] = []
        self.seen: Counter[str] = Counter()

    def answer(self, method: str, target: str, headers: Any, body: bytes) -> tuple[int, Any]:
        """Status and what goes into the JSON body; text is sent as HTML."""
        parts = urlsplit(target)
        if parts.path == "/hangs":
            self.never.wait()
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        token = (headers["Authorization"] or "").removeprefix("Bearer ")
        path = parts.path
        with self.lock:
            self.seen[f"{method} {path}"] += 1
            if path == "/login":
                return self._login(_read(body))
            if path == "/items":
                page = int(query.get("page", 1))
                return 200, {"items": [page * 2 - 1, page * 2], "next": page + 1 if page < PAGES else None}
            if re.fullmatch(r"/status/[45]\d\d", path):
                return int(path[-3:]), {"error": "as asked for"}
            if path == "/form":
                return self._form(method, body)
            if path == "/uploads":
                whole = b'name="file"; filename=' in body and b"--" in body[-8:]
                return (201, {"bytes": len(body)}) if whole else (400, {"error": "no multipart file"})
            if path.startswith("/vouchers/"):
                return self._voucher(path.removeprefix("/vouchers/"))
            if path == "/fresh":
                return self._fresh(token)
            if path == "/limited":
                return (200, {}) if self.seen[f"{method} {path}"] <= LIMIT else (429, {"error": "too many requests"})
            if path.startswith("/orders"):
                return self._orders(method, path, token)
        return 200, {"path": path}

    def _login(self, said: dict[str, Any]) -> tuple[int, Any]:
        if not said.get("user") or said.get("password") == "wrong":
            return 401, {"error": "user or password is wrong"}
        token = uuid.uuid4().hex
        self.tokens[token] = 0
        return 200, {"token": token}

    def _form(self, method: str, body: bytes) -> tuple[int, Any]:
        if method == "GET":
            number = uuid.uuid4().hex
            self.forms.add(number)
            return 200, f'<form><input type="hidden" name="csrf" value="{number}"></form>'
        number = parse_qs(body.decode()).get("csrf", [""])[0]
        if number not in self.forms:
            return 403, {"error": "no such form"}
        self.forms.remove(number)
        self.made += 1
        return 201, {"order": {"id": self.made}}

    def _voucher(self, code: str) -> tuple[int, Any]:
        if code in self.vouchers:
            return 409, {"error": "used"}
        self.vouchers.append(code)
        return 200, {"code": code}

    def _fresh(self, token: str) -> tuple[int, Any]:
        if token not in self.tokens or self.tokens[token] >= TOKEN_LASTS:
            return 401, {"error": "the token has expired"}
        self.tokens[token] += 1
        return 200, {}

    def _orders(self, method: str, path: str, token: str) -> tuple[int, Any]:
        if token not in self.tokens:
            return 401, {"error": "log in first"}
        if method == "POST" and path == "/orders":
            self.made += 1
            self.orders[f"/orders/{self.made}"] = {"id": self.made}
            return 201, {"id": self.made}
        if method == "DELETE":
            return 204 if self.orders.pop(path, None) else 404, None
        return 200, self.orders.get(path, {"id": 0})


def _read(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except ValueError:
        return {name: values[0] for name, values in parse_qs(body.decode("latin-1")).items()}
    return said if isinstance(said, dict) else {}


def _handler_of(shop: Shop) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 65_536

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            status, said = self._say(body)
            data = b"" if said is None else said.encode() if isinstance(said, str) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/html" if isinstance(said, str) else "application/json")
            self.send_header("Content-Length", str(len(data)))
            if status == 429:
                self.send_header("Retry-After", "1")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def _say(self, body: bytes) -> tuple[int, Any]:
            if self.path == "/state":
                return 200, {"orders": list(shop.orders), "seen": shop.seen, "vouchers": shop.vouchers}
            if self.path == "/forget":
                with shop.lock:
                    shop.forget()
                return 200, {}
            return shop.answer(self.command, re.sub(r"^/v\d", "", self.path) or "/", self.headers, body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve

        def log_message(self, *_: object) -> None:
            """Not on the screen."""

    return Handler


def _serve() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(Shop()))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    _serve()
