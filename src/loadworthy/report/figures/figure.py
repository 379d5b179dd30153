"""A chart as data: its description in Vega-Lite, the data sets that it names, and words on what there is to see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
Columns = Mapping[str, Sequence[Any]]
"""Field → its values; all of one length. Rows of a data set, but without each name in each row."""


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of a legend: ``colour`` is one of the palette, ``shape`` how it is drawn."""

    label: str
    colour: str
    shape: str = "line"
    """``line``, ``dashed``, ``area``, ``circle``, ``diamond`` or ``triangle``."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One chart.

    Args:
        key: names it within its scenario, and its file.
        title: what it shows; ``unit`` is that of its y axis.
        words: one or two sentences on what there is to see.
        chart: Vega-Lite, without data and without colours' theme; its width is left open.
        data: the data sets that it names.
        legend: empty where there is one line that is called as the chart is.
        height: pixels.
        is_over_time: its x axis is the time of the scenario, in ms: it is zoomed together with the others.
        by_series: it can show one series instead of all requests.
        tip: the data set and, of it, (column, label) of what is told of a moment.
    """

    key: str
    title: str
    unit: str
    words: str
    chart: Json
    data: Mapping[str, Columns]
    legend: Sequence[Key] = field(default=())
    height: int = 200
    is_over_time: bool = False
    by_series: bool = False
    tip: tuple[str, Sequence[tuple[str, str]]] | None = None
    fill_legend: Json | None = None
    """How a file explains what the first layer is filled with; a page does so by ``legend``."""


def rows_of(columns: Columns) -> list[Json]:
    """The rows of a data set, as Vega wants them."""
    names = list(columns)
    return [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]
