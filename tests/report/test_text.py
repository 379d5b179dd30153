"""The closing view, against goldens and against hostile text."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console
from tests.support.golden import assert_golden
from tests.support.runs import interval, make_run, manifest, open_run, series
from tests.support.shop import clean_run, failing_run

from loadworthy.analysis.reading import read
from loadworthy.analysis.summarize import summarize
from loadworthy.record.rundir import Run
from loadworthy.report.text import print_closing_view, render_text
from loadworthy.report.text_times import times_over_run

FILES = ["runs/2026-11-20T14-05-09-load/report.html", "runs/2026-11-20T14-05-09-load/summary.json"]


def rendered(run: Run, width: int) -> str:
    return render_text(summarize(run), width, failures=run.failures, target=run.manifest["target"], files=FILES)


@pytest.mark.parametrize("width", [100, 80, 60, 40])
@pytest.mark.parametrize(("name", "make"), [("failing", failing_run), ("clean", clean_run), ("open", open_run)])
def test_golden(tmp_path: Path, name: str, make: Callable[[Path], Run], width: int) -> None:
    """The whole view of a run that fails in many ways, of one that passes, and of open workloads, at all widths."""
    text = rendered(make(tmp_path), width)
    assert max(len(line) for line in text.splitlines()) <= width
    assert_golden(f"text_{name}_{width}.txt", text)


def digits(text: str) -> Counter[str]:
    return Counter(re.findall(r"\d[\d.,]*\d|\d", text.replace("\n", " ")))


@pytest.mark.parametrize("make", [failing_run, clean_run, open_run])
def test_a_narrow_terminal_loses_no_figure(tmp_path: Path, make: Callable[[Path], Run]) -> None:
    """Every number of the wide view is in the narrow one, as often; none is cut."""
    run = make(tmp_path)
    wide, narrow = digits(rendered(run, 100)), digits(rendered(run, 40))
    stages = Counter({"1": 1, "2": 1})  # may be written in another place, with their column's name
    assert not wide - narrow - stages
    assert "…" not in rendered(run, 40)


def test_a_terminal_narrower_than_that_gets_the_narrowest_view(tmp_path: Path) -> None:
    """It folds the lines by itself."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=20, _environ={"TERM": "xterm", "NO_COLOR": "1"})
    print_closing_view(console, summarize(failing_run(tmp_path)))
    lines = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue()).splitlines()
    assert max(len(line) for line in lines) == 40
    assert "    margin 65 % below · verdict pass" in [line.rstrip() for line in lines]


def test_the_response_time_over_the_run_is_a_line(tmp_path: Path) -> None:
    """Of each scenario that was long enough, where the timeline is given: the p99 in steps that have samples for it."""
    intervals = [interval(second, series(times_us=[10_000 if second < 30 else 80_000] * 200)) for second in range(60)]
    run = make_run(tmp_path / "run", intervals)
    reading = read(run)
    text = render_text(summarize(run, reading), 100, timeline=reading.timeline)
    assert "  p99    ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁███████████████  10.0 to 80.0 ms, 2 s each, log scale" in text.splitlines()
    assert "p99    " not in render_text(summarize(run, reading), 100)


@pytest.mark.parametrize(("per_second", "seconds", "name"), [(100, 62, "p99"), (20, 60, "p95"), (2, 60, "p50")])
def test_slow_runs_show_a_lower_percentile_over_time(tmp_path: Path, per_second: int, seconds: int, name: str) -> None:
    """With five steps at least; a last one with too few samples is left out."""
    run = make_run(
        tmp_path / "run", [interval(second, series(times_us=[10_000] * per_second)) for second in range(seconds)]
    )
    reading = read(run)
    steps = times_over_run(summarize(run, reading).scenarios["load"], reading.timeline)
    assert steps is not None
    assert steps.name == name
    assert len(steps.values) >= 5
    assert set(steps.values) == {10.0}


def test_short_runs_have_no_line(tmp_path: Path) -> None:
    """Nor have scenarios without a request."""
    run = make_run(tmp_path / "run", [interval(second, series(times_us=[10_000] * 400)) for second in range(4)])
    reading = read(run)
    assert times_over_run(summarize(run, reading).scenarios["load"], reading.timeline) is None
    empty = make_run(tmp_path / "empty", [interval(second) for second in range(60)])
    reading = read(empty)
    assert times_over_run(summarize(empty, reading).scenarios["load"], reading.timeline) is None


def test_no_wider_than_is_good_to_read(tmp_path: Path) -> None:
    """A wide terminal does not pull the tables apart."""
    lines = rendered(failing_run(tmp_path), 250).splitlines()
    assert max(len(line) for line in lines) <= 100


def test_plain_where_there_is_no_terminal(tmp_path: Path) -> None:
    """Redirected output has no escape codes; a terminal has colour, unless NO_COLOR asks for none."""
    summary = summarize(failing_run(tmp_path))
    outputs = {}
    for name, environ, is_terminal in (("file", {}, False), ("tty", {}, True), ("no color", {"NO_COLOR": "1"}, True)):
        out = io.StringIO()
        console = Console(
            file=out, force_terminal=is_terminal, width=100, _environ={"TERM": "xterm-256color", **environ}
        )
        print_closing_view(console, summary)
        outputs[name] = out.getvalue()
    assert "\x1b[" not in outputs["file"]
    assert "\x1b[1;37;41m FAIL " in outputs["tty"] or "41m" in outputs["tty"]
    assert "41m" not in outputs["no color"]


def test_names_and_messages_cannot_steer_the_terminal(tmp_path: Path) -> None:
    """Control characters of a service's answer do not reach the terminal, and markup is shown as it is."""
    evil = "\x1b[2J\x07[red]/[id]"
    run = make_run(
        tmp_path / "run",
        [interval(0, series(evil, [1000] * 10, failures={"status": 1}))],
        run_json=manifest({evil: ("p50 < 1s",), "load": ()}, target=evil),
        failures=[{"scenario": "load", "kind": "GET", "name": evil, "failure": "status", "message": evil}],
    )
    text = render_text(summarize(run), 100, failures=run.failures, target=evil)
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "[red]/[id]" in text


def test_reasons_are_whole_and_not_too_many(tmp_path: Path) -> None:
    """A name that no line holds is folded, for its end tells it from others; what comes after ten is counted."""
    names = [f"/{'part-of-a-long-path/' * 5}{number:02d}" for number in range(12)]
    thresholds = [f"GET {name} p95 < 1ms" for name in names]
    intervals = [interval(second, *(series(name, [9000] * 100) for name in names)) for second in range(3)]
    text = rendered(make_run(tmp_path / "run", intervals, run_json=manifest({"load": thresholds})), 80)
    reasons = text[: text.index("load  load")]
    assert "…" not in reasons
    assert all(f"{name} p95 was 9.00 ms" in reasons.replace("\n", "").replace("    ", "") for name in names[:10])
    assert "and 2 more, below and in the report" in reasons
    assert reasons.count("•") == 10


def test_long_names_keep_their_ends(tmp_path: Path) -> None:
    """A name takes three lines and not ten; what tells two of them apart is at the end, and so is a limit."""
    names = [f"/{'part-of-a-long-path/' * 9}{number:02d}" for number in range(2)]
    intervals = [interval(second, *(series(name, [9000] * 100) for name in names)) for second in range(3)]
    thresholds = [f"GET {name} p95 < 1s" for name in names]
    text = rendered(make_run(tmp_path / "run", intervals, run_json=manifest({"load": thresholds})), 100)
    table = text[text.index("  series ") : text.index("all together")]
    assert all(f"long-path/{number:02d}" in table for number in range(2))
    assert len(table.splitlines()) <= 8
    assert "p95 < 1s" in text[text.index("  threshold ") : text.index("  series ")]


def test_many_series_are_cut_with_a_word(tmp_path: Path) -> None:
    """The terminal shows the busiest thirty and says how many more there are."""
    parts = [series(f"/{number}", [1000] * (100 - number)) for number in range(40)]
    text = rendered(make_run(tmp_path / "run", [interval(0, *parts)]), 100)
    assert "GET /29 " in text
    assert "GET /30 " not in text
    assert "and 10 more" in text


def test_a_file_is_as_wide_as_is_good_to_read(tmp_path: Path) -> None:
    """Names are not folded for want of a terminal to ask for its width."""
    out = io.StringIO()
    print_closing_view(Console(file=out, _environ={}), summarize(failing_run(tmp_path)))
    assert 80 < max(len(line.rstrip()) for line in out.getvalue().splitlines()) <= 100
