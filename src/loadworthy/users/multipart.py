"""Multipart forms (RFC 7578) of requests that a plan describes.

A form in which nothing varies is encoded once, and sent as bytes from then on: the load is not to be spent on it. Of
others, what varies is filled in for each request, the rest is kept.
"""

from __future__ import annotations

import base64
import json
import mimetypes
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from random import Random
from typing import Any

from urllib3.fields import RequestField
from urllib3.filepost import choose_boundary, encode_multipart_formdata

from loadworthy.errors import UsageError
from loadworthy.plan.steps import Part
from loadworthy.users.templates import Templates, Variables, resolve

_ANY_TYPE = "application/octet-stream"
_JSON_TYPE = "application/json"

ReadFile = Callable[[str], bytes]


class PlanFiles:
    """The files that a plan's forms send, each read once and kept.

    Args:
        base_dir: where their names start.
    """

    def __init__(self, base_dir: Path) -> None:
        self._base_dir = base_dir
        self._read: dict[str, bytes] = {}

    def __call__(self, name: str) -> bytes:
        """What is in a file; UsageError where it cannot be read any more."""
        if name not in self._read:
            try:
                self._read[name] = (self._base_dir / name).read_bytes()
            except OSError as error:
                raise UsageError(f"the file {name} of a form cannot be read: {error.strerror or error}") from error
        return self._read[name]


@dataclass(frozen=True, slots=True)
class CompiledForm:
    """A form ready to be sent."""

    content_type: str
    body: bytes | Callable[[Variables], bytes]


@dataclass(frozen=True, slots=True)
class _Field:
    """A part; ``content`` and ``filename`` may be functions of the variables."""

    name: str
    content: Any
    filename: Any
    media_type: str | None

    @property
    def varies(self) -> bool:
        return callable(self.content) or callable(self.filename)

    def filled(self, variables: Variables) -> RequestField:
        filename = resolve(self.filename, variables)
        made = RequestField(self.name, resolve(self.content, variables), filename)
        made.make_multipart(content_type=self.media_type or _type_of(filename))
        return made


def compile_form(
    fields: Mapping[str, Part | Sequence[Part]], templates: Templates, read_file: ReadFile
) -> CompiledForm:
    """Encode all that does not vary. TemplateFailedError comes from the body's function; UsageError from the files."""
    boundary = choose_boundary()
    parts = [
        _compile(name, part, templates, read_file)
        for name, value in fields.items()
        for part in ((value,) if isinstance(value, Part) else value)
    ]
    constant = [None if part.varies else part.filled({}) for part in parts]

    def body(variables: Variables) -> bytes:
        filled = [known or part.filled(variables) for known, part in zip(constant, parts, strict=True)]
        encoded: bytes = encode_multipart_formdata(filled, boundary)[0]
        return encoded

    varies = any(part.varies for part in parts)
    return CompiledForm(f"multipart/form-data; boundary={boundary}", body if varies else body({}))


def _compile(name: str, part: Part, templates: Templates, read_file: ReadFile) -> _Field:
    filename = part.filename if part.file is None or part.filename is not None else PurePosixPath(part.file).name
    media_type = part.type or (_JSON_TYPE if part.json_ is not None else None)
    named = None if filename is None else templates.text(filename)
    return _Field(name, _content(part, templates, read_file), named, media_type)


def _content(part: Part, templates: Templates, read_file: ReadFile) -> Any:
    if part.text is not None:
        return templates.text(part.text)
    if part.base64 is not None:
        return base64.b64decode(part.base64)
    if part.size is not None:
        return Random(part.size).randbytes(part.size)
    if part.file is not None:
        return read_file(part.file)
    value = templates.value(part.json_)
    return (lambda variables: json.dumps(value(variables))) if callable(value) else json.dumps(value)


def _type_of(filename: str | None) -> str | None:
    """The media type of a file by its name; None where the part is no file."""
    return None if filename is None else mimetypes.guess_type(filename)[0] or _ANY_TYPE
