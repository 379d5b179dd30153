"""Credentials of a source: found by where they stand and by what they look like, and never carried over.

Each becomes an environment variable. What was found once is a secret wherever else it stands: :func:`sweep_steps` goes
over the steps of a plan when they are done.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, quote_plus

from loadworthy.importers.imported import Json, Variables, literal
from loadworthy.importers.requests import Site
from loadworthy.plan.places import is_never_secret, looks_secret

MIN_SWEPT_CHARACTERS = 6
"""Shorter secrets are left alone outside their own places, for they stand in everything."""

_NAMES = frozenset(
    {"pwd", "pass", "passcode", "pin", "otp", "mfacode", "cvv", "cvc", "cardnumber", "sid", "session", "sessionid"}
    | {"phpsessid", "jsessionid", "connectsid", "sessid", "jwt", "bearer", "sig", "signature", "xamzsignature", "hmac"}
    | {"auth", "authcode", "credential", "credentials", "assertion", "samlresponse", "codeverifier"}
)
_SCHEMES = re.compile(
    r"(Basic|Bearer|Token|ApiKey|Digest|Negotiate|NTLM|AWS4-HMAC-SHA256)\s+(.+)", re.IGNORECASE | re.DOTALL
)
_SHAPES = re.compile(
    r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"  # a JSON Web Token
    r"|(?:sk|pk|rk)_(?:live|test)_\w{10,}|gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}"
    r"|xox[abprs]-[\w-]{10,}|AKIA[A-Z0-9]{16}|AIza[\w-]{30,}|sk-[\w-]{20,}"
)
_URL_LOGIN = re.compile(r"(?<=://)[^/?#@\s:]+:[^/?#@\s]+(?=@)")

_PLAN_WORDS = ("method", "extract", "wait", "timeout", "weight", "tags", "expect")
_OWN_WORDS = re.compile(r"(\$\{[^}]*\}|\{\{.*?\}\})", re.DOTALL)


def is_secret_name(name: str) -> bool:
    """Whether a value of this name is a credential: what plans take for one, and what requests call them besides."""
    return looks_secret(name) or re.sub(r"[^a-z0-9]", "", name.lower()) in _NAMES


class Credentials:
    """The filler that puts ``${NAME}`` in place of each credential, and keeps all else as it is.

    Args:
        variables: where each is told of.
    """

    def __init__(self, variables: Variables) -> None:
        self._variables = variables
        self.found: dict[str, str] = {}
        """Secret → the reference that stands for it."""
        self._made_for = 0
        self._forms: dict[str, str] = {}
        self._compiled: re.Pattern[str] | None = None

    def __call__(self, site: Site, value: Any) -> Any:
        """The value, or what stands for it."""
        if isinstance(value, str):
            return self._text(site, value)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and not is_never_secret(str(value)) and any(map(is_secret_name, site.keys)):
            return self.reference(str(value), site.key, f"the {site.key} that is sent")
        return value

    def _text(self, site: Site, value: str) -> str:
        scheme = _SCHEMES.fullmatch(value) if site.place == "header" else None
        if scheme:
            return f"{scheme[1]} {self._of_scheme(scheme[1].lower(), scheme[2])}"
        if site.place == "header" and site.key.lower() == "cookie":
            return self._cookies(value)
        is_secret = value and site.place != "path" and any(map(is_secret_name, site.keys))
        if is_secret and (looks_secret(site.key) or not is_never_secret(value)):
            return self.reference(value, site.key, f"the {site.key} that is sent")
        return self._with_shapes(value)

    def _of_scheme(self, scheme: str, secret: str) -> str:
        if scheme == "basic":
            return self.reference(secret, "BASIC_AUTH", "USER:PASSWORD in base64, for Basic authentication")
        if scheme in {"bearer", "token"}:
            return self.reference(secret, "TOKEN", "the token in the header Authorization")
        return self.reference(secret, "AUTHORIZATION", "what follows the scheme in the header Authorization")

    def _cookies(self, value: str) -> str:
        pairs = (pair.strip().partition("=") for pair in value.split(";"))
        return "; ".join(
            f"{literal(name)}={self.reference(content, f'COOKIE_{name}', f'the cookie {name}')}"
            for name, equals, content in pairs
            if equals and name
        )

    def _with_shapes(self, value: str) -> str:
        """The text; what looks like a key or a token in it is found, and goes when the steps are swept."""
        for found in {*_SHAPES.findall(value), *_URL_LOGIN.findall(value)}:
            self.reference(found, "SECRET", "what looks like a key or a token")
        return literal(value)

    def reference(self, secret: str, name: str, what: str) -> str:
        """``${NAME}`` for the secret; another secret of the same name gets another variable."""
        if secret not in self.found:
            name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
            others = sum(1 for told in self._variables.told.values() if told.partition(", number ")[0] == what)
            self.found[secret] = self._variables.reference(name, f"{what}, number {others + 1}" if others else what)
        return self.found[secret]

    def swept(self, value: Any) -> Any:
        """Data without any secret that was found, wherever it stands."""
        if isinstance(value, str):
            return self._swept_text(value)
        if isinstance(value, dict):
            return {key: self.swept(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.swept(item) for item in value]
        return value

    def masked(self, text: str) -> str:
        """Text for people, with ``***`` for the secrets."""
        for secret in self.found:
            if len(secret) >= MIN_SWEPT_CHARACTERS:
                text = text.replace(secret, "***")
        return _SHAPES.sub("***", text)

    def _swept_text(self, text: str) -> str:
        """Templates and references are the plan's own words; they stay."""
        parts = _OWN_WORDS.split(text)
        return "".join(part if index % 2 else self._without_secrets(part) for index, part in enumerate(parts))

    def _without_secrets(self, text: str) -> str:
        if text in self.found:
            return self.found[text]
        pattern, forms = self._pattern()
        return text if pattern is None else pattern.sub(lambda match: forms[match[0]], text)

    def _pattern(self) -> tuple[re.Pattern[str] | None, dict[str, str]]:
        """All secrets in all their forms, the longest first; made again when more were found."""
        if self._made_for != len(self.found):
            self._made_for = len(self.found)
            self._forms = {
                form: reference
                for secret, reference in self.found.items()
                # A password that is a word ("password") says nothing where it is part of another text.
                if len(secret) >= MIN_SWEPT_CHARACTERS and not secret.isalpha()
                for form in (secret, quote(secret, safe=""), quote_plus(secret), literal(secret))
            }
            longest_first = sorted(self._forms, key=lambda form: (-len(form), form))
            self._compiled = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None
        return self._compiled, self._forms


def sweep_steps(steps: list[Json], credentials: Credentials) -> list[Json]:
    """Steps without secrets; what belongs to the plan's own language (methods, sources, durations) is left alone."""
    return [
        {key: value if key in _PLAN_WORDS else credentials.swept(value) for key, value in step.items()}
        for step in steps
    ]
