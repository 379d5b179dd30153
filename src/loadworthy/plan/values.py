"""The kinds of value that plans are made of, and the base of its models.

Durations are written as ``500ms``, ``30s``, ``1m30s`` or a number of seconds, and are integer µs in here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from loadworthy.units import US_PER_S, format_duration, parse_bytes, parse_duration_us, parse_rate, parse_ratio

MAX_DURATION_US = 366 * 86_400 * US_PER_S
"""No plan means a longer time than a year; a value beyond it has the wrong unit."""


def read_with(parse: Callable[[Any], Any]) -> Callable[[object], Any]:
    """The parser, for values of any type: what it cannot take is a ValueError, the only error pydantic collects."""

    def read(value: object) -> Any:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError("it must be a number or text with a unit")  # noqa: TRY004  pydantic collects no TypeError
        try:
            return parse(value)
        except OverflowError as error:
            raise ValueError("the number is too large") from error

    return read


def to_duration_us(value: str | float) -> int:
    duration_us = parse_duration_us(value)
    if duration_us > MAX_DURATION_US:
        raise ValueError("it is longer than a year")
    return duration_us


def duration_text(duration_us: int) -> str:
    # The short form shows six digits; a plan on its way to a worker must not lose the others.
    text = format_duration(duration_us)
    return text if parse_duration_us(text) == duration_us else f"{duration_us}us"


def _no_flag(value: object) -> object:
    # Python counts True as 1; ``users: true`` is a slip, not one user.
    if isinstance(value, bool):
        raise ValueError("true and false are not numbers")  # noqa: TRY004  pydantic collects no TypeError
    return value


DurationUs = Annotated[
    int,
    BeforeValidator(read_with(to_duration_us)),
    PlainSerializer(duration_text, when_used="json"),
    WithJsonSchema({"type": ["string", "number"], "examples": ["500ms", "30s", "1m30s"]}),
]
"""Integer µs inside; ``"30s"`` or a number of seconds outside."""

TimeSpanUs = Annotated[DurationUs, Field(gt=0)]
"""A duration that cannot be nothing."""

PerSecond = Annotated[
    float,
    BeforeValidator(read_with(parse_rate)),
    Field(gt=0, allow_inf_nan=False),
    WithJsonSchema({"type": ["string", "number"], "examples": [10, "10/s", "30/min"]}),
]
"""A rate per second inside; a number or ``"10/s"`` outside."""

RatePerSecond = Annotated[
    float,
    BeforeValidator(read_with(parse_rate)),
    Field(ge=0, allow_inf_nan=False),
    WithJsonSchema({"type": ["string", "number"], "examples": ["200/s", "30/min", 50]}),
]
"""Iterations begun per second, which may be none; a number or ``"200/s"`` outside."""


def _ramp_target(value: str | float) -> int | str:
    """A number of users, or the text of a rate where a unit says that it is one."""
    if isinstance(value, str) and not value.strip().replace(".", "", 1).isdigit():
        return _rate_text(parse_rate(value))
    number = float(value)
    if number < 0:
        raise ValueError(f"it cannot be {value}")
    return int(number) if number.is_integer() else _rate_text(number)


def _rate_text(per_s: float) -> str:
    """As :func:`parse_rate` reads it back: it knows no exponents."""
    return f"{per_s:.12f}".rstrip("0").rstrip(".") + "/s"


RampTarget = Annotated[
    int | str,
    BeforeValidator(read_with(_ramp_target)),
    WithJsonSchema({"type": ["string", "integer"], "examples": [50, "200/s"]}),
]
"""Where a ramp leads: a whole number of users, or a rate such as ``"200/s"``."""

SizeBytes = Annotated[
    int,
    BeforeValidator(read_with(parse_bytes)),
    Field(gt=0),
    WithJsonSchema({"type": ["string", "integer"], "examples": ["64KiB", "10MB"]}),
]
"""Bytes inside; a number or ``"10MB"`` outside."""

Whole = Annotated[int, BeforeValidator(_no_flag)]
"""A whole number; ``true`` is none."""

Weight = Annotated[float, BeforeValidator(_no_flag), Field(gt=0, allow_inf_nan=False)]
"""A share relative to its neighbours."""

Share = Annotated[
    float,
    BeforeValidator(read_with(parse_ratio)),
    Field(allow_inf_nan=False),
    WithJsonSchema({"type": ["string", "number"], "examples": ["5%", 0.05]}),
]
"""A share: 0..1 inside; ``"5%"`` or ``0.05`` outside."""

Times = Annotated[float, BeforeValidator(_no_flag), Field(allow_inf_nan=False)]
"""A multiple of something."""

_TAG = re.compile(r"[A-Za-z0-9_-]{1,60}")


def _tags(value: object) -> object:
    words = [value] if isinstance(value, str) else value
    for word in words if isinstance(words, list | tuple) else ():
        if isinstance(word, str) and not _TAG.fullmatch(word):
            raise ValueError(f"{word!r} is no tag: write a word of letters, digits, _ and -")
    return words


Tags = Annotated[tuple[str, ...], BeforeValidator(_tags, json_schema_input_type=str | tuple[str, ...])]
"""Words by which thresholds name series; one word, or a list of them, outside."""

Scalar = str | int | float | bool

MIN_EVERY_US = 100_000
"""Readings closer together would disturb what they watch."""


def _every_us(value: str | float) -> int:
    every_us = to_duration_us(value)
    if every_us < MIN_EVERY_US:
        raise ValueError("it is more often than every 100ms; readings must not disturb what they watch")
    return every_us


EveryUs = Annotated[
    int,
    BeforeValidator(read_with(_every_us)),
    PlainSerializer(duration_text, when_used="json"),
    WithJsonSchema({"type": ["string", "number"], "examples": ["30s", "1s", 5]}),
]
"""The time from one reading to the next, integer µs inside."""


class Model(BaseModel):
    """Frozen; an unknown key is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, val_json_bytes="utf8")
