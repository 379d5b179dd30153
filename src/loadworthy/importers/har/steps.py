"""The steps of a recording, in the order in which things happened, with the pauses of the person who was recorded.

A user of a plan does one thing after another; what the browser did at the same time follows one after the other,
without a pause.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from urllib.parse import urlsplit

from loadworthy.importers.answer_values import values_of
from loadworthy.importers.har.choosing import Visit
from loadworthy.importers.har.flow import Event, Flow
from loadworthy.importers.har.sent import sent_of
from loadworthy.importers.har.sockets import add_message, add_socket, add_stream
from loadworthy.importers.imported import Json, Note
from loadworthy.importers.requests import json_of

MIN_WAIT_MS = 300
MAX_WAIT_MS = 30_000
_LONG_MS = 15_000
"""A request that took so long is given more than the usual time-out."""


def add_events(flow: Flow, events: Sequence[Event], beside: Sequence[tuple[float, float]]) -> None:
    """Make the steps, with the pauses between them."""
    busy_until_ms: float | None = None
    fetched = deque(sorted(beside))
    for event in events:
        if busy_until_ms is not None:
            busy_until_ms = _with_fetches(busy_until_ms, event.at_ms, fetched)
            if event.at_ms < busy_until_ms and event.message is None:
                flow.together += 1
            _add_wait(flow, event, event.at_ms - busy_until_ms)
        busy_until_ms = max(busy_until_ms or event.at_ms, event.until_ms)
        _add_event(flow, event)


def _with_fetches(busy_until_ms: float, until_ms: float, fetched: deque[tuple[float, float]]) -> float:
    """Until when the page was still loading: what came right behind belongs to it, and is no time to think."""
    while fetched and fetched[0][1] <= busy_until_ms:
        fetched.popleft()
    for started_ms, ended_ms in fetched:
        if started_ms > until_ms:
            break
        if started_ms <= busy_until_ms + MIN_WAIT_MS:
            busy_until_ms = max(busy_until_ms, min(ended_ms, until_ms))
    return busy_until_ms


def _add_wait(flow: Flow, event: Event, gap_ms: float) -> None:
    is_push = event.message is not None and not event.message.is_sent
    if gap_ms <= MIN_WAIT_MS or is_push:  # a push is waited for by itself
        return
    if gap_ms > MAX_WAIT_MS:
        flow.capped.append(f"{gap_ms / 1000:.0f}s before {event.visit.entry.where}")
    flow.add({"wait": _duration(min(gap_ms, MAX_WAIT_MS))}, None)


def _duration(length_ms: float) -> str:
    rounded = round(length_ms / 100) * 100 if length_ms < 10_000 else round(length_ms / 1000) * 1000
    return f"{rounded}ms" if rounded < 1000 else f"{rounded / 1000:g}s"


def _add_event(flow: Flow, event: Event) -> None:
    entry = event.visit.entry
    if event.message is not None:
        if flow.socket == entry.where:
            add_message(flow, event)
    elif entry.is_socket:
        flow.socket = entry.where
        add_socket(flow, event.visit)
    elif entry.answer.mime == "text/event-stream":
        add_stream(flow, event.visit)
    else:
        _add_request(flow, event.visit)


def _add_request(flow: Flow, visit: Visit) -> None:
    entry = visit.entry
    step = flow.maker.step(sent_of(entry, flow.set_cookies, flow.notes))
    if visit.stops:
        step["allow_redirects"] = False
    status = entry.answer.status
    if entry.has_answer and status < 500:
        step["expect"] = {"status": [200, 304] if status == 304 else status}
    elif entry.has_answer:
        flow.notes.append(Note(entry.where, f"it was answered with {status}; the plan expects any status below 400"))
    if entry.ended_ms - entry.started_ms >= _LONG_MS:
        step["timeout"] = f"{max(60, round(2 * (entry.ended_ms - entry.started_ms) / 1000))}s"
    flow.add(step, visit)
    _learn(flow, step, visit)


def _learn(flow: Flow, step: Json, visit: Visit) -> None:
    entry = visit.entry
    answer = entry.answer
    for one in (*(hop.answer for hop in visit.hops), answer):
        flow.set_cookies.update(name for name, _ in one.cookies())
    values = values_of(answer, urlsplit(entry.request.url).path, [hop.answer for hop in visit.hops])
    text = answer.text if json_of(answer.text) is None else ""
    flow.correlator.learn(step, values, text=text, visit=entry.request.where)
