"""catch_response: the user judges, and every response is judged once."""

from __future__ import annotations

import gc
from typing import Any

import pytest
import requests
from gevent import GreenletExit
from locust.exception import (
    CatchResponseError,
    InterruptTaskSet,
    LocustError,
    RescheduleTask,
    ResponseError,
    StopUser,
)
from tests.users.http.support import Client, Service, open_client

from loadworthy.record.sample import FailureKind
from loadworthy.users.http.catch import MAX_UNENTERED


@pytest.fixture
def client(service: Service) -> Client:
    """A session on the plain listener."""
    return open_client(service.url())


def test_recorded_when_the_block_is_left(client: Client) -> None:
    """The sample waits for the block, and its time does not include it."""
    with client.session.get("/b/length", catch_response=True) as response:
        assert not client.sink.samples
        done_us = response.stamps.done_us
    assert client.sink.only.done_us == done_us
    assert client.sink.only.failure is None


def test_failure_by_text(client: Client) -> None:
    """failure(text) makes an assertion failure of a good response."""
    with client.session.get("/b/length", catch_response=True) as response:
        response.failure("wrong\nbody")
        with pytest.raises(CatchResponseError):
            response.raise_for_status()
    failure = client.sink.only.failure
    assert failure is not None
    assert (failure.kind, failure.message, failure.excerpt) == (FailureKind.ASSERTION, "wrong", "hello")


def test_failure_by_exception(client: Client) -> None:
    """failure(exception) keeps its text."""
    with client.session.get("/b/length", catch_response=True) as response:
        response.failure(KeyError("id"))
    failure = client.sink.only.failure
    assert failure is not None
    assert (failure.kind, failure.message) == (FailureKind.ASSERTION, "KeyError: 'id'")


def test_success_of_a_bad_status(client: Client) -> None:
    """success() makes a good sample of a 404; its status is kept."""
    with client.session.get("/b/not-found", catch_response=True) as response:
        response.success()
        response.raise_for_status()
    assert (client.sink.only.failure, client.sink.only.status) == (None, 404)


def test_the_last_word_counts(client: Client) -> None:
    """failure() after success() fails, and the other way round."""
    with client.session.get("/b/length", catch_response=True) as response:
        response.success()
        response.failure("no")
    with client.session.get("/b/length", catch_response=True) as response:
        response.failure("no")
        response.success()
    assert client.sink.kinds == ["assertion", None]


def test_status_judges_where_the_user_does_not(client: Client) -> None:
    """Without a word from the user, 404 fails by its status, and no response by its error."""
    with client.session.get("/b/not-found", catch_response=True):
        pass
    with client.session.get("/b/empty-reply", catch_response=True) as response:
        assert response.status_code == 0
    assert client.sink.kinds == ["status", "reset"]


@pytest.mark.parametrize(
    ("error", "kind"),
    [(AssertionError("no id"), "assertion"), (KeyError("id"), "exception"), (ValueError(), "exception")],
)
def test_exception_in_the_block(error: Exception, kind: str, client: Client) -> None:
    """An exception fails the sample and goes on, marked as recorded."""
    with pytest.raises(type(error)) as caught, client.session.get("/b/length", catch_response=True):
        raise error
    assert client.sink.kinds == [kind]
    assert vars(caught.value)["loadworthy_recorded"] is True


def test_exception_after_a_judgement(client: Client) -> None:
    """The user's word stands, the exception goes on."""

    def judge_and_fail() -> None:
        with client.session.get("/b/length", catch_response=True) as response:
            response.success()
            raise KeyError

    with pytest.raises(KeyError):
        judge_and_fail()
    assert client.sink.kinds == [None]


def test_raise_for_status_in_the_block(client: Client) -> None:
    """The error of the status keeps its kind."""
    with pytest.raises(requests.HTTPError), client.session.get("/b/not-found", catch_response=True) as response:
        response.raise_for_status()
    assert client.sink.kinds == ["status"]


def test_response_error_is_swallowed(client: Client) -> None:
    """Locust's ResponseError is a way to say failure()."""
    with client.session.get("/b/length", catch_response=True):
        raise ResponseError("bad")
    failure = client.sink.only.failure
    assert failure is not None
    assert (failure.kind, failure.message) == (FailureKind.ASSERTION, "bad")


@pytest.mark.parametrize("control", [RescheduleTask, InterruptTaskSet, StopUser, GreenletExit])
def test_control_flow_passes(control: type[BaseException], client: Client) -> None:
    """What only moves the user on says nothing of the response: its status does."""
    with pytest.raises(control), client.session.get("/b/length", catch_response=True):
        raise control
    with pytest.raises(control), client.session.get("/b/not-found", catch_response=True):
        raise control
    assert client.sink.kinds == [None, "status"]
    assert client.sink.interruptions == 0


@pytest.mark.parametrize("caught", [True, False])
def test_judging_outside_of_a_block(caught: bool, client: Client) -> None:
    """success() and failure() without a block are a mistake in the test."""
    response = client.session.get("/b/length", catch_response=caught)
    for judge in (response.success, lambda: response.failure("no")):
        with pytest.raises(LocustError):
            judge()


def test_block_without_catch_response(client: Client) -> None:
    """So is a block without catch_response."""
    with pytest.raises(LocustError, match="catch_response=True"), client.session.get("/b/length"):
        pass


def test_never_entered_is_not_lost(client: Client) -> None:
    """A caught response whose block is never entered is recorded when the session closes, once."""
    client.session.get("/b/length", catch_response=True)
    client.session.get("/b/not-found", catch_response=True)
    gc.collect()
    client.session.close()
    client.session.close()
    assert client.sink.kinds == [None, "status"]


def test_never_entered_makes_room(client: Client) -> None:
    """Only the last few wait; older ones are recorded, and cannot be judged any more."""
    first = client.session.get("/b/length", catch_response=True)
    for _ in range(MAX_UNENTERED):
        client.session.get("/b/length", catch_response=True)
    assert len(client.sink.samples) == 1
    with pytest.raises(LocustError, match="recorded already"):
        first.__enter__()


def test_entered_late(client: Client) -> None:
    """A block may be entered after other requests."""
    response = client.session.get("/b/length", catch_response=True, name="late")
    client.session.get("/b/length", name="other")
    with response:
        response.failure("late")
    assert [(sample.name, sample.failure is None) for sample in client.sink.samples] == [
        ("other", True),
        ("late", False),
    ]


def test_an_entered_block_may_last(client: Client) -> None:
    """However many requests are made inside a block, it is judged at its end."""
    with client.session.get("/b/length", catch_response=True, name="outer") as response:
        for _ in range(MAX_UNENTERED + 2):
            client.session.get("/b/length", catch_response=True)
        response.failure("late")
    assert client.sink.samples[-1].name == "outer"
    assert client.sink.kinds[-1] == "assertion"


def test_nested_blocks(client: Client) -> None:
    """Blocks within blocks are judged each for itself."""
    with client.session.get("/b/length", catch_response=True, name="outer") as outer:
        with client.session.get("/b/length", catch_response=True, name="inner") as inner:
            inner.failure("x")
        outer.success()
    assert [(sample.name, sample.failure is None) for sample in client.sink.samples] == [
        ("inner", False),
        ("outer", True),
    ]


def test_request_meta_is_heeded(client: Client) -> None:
    """As with Locust's clients, name and response time may be changed in the block."""
    with client.session.get("/b/length", catch_response=True) as response:
        response.request_meta["name"] = "changed"
        response.request_meta["response_time"] = 1234.5
    sample = client.sink.only
    assert sample.name == "changed"
    assert sample.done_us - sample.intended_us == 1_234_500


def test_listeners_hear_the_judgement(client: Client) -> None:
    """Listeners are told after the block, with the user's exception."""
    heard: list[Any] = client.sink.heard
    client.sink.listeners = [object()]
    with client.session.get("/b/length", catch_response=True) as response:
        assert not heard
        response.failure("no")
    with client.session.get("/b/not-found", catch_response=True) as response:
        response.success()
    assert str(heard[0]["exception"]) == "no"
    assert heard[1]["exception"] is None
