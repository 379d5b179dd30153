"""The rules of a single request: its address, headers, body, templates, and what is taken from its response."""

from __future__ import annotations

import difflib
import re
from typing import Any

from loadworthy.plan.document import DataPath, Document, dotted, shown
from loadworthy.plan.translate import is_masked, shown_at

_SCHEMES = ("http://", "https://")
_SOCKET_SCHEMES = ("ws://", "wss://")
_BODIES = ("json", "form", "multipart", "body")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\r\n\x00]")
# The paths that nearly all plans use; the library, whose import takes long, settles the others.
_PLAIN_JSON_PATH = re.compile(r"\$(?:\.[A-Za-z_][A-Za-z0-9_]*|\[\d{1,9}\])*")
_TEMPLATED = ("path", "name", "query", "headers", "json", "form", "multipart", "body", "expect")


def check_step(step: dict[str, Any], path: DataPath, document: Document) -> None:
    """Add a problem for each broken rule of one step, which is given as data."""
    check_address(step.get("path"), (*path, "path"), document)
    bodies = [key for key in _BODIES if step.get(key) is not None]
    if len(bodies) > 1:
        document.add(
            (*path, bodies[1]), f"{' and '.join(bodies)} exclude each other", "a request has one body", at_key=True
        )
    if isinstance(step.get("headers"), dict):
        check_headers(step["headers"], (*path, "headers"), document)
    for key in _TEMPLATED:
        check_templates(step.get(key), (*path, key), document)
    check_undo(step, path, document)
    expect = step.get("expect")
    check_json_paths(expect.get("json") if isinstance(expect, dict) else None, (*path, "expect", "json"), document)
    extract = step.get("extract")
    for name, source in (extract if isinstance(extract, dict) else {}).items():
        if isinstance(source, str):
            check_source(source, (*path, "extract", name), document)


def check_undo(step: dict[str, Any], path: DataPath, document: Document) -> None:
    """Add a problem for each broken rule of what removes what the step created."""
    undo = step.get("undo")
    if not isinstance(undo, dict):
        return
    if step.get("path") is None:
        document.add((*path, "undo"), "undo stands without a request", "give the step a path", at_key=True)
    check_address(undo.get("path"), (*path, "undo", "path"), document)
    if isinstance(undo.get("headers"), dict):
        check_headers(undo["headers"], (*path, "undo", "headers"), document)
    for key in ("path", "query", "headers", "json"):
        check_templates(undo.get(key), (*path, "undo", key), document)


def check_address(address: object, path: DataPath, document: Document, *, sockets: bool = False) -> None:
    """Add a problem where this is neither a path nor a URL; ``sockets``: of a WebSocket."""
    if not isinstance(address, str):
        return
    schemes = _SOCKET_SCHEMES if sockets else _SCHEMES
    if not address.startswith(("/", "{{", *schemes)):
        hint = f"it starts with /, {' or '.join(schemes)}"
        if address and "://" not in address and not is_masked(path, document):
            hint = f"did you mean /{address}?"
        document.add(path, f"{shown_at(path, document)} is not a path or a URL", hint)
    elif _CONTROL.search(address):
        document.add(path, f"{shown_at(path, document)} holds a line break or a NUL", "write it on one line")


def check_headers(headers: dict[str, Any], path: DataPath, document: Document) -> None:
    """Add a problem for each header that HTTP does not allow (RFC 9110, 5.1 and 5.5)."""
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name):
            hint = "letters, digits and -; no spaces and no colon"
            document.add((*path, name), f"{shown(name)} is not the name of a header", hint, at_key=True)
        if isinstance(value, str) and _CONTROL.search(value):
            document.add(
                (*path, name),
                f"{shown_at((*path, name), document)} holds a line break or a NUL",
                "a header is one line",
            )


def check_templates(value: object, path: DataPath, document: Document) -> None:
    """Add a problem for each text in the value that is no Jinja2 template."""
    if isinstance(value, dict):
        for key, item in value.items():
            check_templates(item, (*path, key), document)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            check_templates(item, (*path, index), document)
    elif isinstance(value, str) and ("{{" in value or "{%" in value or "{#" in value):
        mistake = template_mistake(value)
        if mistake:
            document.add(path, _told("is not a template", mistake, path, document), "write {{ name }}")


def _told(complaint: str, mistake: str, path: DataPath, document: Document) -> str:
    """The sentence about a text with a syntax of its own; the parser's words may quote it, so a secret goes without."""
    value = shown_at(path, document)
    return f"{value} {complaint}" if is_masked(path, document) else f"{value} {complaint}: {mistake}"


def template_mistake(text: str) -> str | None:
    """What is wrong with a Jinja2 template: its syntax, or a filter or test that there is not; None if nothing is.

    It is not compiled, for the compiler works out constants, and ``{{ 9 ** 9 ** 9 }}`` would never end.
    """
    import jinja2

    environment = jinja2.Environment(autoescape=False)  # noqa: S701  only parsed; what it makes is never HTML
    kinds = ((jinja2.nodes.Filter, environment.filters), (jinja2.nodes.Test, environment.tests))
    try:
        tree = environment.parse(text)
        used = [(kind.__name__.lower(), node.name, known) for kind, known in kinds for node in tree.find_all(kind)]
    except jinja2.TemplateSyntaxError as error:
        return str(error.message)
    except (RecursionError, ValueError, OverflowError) as error:
        return f"it is too large or too deep ({type(error).__name__})"
    for kind_name, name, known in used:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            return f"there is no {kind_name} {name}" + (f"; did you mean {near[0]}?" if near else "")
    return None


def check_json_paths(values: object, path: DataPath, document: Document) -> None:
    """Add a problem for each key that is no JSON path."""
    for source in values if isinstance(values, dict) else {}:
        mistake = json_path_mistake(source)
        if mistake:
            here = (*path, source)
            document.add(
                here, f"{shown(source)} is not a JSON path: {mistake}", "write one like $.items[0].id", at_key=True
            )


def check_source(source: str, path: DataPath, document: Document) -> None:
    """Add a problem where this does not say where an extracted value comes from."""
    kind, colon, rest = source.partition(":")
    value = shown_at(path, document)
    if source.startswith("$"):
        mistake = json_path_mistake(source)
        if mistake:
            document.add(path, _told("is not a JSON path", mistake, path, document), "write one like $.items[0].id")
    elif kind == "header" and colon:
        if not _TOKEN.fullmatch(rest):
            document.add(path, f"{value} does not name a header", "write one like header:Location")
    elif kind == "cookie" and colon:
        if not rest.strip():
            document.add(path, f"{value} does not name a cookie", "write one like cookie:session")
    elif kind == "regex" and colon:
        _check_pattern(rest, value, path, document)
    else:
        hint = "it is a JSON path ($.id), header:Name, cookie:name or regex:pattern"
        document.add(path, f"{value} does not say where {dotted(path[-1:])} comes from", hint)


def _check_pattern(pattern: str, value: str, path: DataPath, document: Document) -> None:
    if not pattern:
        document.add(path, f"{value} has no pattern", "write one like regex:id=(\\d+)")
        return
    try:
        groups = re.compile(pattern).groups
    except (re.error, OverflowError, RecursionError) as error:
        document.add(path, _told("is not a regular expression", str(error), path, document))
    else:
        if groups > 1:
            hint = "put round brackets round the part that is wanted, (?: … ) round others"
            document.add(path, f"{value} must have one group at most", hint)


def json_path_mistake(text: str) -> str | None:
    """What is wrong with a JSON path; None if nothing is."""
    if _PLAIN_JSON_PATH.fullmatch(text):
        return None
    if not text.startswith("$"):
        return "it must start with $"
    import jsonpath

    try:
        jsonpath.compile(text)
    except jsonpath.JSONPathError as error:
        return str(error).partition("\n")[0]
    except (RecursionError, ValueError, OverflowError, re.error) as error:
        return f"{type(error).__name__}: {error}"
    return None
