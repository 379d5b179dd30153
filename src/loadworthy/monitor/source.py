"""What a monitor reads from: three methods, the same for every kind of source.

Sources block and know nothing of gevent: whoever reads them does so in a thread of its own. A source that cannot be
read raises :class:`SourceError` and is simply asked again later; it must find its way back by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

TIMEOUT_S = 5.0
"""The longest that one reading may take, connecting included."""

Values = dict[str, float]
"""Metric → value: bytes where the name says so, cores of CPU, counts, or per second where it is ``rate(…)``."""


class SourceError(Exception):
    """A reading could not be taken; the message says why, in a sentence without a full stop."""


class Source(Protocol):
    """Something that can be read again and again."""

    @property
    def name(self) -> str:
        """What it is, for reports; holds no secret."""
        ...

    def read(self) -> Values:
        """One reading, within :data:`TIMEOUT_S` or so; what is not known (yet) is left out.

        Raises:
            SourceError: it cannot be read now.
        """
        ...

    def notes(self) -> Sequence[str]:
        """What a reader of the figures should know, in whole sentences; asked for when the last reading is done."""
        ...

    def close(self) -> None:
        """Give back what it holds; it is read no more."""
        ...
