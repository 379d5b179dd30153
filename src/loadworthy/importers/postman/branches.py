"""Which lines of a script are reached whatever the answer is, and which only where the answer is as it should be."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Literal

Reached = Literal["always", "guarded", "perhaps"]

_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`")
_BRANCH = re.compile(
    r"\b(?:if|for|while|switch|catch)\s*\(|\b(?:else|do)\b|&&|\|\||\?(?!\.)"
    r"|\.(?:forEach|map|filter|some|every|find|sendRequest|then)\s*\(|\bset(?:Timeout|Interval)\s*\("
)
"""What follows is done sometimes, or several times, or later."""
_VALUE = (
    r"(?!pm\.(?!response\b))[A-Za-z_$][\w$]{0,60}(?:\(\))?"
    r"(?:\??\.[A-Za-z_$][\w$]{0,60}(?:\(\))?|\[(?:\d{1,6}|'')\]){0,12}"
)
_TERM = (
    rf"{_VALUE}(?:\s*=\s*{_VALUE})?"
    r"(?:\s*={2,3}\s*[12]\d\d|\s*!={1,2}\s*(?:undefined|null|'')|\.hasOwnProperty\(''\))?"
)
_GUARD = re.compile(rf"\}}?\s*if\s*\(\s*{_TERM}(?:\s*&&\s*{_TERM}){{0,8}}\s*\)\s*")
"""A condition that only asks whether the answer is good, or has a value: ``if (data.id) {``."""

_NAME = re.compile(r"(?<![\w$.])(?!if\b|undefined\b|null\b)[A-Za-z_$][\w$]*")
_OF_ANSWER = frozenset({"pm", "response", "responseCode", "tests"})


class Branches:
    """Follows the braces of a script."""

    def __init__(self) -> None:
        self._depth = 0
        self._outside: int | None = None
        """How deep the braces are around the branch that the script is in."""
        self._is_next = False
        """Whether the next statement is a branch without braces."""
        self._guards: list[int] = []
        """How deep the braces are around each guard that the script is in."""

    def reached(self, line: str, of_answer: Collection[str]) -> tuple[Reached, str]:
        """When the line, the next one, is reached, and the line without the guard before it.

        Args:
            line: of the script.
            of_answer: variables that hold a part of the answer.
        """
        bare = _QUOTED.sub("''", line).partition("//")[0].strip()
        if not bare:
            return "always", line
        guard = _GUARD.match(bare) if self._outside is None and not self._is_next else None
        if guard is not None and not {*_NAME.findall(guard[0])} <= {*_OF_ANSWER, *of_answer}:
            guard = None
        rest = bare[guard.end() :] if guard is not None else bare
        if guard is None or _BRANCH.search(rest) or not rest:
            return self._followed(bare), line
        return self._guarded(bare, rest), self._without_guard(line)

    def _guarded(self, bare: str, rest: str) -> Reached:
        """The line begins with a guard, which ends with it or goes on."""
        self._guards = [depth for depth in self._guards if not bare.startswith("}") or depth < self._depth - 1]
        begins = self._depth - bare.startswith("}")
        self._depth += bare.count("{") - bare.count("}")
        if self._depth > begins:
            self._guards.append(begins)
        return "guarded" if rest.strip("{}; ") or self._guards else "always"

    def _followed(self, bare: str) -> Reached:
        closed = re.match(r"[})\s;]*", bare)
        begins = self._depth - (closed[0].count("}") if closed else 0)
        was_guarded = bool(self._guards)
        self._depth += bare.count("{") - bare.count("}")
        self._guards = [depth for depth in self._guards if begins > depth]
        is_inside = self._outside is not None or self._is_next
        if self._outside is not None and self._depth <= self._outside:
            self._outside = None
        self._is_next = False
        is_branch = _BRANCH.search(bare) is not None
        if is_branch and self._outside is None:
            if self._depth > begins:
                self._outside = begins
            else:
                self._is_next = not bare.endswith((";", "}"))
        if is_branch or is_inside:
            return "perhaps"
        return "guarded" if was_guarded else "always"

    @staticmethod
    def _without_guard(line: str) -> str:
        """What stands behind the condition of a guard; its parentheses are balanced, as the guard was recognised."""
        depth = 0
        for place, sign in enumerate(_QUOTED.sub(lambda quoted: " " * len(quoted[0]), line)):
            depth += (sign == "(") - (sign == ")")
            if sign == ")" and depth == 0:
                return line[place + 1 :].strip().strip("{}").strip()
        return line
