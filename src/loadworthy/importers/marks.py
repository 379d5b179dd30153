"""Stand-ins for what a plan's own language will say.

Some sources bring values that are not known yet (``{{token}}`` of a collection, ``$TOKEN`` of a shell), and answers
give values that requests send. They are carried through the parsing as marks: short texts that no source can hold.
"""

from __future__ import annotations

import re

from loadworthy.importers.imported import literal

MARK = re.compile("\ue000(\\d{1,9})\ue001")


class Marks:
    """Stand-ins for what the plan's own language will say, safe in URLs, JSON and headers."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._numbers: dict[str, int] = {}
        self._addresses: set[int] = set()

    def mark(self, plan_text: str) -> str:
        """A text that :meth:`resolved` turns into ``plan_text``, which is not escaped; the same for the same text."""
        if plan_text not in self._numbers:
            self._numbers[plan_text] = len(self._texts)
            self._texts.append(plan_text)
        return f"\ue000{self._numbers[plan_text]}\ue001"

    def address(self, mark: str) -> str:
        """A URL's beginning for a mark that stands for a whole one, scheme and all."""
        self._addresses.add(int(mark[1:-1]))
        return f"http://{mark}"

    def resolved(self, text: str) -> str:
        """The text with what its marks stand for; all else is meant as it is."""
        return self.put_in(literal_around(text))

    def put_in(self, plan_text: str) -> str:
        """A plan's text with what its marks stand for."""
        parts = MARK.split(plan_text)
        for index in range(1, len(parts), 2):
            if int(parts[index]) in self._addresses:
                parts[index - 1] = parts[index - 1].removesuffix("http://")
            parts[index] = self._text(int(parts[index]))
        return "".join(parts)

    def named(self, name: str) -> str:
        """A name with what its marks are called, for plans have no templates in names."""
        return MARK.sub(lambda match: re.sub(r"\W+", "", self._text(int(match[1]))), name)

    def _text(self, number: int) -> str:
        return self._texts[number] if number < len(self._texts) else ""


def parted(text: str) -> list[str]:
    """The text taken apart at its marks, which are parts, too."""
    return [part for part in re.split("(\ue000\\d{1,9}\ue001)", text) if part]


def literal_around(text: str) -> str:
    """The text as a plan must write it, its marks left alone."""
    return "".join(part if MARK.fullmatch(part) else literal(part) for part in parted(text))


def unmarked(text: str) -> str:
    """Text of a source without the characters that marks are made of, and without halves of characters."""
    return text.replace("\ue000", "").replace("\ue001", "").encode("utf-8", "replace").decode()


def has_mark(text: str) -> bool:
    """Whether there is a mark in it."""
    return "\ue000" in text
