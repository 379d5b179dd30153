"""Lines at the bottom of what a terminal shows, redrawn in place; whatever is printed meanwhile goes above them.

**No flicker.** A frame is one write: the cursor goes to its first line, each line is written over the old one, then
the rest of that line is erased, and at last what is below. Nothing is erased before there is something in its place.
Terminals that know synchronized updates (DEC mode 2026) show all of it at once; others ignore the mode.

**No scrolling.** The caller gives fewer lines than the terminal has, none wider than it less one column: a cursor at
the right edge waits there, and erasing from it would take the last character.

**Resizing.** Most terminals fold the lines of an old frame when they become narrower, so it takes more rows than it had
lines; how many is worked out from the widths of the lines. The cursor rests at the beginning of the last line, which
moves with it.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from threading import RLock
from typing import IO, Any, Literal, TextIO, cast

from rich.console import Console, Group
from rich.text import Text

_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"
_HIDE_CURSOR, _SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
_Colours = Literal["standard", "256", "truecolor"] | None
_ANY_WIDTH = 1000
"""The lines are as narrow as they have to be already."""
_ERASE_REST, _ERASE_BELOW = "\x1b[K", "\x1b[J"


@dataclass(frozen=True, slots=True)
class _Frame:
    """What stands on the screen: the lines as they were written, and how wide each is."""

    lines: tuple[str, ...] = ()
    widths: tuple[int, ...] = ()

    def rows_above_cursor(self, columns: int) -> int:
        """Rows from the first line to that of the cursor in a terminal of so many columns."""
        return sum(max(-(-width // columns), 1) for width in self.widths[:-1])


class Redrawn:
    """See the module. Between :meth:`start` and :meth:`stop` the standard streams that lead to a terminal lead here."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._file: IO[str] = console.file
        self._frame = _Frame()
        self._streams: dict[str, TextIO] = {}
        self._above: list[_Above] = []
        self._lock = RLock()
        self.is_started = False

    def start(self) -> None:
        """Hide the cursor, take the standard streams. Where another one draws already, this one stays unseen."""
        if self.is_started or isinstance(self._console.file, _Above):
            return
        self._file = self._console.file
        self.is_started = True
        self._write(_HIDE_CURSOR)
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if stream is not None and stream.isatty():
                proxy = _Above(self, stream)
                self._streams[name] = stream
                self._above.append(proxy)
                setattr(sys, name, proxy)

    def draw(self, lines: Sequence[Text]) -> None:
        """Put these lines in the place of the last ones. OSError where the terminal is gone."""
        if not self.is_started:
            return
        with self._lock:
            reset = self._to_top()
            self._frame = _Frame(tuple(self._styled(lines)), tuple(line.cell_len for line in lines))
            self._write(f"{_BEGIN}{reset}{self._painted()}{_END}")

    def print_above(self, text: str) -> None:
        """Print whole lines, with their ends, above the frame."""
        with self._lock:
            self._write(f"{_BEGIN}{self._to_top()}{_ERASE_BELOW}{text}{self._painted()}{_END}")

    def stop(self) -> None:
        """Take the lines away, give the streams back, show the cursor: the terminal is as it was."""
        if not self.is_started:
            return
        self.is_started = False
        for name, stream in self._streams.items():
            setattr(sys, name, stream)
        reset, self._frame = self._to_top(), _Frame()
        self._write(f"{reset}{_ERASE_BELOW}{_SHOW_CURSOR}")
        for proxy in self._above:
            proxy.finish()

    def _to_top(self) -> str:
        rows = self._frame.rows_above_cursor(max(self._console.width, 1))
        return f"\r\x1b[{rows}A" if rows else "\r"

    def _styled(self, lines: Sequence[Text]) -> Sequence[str]:
        """The lines with the escape codes that this terminal understands; NO_COLOR leaves those of bold and dim."""
        console = self._console
        ink = Console(  # the console's own capture would write and flush, if nothing, to the terminal
            file=io.StringIO(), force_terminal=True, legacy_windows=False, width=_ANY_WIDTH, _environ={},
            color_system=cast("_Colours", console.color_system), no_color=console.no_color,
        )  # fmt: skip
        with ink.capture() as captured:
            ink.print(Group(*lines), no_wrap=True, overflow="crop", highlight=False)
        return captured.get().split("\n")[: len(lines)]

    def _painted(self) -> str:
        body = "\n".join(f"{line}{_ERASE_REST}" for line in self._frame.lines)
        return f"{body}{_ERASE_BELOW}\r"

    def _write(self, text: str) -> None:
        self._file.write(text)
        self._file.flush()


class _Above(io.TextIOBase):
    """A standard stream whose lines go above the frame; what has no end yet waits for it. Later it is as before."""

    def __init__(self, redrawn: Redrawn, stream: TextIO) -> None:
        self._redrawn = redrawn
        self._stream = stream
        self._begun = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a plain attribute there
        return self._stream.encoding

    def write(self, text: str) -> int:
        if not self._redrawn.is_started:  # a log handler may have kept it
            return self._stream.write(text)
        whole, ending, rest = text.rpartition("\n")
        if ending:
            self._begun, whole = rest, f"{self._begun}{whole}\n"
            self._redrawn.print_above(whole)
        else:
            self._begun += rest
        return len(text)

    def finish(self) -> None:
        """What never got an end is printed as it is."""
        if self._begun:
            self._stream.write(self._begun)
            self._stream.flush()

    def fileno(self) -> int:
        return self._stream.fileno()

    def isatty(self) -> bool:
        return self._stream.isatty()
