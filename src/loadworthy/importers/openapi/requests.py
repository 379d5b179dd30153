"""One operation of a document as a step of a plan: its path filled, its query, headers and body made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote

from loadworthy.importers.imported import Json, Note, Variables
from loadworthy.importers.openapi.answers import Answers
from loadworthy.importers.openapi.auth import Auth, header_is_secret, is_proof
from loadworthy.importers.openapi.bodies import Bodies
from loadworthy.importers.openapi.examples import given_example, has_example, schema_value
from loadworthy.importers.openapi.given import CREATE, LISTING, Giver, Rows
from loadworthy.importers.openapi.queries import in_query, path_prefix, plain
from loadworthy.importers.openapi.reader import Operation, Parameter, Place, Reader, UnfillableError
from loadworthy.importers.openapi.schemas import Schema, Schemas
from loadworthy.importers.openapi.servers import Servers
from loadworthy.importers.openapi.text import fixed_in_url
from loadworthy.importers.openapi.things import (
    collection_of,
    is_reference,
    named_by_parameter,
    named_by_property,
    parameters_of,
    shape,
)
from loadworthy.importers.openapi.values import Values, Wanted
from loadworthy.importers.requests import is_header

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_NOT_PARAMETERS = ("accept", "content-type", "authorization", "content-length", "host")


@dataclass(slots=True)
class Requests:
    """Makes steps.

    Args:
        left_out: names of optional parameters that steps go without.
        notes: parameters that no request can have.
    """

    reader: Reader
    schemas: Schemas
    answers: Answers
    values: Values
    auth: Auth
    servers: Servers
    variables: Variables
    bodies: Bodies
    rows: Rows
    left_out: dict[str, None] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)

    def step(self, operation: Operation, giver: Giver) -> Json:
        """The step, after what it needs from others.

        Raises:
            UnfillableError: a value was not found; the message says which.
        """
        self._refuse_what_is_not_http(operation)
        self.servers.refuse_others(operation)
        address, shown = self.servers.address(operation)
        step: Json = {"path": address + self._path(operation, giver)}
        if operation.method != "GET":
            step["method"] = operation.method
        if address or "#" in operation.path or parameters_of(operation.path):
            step["name"] = shown + operation.path.replace("{", "[").replace("}", "]")
        who, query = self.auth.headers(operation)
        query = {**self._query(operation, giver), **query}
        own = self._headers(operation, giver)
        headers = {**who, **own}
        if "Cookie" in who and "Cookie" in own:
            headers["Cookie"] = f"{who['Cookie']}; {own['Cookie']}"
        body = self.bodies.body(operation, giver)
        headers = {**headers, **body.pop("headers", {})}
        step.update({key: value for key, value in (("query", query), ("headers", headers)) if value})
        step.update(body)
        statuses = self.answers.statuses(operation)
        if statuses:
            step["expect"] = {"status": statuses[0] if len(statuses) == 1 else statuses}
        return step

    def _refuse_what_is_not_http(self, operation: Operation) -> None:
        if operation.method not in _METHODS:
            raise UnfillableError(f"a plan has no method {operation.method}")
        for code, place in operation.place.at("responses").items():
            kinds = [kind for kind, _ in self.answers.contents(place)]
            if code.startswith("2") and "text/event-stream" in kinds and not any("json" in kind for kind in kinds):
                raise UnfillableError("the answer is a stream of events; write a step events: for it")

    # --- path ---

    def _path(self, operation: Operation, giver: Giver) -> str:
        text = ""
        # What stands behind a # tells operations on one path apart; it is never sent.
        rest = operation.path.partition("#")[0]
        for name in parameters_of(rest):
            before, _, rest = rest.partition("{" + name + "}")
            text += fixed_in_url(before) + self._in_path(operation, name, giver)
        return text + fixed_in_url(rest)

    def _in_path(self, operation: Operation, name: str, giver: Giver) -> str:
        parameter = next((one for one in operation.parameters if (one.where, one.name) == ("path", name)), None)
        if parameter is None:
            pointer = operation.place.pointer
            parameter = Parameter(name, "path", True, Place({}, pointer), Place({"type": "string"}, pointer))
        return fixed_in_url(path_prefix(parameter)) + self._value_in_path(operation, parameter, giver)

    def _value_in_path(self, operation: Operation, parameter: Parameter, giver: Giver) -> str:
        name = parameter.name
        schema = self.schemas.first(parameter.schema)
        if schema.data.get("enum") or "const" in schema.data:
            chosen = plain(self.values.value(parameter.schema, name, Wanted()))
            is_drawn = chosen.startswith("{{ random_choice(")
            first = schema.data.get("const", (schema.data.get("enum") or [""])[0])
            return chosen.replace(" }}", " | string | urlencode }}") if is_drawn else quote(plain(first), safe="")
        given = self._given_in_path(operation, name, giver, CREATE) if is_reference(parameter, self.schemas) else None
        example = self._example(parameter, schema)
        if given is None and example is not None:
            return quote(plain(example), safe="")
        if given is None and is_reference(parameter, self.schemas):
            given = self._given_in_path(operation, name, giver, LISTING)
            if given is None:
                named = named_by_parameter(operation.path, name)
                placeholder = "1" if schema.kind == "integer" else "example"
                given = self.rows.template(named, placeholder, f"the path parameter {name} of {operation.where}")
        if given is not None:
            is_text = schema.kind not in ("integer", "number") and schema.data.get("format") != "uuid"
            return given.replace(" }}", " | string | urlencode }}") if is_text else given
        return plain(self.values.value(parameter.schema, name, Wanted()))

    def _given_in_path(self, operation: Operation, name: str, giver: Giver, way: str) -> str | None:
        where = shape(collection_of(operation.path, name))
        given = giver.give(named_by_parameter(operation.path, name), where, way)
        own = named_by_property(name)
        return given if given is not None or own is None or not own.noun else giver.give(own, None, way)

    def _example(self, parameter: Parameter, schema: Schema) -> Any:
        """What the document itself says as a value; None where it says none."""
        return (
            given_example(parameter.place, self.reader)
            if has_example(parameter.place, self.reader)
            else schema_value(schema.data)
        )

    # --- query and headers ---

    def _stated(self, place: Literal["query", "header"], parameter: Parameter, schema: Schema) -> Any:
        """The value that the document says, without credentials."""
        value = self._example(parameter, schema)
        return self.values.stated(plain(value) if place == "header" else value, (parameter.name,), place)

    def _query(self, operation: Operation, giver: Giver) -> Json:
        query: Json = {}
        for parameter in operation.parameters:
            if parameter.where != "query":
                continue
            schema = self.schemas.first(parameter.schema)
            has_value = (
                has_example(parameter.place, self.reader)
                or "example" in schema.data
                or bool(schema.data.get("examples"))
            )
            if not parameter.required and not has_value:
                self.left_out.setdefault(parameter.name)
                continue
            wanted = Wanted(reference=self.bodies.references(operation, giver, True))
            value = self._stated("query", parameter, schema) if has_value else None
            value = self.values.value(parameter.schema, parameter.name, wanted) if value is None else value
            query.update(in_query(parameter, value))
        return query

    def _headers(self, operation: Operation, giver: Giver) -> Json:
        headers: Json = {}
        cookies = []
        for parameter in operation.parameters:
            if parameter.where not in ("header", "cookie") or parameter.name.lower() in _NOT_PARAMETERS:
                continue
            # What a login set as a cookie is sent by itself.
            is_session = parameter.where == "cookie" and header_is_secret(parameter.name)
            value = None if is_session else self._header(operation, parameter, giver)
            if value is None:
                self.left_out.setdefault(parameter.name)
            elif not is_header(parameter.name, value):
                what = f"HTTP does not allow its {parameter.where} {_printable(parameter.name)}; it is left out"
                self.notes.append(Note(operation.where, what))
            elif parameter.where == "cookie":
                cookies.append(f"{parameter.name}={value}")
            else:
                headers[parameter.name] = value
        return {**headers, "Cookie": "; ".join(cookies)} if cookies else headers

    def _header(self, operation: Operation, parameter: Parameter, giver: Giver) -> str | None:
        name = parameter.name
        changes = operation.method not in ("GET", "HEAD") and bool(parameters_of(operation.path))
        if is_proof(name) and changes:
            proof = giver.proof(name)
            if proof is None:
                raise UnfillableError(f"it needs {name}, and no answer is known to give it")
            return proof
        schema = self.schemas.first(parameter.schema)
        if has_example(parameter.place, self.reader) or "example" in schema.data:
            return plain(self._stated("header", parameter, schema))
        if not parameter.required:
            return None
        if header_is_secret(name):
            return self.variables.reference(name, f"the header {name}")
        return plain(self.values.value(parameter.schema, name, Wanted()))


def _printable(name: str) -> str:
    return "".join(one for one in name[:40] if one.isprintable())
