"""Redrawing in place, as a terminal would show it."""

from __future__ import annotations

import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text
from tests.support.screen import Screen

from loadworthy.report.redraw import Redrawn


class Tty(io.StringIO):
    """A stream that passes for a terminal, and shows on a screen what is written."""

    def __init__(self, screen: Screen) -> None:
        super().__init__()
        self.screen = screen
        self.writes = 0

    def write(self, text: str) -> int:
        self.screen.feed(text)
        self.writes += 1
        return super().write(text)

    def isatty(self) -> bool:
        return True


def terminal(columns: int = 30, rows: int = 8, **environ: str) -> tuple[Redrawn, Screen, Tty, Console]:
    screen = Screen(columns, rows)
    out = Tty(screen)
    console = Console(
        file=out, force_terminal=True, width=columns, height=rows, _environ={"TERM": "xterm-256color", **environ}
    )
    return Redrawn(console), screen, out, console


def lines(*texts: str) -> list[Text]:
    return [Text(text, style="bold red", no_wrap=True) for text in texts]


def test_frames_take_each_others_place() -> None:
    """Longer, shorter, more, fewer: only the last is seen, and nothing scrolls."""
    redrawn, screen, _, _ = terminal()
    screen.feed("$ run\n")
    redrawn.start()
    for frame in (["one"], ["a longer line", "two"], ["x", "", "three"], ["y"]):
        redrawn.draw(lines(*frame))
        assert screen.shown() == ["$ run", *frame]
    redrawn.stop()
    assert screen.shown() == ["$ run"]
    assert screen.scrolled == []


@given(st.lists(st.lists(st.text("ab ", max_size=29), min_size=1, max_size=7), min_size=1, max_size=8))
def test_a_screen_shows_the_last_frame_whatever_came_before(frames: list[list[str]]) -> None:
    """Frames of any size that fits leave no trace of each other; above them only what scrolled off for the largest."""
    redrawn, screen, _, _ = terminal()
    screen.feed("".join(f"{n}\n" for n in range(7)))
    redrawn.start()
    for frame in frames:
        redrawn.draw(lines(*frame))
    tail = [line.rstrip() for line in frames[-1]]
    while tail and not tail[-1]:
        tail.pop()
    above = [line for line in (*screen.scrolled, *screen.shown()) if line.isdigit()]
    assert above == [str(n) for n in range(7)]
    assert screen.shown()[-len(tail) :] == tail or not tail


def test_a_frame_is_one_write_that_erases_nothing_first() -> None:
    """No terminal can show it half done; those that know synchronized updates are told where it begins and ends."""
    redrawn, screen, out, _ = terminal()
    redrawn.start()
    redrawn.draw(lines("one", "two"))
    before = out.writes
    written = len(out.getvalue())
    redrawn.draw(lines("one", "too"))
    frame = out.getvalue()[written:]
    assert out.writes == before + 1
    assert frame.startswith("\x1b[?2026h")
    assert frame.endswith("\x1b[?2026l")
    assert frame.index("one") < frame.index("\x1b[K")
    assert screen.modes["2026"] is False


def test_the_cursor_is_hidden_meanwhile() -> None:
    """And seen again at the end."""
    redrawn, screen, _, _ = terminal()
    redrawn.start()
    assert screen.modes["25"] is False
    redrawn.stop()
    assert screen.modes["25"] is True


def test_what_is_printed_goes_above(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole lines at once; a part of a line when it has an end, or at the end of all."""
    redrawn, screen, out, _ = terminal()
    monkeypatch.setattr(sys, "stdout", out)
    redrawn.start()
    redrawn.draw(lines("frame"))
    sys.stdout.write("hello\nthere\n")
    assert screen.shown() == ["hello", "there", "frame"]
    sys.stdout.write("dot")
    sys.stdout.flush()
    assert screen.shown() == ["hello", "there", "frame"]
    sys.stdout.write(" dot\n")
    redrawn.draw(lines("next"))
    assert screen.shown() == ["hello", "there", "dot dot", "next"]
    sys.stdout.write("no end")
    redrawn.stop()
    assert sys.stdout is out
    assert screen.shown() == ["hello", "there", "dot dot", "no end"]


def test_who_keeps_a_stream_writes_as_before_when_all_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log handler that was made meanwhile."""
    redrawn, screen, out, _ = terminal()
    monkeypatch.setattr(sys, "stderr", out)
    redrawn.start()
    redrawn.draw(lines("frame"))
    kept = sys.stderr
    redrawn.stop()
    written = len(out.getvalue())
    kept.write("late\n")
    assert out.getvalue()[written:] == "late\n"
    assert screen.shown() == ["late"]


def test_streams_that_lead_elsewhere_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """``2> errors.log`` gets its lines."""
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    redrawn, screen, out, _ = terminal()
    monkeypatch.setattr(sys, "stdout", out)
    redrawn.start()
    redrawn.draw(lines("frame"))
    sys.stderr.write("an error\n")
    redrawn.stop()
    assert log.getvalue() == "an error\n"
    assert screen.shown() == []


@pytest.mark.parametrize("columns", [60, 21, 13, 9, 4])
def test_a_terminal_that_changes_its_width_keeps_what_is_above(columns: int) -> None:
    """It folds the old frame, whose rows are all taken back; nothing of it stays, and nothing else goes."""
    redrawn, screen, _, console = terminal(columns=30, rows=30)
    screen.feed("$ run\n")
    redrawn.start()
    redrawn.draw(lines("a" * 29, "b" * 14, "", "c" * 22))
    screen.resize(columns, 30)
    console.width = columns
    redrawn.draw(lines("new", "one"))
    folded = [f"{'$ run'[at : at + columns]}".strip() for at in range(0, 5, columns)]
    assert screen.shown() == [*folded, "new", "one"]


def test_a_terminal_that_becomes_lower_shows_the_new_frame() -> None:
    """What was above its top stays in what scrolled away; the screen is right again with the next frame."""
    redrawn, screen, _, console = terminal(columns=30, rows=12)
    redrawn.start()
    redrawn.draw(lines(*"abcdefghij"))
    screen.resize(30, 5)
    console.height = 5
    redrawn.draw(lines(*"abcd"))
    redrawn.draw(lines(*"efgh"))
    assert screen.shown() == list("efgh")


def test_colours_go_where_nobody_wants_them() -> None:
    """NO_COLOR leaves bold, and the text."""
    redrawn, _, out, _ = terminal(NO_COLOR="1")
    redrawn.start()
    redrawn.draw(lines("frame"))
    assert "\x1b[1mframe" in out.getvalue()
    assert "31" not in out.getvalue()


def test_nothing_is_drawn_before_and_after() -> None:
    """An event that comes late finds the terminal as it was."""
    redrawn, _, out, _ = terminal()
    redrawn.draw(lines("early"))
    redrawn.start()
    redrawn.stop()
    redrawn.stop()
    redrawn.draw(lines("late"))
    assert "early" not in out.getvalue()
    assert "late" not in out.getvalue()


def test_a_terminal_that_is_gone_is_told_to_who_draws() -> None:
    """An OSError, which ends the showing and not the run; the streams are given back all the same."""

    class Gone(Tty):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    console = Console(file=Gone(Screen(30, 8)), force_terminal=True, width=30, height=8, _environ={"TERM": "xterm"})
    redrawn = Redrawn(console)
    stdout = sys.stdout
    for step in (redrawn.start, lambda: redrawn.draw(lines("x")), redrawn.stop):
        with pytest.raises(OSError):
            step()
    assert sys.stdout is stdout
