"""Routes turned into answers. No socket and no clock in here: a request's parts in, an :class:`Answer` out.

Each route has random streams of its own, seeded by the server's seed and the route's place, so the n-th
request of a route meets the same delay and the same fate in every run, whatever the other routes were asked
meanwhile.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from http import HTTPStatus
from typing import NamedTuple

from loadworthy.testing.routes import Route

_REASONS = {status.value: status.phrase for status in HTTPStatus}
_JSON = "application/json"


class Answer(NamedTuple):
    """A response before it goes out."""

    status: int
    head: bytes
    """Status line and headers, without the blank line that ends them."""
    body: bytes
    imposed_us: int = 0
    """How long the server shall wait before it sends this."""


class Site:
    """All routes of one server and the tokens it has issued.

    Args:
        routes: the first that fits a request answers it; exact paths come before those with a ``*``.
        seed: of every random draw.
    """

    def __init__(self, routes: Sequence[Route], seed: int) -> None:
        self._tokens: set[bytes] = set()
        self._exact: dict[str, list[_Served]] = {}
        self._prefixes: list[tuple[str, _Served]] = []
        for index, route in enumerate(routes):
            served = _Served(route, f"{seed}/{index}")
            if route.path.endswith("*"):
                self._prefixes.append((route.path[:-1], served))
            else:
                self._exact.setdefault(route.path, []).append(served)

    def answer(self, method: str, target: str, content_type: str, authorization: bytes, body: bytes) -> Answer:
        """What this request gets; draws its delay."""
        path = target.partition("?")[0]
        candidates = self._candidates(path)
        for served in candidates:
            if served.takes(method):
                return self._serve(served, content_type, authorization, body)
        return _METHOD_NOT_ALLOWED if candidates else _NOT_FOUND

    def fixed(self, method: str, target: str) -> Answer | None:
        """The answer that this request always gets, at once, whatever else is in its head; None if there is none."""
        path = target.partition("?")[0]
        for served in self._candidates(path):
            if served.takes(method):
                return served.fixed if served.is_plain else None
        return None

    def wants_body(self, target: str) -> bool:
        """Whether the request's body has to be kept, for it is sent back."""
        path = target.partition("?")[0]
        return any(s.route.echo for s in self._exact.get(path, ())) or any(
            s.route.echo for prefix, s in self._prefixes if path.startswith(prefix)
        )

    def _candidates(self, path: str) -> list[_Served]:
        return self._exact.get(path) or [s for prefix, s in self._prefixes if path.startswith(prefix)]

    def _serve(self, served: _Served, content_type: str, authorization: bytes, body: bytes) -> Answer:
        route = served.route
        imposed_us = route.delay.draw_us(served.delays) if route.delay else 0
        if route.needs_token and authorization.removeprefix(b"Bearer ") not in self._tokens:
            return _UNAUTHORIZED._replace(imposed_us=imposed_us)
        if route.failure_share and served.fates.random() < route.failure_share:
            return _FAILED._replace(imposed_us=imposed_us)
        if route.echo:
            answer = make_answer(route.status, body, content_type or "application/octet-stream", served.headers)
        elif route.issues_token:
            answer = make_answer(route.status, self._issue(served), _JSON, served.headers)
        else:
            answer = served.fixed
        return answer._replace(imposed_us=imposed_us) if imposed_us else answer

    def _issue(self, served: _Served) -> bytes:
        token = f"{served.fates.getrandbits(128):032x}"
        self._tokens.add(token.encode())
        return json.dumps({"token": token}).encode()


class _Served:
    """A route with what is prepared for it once."""

    def __init__(self, route: Route, seed: str) -> None:
        self.route = route
        self.delays = random.Random(f"{seed}/delay")
        self.fates = random.Random(f"{seed}/fate")
        self.is_plain = not (
            route.delay or route.failure_share or route.needs_token or route.echo or route.issues_token
        )
        self.headers = [*route.headers.items(), *(("Set-Cookie", cookie) for cookie in route.set_cookies)]
        if route.json is not None:
            self.fixed = make_answer(route.status, json.dumps(route.json).encode(), _JSON, self.headers)
        else:
            self.fixed = make_answer(route.status, b"x" * route.body_bytes, "text/plain", self.headers)

    def takes(self, method: str) -> bool:
        wanted = self.route.method
        return wanted is None or method == wanted or (method == "HEAD" and wanted == "GET")


def make_answer(status: int, body: bytes, content_type: str, headers: Sequence[tuple[str, str]] = ()) -> Answer:
    """An answer with the headers that its framing needs (RFC 9110: 204 and 304 have no body)."""
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Unknown')}"]
    if status in (204, 304):
        body = b""
    else:
        lines.append(f"Content-Length: {len(body)}")
        if body:
            lines.append(f"Content-Type: {content_type}")
    lines += [f"{name}: {value}" for name, value in headers]
    return Answer(status, ("\r\n".join(lines) + "\r\n").encode("latin-1"), body)


def refuse(status: int, message: str, headers: Sequence[tuple[str, str]] = ()) -> Answer:
    """An error with a JSON body that says why."""
    return make_answer(status, json.dumps({"error": message}).encode(), _JSON, headers)


_NOT_FOUND = refuse(404, "no route has this path")
_METHOD_NOT_ALLOWED = refuse(405, "no route of this path takes this method")
_UNAUTHORIZED = refuse(401, "a token of this server is needed", [("WWW-Authenticate", "Bearer")])
_FAILED = refuse(500, "failed on purpose")
