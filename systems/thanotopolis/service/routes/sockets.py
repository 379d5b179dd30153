"""Live connections: conversations, streams of speech, the sound of phone calls, notifications.

All want an access token, in the header ``Authorization: Bearer …`` or, for browsers, as ``?token=…``. Without one that
holds, the handshake is refused with 403. Later on a socket ends with one of these codes:

=====  ==============================================================================================================
1003   a message of the wrong kind: text that is no JSON object, or a type that is not known
1007   a frame of sound that has not the length of one, or a text with control characters
1013   the client does not read fast enough
4401   the token has expired
4404   the conversation or the call does not exist
=====  ==============================================================================================================

Sound comes as binary messages of 20 ms: 160 bytes of µ-law at 8 kHz for calls, 640 bytes of 16-bit PCM at 16 kHz for
speech. What is heard is counted and not understood: transcripts are made up.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, HTTPException, WebSocket, WebSocketDisconnect, WebSocketException
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import select, update
from starlette.concurrency import run_in_threadpool

from systems.kit.database import Database
from systems.kit.inputs import RowId, Text
from systems.thanotopolis.service.access import Caller, gate_of
from systems.thanotopolis.service.models import Call, Conversation, Message
from systems.thanotopolis.service.notifications import Hub, notification

router = APIRouter(prefix="/api/ws")
FRAME_MS = 20
SPEECH_FRAME_BYTES = 640
CALL_FRAME_BYTES = 160
MAX_TEXT = 4000
POLICY, UNSUPPORTED, BAD_DATA, TRY_LATER, EXPIRED, UNKNOWN = 1008, 1003, 1007, 1013, 4401, 4404
_PARTIAL_EVERY = 25
_TEXT: TypeAdapter[str] = TypeAdapter(Text)
_WORDS = ("good", "morning", "I", "would", "like", "to", "ask", "about", "a", "place", "under", "the", "old", "oak")


class BrokenRuleError(Exception):
    """The client did what it may not; the socket ends with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(slots=True)
class Stream:
    """Sound that came over one socket."""

    frame_bytes: int
    frames: int = 0
    longest_gap_ms: float = 0.0
    _last_s: float = 0.0

    def take(self, frame: bytes) -> None:
        """One more frame; BrokenRuleError where it is none."""
        if len(frame) != self.frame_bytes:
            raise BrokenRuleError(BAD_DATA, f"a frame has {self.frame_bytes} bytes")
        now_s = time.monotonic()
        if self.frames:
            self.longest_gap_ms = max(self.longest_gap_ms, (now_s - self._last_s) * 1000)
        self.frames, self._last_s = self.frames + 1, now_s

    def figures(self) -> dict[str, Any]:
        """What the client is told of it."""
        return {
            "frames": self.frames,
            "bytes": self.frames * self.frame_bytes,
            "duration_ms": self.frames * FRAME_MS,
            "longest_gap_ms": round(self.longest_gap_ms, 3),
        }


@router.websocket("/conversations/{conversation_id}")
async def conversation(socket: WebSocket, conversation_id: RowId) -> None:
    """``{"type": "message", "id": …, "text": …}`` is answered by ``{"type": "reply", "reply_to": id, "text": …}``."""
    async with _accepted(socket) as caller:
        await _require_conversation(socket, conversation_id, caller)
        while True:
            said = await _json(socket)
            if said.get("type") != "message" or not isinstance(said.get("text"), str):
                raise BrokenRuleError(UNSUPPORTED, "send a message with a text")
            text = said["text"][:MAX_TEXT]
            if not _is_plain(text):
                raise BrokenRuleError(BAD_DATA, "a text has no control characters")
            reply = f"You said {len(text.split())} words. How else may we help?"
            await run_in_threadpool(_store, _database(socket), conversation_id, text, reply)
            answer = {"type": "reply", "reply_to": said.get("id"), "text": reply, "sent_at": time.time()}
            await socket.send_json(answer)


@router.websocket("/voice/{conversation_id}")
async def voice(socket: WebSocket, conversation_id: RowId) -> None:
    """Speech to text: frames, a ``partial`` transcript every half second, ``final`` for ``{"type": "stop"}``."""

    def remember(database: Database, frames: int) -> None:
        with database.writing() as session:
            more = {"voice_frames": Conversation.voice_frames + frames}
            session.execute(update(Conversation).where(Conversation.id == conversation_id).values(more))

    async with _accepted(socket) as caller:
        await _require_conversation(socket, conversation_id, caller)
        await _listen(socket, SPEECH_FRAME_BYTES, remember, transcribes=True)


@router.websocket("/telephony/media/{call_sid}")
async def telephony_media(socket: WebSocket, call_sid: Text) -> None:
    """The sound of a call: frames; ``final`` with its figures for ``{"type": "stop"}``."""

    def remember(database: Database, frames: int) -> None:
        with database.writing() as session:
            more = {"media_frames": Call.media_frames + frames}
            session.execute(update(Call).where(Call.call_sid == call_sid).values(more))

    async with _accepted(socket):
        if not await run_in_threadpool(_is_call, _database(socket), call_sid):
            raise BrokenRuleError(UNKNOWN, "no such call")
        await _listen(socket, CALL_FRAME_BYTES, remember, transcribes=False)


@router.websocket("/notifications")
async def notifications(socket: WebSocket) -> None:
    """What happens to one's contacts, events and calls, at once; and a sign of life at an interval."""
    interval_s: float = socket.app.state.notification_interval_s
    hub: Hub = socket.app.state.hub
    async with _accepted(socket) as caller:
        inbox = hub.join(caller.user_id)
        gone = asyncio.ensure_future(_until_gone(socket))
        try:
            await socket.send_json({"type": "welcome", "interval_s": interval_s, "sent_at": time.time()})
            while not gone.done():
                taking = asyncio.ensure_future(inbox.queue.get())
                await asyncio.wait({taking, gone}, timeout=interval_s, return_when=asyncio.FIRST_COMPLETED)
                if time.time() >= float(caller.claims["exp"]):
                    taking.cancel()
                    raise BrokenRuleError(EXPIRED, "the token has expired")
                if inbox.overflowed:
                    taking.cancel()
                    raise BrokenRuleError(TRY_LATER, "too slow")
                if taking.done():
                    await socket.send_json(taking.result())
                else:
                    taking.cancel()
                    if not gone.done():
                        await socket.send_json(notification("heartbeat"))
        finally:
            hub.leave(inbox)
            gone.cancel()


@asynccontextmanager
async def _accepted(socket: WebSocket) -> AsyncIterator[Caller]:
    """The socket, open for whoever has a token; refused (403) for others. Ends it as the block ended."""
    scheme, _, token = socket.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        token = socket.query_params.get("token", "")
    try:
        caller = gate_of(socket.app).caller(token)
    except HTTPException:
        raise WebSocketException(POLICY) from None  # before the socket is accepted, this is answered by 403
    await socket.accept()
    with socket.app.state.metrics.sockets.track_inprogress():
        try:
            yield caller
        except BrokenRuleError as error:
            await socket.close(error.code, str(error))
        except WebSocketDisconnect:
            return


async def _require_conversation(socket: WebSocket, conversation_id: int, caller: Caller) -> None:
    if not await run_in_threadpool(_is_own, _database(socket), conversation_id, caller.user_id):
        raise BrokenRuleError(UNKNOWN, "no such conversation")


async def _listen(
    socket: WebSocket, frame_bytes: int, remember: Callable[[Database, int], None], *, transcribes: bool
) -> None:
    """Take frames until the client leaves; tell the figures at each stop. What was heard is remembered in any case."""
    stream = Stream(frame_bytes)
    try:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if (frame := message.get("bytes")) is not None:
                stream.take(frame)
                if transcribes and stream.frames % _PARTIAL_EVERY == 0:
                    await socket.send_json({"type": "partial", "text": _transcript(stream), "sent_at": time.time()})
                continue
            if _object(message["text"]).get("type") != "stop":
                raise BrokenRuleError(UNSUPPORTED, "frames of sound, or a stop")
            heard, stream = stream, Stream(frame_bytes)
            await run_in_threadpool(remember, _database(socket), heard.frames)
            text = {"text": _transcript(heard)} if transcribes else {}
            await socket.send_json({"type": "final", **text, **heard.figures(), "sent_at": time.time()})
    finally:
        if stream.frames:
            await run_in_threadpool(remember, _database(socket), stream.frames)


async def _until_gone(socket: WebSocket) -> None:
    """Read what the client sends, which is nothing that matters, until it leaves."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


async def _json(socket: WebSocket) -> dict[str, Any]:
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code") or 1005)
    return _object(message.get("text"))


def _object(text: str | None) -> dict[str, Any]:
    try:
        value = json.loads(text or "")
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise BrokenRuleError(UNSUPPORTED, "send JSON objects")
    return value


def _is_plain(text: str) -> bool:
    try:
        _TEXT.validate_python(text)
    except ValidationError:
        return False
    return True


def _transcript(stream: Stream) -> str:
    count = stream.frames // _PARTIAL_EVERY
    return " ".join(_WORDS[index % len(_WORDS)] for index in range(count))


def _database(socket: WebSocket) -> Database:
    database: Database = socket.app.state.database
    return database


def _is_own(database: Database, conversation_id: int, user_id: int) -> bool:
    own = select(Conversation.id).where(Conversation.id == conversation_id, Conversation.user_id == user_id)
    with database.reading() as session:
        return session.scalar(own) is not None


def _is_call(database: Database, call_sid: str) -> bool:
    with database.reading() as session:
        return session.scalar(select(Call.id).where(Call.call_sid == call_sid)) is not None


def _store(database: Database, conversation_id: int, text: str, reply: str) -> None:
    with database.writing() as session:
        session.add(Message(conversation_id=conversation_id, author="user", text=text))
        session.flush()  # so that it has the lower number
        session.add(Message(conversation_id=conversation_id, author="assistant", text=reply))
