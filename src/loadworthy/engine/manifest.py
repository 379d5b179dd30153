"""Facts about a run for ``run.json``: who ran what, where, with which versions."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

Json = dict[str, Any]


def iso(wall_us: int) -> str:
    """UTC, ISO 8601, with milliseconds."""
    return datetime.fromtimestamp(wall_us / 1e6, UTC).isoformat(timespec="milliseconds")


def run_dir_name(wall_us: int, name: str) -> str:
    """``2026-11-20T14-05-09-load``: sorts by time, and is a file name everywhere."""
    stamp = datetime.fromtimestamp(wall_us / 1e6, UTC).strftime("%Y-%m-%dT%H-%M-%S")
    safe = "".join(char if char.isalnum() or char in "._-" else "-" for char in name).strip("-.")[:60]
    return f"{stamp}-{safe or 'run'}"


def versions() -> Json:
    """Of what made the load."""
    return {
        "loadworthy": version("loadworthy"),
        "python": platform.python_version(),
        "locust": version("locust"),
        "gevent": version("gevent"),
    }


def host() -> Json:
    """Of the machine."""
    return {
        "name": socket.gethostname(),
        "platform": platform.platform(),
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
    }


def git_state(folder: Path) -> Json | None:
    """``revision`` and ``dirty`` of the checkout that holds the folder; None where there is none or no git."""
    revision = _git(folder, "rev-parse", "HEAD")
    if revision is None:
        return None
    return {"revision": revision, "dirty": bool(_git(folder, "status", "--porcelain", "--untracked-files=no"))}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603  # fixed words, no shell
            ["git", *arguments],  # noqa: S607  # git is found like any user finds it
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def scenario_facts(
    planned: Mapping[str, float | None], together: Sequence[Sequence[str]] | None = None
) -> float | None:
    """The planned length of a run in seconds, None where a scenario has no planned end.

    Args:
        planned: the length of each scenario.
        together: the names in waves that run one after another; unless given, each scenario runs by itself.
    """
    if None in planned.values():
        return None
    waves = [[name] for name in planned] if together is None else together
    return float(sum(max(planned[name] or 0.0 for name in wave) for wave in waves))
