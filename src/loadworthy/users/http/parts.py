"""Who is told of what happens below a request: the parts of making a connection, and how long answers lay unread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, Self

from loadworthy.clock import monotonic_ns
from loadworthy.record.sample import Failure
from loadworthy.users.http.errors import AttemptError
from loadworthy.users.http.samples import describe


class Watch(NamedTuple):
    """The two functions of a sink that a connection calls; see :class:`~loadworthy.record.sample.SampleSink`."""

    record_part: Callable[..., None] | None = None
    receive_lag: Callable[[int], None] | None = None

    @classmethod
    def of(cls, sink: object) -> Self:
        """Those that the sink has: one that only counts requests needs neither."""
        return cls(getattr(sink, "record_part", None), getattr(sink, "receive_lag", None))

    @contextmanager
    def part(self, kind: str, host: str, port: int) -> Iterator[None]:
        """Record the with-block as a part; one that was cut off from outside is none."""
        start_us = monotonic_ns() // 1000
        name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            yield
        except AttemptError as error:
            self._record(kind, name, start_us, Failure(error.kind, describe(error)))
            raise
        self._record(kind, name, start_us, None)

    def _record(self, kind: str, name: str, start_us: int, failure: Failure | None) -> None:
        if self.record_part is not None:
            self.record_part(kind, name, start_us, monotonic_ns() // 1000, failure)


UNWATCHED = Watch()
