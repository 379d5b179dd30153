"""Which scenarios run at the same time: those that name each other in ``with``, directly or through others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from loadworthy.plan.model import Scenario


def waves(scenarios: Mapping[str, Scenario], names: Sequence[str]) -> list[tuple[str, ...]]:
    """The scenarios named, in waves that run one after another, each in the order of ``names``."""
    left = list(names)
    result: list[tuple[str, ...]] = []
    while left:
        wave = _linked_to(left[0], scenarios, left)
        result.append(tuple(name for name in left if name in wave))
        left = [name for name in left if name not in wave]
    return result


def _linked_to(first: str, scenarios: Mapping[str, Scenario], names: Sequence[str]) -> set[str]:
    found = {first}
    grown = True
    while grown:
        more = {
            name
            for name in names
            if name not in found
            and (found & set(scenarios[name].with_) or any(name in scenarios[one].with_ for one in found))
        }
        grown = bool(more)
        found |= more
    return found
