"""The JSON Schema (draft 2020-12) of a plan file, for editors.

Made from the models, then widened to what the loader takes besides: ``${NAME}`` wherever there is a number, a flag or a
choice, numbers and flags where text is wanted, and the short forms of ``wait_time``, ``close`` and ``test_data``.
"""

from __future__ import annotations

from typing import Any

from loadworthy.plan.model import Plan
from loadworthy.plan.steps import PART_CONTENTS, PAYLOADS, STEP_PARTS
from loadworthy.units import format_duration

_VARIABLE = {"type": "string", "pattern": r"\$\{"}
_NAMED = ("properties", "$defs")
_NESTED = ("items", "additionalProperties", "prefixItems")
_LIMITS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum"}
_OUTER = ("description", "default")
_DOES = ("path", *STEP_PARTS, "wait")
_ONE_OF = {
    "Step": _DOES,
    "Endpoint": _DOES,
    "Part": PART_CONTENTS,
    **dict.fromkeys(("Payload", "SocketRequest", "SocketStream"), PAYLOADS),
}
"""Models of whose keys exactly one of these is given."""
_CHOICES = ("anyOf", "oneOf", "allOf")


def plan_schema() -> dict[str, Any]:
    """The schema, as JSON data."""
    schema: dict[str, Any] = _widened(Plan.model_json_schema(mode="validation", by_alias=True))
    definitions = schema["$defs"]
    definitions["WaitTime"] = {
        "anyOf": [{"type": ["string", "number"], "examples": ["1s", "10ms", "1s-3s"]}, definitions["WaitTime"]],
        "description": definitions["WaitTime"].get("description", ""),
    }
    definitions["RowSource"] = {
        "anyOf": [definitions["RowSource"], {"type": "array", "items": {"type": "object"}, "minItems": 1}],
        "description": definitions["RowSource"].get("description", ""),
    }
    definitions["SocketClose"] = {
        "anyOf": [{"type": ["integer", "string"], "examples": [1000, 4000]}, definitions["SocketClose"]],
        "description": definitions["SocketClose"].get("description", ""),
    }
    for name, keys in _ONE_OF.items():
        definitions[name]["oneOf"] = [{"required": [key]} for key in keys]
    schema["title"] = "Loadworthy plan"
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _widened(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    result: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _NAMED:
            result[key] = {name: _widened(item) for name, item in value.items()}
        elif key in _CHOICES:
            result[key] = [_widened(item) for item in value]
        else:
            result[key] = _widened(value) if key in _NESTED else value
    result.pop("title", None)
    if "30s" in result.get("examples", ()) and isinstance(result.get("default"), int):
        result["default"] = format_duration(result["default"])  # as it is written, not as it is kept
    # pydantic leaves the limits of a value that it first hands to a parser under names of its own.
    result = {_LIMITS.get(key, key): value for key, value in result.items()}
    return _with_variable(result)


def _with_variable(schema: dict[str, Any]) -> dict[str, Any]:
    if schema.get("type") == "string" and not {"enum", "const", "pattern"} & schema.keys():
        return {**schema, "type": ["string", "number", "boolean"]}
    if schema.get("type") not in ("integer", "number", "boolean") and "enum" not in schema:
        return schema
    inner = {key: value for key, value in schema.items() if key not in _OUTER}
    outer = {key: value for key, value in schema.items() if key in _OUTER}
    return {"anyOf": [inner, dict(_VARIABLE)], **outer}
