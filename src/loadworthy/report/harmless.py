"""Text of the plan and the target, made so that it cannot do more than be read, whatever the format."""

from __future__ import annotations

import re

# See OWASP, "CSV Injection": these begin a formula in spreadsheet programs.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

# Control characters, and those that turn the direction of writing or end a line without looking like it.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")

_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def unturned(text: str) -> str:
    """Text without the marks that turn the direction of writing: with one, what follows would be read backwards."""
    return _TURNING.sub("·", text)


def utf8(text: str) -> str:
    """Text that UTF-8 can hold: a lone surrogate is written as its number, so that different texts stay different."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def no_formula(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: one that it would has an apostrophe before it."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def one_line(text: str) -> str:
    """Text without line ends, control characters and marks that turn the direction of writing; ``·`` in their place."""
    return _UNSEEN.sub("·", utf8(text))
