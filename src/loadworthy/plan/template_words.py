"""Names that the templates in some data use, and the columns of rows that they ask for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_NEED_NOT_BE = ("default", "d", "defined", "undefined")
"""Filters and tests of templates that take what is not there."""


def names_in(value: Any) -> frozenset[str]:
    """The names, in all texts in it; those of a template that cannot be read are left out."""
    return frozenset().union(*(names_of(text) or () for text in dict.fromkeys(_templates(value))))


def names_of(text: str) -> frozenset[str] | None:
    """The names that one template uses and does not give itself; None where it cannot be read."""
    import jinja2.meta

    if (parsed := _parsed(text)) is None:
        return None
    template, given = parsed
    try:
        return frozenset(jinja2.meta.find_undeclared_variables(template)) - given
    except (jinja2.TemplateError, RecursionError, ValueError, OverflowError):
        return None


def columns_of(text: str) -> frozenset[tuple[str, str]]:
    """(name, column) of each ``name.column`` and ``name['column']`` that must be there for the template to be filled.

    What it asks for with ``default`` or ``is defined`` need not be. A template that cannot be read asks for nothing.
    """
    from jinja2 import nodes

    if (names := names_of(text)) is None or (parsed := _parsed(text)) is None:
        return frozenset()
    template, _ = parsed
    names -= {node.name for node in template.find_all(nodes.Name) if node.ctx == "store"}
    excused: set[int] = set()
    for node in template.find_all((nodes.Filter, nodes.Test)):
        if isinstance(node, nodes.Filter | nodes.Test) and node.name in _NEED_NOT_BE and node.node is not None:
            excused.add(id(node.node))
    asked = set()
    for node in template.find_all((nodes.Getattr, nodes.Getitem)):
        if isinstance(node, nodes.Getattr | nodes.Getitem) and isinstance(node.node, nodes.Name):
            column = _column(node)
            if column is not None and node.node.name in names and id(node) not in excused:
                asked.add((node.node.name, column))
    return frozenset(asked)


def _column(node: Any) -> str | None:
    """The column that ``a.column`` or ``a['column']`` means; None where it is a mapping's own method, or made up."""
    from jinja2 import nodes

    if isinstance(node, nodes.Getattr):
        return None if hasattr(dict, node.attr) else node.attr
    return node.arg.value if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str) else None


def _parsed(text: str) -> tuple[Any, frozenset[str]] | None:
    """A template, and the names that every template has; None where it cannot be read."""
    import jinja2

    environment = jinja2.Environment(autoescape=False)  # noqa: S701  only parsed; what it makes is never HTML
    try:
        return environment.parse(text), frozenset(environment.globals)
    except (jinja2.TemplateError, RecursionError, ValueError, OverflowError):
        return None


def _templates(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _templates(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _templates(item)
    elif isinstance(value, str) and ("{{" in value or "{%" in value):
        yield value
