"""From a response to its one sample."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from loadworthy.clock import monotonic_ns, wall_s
from loadworthy.record.sample import Failure, FailureKind
from loadworthy.users.http.encoding import decode_text
from loadworthy.users.http.errors import failure_kind
from loadworthy.users.http.response import Response
from loadworthy.users.http.urls import without_userinfo

EXCERPT_CHARACTERS = 300
_MESSAGE_CHARACTERS = 300
_US_PER_MS = 1000
_US_PER_S = 1_000_000


class Sink(Protocol):
    """Where samples go; :class:`loadworthy.users.sink.UserSink` is one.

    One that wants to hear of connections has ``record_part`` and ``receive_lag`` of
    :class:`~loadworthy.record.sample.SampleSink`, too.
    """

    @property
    def record(self) -> Callable[..., None]:
        """Add a sample; see :meth:`loadworthy.record.sample.SampleSink.record`."""
        ...

    @property
    def interrupted(self) -> Callable[[], None]:
        """Count an attempt that was cut off."""
        ...

    @property
    def listeners(self) -> Sequence[Any] | None:
        """Those who want to be notified; empty or None almost always."""
        ...

    def notify(self, **request_meta: Any) -> None:
        """Tell those who listen on Locust's ``request`` event."""
        ...


def failure_of(response: Response, error: object, kind: FailureKind | None = None) -> Failure:
    """The failure of a sample, with the beginning of the response's body."""
    excerpt = ""
    if response.status_code and response._stream is None:  # noqa: SLF001  # reading a stream for this would spoil it
        content = response.content[: 4 * EXCERPT_CHARACTERS]
        excerpt = decode_text(content, response.encoding)[:EXCERPT_CHARACTERS] if content else ""
    return Failure(kind or failure_kind(error), describe(error), without_userinfo(response.url), excerpt)


def describe(error: object) -> str:
    """One line, by which failures are counted."""
    lines = str(error).strip().splitlines()
    text = lines[0][:_MESSAGE_CHARACTERS] if lines else ""
    if isinstance(error, AssertionError):
        return text or "assertion failed"
    if failure_kind(error) is FailureKind.EXCEPTION and not hasattr(error, "kind"):
        return f"{type(error).__name__}: {text}" if text else type(error).__name__
    return text or type(error).__name__


def request_meta(response: Response, name: str, context: Mapping[str, Any], user: Any) -> dict[str, Any]:
    """The dict with which Locust's clients tell listeners of a request."""
    stamps = response.stamps
    first = response.history[0] if response.history else response
    age_s = monotonic_ns() / 1e9 - stamps.intended_us / _US_PER_S
    return {
        "request_type": response.message.method,
        "response_time": (stamps.done_us - stamps.intended_us) / _US_PER_MS,
        "name": name,
        "response_length": content_bytes(response),
        "response": response,
        "context": {**user.context(), **context} if user is not None else dict(context),
        "exception": response.error,
        "start_time": wall_s() - age_s,
        "url": first.url,
    }


def content_bytes(response: Response) -> int:
    """The length of the decoded body; for a stream, which is not read here, what its head declares."""
    if response._stream is None:  # noqa: SLF001  # part of one machinery
        return len(response.content)
    declared = response.headers.get("content-length", "")
    return int(declared) if declared.isdigit() else 0
