"""Command lines as the command interpreter of Windows and curl itself read them: ``^`` escapes, ``\\"`` is a quote."""

from __future__ import annotations

import re
from collections.abc import Callable

_PERCENT_NAME = re.compile(r"%([A-Za-z_][A-Za-z0-9_]*)%")
_FOR_CMD = re.compile(r"[ \t](?:[^\n']{0,4000}[ \t])?\^(?:\"|[ \t]*(?:\n|\Z))")
_LINES = re.compile(r"(?:[^\n]*\^[ \t]*\n)*+[^\n]*")
_NEXT = re.compile(r"\s&+[ \t]*(?=curl|$)", re.MULTILINE)


def end_of_cmd(text: str, at: int) -> int | None:
    """Where a command ends that is meant for this interpreter: it has a ``^`` before a quote, or at the end of a line.

    Args:
        text: that the command stands in.
        at: behind the name of the program.

    Returns:
        None where it is meant for another shell.
    """
    lines = _LINES.match(text, at) if _FOR_CMD.match(text, at) else None
    if lines is None:
        return None
    following = _NEXT.search(text, at, lines.end())
    return following.start() if following else lines.end()


def cmd_words(text: str, variable: Callable[[str, str], str]) -> list[str]:
    """The words of a command behind the name of its program; ``variable`` says what stands for ``%NAME%``."""
    joined = re.sub(r"\^[ \t]*\n[ \t]*", " ", text)
    return [
        _PERCENT_NAME.sub(lambda match: variable(match[1], ""), word)
        for word in _windows_words(_without_carets(joined))
    ]


def _without_carets(text: str) -> str:
    return re.sub(r"\^(.?)", r"\1", text)


def _windows_words(text: str) -> list[str]:
    r"""Words as programs on Windows take their command line apart: ``\"`` is a quote, ``""`` within quotes is one."""
    words: list[str] = []
    current: list[str] | None = None
    is_quoted = False
    for match in re.finditer(r'(\\*)(""|"|[ \t]|[^"\\ \t]+)|(\\+)$', text):
        slashes, piece = match[1] or match[3] or "", match[2] or ""
        if piece.startswith('"'):
            current = [*(current or []), "\\" * (len(slashes) // 2)]
            quotes = piece
            if len(slashes) % 2:
                current.append('"')
                quotes = piece[1:]
            if quotes == '""' and is_quoted:
                current.append('"')
            elif len(quotes) == 1:
                is_quoted = not is_quoted
            continue
        if piece in {" ", "\t"} and not is_quoted:
            if slashes or current is not None:
                words.append("".join(current or []) + slashes)
            current = None
        else:
            current = [*(current or []), slashes, piece]
    return words if current is None else [*words, "".join(current)]
