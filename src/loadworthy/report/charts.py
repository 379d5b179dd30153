"""Line charts over time as inline SVG: axes with units, a legend, gaps where nothing is known.

Pure functions from numbers to text. Colours are CSS classes, so that one drawing serves light, dark and print. Every
text that goes in is escaped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

WIDTH = 960
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 12, 28
_MAX_X_TICKS = 10
_TIME_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400)
_NICE = (1.0, 2.0, 2.5, 5.0, 10.0)

Point = tuple[float, float | None]


@dataclass(frozen=True, slots=True)
class Line:
    """One line. ``points`` are (seconds, value), ascending; a value of None leaves a gap. ``style`` is a CSS class."""

    label: str
    style: str
    points: Sequence[Point]
    filled: bool = False


@dataclass(frozen=True, slots=True)
class Limit:
    """A dashed horizontal line, e.g. a threshold."""

    label: str
    value: float


@dataclass(frozen=True, slots=True)
class Chart:
    """What to draw. ``unit`` stands at the axis; ``end_s`` is the right edge; ``step_s`` the distance of two points."""

    title: str
    unit: str
    lines: Sequence[Line]
    end_s: float
    step_s: float = 1.0
    limits: Sequence[Limit] = field(default=())
    height: int = 200


def time_step_s(
    duration_s: float, requests: int, *, wishes: Sequence[tuple[int, int]] = (), most_points: int = 240
) -> int:
    """How many seconds a point of a chart should cover.

    The shortest step that keeps the chart readable, unless a longer one grants a wish: a wish is how many requests a
    point should stand on, and how many points must be left then to show a course. The first that can be granted counts.
    """
    rate = requests / duration_s if duration_s > 0 else 0.0
    fitting = [step for step in _TIME_STEPS_S if duration_s / step <= most_points] or [_TIME_STEPS_S[-1]]
    for samples, fewest_points in wishes:
        enough = next((step for step in fitting if rate * step >= samples), None)
        if enough is not None and duration_s / enough >= fewest_points:
            return enough
    return fitting[0]


def nice_ticks(highest: float, most: int = 5) -> list[float]:
    """Round values from 0 to at least ``highest``, not more than ``most`` steps."""
    if highest <= 0 or not math.isfinite(highest):
        return [0.0, 1.0]
    rough = highest / most
    scale = 10.0 ** math.floor(math.log10(rough))
    step = next(nice * scale for nice in _NICE if nice * scale >= rough * (1 - 1e-9))
    count = math.ceil(highest / step - 1e-9)
    return [round(number * step, 12) for number in range(count + 1)]


def time_ticks(end_s: float) -> list[int]:
    """Round moments from 0 to ``end_s``, at most ten or so."""
    step = next((step for step in _TIME_STEPS_S if end_s / step <= _MAX_X_TICKS), None)
    if step is None:
        step = math.ceil(end_s / _MAX_X_TICKS / _TIME_STEPS_S[-1]) * _TIME_STEPS_S[-1]
    return list(range(0, math.floor(end_s) + 1, step))


def format_moment(at_s: int) -> str:
    """A moment on the time axis: ``0:05``, ``2:30``, ``1:00:00``."""
    minutes, seconds = divmod(at_s, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def svg(chart: Chart) -> str:
    """The chart as an ``<svg>`` element, to be put into a page as it is."""
    frame = _Frame(chart)
    label = f"{chart.title} over time, in {chart.unit}" if chart.unit else f"{chart.title} over time"
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {chart.height}" role="img" aria-label="{escape(label)}">',
        *frame.grid(),
        *(part for line in chart.lines if line.filled for part in frame.area(line)),
        *(part for limit in chart.limits for part in frame.limit(limit)),
        *(part for line in chart.lines for part in frame.line(line)),
        "</svg>",
    ]
    return "\n".join(parts)


class _Frame:
    """The mapping from seconds and values to pixels, and what is drawn with it."""

    def __init__(self, chart: Chart) -> None:
        known = [value for line in chart.lines for _, value in line.points if value is not None]
        self._ticks = nice_ticks(max([*known, *(limit.value for limit in chart.limits)], default=0.0))
        self._chart = chart
        self._end_s = max(chart.end_s, chart.step_s)
        self._bottom = chart.height - _BOTTOM

    def x(self, at_s: float) -> float:
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * min(max(at_s / self._end_s, 0.0), 1.0)

    def y(self, value: float) -> float:
        return self._bottom - (self._bottom - _TOP) * value / self._ticks[-1]

    def grid(self) -> list[str]:
        parts = []
        for value in self._ticks:
            y = self.y(value)
            parts.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(f'<text class="tick" x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:,.10g}</text>')
        for at_s in time_ticks(self._end_s):
            x = self.x(at_s)
            parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{self._bottom}" y2="{self._bottom + 4}"/>')
            text = format_moment(at_s)
            parts.append(f'<text class="tick" x="{x:.1f}" y="{self._bottom + 18}" text-anchor="middle">{text}</text>')
        return parts

    def line(self, line: Line) -> list[str]:
        style = escape(line.style)
        return [_stroke(style, self._pixels(run)) for run in _runs(line.points)]

    def area(self, line: Line) -> list[str]:
        style = escape(line.style)
        parts = []
        for run in _runs(line.points):
            pixels = self._pixels(run)
            outline = " ".join(f"{x:.1f},{y:.1f}" for x, y in pixels)
            floor = f"{pixels[-1][0]:.1f},{self._bottom} {pixels[0][0]:.1f},{self._bottom}"
            parts.append(f'<polygon class="area {style}" points="{outline} {floor}"/>')
        return parts

    def limit(self, limit: Limit) -> list[str]:
        y = self.y(limit.value)
        # Under the line where there is room above the axis, so that the label does not leave the drawing.
        text_y = y - 5 if y - 5 > _TOP else y + 13
        place = f'x="{WIDTH - _RIGHT - 4}" y="{text_y:.1f}" text-anchor="end"'
        return [
            f'<line class="limit" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>',
            f'<text class="tick limit-label" {place}>{escape(limit.label)}</text>',
        ]

    def _pixels(self, run: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        # A point stands for the step that begins there, so it is drawn in the step's middle.
        return [(self.x(at_s + self._chart.step_s / 2), self.y(value)) for at_s, value in run]


def _stroke(style: str, pixels: Sequence[tuple[float, float]]) -> str:
    if len(pixels) == 1:
        return f'<circle class="dot {style}" cx="{pixels[0][0]:.1f}" cy="{pixels[0][1]:.1f}" r="2.5"/>'
    return f'<polyline class="line {style}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in pixels)}"/>'


def _runs(points: Sequence[Point]) -> list[list[tuple[float, float]]]:
    """The stretches without a gap."""
    runs: list[list[tuple[float, float]]] = [[]]
    for at_s, value in points:
        if value is None:
            runs.append([])
        else:
            runs[-1].append((at_s, value))
    return [run for run in runs if run]
