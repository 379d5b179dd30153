"""Who sends the requests: the security schemes of a document, and the request that logs a user in.

Credentials never stand in the plan; it names environment variables.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from loadworthy.importers.imported import Json, Note, Variables
from loadworthy.importers.named_secrets import is_secret_name
from loadworthy.importers.openapi.answers import Answers
from loadworthy.importers.openapi.login import Login, Logins, contents_of
from loadworthy.importers.openapi.reader import Operation, Place, Reader, UnfillableError
from loadworthy.importers.openapi.schemas import Schemas
from loadworthy.importers.openapi.servers import Servers
from loadworthy.importers.openapi.text import fixed_in_url, snake
from loadworthy.importers.openapi.values import Values, Wanted
from loadworthy.importers.requests import is_header

_BEFORE_TOKEN = re.compile(r"""(?:["'`]|^|\s)(Bearer|Token|JWT)[ \t]+(?:[<{\[(]|[\w-]+\.[\w-]|x{3})""")
_PROOFS = (["code"], ["otp"], ["pin"], ["signature"])
_PROVEN = ("withdrawal", "verification", "confirmation", "otp", "reset", "cancel", "cancellation", "edit")
_UNSUPPORTED = "it is left out; add its header to the plan by hand"


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
        self.login = Logins(self.reader, self.schemas, self.answers, self.servers).find(operations, wish)
        declares = [one.place.at("security").value for one in operations] + [self.reader.root.at("security").value]
        self.is_assumed = not any(declares)
        if self.is_assumed and self.login is not None and self.login.token:
            self.notes.append(
                Note(
                    "security",
                    "the document does not say which requests need a login; the token is sent with all others",
                )
            )

    def login_step(self, answer_name: str | None = "token") -> Json:
        """The request that logs in, as a step that extracts the token by this name, if it has one."""
        login = self.login
        assert login is not None  # noqa: S101  asked for only where there is one
        where = login.operation.where
        body: Json = {}
        user = login.names["user"]
        for credential, name in login.names.items():
            what = f"the {'password' if credential == 'password' else snake(user).replace('_', ' ')} of {where}"
            variable = "API_PASSWORD" if credential == "password" else f"API_{snake(name).upper()}"
            body[name] = self.variables.reference(variable, what)
        kind = next(iter(contents_of(self.reader, login.operation)), None)
        others = self._other_fields(kind[1], login) if kind is not None else {}
        body = (
            {**others, login.inside: {**_object(others.get(login.inside)), **body}} if login.inside else others | body
        )
        address, shown = self.servers.address(login.operation)
        step: Json = {"path": address + fixed_in_url(login.operation.path), "method": login.operation.method}
        if address:
            step["name"] = shown + login.operation.path
        step["form" if login.is_form else "json"] = body
        statuses = self.answers.statuses(login.operation)
        if statuses:
            step["expect"] = {"status": statuses[0] if len(statuses) == 1 else statuses}
        if login.token and answer_name:
            step["extract"] = {answer_name: login.token}
        return step

    def _other_fields(self, content: Place, login: Login) -> Json:
        """What else the login asks for."""
        try:
            made = self.values.body(content, "login", Wanted())
        except UnfillableError:
            return {}
        return {name: value for name, value in _object(made).items() if name not in login.names.values()}

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
        try:
            place = self.reader.resolve(self.reader.root.at("components").at("securitySchemes").at(name))
        except UnfillableError as error:
            self._note(name, f"{error}; {_UNSUPPORTED}")
            return None
        kind, scheme, where = place.text("type"), place.text("scheme").lower(), place.text("in")
        if place.value is None:
            self._note(name, f"{place.pointer}: requests ask for it, and it is not there; {_UNSUPPORTED}")
            return None
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
                word = self._before_token(name, place) if key.lower() == "authorization" else None
                return {key: f"{word} {{{{ token }}}}" if word else reference}, {}
            return {"Cookie": f"{key}={reference}"}, {}
        if kind == "openIdConnect":
            self._note(name, "it is OpenID Connect; put a token of yours into the environment variable API_TOKEN")
            return {"Authorization": f"Bearer {self.variables.reference('API_TOKEN', 'the bearer token')}"}, {}
        self._note(name, f"the security scheme {f'{kind} {scheme}'.strip() or 'is not described'}: {_UNSUPPORTED}")
        return None

    def _before_token(self, name: str, place: Place) -> str | None:
        """The word before the token of the login in a header Authorization; None without a login that gives one."""
        if self.login is None or self.login.token is None:
            return None
        said = _BEFORE_TOKEN.search(place.text("description"))
        if said is None:
            self._note(name, "what stands before the token of the login is not said; it is sent as Bearer …")
        return said[1] if said is not None else "Bearer"

    def _note(self, name: str, what: str) -> None:
        note = Note(f"security scheme {name}", what)
        if note not in self.notes:
            self.notes.append(note)


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _takes_authorization(operation: Operation) -> bool:
    return any(one.where == "header" and one.name.lower() == "authorization" for one in operation.parameters)


def header_is_secret(name: str) -> bool:
    """Whether a header parameter is a credential, by its name."""
    return is_secret_name(name) or bool(set(snake(name).split("_")) & {"key", "signature", "session", "sid"})


def is_proof(name: str) -> bool:
    """Whether a name is that of something that proves who one is: a code, a signature."""
    words = snake(name).split("_")
    return words in _PROOFS or (words[-1] in ("code", "token", "secret", "signature") and words[0] in _PROVEN)
