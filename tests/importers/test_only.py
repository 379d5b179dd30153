"""``--only`` means the same for every format."""

from __future__ import annotations

import pytest

from loadworthy.importers.only import is_wanted


@pytest.mark.parametrize(
    ("patterns", "wanted"),
    [
        ((), "GET /a[1]?, POST /a"),
        (("/a",), "POST /a"),
        (("/a*",), "GET /a[1]?, POST /a"),
        (("post /a",), "POST /a"),
        (("GET *",), "GET /a[1]?"),
        (("/a[1]?",), "GET /a[1]?"),
        (("/a?", "/b"), ""),
    ],
)
def test_patterns(patterns: tuple[str, ...], wanted: str) -> None:
    """``*`` stands for any text, and nothing else is special; methods are written in any case."""
    requests = ("GET /a[1]?", "POST /a")
    assert ", ".join(one for one in requests if is_wanted(patterns, *one.split(" "))) == wanted
