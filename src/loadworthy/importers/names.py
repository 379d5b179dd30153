"""Names: the words in them, the singular of what they name, and which of them templates have already."""

from __future__ import annotations

import keyword
import re

from loadworthy.plan.rules import TEMPLATE_NAMES

_WORDS_OF_JINJA = frozenset(
    {"true", "false", "none", "self", "loop", "range", "dict", "namespace", "set", "block", "filter", "macro"}
    | {"lipsum", "cycler", "joiner", "caller"}
)


def words_of(name: str) -> list[str]:
    """The words of a name, small: ``orderId``, ``order-id`` and ``order_id`` are the same."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return [word for word in re.split(r"[^a-z0-9]+", parted.lower()) if word]


def singular(name: str) -> str:
    """``order`` of ``orders``; the last word of several."""
    word = (words_of(name) or [""])[-1]
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word


def is_reserved(name: str) -> bool:
    """Whether a template could not use a value of this name: a word of Jinja or Python, or a function of plans."""
    return keyword.iskeyword(name) or name in _WORDS_OF_JINJA or name in TEMPLATE_NAMES
