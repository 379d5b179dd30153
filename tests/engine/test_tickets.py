"""Tickets: exactly so many iterations."""

import gevent
from hypothesis import given
from hypothesis import strategies as st

from loadworthy.engine.tickets import CountedTickets, LeasedTickets


def test_counted_tickets_run_out() -> None:
    """Three tickets are three, and then none."""
    tickets = CountedTickets(3)
    assert [tickets.take() for _ in range(5)] == [True, True, True, False, False]
    assert tickets.exhausted


@given(count=st.integers(0, 200), workers=st.integers(1, 4), batch=st.integers(1, 60))
def test_leased_tickets_add_up_over_processes(count: int, workers: int, batch: int) -> None:
    """Whoever asks how often: all processes together get exactly the number there is."""
    source = CountedTickets(count)
    leased: list[LeasedTickets] = []

    def lease(index: int) -> LeasedTickets:
        return LeasedTickets(lambda: gevent.spawn(lambda: leased[index].grant(source.take_batch(batch))) and None)

    leased.extend(lease(index) for index in range(workers))
    taken = [0] * workers

    def user(index: int) -> None:
        while leased[index].take():
            taken[index] += 1
            gevent.sleep(0)

    gevent.joinall([gevent.spawn(user, index) for index in range(workers) for _ in range(3)], timeout=30)
    assert sum(taken) == count
