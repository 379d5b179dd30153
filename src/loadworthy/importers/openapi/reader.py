"""An OpenAPI 3 document as plain data: read within bounds, its ``$ref`` followed, its operations listed.

The document is hostile. Its size, depth and number of values are bounded; references may form cycles, so whoever
follows them through schemas counts its steps.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from loadworthy.importers.imported import ImportFailedError, Json, Note
from loadworthy.importers.openapi.files import Files, Read, UnreadableError
from loadworthy.plan.document import Document
from loadworthy.plan.yaml_reader import read_yaml

MAX_CHARACTERS = 32_000_000
MAX_DEPTH = 100
MAX_VALUES = 2_000_000
METHODS = ("get", "post", "put", "patch", "delete", "head", "options", "trace")

_MOST_HOPS = 30
_VERSION = re.compile(
    r"""(?:^[ \t]*|[{,]\s{0,200})["']?(openapi|swagger)["']?\s{0,20}:\s{0,20}["']?([0-9]+)""", re.MULTILINE
)
_BUNDLE = "bundle the document into one file first (for example: npx @redocly/cli bundle openapi.yaml -o bundled.yaml)"
_HALF_CHARACTER = re.compile(r"\\u[dD][89a-fA-F]")
_ARRAY_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")


class UnfillableError(Exception):
    """A part of a document cannot become a request, or a part of one; the message says why."""


def detect(text: str, name: str) -> bool:
    """Whether this is an OpenAPI document, or one of Swagger 2, which the import refuses with a reason."""
    del name
    found = _VERSION.search(text, 0, MAX_CHARACTERS)
    is_version = found is not None and (found[1] == "openapi" or found[2] == "2")
    return is_version and any(part in text for part in ("paths", "components", "webhooks"))


@dataclass(frozen=True, slots=True)
class Place:
    """A value of the document and the JSON pointer to where it stands."""

    value: Any
    pointer: str

    def at(self, key: str | int) -> Place:
        """What is below it; None where nothing is."""
        here = f"{self.pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"
        if isinstance(self.value, Mapping):
            return Place(self.value.get(str(key)), here)
        if isinstance(self.value, list) and isinstance(key, int) and key < len(self.value):
            return Place(self.value[key], here)
        return Place(None, here)

    def items(self) -> Iterator[tuple[str, Place]]:
        """Its entries where it is a mapping."""
        for key in self.value if isinstance(self.value, Mapping) else ():
            yield key, self.at(key)

    def elements(self) -> Iterator[Place]:
        """Its entries where it is a list."""
        for index in range(len(self.value) if isinstance(self.value, list) else 0):
            yield self.at(index)

    def text(self, key: str, default: str = "") -> str:
        """The text below it."""
        value = self.at(key).value
        return value if isinstance(value, str) else default


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value that goes into the path, query, headers or cookies."""

    name: str
    where: str
    required: bool
    place: Place
    """The parameter object."""
    schema: Place


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """A method on a path. Each is itself only; two are never compared by what they hold."""

    method: str
    path: str
    place: Place
    parameters: tuple[Parameter, ...]
    item: Place
    """The path's own object."""

    @property
    def where(self) -> str:
        """As notes name it."""
        return f"{self.method} {self.path}"


class Reader:
    """Follows the references of a document.

    Attributes:
        notes: what of its paths cannot be read.
    """

    def __init__(self, root: Json, read_file: Read | None = None) -> None:
        self.root = Place(root, "#")
        self._files = Files(read_file, _parsed)
        self.notes: list[Note] = []

    def resolve(self, place: Place) -> Place:
        """What is meant: the target of a ``$ref``, with what stands beside it.

        Raises:
            UnfillableError: the target does not exist, is in another file, or leads back to itself.
        """
        begin = place
        beside: Json = {}
        for _ in range(_MOST_HOPS):
            value = place.value
            if not isinstance(value, Mapping) or not isinstance(value.get("$ref"), str):
                merged = {**value, **beside} if beside and isinstance(value, Mapping) else value
                return Place(merged, place.pointer)
            beside = {**{key: item for key, item in value.items() if key != "$ref"}, **beside}
            place = self._target(value["$ref"], place.pointer)
        raise UnfillableError(f"{begin.pointer}: its $ref leads back to itself; remove the circle")

    def _target(self, reference: str, pointer: str) -> Place:
        file, _, fragment = reference.partition("#")
        try:
            place = Place(self._files.data(file), f"{file}#") if file else self.root
        except UnreadableError as error:
            raise UnfillableError(f"{pointer}: $ref {reference[:200]!r} {error}; {_BUNDLE}") from error
        for part in fragment.split("/")[1:]:
            key = unquote(part).replace("~1", "/").replace("~0", "~")
            is_index = isinstance(place.value, list) and _ARRAY_INDEX.fullmatch(key)
            place = place.at(int(key) if is_index else key)
        if place.value is None:
            raise UnfillableError(f"{pointer}: $ref {reference[:200]!r} leads nowhere; add what it names, or mend it")
        return place

    def operations(self) -> list[Operation]:
        """All that can be read, in the order of the document; ``notes`` has what cannot."""
        found = []
        for path, place in self.root.at("paths").items():
            if path.startswith("x-"):
                continue
            try:
                item = self._item(path, place)
            except UnfillableError as error:
                self.notes.append(Note(path, f"{error}; it is left out"))
                continue
            for method in METHODS:
                if item.at(method).value is None:
                    continue
                where = f"{method.upper()} {path}"
                try:
                    found.append(self._operation(method, path, item, where))
                except UnfillableError as error:
                    self.notes.append(Note(where, f"{error}; it is left out"))
        return found

    def _operation(self, method: str, path: str, item: Place, where: str) -> Operation:
        """Documents in several files have references here, too, though the specification has none."""
        place = self.resolve(item.at(method))
        if not isinstance(place.value, Mapping):
            raise UnfillableError(f"{item.at(method).pointer}: an operation must be a mapping")
        return Operation(method.upper(), path, place, self._parameters(item, place, where), item)

    def _item(self, path: str, place: Place) -> Place:
        item = self.resolve(place)
        if not path.startswith("/") or not isinstance(item.value, Mapping):
            raise UnfillableError(f"{place.pointer}: it must be a path that starts with /, with a mapping below")
        return item

    def _parameters(self, item: Place, operation: Place, where: str) -> tuple[Parameter, ...]:
        found: dict[tuple[str, str], Parameter] = {}
        for level in (item, operation):
            for place in level.at("parameters").elements():
                try:
                    parameter = self._parameter(self.resolve(place))
                except UnfillableError as error:
                    self.notes.append(Note(where, f"{error}; the request goes without it"))
                    continue
                found[parameter.where, parameter.name] = parameter
        return tuple(found.values())

    def _parameter(self, place: Place) -> Parameter:
        name, where = place.text("name"), place.text("in")
        if not name or where not in ("path", "query", "header", "cookie"):
            raise UnfillableError(f"{place.pointer}: a parameter needs a name, and in: path, query, header or cookie")
        schema = place.at("schema")
        if schema.value is None:
            schema = next((content.at("schema") for _, content in place.at("content").items()), schema)
        required = place.at("required").value is True or where == "path"
        return Parameter(name, where, required, place, schema)


def read(text: str, read_file: Read | None = None) -> Reader:
    """The document.

    Args:
        text: of it.
        read_file: gives the other files that it consists of.

    Raises:
        ImportFailedError: it is neither JSON nor YAML, too large or too deep, or no OpenAPI 3.
    """
    if len(text) > MAX_CHARACTERS:
        raise ImportFailedError(f"the document has more than {MAX_CHARACTERS:,} characters")
    data = _parsed(text)
    if not isinstance(data, dict):
        raise ImportFailedError("#: the document must be a mapping with openapi, info and paths")
    _check_version(data)
    if not isinstance(data.get("paths"), dict) or not data["paths"]:
        raise ImportFailedError("#/paths: there are no paths, so there is nothing to load")
    return Reader(data, read_file)


def _parsed(text: str) -> Any:
    data = _json(text) if text.lstrip("\ufeff \t\r\n").startswith("{") else _yaml(text)
    if isinstance(data, dict | list):
        _check_bounds(data)
    if _HALF_CHARACTER.search(text):
        _check_unicode(data)
    return data


def _check_version(data: Json) -> None:
    if "swagger" in data:
        raise ImportFailedError(
            f"#/swagger: this is Swagger {str(data['swagger'])[:20]}; convert it to OpenAPI 3 first "
            "(for example: npx swagger2openapi swagger.yaml -o openapi.yaml)"
        )
    version = str(data.get("openapi", ""))
    if not version.startswith("3."):
        raise ImportFailedError(f"#/openapi: it must say 3.0 or 3.1, not {version[:20]!r}")


def _json(text: str) -> Any:
    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is no JSON value")

    try:
        return json.loads(text.lstrip("\ufeff"), parse_constant=refuse)
    except json.JSONDecodeError as error:
        raise ImportFailedError(f"line {error.lineno}: this is not JSON: {error.msg} (column {error.colno})") from error
    except ValueError as error:
        raise ImportFailedError(f"this is not JSON: {error}") from error
    except RecursionError as error:
        raise ImportFailedError("the document is nested too deeply to be read") from error


def _yaml(text: str) -> Any:
    document = Document("the document")
    read_yaml(text.lstrip("\ufeff"), document)
    if document.problems:
        first = document.sorted_problems()[0]
        place = f"line {first.line}: " if first.line else ""
        raise ImportFailedError(f"{place}{first.message}" + (f"; {first.hint}" if first.hint else ""))
    return document.data


def _check_bounds(data: Any) -> None:
    """Count what there is, level by level: no recursion, so that depth cannot hurt."""
    level: list[tuple[Any, str]] = [(data, "#")]
    count = 0
    for _ in range(MAX_DEPTH):
        below: list[tuple[Any, str]] = []
        for value, pointer in level:
            entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
            for key, item in entries:
                if isinstance(item, dict | list):
                    below.append((item, f"{pointer}/{key}"))
                elif isinstance(item, float) and not math.isfinite(item):
                    raise ImportFailedError(f"{pointer[:200]}/{str(key)[:80]}: {item} is no number that JSON has")
            count += len(value)
        if count > MAX_VALUES:
            raise ImportFailedError(f"the document has more than {MAX_VALUES:,} values")
        if not below:
            return
        level = below
    raise ImportFailedError(f"{level[0][1][:200]}: it is nested more than {MAX_DEPTH} levels deep")


def _check_unicode(data: Any) -> None:
    try:
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ImportFailedError("a text holds half of a surrogate pair, which no encoding can write") from error
