"""What goes wrong beside the requests: exceptions in user code, and warnings that Locust logs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from loadworthy.record.rundir import Redact, redacted
from loadworthy.users.sink import LISTENER_FAILED, describe_exception, format_traceback

Json = dict[str, Any]
EmitEvent = Callable[[Json], None]

MAX_KINDS = 50
"""Different errors told of in one run; a message may carry an id, and the run directory is bounded."""

RECORDED_ATTRIBUTE = "loadworthy_recorded"
"""Set on an exception that is already a failed sample."""

_ALREADY_TOLD = ("locust.user.task", "locust.user.users")
_LISTENER_FAILED = ("Uncaught exception in event handler", LISTENER_FAILED)
"""How Locust and how our own sinks log an error in somebody's listener."""
_NOT_OURS = ("Your selected spawn rate is very high", "CPU usage")


class UserErrors:
    """Counts exceptions of user code by type and message; tells of each kind with its traceback once, then counts."""

    def __init__(self, emit: EmitEvent) -> None:
        self._emit = emit
        self._pending: dict[tuple[str, str], int] = {}
        self._told: set[str] = set()

    def note(self, scenario: str, exception: BaseException, tb: TracebackType | None = None) -> None:
        """A user of this scenario raised it."""
        if getattr(exception, RECORDED_ATTRIBUTE, False):
            return
        message = describe_exception(exception)
        if message not in self._told and len(self._told) >= MAX_KINDS:
            message = type(exception).__name__
        self._pending[scenario, message] = self._pending.get((scenario, message), 0) + 1
        if message not in self._told:
            self._told.add(message)
            self._tell(scenario, message, traceback=format_traceback(exception.with_traceback(tb)))

    def flush(self) -> None:
        """Tell how many more there were."""
        for scenario, message in list(self._pending):
            self._tell(scenario, message)

    def _tell(self, scenario: str, message: str, **more: str) -> None:
        event = {"type": "user_error", "scenario": scenario, "message": message}
        self._emit({**event, "count": self._pending.pop((scenario, message)), **more})


class _EventHandler(logging.Handler):
    def __init__(self, emit: EmitEvent) -> None:
        super().__init__(logging.WARNING)
        self._emit_event = emit
        self._told: set[str] = set()
        self._more: dict[str, int] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Never raises into the code that logs."""
        try:
            self._tell(record)
        except Exception:  # noqa: BLE001  # logging's own way to deal with a record that cannot be told
            self.handleError(record)

    def _tell(self, record: logging.LogRecord) -> None:
        message = record.getMessage().strip()
        if message.startswith(_LISTENER_FAILED):
            self._tell_of_listener(record, message)
            return
        if record.name in _ALREADY_TOLD or message.startswith(_NOT_OURS):
            return
        if message in self._told or len(self._told) >= MAX_KINDS:
            return
        self._told.add(message)
        self._emit_event({"type": "warning", "message": message, "logger": record.name})

    def _tell_of_listener(self, record: logging.LogRecord, text: str) -> None:
        """The first of each kind at once; a listener may fail for every request, so the others are only counted."""
        error = record.exc_info[1] if record.exc_info else None
        message = f"in an event listener: {describe_exception(error) if error else text.splitlines()[-1]}"
        if message in self._more or len(self._more) >= MAX_KINDS:
            kind = message if message in self._more else next(iter(self._more))
            self._more[kind] += 1
            return
        self._more[message] = 0
        told = format_traceback(error) if error else text
        self._emit_event({"type": "user_error", "message": message, "count": 1, "traceback": told})

    def tell_the_rest(self) -> None:
        """How many more errors in listeners there were than have been told of."""
        for message, count in self._more.items():
            if count:
                self._emit_event({"type": "user_error", "message": message, "count": count})
        self._more = dict.fromkeys(self._more, 0)


def masked(emit: EmitEvent, redact: Redact) -> EmitEvent:
    """Events, without what must not be told."""
    return lambda event: emit(redacted(event, redact))


@contextmanager
def warnings_as_events(emit: EmitEvent) -> Iterator[None]:
    """Turn what is logged at WARNING and above, by Locust or by user code, into events while the context lasts."""
    root = logging.getLogger()
    handler = _EventHandler(emit)
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.tell_the_rest()
