"""A node's setup as a message to a worker, and back.

The plan travels resolved, for a worker has neither the plan file nor the environment variables. Files that the plan
names (locustfiles, test data, what forms send) travel with it; a worker uses its own copy where the plan's folder
exists with the same content (so that a locustfile can import its neighbours), and a folder that it removes in the end
where it does not.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

from loadworthy.engine.classes import NodeSetup
from loadworthy.errors import UsageError
from loadworthy.plan.model import Plan
from loadworthy.plan.rows import sqlite_file
from loadworthy.plan.steps import Part

Json = dict[str, Any]


def pack_setup(setup: NodeSetup, process: int) -> Json:
    """The setup for one process, as plain data."""
    return {
        "plan": setup.plan.model_dump(mode="json", by_alias=True, exclude_unset=True),
        "base_dir": str(setup.base_dir.resolve()),
        "files": {name: _read(setup.base_dir / name) for name in named_files(setup.plan)},
        "seed": setup.seed,
        "process": process,
        "processes": setup.processes,
        "lean_client": setup.lean_client,
        "arguments": list(setup.arguments),
        "scenarios": list(setup.scenarios),
        "given": json.dumps(setup.given),  # the numbers of the wire have 64 bits
        "today": setup.today.isoformat(),
    }


def unpack_setup(data: Json, scratch: Path) -> NodeSetup:
    """The inverse; writes shipped files into ``scratch`` where this machine does not have them."""
    base_dir = Path(data["base_dir"])
    files: dict[str, bytes] = data["files"]
    if not all(
        (base_dir / name).is_file() and (base_dir / name).read_bytes() == content for name, content in files.items()
    ):
        base_dir = scratch
        for name, content in files.items():
            target = (base_dir / name).resolve()
            if not target.is_relative_to(base_dir.resolve()):
                raise UsageError(
                    f"the plan names {name!r}, which lies outside its folder; a worker elsewhere cannot have it"
                )
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    return NodeSetup(
        plan=Plan.model_validate(data["plan"]),
        base_dir=base_dir,
        seed=int(data["seed"]),
        process=int(data["process"]),
        processes=int(data["processes"]),
        lean_client=bool(data["lean_client"]),
        arguments=tuple(data["arguments"]),
        scenarios=tuple(data["scenarios"]),
        given=json.loads(data["given"]),
        today=date.fromisoformat(data["today"]),
    )


def named_files(plan: Plan) -> list[str]:
    """Every file that a plan names, relative to its folder."""
    named = [scenario.locustfile for scenario in plan.scenarios.values()]
    named.append(plan.locust.get("locustfile"))
    for source in plan.test_data.values():
        named += [source.file, sqlite_file(source.database) if source.database else None]
    for step in plan.user_steps:  # the set-up is done by the process that leads
        for parts in step.multipart.values():
            named += [part.file for part in ((parts,) if isinstance(parts, Part) else parts)]
    return sorted({str(name) for name in named if name})


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error
