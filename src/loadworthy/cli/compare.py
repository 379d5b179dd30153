"""``loadworthy compare BASE... --to NEW...``: is it worse?"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from loadworthy.cli.sides import compare_runs, expand, parse_percentiles, parse_tolerance
from loadworthy.errors import ExitCode, RunDirError, UsageError

if TYPE_CHECKING:
    from loadworthy.analysis.comparison import Question
    from loadworthy.report.compare import CompareReport

EPILOG = """\
examples:
  loadworthy compare runs/2026-11-20T* --to runs/2026-11-27T*
  loadworthy compare before/ --to after/ --tolerance 3% --scenario load
  loadworthy compare --to runs/2026-11-27T14-05-09-load --html comparison.html

BASE and NEW are run directories, or folders that hold some. Without BASE it is the one that `loadworthy baseline set`
has set. At least five runs a side are wanted; one a side decides nothing unless --one-run-is-enough is given.

exit codes: 0 not worse, 1 worse, 2 usage error, 3 undecided
"""
TOLERANCE = "5%"
PERCENTILES = ("p50", "p95", "p99")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        "base", metavar="BASE", nargs="*", type=Path, help="what was before (the baseline that was set)"
    )
    parser.add_argument("--to", metavar="NEW", nargs="+", type=Path, required=True, help="what is compared with it")
    parser.add_argument("--baseline", metavar="NAME", help="which of several baselines, where no BASE is given")
    what = parser.add_argument_group("what to compare")
    what.add_argument("--scenario", metavar="NAME", action="append", default=[], help="only this one; may be repeated")
    what.add_argument("--series", metavar="PATTERN", help="only series of that name; * is any text: 'GET /items*'")
    what.add_argument("--percentile", metavar="P", nargs="+", default=PERCENTILES,
                      help="percentiles of the response time (p50 p95 p99)")  # fmt: skip
    add_tolerance(parser)
    parser.add_argument("--one-run-is-enough", action="store_true",
                        help="let one run a side decide, by what changed within the runs alone")  # fmt: skip
    parser.add_argument("--force", action="store_true", help="compare runs that are invalid, too")
    add_outputs(parser)


def add_tolerance(parser: argparse.ArgumentParser) -> None:
    """The option that says how much worse is no matter."""
    parser.add_argument("--tolerance", metavar="SHARE", default=TOLERANCE,
                        help=f"relative change that is still no matter ({TOLERANCE}%)")  # fmt: skip


def add_outputs(parser: argparse.ArgumentParser) -> None:
    """The options that say where else the comparison goes."""
    parser.add_argument("--json", metavar="FILE", type=Path, help="write it as JSON, too")
    parser.add_argument("--markdown", metavar="FILE", type=Path, help="write it as Markdown, too")
    parser.add_argument("--html", metavar="FILE", type=Path, help="write it as a page, too")


def execute(arguments: argparse.Namespace) -> ExitCode:
    """Read the runs, compare them, print it."""
    new = expand(arguments.to)
    base = expand(arguments.base) if arguments.base else _baseline(arguments.to[0], arguments.baseline)
    if arguments.base and arguments.baseline is not None:
        raise UsageError("--baseline is for where no BASE is given; leave one of them out")
    report = compare_runs(base, new, _question(arguments), force=arguments.force)
    print_report(report)
    write_outputs(report, json_file=arguments.json, markdown_file=arguments.markdown, html_file=arguments.html)
    return exit_code(report)


def _question(arguments: argparse.Namespace) -> Question:
    from loadworthy.analysis.comparison import Question

    return Question(
        tolerance=parse_tolerance(arguments.tolerance),
        fractions=parse_percentiles(arguments.percentile),
        scenarios=tuple(arguments.scenario),
        series=arguments.series,
        one_run_is_enough=arguments.one_run_is_enough,
    )


def _baseline(new: Path, name: str | None) -> Sequence[Path]:
    """The runs of the baseline in the folder that holds NEW."""
    from loadworthy.record.baselines import BASELINES, DEFAULT_NAME, read_baselines
    from loadworthy.record.rundir import MANIFEST

    folder = new.resolve().parent if (new / MANIFEST).is_file() else new
    baselines = read_baselines(folder)
    chosen = baselines.get(name or DEFAULT_NAME)
    if chosen is None:
        has = f"it has: {', '.join(baselines)}" if baselines else "none was set there"
        raise UsageError(
            f"no BASE is given, and {folder / BASELINES} has no baseline {name or DEFAULT_NAME} ({has}); "
            "name the runs to compare with, or set them: loadworthy baseline set RUN..."
        )
    paths = chosen.paths(folder)
    gone = [path.name for path in paths if not (path / MANIFEST).is_file()]
    if gone:
        raise RunDirError(f"the baseline {chosen.name} names runs that are gone: {', '.join(gone)}; set it again")
    return paths


def print_report(report: CompareReport) -> None:
    """On the terminal, or as plain text where there is none."""
    import sys

    from loadworthy.cli.console import PatientConsole
    from loadworthy.report.compare import compare_text, print_compare

    console = PatientConsole()
    if console.is_terminal:
        print_compare(console, report)
    else:
        sys.stdout.write(compare_text(report))
    sys.stdout.flush()


def write_outputs(
    report: CompareReport, *, json_file: Path | None, markdown_file: Path | None, html_file: Path | None
) -> None:
    """Write the files that were asked for. UsageError where one cannot be."""
    from loadworthy.record.rundir import replace_file
    from loadworthy.report.compare import compare_json, compare_markdown

    wanted: list[tuple[Path | None, Callable[[CompareReport], str]]] = [
        (json_file, compare_json),
        (markdown_file, compare_markdown),
    ]
    if html_file is not None:
        from loadworthy.report.compare_html import compare_html  # it draws, which takes libraries

        wanted.append((html_file, compare_html))
    for path, render in wanted:
        if path is not None:
            try:
                replace_file(path, render(report))
            except OSError as error:
                raise UsageError(f"cannot write {path}: {error.strerror or error}") from error


def exit_code(report: CompareReport) -> ExitCode:
    """0 not worse, 1 worse, 3 undecided."""
    from loadworthy.analysis.compared_figures import Change

    codes = {Change.WORSE: ExitCode.FAIL, Change.UNDECIDED: ExitCode.UNDECIDED}
    return codes.get(report.comparison.verdict, ExitCode.PASS)
