"""The command line as a real process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, cast

import yaml

TIME_LIMIT_S = 120
EASY_THRESHOLDS = ["error_rate <= 0%", "max < 1m"]
"""No request may fail, and whatever the machine is doing beside it is no matter: where no limit on times is said, the
generator is judged by the p99 that was measured, and one that stood still for a while makes the run invalid."""
EASY_FOR_A_LOCUSTFILE = ("--set", f"scenarios.locustfile.thresholds={json.dumps(EASY_THRESHOLDS)}")
"""The same for a run without a plan, as options."""


@dataclass(frozen=True)
class Done:
    """What a finished command said."""

    code: int
    out: str
    err: str


def loadworthy(
    *arguments: object,
    cwd: Path,
    environ: Mapping[str, str] | None = None,
    limit_s: float = TIME_LIMIT_S,
    reports: bool = False,
) -> Done:
    """Run the command to its end.

    A ``run`` leaves its summary; with ``reports`` the rest, too, whose pictures take longer than most runs of tests.
    """
    words = arguments if reports else _without_reports(arguments)
    return command("-m", "loadworthy", *words, cwd=cwd, environ=environ, limit_s=limit_s)


def _without_reports(arguments: tuple[object, ...]) -> tuple[object, ...]:
    if arguments[:1] != ("run",):
        return arguments
    at = arguments.index("--") if "--" in arguments else len(arguments)
    return (*arguments[:at], "--set", "reporting.formats=[]", *arguments[at:])


def command(
    *arguments: object, cwd: Path, environ: Mapping[str, str] | None = None, limit_s: float = TIME_LIMIT_S
) -> Done:
    """Run our Python with these arguments to its end."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        env=_environment(environ),
        capture_output=True,
        text=True,
        timeout=limit_s,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def _environment(environ: Mapping[str, str] | None) -> dict[str, str]:
    return {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "default", **(environ or {})}


class Started:
    """A command under way; killed by its id if the test ends before it does. As for :func:`loadworthy`."""

    def __init__(self, *arguments: object, cwd: Path, reports: bool = False) -> None:
        words = arguments if reports else _without_reports(arguments)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "loadworthy", *map(str, words)],
            cwd=cwd,
            env=_environment(None),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def send(self, number: signal.Signals) -> None:
        """A signal, to this process alone."""
        self.process.send_signal(number)

    def finish(self) -> tuple[int, str]:
        """Its exit code and all it printed."""
        out, _ = self.process.communicate(timeout=TIME_LIMIT_S)
        return self.process.returncode, out

    def lines(self) -> IO[str]:
        """What it prints, as it comes."""
        return cast("IO[str]", self.process.stdout)


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    """A hundred looks a second: who looks all the time takes the processor from what it waits for."""
    for _ in range(100 * TIME_LIMIT_S):
        if is_so():
            return
        threading.Event().wait(0.01)
    raise AssertionError(f"{what} never came")


def write_plan(folder: Path, plan: Mapping[str, Any], name: str = "plan.yaml") -> Path:
    """A plan file."""
    path = folder / name
    path.write_text(yaml.safe_dump(dict(plan), sort_keys=False), encoding="utf-8")
    return path


def only_run(folder: Path) -> Path:
    """The one run directory under ``runs``."""
    (run,) = sorted((folder / "runs").iterdir())
    return run


def summary_of(run: Path) -> Any:
    """``summary.json``."""
    return json.loads((run / "summary.json").read_text(encoding="utf-8"))


def files_of(run: Path) -> dict[str, bytes]:
    """Every file of a run directory, those in its folders too, by their path within it."""
    return {str(path.relative_to(run)): path.read_bytes() for path in sorted(run.rglob("*")) if path.is_file()}
