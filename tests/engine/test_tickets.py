"""Tickets: exactly so many iterations."""

import gevent
from hypothesis import given
from hypothesis import strategies as st

from loadworthy.engine.tickets import CountedTickets, LeasedTickets


def test_counted_tickets_run_out() -> None:
    """Three tickets are three, with their numbers, and then none."""
    tickets = CountedTickets(3)
    assert [tickets.take() for _ in range(5)] == [0, 1, 2, None, None]
    assert tickets.exhausted


@given(count=st.integers(0, 200), workers=st.integers(1, 4), batch=st.integers(1, 60))
def test_leased_tickets_add_up_over_processes(count: int, workers: int, batch: int) -> None:
    """Whoever asks how often: all processes together get exactly the number there is, each number once."""
    source = CountedTickets(count)
    leased: list[LeasedTickets] = []

    def lease(index: int) -> LeasedTickets:
        return LeasedTickets(lambda: gevent.spawn(lambda: leased[index].grant(source.take_batch(batch))) and None)

    leased.extend(lease(index) for index in range(workers))
    taken: list[int] = []

    def user(index: int) -> None:
        while (number := leased[index].take()) is not None:
            taken.append(number)
            gevent.sleep(0)

    gevent.joinall([gevent.spawn(user, index) for index in range(workers) for _ in range(3)], timeout=30)
    assert sorted(taken) == list(range(count))
