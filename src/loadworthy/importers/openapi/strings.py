"""Texts that fit a schema: by their format, by their name, by their pattern."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from loadworthy.importers.imported import Json, literal
from loadworthy.importers.openapi.patterns import (
    MAX_STEPS,
    Characters,
    Effort,
    Node,
    UnsupportedPatternError,
    matches,
    parse,
    shortest,
)
from loadworthy.importers.openapi.reader import UnfillableError
from loadworthy.importers.openapi.text import Text, fixed, hexadecimal, joined, number, snake, uuid_text, year

MAX_LENGTH = 20_000
_WORDS = "The quick brown fox jumps over the lazy dog. "
_MOST_EFFORT = 20 * MAX_STEPS
"""What trying patterns may cost for a whole document."""
_MOST_DIGITS = 9
_MOST_HEXADECIMAL = 32
_BY_NAME: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("first_name", "given_name", "firstname"), ("Ada",)),
    (("last_name", "family_name", "surname", "lastname"), ("Lovelace",)),
    (("full_name", "display_name", "signature", "author"), ("Ada Lovelace",)),
    (("city", "town"), ("Springfield",)),
    (("country", "country_code", "nationality"), ("US", "USA")),
    (("currency", "currency_code"), ("EUR",)),
    (("language", "lang", "locale"), ("en", "en-US")),
    (("zip", "zip_code", "postal_code", "postcode"), ("12345",)),
    (("street", "address", "street_address", "line1"), ("1 Main Street",)),
    (("state", "province", "region"), ("CA", "California")),
    (("color", "colour"), ("blue", "#0000ff")),
    (("timezone", "time_zone", "tz"), ("UTC", "Europe/London")),
    (("grant_type",), ("password",)),
    (("q", "query", "search", "term", "keyword"), ("a", "an", "the", "example")),
)
_ALIASES = {
    **dict.fromkeys(("idn-email", "name-email"), "email"),
    **dict.fromkeys(("uuid1", "uuid3", "uuid4", "uuid5", "guid"), "uuid"),
    **dict.fromkeys(("iri", "url", "multi-host-uri"), "uri"),
    **dict.fromkeys(("ip", "ipvanyaddress"), "ipv4"),
    **dict.fromkeys(("base64", "base64url"), "byte"),
    "iri-reference": "uri-reference",
    "idn-hostname": "hostname",
    "ipvanyinterface": "ipvanynetwork",
}
"""Other names of formats, those of pydantic among them."""
_OFTEN_UNIQUE = {
    *("email", "mail", "username", "login", "handle", "nickname", "slug", "sku", "code", "number", "name", "title"),
    *("label", "key", "reference", "ref", "identifier", "external", "serial", "license", "isbn"),
}
"""Last words of names whose values are often asked to be unique."""


def _phones() -> Iterator[Text]:
    """Numbers that are set aside for fiction."""
    area, line = number(201, 989), number(0, 99, 2)
    yield joined("+1", area, "55501", line)
    yield joined(area, "55501", line)
    yield joined(area, "-555-01", line)


def _emails() -> Iterator[Text]:
    for user in (joined("user-", uuid_text()), joined("user-", uuid_text(8)), joined("u", hexadecimal(8))):
        yield joined(user, "@example.com")


def _password() -> Text:
    return joined("Pass-", uuid_text(8), "-1a")


def must_be_unique(name: str) -> bool:
    """Whether a service probably refuses the same value twice: user names, e-mail addresses."""
    return bool(set(name.split("_")) & {"email", "mail", "username", "login", "handle", "slug"})


class Texts:
    """Finds texts for string schemas."""

    def __init__(self) -> None:
        self._patterns: dict[str, Node | None] = {}
        self._effort_left = _MOST_EFFORT

    def find(self, name: str, data: Json, *, unique: bool) -> Text:
        """The first idea that fits.

        Args:
            name: of the property or parameter.
            data: keywords of the schema.
            unique: whether another value each time is better.

        Raises:
            UnfillableError: none fits.
        """
        low, high = _lengths(data)
        pattern = self._pattern(data.get("pattern"))
        if isinstance(data.get("pattern"), str) and pattern is None:
            raise UnfillableError(_not_understood(data["pattern"]))
        for text in _ideas(snake(name), data, low, high, pattern, unique):
            if all(self._fits(one, data, low, high) for one in text.samples):
                return text
        raise UnfillableError(f"no text was found for {name!r}; give an example")

    def fits(self, text: str, data: Json) -> bool:
        """Whether a text is one of the schema's, as far as length and pattern say."""
        return self._fits(text, data, *_lengths(data))

    def _fits(self, text: str, data: Json, low: int, high: int) -> bool:
        if not low <= len(text) <= high:
            return False
        pattern = self._pattern(data.get("pattern"))
        if pattern is None:
            return True
        given = min(MAX_STEPS, self._effort_left)
        effort = Effort(given)
        try:
            return matches(pattern, text, effort)
        except UnsupportedPatternError as error:
            self._patterns[data["pattern"]] = None
            raise UnfillableError(_not_understood(data["pattern"])) from error
        finally:
            self._effort_left -= given - max(effort.left, 0)

    def _pattern(self, pattern: object) -> Node | None:
        if not isinstance(pattern, str):
            return None
        if pattern not in self._patterns:
            try:
                self._patterns[pattern] = parse(pattern)
            except UnsupportedPatternError:
                self._patterns[pattern] = None
        return self._patterns[pattern]


def _not_understood(pattern: str) -> str:
    return f"the pattern {pattern[:80]!r} is not understood; give an example"


def _lengths(data: Json) -> tuple[int, int]:
    low, high = (_whole(data.get(key)) for key in ("minLength", "maxLength"))
    if (low or 0) > MAX_LENGTH:
        raise UnfillableError(f"a text of {low:g} characters is too long to be written into a plan")
    return low or 0, MAX_LENGTH if high is None else min(high, MAX_LENGTH)


def _whole(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _day(name: str) -> Text:
    words = set(name.split("_"))
    if words & {"birth", "dob", "born", "birthday", "birthdate"}:
        return joined("19", number(50, 99), "-", number(1, 12, 2), "-", number(1, 28, 2))
    if words & {"occurred", "happened", "completed", "issued", "signed", "paid", "hired", "founded", "published"}:
        return joined(year(-1), "-", number(1, 12, 2), "-", number(1, 28, 2))
    if words & {"end", "ends", "until", "to", "finish", "stop", "checkout", "expires", "due", "till", "before"}:
        return joined(year(1), "-06-", number(15, 28, 2))
    if words & {"start", "starts", "begin", "begins", "from", "since", "checkin", "after"}:
        return joined(year(1), "-06-", number(1, 14, 2))
    return joined(year(1), "-", number(1, 12, 2), "-", number(1, 28, 2))


def _clock(name: str) -> Text:
    late = set(name.split("_")) & {"end", "ends", "until", "to", "finish", "stop"}
    return joined(number(14, 17, 2) if late else number(9, 13, 2), ":00")


def _by_format(kind: str, name: str) -> Text | None:
    """A text of a format; None where it is not known."""
    kind = _ALIASES.get(kind, kind)
    made = {
        "email": next(_emails()),
        "uuid": uuid_text(),
        "date": _day(name),
        "date-time": joined(_day(name), "T", _clock(name), ":00Z"),
        "time": joined(_clock(name), ":00Z"),
        "duration": fixed("PT1H"),
        "uri": joined("https://example.com/", uuid_text()),
        "uri-reference": joined("/", uuid_text()),
        "hostname": joined("host-", uuid_text(8), ".example.com"),
        "ipv4": joined("192.0.2.", number(1, 254)),
        "ipv6": joined("2001:db8::", number(1, 9999)),
        "ipvanynetwork": fixed("192.0.2.0/24"),
        "byte": fixed("bG9hZHdvcnRoeQ=="),
        "json-pointer": fixed("/example"),
        "json-string": fixed("1"),
        "regex": fixed("^a+$"),
        "decimal": fixed("12.50"),
        "color": fixed("#0000ff"),
        "phone": next(_phones()),
        "password": _password(),
    }
    return made.get(kind)


def _ideas(name: str, data: Json, low: int, high: int, pattern: Node | None, unique: bool) -> Iterator[Text]:
    kind = data.get("format")
    formatted = _by_format(kind, name) if isinstance(kind, str) else None
    if formatted is not None:
        yield formatted
        if kind == "email":
            yield from _emails()
        if kind not in ("password", "byte"):
            return
    if set(name.split("_")) & {"email", "mail"}:
        yield from _emails()
    yield from _by_name(name)
    words = name.split("_")
    if unique and words[-1] in _OFTEN_UNIQUE:
        word = " ".join(words)
        for length in (None, 8, 4):
            yield joined(word, " ", uuid_text(length))
            yield joined(word.replace(" ", "-"), "-", uuid_text(length))
            yield uuid_text(length)
        yield hexadecimal(max(1, min(32, high)))
    yield from (fixed(word) for word in (f"Example {' '.join(words)}", "-".join(words), words[-1], "example", "a", ""))
    if pattern is not None:
        yield from _emails()
        yield from _by_pattern(pattern, low, high)
    elif low:
        yield fixed((_WORDS * (low // len(_WORDS) + 1))[: low - 1] + ".")


def _by_name(name: str) -> Iterator[Text]:
    words = set(name.split("_"))
    if words & {"phone", "mobile", "telephone", "fax", "tel", "msisdn"}:
        yield from _phones()
    if words & {"password", "passwd", "pwd"}:
        yield _password()
    if words & {"url", "uri", "website", "link", "homepage"}:
        yield joined("https://example.com/", uuid_text())
    if words & {"time", "hour"}:
        yield _clock(name)
    if words & {"date", "day", "birthday", "birthdate", "dob"}:
        yield _day(name)
    for names, values in _BY_NAME:
        if name in names or any(name.endswith(f"_{one}") for one in names):
            yield from map(fixed, values)


def _by_pattern(pattern: Node, low: int, high: int) -> Iterator[Text]:
    """Made from the pattern: runs of digits are drawn, all else stays."""
    for least in (low, max(low, min(8, high))):
        try:
            characters = shortest(pattern, least)
        except UnsupportedPatternError:
            return
        yield _tidy([_run(kind, run) for kind, run in _runs(characters)])
        plain = "".join(one for _, one in characters)
        yield Text(literal(plain), (plain,))


def _runs(characters: list[tuple[Characters, str]]) -> Iterator[tuple[str, str]]:
    """Characters of the same kind beside each other: decimal digits, hexadecimal ones, or others."""
    kind, run = "", ""
    for allowed, character in characters:
        is_digit = all(allowed.holds(one) for one in "0123456789")
        own = "" if not is_digit else "hexadecimal" if all(allowed.holds(one) for one in "abcdef") else "decimal"
        if own != kind:
            yield kind, run
            kind, run = own, ""
        run += character
    yield kind, run


def _run(kind: str, run: str) -> Text:
    count = len(run)
    if kind == "decimal":
        digits = min(count, _MOST_DIGITS)
        return joined(number(0, 10**digits - 1, digits), "0" * (count - digits))
    if kind == "hexadecimal" and count <= _MOST_HEXADECIMAL:
        return hexadecimal(count)
    return fixed(run)


def _tidy(parts: list[Text]) -> Text:
    """Fixed characters beside each other in one piece."""
    tidied: list[Text] = []
    for part in parts:
        if tidied and "{{" not in part.template and "{{" not in tidied[-1].template:
            tidied[-1] = tidied[-1] + part
        else:
            tidied.append(part)
    return joined(*tidied) if tidied else fixed("")
