"""A bar for long work: when it comes, what it says, and that it leaves nothing behind."""

from __future__ import annotations

import io
import sys

import pytest
from rich.console import Console
from tests.report.test_redraw import Tty
from tests.support.screen import Screen

from loadworthy.cli.working import working
from loadworthy.testing import FakeClock
from loadworthy.told import piece

MS = 1_000


def terminal(columns: int = 80, **environ: str) -> tuple[Console, Screen, Tty]:
    screen = Screen(columns, 10)
    out = Tty(screen)
    settings = {"TERM": "xterm-256color", **environ}
    return Console(file=out, force_terminal=True, width=columns, height=10, _environ=settings), screen, out


def test_long_work_has_a_bar_that_vanishes() -> None:
    """What is done, how much of it, how long it still takes; afterwards the terminal is as it was."""
    console, screen, _ = terminal()
    clock = FakeClock()
    screen.feed("$ loadworthy report RUN\n")
    with working(console, "reading RUN", clock) as told:
        clock.advance(1000 * MS)
        told(0.25)
        _, line = screen.shown()
        assert line.split("━")[0] == "reading RUN  "
        assert line.endswith("   25 %  0:03 left")
        assert line.count("━") * 3 == line.count("─") == 30
        clock.advance(2000 * MS)
        told(0.75)
        assert screen.shown()[1].endswith("   75 %  0:01 left")
    assert screen.shown() == ["$ loadworthy report RUN"]
    assert screen.modes["25"] is True


@pytest.mark.parametrize(
    ("after_ms", "share", "shown"),
    [
        (699, 0.01, False),
        (700, 0.01, True),
        (1000, 0.5, False),
        (1000, 0.49, True),
        (1999, 0.0, False),
        (2001, 0, True),
    ],
)
def test_short_work_has_none(after_ms: int, share: float, shown: bool) -> None:
    """Not before something is known of its length, and not where that is two seconds or less."""
    console, screen, _ = terminal()
    clock = FakeClock()
    with working(console, "reading", clock) as told:
        told(0.0)
        clock.advance(after_ms * MS)
        told(share)
        assert bool(screen.shown()) is shown


def test_it_is_drawn_ten_times_a_second_at_most() -> None:
    """However often it is told."""
    console, _, out = terminal()
    clock = FakeClock()
    with working(console, "reading", clock) as told:
        clock.advance(1000 * MS)
        told(0.1)
        before = out.writes
        for step in range(1000):
            clock.advance(MS)
            told(0.1 + step / 2000)
        assert out.writes - before == 10


def test_nothing_is_written_where_nobody_watches() -> None:
    """Into a file, and to a terminal that cannot redraw."""
    clock = FakeClock()
    out = io.StringIO()
    dumb, _, dumb_out = terminal(TERM="dumb")
    for console in (Console(file=out, _environ={}), dumb):
        with working(console, "reading", clock) as told:
            clock.advance(9000 * MS)
            told(0.5)
    assert out.getvalue() == dumb_out.getvalue() == ""


@pytest.mark.parametrize("columns", [100, 40, 24, 8])
def test_it_fits_narrow_terminals(columns: int) -> None:
    """The words are cut in their middle, the bar goes before the figures do."""
    console, screen, _ = terminal(columns)
    clock = FakeClock()
    with working(console, "reading 2026-11-20T14-05-09-\x1b[2Jcheckout", clock) as told:
        clock.advance(60_000 * MS)
        told(0.5)
        (line, *more) = screen.shown()
        assert not more
        assert len(line) < columns
        assert columns < 20 or line.endswith("50 %  1:00 left")
        assert columns < 40 or line.startswith("read")
    assert screen.shown() == []


def test_work_that_fails_leaves_nothing_either() -> None:
    """The error is all that is seen."""
    console, screen, _ = terminal()
    clock = FakeClock()

    def work() -> None:
        with working(console, "reading", clock) as told:
            clock.advance(5000 * MS)
            told(0.2)
            raise ValueError("damaged")

    with pytest.raises(ValueError, match="damaged"):
        work()
    assert screen.shown() == []


def test_of_two_bars_the_outer_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work within work does not draw over it; and what is printed goes above."""
    _, screen, out = terminal()
    monkeypatch.setattr(sys, "stderr", out)
    console = Console(stderr=True, force_terminal=True, width=80, height=10, _environ={"TERM": "xterm"})
    clock = FakeClock()
    with working(console, "all of it", clock) as outer:
        clock.advance(5000 * MS)
        outer(0.2)
        with working(console, "a piece", clock) as inner:
            clock.advance(5000 * MS)
            inner(0.2)
            assert "a piece" not in "".join(screen.shown())
        sys.stderr.write("a warning\n")
        assert screen.shown()[0] == "a warning"
        assert screen.shown()[1].startswith("all of it")
    assert screen.shown() == ["a warning"]
    assert "a piece" not in out.getvalue()
    assert sys.stderr is out


def test_a_terminal_that_is_gone_does_not_end_the_work() -> None:
    """It goes on unseen."""

    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    console = Console(file=Gone(), force_terminal=True, width=80, _environ={"TERM": "xterm"})
    clock = FakeClock()
    with working(console, "reading", clock) as told:
        for _ in range(3):
            clock.advance(5000 * MS)
            told(0.2)


def test_pieces_of_the_work_add_up() -> None:
    """Each tells of itself, and all of it is heard."""
    heard: list[float] = []
    for number in range(4):
        told = piece(heard.append, number, 4)
        told(0.5)
        told(1.0)
    assert heard == [0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0]
