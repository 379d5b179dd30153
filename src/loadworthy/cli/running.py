"""Runs a request with a live view and shows what came out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

from loadworthy.cli.alerting import alerts_of
from loadworthy.cli.showing import RunResult, judge
from loadworthy.engine.control import Control
from loadworthy.engine.observer import Observer, SilentObserver, Watchers
from loadworthy.engine.run import OnEnvironment, RunOutcome, RunRequest, run_plan
from loadworthy.errors import ExitCode
from loadworthy.plan.model import Plan
from loadworthy.plan.reporting import DEFAULT_FORMATS, formats_of


def run_and_show(request: RunRequest) -> ExitCode:
    """Run, judge, print; the exit code is the verdict's, 130 where the run was interrupted."""
    return run_and_judge(request).exit_code


def run_and_judge(
    request: RunRequest,
    *,
    observers: Sequence[Observer] = (),
    view: bool = True,
    closing: bool = True,
    control: Control | None = None,
    on_environment: OnEnvironment | None = None,
    alerting: bool = True,
) -> RunResult:
    """Run with or without the live view, telling the observers, and judge with or without the closing view.

    ``control`` and ``on_environment`` as in :func:`~loadworthy.engine.run.run_plan`; ``alerting``: whether those whom
    the plan names are told.
    """
    _require_formats(request.loaded.plan)
    with alerts_of(request) if alerting else nullcontext() as alerts:
        outcome: RunOutcome | None = None
        try:
            with _view(request, view) as watching:
                others = observers if alerts is None else [*observers, alerts]
                observer = Watchers(watching, others) if others else watching
                if alerts is not None:
                    alerts.show_events_to(observer.on_event)
                outcome = run_plan(request, observer, control=control, on_environment=on_environment)
        except OSError:
            # A terminal that is gone by the end of the run is no reason not to judge it.
            if outcome is None:
                raise
        result = judge(outcome.path, closing=closing)
        if alerts is not None:
            alerts.ended(result)
    return result


def _require_formats(plan: Plan) -> None:
    """UsageError where a report that is wanted needs what is not installed: after the run it would be too late."""
    unusual = [name for name in formats_of(plan.reporting) if name not in DEFAULT_FORMATS]
    if unusual:
        from loadworthy.report.exports import require_extra

        for name in unusual:
            require_extra(name)


@contextmanager
def _view(request: RunRequest, wanted: bool) -> Iterator[Observer]:
    if not wanted:
        yield SilentObserver()
        return

    from loadworthy.cli.console import PatientConsole
    from loadworthy.report.live import make_view

    with make_view(PatientConsole(), _chosen(request)) as view:
        yield view


def _chosen(request: RunRequest) -> Plan:
    """The plan with the scenarios that will run."""
    plan = request.loaded.plan
    chosen = {name: one for name, one in plan.scenarios.items() if not request.scenarios or name in request.scenarios}
    return plan.model_copy(update={"scenarios": chosen or plan.scenarios})
