"""What the benchmarks of honesty share: cores, runs of ours, what the machine is."""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from targets import pinned, start_target

__all__ = ["Run", "cores", "describe", "loadworthy", "pinned", "run_command", "start_target"]

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # the oracles are those of the tests


@dataclass(frozen=True)
class Run:
    """A finished run of ours."""

    path: Path
    said: Mapping[str, Any]
    """Its one scenario in ``summary.json``."""
    verdict: str


def cores() -> tuple[int | None, int | None]:
    """The first core for the generator and the last for the server; None where there is but one, or no pinning."""
    if not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2:
        return None, None
    generator, *_, server = sorted(os.sched_getaffinity(0))
    return generator, server


def describe() -> str:
    """When and where, without a name: figures hold for the machine and the hour."""
    day = dt.datetime.now(tz=dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    return f"{day}, {count} cores, {platform.system()}, Python {platform.python_version()}, load average {load}"


def run_command(command: Sequence[str], core: int | None, **environment: str) -> str:
    """Run it to its end on this core; its standard output.

    Raises:
        RuntimeError: if it ends badly. Ours may end with 4: a generator that found itself late says so.
    """
    with pinned(core):
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
            env={**os.environ, **environment},
        )  # fmt: skip
    if done.returncode not in {0, 4}:
        raise RuntimeError(f"{' '.join(command)} ended with code {done.returncode}\n{done.stdout}{done.stderr}"[-3000:])
    return done.stdout


def loadworthy(folder: Path, core: int | None, plan: Mapping[str, Any]) -> Run:
    """Run a plan of one scenario on this core."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "plan.json"
    path.write_text(json.dumps(plan))
    run_command([sys.executable, "-m", "loadworthy", "run", str(path), "--out", str(folder / "runs")], core)
    (run,) = (folder / "runs").iterdir()
    summary = json.loads((run / "summary.json").read_text())
    (said,) = summary["scenarios"].values()
    return Run(run, said, summary["verdict"])
