"""Requests to the same place again: what does not vary is worked out once, for all sessions with the same base URL."""

from __future__ import annotations

import functools

from loadworthy.users.http.dial import Route, route_to
from loadworthy.users.http.headers import StaticHeaders
from loadworthy.users.http.request import Message, build_message, check_method
from loadworthy.users.http.tls import Cert, Verify
from loadworthy.users.http.urls import Base, Url, is_absolute, parse_url

MAX_PLANS = 4096
_NO_BODY = (b"", b"")


class Plan:
    """Where a request with this method and URL goes, and what is sent if it has no options.

    Attributes:
        line: the request line and the Host header.
        message, payload: the request without options, valid for the headers last given to :meth:`encode`.
    """

    __slots__ = ("_static", "is_head", "line", "message", "method", "payload", "route", "url")

    def __init__(self, method: str, url: Url, route: Route, static: StaticHeaders) -> None:
        self.method = method
        self.url = url
        self.route = route
        self.is_head = method == "HEAD"
        self.message: Message = build_message(method, url, static, None, _NO_BODY, None)
        self.line = self.message.line()
        self.payload: bytes = b"".join((self.line, self.message.block, b"\r\n"))
        self._static = static

    def encode(self, static: StaticHeaders) -> None:
        """Work out message and payload for these headers, unless that has been done."""
        if self._static is not static:
            self._static = static
            self.message = build_message(self.method, self.url, static, None, _NO_BODY, None)
            self.payload = b"".join((self.line, self.message.block, b"\r\n"))


class PlanCache:
    """Plans by method and URL; forgets all when there are too many, as when each URL has its own id in it."""

    __slots__ = ("_base", "_base_url", "_cert", "_plans", "_verify")

    def __init__(self, base_url: str, verify: Verify, cert: Cert) -> None:
        self._base_url = base_url
        self._base = Base.of(base_url)
        self._verify = verify
        self._cert = cert
        self._plans: dict[tuple[str, str], Plan] = {}

    def find(self, method: str, url: str, static: StaticHeaders) -> Plan:
        """The plan for a request; raises :class:`RequestError` if there can be none."""
        plan = self._plans.get((method, url))
        if plan is None:
            plan = self._add(method, url, static)
        return plan

    def parse(self, url: str) -> Url:
        """The URL, relative ones appended to the base."""
        if is_absolute(url):
            return parse_url(url)
        quickly = self._base.join(url) if self._base is not None else None
        return parse_url(self._base_url + url) if quickly is None else quickly

    def _add(self, method: str, url: str, static: StaticHeaders) -> Plan:
        parsed = self.parse(url)
        plan = Plan(check_method(method), parsed, self._route(parsed), static)
        if len(self._plans) >= MAX_PLANS:
            self._plans.clear()
        self._plans[method, url] = plan
        return plan

    def _route(self, url: Url) -> Route:
        return _route(url.scheme, url.host, url.port, self._verify, self._cert)


@functools.lru_cache(maxsize=1024)
def _route(scheme: str, host: str, port: int, verify: Verify, cert: Cert) -> Route:
    """The identical route for equal arguments, so that comparing two is quick."""
    return route_to(Url("", scheme, host, port, host, "/", None), None, verify, cert)


@functools.lru_cache(maxsize=64)
def plans_for(base_url: str, verify: Verify, cert: Cert) -> PlanCache:
    """The cache for these settings. A plan follows from its key alone, so sharing it changes nothing but memory."""
    return PlanCache(base_url, verify, cert)
