"""Multipart forms: read from what was recorded, and written as plans have them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from loadworthy.importers.imported import Json, Note
from loadworthy.importers.requests import MULTIPART, FormPart, Site, json_of
from loadworthy.plan.multipart_rules import MEDIA_TYPE
from loadworthy.plan.rows import MAX_FILE_BYTES

UNKNOWN_SIZE = "10kB"
"""How much is sent in place of a file of which nothing is known."""

_BOUNDARY = re.compile(r"boundary=(?:\"([^\"]+)\"|([^\s;]+))", re.IGNORECASE)
_PARAMETER = re.compile(r";\s*(\w+\*?)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^;]*))")
_TEXTS = re.compile(r"text/|.*[/+](?:json|xml|csv|yaml)\b", re.IGNORECASE)
_BROKEN = re.compile("[\ufffd\0]")


def read_form(text: str, mime: str) -> tuple[FormPart, ...]:
    """The parts of a body as it was sent (RFC 7578); none where it is no such form.

    Recordings are text, in which what files hold is mangled or left out: of files that are no text, the parts have a
    size alone.
    """
    boundary = _BOUNDARY.search(mime)
    if not mime.strip().lower().startswith(MULTIPART) or boundary is None:
        return ()
    pieces = re.split(rf"(?:^|\r?\n)--{re.escape(boundary[1] or boundary[2])}", text)
    return tuple(part for piece in pieces[1:] if not piece.startswith("--") and (part := _read_part(piece)) is not None)


def _read_part(piece: str) -> FormPart | None:
    head, *rest = re.split(r"\r?\n\r?\n", re.sub(r"^[ \t]*\r?\n", "", piece, count=1), maxsplit=1)
    content = rest[0] if rest else ""
    headers = dict(_header(line) for line in head.splitlines() if ":" in line)
    parameters = _PARAMETER.findall(headers.get("content-disposition", ""))
    said = {name.lower(): _unescaped(quoted or plain) for name, quoted, plain in parameters}
    if "name" not in said:
        return None
    filename = said.get("filename", "") or unquote(said.get("filename*", "").rpartition("'")[2])
    mime = headers.get("content-type", "")
    is_text = not _BROKEN.search(content) and (_TEXTS.match(mime) if filename else True)
    return FormPart(said["name"], content if is_text else None, filename, mime, len(content.encode()))


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip().lower(), value.strip()


def _unescaped(text: str) -> str:
    """As browsers write the names of fields and files."""
    return text.replace("%22", '"').replace("%0D%0A", "\n").replace('\\"', '"')


@dataclass(frozen=True, slots=True)
class FormWriter:
    """Writes ``multipart`` of a step.

    Args:
        text: what the plan has for a text at a place.
        data: the same for JSON.
        named: what it has for the name of a field.
    """

    text: Callable[[Site, str], str]
    data: Callable[[Any], Any]
    named: Callable[[str], str]

    def written(self, form: Sequence[FormPart]) -> Json:
        """Name → its part, or a list of those that share it."""
        grouped: dict[str, list[Any]] = {}
        for part in form:
            grouped.setdefault(self.named(part.name), []).append(self._part(part))
        return {name: values[0] if len(values) == 1 else values for name, values in grouped.items()}

    def _part(self, part: FormPart) -> Any:
        site = Site("form", (part.name,))
        about = dict(self._about(part))
        if part.text is None:
            return {"size": min(part.size_bytes, MAX_FILE_BYTES) or UNKNOWN_SIZE, **about}
        if part.mime.partition(";")[0].strip().lower() == "application/json":
            value = json_of(part.text)
            if value is not None:
                about.pop("type", None)
                return {"json": self.data(value), **about}
        text = self.text(site, part.text)
        return {"text": text, **about} if about else text

    def _about(self, part: FormPart) -> Iterator[tuple[str, str]]:
        if part.filename:
            yield "filename", self.text(Site("form"), part.filename)
        if MEDIA_TYPE.fullmatch(part.mime):
            yield "type", part.mime


def not_at_hand(form: Sequence[FormPart], where: str) -> Iterator[Note]:
    """What is to be said of files whose content the source does not hold."""
    names = [part.filename or part.name for part in form if part.text is None]
    if names:
        yield random_bytes(names, where)


def random_bytes(names: Sequence[str], where: str) -> Note:
    """What is to be said of files of these names in whose place random bytes go."""
    files = "".join(one for one in ", ".join(names) if one.isprintable())[:200]
    return Note(
        where, f"random bytes are sent as {files}; to send a file of yours, put it beside the plan: {{file: …}}"
    )
