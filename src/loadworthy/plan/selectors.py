"""Selectors of metrics, written as Prometheus writes them: ``name{label="value", other!="x", more=~"a|b"}``.

The four operators are those of PromQL; regular expressions (Python's) must match the whole value, and a label that a
series lacks counts as empty.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_MATCHER = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"\s*', re.DOTALL)
_ESCAPE = re.compile(r'\\([\\"n])')
_EXAMPLE = 'write one like process_resident_memory_bytes or db_pool_connections{state="checked_out"}'


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on a label; ``operator`` is ``=``, ``!=``, ``=~`` or ``!~``."""

    label: str
    operator: str
    value: str

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether a series with these labels meets it."""
        found = labels.get(self.label, "")
        equal = found == self.value if "~" not in self.operator else bool(re.fullmatch(self.value, found))
        return equal != self.operator.startswith("!")


@dataclass(frozen=True, slots=True)
class Selector:
    """Which series are meant. ``text`` is the selector as it was written."""

    text: str
    name: str
    matchers: tuple[Matcher, ...] = ()

    def matches(self, name: str, labels: Mapping[str, str]) -> bool:
        """Whether a series is meant."""
        return name == self.name and all(matcher.matches(labels) for matcher in self.matchers)


def parse_selector(text: str) -> Selector:
    """The selector that a text says; ValueError with a sentence otherwise."""
    stripped = text.strip()
    name = _NAME.match(stripped)
    if name is None:
        raise ValueError(f"{text!r} does not begin with the name of a metric; {_EXAMPLE}")
    rest = stripped[name.end() :].strip()
    if not rest:
        return Selector(stripped, name[0])
    if not (rest.startswith("{") and rest.endswith("}")):
        raise ValueError(f"{text!r} is not a selector: after the name comes nothing, or {{…}}; {_EXAMPLE}")
    return Selector(stripped, name[0], tuple(_matchers(rest[1:-1], text)))


def _matchers(inside: str, text: str) -> list[Matcher]:
    found: list[Matcher] = []
    position = 0
    while position < len(inside) and inside[position:].strip():
        match = _MATCHER.match(inside, position)
        if match is None:
            raise ValueError(f"{text!r}: {inside[position:].strip()!r} is not a condition on a label; {_EXAMPLE}")
        matcher = Matcher(match[1], match[2], unescaped(match[3]))
        _check_pattern(matcher, text)
        found.append(matcher)
        position = match.end()
        if position < len(inside):
            if inside[position] != ",":
                raise ValueError(f"{text!r}: a comma belongs before {inside[position:].strip()!r}")
            position += 1
    return found


def _check_pattern(matcher: Matcher, text: str) -> None:
    if "~" in matcher.operator:
        try:
            re.compile(matcher.value)
        except re.error as error:
            raise ValueError(f"{text!r}: {matcher.value!r} is not a regular expression: {error}") from error


def unescaped(text: str) -> str:
    r"""A label's value without its escapes: ``\\``, ``\"`` and ``\n``."""
    return _ESCAPE.sub(lambda match: "\n" if match[1] == "n" else match[1], text)
