"""Which request of a document logs a user in, and where its body has the name and the password."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from loadworthy.importers.imported import ImportFailedError
from loadworthy.importers.openapi.answers import Answers
from loadworthy.importers.openapi.reader import Operation, Place, Reader, UnfillableError
from loadworthy.importers.openapi.schemas import Schema, Schemas
from loadworthy.importers.openapi.servers import Servers
from loadworthy.importers.openapi.text import snake

TOKEN_NAMES = ("access_token", "token", "jwt", "id_token", "auth_token", "session_token", "bearer", "auth_key")
_USER_WORDS = {"username", "email", "login", "user", "mail", "user_name", "user_id", "identifier", "account"}
_PASSWORD_WORDS = {"password", "passwd", "pwd", "secret"}
_LOGIN = re.compile(r"log-?_?in|sign-?_?in|token|session|authenticate|auth$", re.IGNORECASE)
_NOT_LOGIN = re.compile(r"regist|sign-?_?up|refresh|reset|forgot|change|verify|logout|revoke|invit", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Login:
    """The request that logs a user in.

    Args:
        operation: of the document.
        names: credential (``user`` or ``password``) → the property or form field that holds it.
        is_form: whether they are sent as a form.
        inside: the property whose object holds them; empty where the body itself does.
        token: JSON path of the token in its answer; None where a cookie says who it is.
    """

    operation: Operation
    names: Mapping[str, str]
    is_form: bool
    inside: str
    token: str | None


@dataclass(frozen=True, slots=True)
class Logins:
    """Finds it."""

    reader: Reader
    schemas: Schemas
    answers: Answers
    servers: Servers

    def find(self, operations: Sequence[Operation], wish: str | None) -> Login | None:
        """The one that is wished for, that an OAuth 2 flow names, or that looks like one.

        Raises:
            ImportFailedError: the wished one is not there, or takes no credentials.
        """
        if wish is not None:
            return self._wished(operations, wish)
        return self._token_url(operations) or self._recognised(operations)

    def _wished(self, operations: Sequence[Operation], wish: str) -> Login:
        method, _, path = wish.strip().rpartition(" ")
        for operation in operations:
            if operation.path == path and operation.method == (method.strip() or "POST").upper():
                login = self._as_login(operation)
                if login is None:
                    raise ImportFailedError(
                        f"{operation.place.pointer}: {wish} cannot be the login: its body has no user name (or "
                        "e-mail address) and password; name another with --login, or write the step by hand"
                    )
                return login
        logins = [operation.where for operation in operations if operation.method == "POST"][:10]
        raise ImportFailedError(f"#/paths: there is no operation {wish}; there are: {', '.join(logins)}")

    def _token_url(self, operations: Sequence[Operation]) -> Login | None:
        """The operation that an OAuth 2 password flow names."""
        schemes = dict(self.reader.root.at("components").at("securitySchemes").items())
        for place in schemes.values():
            flow = resolved(self.reader, place).at("flows").at("password")
            path = urlsplit(flow.text("tokenUrl")).path.lstrip("./")
            for operation in operations:
                fits = operation.path.strip("/").endswith(path.strip("/"))
                if path and operation.method == "POST" and fits and not self.servers.is_others(operation):
                    return self._as_login(operation)
        return None

    def _recognised(self, operations: Sequence[Operation]) -> Login | None:
        found = []
        for operation in operations:
            words = f"{operation.path} {operation.place.text('operationId')}"
            if operation.method != "POST" or "{" in operation.path or _NOT_LOGIN.search(operation.path):
                continue
            if self.servers.is_others(operation):
                continue
            login = self._as_login(operation)
            if login is None:
                continue
            _, schema = self.answers.schema(operation)
            is_named = bool(_LOGIN.search(words))
            if is_named or (schema is not None and login.token is not None and not self._is_create(operation)):
                found.append((not is_named, login))
        return min(found, key=lambda one: one[0])[1] if found else None

    def _is_create(self, operation: Operation) -> bool:
        return 201 in self.answers.statuses(operation)

    def _as_login(self, operation: Operation) -> Login | None:
        for kind, content in contents_of(self.reader, operation):
            is_form = kind.startswith("application/x-www-form-urlencoded")
            if not is_form and "json" not in kind:
                continue
            try:
                schema = self.schemas.first(content.at("schema"))
            except UnfillableError:
                continue
            for inside, candidate in self._where_credentials_are(schema):
                names = _credentials(candidate)
                if names is not None:
                    return Login(operation, names, is_form, inside, self._token_path(operation))
        return None

    def _where_credentials_are(self, schema: Schema) -> Iterator[tuple[str, Schema]]:
        """The body, and the one object that is all that it holds: ``{user: {email, password}}``."""
        yield "", schema
        only = list(schema.properties().items())
        if len(only) == 1:
            with suppress(UnfillableError):
                yield only[0][0], self.schemas.first(only[0][1], schema.trail)

    def _token_path(self, operation: Operation) -> str | None:
        may_be_json, schema = self.answers.schema(operation)
        if schema is not None:
            return self.answers.property_path(schema, TOKEN_NAMES)
        wanted = ", ".join(repr(name) for name in ("access_token", "token", "accessToken", "jwt", "id_token"))
        return f"$..[{wanted}]" if may_be_json else None


def contents_of(reader: Reader, operation: Operation) -> list[tuple[str, Place]]:
    """The media types of an operation's body; none where it cannot be read."""
    return list(resolved(reader, operation.place.at("requestBody")).at("content").items())


def resolved(reader: Reader, place: Place) -> Place:
    """What is meant by a reference, or nothing where that cannot be read."""
    try:
        return reader.resolve(place)
    except UnfillableError:
        return Place(None, place.pointer)


def _credentials(schema: Schema) -> dict[str, str] | None:
    names = list(schema.properties())
    user = next((name for name in names if snake(name) in _USER_WORDS), None)
    password = next((name for name in names if snake(name) in _PASSWORD_WORDS), None)
    if user is None or password is None:
        return None
    extra = [name for name in schema.required() if name not in (user, password)]
    return {"user": user, "password": password} if len(extra) <= 1 else None
