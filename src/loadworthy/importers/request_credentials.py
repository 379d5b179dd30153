"""Credentials of a source: found by where they stand and by what they look like, and never carried over.

Each becomes an environment variable. What was found once is a secret wherever else it stands: :func:`sweep_steps` goes
over the steps of a plan when they are done.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, quote_plus, unquote_plus

from loadworthy.importers.imported import Json, Variables, literal, quoted
from loadworthy.importers.marks import has_mark, literal_around, parted
from loadworthy.importers.named_secrets import is_like_a_query, is_secret_header, is_secret_name, named_secrets
from loadworthy.importers.requests import Site
from loadworthy.plan.places import is_never_secret, looks_secret

MIN_SWEPT_CHARACTERS = 6
"""Shorter secrets are left alone outside their own places, for they stand in everything."""

_SCHEMES = re.compile(
    r"(Basic|Bearer|Token|ApiKey|Digest|Negotiate|NTLM|AWS4-HMAC-SHA256)\s+(.+)", re.IGNORECASE | re.DOTALL
)
_SHAPES = re.compile(
    r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"  # a JSON Web Token
    r"|(?:sk|pk|rk)_(?:live|test)_\w{10,}|gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}"
    r"|xox[abprs]-[\w-]{10,}|AKIA[A-Z0-9]{16}|AIza[\w-]{30,}|sk-[\w-]{20,}"
    r"|-----BEGIN (?:[A-Z]{1,20} ){0,3}PRIVATE KEY-----(?:(?!-----END)[\s\S]){0,10000}(?:-----END [A-Z ]{0,60}-----)?"
)
_URL_LOGIN = re.compile(r"(?<=://)[^/?#@\s:]+:[^/?#@\s]+(?=@)")

_PLAN_WORDS = ("method", "extract", "wait", "timeout", "weight", "tags", "expect")
_OWN_WORDS = re.compile(
    r"(\{\{ '(?:[^'\\]|\\.)*' \}\}|(?<!\$)\$\{[A-Za-z_][A-Za-z0-9_]*(?::-[^}]*)?\}|\{\{.*?\}\})", re.DOTALL
)
_LONG_WORD = 10
"""A secret that is but letters is taken for a word that other places have, too (admin, password), if it is shorter."""
_BESIDE_MARKS = re.compile(
    r"(?P<before>(?:[A-Za-z][\w-]*\s+)?)(?P<secret>.*?)(?P<after>(?:[\s,;:&]*[\w-]+=[\"']?|\s+)?)", re.DOTALL
)
"""A scheme, a secret, and the name of what a mark behind it stands for."""


class Credentials:
    """The filler that puts ``${NAME}`` in place of each credential, and keeps all else as it is.

    Args:
        variables: where each is told of.
    """

    def __init__(self, variables: Variables) -> None:
        self.variables = variables
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
            return _as_number(self.reference(str(value), site.key, f"the {site.key} that is sent"), value)
        return value

    def _text(self, site: Site, value: str) -> str:
        scheme = _SCHEMES.fullmatch(value) if site.place == "header" else None
        if scheme and not has_mark(scheme[2]):
            return f"{scheme[1]} {self._of_scheme(scheme[1].lower(), scheme[2])}"
        if site.place == "header" and site.key.lower() == "cookie":
            return self._cookies(value)
        is_named = is_secret_header if site.place == "header" else is_secret_name
        is_secret = value and site.place != "path" and any(map(is_named, site.keys))
        if is_secret and has_mark(value):
            return self._beside_marks(site, value)
        if is_secret and (looks_secret(site.key) or not is_never_secret(value)):
            return self.reference(value, site.key, f"the {site.key} that is sent")
        return self._with_named(site, value)

    def _beside_marks(self, site: Site, value: str) -> str:
        """A secret of which the marks are a part: what stands beside them is one, too, but for a scheme."""
        parts = []
        for part in parted(value):
            match = None if has_mark(part) else _BESIDE_MARKS.fullmatch(part)
            if match is None or not re.search(r"\w{4}", match["secret"]):
                parts.append(literal_around(part))
            else:
                reference = self.reference(match["secret"], site.key, f"the {site.key} that is sent")
                parts.append(literal(match["before"]) + reference + literal(match["after"]))
        return "".join(parts)

    def _with_named(self, site: Site, value: str) -> str:
        """The text; what it calls a secret itself is asked of the environment."""
        parts, end = [], 0
        is_query = site.place in ("query", "body") and is_like_a_query(value)
        encoded = ", encoded for a URL" if is_query else ""
        for one in named_secrets(value, is_query=is_query):
            secret = unquote_plus(value[one.start : one.end]) if encoded else value[one.start : one.end]
            reference = self.reference(secret, one.name, f"the {one.name} that is sent{encoded}")
            parts += [self._with_shapes(value[end : one.start]), reference]
            end = one.end
        return "".join([*parts, self._with_shapes(value[end:])])

    def _of_scheme(self, scheme: str, secret: str) -> str:
        if scheme == "basic":
            return self.reference(secret, "BASIC_AUTH", "USER:PASSWORD in base64, for Basic authentication")
        if scheme in {"bearer", "token"}:
            return self.reference(secret, "TOKEN", "the token in the header Authorization")
        return self.reference(secret, "AUTHORIZATION", "what follows the scheme in the header Authorization")

    def _cookies(self, value: str) -> str:
        pairs = (pair.strip().partition("=") for pair in value.split(";"))
        return "; ".join(
            literal_around(f"{name}{equals}{content}")
            if has_mark(content or name)
            else f"{literal(name)}={self.reference(content, f'COOKIE_{name}', f'the cookie {name}')}"
            for name, equals, content in pairs
            if (equals and name) or has_mark(name)
        )

    def _with_shapes(self, value: str) -> str:
        """The text; what looks like a key or a token in it is found, and goes when the steps are swept."""
        for found in {*_SHAPES.findall(value), *_URL_LOGIN.findall(value)}:
            self.reference(found, "SECRET", "what looks like a key or a token")
        return literal_around(value)

    def reference(self, secret: str, name: str, what: str) -> str:
        """``${NAME}`` for the secret; another secret of the same name gets another variable."""
        if secret not in self.found:
            name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
            others = sum(1 for told in self.variables.told.values() if told.partition(", number ")[0] == what)
            self.found[secret] = self.variables.reference(name, f"{what}, number {others + 1}" if others else what)
        return self.found[secret]

    def swept(self, value: Any) -> Any:
        """Data without any secret that was found, wherever it stands."""
        if isinstance(value, str):
            return self._swept_text(value)
        if isinstance(value, dict):
            return {key: self.swept(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.swept(item) for item in value]
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and str(value) in self.found and _is_swept(str(value)):
            return _as_number(self.found[str(value)], value)
        return value

    def masked(self, text: str) -> str:
        """Text for people, with ``***`` for the secrets."""
        for secret in self.found:
            if len(secret) >= MIN_SWEPT_CHARACTERS:
                text = text.replace(secret, "***")
        return _SHAPES.sub("***", text)

    def _swept_text(self, text: str) -> str:
        """Templates and references are the plan's own words; they stay, but for texts that were made templates."""
        parts = _OWN_WORDS.split(text)
        for index, part in enumerate(parts):
            if index % 2 == 0:
                parts[index] = self._without_secrets(part)
            elif part.startswith("{{ '"):
                parts[index] = self._without_secrets(part, beside=("' }}", "{{ '")).replace("{{ '' }}", "")
        return "".join(parts)

    def _without_secrets(self, text: str, beside: tuple[str, str] = ("", "")) -> str:
        """The text with references; ``beside`` stands around each."""
        if text in self.found and _is_swept(text):
            return self.found[text]
        pattern, forms = self._pattern()
        if pattern is None:
            return text

        def put_in(match: re.Match[str]) -> str:
            # A $ right before ${NAME} would make plain text of it.
            dollar = match[1] if beside[0] or not match[1] else "{{ '$' }}"
            return f"{dollar}{beside[0]}{forms[match[2]]}{beside[1]}"

        return pattern.sub(put_in, text)

    def _pattern(self) -> tuple[re.Pattern[str] | None, dict[str, str]]:
        """All secrets in all their forms, the longest first; made again when more were found."""
        if self._made_for != len(self.found):
            self._made_for = len(self.found)
            self._forms = {
                form: reference
                for secret, reference in self.found.items()
                if _is_swept(secret)
                for form in (
                    secret,
                    quote(secret, safe=""),
                    quote_plus(secret),
                    secret.replace("${", "$${"),
                    quoted(secret)[1:-1],
                )
            }
            longest_first = sorted(self._forms, key=lambda form: (-len(form), form))
            self._compiled = re.compile(rf"(\$?)({'|'.join(map(re.escape, longest_first))})") if self._forms else None
        return self._compiled, self._forms


def _as_number(reference: str, value: float) -> str:
    """A template that gives the variable as the number that the source has."""
    return f"{{{{ '{reference}' | {'int' if isinstance(value, int) else 'float'} }}}}"


def _forms(secret: str) -> tuple[str, ...]:
    """The secret as it may stand in a plan: in a URL, in a text, in a template."""
    escaped = secret.replace("${", "$${")
    return secret, quote(secret, safe=""), quote_plus(secret), escaped, quoted(secret)[1:-1]


def _is_swept(secret: str) -> bool:
    """Whether it is a secret outside its own place, too: a password that is a word ("admin") says nothing there."""
    return len(secret) >= MIN_SWEPT_CHARACTERS and (len(secret) >= _LONG_WORD or not secret.isalpha())


def sweep_steps(steps: list[Json], credentials: Credentials) -> list[Json]:
    """Steps without secrets; what belongs to the plan's own language (methods, sources, durations) is left alone."""
    return [
        {key: value if key in _PLAN_WORDS else credentials.swept(value) for key, value in step.items()}
        for step in steps
    ]
