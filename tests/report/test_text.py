"""The closing view, against goldens and against hostile text."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console
from tests.support.golden import assert_golden
from tests.support.runs import interval, make_run, manifest, open_run, series
from tests.support.shop import clean_run, failing_run

from loadworthy.analysis.summarize import summarize
from loadworthy.record.rundir import Run
from loadworthy.report.text import print_closing_view, render_text

FILES = ["runs/2026-11-20T14-05-09-load/report.html", "runs/2026-11-20T14-05-09-load/summary.json"]


def rendered(run: Run, width: int) -> str:
    return render_text(summarize(run), width, failures=run.failures, target=run.manifest["target"], files=FILES)


@pytest.mark.parametrize("width", [100, 80])
@pytest.mark.parametrize(("name", "make"), [("failing", failing_run), ("clean", clean_run), ("open", open_run)])
def test_golden(tmp_path: Path, name: str, make: Callable[[Path], Run], width: int) -> None:
    """The whole view of a run that fails in many ways, of one that passes, and of open workloads, at both widths."""
    text = rendered(make(tmp_path), width)
    assert max(len(line) for line in text.splitlines()) <= width
    assert_golden(f"text_{name}_{width}.txt", text)


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
