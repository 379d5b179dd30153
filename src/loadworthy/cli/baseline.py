"""``loadworthy baseline``: which runs new ones are compared with."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from loadworthy.cli.sides import expand, first_reason, is_invalid, summary_of
from loadworthy.errors import ExitCode, RunDirError, UsageError

EPILOG = """\
examples:
  loadworthy baseline set runs/2026-11-20T*
  loadworthy baseline set runs/2026-11-20T* --name release-1.4
  loadworthy baseline show

`loadworthy compare --to NEW...` compares with it. The names are kept in baseline.json beside the runs.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add what can be done with baselines."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    setting = actions.add_parser("set", help="keep these runs as the baseline", description="Keep runs as a baseline.",
                                 epilog="example:\n  loadworthy baseline set runs/2026-11-20T*",
                                 formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    setting.add_argument("runs", metavar="RUN", nargs="+", type=Path, help="run directories, or folders that hold some")
    setting.add_argument("--name", metavar="NAME", default="", help="a name for it, where there are to be several")
    setting.add_argument("--out", metavar="DIR", type=Path,
                         help="the folder that holds the runs (that of the first run)")  # fmt: skip
    showing = actions.add_parser("show", help="show the baselines", description="Show the baselines of a folder.",
                                 epilog="example:\n  loadworthy baseline show --out runs",
                                 formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    showing.add_argument("--name", metavar="NAME", default="", help="only this one")
    showing.add_argument("--out", metavar="DIR", type=Path, default=Path("runs"), help="the folder of the runs (runs)")


def execute(arguments: argparse.Namespace) -> ExitCode:
    """Set it or show it."""
    return _set(arguments) if arguments.action == "set" else _show(arguments)


def _set(arguments: argparse.Namespace) -> ExitCode:
    from datetime import UTC, datetime

    from loadworthy.cli.console import error_console
    from loadworthy.cli.working import working
    from loadworthy.clock import SystemClock
    from loadworthy.record.baselines import BASELINES, DEFAULT_NAME, set_baseline

    runs = expand(arguments.runs)
    folder: Path = arguments.out or runs[0].resolve().parent
    if not folder.is_dir():
        raise UsageError(f"--out {folder}: there is no such folder")
    set_at = datetime.now(UTC).isoformat(timespec="seconds")
    baseline = set_baseline(folder, arguments.name or DEFAULT_NAME, runs, set_at)
    count = len(baseline.runs)
    few = "" if count >= 5 else "; five or more let a comparison see how much runs vary"
    kept = f"{count} run{'s' if count != 1 else ''}, kept in {os.path.relpath(folder / BASELINES)}"
    print(f"baseline {baseline.name}: {kept}{few}")
    with working(error_console(), "reading the runs", SystemClock()) as told:
        warnings = list(_warnings(runs, told))
    for line in warnings:
        print(line, file=sys.stderr)
    return ExitCode.PASS


def _warnings(runs: Sequence[Path], told: Callable[[float], None]) -> Iterator[str]:
    """A line for each of the runs that a comparison will refuse."""
    from loadworthy.record.rundir import Run
    from loadworthy.report.text import plain

    for number, path in enumerate(runs):
        told(number / len(runs))
        try:
            summary = summary_of(Run.open(path))
        except RunDirError as error:
            yield plain(f"loadworthy: warning: no comparison can read {path.name}: {error}")
            continue
        if is_invalid(summary):
            remedy = "compare refuses it, unless --force is given; better set the baseline without it"
            yield plain(f"loadworthy: warning: {path.name} is invalid ({first_reason(summary).rstrip('.')}): {remedy}")


def _show(arguments: argparse.Namespace) -> ExitCode:
    from loadworthy.record.baselines import BASELINES, read_baselines
    from loadworthy.record.rundir import MANIFEST
    from loadworthy.report.text import plain

    folder: Path = arguments.out
    baselines = read_baselines(folder)
    if arguments.name and arguments.name not in baselines:
        raise UsageError(
            f"{folder / BASELINES} has no baseline {arguments.name}; it has: {', '.join(baselines) or 'none'}"
        )
    if not baselines:
        raise UsageError(f"{folder} has no baseline; set one: loadworthy baseline set RUN...")
    for baseline in baselines.values():
        if arguments.name in ("", baseline.name):
            print(plain(f"{baseline.name}, set {baseline.set_at}"))
            for name, path in zip(baseline.runs, baseline.paths(folder), strict=True):
                print(plain(f"  {name}{'' if (path / MANIFEST).is_file() else '  (gone)'}"))
    return ExitCode.PASS
