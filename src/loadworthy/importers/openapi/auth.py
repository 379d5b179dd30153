"""Who sends the requests: the security schemes of a document, and the request that logs a user in.

Credentials never stand in the plan; it names environment variables.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from loadworthy.importers.imported import ImportFailedError, Json, Note, Variables
from loadworthy.importers.named_secrets import is_secret_name
from loadworthy.importers.openapi.answers import Answers
from loadworthy.importers.openapi.reader import Operation, Place, Reader
from loadworthy.importers.openapi.schemas import Schema, Schemas, UnfillableError
from loadworthy.importers.openapi.servers import Servers
from loadworthy.importers.openapi.text import fixed_in_url, snake
from loadworthy.importers.openapi.values import Values, Wanted
from loadworthy.importers.requests import is_header

TOKEN_NAMES = ("access_token", "token", "jwt", "id_token", "auth_token", "session_token", "bearer", "auth_key")
_USER_WORDS = {"username", "email", "login", "user", "mail", "user_name", "user_id", "identifier", "account"}
_PASSWORD_WORDS = {"password", "passwd", "pwd", "secret"}
_LOGIN = re.compile(r"log-?_?in|sign-?_?in|token|session|authenticate|auth$", re.IGNORECASE)
_NOT_LOGIN = re.compile(r"regist|sign-?_?up|refresh|reset|forgot|change|verify|logout|revoke|invit", re.IGNORECASE)
_PROOFS = (["code"], ["otp"], ["pin"], ["signature"])
_PROVEN = ("withdrawal", "verification", "confirmation", "otp", "reset", "cancel", "cancellation", "edit")
_UNSUPPORTED = "it is left out; add its header to the plan by hand"


@dataclass(frozen=True, slots=True)
class Login:
    """The request that logs a user in.

    Args:
        operation: of the document.
        names: credential (``user`` or ``password``) → the property or form field that holds it.
        is_form: whether they are sent as a form.
        token: JSON path of the token in its answer; None where a cookie says who it is.
    """

    operation: Operation
    names: Mapping[str, str]
    is_form: bool
    token: str | None


@dataclass(slots=True)
class Auth:
    """What each request needs to say who sends it."""

    reader: Reader
    schemas: Schemas
    answers: Answers
    values: Values
    variables: Variables
    servers: Servers
    login: Login | None = None
    notes: list[Note] = field(default_factory=list)
    is_assumed: bool = False
    """Whether the document says nothing of security, though there is a login."""

    def prepare(self, operations: Sequence[Operation], wish: str | None) -> None:
        """Look for the login, and for what the document says.

        Raises:
            ImportFailedError: the wished login is not there, or takes no credentials.
        """
        if wish is not None:
            self.login = self._wished(operations, wish)
        else:
            self.login = self._token_url(operations) or self._recognised(operations)
        declares = [one.place.at("security").value for one in operations] + [self.reader.root.at("security").value]
        self.is_assumed = not any(declares)
        if self.is_assumed and self.login is not None and self.login.token:
            self.notes.append(
                Note(
                    "security",
                    "the document does not say which requests need a login; the token is sent with all others",
                )
            )

    def login_step(self, answer_name: str = "token") -> Json:
        """The request that logs in, as a step that extracts the token."""
        login = self.login
        assert login is not None  # noqa: S101  asked for only where there is one
        where = login.operation.where
        body: Json = {}
        user = login.names["user"]
        for credential, name in login.names.items():
            what = f"the {'password' if credential == 'password' else snake(user).replace('_', ' ')} of {where}"
            variable = "API_PASSWORD" if credential == "password" else f"API_{snake(name).upper()}"
            body[name] = self.variables.reference(variable, what)
        kind = next(iter(_contents(self.reader, login.operation)), None)
        if kind is not None:
            body = {**self._other_fields(kind[1], login), **body}
        address, shown = self.servers.address(login.operation)
        step: Json = {"path": address + fixed_in_url(login.operation.path), "method": login.operation.method}
        if address:
            step["name"] = shown + login.operation.path
        step["form" if login.is_form else "json"] = body
        statuses = self.answers.statuses(login.operation)
        if statuses:
            step["expect"] = {"status": statuses[0] if len(statuses) == 1 else statuses}
        if login.token:
            step["extract"] = {answer_name: login.token}
        return step

    def _other_fields(self, content: Place, login: Login) -> Json:
        """What else the login asks for."""
        try:
            made = self.values.body(content, "login", Wanted())
        except UnfillableError:
            return {}
        others = made if isinstance(made, dict) else {}
        return {name: value for name, value in others.items() if name not in login.names.values()}

    def headers(self, operation: Operation) -> tuple[Json, Json]:
        """Headers and query parameters that say who sends a request."""
        if operation.place.at("security").value == []:
            return {}, {}
        requirements = operation.place.at("security").value
        if requirements is None:
            requirements = self.reader.root.at("security").value
        if not requirements:
            return (self._bearer(), {}) if self.is_assumed or _takes_authorization(operation) else ({}, {})
        alternatives = requirements if isinstance(requirements, list) else []
        for alternative in alternatives:
            if not isinstance(alternative, Mapping) or not alternative:
                continue
            made = [self._scheme(name) for name in alternative]
            if all(one is not None for one in made):
                headers = {key: value for one in made if one for key, value in one[0].items()}
                return headers, {key: value for one in made if one for key, value in one[1].items()}
        return {}, {}

    def _bearer(self) -> Json:
        if self.login is not None and self.login.token is None:
            return {}
        if self.login is not None:
            return {"Authorization": "Bearer {{ token }}"}
        if self.is_assumed:
            return {}
        return {"Authorization": f"Bearer {self.variables.reference('API_TOKEN', 'the bearer token')}"}

    def _scheme(self, name: str) -> tuple[Json, Json] | None:
        place = self.reader.resolve(self.reader.root.at("components").at("securitySchemes").at(name))
        kind, scheme, where = place.text("type"), place.text("scheme").lower(), place.text("in")
        if place.value is None:
            raise ImportFailedError(f"{place.pointer}: security names this scheme, which is not there; add it")
        if kind == "oauth2" or (kind == "http" and scheme == "bearer"):
            return self._bearer(), {}
        if kind == "http" and scheme == "basic":
            what = "user name and password as base64 (printf %s 'user:password' | base64)"
            return {"Authorization": f"Basic {self.variables.reference('API_BASIC', what)}"}, {}
        key = place.text("name")
        if kind == "apiKey" and key:
            reference = self.variables.reference(f"API_KEY_{name}" if name != key else key, f"the API key {key}")
            if where == "query":
                return {}, {key: reference}
            if not is_header(key, ""):
                self._note(name, f"HTTP does not allow the name of its {where or 'cookie'}; it is left out")
                return None
            if where == "header":
                return {key: reference}, {}
            return {"Cookie": f"{key}={reference}"}, {}
        if kind == "openIdConnect":
            self._note(name, "it is OpenID Connect; put a token of yours into the environment variable API_TOKEN")
            return {"Authorization": f"Bearer {self.variables.reference('API_TOKEN', 'the bearer token')}"}, {}
        self._note(name, f"the security scheme {f'{kind} {scheme}'.strip() or 'is not described'}: {_UNSUPPORTED}")
        return None

    def _note(self, name: str, what: str) -> None:
        note = Note(f"security scheme {name}", what)
        if note not in self.notes:
            self.notes.append(note)

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
            flow = self.reader.resolve(place).at("flows").at("password")
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
        for kind, content in _contents(self.reader, operation):
            is_form = kind.startswith("application/x-www-form-urlencoded")
            if not is_form and "json" not in kind:
                continue
            try:
                schema = self.schemas.first(content.at("schema"))
            except UnfillableError:
                continue
            names = _credentials(schema)
            if names is not None:
                return Login(operation, names, is_form, self._token_path(operation))
        return None

    def _token_path(self, operation: Operation) -> str | None:
        may_be_json, schema = self.answers.schema(operation)
        if schema is not None:
            return self.answers.property_path(schema, TOKEN_NAMES)
        wanted = ", ".join(repr(name) for name in ("access_token", "token", "accessToken", "jwt", "id_token"))
        return f"$..[{wanted}]" if may_be_json else None


def _contents(reader: Reader, operation: Operation) -> list[tuple[str, Place]]:
    return list(reader.resolve(operation.place.at("requestBody")).at("content").items())


def _credentials(schema: Schema) -> dict[str, str] | None:
    names = list(schema.properties())
    user = next((name for name in names if snake(name) in _USER_WORDS), None)
    password = next((name for name in names if snake(name) in _PASSWORD_WORDS), None)
    if user is None or password is None:
        return None
    extra = [name for name in schema.required() if name not in (user, password)]
    return {"user": user, "password": password} if len(extra) <= 1 else None


def _takes_authorization(operation: Operation) -> bool:
    return any(one.where == "header" and one.name.lower() == "authorization" for one in operation.parameters)


def header_is_secret(name: str) -> bool:
    """Whether a header parameter is a credential, by its name."""
    return is_secret_name(name) or bool(set(snake(name).split("_")) & {"key", "signature", "session", "sid"})


def is_proof(name: str) -> bool:
    """Whether a name is that of something that proves who one is: a code, a signature."""
    words = snake(name).split("_")
    return words in _PROOFS or (words[-1] in ("code", "token", "secret", "signature") and words[0] in _PROVEN)
