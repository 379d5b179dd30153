"""Names that templates use and that nothing gives: found before the first request, not one failed sample at a time."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from loadworthy.plan.document import DataPath, Document
from loadworthy.plan.steps import STEP_PARTS
from loadworthy.plan.template_words import names_of

_STEP_PARTS = ("path", "query", "headers", "json", "form", "multipart", "body", "expect")
_UNDO_PARTS = ("path", "query", "headers", "json")
_SOCKET_PARTS = ("path", "query", "headers", "subprotocols", "text", "json", "match", "expect", "reason")


@dataclass(frozen=True, slots=True)
class Place:
    """A template in a plan.

    Args:
        path: where it stands.
        text: the template.
        known: the names that are given there.
        extracted: those of them that are extracted somewhere.
    """

    path: DataPath
    text: str
    known: frozenset[str]
    extracted: frozenset[str]


def check_template_names(document: Document, given: frozenset[str]) -> None:
    """Add a problem for each name in a template that is neither in ``given`` nor test data nor extracted anywhere.

    Where a value is extracted is not looked at: a step that comes too early fails when it is run.
    """
    for place in places(document, given):
        # One that cannot be read is told of where templates are checked.
        for name in sorted((names_of(place.text) or frozenset()) - place.known):
            near = difflib.get_close_matches(name, place.known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted(place.known))}"
            document.add(place.path, f"the template uses {name}, which nothing gives", hint)


def places(document: Document, given: frozenset[str] = frozenset()) -> Iterator[Place]:
    """All templates of the steps and headers of a plan; ``given`` are names that are known everywhere."""
    given |= _keys(document.get(("test_data",)))
    made = _extracted({"flow": document.get(("setup",))})
    ending = made | _extracted({"flow": document.get(("teardown",))})
    yield from _in_steps(document, "setup", given, made)
    yield from _in_steps(document, "teardown", given, ending)
    for name, scenario in _items(document.get(("scenarios",))):
        path: DataPath = ("scenarios", name)
        common = made | _extracted(scenario)
        yield from _in_behaviour(scenario, path, given, common | _extracted_by_roles(scenario))
        for role_name, role in _items(_get(scenario, "roles")):
            yield from _in_behaviour(role, (*path, "roles", role_name), given, common | _extracted(role))


def _in_steps(document: Document, key: str, given: frozenset[str], extracted: frozenset[str]) -> Iterator[Place]:
    steps = document.get((key,))
    for index, step in enumerate(steps if isinstance(steps, list | tuple) else ()):
        for at, text in _in_request(step, (key, index)):
            yield Place(at, text, given | extracted, extracted)


def _in_behaviour(behaviour: Any, path: DataPath, given: frozenset[str], extracted: frozenset[str]) -> Iterator[Place]:
    for at, text in _texts_of_behaviour(behaviour, path):
        yield Place(at, text, given | extracted, extracted)


def _texts_of_behaviour(behaviour: Any, path: DataPath) -> Iterator[tuple[DataPath, str]]:
    yield from _templates(_get(behaviour, "headers"), (*path, "headers"))
    for way, index, step in _steps(behaviour):
        yield from _in_request(step, (*path, way, index))
        for action in STEP_PARTS:
            for part in _SOCKET_PARTS:
                yield from _templates(_get(_get(step, action), part), (*path, way, index, action, part))


def _in_request(step: Any, path: DataPath) -> Iterator[tuple[DataPath, str]]:
    for part in _STEP_PARTS:
        yield from _templates(_get(step, part), (*path, part))
    for part in _UNDO_PARTS:
        yield from _templates(_get(_get(step, "undo"), part), (*path, "undo", part))


def _templates(value: Any, path: DataPath) -> Iterator[tuple[DataPath, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _templates(item, (*path, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _templates(item, (*path, index))
    elif isinstance(value, str) and ("{{" in value or "{%" in value):
        yield path, value


def extracting(step: Any) -> Iterator[DataPath]:
    """Where in a step values are extracted: in the step itself, or in what it waits for on a WebSocket."""
    for path in ((), *((action,) for action in STEP_PARTS)):
        if _get(_below(step, path), "extract") is not None:
            yield (*path, "extract")


def _extracted(behaviour: Any) -> frozenset[str]:
    return frozenset(
        name
        for _, _, step in _steps(behaviour)
        for path in extracting(step)
        for name in _keys(_get(_below(step, path[:-1]), "extract"))
    )


def _below(value: Any, path: DataPath) -> Any:
    for part in path:
        value = _get(value, str(part))
    return value


def _extracted_by_roles(scenario: Any) -> frozenset[str]:
    return frozenset(name for _, role in _items(_get(scenario, "roles")) for name in _extracted(role))


def _steps(behaviour: Any) -> Iterator[tuple[str, int, Any]]:
    for way in ("on_start", "flow", "endpoints"):
        steps = _get(behaviour, way)
        for index, step in enumerate(steps if isinstance(steps, list | tuple) else ()):
            yield way, index, step


def _get(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, Mapping) else None


def _items(value: Any) -> Iterator[tuple[Any, Any]]:
    return iter(value.items() if isinstance(value, Mapping) else ())


def _keys(value: Any) -> frozenset[str]:
    return frozenset(value) if isinstance(value, Mapping) else frozenset()
