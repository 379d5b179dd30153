"""A report over several runs: each scenario as its newest run shows it, and all runs as a trend.

The trend is made of the runs' ``summary.json``; a run without one (it was killed, or goes on) is summarized here. Only
the newest run of each scenario is read in full. Directories without a run are passed over, damaged runs are named.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from loadworthy.analysis.reading import read
from loadworthy.analysis.resources import ResourceSeries, resource_series
from loadworthy.analysis.summarize import summarize
from loadworthy.analysis.summary import SUMMARY_SCHEMA, ScenarioSummary
from loadworthy.analysis.timeline import Second
from loadworthy.analysis.verdict import Verdict, worst
from loadworthy.errors import RunDirError
from loadworthy.plan.model import ScenarioKind
from loadworthy.record.rundir import MANIFEST, SUMMARY, Run, replace_file
from loadworthy.report.figures.draw import png
from loadworthy.report.figures.trend import trend_figures
from loadworthy.report.harmless import utf8
from loadworthy.report.html import MEANINGS, report_environment
from loadworthy.report.html_page import CHARTS, REPORT, TABLES, DrawnFigure, FigureGroup, scripts_of
from loadworthy.report.key_figures import KeyFigure, key_figures, parts_of
from loadworthy.report.plots import FOLDER as PLOTS
from loadworthy.report.plots import plot_files
from loadworthy.report.scenario_figures import short_group
from loadworthy.report.several_trend import TrendRow, trend_rows
from loadworthy.told import Told, piece, untold

SCHEMA = 1
FOLDER, PAGE, DATA = "reports", "performance_report.html", "performance_report.json"
"""Where the report stands, below the folder of the runs."""

_ORDER = {kind.value: place for place, kind in enumerate(ScenarioKind)}
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Newest:
    """A scenario as its newest run shows it; ``anchor`` is its place in the page."""

    run: str
    anchor: str
    has_report: bool
    started_at: str | None
    summary: ScenarioSummary
    figures: Sequence[KeyFigure]
    parts: Sequence[Second]
    timeline: Sequence[Second]
    group: FigureGroup
    resources: ResourceSeries | None

    @property
    def drawn(self) -> Sequence[DrawnFigure]:
        """Its figures, in order."""
        return list(self.group.drawn().values())


@dataclass(frozen=True, slots=True)
class Several:
    """Runs of one folder: the newest of each scenario, the trend with the newest first, and what could not be read."""

    directory: str
    scenarios: tuple[Newest, ...]
    trend: tuple[TrendRow, ...]
    runs: int
    problems: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of the newest verdicts."""
        return worst(one.summary.verdict for one in self.scenarios)


@dataclass(frozen=True, slots=True)
class SeveralFiles:
    """The report and where it was written: the page, the data, then the plots."""

    report: Several
    files: tuple[Path, ...]


def write_several(directory: Path, names: Sequence[str] | None = None, told: Told = untold) -> SeveralFiles:
    """Read the runs of a folder, all or those of these names, and write ``reports/`` below it.

    The same runs give the same bytes. ``told`` hears how far it is, 0..1.

    Raises:
        RunDirError: there are no runs, or the files cannot be written.
    """
    report = read_several(directory, names, told)
    folder = directory / FOLDER
    contents: dict[str, str | bytes] = {PAGE: several_html(report), DATA: several_json(report)}
    for file, drawing in plot_files([(one.summary.name, one.run, one.group) for one in report.scenarios]).items():
        contents |= {f"{PLOTS}/{file}.svg": drawing, f"{PLOTS}/{file}.png": png(drawing)}
    try:
        (folder / PLOTS).mkdir(parents=True, exist_ok=True)
        for file, content in contents.items():
            replace_file(folder / file, content)
    except OSError as error:
        raise RunDirError(f"cannot write the report below {folder}: {error.strerror or error}") from error
    return SeveralFiles(report, tuple(folder / file for file in contents))


def read_several(directory: Path, names: Sequence[str] | None = None, told: Told = untold) -> Several:
    """The runs of a folder (its subfolders with a ``run.json``), all or those of these names.

    RunDirError where there is none to be read.
    """
    known: list[tuple[Path, Json]] = []
    problems = []
    for path in _run_folders(directory):
        if names is not None and path.name not in names:
            continue
        try:
            known.append((path, _public_form(path)))
        except (RunDirError, AttributeError, KeyError, TypeError, ValueError) as error:
            problems.append(f"{path.name} cannot be read: {error}")
    if not known:
        more = f": {'; '.join(problems)}" if problems else ""
        raise RunDirError(f"there are no runs to report on in {directory}{more}; run some with their results put there")
    known.sort(key=lambda one: (str(one[1].get("started_at") or ""), one[0].name))
    newest: dict[str, Path] = {}
    for path, data in known:
        newest |= dict.fromkeys(data["scenarios"], path)
    scenarios = sorted(
        _newest(newest, told), key=lambda one: (_ORDER.get(one.summary.kind, len(_ORDER)), one.summary.name)
    )
    return Several(directory.name, tuple(scenarios), tuple(trend_rows(known)), len(known), tuple(problems))


def several_html(report: Several) -> str:
    """The page: nothing else is needed to look at it, but it links to the runs' own reports."""
    trends = FigureGroup("trend", trend_figures(report.trend))
    groups = [*(one.group for one in report.scenarios if one.group.figures), *([trends] if trends.figures else [])]
    text: str = (
        report_environment()
        .get_template("several.html.j2")
        .render(
            report=report,
            verdict=report.verdict,
            meaning=MEANINGS[report.verdict],
            reasons=what_is_wrong(report),
            trends=list(trends.drawn().values()),
            scripts=scripts_of(groups, CHARTS, TABLES, REPORT),
        )
    )
    return utf8(text)


def what_is_wrong(report: Several) -> list[str]:
    """Of each scenario that did not pass what decided that, the worst first."""
    found = []
    for verdict in (Verdict.INVALID, Verdict.FAIL, Verdict.UNDECIDED):
        for scenario in (one.summary for one in report.scenarios if one.summary.verdict is verdict):
            told = [one.text.rstrip(".") for one in scenario.reasons if one.verdict is verdict]
            told += [one.reason.rstrip(".") for one in scenario.thresholds if one.verdict is verdict]
            more = f", and {len(told) - 1} more" if len(told) > 1 else ""
            found.append(f"{scenario.name}: {''.join(told[:1]) or verdict.value}{more}.")
    return found


def several_json(report: Several) -> str:
    """The same as data, with the newest runs second by second."""
    scenarios = {
        one.summary.name: {
            "run": one.run,
            "started_at": one.started_at,
            "kind": one.summary.kind,
            "verdict": one.summary.verdict.value,
            "key_figures": {figure.key: figure.value for figure in one.figures},
            "summary": one.summary.to_json(),
            "parts": [part.to_json() for part in one.parts],
            "timeline": [second.to_json() for second in one.timeline],
            "resources": {} if one.resources is None else one.resources.points,
        }
        for one in report.scenarios
    }
    data = {
        "schema": SCHEMA,
        "verdict": report.verdict.value,
        "scenarios": scenarios,
        "runs": [asdict(row) for row in report.trend],
        "problems": list(report.problems),
    }
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _run_folders(directory: Path) -> list[Path]:
    try:
        return sorted(path for path in directory.iterdir() if (path / MANIFEST).is_file())
    except OSError as error:
        raise RunDirError(f"cannot read the folder {directory}: {error.strerror or error}") from error


def _public_form(path: Path) -> Json:
    """What ``summary.json`` says, or would say."""
    run = Run.open(path)
    try:
        data = json.loads((path / SUMMARY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        data = None
    if isinstance(data, dict) and data.get("schema") == SUMMARY_SCHEMA and isinstance(data.get("scenarios"), dict):
        return data
    return summarize(run).to_json()


def _newest(newest: Mapping[str, Path], told: Told) -> list[Newest]:
    """Each run is read once, however many scenarios it is the newest of."""
    found = []
    anchors = {name: f"s{place}" for place, name in enumerate(newest, 1)}
    paths = list(dict.fromkeys(newest.values()))
    for number, path in enumerate(paths):
        run = Run.open(path)
        try:
            reading = read(run, piece(told, number, len(paths)))
            summary = summarize(run, reading)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise RunDirError(f"{path} is damaged: {type(error).__name__}: {error}") from error
        resources = resource_series(run.resources, reading.totals.scenarios)
        for name in (name for name, place in newest.items() if place == path and name in summary.scenarios):
            scenario = summary.scenarios[name]
            parts = parts_of(scenario, reading.timeline)
            found.append(
                Newest(
                    run=path.name,
                    anchor=anchors[name],
                    has_report=(path / "report.html").is_file(),
                    started_at=summary.started_at,
                    summary=scenario,
                    figures=key_figures(scenario, parts),
                    parts=parts,
                    timeline=reading.timeline.seconds(name),
                    group=short_group(anchors[name], scenario, reading, run.events, resources.get(name)),
                    resources=resources.get(name),
                )
            )
    return found
