"""Beginning iterations when they are due, whatever became of those before.

The arrivals of a scenario are known in advance (:mod:`loadworthy.workload.arrivals`). A timer that is right to tens of
microseconds wakes the event loop for each; in the loop's own turn the arrival goes to a user that is free, who runs
there and then until it waits for its answer. No greenlet stands between the timer and the request, and no user asks for
work: lateness is the time that the loop was busy with others.

Of the users that are free the one takes it that was busy last: its connection is the least likely to have been closed
meanwhile, and no more users are at work than it takes. Where none is free another is made, up to ``max_users``, and the
arrival waits for whoever is ready first: it is begun late, and measured from when it was due. Where there are
``max_users`` and none of them is still on its way, the arrival is dropped at once: queueing it here would only hide how
many users the service keeps waiting. What is not begun when the scenario ends is dropped, too, so that sent and dropped
add up to scheduled; where no lack of users explains that it was not begun, it also counts as late: this process could
not keep up.

Where the load is decided while the run goes on, segments (:mod:`loadworthy.workload.segment`) take the place of one
source of arrivals; such a crowd is never over by itself.

A batch of arrivals that are due at the same time is limited, so that a generator that has fallen behind still reads the
answers that have come: else it would send more and more, and blame the service for what lay unread.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

import gevent
from gevent.event import Event
from locust.user import User

from loadworthy.engine.crowd import Crowd, Place, share_of
from loadworthy.engine.drive import EndReason
from loadworthy.engine.seat import Seat
from loadworthy.engine.stopping import tell_to_stop
from loadworthy.users.precise import Call, call_at
from loadworthy.workload.arrivals import Arrival, Source, Split, number_of, unit_interval
from loadworthy.workload.profile import LoadChange, OpenProfile
from loadworthy.workload.segment import Segment

BATCH = 64
"""Arrivals begun in one turn of the event loop."""
READY_S = 30.0
"""How long the first users may take for their ``on_start`` before the clock starts all the same."""
START_AGAIN_US = 1_000_000
"""After a user that could not get ready no other of its class is made for so long."""
FIRST_USERS_S = 0.05
"""The first users are as many as iterations begin in this time."""


class _Queue:
    """The users of one class, and what waits for them."""

    __slots__ = ("free", "not_before_us", "on_the_way", "user_class", "waiting")

    def __init__(self, user_class: type[User]) -> None:
        self.user_class = user_class
        self.free: list[Seat] = []
        self.waiting: deque[tuple[Arrival, int]] = deque()
        """Each with the time from which on it waits."""
        self.on_the_way = 0
        """Made, and not yet ready for the first time."""
        self.not_before_us = 0
        """No other is made before."""


class OpenCrowd(Crowd):
    """As many users as it takes to begin each iteration at its time."""

    is_open = True

    def __init__(self, place: Place, classes: Sequence[type[User]], profile: OpenProfile, split: Split) -> None:
        super().__init__(place, classes, split)
        self._profile = profile
        self.end_us = profile.duration_us
        self._queues = {id(one): _Queue(one) for one in classes}
        self._only_queue = self._queues[id(classes[0])] if len(classes) == 1 else None
        self._weights = list(accumulate(max(float(one.weight), 0.0) for one in classes))
        self._source = Source(profile, place.stream, self._splits)
        self._stream = place.stream
        self._call: Call | None = None
        self._ready = Event()
        self._busy = 0
        self._is_finished = False
        self._unmade = 0
        self._retiring: set[Seat] = set()
        self._seed = number_of(place.stream)

    # --- the life of the crowd ---

    def prepare(self, elapsed_us: int = 0) -> None:
        """Make the first users, and wait until they are ready: what they do before is no part of the load.

        ``elapsed_us``: for so long the scenario has been running elsewhere.
        """
        for position in self._first_positions():
            self._add_user(self._queue_of_position(position))
        for _ in self._source.skip_until(elapsed_us):
            gevent.sleep(0)
        self._source.peek()  # working out the first of them takes milliseconds
        self._ready.wait(timeout=READY_S)

    def _first_positions(self) -> Iterator[float]:
        """As many as begin in a moment, at least one of each class if that is allowed; spread by the weights."""
        split = self._split_now()
        wanted = math.ceil(self._profile.peak_rate * FIRST_USERS_S / split.processes)
        count = max(1, min(max(wanted, len(self._classes)), self._most_users()))
        if count >= len(self._classes) > wanted:
            ends = [0.0, *self._weights]
            return ((low + high) / 2 / ends[-1] for low, high in pairwise(ends))
        return ((index + 0.5) / count for index in range(count))

    def start(self, start_us: int, splits: Sequence[Split]) -> None:
        if list(splits) != self._splits:
            self._source.forget()
        super().start(start_us, splits)
        self.is_full = True
        self.place.environment.events.spawning_complete.fire(user_count=self.users)
        self._arm()

    def split(self, split: Split) -> None:
        super().split(split)
        self._arm_again()

    def change_load(self, changes: Sequence[LoadChange]) -> None:
        if not self._is_finished:
            self._profile = self._profile.changed(changes)
            self._source.follow(self._profile)
            self._arm_again()

    def extend(self, segment: Segment) -> None:
        """Begin the arrivals of this segment when they are due, instead of what is left of the one before."""
        if self._is_finished:
            return
        self.cut_short()
        self._source = segment.source(self.place.stream, self._splits)
        self._stream = segment.stream(self.place.stream)
        if self._start_us is not None:
            self._arm()

    def cut_short(self) -> None:
        """Nothing more of the segment begins; what waits for a user is dropped."""
        if self._call is not None:
            self._call.cancel()
            self._call = None
        self._source.close()
        for queue in self._queues.values():
            self._drop_waiting(queue, 0)

    def over(self) -> EndReason | None:
        """COMPLETED where all arrivals have begun; ITERATIONS where they are done, and their number is what ends it."""
        if self._profile.is_led or self._start_us is None or not self._all_begun:
            return None
        if self._profile.limit is None:
            return EndReason.COMPLETED
        return None if self._busy else EndReason.ITERATIONS

    @property
    def is_idle(self) -> bool:
        return self._all_begun and not self._busy

    @property
    def _all_begun(self) -> bool:
        return self._source.peek() is None and not any(queue.waiting for queue in self._queues.values())

    def finish(self) -> None:
        """Nothing is begun any more; what was due and was not begun is dropped."""
        if self._is_finished:
            return
        self._is_finished = True
        if self._call is not None:
            self._call.cancel()
        self._drop_what_is_due()
        self._source.close()
        for queue in self._queues.values():
            self._drop_waiting(queue, 0)

    # --- arrivals ---

    def _arm(self) -> None:
        if (arrival := self._source.peek()) is not None:
            self._call = call_at(self.intended_us(arrival), self._on_due)

    def _arm_again(self) -> None:
        """The next arrival may be another now."""
        if self._is_finished:
            return
        if self._call is not None:
            self._call.cancel()
        if self._start_us is not None:
            self._arm()

    def _on_due(self) -> None:
        """Runs in the event loop, at the time of an arrival or later."""
        now_us = self.place.clock.monotonic_us()
        for _ in range(BATCH):
            if self._is_finished or not self._is_due(now_us):
                break
            self._assign(self._take_next())
        if not self._is_finished:
            self._arm()

    def _is_due(self, now_us: int) -> bool:
        arrival = self._source.peek()
        return arrival is not None and self.intended_us(arrival) <= now_us

    def _take_next(self) -> Arrival:
        arrival = self._source.take()
        assert arrival is not None  # noqa: S101  # the callers have looked
        self.place.tally.scheduled += 1
        return arrival

    def _assign(self, arrival: Arrival) -> None:
        """Runs in the event loop: no code of users may run in here, but for what a switch to them runs."""
        queue = self._only_queue or self._queue_of_position(unit_interval(self._seed, arrival.number))
        while queue.free:
            seat = queue.free.pop()
            if seat.is_parked:
                self._give(seat, arrival)
                seat.wake()
                return
        queue.waiting.append((arrival, self.place.clock.monotonic_us()))
        self._look_after(queue)

    def _give(self, seat: Seat, arrival: Arrival, excused_us: int = 0) -> None:
        seat.arrival, seat.excused_us = arrival, excused_us
        seat.restart_chance(f"{self._stream}/{arrival.number}")
        self._busy += 1
        self.place.tally.sent += 1

    def _drop_waiting(self, queue: _Queue, most: int) -> None:
        """Of those that wait, the last ones are dropped until so many are left."""
        while len(queue.waiting) > most:
            queue.waiting.pop()
            self.place.tally.dropped += 1

    def _drop_what_is_due(self) -> None:
        """The scenario ends: what should have begun and did not is dropped."""
        if self._start_us is None:
            return
        now_us = self.place.clock.monotonic_us()
        while self._is_due(now_us):
            self._take_next()
            self.place.tally.dropped += 1
            self.place.tally.late += 1

    # --- users ---

    def sit_down(self, seat: Seat) -> bool:
        """A user is free: it gets what waits for it (then True), or waits itself."""
        queue = self._queues[id(type(seat.user))]
        is_new, seat.is_ready = not seat.is_ready, True
        if is_new:
            self._arrived(queue)
        if queue.waiting and not self._is_finished:
            arrival, since_us = queue.waiting.popleft()
            # Making a user is our own time; its on_start, and what others were busy with, is the target's.
            from_us = max(since_us, seat.born_us) if is_new else since_us
            self._give(seat, arrival, self.place.clock.monotonic_us() - from_us)
            return True
        queue.free.append(seat)
        return False

    def iteration_over(self) -> None:
        self._busy -= 1

    def _add_user(self, queue: _Queue) -> None:
        if self._is_finished or self.place.clock.monotonic_us() < queue.not_before_us:
            return
        if self.users + self._unmade - len(self._retiring) >= self._most_users() and not self._make_room(queue):
            return
        queue.on_the_way += 1
        self._unmade += 1
        self._ready.clear()
        gevent.spawn(self._make_for, queue)

    def _make_room(self, queue: _Queue) -> bool:
        """Send a user of another class home that has nothing to do, so that this one gets its share."""
        for other in self._queues.values():
            while other is not queue and other.free:
                seat = other.free.pop(0)
                if seat.is_parked and seat.user is not None:
                    self._retiring.add(seat)
                    tell_to_stop(seat.user)
                    return True
        return False

    def _make_for(self, queue: _Queue) -> None:
        self._unmade -= 1
        if self._is_finished or self._make(queue.user_class, self._next_number()) is None:
            self._failed_to_start(queue)

    def _failed_to_start(self, queue: _Queue) -> None:
        """One could not be made, or ended in its on_start: others would, too, so none is made for a while."""
        queue.not_before_us = self.place.clock.monotonic_us() + START_AGAIN_US
        self._arrived(queue)
        self._drop_waiting(queue, queue.on_the_way)

    def _arrived(self, queue: _Queue) -> None:
        """One that was on its way is ready, or will never be."""
        queue.on_the_way -= 1
        if not any(queue.on_the_way for queue in self._queues.values()):
            self._ready.set()

    def _left(self, seat: Seat) -> None:
        super()._left(seat)
        self._retiring.discard(seat)
        queue = self._queues[id(type(seat.user))]
        if seat.arrival is not None:
            self._busy -= 1
        if seat.is_ready:
            self._look_after(queue)
        else:
            self._failed_to_start(queue)

    def _look_after(self, queue: _Queue) -> None:
        """For each arrival that waits there is a user on its way; what nobody will come for is dropped."""
        if len(queue.waiting) > queue.on_the_way:
            self._add_user(queue)
        self._drop_waiting(queue, queue.on_the_way)

    def _most_users(self) -> int:
        return share_of(self._profile.max_users, self._split_now())

    def _queue_of_position(self, position: float) -> _Queue:
        """The class to which a point of 0..1 belongs, each class having its weight's share of it."""
        index = bisect_right(self._weights, position * self._weights[-1])
        return self._queues[id(self._classes[min(index, len(self._classes) - 1)])]
