"""What a browser loads: the page, its styles, its scripts. All of it is made before load is, for it takes a second.

The page brings its scripts as files of their own and runs no other, so its policy needs no exceptions. What files are
called has their hash in it: a browser keeps them for ever, and never an old one.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from loadworthy.analysis.summary import CLOSED, OPEN
from loadworthy.plan.model import Plan, Scenario
from loadworthy.record.sample import FailureKind
from loadworthy.report.figures import layers
from loadworthy.report.figures.course import Course
from loadworthy.report.figures.figure import Figure
from loadworthy.report.figures.library import library
from loadworthy.report.figures.live_trials import BOUNDS, live_trials_figure
from loadworthy.report.figures.over_time import over_time_figures
from loadworthy.report.figures.rows import KINDS, TIMELINE
from loadworthy.report.figures.theme import PALETTE
from loadworthy.report.figures.trials import TRIALS
from loadworthy.report.html_page import (
    CHARTS,
    SCRIPTED,
    TABLES,
    figure_json,
    json_block,
    look_json,
    page_environment,
    script,
)

if TYPE_CHECKING:
    from jinja2 import Environment

Json = dict[str, Any]

LIVE, VEGA = "live.js", "vega.js"
REPORT_STYLE, LIVE_STYLE = "report.css", "live.css"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_TYPES = {".js": "text/javascript", ".css": "text/css"}
_SCRIPTS = (VEGA, CHARTS, TABLES, LIVE)
_LIKELY = (
    FailureKind.STATUS, FailureKind.TIMEOUT_READ, FailureKind.CONNECT, FailureKind.RESET, FailureKind.ASSERTION,
)  # fmt: skip
"""Kinds of failure that have colours of their own: nobody knows beforehand which are to come."""
_FIRST_FIGURES = {
    "response-time": "Where a second has too few requests for a percentile, it is taken over the last ones, up to ten."
}
"""What is said under charts while they are live."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that never changes; ``packed`` is its content for those who take gzip."""

    name: str
    content: bytes
    packed: bytes
    mime: str


@dataclass(frozen=True, slots=True)
class StartForm:
    """What Start asks for under plain Locust; empty texts leave it to the locustfile."""

    users: int
    spawn_rate: float
    host: str = ""
    run_time: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """The page, ready to be sent, and by their names the files that it loads."""

    page: bytes
    assets: Mapping[str, Asset]


@dataclass(frozen=True, slots=True)
class _ScenarioView:
    anchor: str
    name: str
    description: str
    kind: str
    workload: str
    figures: Sequence[Figure]
    trials: Figure | None = field(default=None)


def view_of(
    plan: Plan,
    scenarios: Sequence[str],
    title: str,
    *,
    form: StartForm | None = None,
    downloads: Mapping[str, str] | None = None,
) -> View:
    """The page of a plan.

    Args:
        plan: what is run.
        scenarios: those of it that are.
        title: until a run has a name.
        form: what Start asks for; None where the plan says everything.
        downloads: name of a file → where it is, for those that are not in a run directory.
    """
    environment = _environment()
    assets = _assets(environment)
    shown = [_scenario(f"s{place}", name, plan.scenarios[name]) for place, name in enumerate(scenarios, 1)]
    data = {
        **look_json(),
        "title": title,
        "downloads": dict(downloads or {}),
        "groups": [_group(one) for one in shown],
    }
    text = environment.get_template("live.html.j2").render(
        title=title,
        scenarios=shown,
        form=form,
        data=json_block(data),
        assets={name: asset.name for name, asset in assets.items()},
        scripts=_SCRIPTS,
    )
    return View(text.lstrip().encode(), {asset.name: asset for asset in assets.values()})


def _environment() -> Environment:
    """The report's templates, and ours."""
    from jinja2 import ChoiceLoader, PackageLoader

    environment = page_environment({"colour": {colour: name for name, colour in PALETTE.items()}.__getitem__})
    environment.loader = ChoiceLoader([PackageLoader("loadworthy.page", "static"), PackageLoader("loadworthy.report")])
    return environment


def _assets(environment: Environment) -> dict[str, Asset]:
    """What it is called in here → the file."""
    own = files("loadworthy.page").joinpath("static")
    texts = {
        VEGA: library(),
        SCRIPTED: script(SCRIPTED),
        CHARTS: script(CHARTS),
        TABLES: script(TABLES),
        LIVE: own.joinpath(LIVE).read_text(encoding="utf-8"),
        REPORT_STYLE: environment.get_template(REPORT_STYLE).render(),
        LIVE_STYLE: own.joinpath(LIVE_STYLE).read_text(encoding="utf-8"),
    }
    return {name: _asset(name, text.encode()) for name, text in texts.items()}


def _asset(name: str, content: bytes) -> Asset:
    stem, dot, kind = name.rpartition(".")
    digest = hashlib.sha256(content).hexdigest()[:12]
    packed = gzip.compress(content, 6, mtime=0)
    return Asset(f"{stem}-{digest}.{kind}", content, packed, f"{_TYPES[dot + kind]}; charset=utf-8")


def _scenario(anchor: str, name: str, spec: Scenario) -> _ScenarioView:
    kinds = [*_LIKELY, *(kind for kind in FailureKind if kind not in _LIKELY)]
    course = Course(
        seconds=(), step_s=1, end_s=None, is_open=spec.is_open, is_live=True, kinds=[kind.value for kind in kinds]
    )  # fmt: skip
    return _ScenarioView(
        anchor=anchor,
        name=name,
        description=spec.description,
        kind=spec.kind.value,
        workload=OPEN if spec.is_open else CLOSED,
        figures=[_live(figure) for figure in over_time_figures(course)],
        trials=live_trials_figure() if spec.is_search else None,
    )


def _live(figure: Figure) -> Figure:
    """With words that hold before anything is known, and without data of its own: all of it is to come."""
    words = _FIRST_FIGURES.get(figure.key, "")
    return replace(figure, words=words, data={}, by_series=False)


def _group(scenario: _ScenarioView) -> Json:
    figures = [*([scenario.trials] if scenario.trials else []), *scenario.figures]
    empty: Mapping[str, Json] = {
        name: {} for name in (TIMELINE, KINDS, layers.MARKS, layers.LIMITS, TRIALS, BOUNDS)
    }  # fmt: skip
    return {
        "id": scenario.anchor,
        "data": empty,
        "series": {},
        "figures": [figure_json(one, f"{scenario.anchor}-{one.key}") for one in figures],
    }
