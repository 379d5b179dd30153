"""What every page with charts is put together from: templates, drawings, and the scripts that bring them to life.

A page works without its scripts: each chart is there as a drawing, and the scripts put a live one in its place that can
be zoomed and asked. Nothing is fetched from anywhere; the content-security policy allows exactly the scripts that are
in the page, by their hashes, and no ``eval``. Everything that is not ours goes through Jinja's escaping or stands in a
block of JSON, in which no markup can begin.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from loadworthy.report.figures.draw import height_px, inline_svg
from loadworthy.report.figures.figure import Columns, Figure, Json
from loadworthy.report.figures.library import library
from loadworthy.report.figures.theme import PALETTE, config
from loadworthy.report.harmless import unturned, utf8

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

SCRIPTED = "scripted.js"
CHARTS, TABLES, REPORT = "charts.js", "tables.js", "report.js"
"""Our scripts, in ``templates/``; the first is for the head of a page."""
_WHOLE = 28
"""Characters of a name that no line ends in."""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; script-src {hashes}"


@dataclass(frozen=True, slots=True)
class DrawnFigure:
    """A figure with its place in the page and its drawing."""

    anchor: str
    figure: Figure
    svg: str

    @property
    def height_px(self) -> int:
        """Of the live chart that takes the drawing's place, whatever its width."""
        return height_px(self.svg)


@dataclass(frozen=True, slots=True)
class FigureGroup:
    """Figures that share data, and are zoomed together.

    Args:
        anchor: names it within the page.
        figures: in any order; the template places them.
        data: data sets that they share.
        series: label of a series → what takes the place of the timeline where that series is looked at.
    """

    anchor: str
    figures: Sequence[Figure]
    data: Mapping[str, Columns] = field(default_factory=dict)
    series: Mapping[str, Columns] = field(default_factory=dict)

    def drawn(self) -> dict[str, DrawnFigure]:
        """The figures by their keys, each with its drawing."""
        return {one.key: self._draw(one) for one in self.figures}

    def _draw(self, figure: Figure) -> DrawnFigure:
        anchor = f"{self.anchor}-{figure.key}"
        return DrawnFigure(anchor, figure, inline_svg(figure, self.data, anchor))

    def to_json(self) -> Json:
        """What the scripts need."""
        return {
            "id": self.anchor,
            "data": self.data,
            "series": self.series,
            "figures": [figure_json(one, f"{self.anchor}-{one.key}") for one in self.figures],
        }


@dataclass(frozen=True, slots=True)
class Scripts:
    """What a template puts at its end, and what belongs into its head: a script and the policy."""

    data: str
    sources: Sequence[str]
    first: str
    policy: str


def figure_json(figure: Figure, anchor: str) -> Json:
    """A figure as the scripts take it."""
    return {
        "id": anchor,
        "title": figure.title,
        "chart": figure.chart,
        "data": figure.data,
        "overTime": figure.is_over_time,
        "bySeries": figure.by_series,
        "tip": figure.tip,
    }


def scripts_of(groups: Sequence[FigureGroup], *names: str) -> Scripts:
    """The scripts of a page with these figures, in the order in which they are to run."""
    sources = [*([library()] if groups else []), *(script(name) for name in names)]
    data = json_block({**look_json(), "groups": [group.to_json() for group in groups]})
    first = script(SCRIPTED)
    hashes = " ".join(f"'sha256-{_hash(source)}'" for source in (first, *sources))
    return Scripts(data, sources, first, _POLICY.format(hashes=hashes))


def look_json() -> Json:
    """Colours and look of charts, as the scripts take them."""
    return {
        "palette": {colour: f"--{name}" for name, colour in PALETTE.items()},
        "config": config(with_legend=False),
    }


def script(name: str) -> str:
    """One of our scripts."""
    return files("loadworthy.report").joinpath("templates", name).read_text(encoding="utf-8")


def json_block(data: object) -> str:
    """JSON that can stand in a ``<script type="application/json">``: no character in it means anything to HTML."""
    text = unturned(utf8(json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))))
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def breakable(text: str) -> Markup:
    """Text, escaped, that a line may end in behind a slash; words that short are left whole."""
    from markupsafe import Markup, escape

    safe = escape(unturned(text))
    return safe if len(text) <= _WHOLE else Markup(str(safe).replace("/", "/<wbr/>"))  # noqa: S704  # it is escaped


def _hash(source: str) -> str:
    return base64.b64encode(hashlib.sha256(source.encode("utf-8")).digest()).decode("ascii")


def page_environment(filters: Mapping[str, Callable[..., Any]]) -> Environment:
    """Jinja with the templates of this package and these filters."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("loadworthy.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=lambda value: unturned(value) if type(value) is str else value,
    )
    environment.filters |= {"breakable": breakable, **filters}
    return environment
