"""Values of Python as JSON has them: dates as ISO text, decimals as numbers, sets in an order."""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import enum
import math
from collections.abc import Mapping
from typing import Any


def json_value(value: Any) -> Any:
    """The value as text, number, flag, None, or lists and mappings of these; what has no such form as text."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, decimal.Decimal):
        return _number(value)
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    if isinstance(value, enum.Enum):
        return json_value(value.value)
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(bytes(value)).decode()
    if isinstance(value, Mapping):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((json_value(item) for item in value), key=repr)  # their own order is another in each process
    if isinstance(value, list | tuple):
        return [json_value(item) for item in value]
    return str(value)


def _number(value: decimal.Decimal) -> int | float | str:
    if not value.is_finite():
        return str(value)
    return int(value) if value == value.to_integral_value() and abs(value) < 1 << 53 else float(value)
