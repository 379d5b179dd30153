"""The rows of a scenario under way: those of the report, told piece by piece, in memory that does not grow."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.runs import interval, series

from loadworthy.analysis.seconds import Second
from loadworthy.analysis.timeline import TimelineBuilder
from loadworthy.record.interval import Interval
from loadworthy.report.live_rows import LOOK_BACK_S, LiveRows, RowChange

ENOUGH = [10_000 + place for place in range(400)]
"""Response times that suffice for a p99."""


def second(at_s: int, *, process: int = 0, users: int = 5, times: Sequence[int] = ENOUGH, failed: int = 0) -> Interval:
    """A second of one process."""
    failures = {"status": failed} if failed else {}
    one = series("/a", times, failures=failures)
    return interval(at_s, one, process=process, users=users, scheduled=len(times), sent=len(times) - 1, dropped=1)


def put_together(changes: Sequence[RowChange]) -> list[Second]:
    """What somebody has who was told all of them."""
    rows: list[Second] = []
    for change in changes:
        rows[change.first :] = change.rows
    return rows


def told(rows: LiveRows, intervals: Sequence[Interval], *, every: int = 1) -> list[RowChange]:
    """What is told of these intervals, asked for after so many of them each time, and at the end."""
    changes = []
    for place, one in enumerate(intervals, 1):
        rows.add(one)
        if place % every == 0 and (change := rows.take_change()) is not None:
            changes.append(change)
    rows.end()
    if (change := rows.take_change()) is not None:
        changes.append(change)
    return changes


def of_the_report(intervals: Sequence[Interval], step_s: int) -> list[Second]:
    """The rows that a report would have."""
    timeline = TimelineBuilder()
    for one in intervals:
        timeline.add(one)
    return timeline.seconds("load", step_s)


seconds_of = st.lists(
    st.builds(
        second,
        st.integers(0, 40),
        process=st.integers(1, 3),
        users=st.integers(0, 9),
        failed=st.integers(0, 5),
    ),
    max_size=40,
).map(lambda found: sorted(found, key=lambda one: one.start_ms))


@given(seconds_of, st.integers(1, 7), st.sampled_from([8, 16, 1000]))
@settings(max_examples=60, deadline=None)
def test_the_rows_are_those_of_the_report(intervals: list[Interval], every: int, most: int) -> None:
    """However often one asks, and whatever was put together meanwhile: in the end the report's rows are there."""
    for number, one in enumerate(intervals):
        one.number = number
    rows = LiveRows(most)
    found = put_together(told(rows, intervals, every=every))
    assert found == rows.rows == of_the_report(intervals, rows.step_s)
    assert len(found) <= most


def test_a_process_that_was_silent_changes_all_that_it_was_silent_for() -> None:
    """Also where another has told of the same row before: its users were there all the time."""
    told_of = [(0, 1, 0), (4, 2, 1), (8, 1, 0), (16, 1, 0), (20, 1, 0), (20, 2, 0), (32, 1, 0)]
    intervals = [second(at_s, process=process, users=users) for at_s, process, users in told_of]
    for number, one in enumerate(intervals):
        one.number = number
    rows = LiveRows(8)
    assert put_together(told(rows, intervals)) == of_the_report(intervals, rows.step_s)


def test_what_is_told_is_what_is_new() -> None:
    """One row for each second, and the rest stays where it is."""
    changes = told(LiveRows(), [second(at_s) for at_s in range(5)])
    assert [(change.first, len(change.rows)) for change in changes[:5]] == [(0, 1), (1, 1), (2, 1), (3, 1), (4, 1)]


def test_nothing_new_is_nothing() -> None:
    """Asked twice, it tells once."""
    rows = LiveRows()
    assert rows.take_change() is None
    rows.add(second(0))
    assert rows.take_change() is not None
    assert rows.take_change() is None


def test_a_row_waits_for_all_processes() -> None:
    """A second that one process has told of, and the other not yet, would look like half of the load."""
    rows = LiveRows()
    for one in (second(0, process=1), second(0, process=2), second(1, process=1)):
        rows.add(one)
    assert [row.requests for row in put_together([rows.take_change()])] == [800]  # type: ignore[list-item]
    rows.add(second(1, process=2))
    change = rows.take_change()
    assert change is not None
    assert (change.first, [row.requests for row in change.rows]) == (1, [800])


def test_a_process_that_fell_silent_is_not_waited_for() -> None:
    """After five seconds the rows go on without it."""
    rows = LiveRows()
    rows.add(second(0, process=2))
    for at_s in range(7):
        rows.add(second(at_s, process=1))
    change = rows.take_change()
    assert change is not None
    assert [row.requests for row in change.rows] == [800, *[400] * 6]


def test_what_comes_late_changes_what_was_told() -> None:
    """From its row on everything is told again."""
    rows = LiveRows()
    for at_s in (0, 1, 2, 4):
        rows.add(second(at_s))
    rows.take_change()
    rows.add(second(1, times=ENOUGH[:10]))
    change = rows.take_change()
    assert change is not None
    assert (change.first, [row.requests for row in change.rows]) == (1, [410, 400, 400])


def test_hours_fit() -> None:
    """Rows are put together two by two, which is told as others from the first on; no request is lost."""
    rows = LiveRows(most=60)
    changes = told(rows, [second(at_s) for at_s in range(500)])
    assert rows.step_s == 16
    assert 30 <= len(rows.rows) <= 60
    assert sum(row.requests for row in rows.rows) == 500 * 400
    assert [change.first for change in changes].count(0) == 1 + 4


@pytest.mark.parametrize(
    ("a_second", "known"), [(200, (True, True, True)), (40, (True, True, True)), (3, (True, False, False))]
)
def test_few_requests_a_second_look_back(a_second: int, known: tuple[bool, bool, bool]) -> None:
    """A percentile takes in the seconds before, as many as it needs and ten at most; else nobody knows it."""
    rows = LiveRows()
    for at_s in range(20):
        rows.add(second(at_s, times=[10_000 + at_s] * a_second))
    rows.take_change()
    last = rows.rows[-1]
    assert (last.p50_ms is not None, last.p95_ms is not None, last.p99_ms is not None) == known
    assert last.p50_ms == pytest.approx(10.019, abs=0.02)
    assert LOOK_BACK_S == 10


def test_looking_back_has_an_end() -> None:
    """What was eleven seconds ago is in no percentile of now."""
    rows = LiveRows()
    rows.add(second(0, times=[9_000_000] * 1000))
    for at_s in range(1, 12):
        rows.add(second(at_s, times=[10_000] * 40))
    rows.take_change()
    assert rows.rows[9].p99_ms == pytest.approx(9000, rel=0.01)
    assert rows.rows[11].p99_ms == pytest.approx(10, rel=0.01)
