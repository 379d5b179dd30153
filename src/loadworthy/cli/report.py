"""``loadworthy report RUN``: summary and reports again, from what was recorded; or one report over several runs."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from loadworthy.cli.showing import show_run
from loadworthy.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from loadworthy.report.several import Several

EPILOG = """\
examples:
  loadworthy report runs/2026-11-20T14-05-09-load
  loadworthy report runs                            all runs of a folder in one report
  loadworthy report runs/2026-11-20*                these runs in one report

A report over several runs shows each scenario as its newest run does, and all runs as a trend. It is written to
reports/performance_report.html beside the runs, with its data and plots.

The exit code is the verdict's, as after the run itself; of several, the worst of the newest ones.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("run", metavar="RUN", type=Path, nargs="+", help="a run directory, or a folder that holds some")


def execute(arguments: argparse.Namespace) -> ExitCode:
    """Write the files, print what is in them."""
    from loadworthy.record.rundir import MANIFEST

    paths: list[Path] = arguments.run
    if len(paths) > 1:
        return _several(_common_folder(paths), [path.resolve().name for path in paths])
    only = paths[0]
    holds_runs = not (only / MANIFEST).is_file() and any(only.glob(f"*/{MANIFEST}"))
    return _several(only, None) if holds_runs else show_run(only)


def _common_folder(paths: Sequence[Path]) -> Path:
    """The folder that holds all of these run directories; the report is written there, and links to them."""
    from loadworthy.record.rundir import MANIFEST

    for path in paths:
        if not (path / MANIFEST).is_file():
            raise UsageError(f"{path} is no run directory; name run directories, or one folder that holds some")
    folders = {path.resolve().parent for path in paths}
    if len(folders) > 1:
        raise UsageError("the runs lie in different folders; a report over several runs stands beside them: move them")
    return paths[0].parent


def _several(folder: Path, names: Sequence[str] | None) -> ExitCode:
    from loadworthy.analysis.verdict import exit_code_of
    from loadworthy.cli.console import error_console
    from loadworthy.cli.working import working
    from loadworthy.clock import SystemClock
    from loadworthy.report.several import write_several

    with working(error_console(), "reading the runs", SystemClock()) as told:
        written = write_several(folder, names, told)
    _tell(written.report)
    print(f"\n{written.files[0]}")
    return exit_code_of(written.report.verdict)


def _tell(report: Several) -> None:
    from loadworthy.report.terminal import mark, plain

    for one in report.scenarios:
        verdict = one.summary.verdict
        print(f"{mark(verdict).plain} {verdict.value:9} {plain(one.summary.name)}  {plain(one.run)}")
    for problem in report.problems:
        print(f"? {plain(problem)}")
