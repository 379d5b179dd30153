"""Multipart forms of a document: which of their fields are files, and what goes in place of those."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from typing import Any

from loadworthy.importers.form_parts import UNKNOWN_SIZE
from loadworthy.importers.imported import Json
from loadworthy.importers.openapi.queries import is_scalar
from loadworthy.importers.openapi.reader import Place, UnfillableError
from loadworthy.importers.openapi.schemas import Schema, Schemas

_ANY_FILE = "application/octet-stream"
_OF_A_KIND = {"image/*": "image/png", "video/*": "video/mp4", "audio/*": "audio/mpeg", "text/*": "text/plain"}


def form_of(content: Place, value: Any, schemas: Schemas) -> tuple[Json, list[str]]:
    """A form as a plan has it, and the names of its files.

    Files are sent that the form cannot do without; if it has no other fields, those that it has.

    Args:
        content: the media type object.
        value: what was made for its schema.
        schemas: of the document.

    Raises:
        UnfillableError: its fields are not described.
    """
    schema = schemas.first(content.at("schema"))
    made = dict(value) if isinstance(value, Mapping) else {}
    required, files = schema.required(), {}
    for name, place in schema.properties().items():
        part = _file(name, content, schemas.first(place), schemas)
        if part is not None and (name in required or not made.keys() - {name}):
            files[name] = part
        if part is not None:
            made.pop(name, None)
    form = {name: _field(item) for name, item in made.items() if item is not None} | files
    if not form:
        raise UnfillableError("the form is not described")
    return form, [one["filename"] for part in files.values() for one in (part if isinstance(part, list) else [part])]


def _file(name: str, content: Place, schema: Schema, schemas: Schemas) -> Any:
    """The part, or a list of it, of a field that is a file; None of others."""
    if schema.kind == "array" and schema.items().value is not None:
        one = _file(name, content, schemas.first(schema.items()), schemas)
        return None if one is None else [one]
    stated = content.at("encoding").at(name).text("contentType").partition(",")[0].strip().lower()
    media_type = schema.data.get("contentMediaType")
    media_type = media_type.strip().lower() if isinstance(media_type, str) else ""
    is_raw = bool(media_type) and "contentEncoding" not in schema.data and schema.kind in ("string", "")
    if schema.data.get("format") != "binary" and not is_raw:
        return None
    wanted = stated or media_type or _ANY_FILE
    wanted = _OF_A_KIND.get(wanted, _ANY_FILE if "*" in wanted else wanted)
    ending = ".bin" if wanted == _ANY_FILE else mimetypes.guess_extension(wanted) or ".bin"
    part = {"size": UNKNOWN_SIZE, "filename": f"{name}{ending}"}
    return part if ending != ".bin" or wanted == _ANY_FILE else {**part, "type": wanted}


def _field(item: Any) -> Any:
    if is_scalar(item):
        return item
    if isinstance(item, list) and item and all(map(is_scalar, item)):
        return item
    return {"json": item}
