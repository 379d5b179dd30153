"""What goes on around each task execution of a user that has a seat; users without one are Locust's alone.

An iteration is one execution of a task. Entering a nested task set is not: the tasks within are. In an open workload an
iteration begins with an arrival, and the task is chosen only then, so that the choice is drawn from the random numbers
of that iteration, whichever user does it. Afterwards there is no pause: the next arrival decides when to go on.

A closed user with ``constant_pacing`` or ``constant_throughput`` has a slot for each iteration. If the one before took
longer, the iteration begins late, and is measured from its slot; further slots that have gone by are missed for good
and count as dropped. (Locust's own pacing forgets both, and a service that stalls looks quick.)
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import gevent
from locust.exception import StopUser
from locust.user.task import (
    LOCUST_STATE_RUNNING,
    LOCUST_STATE_STOPPING,
    LOCUST_STATE_WAITING,
    DefaultTaskSet,
    TaskSet,
)

from loadworthy.clock import monotonic_ns
from loadworthy.engine.seat import Seat, seat_of
from loadworthy.engine.tickets import Tickets
from loadworthy.units import US_PER_S
from loadworthy.users.precise import wait_until

Method = Callable[..., Any]
_PACING = "constant_pacing.<locals>.wait_time_func"
_DRAWN = "loadworthy_drawn"
"""Set on a task set whose next task was drawn by Locust's own ``get_next_task``, and not scheduled by user code."""


def gated_execute_task(original: Method) -> Method:
    """``execute_task`` that counts an iteration, if the user may begin one."""

    @functools.wraps(original)
    def execute_task(self: TaskSet, task: Any) -> None:
        seat = seat_of(self._user)
        if seat is None or seat.in_iteration or (isinstance(task, type) and issubclass(task, TaskSet)):
            original(self, task)
            return
        tickets = seat.crowd.tickets
        if tickets is not None and not _may_begin(seat, tickets):
            raise StopUser
        seat.begin()
        try:
            original(self, task)
        except gevent.GreenletExit:
            raise  # one that the end of the run cut off does not count
        except BaseException:
            seat.end()
            raise
        seat.end()

    return execute_task


def _may_begin(seat: Seat, tickets: Tickets) -> bool:
    """Whether another iteration of this user may begin; it has its number then, if it is counted."""
    if not getattr(seat.user, "takes_ticket", True):
        return not tickets.exhausted
    seat.ticket = tickets.take()
    return seat.ticket is not None


def choosing_get_next_task(original: Method) -> Method:
    """Locust's choice of a task, which draws nothing where there is but one."""

    @functools.wraps(original)
    def get_next_task(self: TaskSet) -> Any:
        tasks = _tasks_of(self)
        if len(tasks) == 1:
            return tasks[0]
        setattr(self, _DRAWN, True)
        return original(self)

    return get_next_task


def _tasks_of(taskset: TaskSet) -> Any:
    return taskset._user.tasks if isinstance(taskset, DefaultTaskSet) else taskset.tasks  # noqa: SLF001  # Locust's own


def arriving_execute_next_task(original: Method) -> Method:
    """``execute_next_task`` that waits for an arrival, in an open workload."""

    @functools.wraps(original)
    def execute_next_task(self: TaskSet) -> None:
        seat = seat_of(self._user)
        if seat is not None and seat.crowd.is_open and not seat.in_iteration:
            seat.await_arrival()
            if getattr(self, _DRAWN, False) and len(self._task_queue) == 1:
                self._task_queue.clear()
                self.schedule_task(self.get_next_task())
                setattr(self, _DRAWN, False)
        original(self)

    return execute_next_task


def paced_wait(original: Method) -> Method:
    """``wait`` between iterations: none in an open workload, until the next slot where there is pacing."""

    @functools.wraps(original)
    def wait(self: TaskSet) -> None:
        seat = seat_of(self._user)
        if seat is None or seat.in_iteration or not seat.began_us:
            original(self)
        elif seat.crowd.is_open:
            if self._user._state == LOCUST_STATE_STOPPING:  # noqa: SLF001  # Locust's own contract, here and below
                raise StopUser
        elif period_us := seat.crowd.period_us(self, pacing_period_us):
            _wait_for_slot(self._user, seat, period_us)
        else:
            original(self)

    return wait


def pacing_period_us(taskset: TaskSet) -> int:
    """The time between slots, where the pause of this task set is Locust's ``constant_pacing`` (or ``_throughput``).

    0 where it is another.
    """
    own = type(taskset).wait_time is not TaskSet.wait_time
    function: Any = getattr(taskset.wait_time if own else taskset.user.wait_time, "__func__", None)
    if getattr(function, "__qualname__", "") != _PACING:
        return 0
    # The only place where Locust keeps it.
    variables = dict(zip(function.__code__.co_freevars, function.__closure__, strict=True))
    return round(float(variables["wait_time"].cell_contents) * US_PER_S)


def _wait_for_slot(user: Any, seat: Seat, period_us: int) -> None:
    """Until the next slot; where it has gone by, it is begun late, and those that have gone by after it are missed."""
    due_us = seat.next_slot_us or seat.began_us + period_us
    now_us = monotonic_ns() // 1000
    if now_us < due_us:
        if user._state == LOCUST_STATE_STOPPING:  # noqa: SLF001
            raise StopUser
        user._state = LOCUST_STATE_WAITING  # noqa: SLF001
        wait_until(due_us)
        user._state = LOCUST_STATE_RUNNING  # noqa: SLF001
    else:
        gevent.sleep(0)  # as Locust does: a user that is always late must not keep the others out
        missed = (now_us - due_us) // period_us
        seat.crowd.place.tally.dropped += missed
        seat.next_slot_us = due_us + (missed + 1) * period_us
        seat.slot_us = due_us
        return
    seat.slot_us, seat.next_slot_us = due_us, due_us + period_us
