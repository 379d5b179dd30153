"""The pages of the guide, taken apart: headings, code blocks, the files that they name, and the commands in them."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from loadworthy.cli import main as command_line

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
NAMES = (
    "guide", "first-test", "from-locust", "from-other-tools", "recipes", "troubleshooting", "security", "import",
    "test-data", "alerting", "ci",
)  # fmt: skip
"""The pages that make up the guide, besides the references that there were before it."""
SHELL = ("", "console")
"""Languages of the blocks that hold commands."""


class Block(NamedTuple):
    """A code block: its page, the line that it begins on, the heading above it, its language and its text.

    ``above`` is the line before it, which may name its file in a comment that readers of the page do not see.
    """

    page: str
    line: int
    heading: str
    language: str
    text: str
    above: str = ""

    @property
    def file(self) -> str | None:
        """What the file is called that the block is; its first line may say so, too, in a comment."""
        found = re.fullmatch(r"<!-- file: (.+) -->", self.above)
        found = found or re.match(r"(?:#|//) ([\w.-]+(?:/[\w.-]+)*\.\w+)\n", self.text)
        return found[1] if found else None

    @property
    def content(self) -> str:
        """What stands in that file: CSV knows no comments, so its own is left out."""
        if self.above:
            return self.text
        return self.text if self.language in ("yaml", "python", "javascript", "java") else self.text.partition("\n")[2]


def text_of(name: str) -> str:
    """A page."""
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")


def blocks_of(name: str) -> list[Block]:
    """All code blocks of a page."""
    found: list[Block] = []
    heading, language, start = "", "", 0
    above, before = "", ""
    held: list[str] | None = None
    for number, line in enumerate(text_of(name).splitlines(), start=1):
        if held is not None:
            if line == "```":
                found.append(Block(name, start, heading, language, "".join(f"{one}\n" for one in held), above))
                held = None
            else:
                held.append(line)
        elif line.startswith("```"):
            language, start, held = line[3:], number, []
            above = before if before.startswith("<!-- file: ") else ""
        elif line.startswith("#"):
            heading = line.lstrip("# ")
        before = line
    assert held is None, f"{name}.md: a block has no end"
    return found


def headings_of(text: str) -> set[str]:
    """The anchors of a page, as GitHub makes them."""
    outside = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", outside, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def write_files(blocks: list[Block], folder: Path) -> list[str]:
    """Write the files that these blocks are; their names."""
    files = [block for block in blocks if block.file]
    for block in files:
        path = folder / str(block.file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.content, encoding="utf-8")
    return [str(block.file) for block in files]


def commands_of(block: Block) -> list[str]:
    """The command lines of a block of shell: all of them, or in a transcript those behind ``$``."""
    if block.language not in SHELL:
        return []
    joined = re.sub(r"\\\n\s*", " ", block.text)
    if block.language == "console":
        return [line[2:] for line in joined.splitlines() if line.startswith("$ ")]
    return [line for line in joined.splitlines() if line.strip() and not line.startswith("#")]


def words_of(command: str) -> list[str]:
    """The words of a ``loadworthy`` command, from the verb on; nothing where the line is another command."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars="|&;<>()")
    lexer.whitespace_split = True
    words: list[str] = []
    for word in lexer:
        if words and re.fullmatch(r"[|&;<>()]+", word):
            break
        if words or word == "loadworthy":
            words.append(word)
    return words[1:]


def parse(words: list[str]) -> argparse.Namespace:
    """What the command line makes of them; it ends the process where they are wrong."""
    ours, _ = command_line._split(words)  # what a locustfile gets is not ours to parse
    return command_line._parser(only=words[0]).parse_args(ours)


def every_block() -> Iterator[Block]:
    """Those of all pages."""
    for name in NAMES:
        yield from blocks_of(name)
