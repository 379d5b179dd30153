"""One operation of a document as a step of a plan: its path filled, its query, headers and body made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from loadworthy.importers.imported import Json, Variables, literal, literal_data
from loadworthy.importers.openapi.answers import Answers
from loadworthy.importers.openapi.auth import Auth, header_is_secret, is_proof
from loadworthy.importers.openapi.bodies import Bodies, is_scalar
from loadworthy.importers.openapi.examples import given_example, has_example, schema_value
from loadworthy.importers.openapi.given import CREATE, LISTING, Giver, Rows
from loadworthy.importers.openapi.reader import Operation, Parameter, Place, Reader
from loadworthy.importers.openapi.schemas import Schema, Schemas, UnfillableError
from loadworthy.importers.openapi.text import fixed
from loadworthy.importers.openapi.things import (
    collection_of,
    is_reference,
    named_by_parameter,
    named_by_property,
    parameters_of,
    shape,
)
from loadworthy.importers.openapi.values import Values, Wanted

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_NOT_PARAMETERS = ("accept", "content-type", "authorization", "content-length", "host")
_PATH_CHARACTERS = "/%:@!$&'()*+,;=~?"


@dataclass(slots=True)
class Requests:
    """Makes steps.

    Args:
        left_out: names of optional parameters that steps go without.
    """

    reader: Reader
    schemas: Schemas
    answers: Answers
    values: Values
    auth: Auth
    variables: Variables
    bodies: Bodies
    rows: Rows
    left_out: dict[str, None] = field(default_factory=dict)

    def step(self, operation: Operation, giver: Giver) -> Json:
        """The step, after what it needs from others.

        Raises:
            UnfillableError: a value was not found; the message says which.
        """
        self._refuse_what_is_not_http(operation)
        step: Json = {"path": self._base(operation) + self._path(operation, giver)}
        if operation.method != "GET":
            step["method"] = operation.method
        if parameters_of(operation.path):
            step["name"] = operation.path.replace("{", "[").replace("}", "]")
        headers, query = self.auth.headers(operation)
        query = {**self._query(operation, giver), **query}
        headers = {**headers, **self._headers(operation, giver)}
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
            kinds = [kind for kind, _ in self.reader.resolve(place).at("content").items()]
            if code.startswith("2") and "text/event-stream" in kinds and not any("json" in kind for kind in kinds):
                raise UnfillableError("the answer is a stream of events; write a step events: for it")

    def _base(self, operation: Operation) -> str:
        """The server of an operation that has one of its own."""
        for place in (operation.place, operation.item):
            for server in place.at("servers").elements():
                url = server.text("url")
                if url.startswith(("http://", "https://")) and "{" not in url:
                    return literal(url.rstrip("/"))
        return ""

    # --- path ---

    def _path(self, operation: Operation, giver: Giver) -> str:
        text = ""
        rest = operation.path
        for name in parameters_of(operation.path):
            before, _, rest = rest.partition("{" + name + "}")
            text += _in_url(before) + self._in_path(operation, name, giver)
        return text + _in_url(rest)

    def _in_path(self, operation: Operation, name: str, giver: Giver) -> str:
        parameter = next((one for one in operation.parameters if (one.where, one.name) == ("path", name)), None)
        if parameter is None:
            pointer = operation.place.pointer
            parameter = Parameter(name, "path", True, Place({}, pointer), Place({"type": "string"}, pointer))
        schema = self.schemas.first(parameter.schema)
        if schema.data.get("enum") or "const" in schema.data:
            chosen = self._plain(self.values.value(parameter.schema, name, Wanted()))
            is_drawn = chosen.startswith("{{ random_choice(")
            first = schema.data.get("const", (schema.data.get("enum") or [""])[0])
            return chosen.replace(" }}", " | string | urlencode }}") if is_drawn else quote(self._plain(first), safe="")
        given = self._given_in_path(operation, name, giver, CREATE) if is_reference(parameter, self.schemas) else None
        example = self._example(parameter, schema)
        if given is None and example is not None:
            return quote(self._plain(example), safe="")
        if given is None and is_reference(parameter, self.schemas):
            given = self._given_in_path(operation, name, giver, LISTING)
            if given is None:
                named = named_by_parameter(operation.path, name)
                placeholder = "1" if schema.kind == "integer" else "example"
                given = self.rows.template(named, placeholder, f"the path parameter {name} of {operation.where}")
        if given is not None:
            is_text = schema.kind not in ("integer", "number") and schema.data.get("format") != "uuid"
            return given.replace(" }}", " | string | urlencode }}") if is_text else given
        return self._plain(self.values.value(parameter.schema, name, Wanted()))

    def _given_in_path(self, operation: Operation, name: str, giver: Giver, way: str) -> str | None:
        where = shape(collection_of(operation.path, name))
        given = giver.give(named_by_parameter(operation.path, name), where, way)
        own = named_by_property(name)
        return given if given is not None or own is None or not own.noun else giver.give(own, None, way)

    @staticmethod
    def _example(parameter: Parameter, schema: Schema) -> Any:
        """What the document itself says as a value; None where it says none."""
        return given_example(parameter.place) if has_example(parameter.place) else schema_value(schema.data)

    @staticmethod
    def _plain(value: Any) -> str:
        if isinstance(value, bool):
            return str(value).lower()
        return ",".join(map(str, value)) if isinstance(value, list) else str(value)

    # --- query and headers ---

    def _query(self, operation: Operation, giver: Giver) -> Json:
        query: Json = {}
        for parameter in operation.parameters:
            if parameter.where != "query":
                continue
            schema = self.schemas.first(parameter.schema)
            has_value = has_example(parameter.place) or "example" in schema.data or bool(schema.data.get("examples"))
            if not parameter.required and not has_value:
                self.left_out.setdefault(parameter.name)
                continue
            wanted = Wanted(reference=self.bodies.references(operation, giver, True))
            value = literal_data(self._example(parameter, schema)) if has_value else None
            value = self.values.value(parameter.schema, parameter.name, wanted) if value is None else value
            query.update(self._in_query(parameter, value))
        return query

    def _in_query(self, parameter: Parameter, value: Any) -> Json:
        name = parameter.name
        if isinstance(value, Mapping):
            deep = parameter.place.text("style") == "deepObject"
            return {f"{name}[{key}]" if deep else str(key): item for key, item in value.items() if is_scalar(item)}
        if isinstance(value, list):
            if parameter.place.at("explode").value is False:
                return {name: ",".join(map(str, value))}
            return {name: [item for item in value if is_scalar(item)]}
        return {} if value is None else {name: value}

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
        if has_example(parameter.place) or "example" in schema.data:
            return literal(self._plain(self._example(parameter, schema)))
        if not parameter.required:
            return None
        if header_is_secret(name):
            return self.variables.reference(name, f"the header {name}")
        return self._plain(self.values.value(parameter.schema, name, Wanted()))


def _in_url(text: str) -> str:
    """A fixed part of a path, whatever it holds; templates may stand beside it."""
    return fixed(quote(text, safe=_PATH_CHARACTERS)).template
