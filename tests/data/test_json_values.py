"""Values of Python as JSON has them."""

import datetime as dt
import decimal
import enum
import json
import uuid
from typing import Any

import pytest

from loadworthy.data.json_values import json_value


class Colour(enum.Enum):
    """An enumeration."""

    RED = "red"


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (dt.date(2026, 11, 28), "2026-11-28"),
        (dt.datetime(2026, 11, 28, 9, 5, tzinfo=dt.UTC), "2026-11-28T09:05:00+00:00"),
        (dt.timedelta(minutes=2), 120.0),
        (decimal.Decimal("12.50"), 12.5),
        (decimal.Decimal("12.00"), 12),
        (decimal.Decimal("NaN"), "NaN"),
        (float("inf"), "inf"),
        (uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        ({"b", "a"}, ["a", "b"]),
        ((1, None, True), [1, None, True]),
        ({1: decimal.Decimal(2)}, {"1": 2}),
        (b"\xff\x00", "/wA="),
        (Colour.RED, "red"),
    ],
)
def test_values_become_json(value: Any, wanted: Any) -> None:
    """Of the type that JSON has for it, and so that it can be written."""
    assert json_value(value) == wanted
    assert json.loads(json.dumps(json_value(value))) == wanted
