"""What a declared user does on WebSockets and event streams: its steps, compiled once, and the sockets it has open.

A socket that is opened in ``on_start`` is *kept*: it lives as long as the user, and when it broke, the user does
``on_start`` again, for a server wants to be greeted again, too. One that is opened in a pass is closed at its end.
Steps use the last that was opened.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from random import Random
from typing import Any

from loadworthy.clock import monotonic_ns
from loadworthy.plan.steps import (
    EventStream,
    ExpectMessage,
    Payload,
    SocketClose,
    SocketOpen,
    SocketPing,
    SocketPush,
    SocketReply,
    SocketRequest,
    SocketStream,
    Step,
)
from loadworthy.units import US_PER_S
from loadworthy.users.checks import CheckFailedError, compile_checks, compile_extractor
from loadworthy.users.event_stream import ServerEvent
from loadworthy.users.precise import wait_until
from loadworthy.users.sse import SseUser
from loadworthy.users.templates import Templates, Variables, resolve
from loadworthy.users.websocket.socket import WebSocket
from loadworthy.users.websocket.user import WebSocketUser

_US_PER_MS = 1000
_MS_FROM = 1e11
"""A stamp from here on is in milliseconds: as seconds it would lie in the year 5138."""

Message = str | bytes


class StreamingUser(WebSocketUser, SseUser):
    """A user with WebSockets and event streams."""

    abstract = True


class Sockets:
    """The sockets of one user.

    Attributes:
        is_starting: whether those opened now are to be kept.
    """

    def __init__(self, user: StreamingUser) -> None:
        self.user = user
        self._kept: WebSocket | None = None
        self._passing: WebSocket | None = None
        self.is_starting = False

    @property
    def is_broken(self) -> bool:
        """Whether the one that was to be kept has ended."""
        return self._kept is not None and self._kept.closed

    def current(self) -> WebSocket:
        """The one that steps use; that there is one was checked when the plan was read."""
        socket = self._passing or self._kept
        if socket is None:
            raise RuntimeError("no WebSocket is open")
        return socket

    def open(self, path: str, **options: Any) -> None:
        """Connect; the one in whose place it comes is closed first."""
        if self.is_starting:
            if self._kept is not None:
                self._kept.close()
            self._kept = self.user.connect(path, **options)
        else:
            self.end_pass()
            self._passing = self.user.connect(path, **options)

    def end_pass(self) -> None:
        """Close the one that was opened in the pass."""
        socket, self._passing = self._passing, None
        if socket is not None:
            socket.close()

    def pause(self, seconds: float) -> float:
        """Read the kept socket for so long, for its server may send pings; all of the time is left if there is none."""
        if self._kept is None or self._kept.closed:
            return seconds
        self._kept.idle(seconds)
        return 0.0

    def wait(self, seconds: float) -> None:
        """Let time pass; the socket, if there is one, is read meanwhile."""
        socket = self._passing or self._kept
        if socket is None:
            wait_until(monotonic_ns() // 1000 + round(seconds * US_PER_S))
        else:
            socket.idle(seconds)


@dataclass(frozen=True, slots=True)
class SocketStep:
    """A step ready to be done; ``kind`` and ``name`` are its series, for where it cannot even be begun."""

    kind: str
    name: str
    act: Callable[[Sockets, Variables], None]


class ReadMessage:
    """A message as checks and extractors see it: a body without a head."""

    status_code = 0
    headers: Mapping[str, str] = {}
    cookies: Mapping[str, Any] = {}

    def __init__(self, message: Message) -> None:
        self._message = message

    @cached_property
    def text(self) -> str:
        """Its text; of a binary message, too."""
        return self._message if isinstance(self._message, str) else self._message.decode("utf-8", "replace")

    def json(self) -> Any:
        """Its JSON; ValueError if it is none."""
        if isinstance(self._document, ValueError):
            raise self._document
        return self._document

    @cached_property
    def _document(self) -> Any:
        try:
            return json.loads(self.text)
        except ValueError as error:
            return error


def compile_socket_step(step: Step, headers: Any, templates: Templates) -> SocketStep | None:
    """The step, or None if it is a request. ``headers``: those of the handshake, compiled."""
    if step.websocket is not None:
        return _opening(step.websocket, headers, templates)
    if step.send is not None:
        return _sending(step.send, templates)
    if step.request is not None:
        return _requesting(step.request, templates)
    if step.expect_push is not None:
        return _expecting(step.expect_push, templates)
    if step.events is not None:
        return _following(step.events, headers, templates)
    if step.stream is not None:
        return _streaming(step.stream, templates)
    if step.ping is not None:
        return _pinging(step.ping)
    if step.close is not None:
        return _closing(step.close, templates)
    if step.wait is not None:
        seconds = step.wait / US_PER_S
        return SocketStep("wait", "wait", lambda sockets, _: sockets.wait(seconds))
    return None


def _opening(spec: SocketOpen, headers: Any, templates: Templates) -> SocketStep:
    path = templates.text(spec.path)
    query = templates.texts(spec.query) if spec.query else None
    subprotocols = [templates.text(one) for one in spec.subprotocols]
    name = spec.name or spec.path.partition("?")[0]
    timeout_s = _seconds(spec.timeout)

    def act(sockets: Sockets, variables: Variables) -> None:
        sockets.open(
            resolve(path, variables),
            name=name,
            headers=resolve(headers, variables),
            params=resolve(query, variables),
            subprotocols=resolve(subprotocols, variables),
            compress=spec.compress,
            timeout_s=timeout_s,
        )

    return SocketStep("connect", name, act)


def _sending(spec: Payload, templates: Templates) -> SocketStep:
    payload = _payload(spec, templates)

    def act(sockets: Sockets, variables: Variables) -> None:
        message, socket = payload(variables), sockets.current()
        if isinstance(message, bytes):
            socket.send_binary(message)
        else:
            socket.send_text(message)

    return SocketStep("send", "send", act)


def _requesting(spec: SocketRequest, templates: Templates) -> SocketStep:
    payload, judge = _payload(spec, templates), _judge(spec, templates)
    timeout_s = _seconds(spec.timeout)

    def act(sockets: Sockets, variables: Variables) -> None:
        message = payload(variables)
        match = None if judge is None else lambda found: judge(found, variables)
        decode = None if judge is None else ReadMessage
        sockets.current().request(message, name=spec.name, match=match, decode=decode, timeout_s=timeout_s)

    return SocketStep("message", spec.name, act)


def _expecting(spec: SocketPush, templates: Templates) -> SocketStep:
    judge = _judge(spec, templates)
    stamp = None if spec.stamp is None else _stamp(spec.stamp)
    timeout_s = _seconds(spec.timeout)

    def act(sockets: Sockets, variables: Variables) -> None:
        match = None if judge is None else lambda found: judge(found, variables)
        for _ in range(spec.count):
            sockets.current().expect_push(
                name=spec.name, stamp=stamp, match=match, decode=ReadMessage, timeout_s=timeout_s
            )

    return SocketStep("push", spec.name, act)


def _following(spec: EventStream, headers: Any, templates: Templates) -> SocketStep:
    path, judge = templates.text(spec.path), _judge(spec, templates)
    query = templates.texts(spec.query) if spec.query else None
    stamp = None if spec.stamp is None else _stamp(spec.stamp)
    event_stamp = None if stamp is None else lambda event: stamp(ReadMessage(event.data))
    timeout_s = _seconds(spec.timeout)

    def act(sockets: Sockets, variables: Variables) -> None:
        def match(event: ServerEvent) -> bool:
            return judge is None or judge(ReadMessage(event.data), variables)

        with sockets.user.events(
            resolve(path, variables),
            name=spec.name,
            stamp=event_stamp,
            headers=resolve(headers, variables),
            params=resolve(query, variables),
            timeout_s=timeout_s,
        ) as source:
            for _ in range(spec.count):
                source.expect(match)

    return SocketStep("sse", spec.name, act)


def _streaming(spec: SocketStream, templates: Templates) -> SocketStep:
    payload = _payload(spec, templates)
    count = spec.count or max(-(-(spec.duration or 0) // spec.every), 1)

    def act(sockets: Sockets, variables: Variables) -> None:
        frames = repeat(payload(variables), count)
        sockets.current().stream(frames, name=spec.name, every_ms=spec.every / _US_PER_MS)

    return SocketStep("stream", spec.name, act)


def _pinging(spec: SocketPing) -> SocketStep:
    timeout_s = _seconds(spec.timeout)

    def act(sockets: Sockets, _: Variables) -> None:
        sockets.current().ping(timeout_s)

    return SocketStep("ping", "ping", act)


def _closing(spec: SocketClose, templates: Templates) -> SocketStep:
    reason = templates.text(spec.reason)
    return SocketStep(
        "close", "close", lambda sockets, variables: sockets.current().close(spec.code, resolve(reason, variables))
    )


def _payload(spec: Payload, templates: Templates) -> Callable[[Variables], Message]:
    """What to send: text for text and JSON, bytes for the others."""
    if spec.text is not None:
        text = templates.text(spec.text)
        return lambda variables: str(resolve(text, variables))
    if spec.base64 is not None:
        data = base64.b64decode(spec.base64)
        return lambda _: data
    if spec.size is not None:
        noise = Random(spec.size).randbytes(spec.size)
        return lambda _: noise
    value = templates.value(spec.json_)
    return lambda variables: json.dumps(resolve(value, variables))


def _judge(spec: SocketReply, templates: Templates) -> Callable[[ReadMessage, Variables], bool] | None:
    """Whether a message is the one; AssertionError where it is, and is not what it must be. Takes values out of it."""
    matches = compile_checks(ExpectMessage(json=spec.match), templates)
    checks = compile_checks(spec.expect, templates)
    extractors = {name: compile_extractor(name, source) for name, source in spec.extract.items()}
    if not (matches or checks or extractors):
        return None

    def judge(message: ReadMessage, variables: Variables) -> bool:
        try:
            for check in matches:
                check(message, variables)
        except CheckFailedError:
            return False
        try:
            for check in checks:
                check(message, variables)
            found = {name: extract(message) for name, extract in extractors.items()}
        except CheckFailedError as error:
            raise AssertionError(str(error)) from error
        variables.update(found)  # type: ignore[attr-defined]  # the user's own dict
        return True

    return judge


def _stamp(source: str) -> Callable[[ReadMessage], float]:
    extract = compile_extractor("stamp", source)

    def stamp(message: ReadMessage) -> float:
        try:
            time = float(extract(message))
        except CheckFailedError as error:
            raise AssertionError(str(error)) from error
        except (TypeError, ValueError):
            raise AssertionError(f"{source} is no time in seconds or milliseconds since 1970") from None
        return time / _US_PER_MS if time >= _MS_FROM else time

    return stamp


def _seconds(duration_us: int | None) -> float | None:
    return None if duration_us is None else duration_us / US_PER_S
