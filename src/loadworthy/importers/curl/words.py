"""Command lines as a shell reads them: words with quotes and escapes undone, one list for each ``curl``.

It reads what people paste: Bash with continued lines, comments, ``$'…'`` and variables; the same with the backtick of
PowerShell; and what browsers copy for the command interpreter of Windows (:mod:`.cmd_words`). Nothing is ever executed.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn

from loadworthy.importers.curl.cmd_words import cmd_words, end_of_cmd
from loadworthy.importers.imported import ImportFailedError
from loadworthy.importers.marks import unmarked

_SHELL_NAME = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)(?::?-([^}]*))?\}|([A-Za-z_][A-Za-z0-9_]*))")
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
Variable = Callable[[str, str], str]
"""The text that stands for a shell variable: its name, and what the command has where it is not set."""

_START = re.compile(
    # Where a command begins: a line (after a list's mark, a prompt, settings), a command before, a word of the shell.
    r"(?:^[ \t]*(?:[-*+>] |\d{1,3}\. )?`{0,3}(?:[$>%] )?|[;&|(!{`>] ?|[^\s#][$#%>] |"
    r"\b(?:if|then|else|elif|do|while|until|time|sudo|exec|nohup|xargs|env|command)[ \t]+)"
    r"(?:[A-Za-z_]\w{0,60}=[^\s'\"]{0,200}[ \t]+){0,9}"
    r"(?P<curl>(?:[^\s'\"`;|&()]{0,200}[/\\])?curl(?:\.exe)?)"
    # What follows is no prose.
    r"(?=[ \t]+(?:[-'\"$\\{^`<>\ue000]|localhost\b|[\w%-]{0,200}[.:/])|[ \t]*[\\`]\n)",
    re.MULTILINE,
)
_MENTION = re.compile(r"(?<![\w.-])curl(?:\.exe)?(?=[ \t]+(?:-\w|--\w|\^?['\"]?https?://))")
_COMMENT = re.compile(r"(?:^|\s)#")


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


def commands_of(text: str, variable: Variable) -> tuple[list[Command], list[int]]:
    """All calls of curl in a text, in order, and the lines of those that are not understood.

    Whatever stands between the commands is not read: neither prose with apostrophes nor the rest of a script.

    Raises:
        ImportFailedError: a quotation has no end.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    bash = _Bash(text, variable)
    commands: list[Command] = []
    begun: set[int] = set()
    failure: ImportFailedError | None = None
    at = 0
    while match := _START.search(text, at):
        before = _before(text, match.start("curl"))
        at = match.end("curl")
        if _COMMENT.search(before):
            at = text.find("\n", at) % (len(text) + 1)
        elif (cmd_end := end_of_cmd(text, at)) is not None:
            commands.append(Command(bash.line_of(at), cmd_words(text[at:cmd_end], variable)))
            begun.add(at)
            at = cmd_end
        elif not _is_quoted(before):
            try:
                command, end = bash.command(at, until="`" if before.endswith("`") else "")
                commands.append(command)
                begun.add(at)
                at = end
            except ImportFailedError as error:
                failure = failure or error
    if failure is not None and not commands:
        raise failure
    unread = [
        bash.line_of(one.start())
        for one in _MENTION.finditer(text)
        if one.end() not in begun and not _COMMENT.search(_before(text, one.start()))
    ]
    return commands, unread


def _is_quoted(before: str) -> bool:
    """Whether what stands before a command makes it part of a quotation; ``$(…)`` in one is a command all the same."""
    return not before.endswith(("$(", "`")) and (before.count('"') % 2 == 1 or before.count("'") % 2 == 1)


def _before(text: str, at: int) -> str:
    """What stands before it on its line, as far as it matters."""
    start = max(0, at - 2_000)
    return text[text.rfind("\n", start, at) + 1 or start : at]


class _Bash:
    """POSIX words (XCU 2.2), with ``$'…'`` of Bash and the continued lines of PowerShell."""

    def __init__(self, text: str, variable: Variable) -> None:
        self._text = text
        self._variable = variable
        self._at = 0
        self._until = ""
        self._oddities: list[str] = []
        self._ends = [match.start() for match in re.finditer("\n", text)]

    def line_of(self, at: int) -> int:
        """The line of a place, 1-based."""
        return bisect_left(self._ends, at) + 1

    def command(self, at: int, *, until: str) -> tuple[Command, int]:
        """The words from a place to the end of the command, and where that is.

        Args:
            at: behind the name of the program.
            until: a character that ends the command, besides those of the shell; may be empty.
        """
        self._at, self._until, self._oddities = at, until, []
        words: list[str] = []
        while self._at < len(self._text):
            character = self._text[self._at]
            if character in " \t" or self._text.startswith("\\\n", self._at) or self._continues(self._at):
                self._at += 1 if character in " \t" else 2
            elif character in "#\n;|&()" or character == until:
                break
            elif character in "<>":
                self._at += 1
                self._skip_redirection(words)
            else:
                words.append(self._word())
        return Command(self.line_of(at), words, self._oddities), self._at

    def _continues(self, at: int) -> bool:
        return not self._until and self._text.startswith("`\n", at)

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
            if self._continues(self._at) or character == self._until:
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
            return self._variable(match[1] or match[3], match[2] or "")
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
        raise ImportFailedError(
            f"line {self.line_of(start)}: the quotation that begins with {quote} has no end: is it cut off?"
        )


def _with_bytes_decoded(text: str) -> str:
    """Halves of characters (``\\ud83d\\ude00``) and bytes (``\\xc3\\xa4``) put together."""
    pairs = re.compile("[\ud800-\udbff][\udc00-\udfff]")
    text = pairs.sub(lambda match: match[0].encode("utf-16", "surrogatepass").decode("utf-16"), text)
    if re.search("[\udc80-\udcff]", text) and not re.search("[\ud800-\udc7f\udd00-\udfff]", text):
        text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return unmarked(text)
