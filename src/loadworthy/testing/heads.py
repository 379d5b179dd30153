"""Heads of requests that were seen before, by their bytes: a client sends the same ones again and again.

Looking one up costs a hash of its bytes, a hundredth of parsing it.
"""

from __future__ import annotations

from typing import NamedTuple

from loadworthy.testing.site import Answer

MAX_HEAD_BYTES = 2048
MAX_HEADS = 4096


class Head(NamedTuple):
    """A request without a body, as parsed."""

    method: str
    target: str
    content_type: bytes
    authorization: bytes
    keep: bool
    is_http_1_1: bool
    name: tuple[str, str]
    """Method and target once more, for the log."""
    fixed: Answer | None
    """The answer that it always gets, if nothing goes wrong."""
    wire: bytes
    """This answer's bytes; empty if there is none."""


class Heads:
    """The heads that were seen. When there are too many, it starts anew: those sent often are soon back."""

    def __init__(self) -> None:
        self._heads: dict[bytes, Head] = {}
        self.find = self._heads.get

    def add(self, data: bytes, head: Head) -> None:
        """Remember a head by its bytes."""
        if len(data) <= MAX_HEAD_BYTES:
            if len(self._heads) >= MAX_HEADS:
                self._heads.clear()
            self._heads[data] = head
