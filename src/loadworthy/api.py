"""The command line as functions, for scripts: run a plan, judge a run directory, end with the right exit code.

::

    from pathlib import Path

    from loadworthy import api

    def main() -> int:
        before = api.run(Path("plan.yaml"), scenarios=["smoke"])
        if before.exit_code:
            return before.exit_code
        return api.run(Path("plan.yaml"), overrides={"scenarios.load.users": 200}).exit_code

    if __name__ == "__main__":
        raise SystemExit(api.script(main))

Locust, which changes the process when it is imported, is imported by the first :func:`run`. A script that imports
``requests`` or ``urllib3`` by itself puts ``import locust`` before them; :func:`run` says so where that was forgotten.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadworthy.cli.guard import guarded
from loadworthy.cli.showing import RunResult, judge
from loadworthy.cli.target import load_target, override
from loadworthy.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from loadworthy.engine.observer import Observer

__all__ = ["RunResult", "judge", "run", "script"]


def run(
    plan: Path | str | Mapping[str, Any],
    *,
    base_dir: Path | None = None,
    scenarios: Sequence[str] = (),
    overrides: Mapping[str, Any] | None = None,
    out: Path = Path("runs"),
    observers: Sequence[Observer] = (),
    view: bool = True,
    closing: bool = True,
    processes: int = 1,
    seed: int | None = None,
    arguments: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
    preflight: bool = True,
    confirmed: bool = False,
) -> RunResult:
    """Run a plan as ``loadworthy run`` does, and judge it.

    ::

        result = run({"base_url": "http://localhost:8000",
                      "scenarios": {"load": {"users": 5, "run_time": "10s", "endpoints": [{"path": "/"}]}}})
        print(result.summary.verdict, result.path)

    Call it in the main thread: it takes Ctrl-C and SIGTERM while the run lasts. Runs one after another in one process
    do not hear each other.

    Args:
        plan: a plan file, a locustfile (``.py``), or the plan itself as plain data.
        base_dir: where the relative paths of a plan given as data start (the working directory).
        scenarios: names of those to run; all when empty.
        overrides: dotted path → value, as ``--set``: ``{"scenarios.load.users": 50}``; None removes the key.
        out: folder that holds the run directories.
        observers: told of the run while it goes on, beside the view; must not block. One that raises does not end the
            run: the first time is a warning event.
        view: whether the terminal shows the run while it goes on.
        closing: whether the closing view is printed.
        processes: how many make the load on this machine; 1 is this one.
        seed: of everything random, instead of the plan's.
        arguments: options for the locustfile's own parser, e.g. ``["--keep-data"]``.
        environ: what ``${NAME}`` in the plan stands for; the process's environment if not given.
        preflight: whether a target where nothing listens ends the run before it begins.
        confirmed: whether much load on another machine is meant, as ``--yes-really``.

    Raises:
        LoadworthyError: what the command would say in one line; :func:`script` does so.
    """
    if processes < 1:
        raise UsageError(f"processes={processes}: at least one process makes the load")
    replaced = [override(key, value) for key, value in (overrides or {}).items()]
    loaded = load_target(
        plan if isinstance(plan, Mapping) else Path(plan),
        environ=os.environ if environ is None else environ,
        base_dir=base_dir,
        overrides=replaced,
        scenarios=scenarios,
    )
    _check_import_order()

    from loadworthy.cli.running import run_and_judge  # imports Locust, which takes half a second
    from loadworthy.engine.run import RunRequest

    request = RunRequest(
        loaded=loaded,
        out=out,
        scenarios=tuple(scenarios),
        children=0 if processes == 1 else processes,
        seed=seed,
        arguments=tuple(arguments),
        preflight=preflight,
        confirmed=confirmed,
    )
    return run_and_judge(request, observers=observers, view=view, closing=closing)


def script(main: Callable[[], int | ExitCode]) -> int:
    """Run a script's main function; the exit code for ``sys.exit``.

    A :class:`~loadworthy.errors.LoadworthyError` becomes one line on standard error, ``NAME: message``, and its exit
    code; Ctrl-C becomes 130. A mistake of the script itself keeps its traceback, and ends with 4: Python's own exit
    code, 1, would read as the verdict ``fail``.

    ::

        if __name__ == "__main__":
            raise SystemExit(script(main))
    """
    path = Path(sys.argv[0])
    return guarded(path.parent.name if path.name == "__main__.py" else path.name, main)


def _check_import_order() -> None:
    """Locust gives the process another ``SSLContext``; classes that were derived from the old one recurse for ever."""
    if "urllib3" in sys.modules and "locust" not in sys.modules:
        raise UsageError(
            "this program imported urllib3 (or requests) before Locust, which breaks TLS in it: "
            "put `import locust` at its top, before its other imports"
        )
