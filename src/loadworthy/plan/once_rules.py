"""The rules of ``setup`` and ``teardown``: requests that are made once, by the process that leads the run."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

from loadworthy.plan.document import DataPath, Document, shown
from loadworthy.plan.socket_rules import check_kind
from loadworthy.plan.step_rules import check_step
from loadworthy.plan.steps import STEP_PARTS

CheckStep = Callable[[dict[str, Any], DataPath, Document], None]


def check_once_steps(document: Document, check_names: CheckStep) -> None:
    """Add a problem for each broken rule; ``check_names`` looks at the names of what a step extracts."""
    for key in ("setup", "teardown"):
        steps = document.get((key,))
        if steps == []:
            document.add((key,), "it is empty", "give it at least one entry, or remove the key")
        for index, step in enumerate(steps if isinstance(steps, list) else []):
            if isinstance(step, dict):
                _check(step, (key, index), document)
                check_names(step, (key, index), document)


def _check(step: dict[str, Any], path: DataPath, document: Document) -> None:
    check_kind(step, path, document)
    for part in STEP_PARTS:
        if step.get(part) is not None:
            hint = "use requests (path) and pauses (wait) here; messages belong to users"
            document.add((*path, part), f"{part} cannot be done once for all users", hint, at_key=True)
    check_step(step, path, document)
    if path[0] == "teardown" and step.get("undo") is not None:
        document.add((*path, "undo"), "what the teardown does stays done", "leave it out", at_key=True)
    _check_for_each(step.get("for_each"), (*path, "for_each"), document)


def _check_for_each(name: object, path: DataPath, document: Document) -> None:
    given = document.get(("test_data",))
    known = list(given) if isinstance(given, dict) else []
    if isinstance(name, str) and name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known) or 'none'}"
        document.add(path, f"there is no test data {shown(name)}", hint)
