"""Three sites in a process of their own that answer well only to those who send back what they were given.

Every token, id and cursor is new each time, so a plan that repeats what was recorded gets 4xx. ``/books`` tells of all
requests: method, path, status.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import random
import re
import string
import threading
import time
import uuid
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

from tests.support.child import ChildServer, serve

PASSWORD = "open-sesame-7"
API_KEY = "dk-4f0a77c2b9d1"
_PATIENCE_S = 60
_CLOCK_TOLERANCE_MS = 120_000


class Sites(ChildServer):
    """The test's side."""

    module = "tests.importers.sites"

    def books(self) -> list[tuple[str, str, int]]:
        """Method, path and status of every request so far."""
        with urlopen(f"{self.url}/books", timeout=_PATIENCE_S) as answer:
            return [(method, path, status) for method, path, status in json.load(answer)]


class Refused(Exception):
    """An answer 4xx."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def _token(length: int = 32) -> str:
    return "".join(random.choices(string.ascii_letters + string.digits, k=length - 4)) + "x7Q2"


def _number() -> int:
    return random.randint(10_000, 99_999)


class _Store:
    """What was given out, and to whom: kind → value → what it is about."""

    def __init__(self) -> None:
        self.given: dict[str, dict[str, Any]] = {}
        self.lock = threading.Lock()
        self.books: list[tuple[str, str, int]] = []

    def give(self, kind: str, value: Any, about: Any = None) -> Any:
        with self.lock:
            self.given.setdefault(kind, {})[str(value)] = about
        return value

    def give_number(self, kind: str, lowest: int, highest: int) -> int:
        """One that nobody else has: of two who had the same, the second would find it used up."""
        with self.lock:
            known = self.given.setdefault(kind, {})
            while str(number := random.randint(lowest, highest)) in known:
                pass
            known[str(number)] = None
        return number

    def must(self, kind: str, value: Any, *, once: bool = False, status: int = 404) -> Any:
        with self.lock:
            known = self.given.setdefault(kind, {})
            if str(value) not in known:
                raise Refused(status, f"{value!r} is no {kind} of this server")
            return known.pop(str(value)) if once else known[str(value)]


STORE = _Store()


class Handler(BaseHTTPRequestHandler):
    """Routes by regular expression; an answer is (status, headers, body)."""

    protocol_version = "HTTP/1.1"
    wbufsize = 65_536

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        self.sent = self.rfile.read(length).decode()
        parts = urlsplit(self.path)
        self.query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        if parts.path == "/books":
            self._answer(200, {}, STORE.books)
            return
        try:
            status, headers, body = self._routed(parts.path)
        except Refused as error:
            status, headers, body = error.status, {}, {"error": str(error)}
        except (KeyError, TypeError, ValueError) as error:
            status, headers, body = 422, {}, {"error": repr(error)}
        STORE.books.append((self.command, self.path, status))
        if status != 101:
            self._answer(status, headers, body)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _serve

    def _routed(self, path: str) -> tuple[int, dict[str, str], Any]:
        for method, pattern, handle in ROUTES:
            match = re.fullmatch(pattern, path)
            if match and method == self.command:
                return handle(self, *match.groups())
        raise Refused(404, "no such page")

    def _answer(self, status: int, headers: dict[str, str], body: Any) -> None:
        is_text = isinstance(body, str)
        data = body.encode() if is_text else b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        kind = "text/html; charset=utf-8" if is_text else "application/json"
        for name, value in {"Content-Type": kind, **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def json(self) -> Any:
        if "json" not in self.headers.get("Content-Type", ""):
            raise Refused(415, "not JSON")
        return json.loads(self.sent)

    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.sent).items()}

    def cookie(self, name: str) -> str:
        match = re.search(rf"(?:^|; ){name}=([^;]*)", self.headers.get("Cookie", ""))
        return match[1] if match else ""

    def log_message(self, *arguments: Any) -> None:
        """Nothing: the tests ask."""


Answered = tuple[int, dict[str, str], Any]
Route = Callable[..., Answered]


def _now_ms() -> int:
    return int(time.time() * 1000)


def _is_now(value: Any) -> None:
    if abs(int(value) - _now_ms()) > _CLOCK_TOLERANCE_MS:
        raise Refused(400, "stale clock")


def _is_whole(value: Any) -> int:
    if type(value) is not int:
        raise Refused(422, f"{value!r} is no number")
    return value


# --- a shop with a JSON API ---


def _bearer(handler: Handler) -> Any:
    return STORE.must("token", handler.headers.get("Authorization", "").removeprefix("Bearer "), status=401)


def shop_page(handler: Handler) -> Answered:
    return 200, {}, "<!doctype html><title>Lamps</title><div id=app></div><script src=/static/app.3f2a.js></script>"


def shop_login(handler: Handler) -> Answered:
    data = handler.json()
    if data["password"] != PASSWORD:
        raise Refused(401, "wrong password")
    user = STORE.give("user", _number())
    token = STORE.give("token", f"{_token(20)}.{_token(40)}.{_token(27)}", user)
    return 200, {}, {"token": token, "expires_in": 3600, "user": {"id": user, "name": "Ann", "role": "customer"}}


def shop_user(handler: Handler, user: str) -> Answered:
    if str(_bearer(handler)) != user:
        raise Refused(403, "somebody else")
    return 200, {}, {"id": int(user), "name": "Ann", "newsletter": True}


def shop_products(handler: Handler) -> Answered:
    _bearer(handler)
    if "cursor" in handler.query:
        STORE.must("cursor", handler.query["cursor"], once=True, status=400)
    items = [
        {"id": STORE.give("product", random.randint(100, 999)), "name": f"Lamp {number}", "price": 1999, "page": 1}
        for number in range(3)
    ]
    return 200, {}, {"items": items, "page": 1, "next": f"/api/products?cursor={STORE.give('cursor', _token(24))}"}


def shop_product(handler: Handler, product: str) -> Answered:
    _bearer(handler)
    STORE.must("product", product)
    return 200, {}, {"id": int(product), "name": "Lamp", "status": "available", "stock": 12}


def shop_cart(handler: Handler) -> Answered:
    _bearer(handler)
    key = handler.headers.get("Idempotency-Key", "")
    uuid.UUID(key)
    if key in STORE.given.get("key", {}):
        raise Refused(409, "this key was used")
    STORE.give("key", key)
    cart = STORE.give("cart", str(uuid.uuid4()))
    return 201, {"ETag": f'"{STORE.give("etag", _token(16))}"'}, {"id": cart, "items": [], "currency": "EUR"}


def shop_item(handler: Handler, cart: str) -> Answered:
    _bearer(handler)
    STORE.must("cart", cart)
    STORE.must("etag", handler.headers.get("If-Match", "").strip('"'), status=412)
    data = handler.json()
    STORE.must("product", _is_whole(data["product_id"]))
    _is_now(data["at"])
    if data["quantity"] != 2 or data["page"] != 1:
        raise Refused(422, "constants must stay")
    return 201, {}, {"lines": 1}


def shop_order(handler: Handler) -> Answered:
    _bearer(handler)
    STORE.must("cart", handler.json()["cart_id"])
    order = STORE.give("order", random.randint(10, 99))
    return 201, {"Location": f"/api/orders/{order}"}, {"order": {"id": order, "status": "open"}, "user": {"id": 7}}


def shop_order_shown(handler: Handler, order: str) -> Answered:
    _bearer(handler)
    STORE.must("order", order)
    _is_now(handler.query["_"])
    return 200, {}, {"id": int(order), "status": "open"}


def shop_logout(handler: Handler) -> Answered:
    _bearer(handler)
    STORE.must("token", handler.headers["Authorization"].removeprefix("Bearer "), once=True)
    return 204, {}, None


# --- pages with forms ---


def _session(handler: Handler) -> Any:
    return STORE.must("session", handler.cookie("sid"), status=403)


def _csrf(handler: Handler, token: str) -> None:
    if STORE.must("csrf", token, once=True, status=403) != handler.cookie("sid"):
        raise Refused(403, "the token of another session")


def forms_start(handler: Handler) -> Answered:
    return 302, {"Location": "/account/login"}, ""


def forms_login_page(handler: Handler) -> Answered:
    sid = STORE.give("session", _token(), {})
    csrf = html.escape(STORE.give("csrf", _token(40) + "==", sid))
    page = (
        "<!doctype html><html><head><title>Log in</title></head><body>"
        '<form method="post" action="/account/login">\n'
        f'<input type="hidden" name="csrf_token" value="{csrf}">\n'
        '<input name="user"><input type="password" name="password"><button>Go</button></form></body></html>'
    )
    return 200, {"Set-Cookie": f"sid={sid}; Path=/; HttpOnly"}, page


def forms_login(handler: Handler) -> Answered:
    data = handler.form()
    _csrf(handler, data["csrf_token"])
    if data["password"] != PASSWORD:
        raise Refused(403, "wrong password")
    return 302, {"Location": "/account/home"}, ""


def forms_home(handler: Handler) -> Answered:
    _session(handler)
    meta = STORE.give("csrf", _token(44), handler.cookie("sid"))
    links = "".join(
        f'<li><a class="order" href="/account/orders/{STORE.give("order-page", _number())}">Order</a></li>'
        for _ in range(3)
    )
    page = f'<html><head><meta content="{meta}" name="csrf-token"></head><body><ul>{links}</ul></body></html>'
    return 200, {}, page


def forms_order(handler: Handler, order: str) -> Answered:
    _session(handler)
    STORE.must("order-page", order)
    token = STORE.give("csrf", _token(40), handler.cookie("sid"))
    batch = STORE.give("batch", random.randint(100, 999))
    script = f'<script>window.app = {{"uploadTicket":"{STORE.give("ticket", _token(28))}","debug":false}};</script>'
    page = (
        f'<html><body><form action="/account/orders/{order}/notes" method="post">'
        f'<input value="{token}" type="hidden" name="_token"><input type="hidden" name="batch_id" value="{batch}">'
        f'<textarea name="text"></textarea></form>{script}</body></html>'
    )
    return 200, {}, page


def forms_note(handler: Handler, order: str) -> Answered:
    _session(handler)
    STORE.must("order-page", order)
    data = handler.form()
    _csrf(handler, data["_token"])
    STORE.must("batch", data["batch_id"])
    STORE.must("ticket", data["ticket"], status=403)
    if data["text"] != "Ring twice & wait":
        raise Refused(422, "the text is the user's own")
    return 303, {"Location": f"/account/notes/{STORE.give('note', _number())}?saved=1"}, ""


def forms_note_page(handler: Handler, note: str) -> Answered:
    _session(handler)
    STORE.must("note", note)
    return 200, {}, "<html><body><p>Saved.</p></body></html>"


def forms_pin(handler: Handler, note: str) -> Answered:
    _session(handler)
    STORE.must("note", note)
    _csrf(handler, handler.headers.get("X-CSRF-Token", ""))
    return 200, {}, {"pinned": True}


def forms_logout(handler: Handler) -> Answered:
    STORE.must("session", handler.cookie("sid"), once=True, status=403)
    return 302, {"Location": "/account/login"}, ""


# --- a dashboard ---


def _dash(handler: Handler) -> None:
    STORE.must("dash", handler.headers.get("X-Dash-Session", ""), status=401)
    if handler.headers.get("X-Requested-With") != "XMLHttpRequest":
        raise Refused(400, "not from the page")


def dash_session(handler: Handler) -> Answered:
    if handler.json()["api_key"] != API_KEY:
        raise Refused(401, "wrong key")
    return 200, {}, {"session": {"value": STORE.give("dash", _token(30)), "ttl": 900}}


def dash_widgets(handler: Handler) -> Answered:
    _dash(handler)
    return 200, {}, [{"id": STORE.give("widget", f"wdg-{_number()}{_token(6)}"), "kind": "line"} for _ in range(2)]


def dash_me(handler: Handler) -> Answered:
    _dash(handler)
    return 200, {}, {"name": "Ann", "theme": "dark"}


def dash_data(handler: Handler, widget: str) -> Answered:
    _dash(handler)
    STORE.must("widget", widget)
    return 200, {}, {"points": [1, 2, 3], "widget_id": widget}


def dash_ticket(handler: Handler) -> Answered:
    _dash(handler)
    return 201, {"X-Ticket": STORE.give("live", _token(26))}, None


def dash_poll(handler: Handler) -> Answered:
    _dash(handler)
    after = handler.query["after"]
    if after != "0":
        STORE.must("poll", after, once=True, status=409)
    return 200, {}, {"changes": [], "after": STORE.give_number("poll", 1000, 9999), "since": _token(18)}


def dash_events(handler: Handler) -> Answered:
    STORE.must("poll", handler.query["since"], status=409)
    handler.send_response(200)
    handler.send_header("Content-Type", "text/event-stream")
    handler.send_header("Connection", "close")
    handler.end_headers()
    for number in range(3):
        handler.wfile.write(f"event: change\ndata: {json.dumps({'n': number})}\n\n".encode())
    handler.wfile.flush()
    handler.close_connection = True
    return 101, {}, None


def dash_live(handler: Handler) -> Answered:
    """A WebSocket: a greeting with a channel, a subscription to it, two ticks, a ping in plain text."""
    STORE.must("live", handler.query["ticket"], once=True, status=403)
    key = handler.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
    handler.send_response(101)
    for name, value in (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accept)):
        handler.send_header(name, value)
    handler.end_headers()
    channel = f"ch-{_number()}{_token(8)}"
    _say(handler, {"type": "hello", "channel": channel})
    handler.close_connection = True
    while (text := _heard(handler)) is not None:
        if text == "ping":
            _say(handler, "pong")
            continue
        data = json.loads(text)
        is_right = data.get("channel") == channel and data.get("type") == "subscribe"
        STORE.books.append(("MESSAGE", data.get("type", ""), 200 if is_right else 400))
        if not is_right:
            break
        _say(handler, {"type": "subscribed", "id": data["id"]})
        for number in range(2):
            _say(handler, {"type": "tick", "n": number, "value": random.random()})
    return 101, {}, None


def _say(handler: Handler, message: Any) -> None:
    data = (message if isinstance(message, str) else json.dumps(message)).encode()
    handler.wfile.write(bytes([0x81, len(data)]) + data)  # short messages only: under 126 bytes
    handler.wfile.flush()


def _heard(handler: Handler) -> str | None:
    head = handler.rfile.read(2)
    if len(head) < 2 or head[0] & 0x0F != 1:
        if len(head) == 2:
            handler.wfile.write(b"\x88\x00")
            handler.wfile.flush()
        return None
    length = head[1] & 0x7F
    mask = handler.rfile.read(4)
    data = handler.rfile.read(length)
    return bytes(byte ^ mask[index % 4] for index, byte in enumerate(data)).decode()


ROUTES: list[tuple[str, str, Route]] = [
    ("GET", "/", shop_page),
    ("POST", "/api/auth/login", shop_login),
    ("POST", "/api/auth/logout", shop_logout),
    ("GET", "/api/users/([^/]+)", shop_user),
    ("GET", "/api/products", shop_products),
    ("GET", "/api/products/([^/]+)", shop_product),
    ("POST", "/api/carts", shop_cart),
    ("POST", "/api/carts/([^/]+)/items", shop_item),
    ("POST", "/api/orders", shop_order),
    ("GET", "/api/orders/([^/]+)", shop_order_shown),
    ("GET", "/account/", forms_start),
    ("GET", "/account/login", forms_login_page),
    ("POST", "/account/login", forms_login),
    ("GET", "/account/home", forms_home),
    ("GET", "/account/orders/([^/]+)", forms_order),
    ("POST", "/account/orders/([^/]+)/notes", forms_note),
    ("GET", "/account/notes/([^/]+)", forms_note_page),
    ("POST", "/account/notes/([^/]+)/pin", forms_pin),
    ("GET", "/account/logout", forms_logout),
    ("POST", "/dash/session", dash_session),
    ("GET", "/dash/widgets", dash_widgets),
    ("GET", "/dash/me", dash_me),
    ("GET", "/dash/widgets/([^/]+)/data", dash_data),
    ("POST", "/dash/tickets", dash_ticket),
    ("GET", "/dash/poll", dash_poll),
    ("GET", "/dash/events", dash_events),
    ("GET", "/dash/live", dash_live),
]


if __name__ == "__main__":
    serve(Handler)
