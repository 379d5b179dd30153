"""Which requests of a source are carried over: ``--only '/orders*'``, ``--only 'POST /orders'``."""

from __future__ import annotations

import re
from collections.abc import Iterable

_MOST_SHOWN = 5


def is_wanted(patterns: Iterable[str], method: str, path: str) -> bool:
    """Whether one of the patterns fits, or there is none. ``*`` stands for any text, and nothing else is special."""
    patterns = tuple(patterns)
    return not patterns or any(_fits(pattern, method, path) for pattern in patterns)


def nothing_fits(patterns: Iterable[str], labels: Iterable[str]) -> str:
    """What is said where the patterns fit none of the requests; ``labels`` are those that there are."""
    found = list(dict.fromkeys("".join(one for one in label[:80] if one.isprintable()) for label in labels))
    shown = ", ".join(found[:_MOST_SHOWN]) + (" and others" if len(found) > _MOST_SHOWN else "")
    return f"no request fits --only {', '.join(patterns)}; there are {shown}"


def _fits(pattern: str, method: str, path: str) -> bool:
    wanted, _, wanted_path = pattern.strip().rpartition(" ")
    return wanted.strip().upper() in ("", method.upper()) and _like(wanted_path, path)


def _like(pattern: str, text: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None
