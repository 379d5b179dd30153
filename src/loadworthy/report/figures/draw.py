"""Drawing without a browser: vl-convert renders what the pages' own library would."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from loadworthy.report.figures.figure import Columns, Figure, Json, rows_of
from loadworthy.report.figures.theme import PALETTE, config
from loadworthy.report.harmless import one_line

WIDTH = 960
SCALE = 2
"""Pixels of a PNG for each of the drawing's, for screens and prints that show as many."""
VEGA_LITE = "6.4"
"""The version that is rendered, and that pages bring with them."""

_VARIABLES = {colour: f"var(--{name})" for name, colour in PALETTE.items()}
_COLOUR = re.compile("|".join(PALETTE.values()))
_LONG_NUMBER = re.compile(r"(\d+\.\d{2})\d+")
_SIZE = re.compile(r'viewBox="0 0 [\d.]+ (?P<height>[\d.]+)"')
_TAG = re.compile(r"<[^>]*>")
_NAME = re.compile(r"(?P<before>\bid=\"|url\(#)(?P<name>(?P<kind>[A-Za-z_]+)\d+)")
_NO_CHARACTERS = str.maketrans("\ufffe\uffff", "··")
"""XML has not these, either."""


def complete(figure: Figure, data: Mapping[str, Columns], *, in_file: bool, subtitle: str = "") -> Json:
    """The whole description, with data and look; ``data`` are data sets that several figures share."""
    named = {**data, **figure.data}
    used = {name: rows_of(named[name]) for name in sorted(_names(figure.chart))}
    spec: Json = {
        **figure.chart,
        "width": WIDTH,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "datasets": used,
        "config": config(with_legend=in_file),
    }
    if in_file:
        unit = f" ({figure.unit})" if figure.unit else ""
        spec["title"] = {"text": f"{figure.title}{unit}", "subtitle": [subtitle] if subtitle else []}
        spec["background"] = "white"
        spec["padding"] = 16
        if figure.fill_legend is not None:
            spec["layer"] = _explained(spec["layer"], figure.fill_legend)
    harmless: Json = _harmless(spec)
    return harmless


def _explained(parts: Sequence[Json], legend: Json) -> list[Json]:
    """Layers of which the first has a legend for what it is filled with."""
    first, *others = parts
    encoding = first["encoding"]
    return [{**first, "encoding": {**encoding, "fill": {**encoding["fill"], "legend": legend}}}, *others]


def _harmless(value: Any) -> Any:
    """The same, in whose texts nothing is that XML has not: the renderer would end the process over it."""
    if isinstance(value, str):
        return one_line(value).translate(_NO_CHARACTERS)
    if isinstance(value, Mapping):
        return {key: _harmless(one) for key, one in value.items()}
    return [_harmless(one) for one in value] if isinstance(value, list | tuple) else value


def _names(described: Any) -> set[str]:
    """The data sets that a description names."""
    if isinstance(described, list):
        return set().union(*(_names(one) for one in described))
    if not isinstance(described, dict):
        return set()
    data = described.get("data")
    mine = {data["name"]} if isinstance(data, dict) and "name" in data else set()
    return mine.union(*(_names(one) for key, one in described.items() if key != "data"))


def inline_svg(figure: Figure, data: Mapping[str, Columns], place: str) -> str:
    """An ``<svg>`` element for a page: its colours are CSS variables, and ``place`` makes its ids its own."""
    drawing = _svg(complete(figure, data, in_file=False))
    drawing = _TAG.sub(lambda tag: _in_page(tag[0], place), drawing)
    size = _SIZE.search(drawing)
    start = drawing.index(">", drawing.index("<svg")) + 1
    label = escape(one_line(f"{figure.title}{f', {figure.unit}' if figure.unit else ''}"))
    head = f'<svg class="drawing" {size[0] if size else ""} role="img" aria-label="{label}">'
    return f"{head}{drawing[start:]}"


def height_px(svg: str) -> int:
    """Of a drawing from :func:`inline_svg` where it is not stretched."""
    size = _SIZE.search(svg)
    return math.ceil(float(size["height"])) if size else 0


def _in_page(tag: str, place: str) -> str:
    """A tag as a page has it; text between tags is nobody's to change."""
    short = _LONG_NUMBER.sub(r"\1", tag)
    coloured = _COLOUR.sub(lambda found: _VARIABLES[found[0]], short)
    return coloured.replace('id="', f'id="{place}-').replace("url(#", f"url(#{place}-")


def file_svg(figure: Figure, data: Mapping[str, Columns], subtitle: str) -> str:
    """An SVG document that stands by itself, with title and legend."""
    return _svg(complete(figure, data, in_file=True, subtitle=subtitle)).rstrip("\n") + "\n"


def png(svg: str) -> bytes:
    """The picture of an SVG document."""
    import vl_convert

    picture: bytes = vl_convert.svg_to_png(svg, scale=SCALE)
    return picture


def _svg(spec: Json) -> str:
    import vl_convert

    drawing: str = vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE)
    numbers: dict[str, str] = {}

    def numbered(found: re.Match[str]) -> str:
        name = numbers.setdefault(found["name"], f"{found['kind']}{len(numbers)}")
        return f"{found['before']}{name}"

    # Vega counts on from one drawing of the process to the next; the same figure shall be the same bytes.
    return _TAG.sub(lambda tag: _NAME.sub(numbered, tag[0]), drawing)
