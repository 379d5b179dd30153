"""What the terminal shows at the end of a run, and of ``loadworthy report``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from loadworthy.errors import ExitCode, RunDirError

if TYPE_CHECKING:
    from loadworthy.analysis.summary import Summary
    from loadworthy.record.rundir import Run


def show_run(path: Path) -> ExitCode:
    """Write summary and reports of a run directory, print the closing view; the verdict's exit code."""
    from loadworthy.record.rundir import Run
    from loadworthy.report.write import write_reports

    run = Run.open(path)
    try:
        summary, files = write_reports(run)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RunDirError(f"{path} is damaged: {type(error).__name__}: {error}") from error
    try:
        _print_view(run, summary, files)
    except OSError as error:
        silence_output()
        print(f"loadworthy: cannot print ({error.strerror or error}); the reports are in {path}", file=sys.stderr)
    return ExitCode(summary.exit_code)


def _print_view(run: Run, summary: Summary, files: Sequence[Path]) -> None:
    from loadworthy.cli.console import PatientConsole
    from loadworthy.report.text import MAX_WIDTH, print_closing_view, render_text

    console = PatientConsole()
    parts = {"failures": run.failures, "target": run.manifest.get("target"), "files": [_short(file) for file in files]}
    if console.is_terminal:
        print_closing_view(console, summary, **parts)
    else:
        sys.stdout.write(render_text(summary, MAX_WIDTH, **parts))
    sys.stdout.flush()


def silence_output() -> None:
    """Standard output leads nowhere from now on, so that nothing fails over it again, the end of Python included."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _short(path: Path) -> str:
    """Relative to the working directory where that is shorter."""
    relative = os.path.relpath(path)
    return min((relative, str(path)), key=len)
