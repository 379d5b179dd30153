"""Credentials in text that has no structure of its own: found by the names that stand before them.

A body may be JSON in a text, a form with a part that has no value, XML, a message of some protocol of its own. The
names are there all the same: ``"password": "…"``, ``password=…``, ``<password>…</password>``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from loadworthy.importers.marks import has_mark
from loadworthy.importers.names import words_of
from loadworthy.plan.places import is_never_secret, looks_secret

_NAMES = frozenset(
    {"pwd", "pass", "passcode", "pin", "otp", "mfacode", "cvv", "cvc", "cardnumber", "sid", "session", "sessionid"}
    | {"phpsessid", "jsessionid", "connectsid", "sessid", "jwt", "bearer", "sig", "signature", "xamzsignature", "hmac"}
    | {"auth", "authcode", "credential", "credentials", "assertion", "samlresponse", "codeverifier"}
)
_LAST_WORDS = frozenset({"session", "sid", "pass", "pwd", "auth", "jwt", "pin", "credential", "credentials"})
_WORDS = frozenset({"otp", "signature"})
_LAST_TWO = (
    ["session", "id"],
    *(
        [owner, "key"]
        for owner in ("consumer", "client", "account", "app", "application", "shared", "session", "subscription")
    ),
    *([owner, "key"] for owner in ("auth", "master", "functions", "service", "signing", "encryption", "storage")),
)
_NAME = r"(?<![\w.-])(?P<name>[A-Za-z_][\w.-]{0,60})"
_IS = r"\s{0,4}[:=]\s{0,4}"
_SIGNS = (
    # "password": "…", password="…", password: '…'
    re.compile(rf"""{_NAME}["']?{_IS}(?P<open>["'])(?P<value>(?:(?!(?P=open))[^\\\n]|\\.){{1,8192}}+)(?P=open)"""),
    # the same in a text in a text: \"password\":\"…\"
    re.compile(rf"""{_NAME}\\+["']{_IS}\\+["'](?P<value>[^"'\\\n]{{1,8192}})"""),
    # "pin": 471100
    re.compile(rf"""{_NAME}\\{{0,8}}["']{_IS}(?P<value>\d{{6,40}})(?![\w.])"""),
    # password=…
    re.compile(rf"""{_NAME}\s{{0,2}}=\s{{0,2}}(?P<value>[^\s&;,"'<>{{}}\\]{{1,8192}})"""),
    # password: …, on a line of its own
    re.compile(
        r"^[ \t]{0,40}(?:- )?(?P<name>[A-Za-z_][\w.-]{0,60}):[ \t]{1,4}(?P<value>[^\s\"'$\[{]\S{0,8191})$", re.MULTILINE
    ),
    # <password>…</password>, <wsse:Password Type="…">…</wsse:Password>
    re.compile(r"<(?:[\w-]{1,40}:)?(?P<name>[A-Za-z_][\w.-]{0,60})(?:\s[^<>]{0,400})?>(?P<value>[^<]{1,8192})</"),
)
_INNER = re.compile(r"[^\[\]]\[([^\[\]]{1,60})\](?:\[\])?$")
"""``card[cvc]``: forms write nested names so."""
_MAY_BE_NAMED = re.compile(r"[:=>]")
_PART = re.compile(r"(?P<name>[^=&?#;\s]{1,200})=(?P<value>[^&#]*)")


@dataclass(frozen=True, slots=True)
class NamedSecret:
    """A credential in a text, and where it stands."""

    start: int
    end: int
    name: str


def is_secret_name(name: str) -> bool:
    """Whether a value of this name is a credential: what plans take for one, and what requests call them besides."""
    words = words_of(name)
    inner = _INNER.search(name)
    return (
        looks_secret(name)
        or (inner is not None and is_secret_name(inner[1]))
        or "".join(words) in _NAMES
        or (len(words) > 1 and (words[-1] in _LAST_WORDS or not _WORDS.isdisjoint(words)))
        or words[-2:] in _LAST_TWO
    )


def is_secret_header(name: str) -> bool:
    """The same for a header, where each key but one is a credential (``X-Auth-Key``, ``X-Functions-Key``)."""
    words = words_of(name)
    return is_secret_name(name) or (words[-1:] == ["key"] and "idempotency" not in words)


def named_secrets(text: str, *, is_query: bool = False) -> list[NamedSecret]:
    """The credentials in a text, in order; none lies in another.

    Args:
        text: of a source.
        is_query: whether it consists of names and values as a query does (:func:`is_like_a_query`).
    """
    if not _MAY_BE_NAMED.search(text):
        return []
    signs = (_PART,) if is_query else _SIGNS
    found: list[NamedSecret] = []
    for one in sorted(_found(text, signs), key=lambda one: (one.start, -one.end)):
        if not found or one.start >= found[-1].end:
            found.append(one)
    return found


def is_like_a_query(text: str) -> bool:
    """Whether it is ``a=1&b=2``, perhaps with parts that have no value."""
    return re.match(r"[^\s=&]{1,8192}[=&]", text) is not None and "=" in text and not re.search(r"[\n<>{}\"']", text)


def _found(text: str, signs: tuple[re.Pattern[str], ...]) -> Iterator[NamedSecret]:
    for sign in signs:
        for match in sign.finditer(text):
            value, name = match["value"], match["name"]
            if is_secret_name(name) and not has_mark(value) and not is_never_secret(value):
                yield NamedSecret(*match.span("value"), name)
