"""What a user does, one step at a time: models of requests, of their answers, and of what goes over WebSockets."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from loadworthy.plan.values import Model, Scalar, SizeBytes, Tags, TimeSpanUs, Weight, Whole

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
StatusCode = Annotated[Whole, Field(ge=100, le=599)]

SOCKET_STEPS = ("websocket", "send", "request", "expect_push", "stream", "ping", "close")
"""The keys of steps that are about a WebSocket; what each does stands below it."""
STEP_PARTS = (*SOCKET_STEPS, "events")
"""All keys of steps with what they do below them."""
PAYLOADS = ("text", "json", "base64", "size")
"""The keys of which a message has exactly one."""
PART_CONTENTS = (*PAYLOADS, "file")
"""The keys of which a part of a multipart form has exactly one."""


def _base64(text: str) -> str:
    try:
        base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("it is not base64; write for example aGVsbG8=, or use text, json or size") from error
    return text


Base64Text = Annotated[str, AfterValidator(_base64)]
"""Bytes, written in base64."""


class ExpectMessage(Model):
    """What an answer must hold to count as good."""

    json_: dict[str, Any] = Field(default_factory=dict, alias="json")
    """JSON path → the value it must have; ``null`` asks only that the path exists."""
    text: str | tuple[str, ...] | None = None
    """Text (or several) that the body must contain."""


class Expect(ExpectMessage):
    """What a response must be to count as good. Without ``status``, anything below 400 is good."""

    status: StatusCode | tuple[StatusCode, ...] | None = None
    """One status code, or a list of those that are right."""


class Payload(Model):
    """What is sent over a WebSocket: exactly one of these."""

    text: str | None = None
    """A text message."""
    json_: Any = Field(default=None, alias="json")
    """A text message of JSON."""
    base64: Base64Text | None = None
    """A binary message, in base64."""
    size: SizeBytes | None = None
    """A binary message of so many bytes: random ones, the same in every message of the step."""


class Part(Model):
    """One part of a multipart form: exactly one of ``text``, ``json``, ``base64``, ``size`` and ``file`` says what it
    holds. A text, number or flag alone is its text.
    """

    text: str | None = None
    json_: Any = Field(default=None, alias="json")
    """JSON."""
    base64: Base64Text | None = None
    """Bytes, in base64."""
    size: SizeBytes | None = None
    """So many random bytes, the same in every request."""
    file: str | None = None
    """What is in this file, which is looked for beside the plan."""
    filename: str | None = None
    """The name under which it is sent as a file; of a ``file`` its own unless given. Without it: a plain field."""
    type: str | None = None
    """Its media type; unless given, that of its file name's ending, ``application/json`` of ``json``."""


def _part_of(value: object) -> object:
    if isinstance(value, bool):
        return {"text": str(value).lower()}
    return {"text": str(value)} if isinstance(value, str | int | float) else value


OnePart = Annotated[Part, BeforeValidator(_part_of, json_schema_input_type=Part | Scalar)]


class SocketOpen(Model):
    """The WebSocket that the steps after this one use."""

    path: str
    """Path below the base URL, or a whole ``ws://`` or ``wss://`` URL."""
    name: str | None = None
    """The series of its connecting, pings and closing; the path as written, without its query, unless given."""
    query: dict[str, Scalar | tuple[Scalar, ...]] = Field(default_factory=dict)
    headers: dict[str, str] = Field(default_factory=dict)
    subprotocols: tuple[str, ...] = ()
    """Offered to the server, the preferred first."""
    compress: bool = True
    """Whether permessage-deflate is offered."""
    timeout: TimeSpanUs | None = None
    """For all of the handshake, instead of the scenario's."""


class SocketReply(Model):
    """Which message is the one that is waited for, and what it must be."""

    name: str
    """The series under which it is reported."""
    match: dict[str, Any] = Field(default_factory=dict)
    """JSON path → the value that the message must have there; others are passed over. Without it, the next message."""
    expect: ExpectMessage = ExpectMessage()
    extract: dict[str, str] = Field(default_factory=dict)
    """Name → JSON path, or ``regex:…``."""
    timeout: TimeSpanUs | None = None
    """For the message, instead of the scenario's."""


class SocketRequest(Payload, SocketReply):
    """A message, and the reply to it."""


class SocketPush(SocketReply):
    """Messages that the server sends by itself."""

    count: Annotated[Whole, Field(ge=1)] = 1
    """So many of them."""
    stamp: str | None = None
    """JSON path of the time when it was sent, in seconds or milliseconds since 1970."""


class EventStream(SocketPush):
    """A stream of server-sent events, from which ``count`` are taken."""

    path: str
    """Path below the base URL, or a whole URL."""
    query: dict[str, Scalar | tuple[Scalar, ...]] = Field(default_factory=dict)
    headers: dict[str, str] = Field(default_factory=dict)


class SocketStream(Payload):
    """Messages at a fixed cadence: either ``count`` or ``duration`` says how many."""

    name: str
    """The series under which they are reported."""
    every: TimeSpanUs = 20_000
    """From one message to the next."""
    count: Annotated[Whole, Field(ge=1)] | None = None
    duration: TimeSpanUs | None = None


class SocketPing(Model):
    """A ping, reported under the name of its WebSocket."""

    timeout: TimeSpanUs | None = None
    """For the pong, instead of the scenario's."""


def _close_code(code: int) -> int:
    if code not in {1000, 1001} and not 3000 <= code <= 4999:
        raise ValueError(f"{code} is not for clients to send; write 1000, 1001 or one from 3000 to 4999")
    return code


class SocketClose(Model):
    """The closing handshake; a number alone is its code."""

    code: Annotated[Whole, AfterValidator(_close_code)] = 1000
    reason: str = ""

    @model_validator(mode="before")
    @classmethod
    def _from_code(cls, value: object) -> object:
        return {"code": value} if isinstance(value, int | str) else value


class Undo(Model):
    """The request that removes what a step has created. Its templates are filled when the step has succeeded."""

    path: str
    """Path below the base URL, or a whole URL."""
    method: Method = "DELETE"
    query: dict[str, Scalar | tuple[Scalar, ...]] = Field(default_factory=dict)
    headers: dict[str, str] = Field(default_factory=dict)
    """Added to those that the step was sent with."""
    json_: Any = Field(default=None, alias="json")
    """A body sent as JSON."""


class Step(Model):
    """A request, or something on a WebSocket, or a pause. Strings may hold ``{{ … }}`` templates.

    It has a ``path``, or else exactly one of the keys that come after ``allow_redirects``.
    """

    path: str | None = None
    """Path below the base URL (``/contacts/{{ id }}``), or a whole URL."""
    method: Method = "GET"
    name: str | None = None
    """The series under which it is reported; the path as written here unless given."""
    query: dict[str, Scalar | tuple[Scalar, ...]] = Field(default_factory=dict)
    headers: dict[str, str] = Field(default_factory=dict)
    json_: Any = Field(default=None, alias="json")
    """A body sent as JSON."""
    form: dict[str, Scalar | tuple[Scalar, ...]] | None = None
    """A body sent as a URL-encoded form."""
    multipart: dict[str, OnePart | tuple[OnePart, ...]] = Field(default_factory=dict)
    """A body sent as a multipart form, with files in it: name of a field → its part, or several of that name."""
    body: str | None = None
    """A body sent as it stands."""
    expect: Expect = Expect()
    extract: dict[str, str] = Field(default_factory=dict)
    """Name → where its value comes from: a JSON path (``$.token``), ``header:Name``, ``cookie:name`` or ``regex:…``."""
    undo: Undo | None = None
    """How to remove what this request created; done when the users have stopped, however the run ended."""
    timeout: TimeSpanUs | None = None
    """Time-out for connecting and for reading, instead of the scenario's."""
    allow_redirects: bool = True
    websocket: SocketOpen | None = None
    """Open a WebSocket."""
    send: Payload | None = None
    """Send a message over it."""
    request: SocketRequest | None = None
    """Send a message and wait for its reply."""
    expect_push: SocketPush | None = None
    """Wait for messages that the server sends by itself."""
    stream: SocketStream | None = None
    """Send messages at a fixed cadence."""
    ping: SocketPing | None = None
    """Send a ping and wait for its pong."""
    events: EventStream | None = None
    """Follow a stream of server-sent events, and close it."""
    wait: TimeSpanUs | None = None
    """A pause; an open WebSocket is read meanwhile."""
    close: SocketClose | None = None
    """Close the WebSocket before the end of the pass."""
    tags: Tags = ()
    """Words by which thresholds name this step and others like it: ``tag:checkout p95 < 500ms``."""


class Endpoint(Step):
    """A step that is chosen by weight."""

    weight: Weight = 1
    """How often it is chosen, relative to the others."""


class SetupStep(Step):
    """A request before or after all load, which is no sample."""

    for_each: str | None = None
    """Name of test data: the step is done once for each of its rows."""
