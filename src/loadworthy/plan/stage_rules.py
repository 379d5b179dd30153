"""The rules of ``stages``: each says one amount, and all of a scenario speak of users, or all of rates."""

from __future__ import annotations

from typing import Any

from loadworthy.plan.document import DataPath, Document
from loadworthy.plan.model import is_open_stage, searches

_AMOUNTS = ("users", "rate", "ramp_to")


def is_open(scenario: dict[str, Any]) -> bool:
    """Whether the scenario's workload is open, as far as its data says."""
    stages = scenario.get("stages")
    says_rate = scenario.get("rate") is not None or any(_speaks_of_rates(stage) for stage in _listed(stages))
    return says_rate or searches(scenario)


def check_stages(stages: object, path: DataPath, document: Document) -> None:
    """Add a problem for each broken rule."""
    amounts: list[Any] = []
    for index, stage in enumerate(_listed(stages)):
        given = [key for key in _AMOUNTS if isinstance(stage, dict) and stage.get(key) is not None]
        amounts.extend(stage[key] for key in given)
        if isinstance(stage, dict) and len(given) != 1:
            message = f"{' and '.join(given)} exclude each other" if given else "a stage needs users, rate or ramp_to"
            hint = "users holds that many, rate holds so many iterations per second, ramp_to moves there in a line"
            document.add((*path, index), message, hint)
    if amounts and all(str(amount) in ("0", "0/s") for amount in amounts):
        document.add(path, "no stage has any load", "give at least one stage more than 0")
    _check_mixture(_listed(stages), path, document)


def _check_mixture(stages: list[Any], path: DataPath, document: Document) -> None:
    open_ones = [index for index, stage in enumerate(stages) if _speaks_of_rates(stage)]
    closed_ones = [
        index for index, stage in enumerate(stages) if isinstance(stage, dict) and stage.get("users") is not None
    ]
    if open_ones and closed_ones:
        hint = "users wait for answers, a rate does not: put them into two scenarios, which may run `with` each other"
        document.add((*path, max(open_ones[0], closed_ones[0])), "stages of users and of rates do not mix", hint)


def _speaks_of_rates(stage: object) -> bool:
    return isinstance(stage, dict) and is_open_stage(stage.get("rate"), stage.get("ramp_to"))


def _listed(stages: object) -> list[Any]:
    return stages if isinstance(stages, list) else []
