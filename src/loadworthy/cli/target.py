"""What is to be run: a plan file, a locustfile, or a plan made in code."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadworthy.errors import PlanError, UsageError

if TYPE_CHECKING:
    from loadworthy.plan.load import LoadedPlan
    from loadworthy.plan.overrides import Override


def load_target(
    target: Path | Mapping[str, Any],
    *,
    environ: Mapping[str, str],
    base_dir: Path | None = None,
    overrides: Sequence[Override | str] = (),
    scenarios: Sequence[str] = (),
) -> LoadedPlan:
    """The plan of a file, of a locustfile (one scenario, named after it), or of plain data, ready to run.

    ``base_dir`` is where relative paths in plain data start. PlanError or UsageError where it cannot be run.
    """
    from loadworthy.plan.load import check_runnable, load_plan, plan_from_mapping

    if isinstance(target, Mapping):
        path = (base_dir or Path()) / "plan"
        loaded = plan_from_mapping(target, path=path, environ=environ, overrides=overrides)
    elif base_dir is not None:
        raise UsageError("base_dir is for a plan given as data; the paths in a plan file start in its own folder")
    elif target.suffix == ".py":
        data = {"scenarios": {target.stem: {"locustfile": target.name}}}
        return plan_from_mapping(data, path=target, environ=environ, overrides=overrides)
    else:
        loaded = load_plan(target, environ=environ, overrides=overrides)
    check_runnable(loaded, scenarios or None)
    return loaded


def override(key: str, value: Any) -> Override:
    """The override that puts ``value`` at the dotted path ``key``, as ``--set`` does; PlanError if it is no path."""
    from loadworthy.plan.overrides import parse_override

    option = f"overrides[{key!r}]"
    try:
        parsed = parse_override(f"{key}=")
    except PlanError as error:
        problems = [dataclasses.replace(problem, file=option) for problem in error.problems]
        raise PlanError(problems) from error
    return dataclasses.replace(parsed, value=value, option=option, written=None)
