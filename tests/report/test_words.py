"""Wording that the renderings share."""

from __future__ import annotations

from dataclasses import replace

import pytest

from loadworthy.analysis.thresholds import UNKNOWN, ThresholdResult
from loadworthy.analysis.verdict import Verdict
from loadworthy.report.words import interval, margin, milliseconds, observed, plural, rate


def result(op: str, value: float | None, limit: float, **parts: float | None) -> ThresholdResult:
    return ThresholdResult(f"p95 {op} {limit}", value, Verdict.PASS, "", "ms", op, limit, **parts)  # type: ignore[arg-type]  # only floats are given


@pytest.mark.parametrize(
    ("op", "value", "limit", "text"),
    [
        ("<", 75, 500, "85 % below"),
        ("<", 600, 500, "20 % above"),
        (">", 60, 50, "20 % above"),
        (">=", 40, 50, "20 % below"),
        ("<", 1.5, 500, "99 % below"),
        ("<", 0, 500, "100 % below"),
        ("<", 500.1, 500, "under 1 % above"),
        ("<=", 500, 500, "0 % below"),
        ("<", 6000, 500, "1,100 % above"),
        ("<", None, 500, ""),
        ("<=", 0, 0, ""),
    ],
)
def test_margin(op: str, value: float | None, limit: float, text: str) -> None:
    """Which way and how far, never rounded up to "100 % below"."""
    assert margin(result(op, value, limit)) == text


@pytest.mark.parametrize(
    ("value_ms", "text"), [(None, UNKNOWN), (0.4242, "0.42"), (18.34, "18.3"), (418.4, "418"), (12_345.6, "12,346")]
)
def test_milliseconds(value_ms: float | None, text: str) -> None:
    """About three significant digits, without a unit."""
    assert milliseconds(value_ms) == text


def test_small_words() -> None:
    """Counts, rates and intervals; what is unknown is a dash or nothing."""
    assert (plural(1, "user"), plural(1200, "user")) == ("1 user", "1,200 users")
    assert (rate(None), rate(1234.56)) == (UNKNOWN, "1,234.6/s")
    assert interval(result("<", 1, 2, low=0.5, high=None)) == ""
    assert interval(result("<", 1, 2, low=0.5, high=20)) == "0.50 ms to 20.0 ms"


def test_where_a_bound_decides_it_is_shown() -> None:
    """Too few requests to name the percentile, but enough to say that it is beyond the limit."""
    sparse = replace(result("<", None, 500), verdict=Verdict.FAIL, low=1000.0)
    assert observed(sparse) == "at least 1.00 s"
    assert observed(replace(sparse, op=">", low=None, high=20.0)) == "at most 20.0 ms"
    assert observed(replace(sparse, verdict=Verdict.UNDECIDED)) == UNKNOWN
    assert observed(result("<", 75, 500)) == "75.0 ms"
