"""Durations, rates, shares and sizes, as people write them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadworthy.units import (
    format_bytes,
    format_count,
    format_duration,
    format_ms,
    format_ratio,
    parse_bytes,
    parse_duration_us,
    parse_rate,
    parse_ratio,
)


@pytest.mark.parametrize(
    ("text", "expected_us"),
    [
        ("37us", 37),
        ("37µs", 37),
        ("250ms", 250_000),
        ("1.5ms", 1_500),
        ("30s", 30_000_000),
        ("30 sec", 30_000_000),
        ("1m30s", 90_000_000),
        ("1m 30s", 90_000_000),
        ("2min", 120_000_000),
        ("2H", 7_200_000_000),
        ("1d", 86_400_000_000),
        (" 5 ", 5_000_000),
        ("0.5", 500_000),
        (5, 5_000_000),
        (0.25, 250_000),
        (0, 0),
    ],
)
def test_durations_are_read(text: str | float, expected_us: int) -> None:
    """Every unit, sums of units, and bare numbers as seconds."""
    assert parse_duration_us(text) == expected_us


@pytest.mark.parametrize(
    "text", ["", "s", "10x", "1s2", "-5s", "1,5s", "1s!", "five", "1e3s", "10 m s x", True, -1, math.nan]
)
def test_what_is_no_duration_is_refused(text: str | float) -> None:
    """What cannot be read whole is refused with the text in the message."""
    with pytest.raises(ValueError, match=r"not a duration|cannot be"):
        parse_duration_us(text)


@given(st.integers(0, 999_999) | st.integers(0, 400_000).map(lambda seconds: seconds * 1_000_000))
def test_durations_round_trip(duration_us: int) -> None:
    """Below a second, and in whole seconds beyond, what is written is read back exactly."""
    assert parse_duration_us(format_duration(duration_us)) == duration_us


@given(st.integers(0, 10**13))
def test_durations_are_written_with_six_digits_at_least(duration_us: int) -> None:
    """Any duration is read back to within six digits of its seconds."""
    assert abs(parse_duration_us(format_duration(duration_us)) - duration_us) <= 50


@given(st.text(max_size=12) | st.from_regex(r"[0-9.]{0,3}[a-zµ ]{0,3}[0-9.]{0,3}[a-z%/]{0,3}", fullmatch=True))
def test_parsers_raise_nothing_but_value_errors(text: str) -> None:
    """Whatever is written, a parser gives a number that is not negative or a ValueError."""
    for parse in (parse_duration_us, parse_rate, parse_ratio, parse_bytes):
        try:
            value = parse(text)
        except ValueError:
            continue
        assert value >= 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [("200/s", 200), ("30/min", 0.5), ("3600 / hour", 1), ("6 per m", 0.1), ("7", 7), (7, 7), (0.5, 0.5)],
)
def test_rates_are_read(text: str | float, expected: float) -> None:
    """Rates per second, minute and hour become rates per second."""
    assert parse_rate(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["fast", "5/fortnight", "-5/s", "/s", True])
def test_what_is_no_rate_is_refused(text: str | float) -> None:
    """Other units and words are refused."""
    with pytest.raises(ValueError, match="not a rate"):
        parse_rate(text)


@pytest.mark.parametrize(
    ("text", "expected"), [("1%", 0.01), ("0.5 %", 0.005), ("0.25", 0.25), (1, 1), ("100%", 1), (0, 0)]
)
def test_shares_are_read(text: str | float, expected: float) -> None:
    """Percent and bare shares become 0..1."""
    assert parse_ratio(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["5", 1.01, -0.1, "101%", "x", "%", math.nan, True])
def test_what_is_no_share_is_refused(text: str | float) -> None:
    """Anything beyond 0..1 is refused: 5 was probably meant to be 5 %."""
    with pytest.raises(ValueError, match="not a share"):
        parse_ratio(text)


@pytest.mark.parametrize(
    ("text", "expected"), [("10MB", 10_000_000), ("64KiB", 65_536), ("1.5 kB", 1500), ("12", 12), (12, 12), ("3B", 3)]
)
def test_sizes_are_read(text: str | int, expected: int) -> None:
    """Decimal and binary units become bytes."""
    assert parse_bytes(text) == expected


@pytest.mark.parametrize("text", ["3 furlongs", "-1", "1.5", "MB", True])
def test_what_is_no_size_is_refused(text: str | int) -> None:
    """Other units, parts of a byte and words are refused."""
    with pytest.raises(ValueError, match="not a size"):
        parse_bytes(text)


@pytest.mark.parametrize(
    ("duration_us", "expected"),
    [
        (0, "0us"),
        (37, "37us"),
        (250_000, "250ms"),
        (2_500_000, "2.5s"),
        (20_000_000, "20s"),
        (60_000_000, "1m"),
        (90_000_000, "1m30s"),
        (3_900_000_000, "1h5m"),
        (3_600_000_000, "1h"),
        (90_000_000_000, "25h"),
    ],
)
def test_durations_are_written(duration_us: int, expected: str) -> None:
    """The shortest form that people would write."""
    assert format_duration(duration_us) == expected


def test_figures_for_tables() -> None:
    """Latencies with three digits and a unit, counts with commas, shares as percent, sizes in decimal units."""
    assert [format_ms(value) for value in (0.4234, 18.34, 184.4, 1254.0, 12_540.0, None)] == [
        "0.42 ms",
        "18.3 ms",
        "184 ms",
        "1.25 s",
        "12.5 s",
        "–",  # noqa: RUF001  the sign for "not known"
    ]
    assert format_count(12_345) == "12,345"
    assert [format_ratio(value) for value in (0.0012, 1.0)] == ["0.12 %", "100.00 %"]
    assert [format_bytes(value) for value in (69, 1234, 3_400_000, 5e9)] == ["69 B", "1.2 kB", "3.4 MB", "5.0 GB"]
