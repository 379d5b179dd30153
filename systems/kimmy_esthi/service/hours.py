"""When appointments can be: a grid of half hours, closed on Sundays, bookable up to two years ahead."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

SLOT_MINUTES = 30
"""An appointment takes one slot, so no treatment lasts longer."""
TIMES = tuple(f"{hour:02d}:{minute:02d}" for hour in range(9, 18) for minute in (0, SLOT_MINUTES))
"""The slots of an open day, ``HH:MM``."""
BOOKABLE_DAYS = 730
_SUNDAY = 6


def today() -> date:
    """The day by which past and future are told apart (UTC)."""
    return datetime.now(UTC).date()


def times_on(day: date) -> tuple[str, ...]:
    """The slots of a day, free or not; none on a Sunday."""
    return () if day.weekday() == _SUNDAY else TIMES


def is_bookable(day: date, now: date) -> bool:
    """Whether appointments on that day can be made now: from tomorrow on, as far as the calendar is open."""
    return now < day <= now + timedelta(days=BOOKABLE_DAYS)


def bookable_days(first: date, days: int, now: date) -> Iterator[date]:
    """The bookable days among the ``days`` that begin with ``first``."""
    for offset in range(days):
        day = first + timedelta(days=offset)
        if is_bookable(day, now) and times_on(day):
            yield day
