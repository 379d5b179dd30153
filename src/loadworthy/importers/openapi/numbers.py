"""Numbers that fit a schema."""

from __future__ import annotations

import math
from typing import Any

from loadworthy.importers.imported import Json
from loadworthy.importers.openapi.reader import UnfillableError
from loadworthy.importers.openapi.schemas import is_number

_SPREAD = 99


def number_between(data: Json, *, whole: bool) -> Any:
    """A number between the bounds; 1 to 100 where there are none. UnfillableError where none was found."""
    try:
        return _between(data, whole=whole)
    except (OverflowError, ZeroDivisionError) as error:
        raise UnfillableError("its bounds are beyond what can be calculated; give an example") from error


def _between(data: Json, *, whole: bool) -> Any:
    step = data.get("multipleOf")
    step = step if isinstance(step, int | float) and not isinstance(step, bool) and step > 0 else None
    low, high = bounds_of(data, 1 if whole or step is None else step)
    if whole or (step is not None and float(step).is_integer()):
        unit = max(1, int(step or 1)) if step is None or float(step).is_integer() else 1
        first, last = math.ceil(low / unit), math.floor(high / unit)
        if first > last:
            raise UnfillableError(f"no number is between {low} and {high}")
        if first == last:
            return first * unit
        last = min(last, first + _SPREAD)
        times = "" if unit == 1 else f" * {unit}"
        return f"{{{{ random_int({first}, {last}){times} }}}}"
    if step is not None:
        value = math.ceil(low / step) * step
        return value if value <= high else low
    first, last = math.ceil(low), math.floor(min(high, low + _SPREAD))
    if last > first:
        return f"{{{{ random_int({first * 10}, {last * 10}) / 10 }}}}"
    return first if first <= high else (low + high) / 2


def bounds_of(data: Json, unit: float) -> tuple[float, float]:
    lows = [_bound(data, "minimum"), _exclusive(data, "exclusiveMinimum", "minimum", unit)]
    highs = [_bound(data, "maximum"), _exclusive(data, "exclusiveMaximum", "maximum", -unit)]
    low = max((value for value in lows if value is not None), default=None)
    high = min((value for value in highs if value is not None), default=None)
    if low is None:
        low = 1 if high is None or high >= 1 else high - _SPREAD
    return low, low + max(_SPREAD, _SPREAD * abs(unit)) if high is None else high


def _bound(data: Json, key: str) -> float | None:
    value = data.get(key)
    return value if is_number(value) else None


def _exclusive(data: Json, key: str, beside: str, unit: float) -> float | None:
    """The nearest bound that is itself allowed. OpenAPI 3.0 has a flag beside the bound, 3.1 a number of its own."""
    value = data.get(key)
    bound = _bound(data, beside) if value is True else _bound(data, key)
    if bound is None:
        return None
    whole = float(bound).is_integer() and data.get("type") == "integer"
    if whole or data.get("type") == "integer":
        return bound + (1 if unit > 0 else -1) if whole else bound
    other = _bound(data, "maximum" if unit > 0 else "minimum")
    gap = abs(unit) if other is None else min(abs(unit), abs(other - bound) / 4)
    return bound + math.copysign(gap, unit)
