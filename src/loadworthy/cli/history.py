"""``loadworthy history``: the trend over a folder of runs, and where it changed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadworthy.cli.sides import is_changed_by_hand, runs_in, summary_of
from loadworthy.errors import ExitCode, LoadworthyError, UsageError

if TYPE_CHECKING:
    from loadworthy.analysis.trend import Trend, TrendPoint
    from loadworthy.record.index import RunIndex

EPILOG = """\
examples:
  loadworthy history
  loadworthy history runs --scenario load --series "GET /items" --figure p99
  loadworthy history --json > history.json

A change point is where a figure changed its level for good, and it is shown with the commit. Runs that are invalid,
were cut short, or had their load changed by hand take no part in that, and only the last 500 of the others are looked
at. The figures are kept in history.sqlite beside the runs; it is made again from them whenever it is missing or does
not fit.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("folder", metavar="DIR", nargs="?", type=Path, default=Path("runs"),
                        help="the folder that holds the runs (runs)")  # fmt: skip
    parser.add_argument("--scenario", metavar="NAME", help="only this one")
    parser.add_argument("--series", metavar="NAME", default="", help="one series of it, e.g. 'GET /items'")
    figures = "p50 p90 p95 p99 p999 mean max error_rate throughput capacity requests"
    drawn = f"what to draw and to look for changes in: {figures} (p95; of a search its capacity)"
    parser.add_argument("--figure", metavar="NAME", help=drawn)
    parser.add_argument("--rebuild", action="store_true", help="read all runs again")
    parser.add_argument("--json", action="store_true", help="print JSON")


def execute(arguments: argparse.Namespace) -> ExitCode:
    """Bring the index up to date, print the trends."""
    from loadworthy.cli.console import error_console
    from loadworthy.cli.working import working
    from loadworthy.clock import SystemClock
    from loadworthy.record.index import FIGURES, RunIndex

    folder: Path = arguments.folder
    if arguments.figure not in (None, *FIGURES):
        raise UsageError(f"--figure {arguments.figure}: there are: {', '.join(FIGURES)}")
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no such folder")
    with RunIndex(folder) as index:
        if arguments.rebuild:
            index.clear()
        with working(error_console(), "reading the runs", SystemClock()) as told:
            notes = list(refresh(index, folder, told))
        trends = list(_trends(index, arguments, notes))
        if not trends:
            more = "".join(f"\n    {note}" for note in notes)
            raise UsageError(f"{folder} holds no run that can be read{more}")
        if not index.kept:
            notes.append(f"{index.path} cannot be written, so all runs were read again.")
    _print(folder, trends, notes, arguments.json)
    return ExitCode.PASS


def refresh(index: RunIndex, folder: Path, told: Callable[[float], None]) -> Iterator[str]:
    """Bring the index up to date with the runs of a folder; tells of those that cannot be read.

    ``told`` hears how many of the runs were looked at, as a share.
    """
    from loadworthy.analysis.trend import indexed_run
    from loadworthy.record.rundir import Run

    known = index.stamps()
    paths = {path.name: path for path in runs_in(folder)}
    index.remove(name for name in known if name not in paths)
    for number, (name, path) in enumerate(paths.items()):
        told(number / len(paths))
        stamp = _stamp(path)
        if known.get(name) == stamp:
            continue
        try:
            run = Run.open(path)
            summary = summary_of(run)
            kept = indexed_run(name, stamp, summary, run.manifest)
            index.put(replace(kept, cut_short=_is_cut_short(run.manifest, summary) or is_changed_by_hand(summary)))
        except LoadworthyError as error:
            index.remove([name])
            yield f"passed over {name}: {error}"
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            index.remove([name])
            yield (
                f"passed over {name}: its summary is damaged ({type(error).__name__}: {error}); make it again: "
                f"loadworthy report {path}"
            )


def _is_cut_short(manifest: Mapping[str, Any], summary: Mapping[str, Any]) -> bool:
    """Whether the run was killed, or interrupted before its planned end. One that ended itself for a threshold that it
    missed tells of the service, and may be the first of a worse level."""
    from loadworthy.analysis.ending import judge_ending
    from loadworthy.analysis.verdict import Verdict

    return judge_ending(manifest, summary.get("duration_s")).verdict is Verdict.UNDECIDED


def _stamp(path: Path) -> str:
    """Changes when the run does: its summary, or, where it has none, what was recorded."""
    from loadworthy.record.rundir import INTERVALS, MANIFEST, SUMMARY

    source = SUMMARY if (path / SUMMARY).is_file() else INTERVALS
    return " ".join(f"{name}:{_size_and_time(path / name)}" for name in (MANIFEST, source))


def _size_and_time(path: Path) -> str:
    try:
        found = path.stat()
    except OSError:
        return "none"
    return f"{found.st_size}:{found.st_mtime_ns}"


def _trends(index: RunIndex, arguments: argparse.Namespace, notes: list[str]) -> Iterator[Trend]:
    from loadworthy.analysis.trend import TrendPoint

    scenarios = index.scenarios()
    if scenarios and arguments.scenario is not None and arguments.scenario not in scenarios:
        raise UsageError(f"--scenario {arguments.scenario}: no run has it; there are: {', '.join(scenarios)}")
    chosen = [name for name in scenarios if arguments.scenario in (None, name)]
    if arguments.series:
        known = list(dict.fromkeys(label for name in chosen for label in index.series(name)))
        if known and arguments.series not in known:
            raise UsageError(f"--series {arguments.series}: no run has it; there are: {', '.join(known)}")
    for name in chosen:
        points = [TrendPoint(run, series) for run, series in index.history(name, arguments.series)]
        if points:
            searched = any("capacity" in point.figures for point in points)
            figure = arguments.figure or ("capacity" if searched else "p95")
            yield _trend(name, arguments.series, figure, points, notes)


def _trend(scenario: str, series: str, figure: str, points: Sequence[TrendPoint], notes: list[str]) -> Trend:
    """All runs, and the changes of level among those that came to their end."""
    from loadworthy.analysis.change_points import MOST_RUNS
    from loadworthy.analysis.trend import trend

    ended = [point for point in points if not point.run.cut_short]
    if len(ended) < len(points):
        few = len(points) - len(ended)
        words = "1 run was" if few == 1 else f"{few} runs were"
        why = "cut short (killed or interrupted) or changed by hand"
        notes.append(f"{scenario}: {words} {why}, and left out in looking for changes.")
    judged = sum(figure in point.figures and point.run.verdict != "invalid" for point in ended)
    if judged > MOST_RUNS:
        notes.append(f"{scenario}: changes were looked for in the last {MOST_RUNS} of {judged:,} runs.")
    return replace(trend(scenario, series, figure, ended), points=tuple(points))


def _print(folder: Path, trends: list[Trend], notes: list[str], as_json: bool) -> None:
    from loadworthy.cli.console import PatientConsole
    from loadworthy.report.history import history_json, history_text, print_history

    console = PatientConsole()
    if as_json:
        sys.stdout.write(history_json(str(folder), trends, notes))
    elif console.is_terminal:
        print_history(console, trends, notes)
    else:
        sys.stdout.write(history_text(trends, notes))
    sys.stdout.flush()
