"""Pieces of GitHub-flavoured Markdown: text that shows as it is, code, tables that read well unrendered, too.

GitHub and GitLab render HTML in Markdown, turn bare addresses into links, and tell people and teams whose names follow
an ``@``. What comes from the plan or the target must do none of this. Names and expressions are shown as code, in which
nothing is looked for; in sentences, what would begin something is disarmed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from rich.cells import cell_len

from loadworthy.report.harmless import one_line

Align = Literal["left", "right"]

MOST_PADDED = 48
"""Cells are padded to the width of their column, up to so many columns of a terminal."""

MOST_GROWTH = 3

_ALWAYS = re.compile(r"([\\`*\[\]|~])")
_TAG = re.compile(r"<(?=[A-Za-z/!?$])")
_ENTITY = re.compile(r"&(?=#?\w+;)")
_EMPHASIS = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
# Mentions, references, addresses and emoji are looked for in rendered text, where no escape is seen any more: a space
# without width parts them.
_LOOKED_FOR = re.compile(r"@(?=\w)|#(?=\d)|(?<=\bGH)-(?=\d)|(?<=\bwww)(?=\.)|:(?=//)|:(?=[\w+-]*[A-Za-z][\w+-]*:)")
_BLOCK_START = re.compile(r"^(?:[-+](?=[\s-]|$)|[=>#:]|\d+(?=[.)](?:\s|$)))")
_SPECIAL = re.compile(r"[^A-Za-z0-9\s]", re.ASCII)
_NO_WIDTH = "&#8203;"


def escaped(text: str, most: int | None = None) -> str:
    """A sentence that shows as it is, on one line, cut to so many characters.

    One made of nothing but what must be disarmed is cut further, so that it never takes three times as many.
    """
    whole = clipped(one_line(text).strip(), most)
    safe = _safe(whole)
    while most is not None and size(safe) > MOST_GROWTH * most:
        whole = clipped(whole, len(whole) * 3 // 4)
        safe = _safe(whole)
    return safe


def _safe(text: str) -> str:
    safe = _ALWAYS.sub(r"\\\1", text)
    safe = _ENTITY.sub("&amp;", safe)
    safe = _TAG.sub("&lt;", safe)
    safe = _EMPHASIS.sub(r"\\_", safe)
    safe = _LOOKED_FOR.sub(lambda found: found[0] + _NO_WIDTH, safe)
    safe = safe.replace("$", "<span>$</span>")  # GitHub's own way to write a dollar that begins no formula
    return _BLOCK_START.sub(_disarmed, safe)


def _disarmed(start: re.Match[str]) -> str:
    """What would begin a list, a heading or a quotation."""
    return f"{start[0]}{_NO_WIDTH}" if start[0][0].isdigit() else f"\\{start[0]}"


def code(text: str, most: int | None = None) -> str:
    """A name as code, on one line, of so many characters at most; it may stand in a table."""
    shown = shortened(one_line(text), most) or "·"
    if "|" in shown:  # which would end the cell of a table, and a backslash before it may be the text's own
        return f"<code>{_SPECIAL.sub(lambda found: f'&#{ord(found[0])};', shown)}</code>"
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence = "`" * (longest + 1)
    room = " " if shown.startswith(("`", " ")) or shown.endswith(("`", " ")) else ""
    return f"{fence}{room}{shown}{room}{fence}"


def clipped(text: str, most: int | None) -> str:
    """The text, cut where it is longer."""
    return text if most is None or len(text) <= most else f"{text[: most - 1]}…"


def shortened(text: str, most: int | None) -> str:
    """A name, without its middle where it is longer: at its end is a threshold's limit, and what tells paths apart."""
    if most is None or len(text) <= most:
        return text
    tail = (most - 1) * 2 // 3
    return f"{text[: most - 1 - tail]}…{text[len(text) - tail :]}"


def table(headings: Sequence[str], aligned: Sequence[Align], rows: Sequence[Sequence[str]]) -> str:
    """A table of cells that are Markdown already, its columns in line."""
    widths = [
        min(max([3, *(cell_len(row[place]) for row in (headings, *rows))]), MOST_PADDED)
        for place in range(len(headings))
    ]
    rule = [
        "-" * (width - 1) + (":" if align == "right" else "-") for width, align in zip(widths, aligned, strict=True)
    ]
    lines = [[_padded(*cell) for cell in zip(row, widths, aligned, strict=True)] for row in (headings, *rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in (lines[0], rule, *lines[1:]))


def _padded(cell: str, width: int, align: Align) -> str:
    space = " " * (width - cell_len(cell))
    return space + cell if align == "right" else cell + space


def size(text: str) -> int:
    """Characters as they are counted where comments are bounded: a character beyond the first 65,536 is two."""
    return len(text) + sum(char > "\uffff" for char in text)
