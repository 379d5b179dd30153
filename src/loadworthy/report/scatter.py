"""Marks over a quantity, as inline SVG: what was measured at each load that was tried.

Unlike :mod:`loadworthy.report.charts` the x axis is no time. It is logarithmic where it spans more than a decade, as
the rates of a search that doubles them do. Marks differ in shape as well as in colour, so that nobody needs to see
colours.
Every text that goes in is escaped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from loadworthy.report.charts import WIDTH, Limit, nice_ticks

Shape = Literal["circle", "diamond", "triangle"]

_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 22, 28
_DECADE = 10.0
_PAD = 0.05
_SIZE = 5.5
_MOST_TICKS = 12
_FINE, _COARSE = (1.0, 2.0, 5.0), (1.0,)


@dataclass(frozen=True, slots=True)
class Mark:
    """One measurement. ``words`` are shown where a pointer rests on it; ``style`` is a CSS class."""

    x: float
    y: float
    style: str
    shape: Shape
    words: str
    is_chosen: bool = False


@dataclass(frozen=True, slots=True)
class Scatter:
    """What to draw.

    ``band`` is a stretch of the x axis, to its right end where its own end is None. ``line`` is a place on it and its
    label.
    """

    title: str
    unit: str
    marks: Sequence[Mark]
    limits: Sequence[Limit] = ()
    band: tuple[float, float | None] | None = None
    line: tuple[float, str] | None = None
    height: int = 260


@dataclass(frozen=True, slots=True)
class Scale:
    """The x axis: from where to where, and how."""

    low: float
    high: float
    is_log: bool

    @classmethod
    def of(cls, values: Sequence[float]) -> Scale:
        """A scale with all of the values on it and a little room at both ends; they are above 0."""
        low, high = min(values, default=1.0), max(values, default=1.0)
        if high > low * _DECADE:
            room = (high / low) ** _PAD
            return cls(low / room, high * room, is_log=True)
        room = (high - low or high) * _PAD
        return cls(low - room, high + room, is_log=False)

    def share(self, value: float) -> float:
        """How far along the axis a value lies, 0..1."""
        if self.is_log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self) -> list[float]:
        """Round values on the axis."""
        if not self.is_log:
            step = nice_ticks(self.high - self.low)[1]
            first = math.ceil(self.low / step - 1e-9)
            return [round(step * number, 12) for number in range(first, math.floor(self.high / step + 1e-9) + 1)]
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        for digits in (_FINE, _COARSE):
            found = [one for one in (d * 10.0**e for e in decades for d in digits) if self.low <= one <= self.high]
            if len(found) <= _MOST_TICKS:
                break
        return found


def svg(chart: Scatter) -> str:
    """The chart as an ``<svg>`` element, to be put into a page as it is."""
    frame = _Frame(chart)
    label = f"{chart.title}, in {chart.unit}" if chart.unit else chart.title
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {chart.height}" role="img" aria-label="{escape(label)}">',
        *frame.band(),
        *frame.grid(),
        *(part for limit in chart.limits for part in frame.limit(limit)),
        *frame.line(),
        *(frame.mark(mark) for mark in chart.marks),
        "</svg>",
    ]
    return "\n".join(parts)


class _Frame:
    """The mapping to pixels, and what is drawn with it."""

    def __init__(self, chart: Scatter) -> None:
        self._chart = chart
        known = [mark.x for mark in chart.marks]
        known += [value for value in chart.band or () if value is not None]
        known += [chart.line[0]] if chart.line else []
        self._scale = Scale.of([value for value in known if value > 0])
        heights = [*(mark.y for mark in chart.marks), *(limit.value for limit in chart.limits)]
        self._ticks = nice_ticks(max(heights, default=0.0))
        self._bottom = chart.height - _BOTTOM

    def x(self, value: float) -> float:
        share = self._scale.share(value) if value > 0 else 0.0
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * min(max(share, 0.0), 1.0)

    def y(self, value: float) -> float:
        return self._bottom - (self._bottom - _TOP) * value / self._ticks[-1]

    def grid(self) -> list[str]:
        parts = []
        for value in self._ticks:
            y = self.y(value)
            parts.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(f'<text class="tick" x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:,.10g}</text>')
        for value in self._scale.ticks():
            x = self.x(value)
            parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{self._bottom}" y2="{self._bottom + 4}"/>')
            place = f'x="{x:.1f}" y="{self._bottom + 18}" text-anchor="middle"'
            parts.append(f'<text class="tick" {place}>{value:,.10g}</text>')
        return parts

    def band(self) -> list[str]:
        if self._chart.band is None:
            return []
        low, high = self._chart.band
        left, right = self.x(low), float(WIDTH - _RIGHT) if high is None else self.x(high)
        size = f'width="{max(right - left, 1):.1f}" height="{self._bottom - _TOP}"'
        return [f'<rect class="band" x="{left:.1f}" y="{_TOP}" {size}/>']

    def line(self) -> list[str]:
        if self._chart.line is None:
            return []
        value, label = self._chart.line
        x = self.x(value)
        # Above the drawing, on the side with more room, so that the label neither leaves it nor covers a mark.
        is_left = x < WIDTH / 2
        place = f'x="{x:.1f}" y="{_TOP - 8}" text-anchor="{"start" if is_left else "end"}"'
        return [
            f'<line class="safe" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 4}" y2="{self._bottom}"/>',
            f'<text class="tick safe-label" {place}>{escape(label)}</text>',
        ]

    def limit(self, limit: Limit) -> list[str]:
        y = self.y(limit.value)
        return [
            f'<line class="limit" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>',
            f'<text class="tick limit-label" x="{_LEFT + 4}" y="{y - 5:.1f}">{escape(limit.label)}</text>',
        ]

    def mark(self, mark: Mark) -> str:
        x, y = self.x(mark.x), self.y(mark.y)
        style = f'class="spot {escape(mark.style)}{" chosen" if mark.is_chosen else ""}"'
        words = f"<title>{escape(mark.words)}</title>"
        if mark.shape == "circle":
            return f'<circle {style} cx="{x:.1f}" cy="{y:.1f}" r="{_SIZE - 0.5}">{words}</circle>'
        corners = ((0, -1.25), (1.25, 0), (0, 1.25), (-1.25, 0)) if mark.shape == "diamond" else _TRIANGLE
        points = " ".join(f"{x + _SIZE * right:.1f},{y + _SIZE * down:.1f}" for right, down in corners)
        return f'<polygon {style} points="{points}">{words}</polygon>'


_TRIANGLE = ((0, -1.2), (1.15, 0.9), (-1.15, 0.9))
