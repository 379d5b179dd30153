"""Values that a document gives itself."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from loadworthy.importers.imported import Json, literal_data, quoted
from loadworthy.importers.openapi.reader import Place, Reader, UnfillableError
from loadworthy.plan.document import MAX_BITS

MAX_VALUES = 5_000
MAX_DEPTH = 30
_MOST_CHOICES = 12
NO_EXAMPLE = object()
_MOST_CHARACTERS = 99
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "object": Mapping,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


def given_example(place: Place, reader: Reader) -> Any:
    """What a media type or parameter object gives as an example; ``NO_EXAMPLE`` where it does not."""
    if isinstance(place.value, Mapping) and "example" in place.value:
        return place.value["example"]
    for _, written in place.at("examples").items():  # noqa: PERF102  not a dict
        try:
            example = reader.resolve(written)
        except UnfillableError:
            continue
        if isinstance(example.value, Mapping) and "value" in example.value:
            return example.value["value"]
    return NO_EXAMPLE


def has_example(place: Place, reader: Reader) -> bool:
    """Whether a media type or parameter object gives one."""
    return given_example(place, reader) is not NO_EXAMPLE


def schema_value(data: Json) -> Any:
    """A value that the schema itself says: an example or a default; None where there is none."""
    example = schema_example(data)
    return None if example is NO_EXAMPLE else example


def schema_example(data: Json) -> Any:
    """The example or the default of a schema; ``NO_EXAMPLE`` where it has none."""
    if "example" in data:
        return data["example"]
    examples = data.get("examples")
    if isinstance(examples, list) and examples:
        return examples[0]
    return data["default"] if data.get("default") is not None else NO_EXAMPLE


def agreed(example: Any, kinds: Sequence[str]) -> Any:
    """An example as the types of its schema have it; ``NO_EXAMPLE`` where it is of none: examples grow old."""
    if example is NO_EXAMPLE or not kinds or any(_is_a(example, kind) for kind in kinds):
        return example
    if "string" in kinds and isinstance(example, int | float) and not isinstance(example, bool):
        return str(example)
    is_number = isinstance(example, str) and re.fullmatch(r"-?(?:0|[1-9][0-9]{0,17})", example)
    return int(example) if is_number and {"integer", "number"} & {*kinds} else NO_EXAMPLE


def _is_a(example: Any, kind: str) -> bool:
    if isinstance(example, bool):
        return kind == "boolean"
    is_whole = kind == "integer" and isinstance(example, float) and example.is_integer()
    return is_whole or isinstance(example, _TYPES.get(kind, object))


def choice(values: list[Any]) -> Any:
    """One of these, another each time where that can be written."""
    short = values[:_MOST_CHOICES]
    if len(short) == 1 or not all(isinstance(value, str | int) and not isinstance(value, bool) for value in short):
        return literal_data(short[0])
    written = [quoted(value) if isinstance(value, str) else str(value) for value in short]
    if any("{" in one or "}" in one or len(one) > _MOST_CHARACTERS for one in written):
        return literal_data(short[0])
    return f"{{{{ random_choice([{', '.join(written)}]) }}}}"


def check_size(example: Any) -> None:
    """Refuse an example that no plan should hold; level by level, so that its depth cannot hurt.

    Raises:
        UnfillableError: it is too large or too deep, or holds a number that is too large.
    """
    level: list[Any] = [[example]]
    count = 0
    for _ in range(MAX_DEPTH + 1):
        below = [item for value in level if isinstance(value, Mapping) for item in value.values()]
        below += [item for value in level if isinstance(value, list) for item in value]
        count += len(below)
        if count > MAX_VALUES:
            raise UnfillableError("its example is too large for a plan")
        for item in below:
            check_number(item)
        if not below:
            return
        level = below
    raise UnfillableError("its example is nested too deeply for a plan")


def check_number(value: Any) -> None:
    """UnfillableError where no plan can hold the number."""
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise UnfillableError("its example holds a number that is too large for a plan")
