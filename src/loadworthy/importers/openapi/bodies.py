"""The body of a request: which of its forms, and where the identifiers in it come from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from loadworthy.importers.form_parts import random_bytes
from loadworthy.importers.imported import Json, Note
from loadworthy.importers.openapi.auth import is_proof
from loadworthy.importers.openapi.examples import has_example, schema_value
from loadworthy.importers.openapi.given import CREATE, LISTING, Giver, Rows
from loadworthy.importers.openapi.queries import is_scalar, json_text
from loadworthy.importers.openapi.reader import Operation, Place, Reader, UnfillableError
from loadworthy.importers.openapi.schemas import Schema, Schemas
from loadworthy.importers.openapi.text import snake
from loadworthy.importers.openapi.things import (
    Named,
    Things,
    collection_of,
    named_by_parameter,
    named_by_property,
    noun_at,
    parameters_of,
    segments_of,
    shape,
)
from loadworthy.importers.openapi.uploads import form_of
from loadworthy.importers.openapi.values import Reference, Values, Wanted
from loadworthy.importers.requests import FORM, MULTIPART

_MEDIA_TYPE = re.compile(r"[\w.+*-]+/[\w.+*-]+", re.ASCII)
_PROVING = ("confirm", "verify", "activate", "validate", "otp", "reset", "redeem")
_SHORT = 64


@dataclass(slots=True)
class Bodies:
    """Makes bodies."""

    reader: Reader
    schemas: Schemas
    values: Values
    things: Things
    rows: Rows
    notes: list[Note] = field(default_factory=list)
    """What is sent in place of files."""

    def body(self, operation: Operation, giver: Giver) -> Json:
        """``json``, ``form``, ``multipart`` or ``body`` of the step, with the headers that it needs.

        Raises:
            UnfillableError: it cannot be made.
        """
        request = self.reader.resolve(operation.place.at("requestBody"))
        contents = dict(request.at("content").items())
        if not contents:
            if operation.method == "POST" and any("webhook" in one.lower() for one in segments_of(operation.path)):
                raise UnfillableError("another service calls it, with a body that the document does not describe")
            return {}
        kind = min(contents, key=_preference)
        content = contents[kind]
        wanted = self._wanted(operation, content, giver)
        name = kind.partition(";")[0].strip().lower()
        if not _MEDIA_TYPE.fullmatch(name):
            raise UnfillableError(f"the body has the media type {name[:40]!r}, which is none")
        if name.endswith(("/json", "+json")) or name == "*/*":
            body = self.values.body(content, "value", wanted)
            is_plain = name in ("application/json", "*/*")
            return {"json": body} if is_plain else {"json": body, "headers": {"Content-Type": name}}
        if name == FORM:
            return {"form": _form(self.values.body(content, "value", wanted))}
        if name == MULTIPART:
            return self._multipart(operation, content, wanted)
        if name.startswith("multipart/"):
            raise UnfillableError(f"the body is {name}, which a plan cannot write; use a locustfile")
        if name.startswith("text/") or name == "application/octet-stream" or has_example(content, self.reader):
            value = self.values.body(content, "text", wanted)
            text = value if isinstance(value, str) else json_text(value)
            return {"body": text, "headers": {"Content-Type": "text/plain" if name == "text/*" else name}}
        raise UnfillableError(f"the body is {name}, and the document gives no example of it")

    def _multipart(self, operation: Operation, content: Place, wanted: Wanted) -> Json:
        form, files = form_of(content, self.values.body(content, "value", wanted), self.schemas)
        if files:
            self.notes.append(random_bytes(files, operation.where))
        return {"multipart": form}

    def _wanted(self, operation: Operation, content: Place, giver: Giver) -> Wanted:
        properties: Mapping[str, Any] = {}
        if content.at("schema").value is not None:
            schema = self.schemas.first(content.at("schema"))
            properties = schema.properties()
            changing = {snake(name) for name in schema.required()}
            if changing & {"new_password", "old_password", "current_password"}:
                raise UnfillableError("it changes the password that the users log in with")
        return Wanted(
            unique=True,
            create=operation.method == "POST",
            change=operation.method in ("PATCH", "PUT"),
            reference=self.references(operation, giver, not any(map(is_proof, properties))),
        )

    def references(self, operation: Operation, giver: Giver, optional: bool) -> Reference:
        """Where the identifiers in an operation's body or query come from.

        Args:
            operation: whose they are.
            giver: who finds them.
            optional: whether those that may be left out are wanted, too.
        """
        segments = segments_of(operation.path)
        own = noun_at(segments) if operation.method == "POST" else ""
        proving = bool(segments) and (segments[-1].lower() in _PROVING or bool(parameters_of(operation.path)))

        def reference(name: str, schema: Schema, required: bool) -> str | None:
            if schema.kind not in ("integer", "string") or schema.data.get("enum") or "const" in schema.data:
                return None
            if required and proving and is_proof(name):
                proof = giver.proof(name)
                if proof is None:
                    raise UnfillableError(f"it needs {name}, and no answer is known to give it")
                return proof
            kept = self._own_key(operation, name, giver)
            if kept is not None:
                return kept
            named = named_by_property(name)
            if named is None or not named.noun:
                return self._named_like_a_thing(name, schema, operation, own) if required else None
            noun = self.things.noun_of(named)
            if noun is None or noun == own or not (required or optional):
                return None
            ways: Sequence[str] = (CREATE, LISTING) if required else (CREATE,)
            return next((given for way in ways if (given := giver.give(named, None, way)) is not None), None)

        return reference

    def _own_key(self, operation: Operation, name: str, giver: Giver) -> str | None:
        """What a change must leave alone: the name by which the thing itself is known."""
        if operation.method not in ("PUT", "PATCH"):
            return None
        segments = segments_of(operation.path)
        parameters = parameters_of(segments[-1]) if segments else []
        if parameters:
            named = named_by_parameter(operation.path, parameters[-1])
            where = shape(collection_of(operation.path, parameters[-1]))
            names = {snake(parameters[-1]), named.key, named.variable}
        else:
            named, where = Named(noun_at(segments), "id"), shape(operation.path)
            names = {"id", named.variable} if where in self.things.addressed else set()
        if snake(name) not in names:
            return None
        return next((one for way in (CREATE, LISTING) if (one := giver.give(named, where, way)) is not None), None)

    def _named_like_a_thing(self, name: str, schema: Schema, operation: Operation, own: str) -> str | None:
        """``treatment`` where there are ``/treatments``: probably the short name of one, which only the user knows."""
        noun = snake(name)
        longest = schema.data.get("maxLength")
        is_short = schema.kind == "string" and isinstance(longest, int) and longest <= _SHORT
        if noun == own or noun not in self.things.listings or not is_short or schema_value(schema.data) is not None:
            return None
        return self.rows.template(Named(noun, noun), "example", f"{name} of {operation.where}")


def _preference(kind: str) -> int:
    name = kind.partition(";")[0].strip().lower()
    order = (name in ("application/json", "*/*"), name.endswith("+json"), name == FORM, name.startswith("text/"))
    return next((place for place, fits in enumerate(order) if fits), 9 if name.startswith("multipart/") else 5)


def _form(value: Any) -> Json:
    if not isinstance(value, Mapping):
        raise UnfillableError("the form is not described")
    form: Json = {}
    for key, item in value.items():
        if is_scalar(item) or (isinstance(item, list) and all(map(is_scalar, item))):
            form[key] = item
        elif item is not None:
            form[key] = json_text(item)
    return form
