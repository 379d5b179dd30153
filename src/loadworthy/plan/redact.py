"""Secrets of a plan: finding them, and masking them wherever text is written.

Two nets. At its own place (:func:`masked_data`) a secret is always masked, however short or ordinary it is. In any
other text (:class:`Redactor`) each of its occurrences is masked, as far as that does no harm: a password "load" must
not mask the scenario of that name, so what is part of the plan's own words (its keys, thresholds, durations, host) is
left alone in text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

from loadworthy.plan.document import DataPath, Document
from loadworthy.plan.places import is_never_secret, is_secret_place, looks_secret, place_kind

MASK = "***"
MIN_SECRET_CHARACTERS = 4
"""Shorter texts occur everywhere; masking them would leave nothing to read."""

_PAIR = re.compile(r"(?:(?<=[?&\s])|^)(\w+)(\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s&#']*)")
"""A parameter of a URL (``?token=…``) or of a connection string (``password='…'``)."""
_NAMED_VALUE = re.compile(
    r"""(["']?)([\w.-]{1,60})\1(\s*(?:=|:(?!//))\s*)("(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|(?:Bearer\s+)?[^\s"'&,;<>{}\[\]]+)"""
)
"""``"token": "…"`` of JSON (cut off, perhaps), ``token=…`` of a form, a query or a cookie, ``Token: …`` of a header."""
_SCHEME_WORD = re.compile(r"(?:Basic|Bearer|Token|ApiKey|Digest)\s+(.+)", re.IGNORECASE | re.DOTALL)


class Redactor:
    """Replaces every occurrence of the secrets in a text, longest first, with ``***``.

    The forms they take in URLs, forms and JSON are masked too. Secrets under :data:`MIN_SECRET_CHARACTERS` are left.
    """

    __slots__ = ("_pattern", "secrets")

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self.secrets = frozenset(secret for secret in secrets if len(secret) >= MIN_SECRET_CHARACTERS)
        forms = {form for secret in self.secrets for form in _forms(secret)}
        alternatives = "|".join(re.escape(form) for form in sorted(forms, key=lambda form: (-len(form), form)))
        self._pattern = re.compile(alternatives) if alternatives else None

    def __call__(self, text: str) -> str:
        if self._pattern is None:
            return text
        # A mask beside what stood around it may make a secret again. Each round shortens the text, so this ends.
        while (masked := self._pattern.sub(MASK, text)) != text:
            text = masked
        return text


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield quote(secret, safe="")
    yield quote(secret)
    yield quote_plus(secret)
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]


@dataclass(slots=True)
class FoundSecrets:
    """The secrets of a resolved plan.

    Args:
        texts: what must not be seen in any text.
        places: paths whose whole value is a secret.
        inserted: path → what came there from the environment, beside other text perhaps.
    """

    texts: set[str] = field(default_factory=set)
    places: set[DataPath] = field(default_factory=set)
    inserted: dict[DataPath, set[str]] = field(default_factory=dict)

    def masked_places(self, redactor: Redactor) -> frozenset[DataPath]:
        """The places to mask whole, with those where the redactor would leave something."""
        left = {path for path, texts in self.inserted.items() if not texts <= redactor.secrets}
        return frozenset(self.places | left)


def find_secrets(document: Document) -> FoundSecrets:
    """Find them: values from the environment in free places, or in a path if the variable's name speaks of a secret;
    literals under a key that speaks of one, unless they are templates; the URLs of those who are told; and passwords in
    the base URL and in what monitors and test data connect to.
    """
    found = FoundSecrets()
    for path, value in _scalars(document.data, ()):
        kind = place_kind(path)
        for name, inserted in document.variables.get(path, {}).items():
            hidden = kind == "free" or (kind == "text" and path[-1] in ("path", "prometheus") and looks_secret(name))
            if hidden and not is_never_secret(inserted):
                found.texts.add(inserted)
                found.inserted.setdefault(path, set()).add(inserted)
        if is_secret_place(path) and not isinstance(value, bool) and not _is_template(path, value):
            _add_literal(found, path, document.written.get(path, str(value)), is_text=isinstance(value, str))
        if path[:1] == ("alerting",):
            found.texts.update(_url_passwords(value))
        if _is_address(path) and isinstance(value, str):
            found.texts.update(_address_secrets(value))
    found.texts.update(_url_passwords(document.get(("base_url",))))
    return found


def _is_template(path: DataPath, value: object) -> bool:
    """Nothing is filled in where it is said who is told."""
    return path[:1] != ("alerting",) and "{{" in str(value)


def _add_literal(found: FoundSecrets, path: DataPath, text: str, *, is_text: bool) -> None:
    harmless = is_never_secret(text)
    if is_text or not harmless:
        found.places.add(path)
    if not harmless:
        found.texts.update(_parts(text))


def _scalars(value: Any, path: DataPath) -> Iterator[tuple[DataPath, str | int | float]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _scalars(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _scalars(item, (*path, index))
    elif value is not None:
        yield path, value


def _parts(text: str) -> Iterator[str]:
    """A secret text, and the secrets inside it: the credentials after ``Bearer``, the values of a Cookie header."""
    yield text
    match = _SCHEME_WORD.fullmatch(text)
    if match:
        yield match[1]
    for pair in text.split(";"):
        name, equals, value = pair.strip().partition("=")
        if equals and name and len(value) >= 8:
            yield value


def _url_passwords(url: object) -> set[str]:
    password = _url_password(url)
    return set() if password is None else {password, unquote(password)}


def _url_password(url: object) -> str | None:
    if not isinstance(url, str):
        return None
    try:
        return urlsplit(url).password or None
    except ValueError:
        return None


def _is_address(path: DataPath) -> bool:
    match path:
        case ("monitors", _, "prometheus" | "postgres") | ("scenarios", _, "monitors", _, "prometheus" | "postgres"):
            return True
        case ("test_data", _, "database"):
            return True
    return False


def _address_secrets(address: str) -> set[str]:
    """The password of a URL, and the values of parameters whose names speak of secrets."""
    pairs = {match[3].strip("'") for match in _PAIR.finditer(address) if looks_secret(match[1])}
    return {text for text in pairs | _url_passwords(address) if not is_never_secret(text)}


def mask_address(address: str) -> str:
    """A URL or connection string with ``***`` for what is secret in it, however short."""

    def masked(match: re.Match[str]) -> str:
        return f"{match[1]}{match[2]}{MASK}" if looks_secret(match[1]) else match[0]

    return _PAIR.sub(masked, mask_url_password(address))


def mask_named_values(text: str) -> str:
    """Text of the target's (a response, a URL) with ``***`` for values whose names speak of secrets.

    Nobody knows these values beforehand: a service that answers a failed login with the password, or hands out a token
    in an answer that a check did not like.
    """

    def masked(match: re.Match[str]) -> str:
        quote_mark, name, between, value = match.groups()
        if not looks_secret(name):
            return match[0]
        around = value[0] if value[0] in "\"'" else ""
        return f"{quote_mark}{name}{quote_mark}{between}{around}{MASK}{around}"

    return _NAMED_VALUE.sub(masked, text)


def mask_url_password(url: str) -> str:
    """The URL with ``***`` for the password in its userinfo, if it has one."""
    if not _url_password(url):
        return url
    scheme, _, rest = url.partition("//")
    end = next((index for index, character in enumerate(rest) if character in "/?#"), len(rest))
    userinfo, _, host = rest[:end].rpartition("@")
    return f"{scheme}//{userinfo.partition(':')[0]}:{MASK}@{host}{rest[end:]}"


def redactor_for(secrets: Iterable[str], plan_json: Mapping[str, Any]) -> Redactor:
    """A redactor of those secrets that are no part of the plan's own words (``plan_json``: the plan as JSON data)."""
    own_words = set(_own_words(plan_json, ()))
    base_url = mask_url_password(str(plan_json.get("base_url") or ""))
    return Redactor(
        secret
        for secret in secrets
        if not any(form in word for word in own_words for form in _forms(secret)) and _spares_host(secret, base_url)
    )


def _spares_host(secret: str, base_url: str) -> bool:
    """Whether the base URL, which is no secret but for its password, can still be read with the secret masked."""
    scheme, slashes, rest = base_url.partition("//")
    _, at, host = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")
    masked = Redactor([secret])(base_url)
    return masked.startswith(f"{scheme}{slashes}") and f"{at or slashes}{host}" in masked


def _own_words(value: Any, path: DataPath) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
        for key, item in value.items():
            yield from _own_words(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _own_words(item, (*path, index))
    elif isinstance(value, str) and place_kind(path) == "typed":
        yield value


def masked_data(value: Any, path: DataPath, places: frozenset[DataPath], redactor: Redactor) -> Any:
    """The plan's data with every secret masked; what is typed stays, so the result is a plan again."""
    if isinstance(value, dict):
        return {key: masked_data(item, (*path, key), places, redactor) for key, item in value.items()}
    if isinstance(value, list):
        return [masked_data(item, (*path, index), places, redactor) for index, item in enumerate(value)]
    kind = place_kind(path)
    if path in places:
        return MASK
    if isinstance(value, str) and kind != "typed":
        if _is_address(path):
            # The redactor first: it knows the address as a whole where that came from the environment.
            return mask_address(redactor(value))
        return redactor(mask_url_password(value) if path == ("base_url",) else value)
    if kind == "free" and isinstance(value, int | float) and str(value) in redactor.secrets:
        return MASK
    return value
