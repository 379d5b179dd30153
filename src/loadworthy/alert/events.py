"""What became of alerts, as events in the run directory, of a run that goes on or has ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loadworthy.alert.message import Message
from loadworthy.alert.post import Answer
from loadworthy.record.rundir import EVENTS

SENT, FAILED, HELD_BACK = "alert_sent", "alert_failed", "alert_held_back"
Json = dict[str, Any]


def event_of(answer: Answer) -> Json:
    """``alert_sent`` or ``alert_failed``; without its time."""
    message = answer.message
    event: Json = {
        "type": SENT if answer.sent else FAILED,
        "channel": answer.channel,
        "matters": list(message.matters),
        "about": list(message.about),
        "tries": answer.tries,
    }
    if answer.sent:
        return event | {"message": f"alert by {answer.channel}: {message.title}"}
    return event | {"reason": answer.reason, "message": f"{failure_of(answer)} ({message.title})"}


def failure_of(answer: Answer) -> str:
    """A message that was not sent, in a clause."""
    hint = f"; {answer.hint}" if answer.hint else ""
    return f"no alert by {answer.channel}: {answer.reason}{hint}"


def held_back(message: Message) -> Json:
    """The event of a message that says nothing new."""
    words = f"no alert, for the same was told within the cool-down: {message.title}"
    return {"type": HELD_BACK, "matters": list(message.matters), "message": words}


def append_event(directory: Path, event: Mapping[str, Any]) -> None:
    """Add an event to those of a run. OSError where that cannot be.

    The run's own writer leaves whole lines behind whenever somebody else has a turn, so this one comes between them.
    """
    line = json.dumps(event, ensure_ascii=False, separators=(",", ":")) + "\n"
    with (directory / EVENTS).open("ab") as file:
        file.write(line.encode("utf-8", "backslashreplace"))
