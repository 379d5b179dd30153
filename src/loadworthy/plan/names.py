"""Names that templates use and that nothing gives: found before the first request, not one failed sample at a time."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from loadworthy.plan.document import DataPath, Document
from loadworthy.plan.steps import STEP_PARTS

_STEP_PARTS = ("path", "query", "headers", "json", "form", "body", "expect")
_UNDO_PARTS = ("path", "query", "headers", "json")
_SOCKET_PARTS = ("path", "query", "headers", "subprotocols", "text", "json", "match", "expect", "reason")


def check_template_names(document: Document, given: frozenset[str]) -> None:
    """Add a problem for each name in a template that is neither in ``given`` nor test data nor extracted anywhere.

    Where a value is extracted is not looked at: a step that comes too early fails when it is run.
    """
    given |= _keys(document.get(("test_data",)))
    made = _extracted({"flow": document.get(("setup",))})
    _check_steps(document, "setup", given | made)
    _check_steps(document, "teardown", given | made | _extracted({"flow": document.get(("teardown",))}))
    known = given | made
    for name, scenario in _items(document.get(("scenarios",))):
        path: DataPath = ("scenarios", name)
        common = known | _extracted(scenario)
        _check_behaviour(scenario, path, common | _extracted_by_roles(scenario), document)
        for role_name, role in _items(_get(scenario, "roles")):
            _check_behaviour(role, (*path, "roles", role_name), common | _extracted(role), document)


def _check_steps(document: Document, key: str, known: frozenset[str]) -> None:
    steps = document.get((key,))
    for index, step in enumerate(steps if isinstance(steps, list | tuple) else ()):
        _check_request(step, (key, index), known, document)


def _check_behaviour(behaviour: Any, path: DataPath, known: frozenset[str], document: Document) -> None:
    _check(_get(behaviour, "headers"), (*path, "headers"), known, document)
    for way, index, step in _steps(behaviour):
        _check_request(step, (*path, way, index), known, document)
        for action in STEP_PARTS:
            for part in _SOCKET_PARTS:
                _check(_get(_get(step, action), part), (*path, way, index, action, part), known, document)


def _check_request(step: Any, path: DataPath, known: frozenset[str], document: Document) -> None:
    for part in _STEP_PARTS:
        _check(_get(step, part), (*path, part), known, document)
    for part in _UNDO_PARTS:
        _check(_get(_get(step, "undo"), part), (*path, "undo", part), known, document)


def _check(value: Any, path: DataPath, known: frozenset[str], document: Document) -> None:
    if isinstance(value, Mapping):
        for key, item in value.items():
            _check(item, (*path, key), known, document)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _check(item, (*path, index), known, document)
    elif isinstance(value, str) and ("{{" in value or "{%" in value):
        for name in sorted(_used(value) - known):
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted(known))}"
            document.add(path, f"the template uses {name}, which nothing gives", hint)


def _used(text: str) -> frozenset[str]:
    import jinja2
    import jinja2.meta

    environment = jinja2.Environment(autoescape=False)  # noqa: S701  only parsed; what it makes is never HTML
    try:
        names = jinja2.meta.find_undeclared_variables(environment.parse(text))
    except (jinja2.TemplateError, RecursionError, ValueError, OverflowError):
        return frozenset()  # told of where templates are checked
    return frozenset(names) - environment.globals.keys()


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
