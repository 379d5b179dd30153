"""Events of a run in one line each, for whoever watches it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from loadworthy.analysis.by_hand import LOAD_CHANGED
from loadworthy.analysis.ending import ROWS_USED_UP
from loadworthy.analysis.segments import CAPACITY, SEGMENT, STRESS, TRIAL
from loadworthy.report.words import stage_load

Event = Mapping[str, Any]

_ENDED = {"aborted": "ended by a threshold that was missed"}
"""Why a scenario ended, where the reason alone is no words."""


def describe(event: Event) -> str | None:
    """An event in one line, or None for one that people need not read."""
    words = _WORDS.get(str(event.get("type")))
    return None if words is None else words(event)


def _message(event: Event) -> str:
    return str(event.get("message") or "")


def _message_or(words: Callable[[Event], str]) -> Callable[[Event], str]:
    return lambda event: _message(event) or words(event)


def _user_error(event: Event) -> str | None:
    if "traceback" not in event:
        return None  # more of what was told when it came first
    scenario = event.get("scenario")
    return f"exception in user code{f' of {scenario}' if scenario else ''}: {_message(event)}"


def _started(event: Event) -> str:
    return f"{event.get('scenario')}: started, {_load(event)}"


def _stage(event: Event) -> str:
    return f"{event.get('scenario')}: stage {int(event.get('index', 0)) + 1}, {_load(event)}"


def _load(event: Event) -> str:
    if event.get("search"):
        return "looks for its own rates"
    users, per_second = event.get("users"), event.get("rate")
    if per_second is None and users is None:
        return "as its load shape says"
    return stage_load(int(users or 0), None if per_second is None else float(per_second))


def _ended(event: Event) -> str:
    reason = str(event.get("reason", "unknown"))
    return f"{event.get('scenario')}: {_ENDED.get(reason, f'ended ({reason})')}"


def _segment(event: Event) -> str | None:
    """A trial is told of when it is over, and what lies between two of them not at all."""
    return f"{event.get('scenario')}: {_message(event)}" if event.get("purpose") == STRESS else None


def _load_changed(event: Event) -> str:
    return f"{event.get('scenario')}: {_message(event) or 'its load was changed by hand'}"


def _interrupted(event: Event) -> str:
    message = _message(event)
    return f"interrupted{': ' + message if message else ''}"


_WORDS: dict[str, Callable[[Event], str | None]] = {
    "user_error": _user_error,
    "worker_lost": _message_or(lambda event: f"worker {event.get('process', '?')} was lost"),
    "waiting_for_workers": _message_or(lambda _: "waiting for workers"),
    "worker_joined": lambda event: f"worker {event.get('process', '?')} joined",
    "stage": _stage,
    "scenario_started": _started,
    "scenario_ended": _ended,
    LOAD_CHANGED: _load_changed,
    SEGMENT: _segment,
    TRIAL: _message,
    CAPACITY: _message,
    "threshold_breached": _message_or(lambda event: f"{event.get('scenario')}: {event.get('expression')} is missed"),
    "threshold_recovered": _message_or(lambda event: f"{event.get('scenario')}: {event.get('expression')} holds again"),
    "setup": _message,
    "teardown": _message,
    "alert_sent": _message,
    "alert_failed": _message,
    "alert_held_back": _message,
    ROWS_USED_UP: _message,
    "interrupted": _interrupted,
    "warning": lambda event: f"warning: {_message(event)}",
}
