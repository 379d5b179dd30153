"""Who is told at once of what happens: the open notification sockets, by account.

Endpoints run in threads, sockets in the event loop: :meth:`Hub.publish` may be called from any thread. Nothing is
stored; who is not connected is not told. A socket that does not keep up is dropped rather than kept in memory.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from typing import Any

BACKLOG = 1000
"""So many messages may wait for one socket."""


class Inbox:
    """The messages for one socket. ``overflowed`` is set when there were too many; no more come then."""

    def __init__(self, user_id: int) -> None:
        self.user_id = user_id
        self.queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(BACKLOG)
        self.overflowed = False


class Hub:
    """All inboxes of the process."""

    def __init__(self) -> None:
        self._inboxes: defaultdict[int, set[Inbox]] = defaultdict(set)
        self._loop: asyncio.AbstractEventLoop | None = None

    def join(self, user_id: int) -> Inbox:
        """From now on this account's notifications come into this inbox, too. In the event loop only."""
        self._loop = asyncio.get_running_loop()
        inbox = Inbox(user_id)
        self._inboxes[user_id].add(inbox)
        return inbox

    def leave(self, inbox: Inbox) -> None:
        """No more come."""
        self._inboxes[inbox.user_id].discard(inbox)
        if not self._inboxes[inbox.user_id]:
            del self._inboxes[inbox.user_id]

    def publish(self, user_id: int | None, kind: str, **about: Any) -> None:
        """Tell an account's sockets, or all (None). From any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._deliver, user_id, notification(kind, **about))

    def _deliver(self, user_id: int | None, message: dict[str, Any]) -> None:
        chosen = [self._inboxes.get(user_id, set())] if user_id is not None else list(self._inboxes.values())
        for inboxes in chosen:
            for inbox in inboxes:
                try:
                    inbox.queue.put_nowait(message)
                except asyncio.QueueFull:
                    inbox.overflowed = True


def notification(kind: str, **about: Any) -> dict[str, Any]:
    """A message; ``sent_at`` is when, in seconds since 1970 by this host's clock."""
    return {"type": "notification", "kind": kind, "sent_at": time.time(), **about}
