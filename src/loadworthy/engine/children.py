"""Worker processes on this machine, and what they print."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import TextIO


class Children:
    """The workers that this process has started."""

    def __init__(self) -> None:
        self._started: list[tuple[subprocess.Popen[bytes], TextIO]] = []

    def start(self, count: int, address: str, log_dir: Path) -> None:
        """Start workers that join the master at ``host:port``; what they print is in the folder's ``worker-N.log``."""
        for index in range(1, count + 1):
            log = (log_dir / f"worker-{index}.log").open("w", encoding="utf-8")
            # Without -P the user's own random.py or email.py would be taken for Python's.
            command = [sys.executable, "-P", "-m", "loadworthy", "worker", "--join", address, "--tied"]
            child = subprocess.Popen(  # noqa: S603  # our own interpreter and module
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True
            )
            self._started.append((child, log))

    @property
    def dead(self) -> dict[int, int]:
        """Those that have ended by themselves: process id → exit code."""
        return {child.pid: child.returncode for child, _ in self._started if child.poll() is not None}

    @property
    def logs(self) -> str:
        """Where what they print is, in words."""
        return ", ".join(log.name for _, log in self._started) or "the workers' own output"

    def end(self, patience_s: float, joined: Collection[int | None]) -> None:
        """Let them end, and kill those that have not after so long; logs that are empty are removed.

        Those whose process id is not among the ``joined`` have nothing to end, nor can they be told to: they still load
        Python, and are killed at once.
        """
        started, self._started = self._started, []
        for child, log in started:
            if child.stdin is not None:
                child.stdin.close()
            try:
                child.wait(timeout=patience_s if child.pid in joined else 0)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            log.close()
            path = Path(log.name)
            if path.stat().st_size == 0:
                path.unlink()
