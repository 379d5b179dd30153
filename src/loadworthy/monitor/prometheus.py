"""A source that reads a Prometheus endpoint."""

from __future__ import annotations

import base64
import http.client
import ssl
from collections.abc import Sequence
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from loadworthy.clock import Clock
from loadworthy.monitor.exposition import choose, parse_exposition, rates
from loadworthy.monitor.source import TIMEOUT_S, SourceError, Values
from loadworthy.plan.selectors import Selector
from loadworthy.units import US_PER_S, format_bytes

MAX_PAGE_BYTES = 16 * 1024 * 1024
"""A larger page is refused: to read it every second would be a load of its own."""

MAX_SERIES = 200
"""Kept of one reading; an endpoint may have thousands of series, and a run directory is bounded."""

_CHUNK_BYTES = 65_536
_ACCEPT = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4"


class PrometheusSource:
    """Gauges as they are, counters as ``rate(…)`` per second since the reading before.

    Args:
        url: ``http://`` or ``https://``; a user and password in it are sent as Basic authentication.
        selectors: what to keep; all gauges and counters when empty.
        clock: for rates, and for the time-out of a page that drips.
        verify_tls: False accepts any certificate.
    """

    def __init__(
        self,
        url: str,
        selectors: Sequence[Selector],
        clock: Clock,
        *,
        verify_tls: bool = True,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._url = urlsplit(url)
        self._selectors = tuple(selectors)
        self._clock = clock
        self._verify_tls = verify_tls
        self._timeout_s = timeout_s
        self._before: tuple[int, dict[str, float]] | None = None
        self._unmatched = set(self._selectors)
        self._left_out = 0

    @property
    def name(self) -> str:
        """``prometheus http://host:port/path``, without user, password and query."""
        bare = SplitResult(self._url.scheme, self._url.netloc.rpartition("@")[2], self._url.path, "", "")
        return f"prometheus {urlunsplit(bare)}"

    def read(self) -> Values:
        """See :class:`~loadworthy.monitor.source.Source`."""
        text = self._fetch()
        at_us = self._clock.monotonic_us()
        try:
            chosen = choose(list(parse_exposition(text)), self._selectors, MAX_SERIES)
        except ValueError as error:
            raise SourceError(str(error)) from error
        self._unmatched -= chosen.matched
        self._left_out = max(self._left_out, chosen.left_out)
        values = chosen.values
        if self._before is not None:
            before_us, counters = self._before
            values |= rates(counters, chosen.counters, (at_us - before_us) / US_PER_S)
        self._before = at_us, chosen.counters
        return values

    def notes(self) -> list[str]:
        """See :class:`~loadworthy.monitor.source.Source`."""
        notes = [f"{self.name} never had the metric {selector.text}" for selector in self._selectors_left()]
        if self._left_out:
            notes.append(
                f"{self.name} has more than {MAX_SERIES} series, of which {self._left_out} were left out; "
                f"name those of interest under metrics"
            )
        return notes

    def close(self) -> None:
        """Nothing is held: each reading has a connection of its own."""

    def _selectors_left(self) -> list[Selector]:
        return [selector for selector in self._selectors if selector in self._unmatched]

    def _fetch(self) -> str:
        connection = self._connection()
        try:
            return self._exchange(connection)
        except (OSError, http.client.HTTPException) as error:
            raise SourceError(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__) from error
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._url.hostname or "", self._url.port
        if self._url.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=self._timeout_s)
        context = ssl.create_default_context()
        if not self._verify_tls:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return http.client.HTTPSConnection(host, port, timeout=self._timeout_s, context=context)

    def _exchange(self, connection: http.client.HTTPConnection) -> str:
        deadline_us = self._clock.monotonic_us() + round(self._timeout_s * US_PER_S)
        target = urlunsplit(("", "", self._url.path or "/", self._url.query, ""))
        connection.request("GET", target, headers=self._headers())
        response = connection.getresponse()
        if response.status != http.client.OK:
            raise SourceError(f"it answered {response.status} {response.reason}".rstrip())
        parts, size = [], 0
        while chunk := response.read1(_CHUNK_BYTES):
            parts.append(chunk)
            size += len(chunk)
            if size > MAX_PAGE_BYTES:
                raise SourceError(f"its page is larger than {format_bytes(MAX_PAGE_BYTES)}")
            if self._clock.monotonic_us() > deadline_us:
                raise SourceError(f"its page was not whole after {self._timeout_s:g} s")
        return b"".join(parts).decode("utf-8", "replace")

    def _headers(self) -> dict[str, str]:
        headers = {"Accept": _ACCEPT, "User-Agent": "loadworthy"}
        if self._url.username is not None:
            pair = f"{unquote(self._url.username)}:{unquote(self._url.password or '')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode('ascii')}"
        return headers
