"""How readings of monitors look: their numbers, with the units that their names tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from loadworthy.analysis.thresholds import UNKNOWN
from loadworthy.units import format_bytes

GENERATOR = "generator"
"""The source of readings that is our own side; it says nothing of the target."""
T = TypeVar("T")


def target_first(resources: Mapping[str, T]) -> dict[str, T]:
    """By source, the generator's own last: readers look for the target."""
    return dict(sorted(resources.items(), key=lambda item: item[0] == GENERATOR))


def is_bytes(metric: str) -> bool:
    """Whether a metric counts bytes, going by its name as Prometheus' conventions have it."""
    name = metric.removeprefix("rate(").rstrip(")").partition("{")[0]
    return name.removesuffix("_total").endswith("_bytes")


def resource_value(value: float | None, metric: str) -> str:
    """A reading with the unit that its name tells: ``83.2 MB``, ``0.31``, ``187/s``; ``–`` for None."""
    if value is None:
        return UNKNOWN
    rated = metric.startswith("rate(")
    if is_bytes(metric):
        shown = f"{'-' if value < 0 else ''}{format_bytes(abs(value))}"
    else:
        shown = f"{value:,.0f}" if abs(value) >= 1000 or value == round(value) else f"{value:.3g}"
    return f"{shown}/s" if rated else shown


def resource_slope(slope_per_h: float | None, metric: str) -> str:
    """A change per hour with its sign: ``+1.2 MB``; ``–`` for None."""
    text = resource_value(slope_per_h, metric)
    return f"+{text}" if slope_per_h is not None and slope_per_h > 0 else text
