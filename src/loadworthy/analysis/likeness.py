"""Were two groups of runs made alike? What differs between them, besides the service.

A difference in the plan or in the generator may be all that a comparison finds. It is told, not judged: comparing 50
users with 60 may be just what was meant.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

Manifest = Mapping[str, Any]

_LOAD = (
    "kind", "users", "rate", "arrivals", "max_users", "stages", "spawn_rate", "run_time", "iterations", "wait_time",
    "start_rate", "max_rate", "overload", "overload_time", "base_load", "with", "timeout",
)  # fmt: skip
_STEPS = ("endpoints", "flow", "on_start", "roles", "headers", "locustfile", "user_classes")
_MAKERS = (
    ("the number of processes that made the load", "processes", ""),
    ("the machine that made the load", "host", "name"),
    ("the version of Loadworthy", "versions", "loadworthy"),
)
_LONGEST = 40


def differences(base: Sequence[Manifest], new: Sequence[Manifest]) -> list[str]:
    """What differs between the ``run.json`` of two groups of runs, as clauses; nothing where they were made alike."""
    found = [text for side, runs in (("BASE", base), ("NEW", new)) for text in _inside(side, runs)]
    if base and new:
        found += _between(base[0], new[0], ("in BASE", "in NEW"))
    return list(dict.fromkeys(found))


def scenario_fingerprint(manifest: Manifest, scenario: str) -> str:
    """A text that is the same for two runs exactly if they made the same load on the same paths in a scenario."""
    spec = _specs(manifest).get(scenario, {})
    shaping = {key: spec[key] for key in (*_LOAD, *_STEPS) if spec.get(key) not in (None, [], {}, "")}
    return json.dumps([_path(manifest), shaping], sort_keys=True, ensure_ascii=False)


def _inside(side: str, manifests: Sequence[Manifest]) -> Iterator[str]:
    for one in manifests[1:]:
        yield from _between(manifests[0], one, (f"in one run of {side}", "in another"))


def _between(one: Manifest, other: Manifest, where: tuple[str, str]) -> Iterator[str]:
    yield from _told("the path of the target", _path(one), _path(other), where)
    specs, others = _specs(one), _specs(other)
    yield from _told("the scenarios", ", ".join(specs), ", ".join(others), where)
    for name in (name for name in specs if name in others):
        before, after = specs[name], others[name]
        for key in _LOAD:
            yield from _told(f"{name}: {key}", before.get(key), after.get(key), where)
        changed = [key for key in _STEPS if (before.get(key) or None) != (after.get(key) or None)]
        if changed:
            yield f"{name}: what its users do is not the same {where[0]} and {where[1]} ({', '.join(changed)})"
    for what, outer, inner in _MAKERS:
        yield from _told(what, _inner(one, outer, inner), _inner(other, outer, inner), where)


def _told(what: str, before: Any, after: Any, where: tuple[str, str]) -> Iterator[str]:
    if (before or None) != (after or None):
        yield f"{what} is {_shown(before)} {where[0]}, {_shown(after)} {where[1]}"


def _shown(value: Any) -> str:
    if value in (None, [], {}, ""):
        return "not given"
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _inner(manifest: Manifest, outer: str, inner: str) -> Any:
    found = manifest.get(outer)
    return found.get(inner) if isinstance(found, Mapping) else found


def _path(manifest: Manifest) -> str:
    try:
        return urlsplit(str(manifest.get("target") or "")).path.rstrip("/")
    except ValueError:
        return ""


def _specs(manifest: Manifest) -> dict[str, Mapping[str, Any]]:
    """The scenarios that were to run."""
    plan = manifest.get("plan")
    scenarios = plan.get("scenarios") if isinstance(plan, Mapping) else None
    if not isinstance(scenarios, Mapping):
        return {}
    chosen = manifest.get("scenarios")
    names = [name for name in scenarios if not isinstance(chosen, list) or name in chosen]
    return {name: spec for name in names if isinstance(spec := scenarios[name], Mapping)}
