"""Variables of Postman: ``{{name}}`` and ``{{$dynamic}}``, and what a plan has for them.

A variable that a script sets from an answer becomes an extracted value, one whose value the collection knows is put in,
and all others are environment variables, as are those whose name speaks of a secret.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import chain, count

from loadworthy.importers.imported import Variables, literal
from loadworthy.importers.marks import Marks
from loadworthy.importers.named_secrets import is_secret_name
from loadworthy.importers.names import is_reserved

_BETWEEN_BRACES = r"\{\{\s{0,40}+([^{}\s](?:[^{}]{0,198}[^{}\s])?)\s{0,40}\}\}"
_REFERENCE = re.compile(_BETWEEN_BRACES)
_STRING_OR_REFERENCE = re.compile(rf'"(?>[^"\\]|\\.)*+(?:"|\Z)|{_BETWEEN_BRACES}', re.DOTALL)
_SINGLE = re.compile(r"\{\{[^{}]*\}\}")
_MAX_DEPTH = 10
_MAX_CHARACTERS = 1_000_000


def _one_of(*words: str) -> str:
    return "{{ random_choice([" + ", ".join(f"'{word}'" for word in words) + "]) }}"


_FIRST_NAMES = _one_of("Ada", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gia", "Hugo")
_LAST_NAMES = _one_of("Archer", "Baker", "Carter", "Fisher", "Mason", "Miller", "Smith", "Weaver")
_WORDS = _one_of("amber", "breeze", "copper", "delta", "ember", "forest", "garnet", "harbour")
_CITIES = _one_of("Berlin", "Lisbon", "Oslo", "Paris", "Prague", "Rome", "Vienna", "Warsaw")
_NUMBER = "{{ random_int(1, 1000000) }}"
DYNAMIC: Mapping[str, str] = {
    "guid": "{{ uuid() }}",
    "randomUUID": "{{ uuid() }}",
    "timestamp": "{{ now_ms() // 1000 }}",
    "isoTimestamp": "{{ now() }}",
    "randomInt": "{{ random_int(0, 1000) }}",
    "randomBoolean": "{{ random_choice([true, false]) }}",
    "randomAlphaNumeric": "{{ random_choice('abcdefghijklmnopqrstuvwxyz0123456789') }}",
    "randomHexadecimal": "{{ '0x%x' % random_int(0, 255) }}",
    "randomPrice": "{{ random_int(0, 1000) }}.{{ random_int(10, 99) }}",
    "randomFirstName": _FIRST_NAMES,
    "randomLastName": _LAST_NAMES,
    "randomFullName": f"{_FIRST_NAMES} {_LAST_NAMES}",
    "randomUserName": f"{_WORDS}{_NUMBER}",
    "randomEmail": f"user{_NUMBER}@example.com",
    "randomExampleEmail": f"user{_NUMBER}@example.com",
    "randomPassword": "pw-{{ uuid() }}",
    "randomWord": _WORDS,
    "randomWords": f"{_WORDS} {_WORDS} {_WORDS}",
    "randomNoun": _WORDS,
    "randomLoremWord": _WORDS,
    "randomLoremSentence": f"{_WORDS} {_WORDS} {_WORDS} {_WORDS}.",
    "randomLoremParagraph": f"{_WORDS} {_WORDS} {_WORDS}. {_WORDS} {_WORDS} {_WORDS}.",
    "randomColor": _one_of("red", "green", "blue", "orange", "violet", "black", "white"),
    "randomProduct": _one_of("lamp", "chair", "table", "shelf", "rug", "clock"),
    "randomProductName": f"{_WORDS} {_one_of('lamp', 'chair', 'table', 'shelf')}",
    "randomCompanyName": f"{_LAST_NAMES} & Co",
    "randomCity": _CITIES,
    "randomCountry": _one_of("Austria", "France", "Germany", "Italy", "Norway", "Poland", "Portugal"),
    "randomCountryCode": _one_of("AT", "FR", "DE", "IT", "NO", "PL", "PT"),
    "randomStreetAddress": f"{{{{ random_int(1, 99) }}}} {_WORDS} street",
    "randomStreetName": f"{_WORDS} street",
    "randomPhoneNumber": "555-{{ random_int(100, 999) }}-{{ random_int(1000, 9999) }}",
    "randomIP": "192.0.2.{{ random_int(1, 254) }}",
    "randomUrl": f"https://{_WORDS}.example.com",
    "randomDomainName": f"{_WORDS}.example.com",
}
"""Name of a dynamic variable → the text that a plan has for it."""
_TEXTS = frozenset({"guid", "randomUUID", "randomAlphaNumeric", "randomHexadecimal"})


@dataclass(slots=True)
class Values:
    """The variables of a collection at one moment of it.

    Args:
        variables: the environment variables that the plan asks for.
        known: variable → its value in the collection.
        set_later: variables that a script of a request not reached yet sets.
    """

    variables: Variables
    marks: Marks
    known: dict[str, str]
    set_later: set[str] = field(default_factory=set)
    made: dict[str, str] = field(default_factory=dict)
    """Variable → the plan's text for what scripts have set so far."""
    _extracted: dict[str, str] = field(default_factory=dict)
    missing: dict[str, None] = field(default_factory=dict)
    """Dynamic variables that there is nothing for."""

    def text(self, text: str, depth: int = 0) -> str:
        """The text with values and marks in place of variables."""
        return self._replaced(text, depth, lambda name: self._of(name, depth))

    def json(self, text: str) -> str:
        """JSON text, in which a variable within quotes stays a text, and one without keeps its type."""

        def put_in(match: re.Match[str]) -> str:
            found = match[0]
            if not found.startswith('"'):
                value = self._of(found[2:-2].strip(), 0)
                return f'"{value}"' if "\ue000" in value else value
            single = _REFERENCE.fullmatch(found[1:-1])
            if single:
                return f'"{self._quoted(self._of(single[1], 0, is_text=True))}"'
            return self._replaced(found, 0, lambda name: self._quoted(self._of(name, 0)))

        return _STRING_OR_REFERENCE.sub(put_in, text)[:_MAX_CHARACTERS]

    def is_waiting(self, text: str) -> bool:
        """Whether it needs a variable that only a later request sets, and nothing else gives."""
        return any(
            name in self.set_later and name not in self.made and not self.known.get(name)
            for name in _REFERENCE.findall(text)
        )

    def extracted(self, name: str) -> str:
        """The name under which the plan extracts a variable; from now on it is used."""
        plain = re.sub(r"\W+", "_", name).strip("_") or "value"
        plain = f"the_{plain}" if is_reserved(plain) or not plain.isidentifier() else plain
        taken = {one for of, one in self._extracted.items() if of != name}
        plain = next(one for one in chain([plain], (f"{plain}_{number}" for number in count(2))) if one not in taken)
        self._extracted[name] = plain
        self.made[name] = f"{{{{ {plain} }}}}"
        return plain

    def _replaced(self, text: str, depth: int, value: Callable[[str], str]) -> str:
        return _REFERENCE.sub(lambda match: value(match[1]), text)[:_MAX_CHARACTERS] if depth < _MAX_DEPTH else text

    @staticmethod
    def _quoted(value: str) -> str:
        return json.dumps(value, ensure_ascii=False)[1:-1]

    def _of(self, name: str, depth: int, *, is_text: bool = False) -> str:
        """The value, or a mark for it; ``is_text``: a text is wanted where the type would else be another."""
        if name.startswith("$"):
            return self._dynamic(name[1:], is_text)
        if name in self.made:
            return self.marks.mark(_as_text(self.made[name]) if is_text else self.made[name])
        value = self.known.get(name, "")
        if value and not is_secret_name(name):
            return self.text(value, depth + 1)
        parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
        return self.marks.mark(self.variables.reference(parted, f"the Postman variable {name}"))

    def _dynamic(self, name: str, is_text: bool) -> str:
        text = DYNAMIC.get(name)
        if text is None:
            self.missing[name] = None
            text = f"{literal(name)}-{_NUMBER}"
        return self.marks.mark(_as_text(text) if is_text and name not in _TEXTS else text)


def _as_text(text: str) -> str:
    """A template whose value is a text: a lone expression would keep the type of its value."""
    if not _SINGLE.fullmatch(text):
        return text
    expression = text[2:-2].strip()
    plain = re.fullmatch(r"[\w.]+(\([^()]*\))?", expression)  # a filter binds closer than an operator
    return f"{{{{ {expression} | string }}}}" if plain else f"{{{{ ({expression}) | string }}}}"
