"""The command line at a terminal: a real process at a pseudo-terminal, and what its user sees."""

from __future__ import annotations

import codecs
import fcntl
import os
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.screen import Screen

END_OF_FRAME = "\x1b[?2026l"
LIMIT_S = 120.0


@dataclass(frozen=True)
class Watched:
    """What became of a command: its exit code, what was on the screen after each frame of it, and the screen left."""

    code: int
    frames: list[list[str]]
    screen: Screen


def watch(
    *arguments: object,
    cwd: Path,
    columns: int = 80,
    rows: int = 24,
    environ: Mapping[str, str] | None = None,
    on_frame: Callable[[subprocess.Popen[bytes], int], None] = lambda _process, _number: None,
) -> Watched:
    """Run the command at a terminal of that size, to its end; ``on_frame`` is told of each frame that was drawn."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    dropped = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    process = subprocess.Popen(
        [sys.executable, "-m", "loadworthy", *map(str, arguments)],
        cwd=cwd,
        env={**kept, "TERM": "xterm-256color", **(environ or {})},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    screen, frames = Screen(columns, rows), []
    decoder = codecs.getincrementaldecoder("utf-8")()
    pending = ""
    try:
        while data := _read(ours):
            pending += decoder.decode(data)
            *whole, pending = pending.split(END_OF_FRAME)
            for text in whole:
                screen.feed(text + END_OF_FRAME)
                frames.append(screen.shown())
                on_frame(process, len(frames))
        screen.feed(pending)
        return Watched(process.wait(LIMIT_S), frames, screen)
    finally:
        os.close(ours)
        if process.poll() is None:
            process.kill()
            process.wait()


def _read(descriptor: int) -> bytes:
    """What has come; nothing when the other side has closed. TimeoutError where nothing comes for too long."""
    if not select.select([descriptor], [], [], LIMIT_S)[0]:
        raise TimeoutError(f"nothing was written for {LIMIT_S:g} s")
    try:
        return os.read(descriptor, 65536)
    except OSError:  # Linux says so where the other side has closed
        return b""
