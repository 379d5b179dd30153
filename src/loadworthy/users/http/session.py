"""The session: what a user's ``self.client`` is.

``request()`` has a fast path. A request without options (and without cookies, parameters or proxies in the session)
differs from the last one with the same method and URL in nothing, so its bytes come from a cache that all sessions
with the same base URL share, and the rest is: send, wait, read, record. Everything else takes the longer way through
:mod:`loadworthy.users.http.call`.

Every call ends in exactly one sample, whatever happens. The only exceptions that leave ``request()`` are those that
are not the request's: the end of the greenlet, a ``gevent.Timeout`` of the user, an argument that does not exist.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

import gevent

from loadworthy.clock import monotonic_ns
from loadworthy.record.sample import Failure, FailureKind
from loadworthy.users.http.call import IDEMPOTENT, Call, Options
from loadworthy.users.http.catch import MAX_UNENTERED, Catch
from loadworthy.users.http.connection import Connection
from loadworthy.users.http.dial import Route, dial
from loadworthy.users.http.errors import AttemptError, RequestError, ResetError
from loadworthy.users.http.exchange import Limits, exchange
from loadworthy.users.http.parts import Watch
from loadworthy.users.http.pool import Pool
from loadworthy.users.http.prepare import prepare, unsent_message
from loadworthy.users.http.request import Message, build_message, plain_body
from loadworthy.users.http.response import Response, Stamps
from loadworthy.users.http.samples import Sink, content_bytes, failure_of, request_meta
from loadworthy.users.http.settings import SessionSettings, is_pair
from loadworthy.users.http.tls import Verify

REDIRECTION = 300
_NO_CONTEXT: Mapping[str, Any] = {}
_NO_BODY = (b"", b"")
_QUICK_OPTIONS = frozenset({"data", "headers", "json"})
_US_PER_MS = 1000
_new = tuple.__new__  # makes the same tuple as the class does, at half the price


class HttpSession(SessionSettings):
    """An HTTP client that keeps cookies and connections, and records a sample for every request.

    Args:
        base_url: what relative URLs are appended to; ``user:password@`` in it become Basic authentication.
        sink: where the samples go.
        user: whose ``context()`` and ``late_us`` count; None in tests.
        headers: sent with every request, beside the defaults.
        connect_timeout_s, read_timeout_s, total_timeout_s: see :class:`~loadworthy.users.http.exchange.Limits`.
        max_redirects, max_head_bytes, max_body_bytes: limits of one response.
        verify: whether (or against which authorities) TLS certificates are verified.
        proxy: URL of a proxy for all requests.

    ``request_name``, if set, names all requests that are not named themselves.
    """

    def __init__(
        self,
        base_url: str | None,
        sink: Sink,
        user: Any = None,
        *,
        headers: Mapping[str, Any] | None = None,
        connect_timeout_s: float = 30.0,
        read_timeout_s: float = 30.0,
        total_timeout_s: float | None = None,
        max_redirects: int = 30,
        max_head_bytes: int = 65_536,
        max_body_bytes: int = 64 * 1024 * 1024,
        verify: Verify = True,
        proxy: str | None = None,
    ) -> None:
        limits = Limits.of(connect_timeout_s, read_timeout_s, total_timeout_s, max_head_bytes, max_body_bytes)
        super().__init__(base_url, headers, limits, verify, proxy)
        self.user = user
        if user is not None and not hasattr(user, "late_us"):
            user.late_us = 0  # a user class of Locust's own, which knows nothing of open workloads
        self.pool = Pool()
        self.max_redirects = max_redirects
        self.total_follows_read = total_timeout_s is None
        self._sink = sink
        self._unentered: list[Response] = []

    # --- the verbs ---

    def get(self, url: str, **options: Any) -> Response:
        """Send a GET request; see :meth:`request`."""
        return self.request("GET", url, **options)

    def options(self, url: str, **options: Any) -> Response:
        """Send an OPTIONS request; see :meth:`request`."""
        return self.request("OPTIONS", url, **options)

    def head(self, url: str, **options: Any) -> Response:
        """Send a HEAD request; does not follow redirects unless told to."""
        options.setdefault("allow_redirects", False)
        return self.request("HEAD", url, **options)

    def post(self, url: str, data: Any = None, json: Any = None, **options: Any) -> Response:
        """Send a POST request; see :meth:`request`."""
        return self.request("POST", url, data=data, json=json, **options)

    def put(self, url: str, data: Any = None, **options: Any) -> Response:
        """Send a PUT request; see :meth:`request`."""
        return self.request("PUT", url, data=data, **options)

    def patch(self, url: str, data: Any = None, **options: Any) -> Response:
        """Send a PATCH request; see :meth:`request`."""
        return self.request("PATCH", url, data=data, **options)

    def delete(self, url: str, **options: Any) -> Response:
        """Send a DELETE request; see :meth:`request`."""
        return self.request("DELETE", url, **options)

    def trace(self, url: str, **options: Any) -> Response:
        """Send a TRACE request; see :meth:`request`."""
        return self.request("TRACE", url, **options)

    def iter_lines(self, url: str, method: str = "GET", **options: Any) -> Iterator[str]:
        """Send a request and yield the lines of its response as text, each as soon as it is complete."""
        response = self.request(method, url, **{**options, "stream": True})
        try:
            response.raise_for_status()
            yield from response.iter_lines(decode_unicode=True)
        finally:
            response.close()

    @contextmanager
    def rename_request(self, name: str) -> Iterator[None]:
        """Give all requests within the with-block one name."""
        self.request_name = name
        try:
            yield
        finally:
            self.request_name = None

    def request(
        self,
        method: str,
        url: str,
        name: str | None = None,
        catch_response: bool = False,
        context: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Response:
        """Send a request and record one sample, redirects included.

        Args:
            method: in any case.
            url: absolute, or appended to the base URL.
            name: of the series; the first URL's path and query if not given.
            catch_response: the sample waits for the with-block that judges the response.
            context: passed to listeners of Locust's ``request`` event, beside the user's own.
            options: params, data, json, files, headers, cookies, auth, timeout (seconds, or a pair of connect and
                read), allow_redirects, proxies, hooks, stream, verify, cert: as in ``requests``.

        A failed attempt is returned, too: with ``status_code`` 0 and ``error``. Raises :class:`TypeError` for options
        that do not exist.
        """
        now_ns = monotonic_ns()
        sent_us = intended_us = now_ns // 1000
        user = self.user
        if user is not None and user.late_us:
            intended_us -= user.late_us
            user.late_us = 0
        is_quick = (
            not self._cookies.store
            and not self.params
            and not self.proxies
            and (not options or options.keys() <= _QUICK_OPTIONS)
        )
        given = None if is_quick else Options(**options)
        try:
            if given is None:
                response = self._run_plan(method, url, options, now_ns, intended_us, sent_us)
            else:
                response = self._run(method, url, given, self._new_call(now_ns, intended_us, sent_us))
        except Exception as error:  # noqa: BLE001  # whatever the user's values do becomes a failed sample
            response = self._failed(unsent_message(method, url), error, self._new_call(now_ns, intended_us, sent_us))
        except BaseException as error:
            self._cut_off(error, str(method), name or self.request_name or str(url), intended_us, sent_us)
            raise
        name = name or self.request_name
        if not name:
            name = (response.history[0] if response.history else response).message.url.target
        if catch_response:
            self._catch(response, name, context or _NO_CONTEXT)
            if not response.status_code:
                gevent.sleep(0)
            return response
        _, _, done_us, sent_bytes, received_bytes, first_byte_us = response.stamps
        self._sink.record(
            response.message.method,
            name,
            intended_us,
            sent_us,
            done_us,
            response.status_code,
            sent_bytes,
            received_bytes,
            None if response.error is None else failure_of(response, response.error),
            content_bytes(response),
            first_byte_us,
        )
        if self._sink.listeners:
            self._sink.notify(**request_meta(response, name, context or _NO_CONTEXT, user))
        if not response.status_code:
            # It may have failed without waiting for anything; a loop over it must not keep all others out.
            gevent.sleep(0)
        return response

    def close(self) -> None:
        """Close all idle connections and record what was caught but never judged; the session can be used again."""
        while self._unentered:
            self._unentered.pop(0).record_unjudged()
        self.pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    # --- how a response comes about ---

    def _run_plan(
        self, method: str, url: str, options: dict[str, Any], now_ns: int, intended_us: int, sent_us: int
    ) -> Response:
        """A request with few options or none. New connections, retries and redirects are left to a :class:`Call`."""
        static = self._static or self.static_headers()
        body = plain_body(options.get("data"), options.get("json")) if options else _NO_BODY
        if (
            body is None
            or type(url) is not str
            or not static.is_plain
            or not (self._auth is None or is_pair(self._auth))
        ):
            return self._run(method, url, Options(**options), self._new_call(now_ns, intended_us, sent_us))
        plan = (self._plans or self.plans()).find(method, url, static)
        if options:
            headers = options.get("headers")
            # The session's credentials are among the static headers, but they also win over the request's.
            message = build_message(plan.method, plan.url, static, headers, body, self._auth if headers else None)
            line = plan.line if message.url is plan.url else message.line()
            payload = b"".join((line, message.block, b"\r\n", body[0]))
        else:
            plan.encode(static)
            message, payload = plan.message, plan.payload
        connection = self.pool.take(plan.route, now_ns)
        if connection is None:
            return self._run_message(message, self._new_call(now_ns, intended_us, sent_us))
        sent_bytes, received_bytes = connection.sent_bytes, connection.received_bytes
        limits = self.limits
        try:
            received = exchange(connection, payload, (), plan.is_head, now_ns, now_ns + limits.total_ns, limits)
        except BaseException as error:  # noqa: BLE001  # judged below, and raised again if it is not the request's
            connection.close()
            call = self._new_call(now_ns, intended_us, sent_us)
            call.count(connection, sent_bytes, received_bytes)
            if isinstance(error, ResetError) and message.method in IDEMPOTENT:
                call.may_reuse = False
                return self._run_message(message, call)
            return self._failed(message, error, call)
        head, head_bytes, content, keep_alive, first_byte_ns, done_ns = received
        if keep_alive:
            self.pool.put(connection, done_ns)
        else:
            connection.close()
        sent_bytes, received_bytes = connection.sent_bytes - sent_bytes, connection.received_bytes - received_bytes
        done_us = done_ns // 1000
        first_byte_us = done_us if first_byte_ns == done_ns else first_byte_ns // 1000
        stamps = _new(Stamps, (intended_us, sent_us, done_us, sent_bytes, received_bytes, first_byte_us))
        if head.status < REDIRECTION and not head.sets_cookies and not head.is_encoded:
            return Response(message, head.status, head_bytes, content, [], stamps)
        call = self._new_call(now_ns, intended_us, sent_us)
        call.sent_bytes, call.received_bytes = stamps.sent_bytes, stamps.received_bytes
        try:
            response = call.respond(message, received)
            return call.follow_redirects(message, response)
        except BaseException as error:  # noqa: BLE001  # judged there, and raised again if it is not the request's
            return self._failed(message, error, call)

    def open_connection(self, route: Route, timeout_s: float) -> Connection:
        """A new connection along the route, its parts recorded; raises an ``AttemptError``."""
        return dial(route, timeout_s, Watch.of(self._sink))

    def _run(self, method: str, url: str, options: Options, call: Call) -> Response:
        """A request with options."""
        return self._run_message(prepare(self, method, url, options, call), call)

    def _run_message(self, message: Message, call: Call) -> Response:
        try:
            return call.run(message)
        except BaseException as error:  # noqa: BLE001  # judged there, and raised again if it is not the request's
            return self._failed(message, error, call)

    def _new_call(self, now_ns: int, intended_us: int, sent_us: int) -> Call:
        return Call(
            self,
            self.limits,
            intended_us,
            sent_us,
            now_ns + self.limits.total_ns,
            self._verify,
            self._cert,
            self.proxies,
        )

    def _failed(self, message: Message, error: BaseException, call: Call) -> Response:
        """The response that stands for an attempt without one; raises what is not the request's again."""
        if not isinstance(error, Exception):
            raise error
        if not isinstance(error, AttemptError):
            cause, error = error, RequestError(f"{type(error).__name__} while the request was made")
            error.__cause__ = cause
        call.first_byte_ns = error.first_byte_ns or call.first_byte_ns
        response = Response(message, 0, b"", b"", call.history, call.stamps(monotonic_ns()))
        response.error = error
        return response

    def _cut_off(self, error: BaseException, method: str, name: str, intended_us: int, sent_us: int) -> None:
        """An attempt that something outside of it ended: a sample if that was a time-out of the user's own."""
        if not isinstance(error, gevent.Timeout):
            self._sink.interrupted()
            return
        failure = Failure(FailureKind.TIMEOUT_READ, "cut off by a gevent.Timeout of the user")
        self._sink.record(method.upper(), name, intended_us, sent_us, monotonic_ns() // 1000, 0, 0, 0, failure)

    # --- catch_response ---

    def _catch(self, response: Response, name: str, context: Mapping[str, Any]) -> None:
        response.catch(Catch(self, request_meta(response, name, context, self.user)))
        self._unentered.append(response)
        if len(self._unentered) > MAX_UNENTERED:
            self._unentered.pop(0).record_unjudged()

    def forget_unentered(self, response: Response) -> None:
        """The with-block of this response has begun."""
        if response in self._unentered:
            self._unentered.remove(response)

    def record_caught(self, response: Response, catch: Catch) -> None:
        """Record a caught response by its judgement, or by its status if it has none."""
        meta, stamps = catch.meta, response.stamps
        error = response.error if catch.judgement is None else catch.judgement
        meta["exception"] = None if error is True else error
        failure = None if error is None or error is True else failure_of(response, error, catch.kind)
        done_us = stamps.done_us
        if catch.response_time_ms != meta["response_time"]:
            done_us = stamps.intended_us + round(meta["response_time"] * _US_PER_MS)
        self._sink.record(
            meta["request_type"],
            meta["name"],
            stamps.intended_us,
            stamps.sent_us,
            done_us,
            response.status_code,
            stamps.sent_bytes,
            stamps.received_bytes,
            failure,
            meta["response_length"],
            stamps.first_byte_us,
        )
        if self._sink.listeners:
            self._sink.notify(**meta)
