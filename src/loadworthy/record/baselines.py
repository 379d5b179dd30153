"""Which runs new ones are compared with: ``baseline.json`` in the folder that holds the runs.

::

    {"schema": 1,
     "baselines": {"default": {"set_at": "2026-11-20T15:00:00+00:00", "runs": ["2026-11-20T14-05-09-load"]}}}

Runs are kept by their path relative to the folder, so that the folder can be moved.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadworthy.errors import RunDirError
from loadworthy.record.rundir import replace_file

BASELINES = "baseline.json"
DEFAULT_NAME = "default"
SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Baseline:
    """Runs with a name. ``runs`` are paths relative to the folder; ``set_at`` is UTC in ISO 8601."""

    name: str
    runs: tuple[str, ...]
    set_at: str

    def paths(self, folder: Path) -> list[Path]:
        """Where its runs are."""
        return [folder / run for run in self.runs]


def read_baselines(folder: Path) -> dict[str, Baseline]:
    """Those of a folder by their names; none where none was ever set. RunDirError where the file is not what it should
    be."""
    path = folder / BASELINES
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise RunDirError(f"cannot read {path}: {error}; mend it, or remove it and set the baseline again") from error
    try:
        if data["schema"] != SCHEMA:
            raise RunDirError(f"{path} has schema {data['schema']!r}; this version reads {SCHEMA}")
        return {name: _baseline(name, one) for name, one in data["baselines"].items()}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise RunDirError(f"{path} is no list of baselines; remove it and set the baseline again") from error


def set_baseline(folder: Path, name: str, runs: Sequence[Path], set_at: str) -> Baseline:
    """Keep these runs under a name, in place of those that were there. RunDirError where it cannot be written."""
    baselines = read_baselines(folder)
    baseline = Baseline(name, tuple(Path(os.path.relpath(run, folder)).as_posix() for run in runs), set_at)
    baselines[name] = baseline
    data = {
        "schema": SCHEMA,
        "baselines": {one.name: {"set_at": one.set_at, "runs": list(one.runs)} for one in baselines.values()},
    }
    path = folder / BASELINES
    try:
        replace_file(path, json.dumps(data, indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        raise RunDirError(f"cannot write {path}: {error.strerror or error}") from error
    return baseline


def _baseline(name: str, data: Any) -> Baseline:
    runs = data["runs"]
    if not isinstance(runs, list) or not all(isinstance(run, str) for run in runs):
        raise ValueError("the runs of a baseline are a list of names")
    return Baseline(str(name), tuple(runs), str(data["set_at"]))
