"""Our client and ``requests`` fetch the same behaviours; where the outcomes differ, the table says why."""

from __future__ import annotations

from typing import Any

import pytest

# isort: off
from tests.users.http.support import PATIENCE_S, Service, open_client  # first: it imports Locust, which monkey-patches

import requests
# isort: on

from tests.support.rawserver import BEHAVIOURS, HANG, TEXT

from loadworthy.record.sample import FailureKind
from loadworthy.users.http import Response
from loadworthy.users.http.errors import AttemptError

# Both fail, and this is the kind that we give it.
FAILURES = {
    "chunk-truncated": FailureKind.PROTOCOL,
    "chunk-no-end": FailureKind.PROTOCOL,
    "chunk-bad-size": FailureKind.PROTOCOL,
    "chunk-lying": FailureKind.PROTOCOL,
    "gzip-bad": FailureKind.PROTOCOL,
    "br-bad": FailureKind.PROTOCOL,
    "length-truncated": FailureKind.PROTOCOL,
    "length-twice-different": FailureKind.PROTOCOL,
    "garbage": FailureKind.PROTOCOL,
    "garbage-open": FailureKind.PROTOCOL,
    "http-2": FailureKind.PROTOCOL,
    "empty-reply": FailureKind.RESET,
    "reset": FailureKind.RESET,
    "reset-in-head": FailureKind.PROTOCOL,
    "reset-in-body": FailureKind.PROTOCOL,
    "redirect-loop": FailureKind.PROTOCOL,
    "redirect-query": FailureKind.PROTOCOL,
    "redirect-bad-location": FailureKind.PROTOCOL,
    "redirect-ftp": FailureKind.PROTOCOL,
    "hang": FailureKind.TIMEOUT_READ,
    "hang-in-body": FailureKind.TIMEOUT_READ,
    "head-huge": FailureKind.TOO_LARGE,
    "head-endless": FailureKind.TOO_LARGE,
}

# requests succeeds with something else; why we do not follow it.
DELIBERATE: dict[str, tuple[FailureKind | bytes, str]] = {
    "length-not-a-number": (FailureKind.PROTOCOL, "it drops the header and reads to the end: RFC 9112, 6.3 says error"),
    "length-negative": (FailureKind.PROTOCOL, "the same"),
    "half-a-head": (FailureKind.PROTOCOL, "it takes a head that was cut off for a whole one"),
    "gzip-truncated": (FailureKind.PROTOCOL, "it returns what it could decode; a load test must see the fault"),
    "early-hints": (b"hello", "it takes 102 for the final response (RFC 9110, 15.2)"),
    "gzip-bomb": (FailureKind.TOO_LARGE, "it has no limit"),
    "body-huge": (FailureKind.TOO_LARGE, "it has no limit"),
    "body-huge-chunked": (FailureKind.TOO_LARGE, "it has no limit"),
    "drip": (FailureKind.TIMEOUT_READ, "it has no bound on a response that never stops"),
    "zstd-bad": (FailureKind.PROTOCOL, "whether it knows zstd depends on what is installed"),
    "zstd": (TEXT, "the same"),
}

# The request in the answer differs in its default headers only, which is not what is tested here.
ECHOES = {name for name in BEHAVIOURS if name.startswith("redirect-3")}

_HANGS_REQUESTS = {"drip"}

_NEVER_WHOLE = {"hang", "hang-in-body", "drip"}


def limits_for(name: str) -> dict[str, Any]:
    """Of our client: it gives up soon where nothing more will come, and waits for what does come."""
    limits = {"read_timeout_s": 0.3, "total_timeout_s": 0.6} if name in _NEVER_WHOLE else {}
    return {**limits, "max_body_bytes": 1_000_000}


def test_the_tables_name_known_behaviours_once() -> None:
    """Every exception to 'the same as requests' belongs to a behaviour, and to one table."""
    assert set(FAILURES) | set(DELIBERATE) <= set(BEHAVIOURS)
    assert not set(FAILURES) & set(DELIBERATE)


@pytest.mark.parametrize("name", sorted(BEHAVIOURS))
def test_outcome(name: str, service: Service) -> None:
    """Each behaviour has the outcome that requests gives it, or the failure kind that the tables say."""
    session, sink = open_client(service.url(), **limits_for(name))
    response = session.get(f"/b/{name}")

    if name in FAILURES or (name in DELIBERATE and isinstance(DELIBERATE[name][0], FailureKind)):
        expected = FAILURES.get(name) or DELIBERATE[name][0]
        assert sink.only.failure is not None
        assert sink.only.failure.kind is expected
        assert "\n" not in sink.only.failure.message
        assert (response.status_code, response.content, response.text, response.ok) == (0, b"", "", False)
        assert isinstance(response.error, requests.RequestException)
    elif name in DELIBERATE:
        assert response.content == DELIBERATE[name][0]
    if name not in DELIBERATE:
        assert (_by_requests(service, name) is None) == (name in FAILURES)
    if name not in FAILURES and name not in DELIBERATE and name not in ECHOES:
        oracle = _by_requests(service, name)
        assert oracle is not None
        assert (response.status_code, response.content) == (oracle.status_code, oracle.content)
        trimmed = {key: value.strip() for key, value in oracle.headers.items()}  # requests keeps trailing white space
        assert dict(response.headers) == trimmed
        assert (response.reason, response.encoding) == (oracle.reason, oracle.encoding)
        assert response.url == oracle.url
        assert response.links == oracle.links
        assert [hop.status_code for hop in response.history] == [hop.status_code for hop in oracle.history]
        assert response.cookies.get_dict() == oracle.cookies.get_dict()
        assert (sink.only.failure is None) == oracle.ok
    session.close()


@pytest.mark.parametrize("name", sorted(name for name in BEHAVIOURS if name not in _HANGS_REQUESTS))
def test_streamed_outcome_is_the_same(name: str, service: Service) -> None:
    """Read piece by piece, a response has the same body or fails in the same way."""
    whole, _ = open_client(service.url(), **limits_for(name))
    session, sink = open_client(service.url(), **limits_for(name))
    expected = whole.get(f"/b/{name}")
    response = session.get(f"/b/{name}", stream=True)
    content, kind = _read_stream(response)
    assert kind is getattr(expected.error, "kind", None)
    if kind is None or kind is FailureKind.STATUS:
        assert (response.status_code, content) == (expected.status_code, expected.content)
    assert len(sink.samples) == 1
    whole.close()
    session.close()


@pytest.mark.parametrize("name", ["length", "not-found", "chunked", "gzip", "no-content", "head-bytewise"])
def test_head_has_no_body(name: str, service: Service) -> None:
    """A response to HEAD has no body whatever its head says, and the connection can be used again."""
    session, sink = open_client(service.url())
    response = session.head(f"/b/{name}")
    oracle = _by_requests(service, name, method="HEAD")
    assert oracle is not None
    assert (response.status_code, response.content) == (oracle.status_code, b"")
    if name != "head-bytewise":  # whose script knows nothing of HEAD
        assert session.get("/b/length").content == b"hello"
        assert sink.kinds[-1] is None


def _read_stream(response: Response) -> tuple[bytes, FailureKind | None]:
    """The body, and the kind of the failure that came first: of the head, or of the body."""
    try:
        content = b"".join(response.iter_content(100))
    except AttemptError as error:
        return b"", error.kind
    return content, getattr(response.error, "kind", None)


def _by_requests(service: Service, name: str, method: str = "GET") -> requests.Response | None:
    """What requests makes of it; None if it fails."""
    timeout_s = 0.3 if HANG in BEHAVIOURS[name] else PATIENCE_S
    with requests.Session() as session:
        session.trust_env = False
        try:
            url = f"{service.url()}/b/{name}"
            return session.request(method, url, timeout=timeout_s, allow_redirects=method != "HEAD")
        except requests.RequestException:
            return None
