"""Tells all pages that look what is new, by server-sent events.

Whoever comes gets everything, as an event ``whole``; from then on all get the same ``change`` events, encoded once.
A page that lost its connection asks again by itself and gets everything again: so nothing has to be kept for it. A page
that does not take what it is sent is dropped, and comes back. While nobody looks, nothing is worked out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import gevent
from gevent.queue import Empty, Full, Queue

from loadworthy.errors import UsageError
from loadworthy.report.harmless import unturned, utf8
from loadworthy.report.live_feed import LiveFeed

PUSH_S = 1.0
HEARTBEAT_S = 15.0
"""After so long without news something is sent all the same: so either side finds out that the other is gone."""
RETRY_MS = 1000
"""A browser that lost its connection waits so long before it tries again."""
MOST_WAITING = 20
"""Events that a page may be behind."""
MOST_PAGES = 100


@dataclass(eq=False, slots=True)
class _Page:
    """One that looks."""

    greenlet: Any
    waiting: Any = field(default_factory=lambda: Queue(MOST_WAITING))
    """Events that it was not sent yet; None as the last."""


class Stream:
    """All pages that look at one run after another."""

    def __init__(self, feed: LiveFeed) -> None:
        self._feed = feed
        self._pages: set[_Page] = set()
        self._number = 0
        self._pusher: gevent.Greenlet | None = None
        self._is_closed = False

    @property
    def pages(self) -> int:
        """How many look."""
        return len(self._pages)

    def start(self) -> None:
        """From now on what is new is told every second."""
        self._pusher = gevent.spawn(self._push_for_ever)

    def show(self, feed: LiveFeed) -> None:
        """Another run begins."""
        self._feed = feed
        if self._pages:
            self._send(self._whole())

    def push(self) -> None:
        """Tell what is new, if anything is."""
        if self._pages and (change := self._feed.change()) is not None:
            self._send(self._event("change", change))

    def events(self) -> Iterator[bytes]:
        """What one page is sent; UsageError where too many look."""
        if len(self._pages) >= MOST_PAGES:
            raise UsageError(f"{MOST_PAGES} pages look at this run already; close some of them")
        return self._events()

    def close(self) -> None:
        """The last of what is new, then all pages are told to go."""
        self.push()
        self._is_closed = True
        if self._pusher is not None:
            self._pusher.kill()
        for page in list(self._pages):
            self._put(page, None)

    def _events(self) -> Iterator[bytes]:
        if self._is_closed:
            return
        page = _Page(gevent.getcurrent())
        self.push()  # those that look already are to be where this one begins
        begin = f"retry: {RETRY_MS}\n\n".encode() + self._whole()
        self._pages.add(page)
        try:
            yield begin
            while (event := self._next(page)) is not None:
                yield event
        finally:
            self._pages.discard(page)

    def _next(self, page: _Page) -> bytes | None:
        try:
            event: bytes | None = page.waiting.get(timeout=HEARTBEAT_S)
        except Empty:
            return b": still here\n\n"
        return event

    def _push_for_ever(self) -> None:
        while True:
            gevent.sleep(PUSH_S)
            self.push()

    def _whole(self) -> bytes:
        self._feed.change()
        return self._event("whole", self._feed.whole())

    def _event(self, name: str, data: Any) -> bytes:
        self._number += 1
        text = unturned(json.dumps(data, allow_nan=False, ensure_ascii=False, separators=(",", ":")))
        return utf8(f"id: {self._number}\nevent: {name}\ndata: {text}\n\n").encode()  # JSON has no line breaks

    def _send(self, event: bytes) -> None:
        for page in list(self._pages):
            self._put(page, event)

    def _put(self, page: _Page, event: bytes | None) -> None:
        try:
            page.waiting.put_nowait(event)
        except Full:
            self._pages.discard(page)
            page.greenlet.kill(block=False)  # it may hang in the middle of sending
