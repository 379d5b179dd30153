"""Texts of a plan that vary: templates, each with samples of what it may become.

Among the samples are the extremes. Whether a text fits a schema is judged by them: nothing needs to be rendered.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import reduce
from operator import add
from urllib.parse import quote

from loadworthy.importers.imported import quoted

_YEAR_MS = 31_556_952_000
"""A year on average; that New Year's Day is not met to the hour does not matter here."""
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")
_PATH_CHARACTERS = "/%:@!$&'()*+,;=~?"
_NEEDS_QUOTES = re.compile(r"[{}$\\]")


@dataclass(frozen=True, slots=True)
class Text:
    """A template, and texts that it may become.

    Args:
        template: as the plan writes it.
        samples: at least one.
    """

    template: str
    samples: tuple[str, ...]

    def __add__(self, other: Text) -> Text:
        most = max(len(self.samples), len(other.samples))
        pairs = zip(_stretched(self.samples, most), _stretched(other.samples, most), strict=True)
        return Text(self.template + other.template, tuple(one + two for one, two in pairs))


def _stretched(samples: tuple[str, ...], count: int) -> tuple[str, ...]:
    return (*samples, *(samples[-1],) * (count - len(samples)))


def fixed(text: str) -> Text:
    """Always the same; it may stand beside others, whatever it ends in."""
    return Text(f"{{{{ {quoted(text)} }}}}" if _NEEDS_QUOTES.search(text) else text, (text,))


def fixed_in_url(text: str) -> str:
    """A fixed part of a path, whatever it holds; templates may stand beside it."""
    return fixed(quote(text, safe=_PATH_CHARACTERS)).template


def number(low: int, high: int, digits: int = 0) -> Text:
    """A whole number, with leading zeros where it has ``digits``."""
    drawn = f"random_int({low}, {high})"
    written = f"'%0{digits}d' | format({drawn})" if digits else drawn
    return Text(f"{{{{ {written} }}}}", (f"{low:0{digits}d}", f"{high:0{digits}d}"))


def uuid_text(characters: int | None = None) -> Text:
    """A UUID, or its first characters."""
    samples = ("00000000-0000-4000-8000-000000000000", "ffffffff-ffff-4fff-bfff-ffffffffffff")
    cut = "" if characters is None else f"[:{characters}]"
    return Text(f"{{{{ uuid(){cut} }}}}", tuple(sample[:characters] for sample in samples))


def hexadecimal(characters: int) -> Text:
    """Up to 32 hexadecimal digits."""
    return Text(
        f"{{{{ (uuid() | replace('-', ''))[:{characters}] }}}}",
        ("00000000000040008000000000000000"[:characters], "ffffffffffff4fffbfffffffffffffff"[:characters]),
    )


def joined(*parts: Text | str) -> Text:
    """One after another."""
    return reduce(add, (part if isinstance(part, Text) else fixed(part) for part in parts))


def snake(name: str) -> str:
    """``contactId``, ``Contact-ID`` → ``contact_id``; always a name that templates can use."""
    words = "_".join(word.lower() for word in _WORD.findall(name)) or "value"
    return f"n{words}" if words[0].isdigit() else words


def year(ahead: int) -> Text:
    """A year by its distance from the one we are in."""
    template = f"{{{{ {1970 + ahead} + now_ms() // {_YEAR_MS} }}}}"
    return Text(template, ("2026", "2099"))
