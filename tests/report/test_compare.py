"""A comparison as text, Markdown and JSON."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from loadworthy.analysis.compared_figures import Change, ComparedFigure
from loadworthy.analysis.comparison import Comparison
from loadworthy.analysis.contrast import Basis
from loadworthy.report.compare import (
    ComparedRun,
    CompareReport,
    cells,
    compare_json,
    compare_markdown,
    compare_text,
    print_compare,
)
from loadworthy.units import UNKNOWN

P99 = ComparedFigure("load", "GET /items/[id]", "p99", 41.0, 46.1, 0.1244, 0.081, 0.169, Change.WORSE, basis=Basis.RUNS)
ERRORS = ComparedFigure(
    "load", "all together", "error rate", 0.001, 0.0, -0.001, -0.002, -0.0001, Change.NOT_WORSE, basis=Basis.RUNS
)
RATE = ComparedFigure(
    "load", "all together", "throughput", 1234.5, 1500.0, 0.215, 0.2, 0.23, Change.NOT_WORSE, better=True,
    basis=Basis.RUNS,
)  # fmt: skip
OPEN = ComparedFigure("slow [x]", "GET /|a", "p50", 1.0, 1.02, 0.02, None, None, Change.UNDECIDED, runs_needed=12)


def report(verdict: Change, *figures: ComparedFigure, **parts: object) -> CompareReport:
    """A comparison of two runs with three."""
    base = tuple(ComparedRun(f"b{n}", "pass", f"{n}123456789abcdef", "http://a") for n in range(3))
    new = tuple(ComparedRun(f"n{n}", "fail", None, "http://b") for n in range(2))
    return CompareReport(Comparison(verdict, 0.05, figures, ("A note.",)), base, new, **parts)  # type: ignore[arg-type]


def test_the_verdict_comes_first_then_the_figures_then_the_sides() -> None:
    """Names stand as they are, whatever brackets they have."""
    text = compare_text(report(Change.WORSE, P99, ERRORS, RATE, OPEN, warnings=("load: users is 1 in BASE, 2 in NEW",)))
    lines = text.splitlines()
    assert lines[1] == " WORSE   2 runs against 3 runs: 1 of 4 figures is worse by more than 5 %"
    assert "  • note: load: users is 1 in BASE, 2 in NEW" in lines
    assert "worse: load, GET /items/[id]: p99 from 41.0 ms to 46.1 ms, +12.4 % (+8.1 % to +16.9 %)" in text
    assert "better: load, all together: throughput from 1,234.5/s to 1,500.0/s" in text
    row = next(line for line in lines if line.strip().startswith("GET /items/[id]"))
    assert " ".join(row.split()) == "GET /items/[id] p99 41.0 ms 46.1 ms +12.4 % +8.1 % to +16.9 % worse"
    assert lines.index("slow [x]") > lines.index(row)
    assert "all 4 figures together (Holm)" in " ".join(lines)
    assert "  • A note." in lines
    assert "base  3 runs · revision 0123456789 … 2123456789 · http://a" in lines
    assert "new   2 runs · revision unknown · http://b" in lines
    assert max(map(len, lines)) <= 100


def test_each_verdict_has_its_sentence() -> None:
    """None is worse; or nothing is shown, and so many runs would show it; or nothing was there to compare."""
    good = compare_text(report(Change.NOT_WORSE, ERRORS))
    assert " NOT WORSE   2 runs against 3 runs: none of 1 figure is worse by more than 5 %" in good
    open_ = compare_text(report(Change.UNDECIDED, ERRORS, OPEN))
    assert "nothing is shown to be worse by more than 5 %, but 1 of 2 figures is" in " ".join(open_.split())
    assert "about 12 runs a side would decide what is open" in open_
    assert "nothing could be compared" in compare_text(report(Change.UNDECIDED))


@pytest.mark.parametrize(
    ("figure", "shown"),
    [
        (P99, ("41.0 ms", "46.1 ms", "+12.4 %", "+8.1 % to +16.9 %", "worse")),
        (ERRORS, ("0.10 %", "0.00 %", "-0.10 pp", "-0.20 pp to -0.01 pp", "not worse")),
        (RATE, ("1,234.5/s", "1,500.0/s", "+21.5 %", "+20.0 % to +23.0 %", "better")),
        (OPEN, ("1.00 ms", "1.02 ms", "+2.0 %", UNKNOWN, "undecided")),
        (ComparedFigure("s", "x", "p50", 1, 30, 29.0), ("1.00 ms", "30.0 ms", "30 times", UNKNOWN, "undecided")),
        (ComparedFigure("s", "x", "p50", 1, 1, -0.0001), ("1.00 ms", "1.00 ms", "0.0 %", UNKNOWN, "undecided")),
    ],
)
def test_figures_have_their_units(figure: ComparedFigure, shown: tuple[str, ...]) -> None:
    """ms, percent of requests with differences in points, requests per second."""
    assert cells(figure)[2:] == shown


def test_markdown_has_the_same_and_escapes_what_it_would_read() -> None:
    """A pipe or a bracket in a name does not break a table."""
    text = compare_markdown(report(Change.WORSE, P99, OPEN))
    assert text.startswith("## Worse\n\n2 runs against 3 runs: 1 of 2 figures is worse")
    assert "| GET /items/\\[id\\] | p99 | 41.0 ms | 46.1 ms | +12.4 % | +8.1 % to +16.9 % | worse |" in text
    assert "### slow \\[x\\]" in text
    assert "| GET /\\|a | p50 |" in text
    assert "- base  3 runs" in text


def test_json_has_numbers_and_words() -> None:
    """Shares as numbers, what is not known as null."""
    data = json.loads(compare_json(report(Change.WORSE, P99, OPEN, warnings=("w",))))
    assert (data["schema"], data["verdict"], data["tolerance"], data["runs_needed"]) == (1, "worse", 0.05, 12)
    first, second = data["figures"]
    assert (first["series"], first["change"], first["verdict"], first["basis"]) == (
        "GET /items/[id]", 0.1244, "worse", "runs",
    )  # fmt: skip
    assert (second["low"], second["basis"], second["better"]) == (None, None, False)
    assert data["base"][0] == {"name": "b0", "verdict": "pass", "revision": "0123456789abcdef", "target": "http://a"}
    assert (data["warnings"], data["notes"]) == (["w"], ["A note."])


def test_a_terminal_gets_colour_and_no_control_characters_of_a_name() -> None:
    """A series that would clear the screen does not."""
    console = Console(file=io.StringIO(), force_terminal=True, width=200, _environ={"TERM": "xterm"})
    evil = ComparedFigure("load", "GET /\x1b[2J", "p50", 1, 2, 1.0, verdict=Change.WORSE)
    print_compare(console, report(Change.WORSE, evil))
    out = console.file.getvalue()  # type: ignore[attr-defined]
    assert "\x1b[" in out
    assert "\x1b[2J" not in out
    assert "GET /·[2J" in out
