"""The process that sends alerts: ``python -m loadworthy.alert.courier``, led by :mod:`loadworthy.alert.post`.

A process of its own, so that nothing of it takes the load generator's time, and a service that does not answer holds
up nobody. Standard input has JSON lines: the first says the channels, each later one is a message. For each message and
channel a line on what was standard output says what came of it; lines before that, with ``over`` false, how far it is.
Each channel has a thread, so that one that is tried again holds up no other. When standard input ends, what is waiting
is still sent, for a bounded time.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from typing import Any, TextIO

from loadworthy.alert.carriers import carrier, warm_up
from loadworthy.alert.delivery import Outcome, deliver

Json = Mapping[str, Any]
_NICE = 5
"""Load is made on this machine, too."""


class _Worker:
    """One channel: messages one after another."""

    def __init__(self, number: int, channel: Json, orders: Json, say: _Say) -> None:
        self._number = number
        self._channel = channel
        self._orders = orders
        self._say = say
        self._waiting: queue.SimpleQueue[Json | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def put(self, message: Json | None) -> None:
        """A message; None: there are no more."""
        self._waiting.put(message)

    def join(self, timeout_s: float) -> None:
        """Wait until all of them are sent or given up."""
        self._thread.join(timeout_s)

    def _work(self) -> None:
        warm_up(self._channel["kind"])  # now, before load is made, and not with the first message
        pause = threading.Event()
        pauses_s = self._orders["pauses_s"]
        while (message := self._waiting.get()) is not None:
            send = carrier(self._channel["kind"], self._channel["settings"], message, self._orders["timeout_s"])
            tell = partial(self._tell, message["id"])
            outcome = deliver(send, pauses_s, pause.wait, partial(tell, over=False))
            # Where all tries were in vain, the next message has two, or the end of the run would wait for each in turn.
            pauses_s = self._orders["pauses_s"] if outcome.sent else pauses_s[:1]
            tell(outcome, over=True)

    def _tell(self, message: int, outcome: Outcome, *, over: bool) -> None:
        self._say(id=message, channel=self._number, over=over, outcome=asdict(outcome))


class _Say:
    """Answers, whole lines of all threads."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._turn = threading.Lock()

    def __call__(self, **answer: Any) -> None:
        with self._turn:
            try:
                self._stream.write(json.dumps(answer) + "\n")
                self._stream.flush()
            except OSError:  # nobody listens any more; what is waiting is sent all the same
                return


def main() -> None:
    """Serve until standard input ends."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # whoever stops a run wants to hear how it ended
    os.nice(_NICE)
    if "SSL_CERT_FILE" in os.environ:  # which OpenSSL honours by itself, and requests does not
        os.environ.setdefault("REQUESTS_CA_BUNDLE", os.environ["SSL_CERT_FILE"])
    orders = json.loads(sys.stdin.readline() or "null")
    if orders is None:
        return
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print is no answer
    say = _Say(answers)
    workers = [_Worker(number, channel, orders, say) for number, channel in enumerate(orders["channels"])]
    for line in sys.stdin:
        message = json.loads(line)
        for worker in workers:
            worker.put(message)
    for worker in workers:
        worker.put(None)
    gone = threading.Timer(orders["linger_s"], os._exit, [0])  # a service may be asked for ever, and nobody waits
    gone.daemon = True
    gone.start()
    for worker in workers:
        worker.join(orders["linger_s"])
    os._exit(0)  # a thread that hangs in a service's code must not keep the process


if __name__ == "__main__":
    main()
