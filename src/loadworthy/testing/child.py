"""A server in a child process, as its parent sees it: start it, say a line, read a line of JSON, end it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import IO, Any, cast

from loadworthy.errors import LoadworthyError, SetupError

_START_S = 20.0
_STOP_S = 5.0


class Child:
    """A module of ours, run as ``python -m MODULE``, that says its URL when it listens and ends with standard input.

    Works in a process that gevent has monkey-patched, too. Several threads may ask at once.

    Args:
        module: its dotted name.
        arguments: of its command line.
        name: what errors call it, e.g. ``counting server``.
    """

    def __init__(self, module: str, arguments: Sequence[str], name: str) -> None:
        self._command = [sys.executable, "-P", "-m", module, *arguments]
        self._name = name
        self._process: subprocess.Popen[str] | None = None
        self._turn = threading.Lock()

    @property
    def pid(self) -> int:
        """Its process id.

        Raises:
            LoadworthyError: if it does not run.
        """
        return self._running().pid

    def start(self, first_line: str | None = None) -> str:
        """Start the process and wait until it listens; the URL that it says.

        Args:
            first_line: what it has to read before it can listen, e.g. its routes.

        Raises:
            SetupError: if it does not come up; what it had to say is on standard error.
        """
        if self._process is not None:
            raise SetupError("this server runs already; stop() it first")
        # A session of its own: Ctrl-C in the terminal is for the parent, which ends this server when done.
        process = self._process = subprocess.Popen(  # noqa: S603 - our own module, no shell
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        too_late = threading.Timer(_START_S, process.kill)
        too_late.daemon = True
        too_late.start()
        url = ""
        try:
            url = self._exchange(process, first_line)
        finally:
            too_late.cancel()
            if not url:
                self.stop()
        if not url:
            code = process.returncode
            raise SetupError(f"the {self._name} ended with code {code} before it listened; is its port taken?")
        return url

    def stop(self) -> None:
        """End the process; may be called twice."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.communicate(timeout=_STOP_S)  # closes its standard input, at which it ends
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()

    def ask(self, line: str) -> Any:
        """What it answers to a line, from JSON.

        Raises:
            LoadworthyError: if it is gone, or does not understand.
        """
        process = self._running()
        answer = self._exchange(process, line)
        if not answer:
            raise LoadworthyError(f"the {self._name} is gone; it ended with code {process.wait(_STOP_S)}")
        data = json.loads(answer)
        if isinstance(data, dict) and "error" in data:
            raise LoadworthyError(f"the {self._name} says: {data['error']}")
        return data

    def _exchange(self, process: subprocess.Popen[str], line: str | None) -> str:
        stdin, stdout = cast("IO[str]", process.stdin), cast("IO[str]", process.stdout)  # both are pipes
        with self._turn:
            try:
                if line is not None:
                    stdin.write(line + "\n")
                    stdin.flush()
            except BrokenPipeError:
                return ""
            return stdout.readline().strip()

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise LoadworthyError(f"the {self._name} does not run; use it in a with block, or call start()")
        return self._process
