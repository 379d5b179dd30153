"""What can go wrong with a :class:`~loadworthy.testing.FaultServer`: declared, JSON-able, seeded."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from loadworthy.testing.windows import Window
from loadworthy.units import US_PER_S

ResetMoment = Literal["connect", "arrival", "departure", "half"]
_MOMENTS = ("connect", "arrival", "departure", "half")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that goes wrong for a time; use one of its subclasses.

    Args:
        at_s: when it begins; counted from the server's first request (its first connection, where a fault concerns
            connections), or from :meth:`FaultServer.mark <loadworthy.testing.FaultServer.mark>`, or from when it was
            injected.
        for_s: how long it lasts; None: until it is healed.
        every_s: repeat it, from one beginning to the next.

    Raises:
        ValueError: if a number is out of its bounds.
    """

    kind: ClassVar[str] = ""

    at_s: float = 0.0
    for_s: float | None = None
    every_s: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.at_s < math.inf:
            raise ValueError(f"a fault begins at a finite time of 0 or more, not at {self.at_s} s")
        if self.for_s is not None and not 0 < self.for_s < math.inf:
            raise ValueError(f"a fault lasts a finite time above 0, not {self.for_s} s; leave for_s out for no end")
        if self.every_s is not None and (self.for_s is None or not self.for_s < self.every_s < math.inf):
            raise ValueError(f"a fault of {self.for_s} s cannot come every {self.every_s} s; every_s > for_s is needed")

    def window(self, zero_us: int) -> Window:
        """When it is on, where time begins at ``zero_us``."""
        return Window(
            zero_us + round(self.at_s * US_PER_S),
            None if self.for_s is None else max(round(self.for_s * US_PER_S), 1),
            None if self.every_s is None else max(round(self.every_s * US_PER_S), 2),
        )

    def to_json(self) -> dict[str, Any]:
        """As a JSON object, which :func:`fault_from_json` reads back to an equal fault."""
        return {"kind": self.kind, **dataclasses.asdict(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall(Fault):
    """Nothing is served: all work stands still, what is under way too, and goes on at the end."""

    kind: ClassVar[str] = "stall"


@dataclass(frozen=True, slots=True, kw_only=True)
class _OnPath(Fault):
    path: str = "*"
    """Requests that it concerns; a ``*`` at the end stands for any rest."""

    def concerns(self, path: str) -> bool:
        """Whether requests of this path are hit."""
        return path.startswith(self.path[:-1]) if self.path.endswith("*") else path == self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shared(_OnPath):
    share: float = 1.0
    """Of the requests, 0 to 1."""

    def __post_init__(self) -> None:
        Fault.__post_init__(self)
        if not 0 <= self.share <= 1:
            raise ValueError(f"a share is between 0 and 1, not {self.share}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Errors(_Shared):
    """A share of the requests that arrive meanwhile is answered with an error.

    Args:
        status: of the error, 400 to 599.
        fast: answer at once, without service; otherwise it takes as long as a good answer.
    """

    kind: ClassVar[str] = "errors"

    status: int = 500
    fast: bool = False

    def __post_init__(self) -> None:
        _Shared.__post_init__(self)
        if not 400 <= self.status <= 599:
            raise ValueError(f"the status of an error is between 400 and 599, not {self.status}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resets(_Shared):
    """A share of the connections is reset (TCP RST).

    Args:
        when: ``connect``: as soon as they are accepted, whatever the path; ``arrival``: when a request is complete;
            ``departure``: in place of its answer; ``half``: after half of its answer's bytes.
    """

    kind: ClassVar[str] = "resets"

    when: ResetMoment = "departure"

    def __post_init__(self) -> None:
        _Shared.__post_init__(self)
        if self.when not in _MOMENTS:
            raise ValueError(f"a connection is reset at one of {', '.join(_MOMENTS)}, not {self.when!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift(_OnPath):
    """Service gets slower, the longer it lasts; what a request's service takes is settled when it arrives.

    Args:
        ms_per_min: added for each minute since it began.
        share_per_min: so many times its own service time is added for each minute: 0.1 means 10 % more a minute.
    """

    kind: ClassVar[str] = "drift"

    ms_per_min: float = 0.0
    share_per_min: float = 0.0

    def __post_init__(self) -> None:
        Fault.__post_init__(self)
        if not (0 <= self.ms_per_min < math.inf and 0 <= self.share_per_min < math.inf):
            raise ValueError("service drifts by finite numbers of 0 or more a minute")

    def slowed_us(self, service_us: int, elapsed_us: int) -> int:
        """The service time this long after its beginning."""
        minutes = elapsed_us / (60 * US_PER_S)
        return service_us + round(service_us * self.share_per_min * minutes + self.ms_per_min * 1000 * minutes)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryLeak(Fault):
    """Memory is allocated, written to, and kept until the fault is healed.

    Args:
        bytes_per_request: kept for each request.
        bytes_per_s: kept each second, with or without requests.
        limit_bytes: all that it ever keeps.
    """

    kind: ClassVar[str] = "memory_leak"

    bytes_per_request: int = 0
    bytes_per_s: int = 0
    limit_bytes: int = 256 * 1024 * 1024

    def __post_init__(self) -> None:
        Fault.__post_init__(self)
        if min(self.bytes_per_request, self.bytes_per_s, self.limit_bytes) < 0:
            raise ValueError("a memory leak takes 0 bytes or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLeak(Fault):
    """Descriptors are kept until the fault is healed.

    Args:
        share: of the connections that come meanwhile: the server never closes them, not even when the client has.
        per_request: descriptors opened and forgotten for each request.
        limit: descriptors that it ever keeps.
    """

    kind: ClassVar[str] = "connection_leak"

    share: float = 1.0
    per_request: int = 0
    limit: int = 10_000

    def __post_init__(self) -> None:
        Fault.__post_init__(self)
        if not 0 <= self.share <= 1 or self.per_request < 0 or self.limit < 0:
            raise ValueError("a connection leak has a share between 0 and 1, per_request and limit are 0 or more")


_KINDS: Mapping[str, type[Fault]] = {
    shape.kind: shape for shape in (Stall, Errors, Resets, Drift, MemoryLeak, ConnectionLeak)
}


def fault_from_json(data: Mapping[str, Any]) -> Fault:
    """The fault of a JSON object.

    Raises:
        ValueError: if its ``kind`` is unknown, or as the constructor does.
        TypeError: if a key is unknown.
    """
    fields = dict(data)
    kind = fields.pop("kind", None)
    if kind not in _KINDS:
        raise ValueError(f"{kind!r} is no kind of fault; use one of {', '.join(_KINDS)}")
    return _KINDS[kind](**fields)
