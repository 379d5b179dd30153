"""Runs a request with a live view and shows what came out."""

from __future__ import annotations

from loadworthy.cli.showing import show_run
from loadworthy.engine.run import RunRequest, run_plan
from loadworthy.errors import ExitCode


def run_and_show(request: RunRequest) -> ExitCode:
    """Run, judge, print; the exit code is the verdict's, 130 where the run was interrupted."""
    from rich.console import Console

    from loadworthy.report.live import make_view

    with make_view(Console(), request.loaded.plan) as view:
        outcome = run_plan(request, view)
    return show_run(outcome.path)
