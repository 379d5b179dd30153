"""Who may come in: a WSGI application around all others, so that no address of theirs is open by mistake.

A page that can start load must not be led by other pages in the same browser, nor by other people.

* Bound to loopback there is no token. A page elsewhere can have its own name point to 127.0.0.1 ("DNS rebinding"), so
  the Host header must be a name or an address of loopback.
* Bound elsewhere everything needs the token: in the first address (``?token=``), which is answered with a cookie and a
  redirect to the address without it, or as ``Authorization: Bearer``.
* What changes something must come from this page: by ``Sec-Fetch-Site`` and ``Origin``, which browsers send and pages
  cannot set. Programs that send neither are no browsers, and nobody's page leads them. Our own addresses ask for a
  header of their own besides, which no form can send.
* What another site's page embeds or fetches is refused; it may only link here.

Answers get the headers that keep a page from being framed, sniffed or kept, and lose all that would allow another
site to read them (Locust's page allows every one).
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from loadworthy.plan.hosts import is_loopback

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

OWN_PATH = "/loadworthy/"
"""Where our own addresses are, below the base path."""
OWN_HEADER = "X-Loadworthy"
"""What a request that changes something must have at our own addresses, with any value."""
NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""The policy of what is no page."""
_TOKEN_BYTES = 24
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_HEADERS = {
    "Content-Security-Policy": NOTHING,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Set on every answer that does not say otherwise."""
_OTHERS_MAY = "access-control-"


def new_token() -> str:
    """A token that nobody guesses."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def _is_unspecified(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def host_of(header: str) -> str:
    """The name or address of a Host header, without port and brackets; empty where it is none."""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why somebody may not come in."""

    status: HTTPStatus
    message: str


NO_TOKEN = Refusal(
    HTTPStatus.UNAUTHORIZED,
    "This page needs its token: open the address that was printed when it started, or send the token as "
    "'Authorization: Bearer'.",
)


class Guard:
    """Lets in whoever may come, and hardens every answer.

    Args:
        inner: what is guarded.
        token: what opens it; None where only this machine can reach it.
        is_tls: whether it is reached by https.
        own_path: where our own addresses begin.
        name: of the cookie; cookies do not know ports, so it should have the port in it.
    """

    def __init__(
        self, inner: Application, token: str | None, *, is_tls: bool = False, own_path: str = OWN_PATH, name: str = ""
    ) -> None:
        self._inner = inner
        self._token = token
        self._is_tls = is_tls
        self._own_path = own_path
        self._cookie = f"loadworthy{name and f'-{name}'}"

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """WSGI."""
        start = _hardened(start_response)
        if (refusal := self.refusal(environ)) is not None:
            return _refused(start, refusal, environ)
        if (location := self._without_token(environ)) is not None:
            return _answer(
                start, HTTPStatus.SEE_OTHER, "", [("Location", location), ("Set-Cookie", self._set_cookie())]
            )
        return self._inner(environ, start)

    def refusal(self, environ: Mapping[str, Any]) -> Refusal | None:
        """Why this request is refused; None where it is not."""
        if self._token is None:
            host = host_of(environ.get("HTTP_HOST", ""))
            # Locust prints 0.0.0.0 as its address; no other site has that name.
            if not is_loopback(host) and not _is_unspecified(host):
                return Refusal(HTTPStatus.FORBIDDEN, "This page is reached as localhost, 127.0.0.1 or [::1] only.")
        elif not self._has_token(environ):
            return NO_TOKEN
        return self._wrong_origin(environ)

    def _wrong_origin(self, environ: Mapping[str, Any]) -> Refusal | None:
        elsewhere = Refusal(HTTPStatus.FORBIDDEN, "This was asked for by the page of another site.")
        site = environ.get("HTTP_SEC_FETCH_SITE")
        method = environ.get("REQUEST_METHOD", "GET")
        if method in _SAFE_METHODS:
            is_link = environ.get("HTTP_SEC_FETCH_MODE", "navigate") == "navigate"
            is_top = environ.get("HTTP_SEC_FETCH_DEST", "document") == "document"
            return None if site in (None, "same-origin", "none") or (is_link and is_top) else elsewhere
        if site not in (None, "same-origin"):
            return elsewhere
        if (origin := environ.get("HTTP_ORIGIN")) is not None and not self._is_own(origin, environ):
            return elsewhere
        is_ours = environ.get("PATH_INFO", "").startswith(self._own_path)
        if is_ours and _key(OWN_HEADER) not in environ:
            return Refusal(HTTPStatus.FORBIDDEN, f"What changes something here needs the header {OWN_HEADER}.")
        return None

    def _is_own(self, origin: str, environ: Mapping[str, Any]) -> bool:
        scheme, host = "https" if self._is_tls else "http", environ.get("HTTP_HOST", "")
        return bool(host) and origin.lower() == f"{scheme}://{host}".lower()

    def _has_token(self, environ: Mapping[str, Any]) -> bool:
        scheme, _, given = str(environ.get("HTTP_AUTHORIZATION", "")).partition(" ")
        if scheme.lower() == "bearer" and self._is_token(given.strip()):
            return True
        if _same(_cookie_of(environ, self._cookie), self._proof()):
            return True
        return any(self._is_token(value) for value in _tokens_in(environ))

    def _is_token(self, given: str) -> bool:
        return self._token is not None and _same(given, self._token)

    def _proof(self) -> str:
        """What the cookie says: who reads it has not got the token itself."""
        return hashlib.sha256(f"loadworthy {self._token}".encode()).hexdigest()

    def _set_cookie(self) -> str:
        secure = "; Secure" if self._is_tls else ""
        return f"{self._cookie}={self._proof()}; Path=/; HttpOnly; SameSite=Strict{secure}"

    def _without_token(self, environ: Mapping[str, Any]) -> str | None:
        """Where a browser that brought the token in its address goes on, without it; None for all others."""
        if self._token is None or environ.get("REQUEST_METHOD") not in ("GET", "HEAD") or not _tokens_in(environ):
            return None
        rest = [(key, value) for key, value in _query(environ) if key != "token"]
        path = f"{environ.get('SCRIPT_NAME', '')}{environ.get('PATH_INFO', '/')}"
        # A path that begins with two slashes would be another host; what is not ASCII is never an address of ours.
        path = f"/{path.lstrip('/')}" if path.isascii() and path.isprintable() and "\\" not in path else "/"
        return f"{path}?{urlencode(rest)}" if rest else path


def _key(header: str) -> str:
    """As WSGI calls a header."""
    return f"HTTP_{header.upper().replace('-', '_')}"


def _same(given: str, expected: str) -> bool:
    """In a time that does not tell where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), expected.encode())


def _query(environ: Mapping[str, Any]) -> list[tuple[str, str]]:
    try:
        return parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True, max_num_fields=100)
    except ValueError:
        return []


def _tokens_in(environ: Mapping[str, Any]) -> list[str]:
    return [value for key, value in _query(environ) if key == "token"]


def _cookie_of(environ: Mapping[str, Any], name: str) -> str:
    try:
        cookie = SimpleCookie(environ.get("HTTP_COOKIE", "")).get(name)
    except CookieError:
        return ""
    return "" if cookie is None else cookie.value


def _hardened(start_response: StartResponse) -> StartResponse:
    def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
        kept = [(name, value) for name, value in headers if not name.lower().startswith(_OTHERS_MAY)]
        said = {name.lower() for name, _ in kept}
        kept += [(name, value) for name, value in _HEADERS.items() if name.lower() not in said]
        return start_response(status, kept, *more)

    return start


def _refused(start: StartResponse, refusal: Refusal, environ: Mapping[str, Any]) -> Iterable[bytes]:
    headers = [("WWW-Authenticate", "Bearer")] if refusal.status is HTTPStatus.UNAUTHORIZED else []
    kind, text = "text/plain", f"{refusal.message}\n"
    if refusal is NO_TOKEN and environ.get("HTTP_SEC_FETCH_SITE") == "cross-site":
        # Whoever follows a link from another site has the cookie, but does not send it yet: a second look does.
        kind, text = "text/html", f'<!doctype html><meta http-equiv="refresh" content="0"><p>{refusal.message}</p>\n'
    return _answer(start, refusal.status, text, [("Content-Type", f"{kind}; charset=utf-8"), *headers])


def _answer(start: StartResponse, status: HTTPStatus, text: str, headers: list[tuple[str, str]]) -> Iterable[bytes]:
    body = text.encode()
    start(f"{status.value} {status.phrase}", [*headers, ("Content-Length", str(len(body)))])
    return [body]
