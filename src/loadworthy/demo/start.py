"""The demo service, started and ended from the command that needs it."""

from __future__ import annotations

import subprocess
import sys
import threading
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast

from loadworthy.errors import SetupError

PLAN = Path(str(files("loadworthy.demo"))) / "plan.yaml"
"""The plan that goes with it; its base URL is ``${DEMO_URL}``."""

_START_S = 30.0
_STOP_S = 30.0
"""One that is killed leaves its database behind: on a busy machine its end may take seconds."""


class DemoService:
    """The booking service in a process of its own, on a free port of loopback, with a new database.

    ::

        with DemoService() as service:
            run(PLAN, environ={"DEMO_URL": service.url})

    The process ends with the ``with`` block, and by itself when this process dies.

    Raises:
        SetupError: on entry, if it does not come up; what it had to say is on standard error.
    """

    def __init__(self) -> None:
        self.url = ""
        """``http://127.0.0.1:PORT``, without a slash at its end; empty while it does not run."""
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        """Its process id.

        Raises:
            SetupError: while it does not run.
        """
        if self._process is None:
            raise SetupError("the demo service does not run; use it in a with block")
        return self._process.pid

    def __enter__(self) -> Self:
        command = [sys.executable, "-P", "-m", "loadworthy.demo.service"]
        # A session of its own: Ctrl-C in the terminal is for the parent, which ends this service when done.
        process = subprocess.Popen(  # noqa: S603 - our own module, no shell
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        self._process = process
        too_late = threading.Timer(_START_S, process.kill)
        too_late.daemon = True
        too_late.start()
        try:
            self.url = cast("IO[str]", process.stdout).readline().strip()
        except BaseException:
            self._stop()
            raise
        finally:
            too_late.cancel()
        if not self.url:
            self._stop()
            raise SetupError(f"the demo service ended with code {process.returncode} before it was ready")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        process, self._process = self._process, None
        self.url = ""
        if process is None:
            return
        try:
            process.communicate(timeout=_STOP_S)  # closes its standard input, at which it ends
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
