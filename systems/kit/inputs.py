"""Types of what comes in, so that no request holds what a database cannot: numbers beyond its columns, NUL, bad times.

Each refuses with pydantic's ValidationError (422), in bodies, queries, paths and forms alike.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

MAX_INT = 2**31 - 1
"""The largest number that PostgreSQL's integer columns hold, ids included."""

RowId = Annotated[int, Field(ge=1, le=MAX_INT)]
"""The id of a row."""
Offset = Annotated[int, Field(ge=0, le=MAX_INT)]
"""How many rows of a list to skip; databases refuse to skip more than they can count."""
Count = Annotated[int, Field(ge=0, le=MAX_INT)]
"""A number of something, in an integer column."""

Text = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$")]
"""A text without control characters but tabs and line breaks: PostgreSQL's texts cannot hold NUL. Types made of it add
lengths; a pattern of their own takes the place of this one, and has to keep control characters out itself."""
Line = Annotated[Text, StringConstraints(strip_whitespace=True, min_length=1)]
"""A text that is more than blanks; those around it are dropped."""
Email = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        max_length=200,
        pattern=r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+\.[^@\s\x00-\x1f\x7f]+$",
    ),
]
"""An e-mail address, roughly."""


def to_utc(moment: datetime) -> datetime:
    """As tables hold it: UTC without a zone (one without a zone is UTC already).

    Raises:
        ValueError: in UTC it is before the year 1 or after the year 9999.
    """
    if moment.tzinfo is None:
        return moment
    try:
        return moment.astimezone(UTC).replace(tzinfo=None)
    except OverflowError as error:
        raise ValueError("in UTC this is outside of the years 1 to 9999") from error


UtcMoment = Annotated[datetime, AfterValidator(to_utc)]
"""A moment, as :func:`to_utc` makes it."""
