"""How people write durations, rates, ratios and sizes, and how we write them back.

Inside the package a duration is integer microseconds, a rate is per second, a ratio is 0..1, a size is bytes.
All parsers raise :class:`ValueError` with a sentence that says what was read and what is accepted.
"""

from __future__ import annotations

import re

US_PER_MS = 1_000
US_PER_S = 1_000_000

UNKNOWN = "\N{EN DASH}"
"""What a table shows where there is no number."""

_UNIT_US = {
    "us": 1,
    "µs": 1,
    "ms": US_PER_MS,
    "s": US_PER_S,
    "sec": US_PER_S,
    "m": 60 * US_PER_S,
    "min": 60 * US_PER_S,
    "h": 3600 * US_PER_S,
    "d": 86_400 * US_PER_S,
}
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(us|µs|ms|sec|s|min|m|h|d)(?![a-zµ])\s*", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:/|per)\s*(s|sec|second|m|min|minute|h|hour)")
_RATE_SECONDS = {"s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hour": 3600}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|kB|KB|MB|GB|KiB|MiB|GiB)")
_SIZE_BYTES = {
    "B": 1,
    "kB": 1000,
    "KB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "KiB": 1024,
    "MiB": 1024**2,
    "GiB": 1024**3,
}


def parse_duration_us(text: str | float) -> int:
    """Microseconds of ``"250ms"``, ``"30s"``, ``"1m30s"``, ``"2h"``, or a bare number of seconds."""
    if isinstance(text, bool):
        raise ValueError(f"{text!r} is not a duration; write one like 500ms, 30s, 5m or 1m30s")  # noqa: TRY004
    if isinstance(text, int | float):
        if not 0 <= text < float("inf"):
            raise ValueError(f"a duration cannot be {text}")
        return round(text * US_PER_S)
    stripped = str(text).strip()
    if _NUMBER.fullmatch(stripped):
        return parse_duration_us(float(stripped))
    total, position = 0.0, 0
    while match := _DURATION_PART.match(stripped, position):
        total += float(match[1]) * _UNIT_US[match[2].lower()]
        position = match.end()
    if position == 0 or position != len(stripped):
        raise ValueError(f"{text!r} is not a duration; write one like 500ms, 30s, 5m or 1m30s")
    if total == float("inf"):
        raise ValueError(f"a duration cannot be {text}")
    return round(total)


def parse_rate(text: str | float) -> float:
    """Events per second of ``"200/s"``, ``"30/min"``, or a bare number (per second)."""
    if isinstance(text, int | float) and not isinstance(text, bool):
        return float(text)
    stripped = str(text).strip()
    if _NUMBER.fullmatch(stripped):
        return float(stripped)
    match = _RATE.fullmatch(stripped)
    if not match:
        raise ValueError(f"{text!r} is not a rate; write one like 200/s or 30/min")
    return float(match[1]) / _RATE_SECONDS[match[2]]


def parse_ratio(text: str | float) -> float:
    """A share 0..1 of ``"1%"`` or of a bare number (``0.01``)."""
    if isinstance(text, int | float) and not isinstance(text, bool):
        value = float(text)
    else:
        stripped = str(text).strip()
        number = stripped.removesuffix("%").strip()
        if not _NUMBER.fullmatch(number):
            raise ValueError(f"{text!r} is not a share; write one like 1% or 0.01")
        value = float(number) / (100 if stripped.endswith("%") else 1)
    if not 0 <= value <= 1:
        raise ValueError(f"{text!r} is not a share between 0 and 1 (0 % and 100 %)")
    return value


def parse_bytes(text: str | int) -> int:
    """Bytes of ``"10MB"``, ``"64KiB"``, or a bare number."""
    if isinstance(text, int) and not isinstance(text, bool):
        return text
    stripped = str(text).strip()
    if stripped.isdigit():
        return int(stripped)
    match = _SIZE.fullmatch(stripped)
    if not match:
        raise ValueError(f"{text!r} is not a size; write one like 64KiB or 10MB")
    return round(float(match[1]) * _SIZE_BYTES[match[2]])


def format_duration(duration_us: int) -> str:
    """A duration as :func:`parse_duration_us` reads it back: ``1h5m``, ``1m30s``, ``2.5s``, ``250ms``, ``37us``."""
    if duration_us < US_PER_MS:
        return f"{duration_us}us"
    if duration_us < US_PER_S:
        return f"{_decimal(duration_us, US_PER_MS)}ms"
    minutes, rest_us = divmod(duration_us, 60 * US_PER_S)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{_decimal(rest_us, US_PER_S)}s" if rest_us else ""
    return f"{f'{hours}h' if hours else ''}{f'{minutes}m' if minutes else ''}{seconds}"


def _decimal(value: int, scale: int) -> str:
    """value ÷ scale, exact, without trailing zeros; scale is a power of ten."""
    whole, rest = divmod(value, scale)
    return f"{whole}.{rest:0{len(str(scale)) - 1}d}".rstrip("0").rstrip(".")


def format_ms(latency_ms: float | None) -> str:
    """A latency for a table, three significant digits and a unit: ``0.42 ms``, ``18.3 ms``, ``1.25 s``."""
    if latency_ms is None:
        return UNKNOWN
    if latency_ms >= 10_000:
        return f"{latency_ms / 1000:.1f} s"
    if latency_ms >= 1000:
        return f"{latency_ms / 1000:.2f} s"
    if latency_ms >= 100:
        return f"{latency_ms:.0f} ms"
    if latency_ms >= 10:
        return f"{latency_ms:.1f} ms"
    return f"{latency_ms:.2f} ms"


def format_count(count: int) -> str:
    """A count with thousands separators: ``12,345``."""
    return f"{count:,}"


def format_ratio(ratio: float | None) -> str:
    """A share as percent: ``0.12 %``; ``–`` for None."""
    return UNKNOWN if ratio is None else f"{ratio * 100:.2f} %"


def format_bytes(size_bytes: float) -> str:
    """A size in decimal units: ``69 B``, ``1.2 kB``, ``3.4 MB``."""
    for unit, scale in (("GB", 1000**3), ("MB", 1000**2), ("kB", 1000)):
        if size_bytes >= scale:
            return f"{size_bytes / scale:.1f} {unit}"
    return f"{size_bytes:.0f} B"
