"""Tables that become lists where there is no room for their columns."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from loadworthy.report.fitting_table import FittingTable


def table(rows: list[tuple[str, str, str]]) -> FittingTable:
    made = FittingTable()
    made.add_column("")
    made.add_column("series", overflow="fold", min_width=12)
    made.add_column("p95 ms", justify="right", no_wrap=True)
    made.add_column("note", overflow="fold")
    for name, value, note in rows:
        made.add_row(Text("✓"), Text(name), value, Text(note))
    return made


def shown(made: FittingTable, width: int) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width, _environ={}).print(made, highlight=False)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_with_room_it_is_a_table() -> None:
    """As wide as its cells."""
    made = table([("GET /items", "12.5", "")])
    assert shown(made, 80) == ["   series        p95 ms  note", "✓  GET /items      12.5"]


def test_without_room_each_row_is_a_list() -> None:
    """What it is about, then each figure with the heading of its column; what is empty is left out."""
    made = table([("GET /items", "12.5", "not very slow"), ("GET /a/rather/long/name", "1,234", ""), ("more", "", "")])
    assert shown(made, 30) == [
        "series",
        "✓ GET /items",
        "  p95 ms 12.5",
        "  note not very slow",
        "✓ GET /a/rather/long/name",
        "  p95 ms 1,234",
        "✓ more",
    ]


def test_a_number_is_named_by_its_column() -> None:
    """A stage 2 is no 2."""
    made = FittingTable()
    for heading in ("stage", "users", "requests", "p95 ms"):
        made.add_column(heading, justify="left" if heading == "stage" else "right", no_wrap=True)
    made.add_row("2", "50", "1,000", "12.0")
    assert shown(made, 20) == ["stage", "stage 2", "  users 50", "  requests 1,000", "  p95 ms 12.0"]


def test_headings_of_several_lines_are_one() -> None:
    """And words of several lines stay below each other."""
    made = FittingTable()
    made.add_column("kind", no_wrap=True)
    made.add_column("by\np95 < 500ms", justify="right", no_wrap=True)
    made.add_column("for example", overflow="fold")
    made.add_row("status", "5.00 %", "HTTP 500\nHTTP 503")
    assert shown(made, 28) == [
        "kind",
        "status",
        "  by p95 < 500ms 5.00 %",
        "  for example HTTP 500",
        "  HTTP 503",
    ]


CELLS = st.text("abc123 漢", min_size=1, max_size=30).map(str.strip).filter(bool)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=4), st.integers(20, 100))
def test_no_letter_is_lost_at_any_width(rows: list[tuple[str, str, str]], width: int) -> None:
    """Whatever the cells are; and no line is wider than the terminal, or has a part that is cut."""
    made = table(rows)
    widths = [max(cell_len(row[place]) for row in rows) for place in range(3)]
    if made.needed_width <= width < sum((max(widths[0], 12), max(widths[1], 6), max(widths[2], 4), 1 + 3 * 2)):
        return  # a table, in which Rich folds the texts beside each other
    lines = shown(made, width)
    text = "".join("".join(lines).split())
    assert "…" not in text
    for row in rows:
        for cell in row:
            assert "".join(cell.split()) in text
