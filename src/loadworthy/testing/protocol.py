"""One connection of a server: a request, its answer at its time or what goes wrong with it, a row in the truth."""

from __future__ import annotations

import asyncio
from typing import cast

from loadworthy.clock import monotonic_ns
from loadworthy.testing.backend import Ticket
from loadworthy.testing.desk import Desk, reset
from loadworthy.testing.faults import Errors, Resets
from loadworthy.testing.heads import Head
from loadworthy.testing.reading import BAD_REQUEST, MAX_ECHO_BYTES, MAX_HEAD_BYTES, Extras, RequestReader
from loadworthy.testing.site import Answer, Site, refuse
from loadworthy.testing.truth import FAULTS, Truth

__all__ = ["MAX_ECHO_BYTES", "MAX_HEAD_BYTES", "Connection"]

_CLOSE = b"Connection: close\r\n"
_KEEP = b"Connection: keep-alive\r\n"
_FULL = refuse(503, "the queue is full")
_REFUSED, _ERRORS, _RESETS = (FAULTS.index(word) for word in ("refused", "errors", "resets"))


class Connection(RequestReader):
    """The protocol of one client."""

    def __init__(self, site: Site, truth: Truth, loop: asyncio.AbstractEventLoop, extras: Extras | None = None) -> None:
        super().__init__(site, truth, extras or Extras(Desk(loop)))
        self._desk = self._extras.desk
        self._number = 0
        self._answer: Answer = BAD_REQUEST

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # what a stream server gives
        self._truth.connections += 1
        self._truth.open_connections += 1
        self._number = self._truth.connections
        if not self._desk.admits(self._transport):
            self._transport = None

    def connection_lost(self, _exc: Exception | None) -> None:
        self._truth.open_connections -= 1
        self._transport = None
        if self._waiting is not None:
            ticket, self._waiting = self._waiting, None
            ticket.on_due = None
            self._truth.in_service -= 1
            self._record(0, 0, monotonic_ns() // 1000, ticket)

    def _serve_known(self, head: Head, size: int) -> bool:
        transport = self._transport
        if transport is None or head.fixed is None or not self._desk.backend.is_idle:
            return False
        read_us, wire = self._read_us, head.wire
        sent_bytes = len(wire)
        departure_us = monotonic_ns() // 1000
        transport.write(wire)
        self._truth.sent_bytes += sent_bytes
        self._truth.add_row(
            head.name,
            (head.fixed.status, size, sent_bytes, read_us, departure_us, 0, self._number, read_us, read_us, 0),
        )
        return True

    def _serve(self) -> None:
        extras, target = self._extras, self._target
        path = target.partition("?")[0]
        if path == extras.metrics_path:
            self._respond(extras.metrics(), is_logged=False)
            return
        content_type = self._content_type.decode("latin-1")
        answer = self._site.answer(self._method, target, content_type, self._authorization, self._body)
        if answer.imposed_us or not self._desk.backend.is_idle:
            self._answer = answer
            self._truth.in_service += 1
            self._waiting = self._desk.arrive(self._read_us, path, answer.imposed_us, self._on_due)
            self._desk.release()
        else:
            self._respond(answer)

    def _on_due(self, ticket: Ticket) -> None:
        self._waiting = None
        self._truth.in_service -= 1
        fate = ticket.fate
        answer = _FULL if ticket.is_refused else self._answer
        if isinstance(fate, Errors):
            answer = refuse(fate.status, "failed on purpose")
        self._respond(answer, ticket)
        held, self._held = self._held, b""
        if self._transport is not None:
            self._transport.resume_reading()
            self._read_us = monotonic_ns() // 1000
            self._consume(held)

    def _respond(self, answer: Answer, ticket: Ticket | None = None, *, is_logged: bool = True) -> None:
        transport = self._transport
        if transport is None:
            return
        wire, status, keep = self._wire(answer), answer.status, self._keep
        fate = ticket.fate if ticket is not None else None
        if isinstance(fate, Resets):
            wire, status = wire[: len(wire) // 2] if fate.when == "half" else b"", 0
        departure_us = monotonic_ns() // 1000
        if wire:
            transport.write(wire)
        if is_logged:
            self._record(status, len(wire), departure_us, ticket)
        self._begin()
        if isinstance(fate, Resets):
            self._transport = None
            reset(transport)
        elif not keep:
            self._transport = None
            transport.close()

    def _wire(self, answer: Answer) -> bytes:
        stays_open = b"" if self._is_http_1_1 else _KEEP
        connection = stays_open if self._keep else _CLOSE
        body = b"" if self._method == "HEAD" else answer.body
        return b"".join((answer.head, connection, b"\r\n", body))

    def _record(self, status: int, response_bytes: int, departure_us: int, ticket: Ticket | None) -> None:
        service_us, started_us, due_us, fault = 0, self._read_us, self._read_us, 0
        if ticket is not None:
            service_us, fault = ticket.service_us, _fault_of(ticket)
            started_us = self._desk.backend.real_us(ticket.start_work_us)
            due_us = self._desk.backend.real_us(ticket.due_work_us)
        self._truth.sent_bytes += response_bytes
        self._truth.add_row(
            (self._method, self._target),
            (
                status,
                self._request_bytes,
                response_bytes,
                self._arrival_us,
                departure_us,
                service_us,
                self._number,
                started_us,
                due_us,
                fault,
            ),
        )

    def _refuse(self, answer: Answer) -> None:
        transport, self._transport = self._transport, None
        self._truth.malformed += 1
        if transport is not None:
            wire = b"".join((answer.head, _CLOSE, b"\r\n", answer.body))
            self._truth.sent_bytes += len(wire)
            transport.write(wire)
            transport.close()


def _fault_of(ticket: Ticket) -> int:
    if ticket.is_refused:
        return _REFUSED
    if ticket.fate is None:
        return 0
    return _ERRORS if isinstance(ticket.fate, Errors) else _RESETS
