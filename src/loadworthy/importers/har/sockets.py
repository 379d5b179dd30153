"""Steps of WebSockets and of streams of events: what was sent, what came back, what tells one message from another."""

from __future__ import annotations

import re
from typing import Any

from loadworthy.importers.answer_values import message_values
from loadworthy.importers.har.choosing import Visit
from loadworthy.importers.har.flow import Event, Flow
from loadworthy.importers.har.reading import Message
from loadworthy.importers.har.sent import sent_of
from loadworthy.importers.imported import Json, Note, literal
from loadworthy.importers.requests import RecordedRequest, Site, json_of

MAX_EVENTS = 20
_NAMING_KEYS = ("type", "event", "action", "method", "op", "cmd", "command", "kind", "topic", "channel")


def add_socket(flow: Flow, visit: Visit) -> None:
    """The step that opens a WebSocket."""
    sent = sent_of(visit.entry, flow.set_cookies, flow.notes)
    scheme, _, rest = sent.url.partition("://")
    address = {"ws": "http", "wss": "https"}.get(scheme, scheme)
    step = flow.maker.address(RecordedRequest("GET", f"{address}://{rest}", where=sent.where))
    if step["path"].startswith("http"):
        step["path"] = "ws" + step["path"].removeprefix("http")
    headers = flow.maker.headers(sent)
    offered = next(
        (value for name, value in visit.entry.request.headers if name.lower() == "sec-websocket-protocol"), ""
    )
    if headers:
        step["headers"] = headers
    if offered:
        step["subprotocols"] = [literal(one.strip()) for one in offered.split(",") if one.strip()]
    flow.add({"websocket": step}, visit)


def add_message(flow: Flow, event: Event) -> None:
    """The step of a message: sent, asked with its reply, or waited for."""
    message = event.message
    if message is None:
        return
    if not message.is_sent:
        _add_push(flow, event.visit, message)
        return
    payload = _payload(flow, message)
    if event.reply is None:
        flow.add({"send": payload}, event.visit)
        return
    name = _name_of(message.data) or _name_of(event.reply.data) or "message"
    step = flow.add({"request": {"name": literal(name), **payload, **_match(event.reply, message)}}, event.visit)
    flow.correlator.learn(step["request"], message_values(event.reply.data, name))


def _add_push(flow: Flow, visit: Visit, message: Message) -> None:
    name = (_name_of(message.data) if message.is_text else "") or "push"
    match = _match(message, None)
    last = flow.steps[-1].get("expect_push") if flow.steps else None
    if last is not None and last["name"] == literal(name) and last.get("match") == match.get("match"):
        last["count"] = last.get("count", 1) + 1
        return
    step = flow.add({"expect_push": {"name": literal(name), **match}}, visit)
    flow.correlator.learn(step["expect_push"], message_values(message.data, name) if message.is_text else ())


def _payload(flow: Flow, message: Message) -> Json:
    if not message.is_text:
        return {"base64": message.data}
    value = json_of(message.data) if message.data.lstrip()[:1] in {"{", "["} else None
    if value is not None:
        return {"json": flow.maker.json(value)}
    return {"text": flow.maker.text(Site("body"), message.data)}


def _match(message: Message, asked: Message | None) -> Json:
    """What tells the message from others: the kind that it names, and the id of what it answers."""
    data = json_of(message.data) if message.is_text else None
    if not isinstance(data, dict):
        return {}
    match: dict[str, Any] = {}
    for key in _NAMING_KEYS:
        if isinstance(data.get(key), str) and len(data[key]) <= 60:
            match[f"$.{key}"] = literal(data[key])
            break
    sent = json_of(asked.data) if asked is not None else None
    if isinstance(sent, dict) and isinstance(sent.get("id"), int) and sent.get("id") == data.get("id"):
        match["$.id"] = sent["id"]
    return {"match": match} if match else {}


def _name_of(data: str) -> str:
    value = json_of(data) if data.lstrip()[:1] == "{" else None
    if not isinstance(value, dict):
        return ""
    return next((value[key] for key in _NAMING_KEYS if isinstance(value.get(key), str) and value[key].strip()), "")[:60]


def add_stream(flow: Flow, visit: Visit) -> None:
    """The step that follows a stream of server-sent events."""
    sent = sent_of(visit.entry, flow.set_cookies, flow.notes)
    step = flow.maker.address(sent)
    step.setdefault("name", step["path"])
    headers = {name: value for name, value in flow.maker.headers(sent).items() if name.lower() != "accept"}
    if headers:
        step["headers"] = headers
    events = re.findall(r"^data:", visit.entry.answer.text, re.MULTILINE)
    ends = len(re.findall(r"(?:\r\n|\n|\r){2}", visit.entry.answer.text.lstrip()))
    if not events:
        flow.notes.append(Note(visit.entry.where, "the recording has no events of this stream; the plan takes one"))
    count = min(max(1, min(len(events), ends)), MAX_EVENTS)
    if min(len(events), ends) > MAX_EVENTS:
        flow.notes.append(Note(visit.entry.where, f"{len(events)} events; the plan takes {MAX_EVENTS}"))
    if count > 1:
        step["count"] = count
    flow.add({"events": step}, visit)
