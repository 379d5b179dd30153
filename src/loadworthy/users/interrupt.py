"""Ctrl-C under plain Locust: it ends the test, never one user's request.

Locust leaves SIGINT to Python, which raises KeyboardInterrupt in whichever greenlet runs at that moment. gevent hands
it on to the main greenlet, where Locust waits for it, but only after it has gone through the code that it hit:

* A user dies in the middle of a task: its request is lost, and so is what the server has created for it.
* In a finalizer it is lost, and the test goes on as if nothing had been pressed. CPython clears what ``close()`` raises
  while a file is finalized (``iobase_finalize``) without a word, and Locust's web server drops one such file for each
  connection that is closed (``rfile`` in ``gevent.pywsgi``). Locust's own printer of statistics and writer of CSV files
  swallow it as well.

So the handler here raises nothing where it is called. It lets gevent's hub throw the exception into the main greenlet,
which waits there by then. A second Ctrl-C is raised on the spot, as without this module: it ends what does not let go.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

import gevent


def take_ctrl_c() -> None:
    """Let Ctrl-C go to the main greenlet, if nobody else has said what it does. To be called in the main thread."""
    ours_to_say = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if ours_to_say and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, _CtrlC())


class _CtrlC:
    """The handler of SIGINT."""

    def __init__(self) -> None:
        self._hub = gevent.get_hub()
        self._first: Any = None
        """The callback of the first Ctrl-C."""

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self._first is None:
            interrupt = (KeyboardInterrupt, KeyboardInterrupt())
            self._first = self._hub.loop.run_callback_threadsafe(self._hub.handle_system_error, *interrupt)
            return
        self._first.stop()  # where the hub has not come to it yet; the main greenlet shall not get it a second time
        signal.default_int_handler(number, frame)
