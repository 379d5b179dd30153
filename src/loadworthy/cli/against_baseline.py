"""A run beside the baseline of its folder, by the question that ``loadworthy compare`` asks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadworthy.errors import RunDirError

if TYPE_CHECKING:
    from loadworthy.analysis.comparison import Comparison


def manifest_of(path: Path) -> dict[str, Any]:
    """What a run's ``run.json`` has; nothing where it cannot be read."""
    from loadworthy.record.rundir import MANIFEST

    try:
        data = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def compared_with_baseline(path: Path, plan: str) -> Comparison | None:
    """The run compared; None where there is no baseline, or one of another plan.

    Args:
        path: the run.
        plan: its plan's name.

    Raises:
        RunDirError: the baseline cannot be read, or names runs that are gone.
    """
    from loadworthy.analysis.comparison import Question
    from loadworthy.cli.sides import compare_runs
    from loadworthy.record.baselines import DEFAULT_NAME, read_baselines
    from loadworthy.record.rundir import MANIFEST

    folder = path.absolute().parent
    baseline = read_baselines(folder).get(DEFAULT_NAME)
    if baseline is None:
        return None
    runs = baseline.paths(folder)
    if gone := [run.name for run in runs if not (run / MANIFEST).is_file()]:
        raise RunDirError(f"it names runs that are gone: {', '.join(gone)}; set it again")
    if any(_plan_of(manifest_of(run)) != plan for run in runs):
        return None
    return compare_runs(runs, [path], Question(), force=False).comparison


def _plan_of(manifest: Mapping[str, Any]) -> str:
    plan = manifest.get("plan")
    name = plan.get("name") if isinstance(plan, Mapping) else None
    return str(name or Path(str(manifest.get("plan_file") or "")).stem)
