"""The run's side of the courier: hands messages over, and hears what became of them, without ever waiting.

Pipes are read and written only as far as they are ready, whenever somebody calls :meth:`Post.pump`; what does not fit
waits in memory. Neither threads nor the hub of gevent have a part in it, so it is the same in a process that Locust has
patched. Only :meth:`Post.finish` waits, at the end of a run and not for long.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from loadworthy.alert.channels import Channel
from loadworthy.alert.delivery import PAUSES_S, TIMEOUT_S, Outcome
from loadworthy.alert.message import Message
from loadworthy.alert.render import html_page, plain, slack
from loadworthy.clock import Clock
from loadworthy.plan.redact import Redactor
from loadworthy.units import US_PER_S

PATIENCE_US = 30 * US_PER_S
"""So long the end of a run waits for messages that are under way."""

_POLL_MS = 100
_READ_BYTES = 65_536
_MOST_WAITING = 200
"""Messages of one run that were not answered for yet; no run has so many thresholds."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a message in a channel: see :class:`~loadworthy.alert.delivery.Outcome`."""

    message: Message
    channel: str
    sent: bool
    tries: int = 0
    reason: str = ""
    hint: str = ""
    reached: bool = False


class Post:
    """Messages on their way; one courier for all channels of a run."""

    def __init__(
        self,
        channels: Sequence[Channel],
        clock: Clock,
        *,
        pauses_s: Sequence[float] = PAUSES_S,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """Start the courier.

        Args:
            channels: where every message goes; at least one.
            clock: for :meth:`finish`.
            pauses_s: between the tries in a channel.
            timeout_s: for each answer of a server.
        """
        self._channels = tuple(channels)
        self._clock = clock
        self._outgoing = bytearray()
        self._incoming = bytearray()
        self._waiting: dict[tuple[int, int], Message] = {}
        self._so_far: dict[tuple[int, int], Outcome] = {}
        self._dropped: list[Answer] = []
        self._count = 0
        self._ended = ""
        orders = {
            "channels": [{"kind": one.kind, "settings": dict(one.settings)} for one in channels],
            "pauses_s": list(pauses_s),
            "timeout_s": timeout_s,
            "linger_s": PATIENCE_US / US_PER_S,
        }
        self._process, self._to, self._from = _started()
        self._write(orders)

    @property
    def is_waiting(self) -> bool:
        """Whether a message is under way."""
        return bool(self._waiting)

    def send(self, message: Message) -> None:
        """Hand a message over. One too many is dropped: nobody would read so many."""
        if len(self._waiting) >= _MOST_WAITING * len(self._channels):
            reason = "too many alerts are waiting"
            self._dropped += [Answer(message, one.name, False, 0, reason) for one in self._channels]
            return
        self._count += 1
        for number in range(len(self._channels)):
            self._waiting[self._count, number] = message
        texts = {"text": plain(message), "html": html_page(message), "slack": slack(message)}
        self._write({"id": self._count, "title": message.title, **texts})

    def pump(self) -> list[Answer]:
        """Write what can be written, read what can be read; what has become known."""
        answers, self._dropped = self._dropped, []
        if not self._ended:
            self._push()
            self._pull()
        answers += [answer for line in self._lines() if (answer := self._answer(line)) is not None]
        if self._ended:
            answers += [self._given_up(key, self._ended) for key in list(self._waiting)]
        return answers

    def finish(self, told: Callable[[float], None], patience_us: int = PATIENCE_US) -> list[Answer]:
        """Wait until all messages are sent or given up, for a bounded time; then the courier is gone.

        Args:
            told: hears at times which share of that time has passed.
            patience_us: the time.
        """
        answers, began_us = self.pump(), self._clock.monotonic_us()
        while self._waiting and (gone_us := self._clock.monotonic_us() - began_us) < patience_us:
            told(gone_us / patience_us)
            self._wait()
            answers += self.pump()
        reason = f"it was not sent within {patience_us / US_PER_S:g} s of the end of the run"
        answers += [self._given_up(key, reason) for key in list(self._waiting)]
        self.close()
        return answers

    def close(self) -> None:
        """End the courier; may be called twice."""
        if self._to >= 0:
            os.close(self._to)
            os.close(self._from)
            self._to = self._from = -1
            if self._process.poll() is None:
                self._process.kill()  # whatever it still had to do is given up
            self._process.wait()

    def _wait(self) -> None:
        """Until a pipe is ready, or a moment has passed."""
        ready = select.poll()  # a run may have thousands of descriptors open, too many for select
        ready.register(self._from, select.POLLIN)
        if self._outgoing:
            ready.register(self._to, select.POLLOUT)
        ready.poll(_POLL_MS)

    def _write(self, data: dict[str, Any]) -> None:
        self._outgoing += json.dumps(data).encode() + b"\n"
        if not self._ended:
            self._push()

    def _push(self) -> None:
        try:
            while self._outgoing:
                del self._outgoing[: os.write(self._to, self._outgoing)]
        except BlockingIOError:
            return
        except OSError:
            self._outgoing.clear()  # the reading end says what happened

    def _pull(self) -> None:
        try:
            while data := os.read(self._from, _READ_BYTES):
                self._incoming += data
        except BlockingIOError:
            return
        except OSError:
            pass
        code = self._process.poll()
        self._ended = f"the process that sends alerts has ended{'' if code is None else f' with code {code}'}"

    def _lines(self) -> list[bytes]:
        *lines, rest = self._incoming.split(b"\n")
        self._incoming = bytearray(rest)
        return [bytes(line) for line in lines]

    def _answer(self, line: bytes) -> Answer | None:
        try:
            data = json.loads(line)
            key, over, outcome = (data["id"], data["channel"]), data["over"], Outcome(**data["outcome"])
        except (ValueError, TypeError, KeyError):  # printed by something that was loaded before the courier spoke
            return None
        if key not in self._waiting:
            return None
        if not over:
            self._so_far[key] = outcome
            return None
        self._so_far.pop(key, None)
        return self._answered(key, outcome)

    def _given_up(self, key: tuple[int, int], reason: str) -> Answer:
        """With what is known of the tries that were made."""
        before = self._so_far.get(key, Outcome(False, 0))
        if before.reason:
            reason = f"{reason}; the last try that ended: {before.reason}"
        elif before.tries:
            reason = f"{reason}; nothing has come of the first try"
        elif any(number == key[1] for _, number in self._so_far):
            reason = f"{reason}; one before it was still being tried"
        return self._answered(key, replace(before, reason=reason))

    def _answered(self, key: tuple[int, int], outcome: Outcome) -> Answer:
        channel = self._channels[key[1]]
        reason = Redactor(channel.secrets)(outcome.reason)
        return Answer(
            self._waiting.pop(key), channel.name, outcome.sent, outcome.tries, reason, outcome.hint, outcome.reached
        )


def _started() -> tuple[subprocess.Popen[bytes], int, int]:
    """The courier, and our ends of its pipes. What opens channels goes through one of them: arguments can be read."""
    its_stdin, to = os.pipe()
    from_, its_stdout = os.pipe()
    try:
        # -P: a user's email.py beside the plan must not stand in for the library's.
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "loadworthy.alert.courier"],
            stdin=its_stdin,
            stdout=its_stdout,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C in the terminal is for the run, which still has a message to send
        )
    except BaseException:
        os.close(to)
        os.close(from_)
        raise
    finally:
        os.close(its_stdin)
        os.close(its_stdout)
    os.set_blocking(to, False)
    os.set_blocking(from_, False)
    return process, to, from_
