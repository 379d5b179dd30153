"""The panel of the live view: what it says, and what is left of it in small terminals."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console
from tests.report.test_live import console
from tests.report.test_redraw import Tty
from tests.support.runs import ended, interval, series, started, started_open
from tests.support.screen import Screen

from loadworthy.analysis.watch import WATCH
from loadworthy.plan.model import Plan
from loadworthy.report.live import LiveView
from loadworthy.report.live_panel import panel_lines
from loadworthy.report.progress import Progress

S = 1_000_000
STAGES = [{"duration": "20s", "users": 20}, {"duration": "60s", "ramp_to": 200}, {"duration": "1m", "users": 200}]
THRESHOLDS = ("p95 < 250ms", "GET /items/[id] p99 < 8ms", "error_rate < 1%", "throughput > 50/s")
WARNING = {
    "type": "warning", "source": WATCH, "scenario": "load",
    "message": "The generator's event loop was 85 ms late (process 0), which response times include.",
}  # fmt: skip


def staged(**keys: Any) -> Plan:
    load = {"endpoints": [{"path": "/"}], "stages": STAGES, "thresholds": list(THRESHOLDS), **keys}
    return Plan.model_validate({"scenarios": {"smoke": {"endpoints": [{"path": "/"}]}, "load": load}})


def busy(seconds: int = 41, plan: Plan | None = None) -> Progress:
    """The second of two scenarios, in the second of its three stages, with many series."""
    progress = Progress(plan or staged())
    progress.on_event(started(planned_s=140.0))
    for second in range(seconds):
        if second in (0, 20):
            progress.on_event({"type": "stage", "scenario": "load", "index": second // 20, "users": 20})
        parts = [series(f"/items/{n}", [9_000 + 500 * second] * (60 - n)) for n in range(10)]
        failing = series("/items/[id]", [20_000] * 40, failures={"status": 3})
        progress.on_interval(interval(second, failing, *parts, users=20 + second))
        progress.tick((second + 1) * S, 140 * S, 20 + second)
    return progress


def text_of(progress: Progress, width: int = 100, height: int = 40) -> str:
    return "\n".join(line.plain for line in panel_lines(progress, width, height))


def test_what_happens_now_is_said_in_words() -> None:
    """Which scenario and stage, where that leads, and how long both still take."""
    text = text_of(busy())
    assert "load 2/2" in text
    assert "1:39 left of 2:20" in text
    assert "stage 2 of 3: ramping to 200 users · 0:39 left of it" in text


def test_the_last_minutes_are_lines() -> None:
    """The p99 with its unit and range, and the throughput."""
    lines = text_of(busy()).splitlines()
    (p99,) = [line for line in lines if line.strip().startswith("p99 ")]
    (rates,) = [line for line in lines if line.strip().startswith("per s ")]
    assert "20.0 to 28.5 ms, 1 s each, log scale" in p99
    assert p99.split()[1] == "▁" * 25 + "▂▂▂▂▃▃▃▃▃▄▄▄▄▄▅"
    assert "595.0/s, 1 s each, from zero" in rates


def test_thresholds_are_lights_that_flip_with_a_word() -> None:
    """Not with a colour alone; what was observed stands beside."""
    progress = Progress(staged())
    progress.on_event(started(planned_s=140.0))
    for second, time_us in enumerate([10_000, 900_000]):
        progress.on_interval(interval(second, series(times_us=[time_us] * 400)))
        word, observed = ("holds", "10.0 ms") if not second else ("missed", "900 ms")
        (line,) = [line for line in text_of(progress).splitlines() if "p95 < 250ms" in line]
        assert line.split() == ["✓" if not second else "✗", word, "p95", "<", "250ms", *observed.split()]


def test_the_generator_has_a_light_that_stays_on() -> None:
    """What the watch warns of is counted, other warnings are not; a lost worker is worse. Its readings stand beside."""
    progress = busy()
    assert "✓ generator  fit so far · CPU 31 % of a core · event loop 1.25 ms late" in text_of(progress)
    progress.on_event({"type": "warning", "message": "wait_time has no effect"})
    assert "fit so far" in text_of(progress)
    progress.on_event(WARNING)
    assert "! generator  1 warning · CPU" in text_of(progress)
    progress.on_interval(interval(41, process=2, health={"cpu": 0.97, "loop_lag_ms": 85.0}))
    progress.on_event({"type": "worker_lost", "process": 1})
    assert "✗ generator  1 worker lost, 1 warning · CPU 97 % of a core, the busiest of 2 processes" in text_of(progress)


def test_a_terminal_of_80_columns_and_24_lines_shows_all_that_matters() -> None:
    """Nothing of it is cut; of the series the three busiest are left."""
    progress = busy()
    progress.on_event(WARNING)
    text = text_of(progress, 79, 23)
    for part in (
        "1:39 left of 2:20", "stage 2 of 3: ramping to 200 users · 0:39 left of it", "595.0/s", "p99  ", "per s  ",
        *(f"  {threshold}" for threshold in THRESHOLDS), "! generator  1 warning", "busiest series", "GET /items/2",
        "warning: The generator's event loop was 85 ms late (process 0)",
    ):  # fmt: skip
        assert part in text
    assert "…" not in text


def test_a_terminal_of_40_columns_and_20_lines_shows_what_matters() -> None:
    """Fewer figures, shorter lines; what is missed is read to its limit."""
    progress = busy()
    progress.on_event(WARNING)
    text = text_of(progress, 39, 19)
    for part in (
        "1:39 left of 2:20", "stage 2 of 3: ramping to 200 users", "0:39 left of it", "595.0/s", "p99", "failed",
        "✗ missed  GET /items/[id] p99 < 8ms", "! generator  1 warning", "warning: The generator's event loop",
    ):  # fmt: skip
        assert part in text


def test_what_matters_less_goes_first() -> None:
    """Line by line, as the terminal becomes lower."""
    progress = busy()
    progress.on_event(WARNING)
    parts = ["GET /items/8", "GET /items/0", "from zero", "log scale", "✓ holds", "warning:", "✗ missed", "left of"]
    gone: dict[str, int] = {}
    for height in range(40, 0, -1):
        text = text_of(progress, 100, height)
        for part in parts:
            if part not in text:
                gone.setdefault(part, height)
    assert [gone.get(part, 0) for part in parts] == sorted((gone.get(part, 0) for part in parts), reverse=True)
    assert "left of" not in gone, "the first line is there in the lowest of terminals"


@pytest.mark.parametrize("width", [12, 25, 39, 59, 79, 99, 180])
@pytest.mark.parametrize("height", [1, 4, 9, 19, 23, 60])
def test_it_fits_every_terminal(width: int, height: int) -> None:
    """No line too many, none too wide, neither alone nor together with a long name."""
    progress = busy()
    progress.on_event(WARNING)
    progress.on_event(started_open("漢字-checkout-of-the-whole-basket", rate=100.0))
    for number in range(41, 44):
        progress.on_interval(
            interval(number, series("/漢字" * 20, [5000] * 300), scenario="漢字-checkout-of-the-whole-basket")
        )
    lines = panel_lines(progress, width, height)
    assert len(lines) <= height
    assert max(line.cell_len for line in lines) <= width


def test_load_that_was_changed_by_hand_is_said() -> None:
    """In what it does now, and in the rate that it goes to."""
    progress = Progress(Plan.model_validate({"scenarios": {"load": {"rate": "100/s", "endpoints": [{"path": "/"}]}}}))
    progress.on_event(started_open(rate=100.0))
    progress.on_event({"type": "load_changed", "scenario": "load", "factor": 1.5, "message": "by hand"})
    progress.on_interval(interval(0, series(times_us=[1000] * 140), scheduled=150, sent=150))
    text = text_of(progress)
    assert "holding 100.0/s, 1.5 times that by hand" in text
    assert "(to 150.0/s)" in text


def test_a_load_shape_is_said_to_decide() -> None:
    """What the plan says of users has no effect then."""
    progress = Progress(staged())
    progress.on_event({**started(planned_s=None), "users": None})
    assert "users as the load shape of the locustfile says" in text_of(progress)


def test_the_end_is_said_while_it_takes_its_time() -> None:
    """Why it ended; no stage is left, nor time."""
    progress = busy()
    progress.on_event({"type": "interrupted", "message": "stopping"})
    progress.on_event(ended(reason="interrupted", at_s=41))
    text = text_of(progress)
    assert "stopping: it was asked to stop · what is under way comes to its end" in text
    assert "0:41 of 2:20" in text
    assert "stage 2" not in text
    assert "left of" not in text


def test_workers_are_waited_for_in_words() -> None:
    """For whom, how they join, and how many have."""
    progress = Progress(staged())
    message = "waiting for 2 workers: loadworthy worker --join 127.0.0.1:5557"
    progress.on_event({"type": "waiting_for_workers", "message": message})
    progress.on_event({"type": "worker_joined", "process": 1, "message": "x"})
    text = text_of(progress)
    assert f"{message} · 1 joined" in text
    assert text.count("waiting for") == 1
    progress.on_event(started())
    assert "waiting" not in text_of(progress)


def test_names_and_messages_cannot_steer_the_terminal() -> None:
    """Of scenarios, series, stages and events."""
    evil = "\x1b[2J\x07\r\n\u2028[red]x"
    progress = Progress(Plan.model_validate({"scenarios": {evil: {"thresholds": [f"GET {evil!r} p95 < 1s"]}}}))
    for event in (
        {"type": "waiting_for_workers", "message": evil},
        started(evil),
        started_open("other"),
        {"type": "warning", "message": evil},
    ):
        progress.on_event(event)
        assert "\x1b" not in text_of(progress)
    for second in range(3):
        progress.on_interval(interval(second, series(evil, [1000] * 500, kind=evil), scenario=evil))
    progress.on_event(ended(evil, evil))
    text = text_of(progress)
    assert not set(text) & set("\x1b\x07\r\u2028")
    assert "[red]x" in text


def watched(columns: int, rows: int) -> tuple[LiveView, Screen]:
    screen = Screen(columns, rows)
    target = Console(
        file=Tty(screen), force_terminal=True, width=columns, height=rows, _environ={"TERM": "xterm-256color"}
    )
    return LiveView(target, staged()), screen


@pytest.mark.parametrize(("columns", "rows"), [(100, 30), (80, 24), (40, 20), (30, 6), (20, 12)])
def test_a_whole_run_leaves_the_terminal_as_it_was(columns: int, rows: int) -> None:
    """It never scrolls for its own sake, is never taller than the terminal, and nothing of it stays."""
    view, screen = watched(columns, rows)
    screen.feed("$ loadworthy run\n")
    with view:
        view.on_event(started(planned_s=140.0))
        for second in range(30):
            view.on_interval(interval(second, *(series(f"/{n}", [5_000 + second] * 40) for n in range(10))))
            for quarter in range(4):
                view.tick(second * S + quarter * S // 4, 140 * S, second)
            if second % 7 == 3:
                view.on_event(WARNING)
            assert "load 2/2" in "\n".join(screen.shown())
        view.on_event(ended())
    assert screen.scrolled in ([], ["$ loadworthy run"][: len(screen.scrolled)])
    assert screen.shown() in (["$ loadworthy run"], [])
    assert screen.modes["25"] is True


def test_it_is_drawn_where_no_tick_is_to_be_expected() -> None:
    """While workers are waited for, and while users come to their end."""
    view, screen = watched(80, 24)
    with view:
        view.on_event({"type": "waiting_for_workers", "message": "waiting for one worker"})
        assert "waiting for one worker" in "\n".join(screen.shown())
        view.on_event(started(planned_s=10.0))
        view.tick(10 * S, 10 * S, 5)
        view.on_event(ended(at_s=10))
        assert "stopping: its time is up" in "\n".join(screen.shown())
        view.on_interval(interval(10, series(times_us=[5000] * 77)))
        assert "77" in "\n".join(screen.shown())


def test_without_colours_the_words_say_it() -> None:
    """NO_COLOR: no colour code, and the same text."""
    out = console(is_terminal=True)[1]
    target = Console(file=out, force_terminal=True, width=100, height=40, _environ={"TERM": "xterm", "NO_COLOR": "1"})
    with LiveView(target, staged()) as view:
        view.on_event(started(planned_s=140.0))
        view.on_interval(interval(0, series(times_us=[900_000] * 400, failures={"status": 7})))
        view.tick(S, 140 * S, 5)
    codes = {code for code in out.getvalue().replace("m", "m\n").splitlines() if "\x1b[3" in code}
    assert not codes
    assert "✗ missed" in out.getvalue()
