"""HAR files (HTTP Archive 1.1 and 1.2) as entries, in the order in which their requests were sent.

Browsers and proxies leave out, add and bend much of the format; what can do without a field does without it.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlencode

from loadworthy.importers.answer_values import Answer
from loadworthy.importers.form_parts import read_form
from loadworthy.importers.imported import ImportFailedError
from loadworthy.importers.marks import unmarked
from loadworthy.importers.requests import FORM, FormPart, RecordedRequest

MAX_ENTRIES = 20_000
MAX_LENGTH_MS = 86_400_000.0
"""Nothing in a recording takes longer than a day."""
MAX_ANSWER_CHARACTERS = 4 * 1024 * 1024
"""Of a longer body the beginning is searched for values."""
_HOW = "save it in the network tab of the browser's developer tools: “Save all as HAR with content”"


@dataclass(frozen=True, slots=True)
class Message:
    """A message over a WebSocket.

    Args:
        is_sent: by the browser, not by the server.
        at_ms: when, in ms since 1970.
        data: the text, or base64 of the bytes.
        is_text: which of the two.
    """

    is_sent: bool
    at_ms: float
    data: str
    is_text: bool = True


@dataclass(frozen=True, slots=True)
class Entry:
    """One request and its answer; times in ms since 1970."""

    request: RecordedRequest
    answer: Answer
    started_ms: float
    ended_ms: float
    kind: str = ""
    """What the browser wanted it for: ``document``, ``xhr``, ``image``, …; empty where it does not say."""
    error: str = ""
    messages: tuple[Message, ...] = ()
    is_socket: bool = False
    lacks_body: bool = False
    """Whether a body was sent that the recording does not hold."""
    has_answer: bool = True
    """Whether the recording has a place for the answer; tools that only list requests leave it out."""

    @property
    def where(self) -> str:
        """The place in the file, and what it was."""
        return f"{self.request.where}, {self.request.label}"


def read_har(text: str) -> list[Entry]:
    """The entries by the time at which they were sent.

    Raises:
        ImportFailedError: it is not a HAR file, or there is nothing in it.
    """
    try:
        data = json.loads(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise ImportFailedError(f"the HAR file is not JSON: {error.msg} ({place}); is it cut off? {_HOW}") from error
    except (ValueError, RecursionError) as error:
        raise ImportFailedError(f"the HAR file cannot be read as JSON: {type(error).__name__}; {_HOW}") from error
    log = data.get("log") if isinstance(data, dict) else None
    found = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(found, list):
        raise ImportFailedError(f"this is not a HAR file: it has no list at log.entries; {_HOW}")
    if not found:
        raise ImportFailedError(f"the HAR file has no entries: nothing was recorded; {_HOW}")
    if len(found) > MAX_ENTRIES:
        raise ImportFailedError(f"the HAR file has {len(found)} entries; {MAX_ENTRIES} at most: record a shorter visit")
    entries: list[Entry] = []
    for index, one in enumerate(found):
        entries.append(_entry(one, index + 1, entries[-1].ended_ms if entries else 0.0))
    return sorted(entries, key=lambda entry: entry.started_ms)


def _entry(data: Any, number: int, after_ms: float) -> Entry:
    """One entry; ``after_ms``: when it began if it does not say so."""
    where = f"entry {number}"
    if not isinstance(data, dict) or not isinstance(data.get("request"), dict):
        raise ImportFailedError(f"{where} of the HAR file has no request; {_HOW}")
    started_ms = _time_ms(data.get("startedDateTime"))
    if started_ms is None:
        started_ms = after_ms
    messages = _messages(data.get("_webSocketMessages"), started_ms)
    request = _request(data["request"], where)
    answer = _answer(_mapping(data.get("response")))
    return Entry(
        request=request,
        answer=answer,
        started_ms=started_ms,
        ended_ms=started_ms + min(max(_number(data.get("time")), 0.0), MAX_LENGTH_MS),
        kind=_text(data.get("_resourceType")).lower(),
        error=_text(_mapping(data.get("response")).get("_error")),
        messages=messages,
        is_socket=bool(messages)
        or _text(data.get("_resourceType")).lower() == "websocket"
        or request.url.startswith(("ws://", "wss://"))
        or (answer.status == 101 and answer.header("upgrade").lower() == "websocket"),
        lacks_body=not (request.body or request.form)
        and request.method not in ("GET", "HEAD")
        and _sent_bytes(data["request"]) > 0,
        has_answer=bool(data.get("response")),
    )


def _sent_bytes(data: Mapping[str, Any]) -> float:
    """How long the body was that a request sent, as far as it says so."""
    declared = next((value for name, value in _pairs(data.get("headers")) if name.lower() == "content-length"), 0)
    return max(_number(data.get("bodySize")), _number(declared))


def _request(data: Mapping[str, Any], where: str) -> RecordedRequest:
    headers = _pairs(data.get("headers"))
    body = _mapping(data.get("postData"))
    declared = next((value for name, value in headers if name.lower() == "content-type"), "")
    mime = _text(body.get("mimeType")) or declared
    text = _text(body.get("text"))
    fields = _pairs(body.get("params"))
    if not text and fields and "multipart" not in mime:
        text, mime = urlencode(fields), mime or FORM
    url = _text(data.get("url")).partition("#")[0]
    form = read_form(text, mime) or (_form(body.get("params")) if "multipart" in mime else ())
    return RecordedRequest(
        method=(_text(data.get("method")) or "GET").upper(),
        url=url,
        headers=(*headers, *_said_elsewhere(data, url, {name.lower() for name, _ in headers})),
        body="" if form else text,
        mime=mime if text or fields else "",
        where=where,
        form=form,
    )


def _form(params: Any) -> tuple[FormPart, ...]:
    """The fields of a multipart form whose text is not there. Chrome has ``(binary)`` in place of what files hold."""
    fields = [one for one in params if isinstance(one, dict)] if isinstance(params, list) else []
    return tuple(
        FormPart(_text(one.get("name")), None if filename or value == "(binary)" else value, filename, mime)
        for one in fields
        for filename, value, mime in [
            (_text(one.get("fileName")), _text(one.get("value")), _text(one.get("contentType")))
        ]
        if _text(one.get("name"))
    )


def _said_elsewhere(data: Mapping[str, Any], url: str, given: Collection[str]) -> Iterator[tuple[str, str]]:
    """The headers that the recording has in other places: as cookies, and as a user and password in the URL."""
    cookies = _pairs(data.get("cookies"))
    if cookies and "cookie" not in given:
        yield "Cookie", "; ".join(f"{name}={value}" for name, value in cookies)
    login = re.split(r"[/?]", url.partition("://")[2], maxsplit=1)[0].rpartition("@")[0]
    if login and "authorization" not in given:
        yield "Authorization", f"Basic {base64.b64encode(unquote(login).encode()).decode()}"


def _answer(data: Mapping[str, Any]) -> Answer:
    content = _mapping(data.get("content"))
    headers = _pairs(data.get("headers"))
    declared = next((value for name, value in headers if name.lower() == "content-type"), "")
    mime = (declared or _text(content.get("mimeType"))).partition(";")[0].strip().lower()
    redirect = _text(data.get("redirectURL"))
    if redirect and not any(name.lower() == "location" for name, _ in headers):
        headers = (*headers, ("Location", redirect))
    status = data.get("status")
    return Answer(
        status=status if isinstance(status, int) and not isinstance(status, bool) else int(_number(status)),
        headers=headers,
        mime=mime,
        text=_decoded(content)[:MAX_ANSWER_CHARACTERS],
    )


def _decoded(content: Mapping[str, Any]) -> str:
    text = content.get("text")
    if not isinstance(text, str) or content.get("encoding") != "base64":
        return _text(text)
    try:
        return unmarked(base64.b64decode(text, validate=False).decode("utf-8-sig"))
    except (binascii.Error, ValueError):
        return ""  # an image, or text in another encoding: nothing to take values from


def _messages(data: Any, opened_ms: float) -> tuple[Message, ...]:
    found = [one for one in data if isinstance(one, dict)] if isinstance(data, list) else []
    return tuple(
        Message(
            is_sent=one.get("type") == "send",
            at_ms=_message_ms(one.get("time"), opened_ms),
            data=_text(one.get("data")),
            is_text=_number(one.get("opcode", 1)) != 2,
        )
        for one in found
        if one.get("type") in {"send", "receive"} and _number(one.get("opcode", 1)) in {1, 2}
    )


def _message_ms(time: Any, opened_ms: float) -> float:
    """When a message came: said in seconds, or in ms; where it is not said, or is no time of its WebSocket, at once."""
    for at_ms in (_number(time) * 1000, _number(time)):
        if opened_ms <= at_ms <= opened_ms + MAX_LENGTH_MS:
            return at_ms
    return opened_ms


def _pairs(data: Any) -> tuple[tuple[str, str], ...]:
    items = [one for one in data if isinstance(one, dict)] if isinstance(data, list) else []
    return tuple((_text(one.get("name")), _text(one.get("value"))) for one in items if _text(one.get("name")))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return unmarked(value) if isinstance(value, str) else ""


def _number(value: Any) -> float:
    try:
        number = float(value) if isinstance(value, int | float | str) else 0.0
    except (ValueError, OverflowError):
        return 0.0
    return number if abs(number) < 1e15 else 0.0  # beyond it lie infinity, and no time of this world


def _time_ms(value: Any) -> float | None:
    try:
        moment = datetime.fromisoformat(_text(value).strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000
    except (ValueError, OverflowError):
        return None
