"""What the terminal shows at the end of a run, and of ``loadworthy report``."""

from __future__ import annotations

from pathlib import Path

from loadworthy.errors import ExitCode


def show_run(path: Path) -> ExitCode:
    """Write summary and reports of a run directory, print the closing view; the verdict's exit code."""
    from rich.console import Console

    from loadworthy.analysis.summarize import summarize
    from loadworthy.record.rundir import Run
    from loadworthy.report.text import closing_view
    from loadworthy.report.write import write_reports

    files = write_reports(path)
    summary = summarize(Run.open(path))
    Console(highlight=False).print(closing_view(summary, files))
    return ExitCode(summary.exit_code)
