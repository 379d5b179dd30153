"""Runs a request with a live view and shows what came out."""

from __future__ import annotations

from loadworthy.cli.showing import show_run
from loadworthy.engine.run import RunOutcome, RunRequest, run_plan
from loadworthy.errors import ExitCode
from loadworthy.plan.model import Plan


def run_and_show(request: RunRequest) -> ExitCode:
    """Run, judge, print; the exit code is the verdict's, 130 where the run was interrupted."""
    from loadworthy.cli.console import PatientConsole
    from loadworthy.report.live import make_view

    outcome: RunOutcome | None = None
    try:
        with make_view(PatientConsole(), _chosen(request)) as view:
            outcome = run_plan(request, view)
    except OSError:
        # A terminal that is gone by the end of the run is no reason not to judge it.
        if outcome is None:
            raise
    return show_run(outcome.path)


def _chosen(request: RunRequest) -> Plan:
    """The plan with the scenarios that will run."""
    plan = request.loaded.plan
    chosen = {name: one for name, one in plan.scenarios.items() if not request.scenarios or name in request.scenarios}
    return plan.model_copy(update={"scenarios": chosen or plan.scenarios})
