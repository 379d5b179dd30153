"""The data that the demo starts with."""

from datetime import date

from loadworthy.demo.seed import DAYS, FIRST_DAY, PRACTITIONERS, TIMES, make_appointments
from loadworthy.demo.validation import check_booking


def test_it_is_the_same_every_time_and_books_no_slot_twice() -> None:
    """A fifth of the calendar, so that every day has room for the demo's bookings."""
    rows = make_appointments()
    assert rows == make_appointments()
    slots = [row[:3] for row in rows]
    assert len(set(slots)) == len(slots)
    capacity = DAYS * len(TIMES) * len(PRACTITIONERS)
    assert 0.19 < len(rows) / capacity < 0.21
    busiest = max(sum(row[0] == day for row in rows) for day in {row[0] for row in rows})
    assert busiest < len(TIMES) * len(PRACTITIONERS) / 2


def test_it_would_pass_the_service_s_own_validation() -> None:
    """What the service starts with could have come in by its front door."""
    names = ("date", "time", "practitioner", "service", "name", "email", "phone")
    for row in make_appointments()[::97]:
        booking = dict(zip(names, row, strict=False))
        assert check_booking(booking) == booking
        assert 0 <= (date.fromisoformat(row[0]) - FIRST_DAY).days < DAYS
