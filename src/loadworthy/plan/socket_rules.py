"""The rules of steps about WebSockets and event streams: one thing a step, one payload a message, nothing unopened."""

from __future__ import annotations

from typing import Any

from loadworthy.plan.document import DataPath, Document, shown
from loadworthy.plan.step_rules import (
    check_address,
    check_headers,
    check_json_paths,
    check_source,
    check_templates,
    json_path_mistake,
)
from loadworthy.plan.steps import PAYLOADS, SOCKET_STEPS, STEP_PARTS, Endpoint, Step
from loadworthy.plan.translate import shown_at

_ACTIONS = (*STEP_PARTS, "wait")
_OF_ANY = ("path", "weight", "tags")
_OF_REQUESTS = tuple(
    field.alias or name for name, field in Step.model_fields.items() if name not in {*_ACTIONS, *_OF_ANY}
)
_KNOWN = {field.alias or name for name, field in Endpoint.model_fields.items()}
_WITH_PAYLOAD = ("send", "request", "stream")
_TEMPLATED = ("path", "name", "query", "headers", "subprotocols", "text", "json", "match", "expect", "reason")


def check_kind(step: dict[str, Any], path: DataPath, document: Document) -> bool:
    """Whether the step is a request; adds a problem unless it is exactly one thing."""
    actions = [key for key in _ACTIONS if key in step]
    for key in actions:
        if step[key] is None:
            hint = f"write {key}: {{}} where there is nothing more to say" if key in {"ping", "close"} else ""
            document.add((*path, key), "it has no value", hint or "give it one, or remove the key")
    given = [key for key in ("path", *_ACTIONS) if step.get(key) is not None]
    if len(given) > 1:
        hint = "a step does one thing; write two steps"
        document.add((*path, given[1]), f"{given[0]} and {given[1]} exclude each other", hint, at_key=True)
    elif given and given[0] != "path":
        _check_alone(step, given[0], path, document)
    elif not given and not actions and not step.keys() - _KNOWN:  # an unknown key was to be what is missing
        hint = f"a step has a path (below the base URL, or a whole URL), or one of {', '.join(_ACTIONS)}"
        document.add((*path, "path"), "path is missing", hint)
    return given == ["path"]


def _check_alone(step: dict[str, Any], action: str, path: DataPath, document: Document) -> None:
    for key in _OF_REQUESTS:
        if step.get(key) is not None:
            below = isinstance(step[action], dict)
            hint = f"keys of a {action} step stand below {action}:" if below else "remove it"
            document.add((*path, key), f"{key} belongs to a request with a path", hint, at_key=True)


def check_socket_step(step: dict[str, Any], path: DataPath, document: Document) -> None:
    """Add a problem for each broken rule of what stands below the key of a step that is no request."""
    for action in STEP_PARTS:
        spec = step.get(action)
        if isinstance(spec, dict):
            _check_spec(spec, action, (*path, action), document)


def _check_spec(spec: dict[str, Any], action: str, path: DataPath, document: Document) -> None:
    for key in _TEMPLATED:
        check_templates(spec.get(key), (*path, key), document)
    check_address(spec.get("path"), (*path, "path"), document, sockets=action == "websocket")
    if isinstance(spec.get("headers"), dict):
        check_headers(spec["headers"], (*path, "headers"), document)
    if action in _WITH_PAYLOAD:
        _check_one(spec, PAYLOADS, "a message is one of text, json, base64 and size", path, document)
    if action == "stream":
        _check_one(spec, ("count", "duration"), "say how many messages, or how long", path, document)
    check_json_paths(spec.get("match"), (*path, "match"), document)
    expect = spec.get("expect")
    check_json_paths(expect.get("json") if isinstance(expect, dict) else None, (*path, "expect", "json"), document)
    _check_stamp(spec.get("stamp"), (*path, "stamp"), document)
    extract = spec.get("extract")
    for name, source in (extract if isinstance(extract, dict) else {}).items():
        _check_source(source, (*path, "extract", name), document)


def _check_one(spec: dict[str, Any], keys: tuple[str, ...], hint: str, path: DataPath, document: Document) -> None:
    given = [key for key in keys if spec.get(key) is not None]
    if len(given) > 1:
        document.add((*path, given[1]), f"{given[0]} and {given[1]} exclude each other", hint, at_key=True)
    elif not given:
        document.add(path, f"it needs one of {', '.join(keys)}", hint, at_key=True)


def _check_stamp(stamp: object, path: DataPath, document: Document) -> None:
    if isinstance(stamp, str) and (mistake := json_path_mistake(stamp)):
        document.add(path, f"{shown(stamp)} is not a JSON path: {mistake}", "write one like $.sent_at")


def _check_source(source: object, path: DataPath, document: Document) -> None:
    if not isinstance(source, str):
        return
    if source.startswith(("header:", "cookie:")):
        value = shown_at(path, document)
        document.add(path, f"{value}: a message has no headers", "it is a JSON path ($.id) or regex:pattern")
    else:
        check_source(source, path, document)


def check_openings(scenario: dict[str, Any], path: DataPath, document: Document) -> None:
    """Add a problem for the first step of a list that uses a WebSocket which no step before it has opened."""
    _check_lists(scenario, scenario.get("on_start"), path, document)
    roles = scenario.get("roles")
    for name, role in (roles if isinstance(roles, dict) else {}).items():
        if isinstance(role, dict):
            start = role.get("on_start") or scenario.get("on_start")  # a role may inherit it
            _check_lists(role, start, (*path, "roles", name), document)


def _check_lists(behaviour: dict[str, Any], start: object, path: DataPath, document: Document) -> None:
    is_open = _check_list(behaviour.get("on_start"), False, (*path, "on_start"), document)
    is_open = is_open or any(_opens(step) for step in _steps(start))
    _check_list(behaviour.get("flow"), is_open, (*path, "flow"), document)
    for index, step in enumerate(_steps(behaviour.get("endpoints"))):  # each is an iteration of its own
        _check_list([step], is_open, (*path, "endpoints"), document, first=index)


def _check_list(steps: object, is_open: bool, path: DataPath, document: Document, *, first: int = 0) -> bool:
    for index, step in enumerate(_steps(steps), first):
        is_open = is_open or _opens(step)
        used = next((key for key in SOCKET_STEPS if isinstance(step, dict) and step.get(key) is not None), None)
        if used and not is_open and step.get("path") is None:
            hint = "open one before it: - websocket: {path: …}, here or in on_start"
            document.add((*path, index, used), f"no WebSocket is open for this {used}", hint, at_key=True)
            return True  # the first is enough
    return is_open


def _opens(step: object) -> bool:
    return isinstance(step, dict) and step.get("websocket") is not None


def _steps(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
