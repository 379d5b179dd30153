"""Windows and the work clock, against a walk through every single microsecond."""

from hypothesis import given, settings
from hypothesis import strategies as st

from loadworthy.testing.windows import Window, WorkClock

_END_US = 120


@st.composite
def _windows(draw: st.DrawFn) -> Window:
    length_us = draw(st.one_of(st.none(), st.integers(1, 30)))
    every_us = draw(st.one_of(st.none(), st.integers(length_us + 1, 60))) if length_us is not None else None
    return Window(draw(st.integers(0, 100)), length_us, every_us)


def naive_is_on(window: Window, now_us: int) -> bool:
    """By trying every repetition."""
    starts = [window.start_us]
    if window.every_us is not None:
        starts = list(range(window.start_us, _END_US + 1, window.every_us))
    return any(start <= now_us and (window.length_us is None or now_us < start + window.length_us) for start in starts)


@settings(deadline=None)
@given(_windows())
def test_a_window_is_on_when_it_says_and_changes_at_its_edges(window: Window) -> None:
    """Its state changes exactly at the edges it tells in advance, and the time since its start is right."""
    is_on = [naive_is_on(window, now_us) for now_us in range(_END_US)]
    next_change_us: int | None = None
    for now_us in reversed(range(_END_US)):
        elapsed_us = window.elapsed_us(now_us)
        assert (elapsed_us is not None) == is_on[now_us]
        if elapsed_us == 0 and now_us:
            assert not is_on[now_us - 1]
        edge_us = window.next_edge_us(now_us)
        assert (None if edge_us is None or edge_us >= _END_US else edge_us) == next_change_us
        if now_us and is_on[now_us] != is_on[now_us - 1]:
            next_change_us = now_us


@settings(deadline=None)
@given(st.lists(_windows(), max_size=3), st.lists(st.integers(0, _END_US - 1), max_size=6))
def test_work_time_is_real_time_without_the_stalls(windows: list[Window], asked: list[int]) -> None:
    """At every moment, and back: the moment of a work time is the last that has it, told in advance or later."""
    clock = WorkClock()
    clock.set_stalls(windows, 0)
    work_us = 0
    naive: list[int] = []
    for now_us in range(_END_US):
        naive.append(work_us)
        work_us += not any(naive_is_on(window, now_us) for window in windows)
    for now_us in sorted(asked):
        assert clock.work_us(now_us) == naive[now_us]
        assert clock.is_stalled(now_us) == any(naive_is_on(window, now_us) for window in windows)
        for wanted_us in range(naive[-1]):
            assert clock.real_us(wanted_us) == _END_US - 1 - naive[::-1].index(wanted_us)


def test_a_stall_that_is_lifted_leaves_the_past_as_it_was() -> None:
    """Begun and ended by hand: nothing is due while its end is unknown; then all is, later by its length."""
    clock = WorkClock()
    clock.set_stalls([Window(100)], 100)
    assert clock.work_us(150) == 100
    assert (clock.real_us(99), clock.real_us(100), clock.real_us(130)) == (99, None, None)
    clock.set_stalls([], 180)
    assert (clock.real_us(99), clock.real_us(100), clock.real_us(130)) == (99, 180, 210)
    assert (clock.work_us(200), clock.real_us(100), clock.real_us(110)) == (120, 180, 190)


def test_a_long_idle_stretch_of_short_stalls_adds_up() -> None:
    """A fifth of each second lost, an hour long."""
    clock = WorkClock()
    clock.set_stalls([Window(0, 200_000, 1_000_000)], 0)
    assert clock.work_us(3_600_000_000) == 3600 * 800_000


def test_time_does_not_go_back() -> None:
    """Two requests in one read have one stamp, though the first was answered in between."""
    clock = WorkClock()
    assert [clock.work_us(now_us) for now_us in (100, 90, 110)] == [100, 100, 110]
