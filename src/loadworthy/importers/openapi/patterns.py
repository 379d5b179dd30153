"""Regular expressions of schemas (ECMA-262, as JSON Schema has them): does a text match, and which text would?

Python's ``re`` takes exponential time for some patterns, and these come from a stranger. Here a match is a walk over
sets of positions: what is not nested takes no longer than pattern times text squared. Repeats within repeats can take
longer, so each walk has a number of steps (:class:`Effort`), after which the pattern counts as not understood. What has
no bounds of that kind (back references, look-around) is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

MAX_PATTERN = 500
MAX_REPEAT = 5_000
MAX_STEPS = 2_000_000
"""Of one walk: a quarter of a second, and many times what patterns of real documents take."""
_LAST = 0x10FFFF
_DIGITS = ((48, 57),)
_WORD = ((48, 57), (65, 90), (95, 95), (97, 122))
_SPACE = ((9, 13), (32, 32), (160, 160), (0x2028, 0x2029), (0xFEFF, 0xFEFF))
_LINE_ENDS = ((10, 10), (13, 13), (0x2028, 0x2029))
_CONTROLS = {"n": 10, "r": 13, "t": 9, "f": 12, "v": 11, "0": 0}
_NICE = "aAbB01-_. xX:/"

Ranges: TypeAlias = tuple[tuple[int, int], ...]
Node: TypeAlias = "Characters | Sequence | Choice | Repeat | Anchor"


class UnsupportedPatternError(Exception):
    """The pattern is broken, too long, or holds what is not carried over."""


@dataclass(frozen=True, slots=True)
class Characters:
    """One character out of these."""

    ranges: Ranges

    def holds(self, character: str) -> bool:
        """Whether it is one of them."""
        return any(low <= ord(character) <= high for low, high in self.ranges)

    def nice(self) -> str:
        """One that is easy to read."""
        for character in _NICE:
            if self.holds(character):
                return character
        printable = [max(low, 33) for low, high in self.ranges if high >= 33 and not 0xD800 <= max(low, 33) <= 0xDFFF]
        if not printable:
            raise UnsupportedPatternError("only control characters match")
        return chr(printable[0])


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after another."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of these."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """The same several times; ``most`` None: any number."""

    part: Node
    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class Anchor:
    """``^`` or ``$``."""

    kind: str


def parse(pattern: str) -> Node:
    """The pattern as a tree.

    Raises:
        UnsupportedPatternError: see there.
    """
    if len(pattern) > MAX_PATTERN:
        raise UnsupportedPatternError("it is too long")
    parser = _Parser(pattern)
    node = parser.choice(0)
    if not parser.is_at_end:
        raise UnsupportedPatternError("it has a bracket too many")
    return node


@dataclass(slots=True)
class Effort:
    """How many steps may still be taken."""

    left: int = MAX_STEPS

    def take(self, steps: int) -> None:
        """Take some. UnsupportedPatternError where there are no more."""
        self.left -= steps
        if self.left < 0:
            raise UnsupportedPatternError("it takes too long to try")


def matches(node: Node, text: str, effort: Effort | None = None) -> bool:
    """Whether the pattern is found anywhere in the text, as JSON Schema asks.

    Raises:
        UnsupportedPatternError: the effort is used up.
    """
    return bool(_ends(node, text, frozenset(range(len(text) + 1)), effort or Effort()))


def _ends(node: Node, text: str, starts: frozenset[int], effort: Effort) -> frozenset[int]:
    if isinstance(node, Characters):
        effort.take(len(starts) * (1 + len(node.ranges)))
        return frozenset(at + 1 for at in starts if at < len(text) and node.holds(text[at]))
    effort.take(1 + len(starts))
    if isinstance(node, Anchor):
        return starts & {0 if node.kind == "^" else len(text)}
    if isinstance(node, Choice):
        return frozenset[int]().union(*(_ends(part, text, starts, effort) for part in node.parts))
    if isinstance(node, Sequence):
        for part in node.parts:
            starts = _ends(part, text, starts, effort)
            if not starts:
                break
        return starts
    return _repeated_ends(node, text, starts, effort)


def _repeated_ends(node: Repeat, text: str, starts: frozenset[int], effort: Effort) -> frozenset[int]:
    found = starts if node.least == 0 else frozenset[int]()
    # More rounds than there are characters bring nothing new: those that matched nothing can be repeated at will.
    most = len(text) + node.least + 1 if node.most is None else node.most
    here = starts
    for count in range(1, most + 1):
        before, here = here, _ends(node.part, text, here, effort)
        if count >= node.least:
            here -= found
            found |= here
        elif here == before:
            return here  # the rounds that are left change nothing either
        if not here:
            break
    return found


def shortest(node: Node, least: int) -> list[tuple[Characters, str]]:
    """A text that matches, of ``least`` characters if it can be lengthened so far: each with what could stand there."""
    plain = _written(node, _Budget(0))
    if len(plain) >= least:
        return plain
    return _written(node, _Budget(least - len(plain)))


@dataclass(slots=True)
class _Budget:
    """How many characters may still be put in beyond what must be."""

    left: int


def _written(node: Node, budget: _Budget) -> list[tuple[Characters, str]]:
    if isinstance(node, Characters):
        return [(node, node.nice())]
    if isinstance(node, Anchor):
        return []
    if isinstance(node, Sequence):
        return [one for part in node.parts for one in _written(part, budget)]
    if isinstance(node, Choice):
        return _written(node.parts[0], budget)
    written = []
    for _ in range(node.least):
        more_written = _written(node.part, budget)
        if not more_written:
            break  # nor will it be in the rounds that are left
        written += more_written
        if len(written) > MAX_REPEAT:
            raise UnsupportedPatternError("what matches is too long")
    more = budget.left if node.most is None else min(budget.left, node.most - node.least)
    if more > 0 and isinstance(node.part, Characters):
        written += [(node.part, node.part.nice())] * more
        budget.left -= more
    return written


class _Parser:
    def __init__(self, pattern: str) -> None:
        self._text = pattern
        self._at = 0

    @property
    def is_at_end(self) -> bool:
        return self._at >= len(self._text)

    def choice(self, depth: int) -> Node:
        if depth > 20:
            raise UnsupportedPatternError("it is nested too deeply")
        parts = [self._sequence(depth)]
        while self._take("|"):
            parts.append(self._sequence(depth))
        return parts[0] if len(parts) == 1 else Choice(tuple(parts))

    def _sequence(self, depth: int) -> Node:
        parts = []
        while not self.is_at_end and self._text[self._at] not in "|)":
            parts.append(self._quantified(self._atom(depth)))
        return Sequence(tuple(parts))

    def _atom(self, depth: int) -> Node:
        character = self._next()
        if character == "(":
            if self._take("?") and not self._take(":"):
                if not self._take("<") or self._text[self._at : self._at + 1] in ("=", "!"):
                    raise UnsupportedPatternError("it looks ahead or behind")
                while self._next() != ">":
                    pass
            node = self.choice(depth + 1)
            if not self._take(")"):
                raise UnsupportedPatternError("a bracket is not closed")
            return node
        if character in "^$":
            return Anchor(character)
        if character == ".":
            return Characters(_without(_LINE_ENDS))
        if character == "[":
            return Characters(self._class())
        if character in "*+?{":
            raise UnsupportedPatternError(f"nothing stands before {character}")
        return Characters(self._escaped() if character == "\\" else _one(character))

    def _quantified(self, node: Node) -> Node:
        bounds = self._bounds()
        if bounds is None:
            return node
        if isinstance(node, Anchor):
            raise UnsupportedPatternError("an anchor is repeated")
        self._take("?")
        least, most = bounds
        if least > MAX_REPEAT or (most is not None and (most < least or most > 100 * MAX_REPEAT)):
            raise UnsupportedPatternError("something is repeated too often")
        return Repeat(node, least, most)

    def _bounds(self) -> tuple[int, int | None] | None:
        for sign, bounds in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._take(sign):
                return bounds
        if not self._take("{"):
            return None
        inside = ""
        while (character := self._next()) != "}":
            inside += character
        low, comma, high = inside.partition(",")
        if not low.isdecimal() or (high and not high.isdecimal()) or len(inside) > 14:
            raise UnsupportedPatternError("braces hold no numbers")
        return int(low), (int(low) if not comma else int(high) if high else None)

    def _class(self) -> Ranges:
        negated = self._take("^")
        ranges: list[tuple[int, int]] = []
        while not self._take("]"):
            low = self._member()
            if self._text[self._at : self._at + 1] == "-" and self._text[self._at + 1 : self._at + 2] not in ("]", ""):
                self._at += 1
                high = self._member()
                if len(low) != 1 or len(high) != 1 or low[0][0] > high[0][1]:
                    raise UnsupportedPatternError("a range has no order")
                low = ((low[0][0], high[0][1]),)
            ranges += low
        if not ranges and not negated:
            raise UnsupportedPatternError("a class is empty")
        return _without(tuple(ranges)) if negated else tuple(ranges)

    def _member(self) -> Ranges:
        character = self._next()
        return self._escaped(in_class=True) if character == "\\" else _one(character)

    def _escaped(self, *, in_class: bool = False) -> Ranges:
        character = self._next()
        for letter, ranges in (("d", _DIGITS), ("w", _WORD), ("s", _SPACE)):
            if character == letter:
                return ranges
            if character == letter.upper():
                return _without(ranges)
        if character in _CONTROLS:
            return ((_CONTROLS[character], _CONTROLS[character]),)
        if character in "xu":
            return self._hexadecimal(2 if character == "x" else 4)
        if character.isalnum() and not (in_class and character == "b"):
            raise UnsupportedPatternError(f"\\{character} is not carried over")
        return ((8, 8),) if character == "b" else _one(character)

    def _hexadecimal(self, digits: int) -> Ranges:
        text = self._text[self._at : self._at + digits]
        if self._take("{"):
            text = self._text[self._at :].partition("}")[0]
            self._at += len(text) + 1
        else:
            self._at += digits
        try:
            code = int(text, 16)
        except ValueError as error:
            raise UnsupportedPatternError("an escape is no hexadecimal number") from error
        if code > _LAST:
            raise UnsupportedPatternError("an escape is no character")
        return ((code, code),)

    def _next(self) -> str:
        if self.is_at_end:
            raise UnsupportedPatternError("it ends too soon")
        self._at += 1
        return self._text[self._at - 1]

    def _take(self, character: str) -> bool:
        if self._text[self._at : self._at + 1] != character:
            return False
        self._at += 1
        return True


def _one(character: str) -> Ranges:
    return ((ord(character), ord(character)),)


def _without(ranges: Ranges) -> Ranges:
    """All characters but these."""
    left, at = [], 0
    for low, high in sorted(ranges):
        if low > at:
            left.append((at, low - 1))
        at = max(at, high + 1)
    return (*left, (at, _LAST)) if at <= _LAST else tuple(left)
