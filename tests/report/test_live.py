"""The live views: what they show, and that they leave the terminal as they found it."""

from __future__ import annotations

import io
import threading
from typing import Any

from rich.console import Console
from tests.support.runs import ended, interval, manifest, series, started, started_open

from loadworthy.analysis.thresholds import UNKNOWN
from loadworthy.plan.model import Plan
from loadworthy.report.live import LiveView, PlainView, make_view, panel
from loadworthy.report.progress import Progress

S = 1_000_000


def plan(**scenarios: Any) -> Plan:
    specs = manifest(scenarios or {"load": ("p95 < 1s", "GET /slow p50 < 1ms", "p99.9 < 1s")})["plan"]
    return Plan.model_validate(specs)


def console(is_terminal: bool, width: int = 100) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, force_terminal=is_terminal, width=width, height=40, _environ={"TERM": "xterm"}), out


def feed(view: Any, seconds: int = 12) -> None:
    """A scenario of a minute, as far as so many seconds."""
    view.on_event(started())
    for second in range(seconds):
        view.on_interval(interval(second, series("/items", [20_000] * 90), series("/slow", [80_000] * 10), users=7))
        for quarter in range(4):
            view.tick(second * S + quarter * S // 4, 60 * S, 7)


def shown(progress: Progress, width: int = 100) -> str:
    target, out = console(is_terminal=False, width=width)
    target.print(panel(progress))
    return out.getvalue()


def progress_after(**parts: Any) -> Progress:
    progress = Progress(parts.pop("plan", plan()))
    feed(progress, **parts)
    return progress


def test_the_console_decides_which_view() -> None:
    """A panel where it can be redrawn, lines where not."""
    assert isinstance(make_view(console(is_terminal=True)[0], plan()), LiveView)
    assert isinstance(make_view(console(is_terminal=False)[0], plan()), PlainView)
    dumb = Console(file=io.StringIO(), force_terminal=True, _environ={"TERM": "dumb"})
    assert isinstance(make_view(dumb, plan()), PlainView)


def test_lines_come_every_five_seconds() -> None:
    """One at 5 s and one at 10 s, with the last seconds' figures, and none of it escape codes."""
    target, out = console(is_terminal=False)
    with make_view(target, plan()) as view:
        feed(view)
        view.on_event(ended())
    assert out.getvalue().splitlines() == [
        "load: started, 10 users",
        "load: 5 s of 60 s  7 users  100.0/s  mean 26.0 ms  p50 20.0 ms  p95 80.0 ms  p99 80.0 ms  0 failed",
        "load: 10 s of 60 s  7 users  100.0/s  mean 26.0 ms  p50 20.0 ms  p95 80.0 ms  p99 80.0 ms  0 failed",
        "load: ended (completed)",
    ]


def test_each_scenario_starts_its_own_lines() -> None:
    """The second scenario's first line comes after five seconds of it."""
    target, out = console(is_terminal=False)
    with make_view(target, plan(load=(), spike=())) as view:
        feed(view)
        view.on_event(ended())
        view.on_event(started("spike"))
        view.tick(4 * S, 60 * S, 1)
        assert "spike: 4 s" not in out.getvalue()
        view.tick(5 * S, None, 1)
    assert "spike: 5 s  1 user " in out.getvalue()


def test_a_ramp_is_told_once() -> None:
    """A stage that moves in many steps is one line."""
    target, out = console(is_terminal=False)
    view = PlainView(
        target, Plan.model_validate({"scenarios": {"load": {"stages": [{"duration": "9s", "users": 1}] * 2}}})
    )
    view.on_event(started())
    for index, users in ((0, 1), (0, 2), (0, 3), (1, 4), (1, 5)):
        view.on_event({"type": "stage", "scenario": "load", "index": index, "users": users})
    assert out.getvalue().splitlines()[1:] == ["load: stage 1, 1 user", "load: stage 2, 4 users"]


def test_the_panel_shows_the_run_as_it_stands() -> None:
    """Where it is, the last seconds, thresholds with a mark each, the busiest series."""
    text = shown(progress_after())
    assert "0:48 left of 1:00" in text
    assert "100.0/s" in text
    lights = [line.split()[:2] for line in text.splitlines() if " < " in line]
    assert lights == [["✓", "holds"], ["✗", "missed"], ["?", "undecided"]]
    assert "GET /slow p50 < 1ms  80.0 ms" in text
    assert text.index("GET /items") < text.rindex("GET /slow")


def test_the_panel_before_anything_happened() -> None:
    """Nothing is known, and nothing breaks."""
    assert "starting" in shown(Progress(plan()))


def test_the_panel_of_a_run_without_end() -> None:
    """It says how it can end."""
    progress = progress_after()
    progress.tick(75 * S, None, 7)
    assert "1:15, until Ctrl-C" in shown(progress)


def test_a_number_of_iterations_is_what_is_left_of_a_run_without_end() -> None:
    """The bar follows them."""
    spec = {"users": 2, "iterations": 2400, "endpoints": [{"path": "/"}]}
    progress = progress_after(plan=Plan.model_validate({"scenarios": {"load": spec}}))
    progress.tick(12 * S, None, 7)
    text = shown(progress)
    assert "1,200 of 2,400 iterations, 0:12" in text
    assert text.count("━") == text.count("─") > 0


def test_warnings_are_shown_and_harmless() -> None:
    """Control characters of a message do not reach the terminal; only the last few are kept."""
    progress = progress_after()
    for number in range(9):
        progress.on_event({"type": "warning", "message": f"\x1b[2J[red]number {number}"})
    text = shown(progress)
    assert "\x1b" not in text
    assert "[red]number 8" in text
    assert "number 3" not in text


def test_the_panel_fits_narrow_terminals() -> None:
    """No line is wider than the terminal."""
    assert max(len(line) for line in shown(progress_after(), width=60).splitlines()) <= 60


def test_the_live_view_draws_only_on_ticks_and_cleans_up() -> None:
    """No thread is started, nothing is drawn between ticks, and the cursor is visible again at the end."""
    target, out = console(is_terminal=True)
    before = set(threading.enumerate())
    with make_view(target, plan()) as view:
        feed(view, seconds=2)
        assert set(threading.enumerate()) <= before
        drawn = len(out.getvalue())
        view.on_interval(interval(2, series("/items", [1000])))
        view.on_event({"type": "warning", "message": "x"})
        assert len(out.getvalue()) == drawn
        view.tick(2 * S, 60 * S, 7)
        assert len(out.getvalue()) > drawn
    assert out.getvalue().rindex("\x1b[?25h") > out.getvalue().rindex("\x1b[?25l")


def test_thresholds_are_judged_again_only_when_there_is_something_new() -> None:
    """Ticks come four times a second, intervals once."""
    progress = progress_after()
    first = progress.thresholds()
    progress.tick(13 * S, 60 * S, 7)
    assert progress.thresholds() is first
    progress.on_interval(interval(12, series("/items", [20_000])))
    assert progress.thresholds() is not first


def test_the_panel_shows_no_percentile_of_too_few_requests() -> None:
    """Ten requests of a series have a median, and a dash for the p95."""
    progress = Progress(plan(load=()))
    progress.on_event(started())
    progress.on_interval(interval(0, series("/few", [30_000] * 10)))
    (line,) = [line for line in shown(progress).splitlines() if "GET /few" in line]
    assert line.split()[-3:] == ["30.0", UNKNOWN, UNKNOWN]


def together(progress: Progress, seconds: int = 12) -> Progress:
    """An open scenario with drops beside a closed one, as far as so many seconds."""
    progress.on_event(started_open("orders", rate=100.0))
    progress.on_event(started("browse"))
    for second in range(seconds):
        orders = series("/orders", [20_000] * 190)  # two requests in each iteration
        progress.on_interval(
            interval(second, orders, scenario="orders", users=9, scheduled=100, sent=95, dropped=5, number=2 * second)
        )
        browse = series("/pages", [50_000] * 30)
        progress.on_interval(interval(second, browse, scenario="browse", users=4, number=2 * second + 1))
        progress.tick(second * S, 60 * S, 13)
    return progress


def test_scenarios_that_run_together_are_shown_together() -> None:
    """A row for each, with its users, rates and drops; the thresholds and the busiest series of all."""
    both = plan(orders=("error_rate < 10%",), browse=("p95 < 10ms",))
    text = shown(together(Progress(both)))
    assert "orders 1/2 + browse 2/2" in text
    (orders,) = [line.split() for line in text.splitlines() if line.strip().startswith("orders  ")]
    (browse,) = [line.split() for line in text.splitlines() if line.strip().startswith("browse  ")]
    assert orders[:6] == ["orders", "9", "95.0/s", "(to", "100.0/s)", "190.0/s"]
    assert orders[-1] == "60"
    assert browse[:4] == ["browse", "4", UNKNOWN, "30.0/s"]
    assert "…" not in text
    assert "✓ holds      orders: error_rate < 10%" in text
    assert "✗ missed     browse: p95 < 10ms" in text
    assert "GET /orders" in text
    assert "GET /pages" in text
    assert max(len(line) for line in shown(together(Progress(both)), width=60).splitlines()) <= 60


def test_a_scenario_that_ended_is_shown_no_more() -> None:
    """The other goes on, with its users alone; and when both have ended, the last is what is shown, without users."""
    progress = together(Progress(plan(orders=(), browse=())))
    progress.on_event(ended("orders"))
    assert (progress.title, progress.users_of(progress.shown[0])) == ("browse 2/2", 4)
    progress.on_event(ended("browse"))
    assert (progress.title, progress.users_of(progress.shown[0])) == ("browse 2/2", 0)
    progress.on_event(started("late"))
    assert progress.users_of(progress.shown[0]) == 13  # which runs alone, so the engine's count is its own


def test_lines_of_scenarios_that_run_together() -> None:
    """One for each, every five seconds; where the workload is open, with drops and the iterations that were begun."""
    target, out = console(is_terminal=False)
    view = PlainView(target, plan(orders=(), browse=()))
    view.on_event(started_open("orders", rate=100.0))
    view.on_event(started("browse"))
    orders = series("/orders", [20_000] * 180)
    view.on_interval(interval(0, orders, scenario="orders", users=9, scheduled=100, sent=95, dropped=5))
    view.tick(5 * S, 60 * S, 9)
    times = "mean 20.0 ms  p50 20.0 ms  p95 20.0 ms"
    rates = "begun 95.0/s (to 100.0/s)  requests 180.0/s"
    unknown = "  ".join(f"{name} {UNKNOWN}" for name in ("mean", "p50", "p95", "p99"))
    assert out.getvalue().splitlines() == [
        "orders: started, 100.0/s",
        "browse: started, 10 users",
        f"orders: 5 s of 60 s  9 users  {rates}  {times}  p99 {UNKNOWN}  0 failed  5 dropped",
        f"browse: 5 s of 60 s  0 users  {UNKNOWN}  {unknown}  0 failed",
    ]


def test_stages_of_rates_are_told_and_followed() -> None:
    """The rate of the stage, not that of the start."""
    stages = [{"duration": "9s", "rate": "10/s"}, {"duration": "9s", "ramp_to": "90/s"}]
    target, out = console(is_terminal=False)
    both = Plan.model_validate({"scenarios": {"load": {"stages": stages}}})
    view, progress = PlainView(target, both), Progress(both)
    for event in (
        started_open(rate=90.0),
        {"type": "stage", "scenario": "load", "index": 0, "rate": 10.0},
        {"type": "stage", "scenario": "load", "index": 1, "rate": 90.0},
    ):
        view.on_event(event)
        progress.on_event(event)
    assert out.getvalue().splitlines() == [
        "load: started, 90.0/s", "load: stage 1, 10.0/s", "load: stage 2, 90.0/s",
    ]  # fmt: skip
    assert progress.shown[0].rate == 90.0
    assert "stage 2 of 2: ramping to 90.0/s" in shown(progress)
