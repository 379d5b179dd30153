"""Waiting for a moment: never early, in order, and nothing left behind."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from functools import partial

import gevent
import pytest
from gevent import get_hub
from gevent.event import Event

from loadworthy.clock import monotonic_ns
from loadworthy.users import precise
from loadworthy.users.precise import Moments, call_at, wait_until
from loadworthy.users.timerfd import TimerFd, is_timerfd_there

_PATIENCE_S = 60
_LONG_US = 3_600_000_000
_SOON_US = 100_000
"""So that it is still to come when somebody waits for it, on a busy machine, too."""
_MODES = [True, False] if is_timerfd_there() else [False]


@pytest.fixture(params=_MODES, ids=lambda is_precise: "timerfd" if is_precise else "loop timer")
def moments(request: pytest.FixtureRequest) -> Iterator[Moments]:
    """The moments that the functions of the module use in this test."""
    hub = get_hub()
    made = Moments(hub, is_precise=request.param)
    before = getattr(hub, "loadworthy_moments", None)
    hub.loadworthy_moments = made
    precise._every.add(made)
    with gevent.Timeout(_PATIENCE_S):
        yield made
    hub.loadworthy_moments = before
    if before is None:
        del hub.loadworthy_moments


def now_us() -> int:
    """Now, on the scale of moments."""
    return monotonic_ns() // 1000


def test_waiting_ends_no_earlier_than_asked_for(moments: Moments) -> None:
    """However short the wait, the moment has come when it ends."""
    for gap_us in (1, 10, 100, 999, 1_001, 2_500):
        due_us = now_us() + gap_us
        wait_until(due_us)
        assert now_us() >= due_us
    assert not len(moments)


def test_others_run_while_one_waits(moments: Moments) -> None:
    """Waiting is for the greenlet, not for the process."""
    ran = Event()
    gevent.spawn(ran.set)
    wait_until(now_us() + _SOON_US)
    assert ran.is_set()


def test_a_moment_that_has_passed_is_not_waited_for(moments: Moments) -> None:
    """Who is late goes on at once, and nothing else runs first."""
    ran: list[int] = []
    other = gevent.spawn(ran.append, 1)
    wait_until(now_us())
    assert ran == []
    other.join()


def test_calls_come_in_the_order_of_their_moments(moments: Moments) -> None:
    """Whatever the order of asking; equal moments in that order, and moments that have passed first."""
    seen: list[str] = []
    done = Event()
    base_us = now_us() + 3_000
    for offset_us, name in ((900, "d"), (0, "b"), (500, "c1"), (500, "c2"), (-_LONG_US, "a")):
        call_at(base_us + offset_us, partial(seen.append, name))
    call_at(base_us + 1_000, done.set)
    done.wait()
    assert seen == ["a", "b", "c1", "c2", "d"]


def test_an_earlier_moment_asked_for_later_is_not_missed(moments: Moments) -> None:
    """The alarm is set again where the new moment comes first."""
    far = call_at(now_us() + _LONG_US, lambda: None)
    wait_until(now_us() + 1_000)
    assert far.is_pending
    far.cancel()


def test_a_call_may_ask_for_the_next(moments: Moments) -> None:
    """As a pacer does: every call asks for the one after it, those that are late already, too."""
    seen: list[int] = []
    done = Event()
    start_us = now_us()

    def tick() -> None:
        seen.append(len(seen))
        if len(seen) == 20:
            done.set()
        else:
            call_at(start_us + 100 * len(seen), tick)

    call_at(start_us, tick)
    done.wait()
    assert seen == list(range(20))
    assert not len(moments)


def test_calls_that_are_always_late_let_others_run(moments: Moments) -> None:
    """Asking for moments in the past does not keep the loop from anything else."""
    ended = Event()
    calls = 0

    def tick() -> None:
        nonlocal calls
        calls += 1
        if not ended.is_set():
            call_at(0, tick)

    call_at(0, tick)
    other = gevent.spawn(gevent.sleep, 0.005)
    other.join()
    ended.set()
    assert calls > 1


def test_a_killed_greenlet_is_not_called(moments: Moments) -> None:
    """Whoever is killed while waiting ends there, and the moment passes without it."""
    went_on: list[str] = []

    def wait(name: str, due_us: int) -> None:
        wait_until(due_us)
        went_on.append(name)

    due_us = now_us() + _SOON_US
    first, second = gevent.spawn(wait, "first", due_us), gevent.spawn(wait, "second", due_us)
    gevent.sleep(0)
    assert len(moments) == 2
    first.kill()
    assert len(moments) == 1
    second.join()
    assert went_on == ["second"]


def test_a_call_can_cancel_another_of_its_moment(moments: Moments) -> None:
    """Both are due in the same turn of the loop; the second is not made."""
    seen: list[str] = []
    done = Event()
    due_us = now_us() + 1_000
    call_at(due_us, lambda: other.cancel())
    other = call_at(due_us, lambda: seen.append("other"))
    call_at(due_us, done.set)
    done.wait()
    assert seen == []
    assert not len(moments)


def test_a_timeout_ends_a_wait(moments: Moments) -> None:
    """gevent.Timeout works around it as around any wait."""
    with pytest.raises(gevent.Timeout), gevent.Timeout(0.001):
        wait_until(now_us() + _LONG_US)
    assert not len(moments)


def test_a_stray_switch_does_not_end_a_wait(moments: Moments) -> None:
    """Somebody else's mistaken switch to the greenlet is no moment."""
    ended: list[int] = []
    due_us = now_us() + _SOON_US

    def wait() -> None:
        wait_until(due_us)
        ended.append(now_us())

    waiting = gevent.spawn(wait)
    gevent.sleep(0)
    get_hub().loop.run_callback(waiting.switch)
    waiting.join()
    assert ended[0] >= due_us


def test_what_a_call_raises_spoils_no_other(moments: Moments, capsys: pytest.CaptureFixture[str]) -> None:
    """The error is reported as gevent reports it; the next call is made."""
    done = Event()
    due_us = now_us() + 500

    def fail() -> None:
        raise ValueError("of the callback")

    call_at(due_us, fail)
    call_at(due_us, done.set)
    done.wait()
    assert "ValueError: of the callback" in capsys.readouterr().err


def test_cancelled_calls_do_not_pile_up(moments: Moments) -> None:
    """Moments far off that are cancelled again and again take no memory until they come."""
    keep = call_at(now_us() + _LONG_US, lambda: None)
    for _ in range(5_000):
        call_at(now_us() + _LONG_US, lambda: None).cancel()
    assert len(moments) == 1
    assert len(moments._heap) < 200
    keep.cancel()
    keep.cancel()
    assert len(moments._heap) == 0


def test_many_waiters_share_one_alarm(moments: Moments) -> None:
    """A thousand greenlets with moments in no order all go on, each after its own."""
    base_us = now_us() + 2_000
    early: list[int] = []

    def wait(due_us: int) -> None:
        wait_until(due_us)
        if now_us() < due_us:
            early.append(due_us)

    waiting = [gevent.spawn(wait, base_us + (number * 7919) % 10_000) for number in range(1_000)]
    gevent.joinall(waiting, raise_error=True)
    assert early == []
    assert not len(moments)


def test_a_cancelled_call_does_not_keep_the_loop_alive() -> None:
    """In a thread whose only call is cancelled the loop ends; otherwise it would turn for an hour."""
    ended = threading.Event()

    def work() -> None:
        call_at(now_us() + _LONG_US, lambda: None).cancel()
        get_hub().join()
        ended.set()

    thread = get_hub().threadpool.spawn(work)
    with gevent.Timeout(_PATIENCE_S):
        thread.get()
    assert ended.is_set()


def test_a_forked_process_has_an_alarm_of_its_own(moments: Moments) -> None:
    """The child's waits end by the child's alarm, and the parent's are not disturbed by it."""
    far = call_at(now_us() + _LONG_US, lambda: None)
    pid = gevent.os.fork()
    if pid == 0:
        code = 1
        with contextlib.suppress(BaseException):
            far.cancel()
            wait_until(now_us() + 1_000)
            code = 0
        os._exit(code)
    wait_until(now_us() + 1_000)
    assert os.waitstatus_to_exitcode(gevent.os.waitpid(pid, 0)[1]) == 0
    assert far.is_pending
    far.cancel()


@pytest.mark.skipif(not is_timerfd_there(), reason="only Linux has a timerfd")
def test_a_closed_alarm_holds_no_descriptor() -> None:
    """What was opened for a loop is closed with it."""
    alarm = TimerFd(get_hub().loop, lambda: None)
    descriptor = alarm._descriptor
    os.fstat(descriptor)
    alarm.close()
    alarm.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
