"""Every request, by when it was done and how long it took: what percentiles put together, this keeps apart.

Two bands at once are two kinds of answers; a percentile between them is nobody's response time.
"""

from __future__ import annotations

import json
from math import ceil, log10, sqrt

from loadworthy.analysis.accumulate import MS_PER_S
from loadworthy.analysis.latency_map import LatencyMap
from loadworthy.report.figures import layers
from loadworthy.report.figures.figure import Columns, Figure, Json, Key
from loadworthy.report.figures.rows import AT, rounded
from loadworthy.report.figures.theme import HEAT
from loadworthy.units import format_count, format_ms

HEAT_MAP = "heat"
_VALLEY, _HUMP = 0.5, 0.05
_APART = 3
_MANY, _ENOUGH_FOR_BANDS = 10, 50


def heat_map(found: LatencyMap, end_s: float) -> Figure | None:
    """The figure; None where there is nothing in it."""
    import altair as alt

    if not found.cells:
        return None
    most = max(count for *_, count in found.cells)
    edges = _edges(most)
    x, y = layers.time_axis(), alt.Y("low:Q")
    chart = (
        alt.Chart(alt.NamedData(HEAT_MAP))
        .mark_rect(clip=True)
        .encode(
            x=x,
            x2="to_ms:T",
            y=y,
            y2="high:Q",
            tooltip=[
                alt.Tooltip("requests:Q"),
                alt.Tooltip("low:Q", title="from, ms"),
                alt.Tooltip("high:Q", title="to, ms"),
            ],
            fill=alt.Fill("level:O", scale=alt.Scale(domain=list(range(1, len(HEAT) + 1)), range=list(HEAT))),
        )
    )
    chart = alt.layer(chart).properties(height=220).add_params(layers.span(max(end_s, found.step_s) * MS_PER_S))
    described = layers.plain(chart)
    rows = [row for _, row, _ in found.cells]
    low, high = found.edges_ms[min(rows)], found.edges_ms[max(rows) + 1]
    layers.log_axis(described, low, high)
    data = {HEAT_MAP: _columns(found, edges)}
    return Figure(
        "heat-map", "Every request", "response time, ms", _words(found), described, data, _legend(edges), 220,
        is_over_time=True, fill_legend=_fill_legend(edges),
    )  # fmt: skip


def _edges(most: int) -> list[int]:
    """From how many requests on each colour is used: even steps of the logarithm."""
    steps = len(HEAT)
    return [max(ceil(10 ** (log10(most) * place / steps) - 1e-9), 1) for place in range(steps)]


def _columns(found: LatencyMap, edges: list[int]) -> Columns:
    cells = found.cells
    return {
        AT: [round(at_s * MS_PER_S) for at_s, _, _ in cells],
        "to_ms": [round((at_s + found.step_s) * MS_PER_S) for at_s, _, _ in cells],
        "low": [rounded(found.edges_ms[row]) for _, row, _ in cells],
        "high": [rounded(found.edges_ms[row + 1]) for _, row, _ in cells],
        "requests": [count for *_, count in cells],
        "level": [max(place for place, edge in enumerate(edges, 1) if edge <= count) for *_, count in cells],
    }


def _legend(edges: list[int]) -> list[Key]:
    """The palest and the darkest, and one between them; few requests need fewer colours."""
    return [Key(_label(edge), HEAT[place], "area") for edge, place in _shown(edges).items()]


def _fill_legend(edges: list[int]) -> Json:
    """The same for Vega, whose legend would name the colours by their numbers."""
    names = {place + 1: _label(edge) for edge, place in _shown(edges).items()}
    return {
        "title": "requests", "values": list(names), "labelExpr": f"({json.dumps(names)})[datum.value]",
        "symbolType": "square", "symbolSize": 180, "symbolStrokeWidth": 0,
    }  # fmt: skip


def _shown(edges: list[int]) -> dict[int, int]:
    """From how many requests on → the colour."""
    return {edges[place]: place for place in (0, len(edges) // 2, len(edges) - 1)}


def _label(edge: int) -> str:
    return f"{format_count(edge)} or more"


def _words(found: LatencyMap) -> str:
    by_row: dict[int, int] = {}
    for _, row, count in found.cells:
        by_row[row] = by_row.get(row, 0) + count
    total = sum(by_row.values())
    low, high = _middle(by_row, total) if total >= _MANY else (min(by_row), max(by_row))
    which = "Eight of ten" if total >= _MANY else "All" if total > 1 else "The one request"
    told = "The more a cell stands out, the more requests it holds. " if total > 1 else ""
    told += f"{which} took {format_ms(found.edges_ms[low])} to {format_ms(found.edges_ms[high + 1])}."
    humps = _humps(by_row) if total >= _ENOUGH_FOR_BANDS else []
    if len(humps) > 1:
        places = [format_ms(sqrt(found.edges_ms[row] * found.edges_ms[row + 1])) for row in humps]
        told += f" There are {len(humps)} bands, about {' and '.join(places[:3])}: different kinds of answers."
    return told


def _middle(by_row: dict[int, int], total: int) -> tuple[int, int]:
    """The rows between which the middle eight tenths lie."""
    seen, low, high = 0, min(by_row), max(by_row)
    for row, count in sorted(by_row.items()):
        if seen < total * 0.1 <= seen + count:
            low = row
        if seen < total * 0.9 <= seen + count:
            high = row
        seen += count
    return low, high


def _humps(by_row: dict[int, int]) -> list[int]:
    """Rows of local maxima that hold enough and have a valley of half their height between them."""
    total = sum(by_row.values())
    rows = range(min(by_row), max(by_row) + 1)
    counts = [by_row.get(row, 0) for row in rows]
    found: list[int] = []
    for place, count in enumerate(counts):
        near = counts[max(place - _APART, 0) : place + _APART + 1]
        if count < total * _HUMP or count < max(near):
            continue
        if found and min(counts[found[-1] : place + 1]) > _VALLEY * min(counts[found[-1]], count):
            if count > counts[found[-1]]:
                found[-1] = place
            continue
        found.append(place)
    return [rows[place] for place in found]
