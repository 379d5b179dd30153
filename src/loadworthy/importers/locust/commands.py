"""Locust's command lines in a text: a README, a shell script, the log of a terminal.

A shell is not at work here. A line is parted at ``&&``, ``;`` and ``|`` outside of quotes, inline code of Markdown is
looked at by itself, and what may stand before a command (a prompt, ``nohup``, ``docker run … locustio/locust``, ``CMD``
in a Dockerfile) is skipped. Where a line names ``locust`` with options and no command was found in it, that is told.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from loadworthy.importers.imported import ImportFailedError
from loadworthy.importers.locust.options import Asked, asked_by_variables, asked_by_words

MOST_COMMANDS = 100
_LONGEST_LINE = 20_000

_VARIABLE = r"""[A-Za-z_]\w*=(?>"[^"]*"|'[^']*'|[^\s"']*)\s+"""
_COMMAND = re.compile(
    rf"""\s*(?:(?:[$>%]|[-*+]|\d{{1,3}}[.)])\s+)?                        # a prompt, a bullet
        (?:[\w-]{{1,40}}:\s+["']?)?                                      # a key of YAML
        (?:(?:[({{!]|do|then|else|nohup|time|exec|command|CMD|ENTRYPOINT|RUN|sudo(?:\s+-\w+){{0,3}}|env)\s+|\(\s*){{0,5}}+
        (?P<variables>(?:{_VARIABLE}){{0,50}}+)
        (?:
            (?:(?:uv|poetry|pipenv|pdm|hatch|rye)\s+run\s+)?(?:["']?(?:[^\s"'`]*/)?python[\d.]*["']?\s+-m\s+)?(?:[^\s"'`]*/)?locust
            |(?P<container>(?:docker|podman)\s+(?:container\s+)?run\s(?:[^`]*?\s)?(?:[^\s"'`]*/)?locustio/locust(?::\S+)?)
        )(?=\s+["']?-|\s+\w+\s+-)""",
    re.VERBOSE,
)
_LIST = re.compile(r"\s*(?:CMD|ENTRYPOINT|command:|entrypoint:)\s*(\[.*\])\s*", re.DOTALL)
"""Files of Docker write a command as a list of its words, too."""
_CONTAINER_VARIABLE = re.compile(r"""\s(?:-e|--env)[\s=]+([A-Za-z_]\w*=(?>"[^"]*"|'[^']*'|[^\s"']*))""")
_MENTION = re.compile(r"""(?<![\w.-])locust(?::[\w.-]{1,60})?(?:["'`,]{1,3}\s*["'`]|\s+["'`]?)--?[A-Za-z]""")
_CODE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_PART = re.compile(r"""\\.|"(?:\\.|[^"\\])*+"|'[^']*+'|\d?>&\d?|&>|(?P<end>&&|\|\||[;|&])|.""", re.DOTALL)
_REDIRECTION = re.compile(r"\d?>{1,2}(?:&\d)?.*|&>.*|<.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Commands:
    """What a text asks of Locust.

    Args:
        asked: each command line that was understood.
        unread: places of those that were not.
        contained: places of those that run in a container, whose paths are the container's.
    """

    asked: tuple[Asked, ...]
    unread: tuple[str, ...]
    contained: tuple[str, ...]


def has_command(text: str) -> bool:
    """Whether a command line of Locust stands in the text; JSON may quote one and is none."""
    return text.lstrip()[:1] not in ("{", "[") and any(
        _COMMAND.match(part) for _, line in _lines(text) for part in _parts(line)
    )


def read_commands(text: str) -> Commands:
    """Every command line of Locust in a text. ImportFailedError where one cannot be read, or there are too many."""
    asked: list[Asked] = []
    unread: list[str] = []
    contained: list[str] = []
    for number, line in _lines(text):
        starts = [(start, part) for part in _parts(line) if (start := _COMMAND.match(part)) is not None]
        if len(starts) < len(_MENTION.findall(line)):
            unread.append(f"line {number}")
        for start, part in starts:
            if len(asked) == MOST_COMMANDS:
                raise ImportFailedError(
                    f"line {number}: there are more than {MOST_COMMANDS} locust commands; keep some"
                )
            asked.append(_asked(start, part, number))
            contained += [f"line {number}"] if start["container"] else []
    return Commands(tuple(asked), tuple(unread), tuple(contained))


def _asked(start: re.Match[str], part: str, number: int) -> Asked:
    given = " ".join(_CONTAINER_VARIABLE.findall(start["container"] or ""))
    try:
        words = shlex.split(_without_end(part[start.end() :], start[0]), comments=True)
        variables = dict(word.split("=", 1) for word in shlex.split(f"{start['variables']} {given}"))
    except ValueError as error:
        message = f"line {number}: the locust command cannot be read: {error}; check its quotes"
        raise ImportFailedError(message) from error
    return asked_by_words(_without_redirections(words), f"line {number}").over(
        asked_by_variables(variables, f"line {number}")
    )


def _without_end(rest: str, beginning: str) -> str:
    """The words of the command without what closes a bracket or a quotation that was opened before it."""
    rest = rest.rstrip()
    if rest.endswith(")") and rest.count(")") > rest.count("("):
        rest = rest[:-1].rstrip()
    for quote in ('"', "'"):
        if quote in beginning.partition("=")[0] and rest.endswith(quote) and rest.count(quote) % 2:
            rest = rest[:-1]
    return rest


def _without_redirections(words: Sequence[str]) -> list[str]:
    """Output to files and other commands' input is no option of Locust."""
    end = next((at for at, word in enumerate(words) if _REDIRECTION.fullmatch(word)), len(words))
    return list(words[:end])


def _parts(line: str) -> Iterator[str]:
    """The simple commands of a line, and what it has as inline code."""
    if "locust" not in line or len(line) > _LONGEST_LINE:
        return
    codes = [] if _COMMAND.match(line) else _CODE.findall(line)
    for text in codes or [line]:
        begin = 0
        for token in _PART.finditer(text):
            if token["end"]:
                yield text[begin : token.start()]
                begin = token.end()
        yield text[begin:]


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The number of each line, and the line with those that continue it after a backslash."""
    begun: list[str] = []
    for at, line in enumerate(text.splitlines(), 1):
        is_continued = line.rstrip().endswith("\\")
        begun.append(line.rstrip()[:-1] if is_continued else line)
        if not is_continued:
            yield at + 1 - len(begun), _from_list(" ".join(begun))
            begun = []
    if begun:
        yield text.count("\n") + 2 - len(begun), _from_list(" ".join(begun))


def _from_list(line: str) -> str:
    """``CMD ["locust", "-u", "5"]`` as a command line; other lines as they are."""
    found = _LIST.fullmatch(line) if len(line) <= _LONGEST_LINE else None
    try:
        words = json.loads(found[1]) if found is not None else None
    except ValueError:
        return line
    return shlex.join(map(str, words)) if isinstance(words, list) else line
