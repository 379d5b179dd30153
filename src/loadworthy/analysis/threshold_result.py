"""What became of one threshold, and how its values are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from loadworthy.analysis.verdict import Verdict
from loadworthy.units import UNKNOWN, format_ms, format_ratio

Unit = Literal["ms", "ratio", "per_s", "count", "per_user_minute"]
IntervalMethod = Literal["windows", "order statistics"]
"""How the interval of a percentile was found: from the spread between windows of time, or from the samples alone."""


@dataclass(frozen=True, slots=True)
class ThresholdResult:
    """A judged threshold. ``observed``, ``limit``, ``low``, ``high`` are in ``unit``: ms, ratio, per second, count or
    per minute of a user.

    ``low`` and ``high`` enclose a percentile with 95 %; None for an end that is not finite, and for all that is no
    percentile. ``interval`` says how they were found. Order statistics take the samples to be independent, which they
    rarely are: the real interval is wider then.
    """

    expression: str
    observed: float | None
    verdict: Verdict
    reason: str
    unit: Unit
    op: str
    limit: float
    series: str | None = None
    is_percentile: bool = False
    low: float | None = None
    high: float | None = None
    implicit: bool = False
    metric: str = "response_time"
    interval: IntervalMethod | None = None

    @property
    def margin(self) -> float | None:
        """How far inside the limit it is, as a share of the limit (negative: outside); None where that says nothing."""
        if self.observed is None or not self.limit:
            return None
        room = self.limit - self.observed if self.op.startswith("<") else self.observed - self.limit
        return room / self.limit

    def to_json(self) -> dict[str, Any]:
        """The form that stands in ``summary.json``."""
        data: dict[str, Any] = {
            "expression": self.expression,
            "observed": self.observed,
            "verdict": self.verdict.value,
            "reason": self.reason,
        }
        if self.is_percentile:
            data |= {"low": self.low, "high": self.high, "interval": self.interval}
        if self.implicit:
            data["implicit"] = True
        return data


def format_value(value: float | None, unit: Unit) -> str:
    """A threshold's value or limit with its unit, as people read it; ``–`` for None."""
    if value is None:
        return UNKNOWN
    if unit == "ms":
        return format_ms(value)
    if unit == "ratio":
        return format_ratio(value)
    if unit == "count":
        return f"{value:,.0f}"
    return f"{value:,.1f}/s" if unit == "per_s" else f"{value:,.1f}"
