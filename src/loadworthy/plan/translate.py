"""What pydantic found wrong, in plain sentences with the place, the offending value and how to mend it.

pydantic names a place by a path into the *model*: with tags for the branches of a union, and with the number of a
threshold that the plan writes as a key. Walking that path through the *data* drops the tags and finds the key.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from loadworthy.plan.document import DataPath, Document, dotted, shown
from loadworthy.plan.model import Plan
from loadworthy.plan.places import is_secret_place, looks_secret, place_kind
from loadworthy.plan.values import Model

_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number of sensible size",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "tuple_type": "a list",
    "list_type": "a list",
    "finite_number": "a finite number",
}
_MASKED = '"***"'
_SYNONYMS = {
    "host": "base_url",
    "target": "base_url",
    "url": "path",
    "duration": "run_time",
    "time": "run_time",
    "vus": "users",
    "data": "json",
    "params": "query",
    "tasks": "endpoints",
    "steps": "flow",
    "requests": "endpoints",
    "verify": "verify_tls",
    "validate": "expect",
    "capture": "extract",
    "think_time": "wait_time",
    "ramp": "ramp_to",
    "target_rate": "rate",
    "rps": "rate",
    "arrival_rate": "rate",
    "max_vus": "max_users",
    "together": "with",
    "ws": "websocket",
    "sse": "events",
    "event_stream": "events",
    "connect": "websocket",
    "push": "expect_push",
    "receive": "expect_push",
    "pause": "wait",
    "sleep": "wait",
    "correlate": "match",
    "interval": "every",
    "binary": "base64",
    "together_with": "with",
}


@dataclass(frozen=True, slots=True)
class _Error:
    path: DataPath
    details: ErrorDetails
    in_union: bool


def add_model_errors(errors: Iterable[ErrorDetails], document: Document) -> None:
    """Add a problem for each place that does not fit the models."""
    for group in _by_place([_located(details, document.data) for details in errors]):
        _add(group, document)


def texts_as_written(errors: Iterable[ErrorDetails], document: Document) -> bool:
    """Put the text of the file where text is wanted and a number or flag was read; whether there was any.

    ``X-Version: 1.10`` is a header whose value is ``1.10``, not 1.1.
    """
    changed = False
    for details in errors:
        path = _located(details, document.data).path
        if details["type"] == "string_type" and path in document.written:
            value = document.get(path)
            if isinstance(value, bool | int | float):
                document.replace(path, document.written[path])
                changed = True
    return changed


def _located(details: ErrorDetails, data: Any) -> _Error:
    path: list[str | int] = []
    value, in_union = data, False
    last = len(details["loc"]) - 1
    for number, part in enumerate(details["loc"]):
        if isinstance(value, Mapping) and part in value:
            path.append(part)
            value = value[part]
        elif isinstance(value, Mapping) and isinstance(part, int) and part < len(value):
            path.append(list(value)[part])
            value = value[path[-1]]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            path.append(part)
            value = value[part]
        elif number == last and details["type"] == "missing":
            path.append(part)
        elif part != "rows":  # a plain list of test data, which the model keeps under ``rows``
            in_union = True
    return _Error(tuple(path), details, in_union)


def _by_place(errors: Sequence[_Error]) -> list[list[_Error]]:
    """Errors of one place together; a union's complaint about a whole is dropped where its parts have their own."""
    groups: dict[DataPath, list[_Error]] = {}
    for error in errors:
        groups.setdefault(error.path, []).append(error)
    return [
        group
        for path, group in groups.items()
        if not (
            all(error.in_union for error in group)
            and any(len(other) > len(path) and other[: len(path)] == path for other in groups)
        )
    ]


def _add(group: Sequence[_Error], document: Document) -> None:
    path, details = group[0].path, group[0].details
    kind = details["type"]
    if kind == "extra_forbidden":
        document.add(path, f"there is no key {shown(path[-1])} here", _accepted(path), at_key=True)
    elif kind == "missing":
        document.add(path, f"{dotted(path[-1:])} is missing", _description(path))
    elif details["input"] is None:
        document.add(path, "it has no value", "give it one, or remove the key")
    else:
        value = shown_at(path, document)
        message, hint = _sentence([error.details for error in group], value)
        document.add(path, message, hint)


def shown_at(path: DataPath, document: Document) -> str:
    """The value at a path for a message, masked where it is or may be a secret; what may hold one is not spelt out."""
    if is_masked(path, document):
        return _MASKED
    value = document.get(path)
    if isinstance(value, dict) and value:
        return "{…}"
    if isinstance(value, list) and any(isinstance(item, str | dict | list) for item in value):
        return "[…]"
    return shown(value)


def is_masked(path: DataPath, document: Document) -> bool:
    """Whether messages must not tell the value at a path, nor any part of it."""
    variables = document.variables.get(path, {})
    return is_secret_place(path) or any(place_kind(path) == "free" or looks_secret(name) for name in variables)


def _sentence(group: Sequence[ErrorDetails], value: str) -> tuple[str, str]:
    """(message, hint) for the complaints about one value; several come from the branches of a union."""
    wanted = list(dict.fromkeys(_EXPECTED[details["type"]] for details in group if details["type"] in _EXPECTED))
    details = group[0]
    if len(wanted) == len({details["type"] for details in group}) or len(wanted) > 1:
        return f"{value} is not {' or '.join(wanted)}", _type_hint(wanted, details["input"])
    details = next((error for error in group if error["type"] not in _EXPECTED), details)
    context = details.get("ctx", {})
    match details["type"]:
        case "value_error":
            return _own_error(str(context.get("error", details["msg"])), value, repr(details["input"]))
        case "literal_error" | "enum":
            return f"{value} is not one of {context.get('expected')}", _near_choice(details["input"], context)
        case "greater_than":
            return f"{value} is too small: it must be more than {context.get('gt')}", ""
        case "greater_than_equal":
            return f"{value} is too small: it must be at least {context.get('ge')}", ""
        case "less_than_equal":
            return f"{value} is too large: it must be at most {context.get('le')}", ""
        case "too_short":
            return "it is empty", "give it at least one entry"
    return f"{value} does not fit: {details['msg'][:1].lower()}{details['msg'][1:]}", ""


def _own_error(text: str, value: str, written: str) -> tuple[str, str]:
    """A sentence of our own parsers; its part after the last ``;`` says how to mend it."""
    sentence, semicolon, hint = text.rpartition("; ")
    if not semicolon:
        sentence, hint = text, ""
    if value == _MASKED:
        return f"{value} does not fit here", hint
    return (sentence if written in sentence else f"{value}: {sentence}"), hint


def _type_hint(wanted: Sequence[str], value: object) -> str:
    if wanted == ["a list"] and isinstance(value, str | int | float):
        return f"write a list: [{value}]" if not isinstance(value, str) else "write a list, also for one entry: [ … ]"
    if wanted == ["a mapping"]:
        return "write key: value lines below it"
    if wanted == ["text"] and isinstance(value, int | float):
        return "put quotes round it"
    return ""


def _near_choice(value: object, context: Mapping[str, Any]) -> str:
    choices = [choice.strip("'") for choice in str(context.get("expected", "")).replace(" or ", ", ").split(", ")]
    if not isinstance(value, str):
        return ""
    near = next((choice for choice in choices if choice.lower() == value.strip().lower()), None)
    found = [near] if near else difflib.get_close_matches(value, choices, n=1)
    return f"did you mean {found[0]}?" if found else ""


def _accepted(path: DataPath) -> str:
    """What an unknown key was probably meant to be, else what is accepted there."""
    model = model_at(path[:-1])
    if model is None:
        return ""
    keys = [field.alias or name for name, field in model.model_fields.items()]
    wrong = str(path[-1]).strip().lower().replace("-", "_")
    synonym = _SYNONYMS.get(wrong)
    near = [word for word in (wrong, synonym) if word in keys] or difflib.get_close_matches(wrong, keys, n=1)
    return f"did you mean {near[0]}?" if near else f"accepted here: {', '.join(keys)}"


def _description(path: DataPath) -> str:
    model = model_at(path[:-1])
    if model is None:
        return ""
    for name, field in model.model_fields.items():
        if (field.alias or name) == path[-1] and field.description:
            return field.description.replace("``", "")
    return f"add {path[-1]}: …"


def model_at(path: DataPath) -> type[Model] | None:
    """The model that a mapping at a path is read into; None where the plan keeps free data."""
    model: type[Model] | None = Plan
    rest = list(path)
    while rest and model is not None:
        name = rest.pop(0)
        fields = {field.alias or key: field for key, field in model.model_fields.items()}
        if name not in fields:
            return None
        annotation = fields[str(name)].annotation
        # A collection of models takes one more part: the name or the number of the entry.
        if rest and _is_collection(annotation):
            rest.pop(0)
            if rest and isinstance(rest[0], int):  # several of one name
                rest.pop(0)
        elif _is_collection(annotation):
            return None
        model = _model_in(annotation)
    return model


def _is_collection(annotation: Any) -> bool:
    return getattr(annotation, "__origin__", None) in (dict, tuple)


def _model_in(annotation: Any) -> type[Model] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation if issubclass(annotation, Model) else None
    return next((found for found in map(_model_in, get_args(annotation)) if found), None)
