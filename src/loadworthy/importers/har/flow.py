"""What was done in a recording, as events by time, and the flow of steps that they become."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from loadworthy.importers.correlate import Correlator
from loadworthy.importers.har.choosing import Chosen, Visit
from loadworthy.importers.har.reading import Message
from loadworthy.importers.imported import Json, Note
from loadworthy.importers.request_steps import StepMaker

MAX_MESSAGES = 200


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was done: a request, the opening of a WebSocket, or a message over it."""

    at_ms: float
    until_ms: float
    visit: Visit
    message: Message | None = None
    reply: Message | None = None


@dataclass(slots=True)
class Flow:
    """The steps as they are made."""

    maker: StepMaker
    correlator: Correlator
    steps: list[Json] = field(default_factory=list)
    visits: list[Visit | None] = field(default_factory=list)
    """Of each step, what it was made from; None for pauses."""
    notes: list[Note] = field(default_factory=list)
    set_cookies: set[str] = field(default_factory=set)
    socket: str = ""
    together: int = 0
    capped: list[str] = field(default_factory=list)

    def add(self, step: Json, visit: Visit | None) -> Json:
        """Put the step behind the others."""
        self.steps.append(step)
        self.visits.append(visit)
        return step


def events_of(chosen: Chosen, notes: list[Note]) -> list[Event]:
    """What was done, by time; messages over WebSockets among the requests."""
    events: list[Event] = []
    sockets_until_ms = 0.0
    for visit in chosen.visits:
        entry = visit.entry
        if not entry.is_socket:
            events.append(Event(entry.started_ms, entry.ended_ms, visit))
            continue
        if entry.started_ms < sockets_until_ms:
            notes.append(Note(entry.where, "a second WebSocket was open at the same time; it is left out"))
            continue
        sockets_until_ms = max([entry.started_ms, *(one.at_ms for one in entry.messages)])
        events.append(Event(entry.started_ms, entry.started_ms, visit))
        events += _message_events(visit, notes)
    return sorted(events, key=lambda event: event.at_ms)


def _message_events(visit: Visit, notes: list[Note]) -> Iterator[Event]:
    """A message that is sent goes with the next one that comes, before another is sent, as its reply."""
    messages = sorted(visit.entry.messages, key=lambda one: one.at_ms)
    if len(messages) > MAX_MESSAGES:
        notes.append(
            Note(visit.entry.where, f"{len(messages)} messages; those after the first {MAX_MESSAGES} are left out")
        )
        messages = messages[:MAX_MESSAGES]
    if not messages:
        notes.append(Note(visit.entry.where, "the recording has no messages of this WebSocket; it is only opened"))
    index = 0
    while index < len(messages):
        message = messages[index]
        following = messages[index + 1] if index + 1 < len(messages) else None
        reply = following if message.is_sent and following is not None and _answers(following, message) else None
        yield Event(message.at_ms, (reply or message).at_ms, visit, message, reply)
        index += 1 if reply is None else 2


def _answers(reply: Message, message: Message) -> bool:
    return not reply.is_sent and reply.is_text and message.is_text
