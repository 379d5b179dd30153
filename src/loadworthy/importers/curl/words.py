"""Command lines as a shell reads them: words with quotes and escapes undone, one list for each ``curl``.

It reads what people paste: Bash with continued lines, comments, ``$'…'`` and variables; and what browsers copy for
Windows, where ``^`` and the backtick escape. Nothing is ever executed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NoReturn

from loadworthy.importers.imported import ImportFailedError
from loadworthy.importers.requests import unmarked

_SHELL_NAME = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)(?::?-[^}]*)?\}|([A-Za-z_][A-Za-z0-9_]*))")
_PERCENT_NAME = re.compile(r"%([A-Za-z_][A-Za-z0-9_]*)%")
_ANSI = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "v": "\v",
    "e": "\x1b",
    "E": "\x1b",
    "0": "\0",
}
_CURL = re.compile(r"(?:.*[/\\])?curl(?:\.exe)?", re.IGNORECASE)

Variable = Callable[[str], str]
"""The text that stands for a shell variable of that name."""


@dataclass(slots=True)
class Command:
    """One call of curl: its words after ``curl``, and the line on which it begins.

    Args:
        line: 1-based.
        words: options and URLs.
        oddities: what the shell would have done that is not done here.
    """

    line: int
    words: list[str] = field(default_factory=list)
    oddities: list[str] = field(default_factory=list)


def commands_of(text: str, variable: Variable) -> list[Command]:
    """All calls of curl in a text, in order.

    Raises:
        ImportFailedError: a quotation has no end.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    reader = _Cmd(text, variable) if _is_for_cmd(text) else _Bash(text, variable)
    commands = []
    for line, words, oddities in reader.commands():
        start = next((index for index, word in enumerate(words[:20]) if _CURL.fullmatch(word)), None)
        if start is not None:
            commands.append(Command(line, words[start + 1 :], oddities))
    return commands


def _is_for_cmd(text: str) -> bool:
    """Whether the command interpreter of Windows is meant: its escapes are ``^``."""
    return re.search(r"\^\s*\n|\^\"", text) is not None


class _Bash:
    """POSIX words (XCU 2.2), with ``$'…'`` of Bash and the continued lines of PowerShell."""

    def __init__(self, text: str, variable: Variable) -> None:
        self._text = text
        self._variable = variable
        self._at = 0
        self._oddities: list[str] = []

    def commands(self) -> Iterator[tuple[int, list[str], list[str]]]:
        """Line, words and oddities of each command."""
        words: list[str] = []
        line = 1
        while self._at < len(self._text):
            character = self._text[self._at]
            if character in " \t" or self._text.startswith(("\\\n", "`\n"), self._at):
                self._at += 1 if character in " \t" else 2
            elif character == "#":
                self._skip_line()
            elif character in "\n;|&()<>":
                self._at += 1
                if character in "<>":
                    self._skip_redirection(words)
                else:
                    if words:
                        yield line, words, self._oddities
                    words, self._oddities = [], []
            else:
                if not words:
                    line = self._text.count("\n", 0, self._at) + 1
                words.append(self._word())
        if words:
            yield line, words, self._oddities

    def _skip_line(self) -> None:
        end = self._text.find("\n", self._at)
        self._at = len(self._text) if end < 0 else end

    def _skip_redirection(self, words: list[str]) -> None:
        """``> file`` and ``2>&1``: where the answer goes makes no difference."""
        if words and words[-1] in {"1", "2"}:
            words.pop()
        match = re.compile(r"[>&]?[ \t]*[^\s;|&<>]*").match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _word(self) -> str:
        parts: list[str] = []
        while self._at < len(self._text) and self._text[self._at] not in " \t\n;|&()<>":
            character = self._text[self._at]
            if self._text.startswith("`\n", self._at):
                break
            if self._text.startswith("$'", self._at):
                parts.append(self._ansi())
            elif character == "'":
                end = self._end_of("'", self._at + 1)
                parts.append(self._text[self._at + 1 : end])
                self._at = end + 1
            elif character == '"':
                parts.append(self._double())
            elif character == "\\":
                following = self._text[self._at + 1 : self._at + 2]
                parts.append("" if following == "\n" else following)
                self._at += 2
            else:
                parts.append(self._expanded())
        return "".join(parts)

    def _expanded(self) -> str:
        """One character, or what stands for a variable; commands in a command are told of and kept as text."""
        match = _SHELL_NAME.match(self._text, self._at)
        if match:
            self._at = match.end()
            return self._variable(match[1] or match[2])
        character = self._text[self._at]
        if character == "`" or self._text.startswith("$(", self._at):
            self._oddities.append("it holds a command substitution, which is kept as text")
        self._at += 1
        return character

    def _double(self) -> str:
        start, parts = self._at, []
        self._at += 1
        while self._at < len(self._text) and self._text[self._at] != '"':
            if self._text[self._at] == "\\" and self._text[self._at + 1 : self._at + 2] in {'"', "\\", "$", "`", "\n"}:
                following = self._text[self._at + 1]
                parts.append("" if following == "\n" else following)
                self._at += 2
            else:
                parts.append(self._expanded())
        if self._at >= len(self._text):
            self._unended('"', start)
        self._at += 1
        return "".join(parts)

    def _ansi(self) -> str:
        start, parts = self._at, []
        self._at += 2
        while self._at < len(self._text) and self._text[self._at] != "'":
            if self._text[self._at] == "\\":
                parts.append(self._ansi_escape())
            else:
                parts.append(self._text[self._at])
                self._at += 1
        if self._at >= len(self._text):
            self._unended("$'", start)
        self._at += 1
        return _with_bytes_decoded("".join(parts))

    def _ansi_escape(self) -> str:
        match = re.compile(r"\\(?:x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})|([0-7]{1,3}))").match(
            self._text, self._at
        )
        if match is None:
            following = self._text[self._at + 1 : self._at + 2]
            self._at += 2
            return _ANSI.get(following, following if following in "'\"\\?" else f"\\{following}")
        self._at = match.end()
        number = int(match[4], 8) if match[4] else int(match[1] or match[2] or match[3], 16)
        # Bytes (\x, octal) of one character follow each other; they are put together at the end.
        return chr(0xDC00 + number) if (match[1] or match[4]) and 0x80 <= number <= 0xFF else chr(min(number, 0x10FFFF))

    def _end_of(self, quote: str, start: int) -> int:
        end = self._text.find(quote, start)
        if end < 0:
            self._unended(quote, start - 1)
        return end

    def _unended(self, quote: str, start: int) -> NoReturn:
        line = self._text.count("\n", 0, start) + 1
        raise ImportFailedError(f"line {line}: the quotation that begins with {quote} has no end: is it cut off?")


def _with_bytes_decoded(text: str) -> str:
    """Halves of characters (``\\ud83d\\ude00``) and bytes (``\\xc3\\xa4``) put together."""
    pairs = re.compile("[\ud800-\udbff][\udc00-\udfff]")
    text = pairs.sub(lambda match: match[0].encode("utf-16", "surrogatepass").decode("utf-16"), text)
    if re.search("[\udc80-\udcff]", text) and not re.search("[\ud800-\udc7f\udd00-\udfff]", text):
        text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return unmarked(text)


class _Cmd:
    """The command interpreter of Windows: ``^`` escapes, and curl itself reads ``\\"`` within quotes."""

    def __init__(self, text: str, variable: Variable) -> None:
        self._text = text.replace("\0", "")
        self._variable = variable

    def commands(self) -> Iterator[tuple[int, list[str], list[str]]]:
        """Line, words and oddities of each command."""
        line = 1
        joined = re.sub(r"\^[ \t]*\n[ \t]*", " \0", self._text)
        for row in joined.split("\n"):
            plain = _without_carets(row.replace("\0", ""))
            for part in re.split(r"(?:^|\s)&+(?=\s*curl)", plain):
                words = [self._named(word) for word in _windows_words(part)]
                if words:
                    yield line, words, []
            line += 1 + row.count("\0")

    def _named(self, word: str) -> str:
        return _PERCENT_NAME.sub(lambda match: self._variable(match[1]), word)


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
