"""Parameters as they are written: by their ``style`` and ``explode``, or as JSON where they have a media type."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from loadworthy.importers.imported import Json
from loadworthy.importers.openapi.reader import Parameter

_BETWEEN = {"pipeDelimited": "|", "spaceDelimited": " "}
_NUMBER_IN_QUOTES = re.compile(r'"(\{\{ random_int\([^"{}]*\}\})"')


def is_scalar(value: Any) -> bool:
    """Whether a query or a form can hold it as it stands."""
    return isinstance(value, str | int | float | bool)


def json_text(value: Any) -> str:
    """JSON within a text of the plan; templates that become numbers stay numbers."""
    return _NUMBER_IN_QUOTES.sub(r"\1", json.dumps(value, ensure_ascii=False))


def plain(value: Any) -> str:
    """A value as a path or a header has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return ",".join(f"{key},{plain(item)}" for key, item in value.items())
    return ",".join(map(plain, value)) if isinstance(value, list) else str(value)


def path_prefix(parameter: Parameter) -> str:
    """What stands before the value in the path."""
    style = parameter.place.text("style")
    return {"label": ".", "matrix": f";{parameter.name}="}.get(style, "")


def in_query(parameter: Parameter, value: Any) -> Json:
    """Names and values of the query that say this."""
    name, style = parameter.name, parameter.place.text("style", "form")
    explode = parameter.place.at("explode").value
    is_apart = explode is True or (explode is None and style in ("form", "deepObject"))
    if value is None:
        return {}
    if parameter.place.at("content").value:
        return {name: value if isinstance(value, str) else json_text(value)}
    if isinstance(value, Mapping):
        if style != "deepObject" and not is_apart:
            return {name: plain(value)}
        named = ((f"{name}[{key}]" if style == "deepObject" else str(key), item) for key, item in value.items())
        return {key: _single(item) for key, item in named if item is not None}
    if isinstance(value, list):
        items = [_single(item) for item in value if item is not None]
        return {name: items if is_apart else _BETWEEN.get(style, ",").join(map(plain, items))}
    return {name: value}


def _single(value: Any) -> Any:
    """What a query holds; of what is nested OpenAPI says nothing, and JSON is what most services take."""
    if isinstance(value, list) and all(map(is_scalar, value)):
        return value
    return value if is_scalar(value) else json_text(value)
