"""``catch_response=True``: the user judges the response inside a with-block, and the sample waits for that.

The stamps are taken when the response is complete, so the time spent in the block is not in them. The sample is
recorded when the block is left. A response whose block is never entered is not lost either: the session keeps the last
few of them and records each, judged by its status, when it has to make room, or when it is closed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from gevent import GreenletExit
from locust.exception import (
    CatchResponseError,
    InterruptTaskSet,
    LocustError,
    RescheduleTask,
    RescheduleTaskImmediately,
    ResponseError,
    StopTest,
    StopUser,
)

from loadworthy.record.sample import FailureKind
from loadworthy.users.http.errors import failure_kind

if TYPE_CHECKING:
    from loadworthy.users.http.response import Response
    from loadworthy.users.http.session import HttpSession

CONTROL_FLOW = (
    GreenletExit,
    InterruptTaskSet,
    RescheduleTask,
    RescheduleTaskImmediately,
    StopTest,
    StopUser,
)
MAX_UNENTERED = 16


class Catch:
    """The judgement of one caught response.

    Attributes:
        judgement: True after ``success()``, an exception after ``failure()``, None before either.
        kind: of the failure, if the judgement is one.
        response_time_ms: as measured; the user may have put another into ``meta``.
        meta: the dict that Locust's clients show as ``request_meta``.
    """

    __slots__ = ("_entered", "_recorded", "_session", "judgement", "kind", "meta", "response_time_ms")

    def __init__(self, session: HttpSession, meta: dict[str, Any]) -> None:
        self._session = session
        self._entered = False
        self._recorded = False
        self.judgement: Exception | Literal[True] | None = None
        self.kind: FailureKind | None = None
        self.meta = meta
        self.response_time_ms: float = meta["response_time"]

    def enter(self, response: Response) -> None:
        """The with-block begins."""
        if self._recorded:
            raise LocustError(
                "this response has been recorded already; enter its with-block before making many more requests"
            )
        self._entered = True
        self._session.forget_unentered(response)

    def judge(self, judgement: Any) -> None:
        """Take the user's word; text becomes a CatchResponseError, as in Locust."""
        if not self._entered:
            raise LocustError(
                "success() and failure() work inside a with-block only: "
                "with self.client.get(..., catch_response=True) as response: ..."
            )
        is_final = judgement is True or isinstance(judgement, Exception)
        self.judgement = judgement if is_final else CatchResponseError(judgement)
        self.kind = None if judgement is True else _kind_of_judgement(judgement)

    def leave(self, response: Response, error: BaseException | None) -> bool:
        """The with-block ends, perhaps with an exception; returns whether that was dealt with."""
        if error is None or isinstance(error, CONTROL_FLOW) or not isinstance(error, Exception):
            self.record(response)
            return False
        if self.judgement is None:
            self.judgement = error
            self.kind = failure_kind(error)
        self.record(response)
        if isinstance(error, ResponseError):
            return True
        error.loadworthy_recorded = True  # type: ignore[attr-defined]  # so that the task loop does not count it again
        return False

    def record(self, response: Response) -> None:
        """Record the sample, once."""
        if self._recorded:
            return
        self._recorded = True
        self._session.record_caught(response, self)


def _kind_of_judgement(judgement: Any) -> FailureKind:
    """What the user calls a failure is an assertion, unless they hand over an error that says better."""
    kind = failure_kind(judgement)
    return FailureKind.ASSERTION if kind is FailureKind.EXCEPTION else kind
