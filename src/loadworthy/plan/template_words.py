"""Names that the templates in some data use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def names_in(value: Any) -> frozenset[str]:
    """The names, in all texts in it; those of a template that cannot be read are left out."""
    return frozenset().union(*(names_of(text) or () for text in dict.fromkeys(_templates(value))))


def names_of(text: str) -> frozenset[str] | None:
    """The names that one template uses and does not give itself; None where it cannot be read."""
    import jinja2
    import jinja2.meta

    environment = jinja2.Environment(autoescape=False)  # noqa: S701  only parsed; what it makes is never HTML
    try:
        names = jinja2.meta.find_undeclared_variables(environment.parse(text))
    except (jinja2.TemplateError, RecursionError, ValueError, OverflowError):
        return None
    return frozenset(names) - environment.globals.keys()


def _templates(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _templates(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _templates(item)
    elif isinstance(value, str) and ("{{" in value or "{%" in value):
        yield value
