"""The text formats in which metrics are exposed, and what to take from one page of them. Pure.

Prometheus' text format 0.0.4 and OpenMetrics 1.0 differ in little: a counter ``x`` has its type under ``x`` in the
latter and under ``x_total`` in the former; exemplars and ``# EOF`` exist only in the latter. Both are read here.
A counter becomes a rate per second, as PromQL's ``rate()`` has it: where it fell, the process was restarted and counts
from 0 again.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from loadworthy.plan.selectors import Selector, unescaped

Kind = Literal["gauge", "counter", "part", "stamp"]
"""``part``: of a histogram or summary; ``stamp``: when something was created."""

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(,|(?=\}))', re.DOTALL)
_VALUE = re.compile(r"\s+(\S+)(?:\s+\S+)?\s*(?:#.*)?")
_TYPE = re.compile(r"#\s*TYPE\s+(\S+)\s+(\S+)\s*")
_SUFFIX = re.compile(r"(.+)_(total|bucket|count|sum|created|gcount|gsum)")


@dataclass(frozen=True, slots=True)
class Exposed:
    """One value of one series. ``key`` is its name with its labels, as it was exposed."""

    name: str
    labels: dict[str, str]
    value: float
    kind: Kind

    @property
    def key(self) -> str:
        """``name{label="value"}``."""
        inside = ",".join(f'{label}="{_escaped(value)}"' for label, value in self.labels.items())
        return f"{self.name}{{{inside}}}" if inside else self.name


def parse_exposition(text: str) -> Iterator[Exposed]:
    """Every series of a page, in its order; ValueError with the line's number where a line is none."""
    types: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if stripped.startswith("#"):
            if declared := _TYPE.fullmatch(stripped):
                types[declared[1]] = declared[2]
        elif stripped:
            try:
                yield _exposed(stripped, types)
            except ValueError as error:
                raise ValueError(f"line {number} is not in the Prometheus text format: {error}") from error


def _exposed(line: str, types: Mapping[str, str]) -> Exposed:
    name = _NAME.match(line)
    if name is None:
        raise ValueError(f"{line[:80]!r} does not begin with a metric's name")
    position = name.end()
    labels: dict[str, str] = {}
    if line[position : position + 1] == "{":
        labels, position = _labels(line, position + 1)
    value = _VALUE.fullmatch(line, position)
    if value is None:
        raise ValueError(f"{line[:80]!r} has no value")
    return Exposed(name[0], labels, float(value[1]), _kind(name[0], types))


def _labels(line: str, position: int) -> tuple[dict[str, str], int]:
    labels: dict[str, str] = {}
    while not line[position:].lstrip().startswith("}"):
        match = _LABEL.match(line, position)
        if match is None:
            raise ValueError(f"{line[:80]!r} has labels that cannot be read")
        labels[match[1]] = unescaped(match[2])
        position = match.end()
    return labels, line.index("}", position) + 1


def _kind(name: str, types: Mapping[str, str]) -> Kind:
    declared = types.get(name)
    suffix = _SUFFIX.fullmatch(name)
    if declared is None and suffix is not None and suffix[1] in types:
        if suffix[2] == "created":
            return "stamp"
        return "counter" if types[suffix[1]] == "counter" else "part"
    if declared in ("histogram", "summary", "gaugehistogram"):
        return "part"
    if declared == "gauge":
        return "stamp" if suffix is not None and suffix[2] == "created" else "gauge"
    if declared == "counter" or (suffix is not None and suffix[2] == "total"):
        return "counter"
    return "gauge"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _is_counting(series: Exposed) -> bool:
    """Counts, sums and buckets of histograms only grow; the quantiles of a summary are values of the moment."""
    return series.kind == "counter" or (series.kind == "part" and "quantile" not in series.labels)


@dataclass(slots=True)
class Chosen:
    """What one page gave: values as they are, counters as they stand, and the selectors that matched something."""

    values: dict[str, float] = field(default_factory=dict)
    counters: dict[str, float] = field(default_factory=dict)
    matched: set[Selector] = field(default_factory=set)
    left_out: int = 0


def choose(page: Sequence[Exposed], selectors: Sequence[Selector], most: int) -> Chosen:
    """The series that were asked for; without selectors all gauges and counters, up to ``most`` (the rest is counted).

    What is not finite (NaN, +Inf) is left out.
    """
    chosen = Chosen()
    for series in page:
        wanted = [selector for selector in selectors if selector.matches(series.name, series.labels)]
        chosen.matched.update(wanted)
        if (selectors and not wanted) or (not selectors and series.kind in ("part", "stamp")):
            continue
        if not math.isfinite(series.value):
            continue
        if len(chosen.values) + len(chosen.counters) >= most:
            chosen.left_out += 1
        elif _is_counting(series):
            chosen.counters[series.key] = series.value
        else:
            chosen.values[series.key] = series.value
    return chosen


def rates(before: Mapping[str, float], now: Mapping[str, float], elapsed_s: float) -> dict[str, float]:
    """``rate(KEY)`` → increase per second of each counter that was there before; nothing if no time has passed."""
    if elapsed_s <= 0:
        return {}
    return {
        f"rate({key})": round((value - before[key] if value >= before[key] else value) / elapsed_s, 6)
        for key, value in now.items()
        if key in before
    }
