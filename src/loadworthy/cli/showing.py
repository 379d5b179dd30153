"""What the terminal shows at the end of a run, and of ``loadworthy report``."""

from __future__ import annotations

import os
from pathlib import Path

from loadworthy.errors import ExitCode, RunDirError


def show_run(path: Path) -> ExitCode:
    """Write summary and reports of a run directory, print the closing view; the verdict's exit code."""
    from rich.console import Console

    from loadworthy.record.rundir import Run
    from loadworthy.report.text import print_closing_view
    from loadworthy.report.write import write_reports

    run = Run.open(path)
    try:
        summary, files = write_reports(run)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RunDirError(f"{path} is damaged: {type(error).__name__}: {error}") from error
    print_closing_view(
        Console(),
        summary,
        failures=run.failures,
        target=run.manifest.get("target"),
        files=[_short(file) for file in files],
    )
    return ExitCode(summary.exit_code)


def _short(path: Path) -> str:
    """Relative to the working directory where that is shorter."""
    relative = os.path.relpath(path)
    return min((relative, str(path)), key=len)
