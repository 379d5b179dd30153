"""Tickets that are given back: the right to an iteration in which nothing was done is somebody else's."""

from loadworthy.engine.tickets import CountedTickets, LeasedTickets


def test_a_ticket_that_is_given_back_is_taken_again() -> None:
    """Also where it was the last, in one process and where they are leased; each number once."""
    counted = CountedTickets(2)
    leased = LeasedTickets(lambda: leased.grant(CountedTickets(2).take_batch(2) if not asked.pop() else range(0)))
    asked = [True, False]
    for tickets in (counted, leased):
        assert [tickets.take(), tickets.take()] == [0, 1]
        tickets.give_back(0)
        assert not tickets.exhausted
        assert (tickets.take(), tickets.take()) == (0, None)
        assert tickets.exhausted
