"""Live connections under load.

Each user keeps two connections open as long as it lives: its conversation and its notifications. Beside them it opens
one for each stream of sound. Of ten tasks four say something in the conversation, two stream speech, two stream the
sound of a phone call, and two plan an event and wait for the notification of it.

Sound is binary frames of 20 ms, sent every 20 ms: 640 bytes of 16-bit PCM at 16 kHz for speech, 160 bytes of µ-law at
8 kHz for calls. The series, besides those of HTTP:

* ``connect``: how long setting up a connection took
* ``message``: from a message to its reply, and from the last frame of a stream to the account of it
* ``stream``: each frame; how late it was
* ``push``: notifications and partial transcripts, from the moment at which the target says it sent them (both clocks
  must agree: on another machine than this one, mind the difference)
* ``close``: how connections ended
"""

from __future__ import annotations

import itertools
import json
import random
import sys
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from locust import task
from locust.exception import RescheduleTask

from loadworthy.users import WebSocket, WebSocketError, WebSocketUser
from loadworthy.users.cleanup import created

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # Locust knows only the folder of the file it was given

from configs import settings
from utils import people
from utils.staff import EVENTS, StaffUser, prepare

prepare("websocket")

CONVERSATIONS, LIVE = "/api/conversations", "/api/ws"
TALK, SPEECH = f"{LIVE}/conversations/[id]", f"{LIVE}/voice/[id]"
MEDIA, NOTIFICATIONS = f"{LIVE}/telephony/media/[sid]", f"{LIVE}/notifications"
FRAME_MS = 20
FRAMES = round(settings.STREAM_S * 1000 / FRAME_MS)
SPEECH_FRAME_BYTES, CALL_FRAME_BYTES = 640, 160
REPLY_S = 10.0
WITH_CARRIER = settings.SIMULATE_EXTERNAL_SERVICES


def frames(size: int) -> Iterator[bytes]:
    """The frames of one stream: sound as random as noise."""
    for _ in range(FRAMES):
        yield random.randbytes(size)


def sent_at(message: Any) -> float:
    """When the target sent a message."""
    return float(message["sent_at"])


class LiveUser(StaffUser, WebSocketUser):
    """Has connections open, and is told at once."""

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.conversation_id: int | None = None
        self.talk: WebSocket | None = None
        self.notifications: WebSocket | None = None
        self.numbers = itertools.count(1)
        self.awaited: set[str] = set()

    def on_start(self) -> None:
        """Log in, and open the two connections that stay open."""
        super().on_start()
        with suppress(WebSocketError, RescheduleTask):  # a failed sample tells of it; the tasks try again
            self.open_notifications()
            self.open_conversation()

    def on_stop(self) -> None:
        """Take leave."""
        for connection in (self.talk, self.notifications):
            if connection is not None:
                with suppress(WebSocketError):
                    connection.close(timeout_s=REPLY_S)
        super().on_stop()

    @task(4)
    def converse(self) -> None:
        """Say something, and wait for the answer."""
        number = next(self.numbers)
        said = {"type": "message", "id": number, "text": random.choice(people.SUMMARIES)}
        with suppress(WebSocketError):
            self.open_conversation().request(
                said,
                name=TALK,
                decode=json.loads,
                match=lambda reply: reply.get("reply_to") == number,
                timeout_s=REPLY_S,
            )

    @task(2)
    def speak(self) -> None:
        """Stream speech; partial transcripts come meanwhile."""
        with suppress(WebSocketError), self.live(f"{LIVE}/voice/{self.own_conversation()}", SPEECH) as voice:
            name = f"{SPEECH} [partial]"
            voice.on_push(name, decode=json.loads, stamp=sent_at, match=lambda said: said["type"] == "partial")
            self.stream(voice, SPEECH, SPEECH_FRAME_BYTES)

    @task(2 if WITH_CARRIER else 0)
    def carry_a_call(self) -> None:
        """Stream the sound of a phone call, as the carrier does."""
        with suppress(WebSocketError), self.live(f"{LIVE}/telephony/media/{self.own_call()}", MEDIA) as media:
            self.stream(media, MEDIA, CALL_FRAME_BYTES)

    @task(2)
    def be_notified(self) -> None:
        """Plan an event; the target tells all of the account's connections of it."""
        reference = uuid.uuid4().hex
        self.awaited.add(reference)
        try:
            with suppress(WebSocketError):
                notifications = self.open_notifications()
                form = people.new_event(external_id=reference)
                if self.keep_event(self.ask("POST", EVENTS, 201, json=form)) is None:
                    return
                notifications.expect_push(
                    name=f"{NOTIFICATIONS} [own event]",
                    decode=json.loads,
                    stamp=sent_at,
                    match=lambda told: told.get("external_id") == reference,
                    timeout_s=REPLY_S,
                )
        finally:
            self.awaited.discard(reference)

    # --- connections ---

    def live(self, path: str, name: str) -> WebSocket:
        """A new connection. The token goes in a header: what stands in a URL stands in logs."""
        url = settings.websocket_url(str(self.host)) + path
        return self.connect(url, name=name, headers=self.authorization())

    def open_conversation(self) -> WebSocket:
        """The connection to one's conversation; opened again if it is closed."""
        if self.talk is None or self.talk.closed:
            self.talk = self.live(f"{LIVE}/conversations/{self.own_conversation()}", TALK)
        return self.talk

    def open_notifications(self) -> WebSocket:
        """The connection on which notifications come; opened again if it is closed."""
        if self.notifications is None or self.notifications.closed:
            self.notifications = self.live(NOTIFICATIONS, NOTIFICATIONS)
            self.notifications.on_push(
                NOTIFICATIONS, decode=json.loads, stamp=sent_at, match=lambda told: not self._is_awaited(told)
            )
        return self.notifications

    def stream(self, connection: WebSocket, name: str, size: int) -> None:
        """Send the frames at their cadence, and compare with what the target heard."""
        count = connection.stream(frames(size), name=name, every_ms=FRAME_MS)
        final = connection.request(
            {"type": "stop"},
            name=f"{name} [stop]",
            decode=json.loads,
            match=lambda said: said["type"] == "final",
            timeout_s=REPLY_S,
        )
        if (final["frames"], final["bytes"]) != (count, count * size):
            self.tell_failure("message", f"{name} [frames]", "the target did not hear all frames")

    def own_conversation(self) -> int:
        """The user's conversation; begun, unmeasured, when it is first needed."""
        if self.conversation_id is None:
            title = {"title": "A family asks (load test)"}
            self.conversation_id = int(self.set_up("POST", CONVERSATIONS, json=title).json()["id"])
            created(self, "DELETE", f"{CONVERSATIONS}/{self.conversation_id}", headers=self.authorization)
        return self.conversation_id

    def _is_awaited(self, told: Any) -> bool:
        return told.get("external_id") in self.awaited
