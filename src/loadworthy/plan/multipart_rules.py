"""The rules of multipart forms: one content a part, files that are there, no content type beside the form's own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from loadworthy.plan.document import DataPath, Document, shown
from loadworthy.plan.rows import MAX_FILE_BYTES
from loadworthy.plan.steps import PART_CONTENTS
from loadworthy.plan.translate import shown_at

MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+*-]+ *(;[^\r\n\0]*)?", re.ASCII)
_KNOWN = {*PART_CONTENTS, "filename", "type"}
_ONE = f"a part is one of {', '.join(PART_CONTENTS[:-1])} and {PART_CONTENTS[-1]}"


def check_multipart(document: Document, base_dir: Path) -> None:
    """Add a problem for each broken rule of each multipart form; files are looked for below ``base_dir``."""
    for path, step in _steps(document):
        if step.get("multipart") == {}:
            document.add((*path, "multipart"), "it is empty", "give it at least one field, or remove the key")
        elif isinstance(step.get("multipart"), dict):
            _check_content_type(step.get("headers"), (*path, "headers"), document)
            for at, part in _parts(step["multipart"], (*path, "multipart")):
                _check_part(part, at, document, base_dir)


def _steps(document: Document) -> Iterator[tuple[DataPath, dict[str, Any]]]:
    yield from _in_lists(document.data, ("setup", "teardown"), ())
    for name, scenario in _mapping(document.get(("scenarios",))).items():
        path: DataPath = ("scenarios", name)
        for at, behaviour in (
            (path, scenario),
            *(((*path, "roles", role), one) for role, one in _mapping(_mapping(scenario).get("roles")).items()),
        ):
            yield from _in_lists(behaviour, ("on_start", "flow", "endpoints"), at)


def _in_lists(value: object, keys: tuple[str, ...], path: DataPath) -> Iterator[tuple[DataPath, dict[str, Any]]]:
    for key in keys:
        steps = _mapping(value).get(key)
        for index, step in enumerate(steps if isinstance(steps, list) else ()):
            if isinstance(step, dict):
                yield (*path, key, index), step


def _parts(fields: dict[str, Any], path: DataPath) -> Iterator[tuple[DataPath, dict[str, Any]]]:
    """The parts that are more than a text."""
    for name, value in fields.items():
        if value == []:
            continue  # nothing is sent under that name
        for index, part in enumerate(value) if isinstance(value, list) else ((None, value),):
            if isinstance(part, dict):
                yield ((*path, name) if index is None else (*path, name, index)), part


def _check_content_type(headers: object, path: DataPath, document: Document) -> None:
    for name in _mapping(headers):
        if name.lower() == "content-type":
            hint = "leave the header out: it is sent with the boundary between the parts"
            document.add((*path, name), f"multipart and {name} exclude each other", hint, at_key=True)


def _check_part(part: dict[str, Any], path: DataPath, document: Document, base_dir: Path) -> None:
    given = [key for key in PART_CONTENTS if part.get(key) is not None]
    if len(given) > 1:
        document.add((*path, given[1]), f"{given[0]} and {given[1]} exclude each other", _ONE, at_key=True)
    elif not given and part.keys() <= _KNOWN:  # an unknown key was to be what is missing
        document.add(path, f"it needs one of {', '.join(PART_CONTENTS)}", _ONE, at_key=True)
    media_type = part.get("type")
    if isinstance(media_type, str) and not MEDIA_TYPE.fullmatch(media_type):
        at = (*path, "type")
        document.add(at, f"{shown_at(at, document)} is not a media type", "write one like image/png")
    if isinstance(part.get("file"), str):
        _check_file(part["file"], (*path, "file"), document, base_dir)


def _check_file(file: str, path: DataPath, document: Document, base_dir: Path) -> None:
    if "{{" in file or "{%" in file:
        hint = "it is read once, before the load; send several files by several steps, or texts of test data"
        document.add(path, f"{shown(file)} is a template, and a file cannot vary", hint)
        return
    where = base_dir / file
    try:
        if not where.is_file():
            problem = (
                "it is not a file" if where.exists() else "there is no such file; it is looked for beside the plan"
            )
            document.add(path, f"{shown(file)}: {problem}")
        elif where.stat().st_size > MAX_FILE_BYTES:
            document.add(path, f"{shown(file)}: it is kept in memory, where {MAX_FILE_BYTES >> 20} MiB are the most")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        document.add(path, f"{shown(file)}: it cannot be read: {reason}")


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
