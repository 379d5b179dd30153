"""How whoever leads a run, or looks at it, has a say in it while it goes on: stop it, or change its load."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from types import FrameType
from typing import Any

import gevent
from gevent.event import Event

from loadworthy.engine.hand import Hand
from loadworthy.errors import UsageError
from loadworthy.workload.profile import LoadChange

STOPPING = "stopping"
"""What is told of a stop that somebody asked for without a word."""


class EndReason(StrEnum):
    """Why a scenario ended."""

    COMPLETED = "completed"
    """Its time was up."""
    ITERATIONS = "iterations"
    """All iterations were done."""
    USERS_STOPPED = "users_stopped"
    """All users had stopped by themselves."""
    INTERRUPTED = "interrupted"
    """Somebody asked for it."""
    ABORTED = "aborted"
    """A threshold that ends the run was missed."""
    WORKERS_LOST = "workers_lost"
    """No worker was left to make load."""


class Control:
    """How one run is told to stop (once, and it ends gracefully; twice, and it ends now) or to change its load.

    All of it may be called from any greenlet of the thread that runs the plan, and returns at once.
    """

    def __init__(self) -> None:
        self.stop = Event()
        self.why: str | None = None
        """Why the run ends itself; None where somebody else asked for it, or nobody did."""
        self.asked: str | None = None
        """In the words of whoever asked for the end with :meth:`ask_to_stop`."""
        self._on_first: Callable[[str], None] | None = None
        self._hand: Hand | None = None

    def abort(self, why: str) -> None:
        """The run ends itself, gracefully."""
        if not self.stop.is_set():
            self.why = why
            self.stop.set()

    def ask_to_stop(self, why: str) -> None:
        """As one Ctrl-C: the run ends gracefully, is interrupted, and says why (``stopped from the live page``).

        No effect on a run that is ending; before its beginning it ends the run before any load.
        """
        if not self.stop.is_set():
            self.asked = why
            self.stop.set()
            if self._on_first is not None:
                self._on_first(why)

    def change_load(self, factor: float, scenario: str | None = None) -> Mapping[str, LoadChange]:
        """Make so many times the planned load, from a moment in the near future until the next change.

        The users of a closed workload, the rate of an open one, whatever stages, ramps or a load shape say; the most
        users of an open workload stay. A scenario that begins later begins as planned.

        Args:
            factor: above 0, up to 100; 1 is the load of the plan.
            scenario: of those under way; all of them unless given.

        Returns:
            What was changed, scenario by scenario: not those that have, or were about to have, that load.

        Raises:
            UsageError: where that cannot be; nothing was changed.
        """
        if self._hand is None or self.stop.is_set():
            raise UsageError("no scenario is under way, or it is ending, so there is no load to change")
        return self._hand.change(factor, scenario)

    @property
    def reason(self) -> EndReason | None:
        """Why scenarios are to end now, if they are."""
        if not self.stop.is_set():
            return None
        return EndReason.INTERRUPTED if self.why is None else EndReason.ABORTED

    @contextmanager
    def in_hand(self, hand: Hand) -> Iterator[None]:
        """Scenarios are under way while the context lasts, and this changes their load."""
        self._hand = hand
        try:
            yield
        finally:
            self._hand = None

    @contextmanager
    def signals(self, on_first: Callable[[str], None]) -> Iterator[None]:
        """Ctrl-C and SIGTERM stop the run while the context lasts; a second one raises KeyboardInterrupt.

        It is raised in the greenlet that entered the context, as soon as whoever runs now lets others run: raised at
        once, it would take an interval from whoever is handing it out. Where nobody is let run, a third one breaks
        that off. ``on_first`` is told in words that somebody asks.
        """
        asked = 0
        leader = gevent.getcurrent()
        hub = gevent.get_hub()
        raising: Any = None

        def handle(_number: int, _frame: FrameType | None) -> None:
            nonlocal asked, raising
            asked += 1
            if asked == 1:
                self.stop.set()  # which it may be already: the run ends itself
                on_first(STOPPING)
            elif gevent.getcurrent() is leader:
                raise KeyboardInterrupt
            elif isinstance(leader, gevent.Greenlet):
                leader.kill(KeyboardInterrupt, block=False)  # what is raised here reaches the main greenlet only
            elif raising is None:
                raising = hub.loop.run_callback(leader.throw, KeyboardInterrupt)
            else:
                raising.stop()
                raise KeyboardInterrupt

        printed = hub.NOT_ERROR
        hub.NOT_ERROR = (*printed, KeyboardInterrupt)  # it reaches the main greenlet; no traceback on the way
        previous = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
        self._on_first = on_first
        if self.asked is not None:
            on_first(self.asked)
        try:
            yield
        finally:
            self._on_first = None
            hub.NOT_ERROR = printed
            for number, handler in previous.items():
                signal.signal(number, handler)
