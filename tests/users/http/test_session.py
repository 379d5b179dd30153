"""The session end to end: connections, retries, names, samples."""

from __future__ import annotations

import json
from typing import Any

import gevent
import pytest
import requests
from gevent import socket as gevent_socket
from tests.support.rawserver import HELLO
from tests.users.http.support import PATIENCE_S, Client, Scripted, Service, open_client

from loadworthy.record.sample import FailureKind


@pytest.fixture
def client(service: Service) -> Client:
    """A session on the plain listener."""
    return open_client(service.url())


class User:
    """As much of a user as a session looks at."""

    late_us = 0

    def context(self) -> dict[str, Any]:
        return {"who": "me"}


def test_connection_is_kept(service: Service, client: Client) -> None:
    """Requests follow each other over one connection, in the fast way and in the long one."""
    server = Scripted([HELLO, HELLO, HELLO, HELLO])
    session, sink = open_client(server.url)
    assert session.get("/1").content == b"hello"
    assert session.get("/2", params={"a": "1"}).content == b"hello"
    assert session.post("/3", json=[1]).content == b"hello"
    assert session.get("/4").content == b"hello"
    assert len(server.requests) == 4
    assert [sample.name for sample in sink.samples] == ["/1", "/2?a=1", "/3", "/4"]


def test_sample_counts_the_bytes_of_the_wire() -> None:
    """Sent and received bytes are those that the server read and wrote, heads included."""
    server = Scripted([HELLO, HELLO])
    session, sink = open_client(server.url)
    session.get("/a")
    session.post("/b", json={"x": 1})
    assert [sample.received_bytes for sample in sink.samples] == [len(HELLO)] * 2
    assert [sample.content_bytes for sample in sink.samples] == [len(b"hello")] * 2
    assert sink.samples[0].sent_bytes == len(server.requests[0])
    assert sink.samples[1].sent_bytes == len(server.requests[1])
    assert [sample.kind for sample in sink.samples] == ["GET", "POST"]
    assert all(sample.intended_us == sample.sent_us <= sample.done_us for sample in sink.samples)


@pytest.mark.parametrize("options", [{}, {"params": {"a": "b"}}])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_dead_connection_is_replaced_for_safe_methods(method: str, options: dict[str, Any]) -> None:
    """A kept connection that dies as it is used costs a retry, and still is one sample."""
    answer = HELLO[: HELLO.index(b"\r\n\r\n") + 4] if method == "HEAD" else HELLO
    server = Scripted([HELLO, b""], [answer])  # the second answer is the connection's end
    session, sink = open_client(server.url)
    session.get("/first")
    response = session.request(method, "/again", **options)
    assert response.status_code == 200
    assert sink.kinds == [None, None]
    assert len(server.requests) == 3
    assert sink.samples[1].sent_bytes == len(server.requests[1]) + len(server.requests[2])


@pytest.mark.parametrize("options", [{}, {"params": {"a": "b"}}])
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_post_is_not_sent_twice(method: str, options: dict[str, Any]) -> None:
    """A method that may have done something already is not repeated: the sample fails as reset."""
    server = Scripted([HELLO, b""], [HELLO])
    session, sink = open_client(server.url)
    session.get("/first")
    session.request(method, "/once", json={}, **options)
    assert sink.kinds == [None, "reset"]
    assert len(server.requests) == 2


def test_stale_connection_is_noticed_before_a_post() -> None:
    """A connection that was closed while it was idle is replaced before anything is sent, for any method."""
    server = Scripted([HELLO], [HELLO])
    session, sink = open_client(server.url)
    session.get("/first")
    server.closed[0].wait(PATIENCE_S)
    kept = session.pool._last
    assert kept is not None
    kept.idle_since_ns = 0  # as if it had been idle for long
    assert session.post("/second", json={}).status_code == 200
    assert sink.kinds == [None, None]
    assert len(server.requests) == 2


def test_no_second_retry() -> None:
    """When the new connection dies, too, the sample fails."""
    server = Scripted([HELLO, b""], [b""], [HELLO])
    session, sink = open_client(server.url)
    session.get("/first")
    session.get("/again")
    assert sink.kinds == [None, "reset"]
    assert len(server.requests) == 3


@pytest.mark.parametrize("options", [{}, {"params": {"a": "b"}}])
def test_retry_is_over_a_new_connection(options: dict[str, Any]) -> None:
    """Of two kept connections that are both dead, only one costs an attempt."""
    server = Scripted([HELLO, b""], [HELLO, b""], [HELLO])
    session, sink = open_client(server.url)
    gevent.joinall([gevent.spawn(session.get, "/first"), gevent.spawn(session.get, "/first")], timeout=PATIENCE_S)
    assert session.get("/again", **options).ok
    assert sink.kinds == [None, None, None]
    assert len(server.requests) == 4


def test_hops_after_a_retry_share_its_connection() -> None:
    """After a retry the redirects go over the connection that it made."""
    redirect = b"HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n"
    server = Scripted([HELLO, b""], [redirect, HELLO])
    session, sink = open_client(server.url)
    session.get("/first")
    assert session.get("/again").ok
    assert sink.kinds == [None, None]


def test_fresh_connection_is_not_retried(client: Client, service: Service) -> None:
    """A reset on a new connection is the server's answer, not an accident of keeping connections."""
    before = service.count("/b/reset")
    client.session.get("/b/reset")
    assert service.count("/b/reset") == before + 1
    assert client.sink.kinds == ["reset"]


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("http://nonexistent.invalid/", FailureKind.DNS),
        ("http://{refused}/", FailureKind.CONNECT),
        ("http://", FailureKind.EXCEPTION),
        ("http://[::1/", FailureKind.EXCEPTION),
        ("http://a..b/", FailureKind.DNS),
        (b"http://{refused}/", FailureKind.CONNECT),
        (None, FailureKind.EXCEPTION),
        (17, FailureKind.EXCEPTION),
    ],
)
def test_every_failure_is_one_sample(url: Any, kind: FailureKind, client: Client, service: Service) -> None:
    """Whatever is wrong with a request, there is a response without status, one sample, and no exception."""
    refused = f"127.0.0.1:{service.ports['refused']}"
    if isinstance(url, str):
        url = url.format(refused=refused)
    elif isinstance(url, bytes):
        url = url.replace(b"{refused}", refused.encode())
    response = client.session.get(url)
    assert client.sink.only.failure is not None
    assert client.sink.only.failure.kind is kind
    assert client.sink.only.status == response.status_code == 0
    assert isinstance(response.error, requests.RequestException)
    with pytest.raises(requests.RequestException):
        response.raise_for_status()


@pytest.mark.parametrize(
    "options",
    [
        {"headers": {"X-A": "a\r\nX-B: b"}},
        {"headers": {"X A": "b"}},
        {"headers": {"X-A": 1}},
        {"json": {1, 2}},
        {"json": float("nan")},
        {"data": iter([1])},
        {"params": 5},
        {"timeout": -1},
        {"timeout": "soon"},
        {"proxies": {"http": "socks5://x"}},
        {"cookies": {"a;b": "c"}},
        {"auth": 5},
        {"verify": "/nonexistent", "url": "https"},
    ],
)
def test_arguments_that_cannot_be_sent(options: dict[str, Any], client: Client, service: Service) -> None:
    """What cannot be sent fails as a sample, and the session goes on."""
    options = dict(options)
    url = service.url("tls") if options.pop("url", None) else "/echo"
    client.session.post(url, **options)
    assert client.sink.kinds in (["exception"], ["tls"])
    assert client.session.get("/b/length").ok


def test_smuggled_method_is_refused(client: Client) -> None:
    """Nor can the method bring in a second request."""
    client.session.request("GET / HTTP/1.1\r\nX:", "/echo")
    assert client.sink.kinds == ["exception"]


def test_unknown_option(client: Client) -> None:
    """An argument that does not exist is a mistake in the test, not a sample."""
    with pytest.raises(TypeError, match="follow"):
        client.session.get("/", follow=True)
    assert not client.sink.samples
    assert client.sink.interruptions == 0


def test_names(client: Client) -> None:
    """A sample is named by the argument, else by rename_request, else by the first URL's path and query."""
    session = client.session
    session.get("/b/length?x=1")
    session.get("/b/length", name="mine")
    with session.rename_request("grouped"):
        session.get("/b/length")
        session.get("/b/length", name="mine")
    session.get("/b/redirect-relative")
    session.get("/b/length", params={"b": "x y"})
    session.get(f"{session.base_url}/b/length#part")
    names = [sample.name for sample in client.sink.samples]
    assert names == [
        "/b/length?x=1",
        "mine",
        "grouped",
        "mine",
        "/b/redirect-relative",
        "/b/length?b=x+y",
        "/b/length",
    ]


def test_status_is_a_failure(client: Client) -> None:
    """400 and more fail with kind status, with the beginning of the body."""
    response = client.session.get("/b/not-found")
    failure = client.sink.only.failure
    assert failure is not None
    assert (failure.kind, failure.message, failure.excerpt) == (FailureKind.STATUS, "404 Not Found", "nothing here")
    assert (response.status_code, response.ok, bool(response)) == (404, False, False)
    with pytest.raises(requests.HTTPError) as caught:
        response.raise_for_status()
    assert caught.value.response is response


def test_raised_after_recording_is_marked(client: Client) -> None:
    """An error of a sample that is recorded says so, so that a task that dies of it is not a second failure."""
    for path in ("/b/not-found", "/b/empty-reply"):
        with pytest.raises(requests.RequestException) as caught:
            client.session.get(path).raise_for_status()
        assert vars(caught.value)["loadworthy_recorded"] is True


def test_passwords_are_not_reported(client: Client, service: Service) -> None:
    """The URL of a failure is without the credentials that were in it."""
    client.session.get(service.url().replace("http://", "http://me:secret@") + "/b/not-found")
    failure = client.sink.only.failure
    assert failure is not None
    assert failure.url == f"{service.url()}/b/not-found"


def test_base_url_that_is_none(service: Service) -> None:
    """Without a base URL, or with a broken one, absolute URLs work and relative ones fail as samples."""
    for base_url in (None, "", "http://[broken", "nonsense"):
        session, sink = open_client(base_url)
        assert session.get(f"{service.url()}/b/length").ok
        session.get("/b/length")
        assert sink.kinds == [None, "exception"]


def test_read_timeout_by_argument(client: Client) -> None:
    """A time-out can be given for a request, for both phases or for each."""
    client.session.get("/b/length", timeout=None)
    client.session.get("/b/hang", timeout=0.05)  # over the connection that is there
    client.session.get("/b/hang", timeout=(PATIENCE_S, 0.05))
    client.session.get("/b/length", timeout=None)
    assert client.sink.kinds == [None, "timeout_read", "timeout_read", None]


def test_shorter_timeout_after_a_longer_one() -> None:
    """The deadline of each request counts, on the same connection."""
    server = Scripted([HELLO, HELLO[:-1], b""])
    session, sink = open_client(server.url)
    assert session.get("/", timeout=PATIENCE_S).ok
    session.get("/", timeout=0.05)
    assert sink.kinds == [None, "timeout_read"]


def test_longer_timeout_after_a_shorter_one() -> None:
    """A timer that was set for an earlier request does not end a later one."""
    # In this process, so that the first answer is there at once, whatever else the machine is doing.
    session, sink = open_client(Scripted([HELLO, b"", b""]).url)
    session.get("/", timeout=0.2)
    response = session.get("/", timeout=0.4)
    assert sink.kinds == [None, "timeout_read"]
    assert response.elapsed.total_seconds() >= 0.4


def test_timer_of_an_idle_connection_hurts_nobody(service: Service) -> None:
    """A time-out that comes when the request is long answered does not reach what its greenlet does next."""
    answered, answered_sink = open_client(Scripted([HELLO, b""]).url)
    other, sink = open_client(service.url())
    answered.get("/", timeout=0.2)
    response = other.get("/b/hang", timeout=0.3)
    assert (answered_sink.kinds, sink.kinds) == ([None], ["timeout_read"])
    assert response.elapsed.total_seconds() >= 0.3


def test_connect_timeout(service: Service) -> None:
    """A host that does not answer at all fails as timeout_connect."""
    session, sink = open_client(service.url("deaf"), connect_timeout_s=0.1)
    session.get("/")
    assert sink.kinds == ["timeout_connect"]


def test_ipv6(service: Service) -> None:
    """A literal IPv6 address in the URL."""
    if "ipv6" not in service.ports:
        pytest.skip("this machine has no IPv6")
    session, sink = open_client(service.url("ipv6"))
    assert session.get("/echo").content.count(f"Host: [::1]:{service.ports['ipv6']}".encode()) == 1
    assert sink.kinds == [None]


def test_name_with_several_addresses(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """The addresses of a name are tried in turn."""
    port = service.ports["plain"]
    found = [(2, 1, 6, "", ("127.0.0.2", service.ports["refused"])), (2, 1, 6, "", ("127.0.0.1", port))]
    monkeypatch.setattr(gevent_socket, "getaddrinfo", lambda *_: found)
    session, sink = open_client(f"http://several.example:{port}")
    assert session.get("/b/length").ok
    assert sink.kinds == [None]


def test_large_request_body(client: Client, service: Service) -> None:
    """A body larger than the kernel's buffers is sent to its end."""
    body = b"x" * 5_000_000
    response = client.session.post("/echo", data=body)
    assert response.content.endswith(body)
    assert client.sink.only.sent_bytes == len(response.content)


def test_bodies_of_all_kinds_arrive(client: Client) -> None:
    """What the server receives is what was given."""
    session = client.session
    assert session.post("/echo", data={"a": "x y"}).content.endswith(b"\r\n\r\na=x+y")
    assert session.put("/echo", data="ä").content.endswith("\r\n\r\nä".encode())
    assert session.patch("/echo", json={"a": None}).content.endswith(b'\r\n\r\n{"a": null}')
    assert session.post("/echo", data=iter([b"ab", "c"])).content.endswith(b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")
    assert b'filename="f"' in session.post("/echo", files={"f": b"content"}).content
    assert session.post("/echo").content.count(b"Content-Length: 0") == 1
    assert session.delete("/echo").content.startswith(b"DELETE /echo HTTP/1.1\r\n")
    assert session.options("/echo").content.startswith(b"OPTIONS ")
    assert session.trace("/echo").content.startswith(b"TRACE ")
    assert client.sink.kinds == [None] * 9


def test_session_settings_are_sent(client: Client) -> None:
    """Headers, auth, params and cookies of the session go with every request, and changes count at once."""
    session = client.session
    session.get("/echo")
    session.headers["X-A"] = "1"
    session.headers.update({"Accept": "text/plain"})
    session.auth = ("me", "secret")
    session.params = {"p": "1"}
    session.cookies.set("c", "2")
    sent = session.get("/echo?q=0", headers={"X-B": "3"}).content
    assert sent.startswith(b"GET /echo?q=0&p=1 HTTP/1.1\r\n")
    for line in (b"X-A: 1", b"Accept: text/plain", b"Authorization: Basic bWU6c2VjcmV0", b"Cookie: c=2", b"X-B: 3"):
        assert sent.count(line + b"\r\n") == 1
    assert sent.count(b"Accept:") == 1
    del session.headers["X-A"]
    session.auth = None
    session.params = {}
    session.cookies.clear()
    sent = session.get("/echo").content
    assert not any(word in sent for word in (b"X-A", b"Authorization", b"Cookie", b"p=1"))
    session.base_url = session.base_url + "/b"
    assert session.get("/length").content == b"hello"


def test_credentials_in_the_base_url(service: Service) -> None:
    """They become Basic authentication, and are not part of the URL any more."""
    session, sink = open_client(service.url().replace("http://", "http://me:p%40ss@"))
    response = session.get("/echo", headers={"Authorization": "overridden"})
    assert b"Authorization: Basic bWU6cEBzcw==\r\n" in response.content
    assert b"Authorization: Basic bWU6cEBzcw==\r\n" in session.get("/echo").content
    assert "me" not in response.url
    assert sink.kinds == [None, None]


def test_request_of_a_response(client: Client) -> None:
    """A response shows the request that it answers, as requests does."""
    response = client.session.post("/echo?x=1", json={"a": 1}, headers={"X-A": "b"})
    sent = response.request
    assert (sent.method, sent.path_url, sent.body) == ("POST", "/echo?x=1", b'{"a": 1}')
    assert sent.headers["x-a"] == "b"
    assert sent.url == response.url == f"{client.session.base_url}/echo?x=1"


def test_json(client: Client) -> None:
    """json() parses, and raises what requests raises."""
    assert client.session.get("/b/json").json() == {"a": [1, "ä"]}
    with pytest.raises(requests.exceptions.JSONDecodeError):
        client.session.get("/b/length").json()
    with pytest.raises(json.JSONDecodeError):
        client.session.get("/b/empty").json()


def test_text_follows_the_charset(client: Client) -> None:
    """By the head, by the rule for text without one, by the user's word."""
    assert client.session.get("/b/charset").text == "ä€"
    response = client.session.get("/b/latin1")
    assert response.text == "ä"
    response.encoding = "cp437"
    assert response.text == "Σ"
    assert response.apparent_encoding


def test_listeners_are_told(service: Service) -> None:
    """Others' listeners get what Locust's clients would tell them; without listeners nothing is made."""
    session, sink = open_client(service.url(), User())
    session.get("/b/length")
    assert not sink.heard
    sink.listeners = [object()]
    response = session.get("/b/not-found", name="n", context={"more": 1})
    heard = sink.heard[0]
    assert heard["request_type"] == "GET"
    assert heard["name"] == "n"
    assert heard["response_length"] == len(b"nothing here")
    assert heard["response"] is response
    assert heard["context"] == {"who": "me", "more": 1}
    assert heard["exception"] is response.error
    assert heard["url"] == response.url
    assert heard["response_time"] == (sink.samples[1].done_us - sink.samples[1].intended_us) / 1000
    assert heard["start_time"] > 1_700_000_000


def test_intended_start_is_taken_once(service: Service) -> None:
    """How late an iteration began belongs to its first request, which was wanted so much earlier."""
    user = User()
    session, sink = open_client(service.url(), user)
    user.late_us = 1000
    session.get("/b/length")
    session.get("/b/length")
    first, second = sink.samples
    assert first.intended_us == first.sent_us - 1000
    assert second.intended_us == second.sent_us
    assert user.late_us == 0


@pytest.mark.parametrize("path", ["/b/hang", "/b/hang-in-body"])
@pytest.mark.parametrize("options", [{}, {"params": {"a": "b"}}])
def test_kill_leaves_nothing_behind(path: str, options: dict[str, Any], client: Client) -> None:
    """A user killed while it waits is an interrupted attempt, not a sample, and its connection is not used again."""
    session, sink = client
    session.get("/b/length")
    greenlet = gevent.spawn(session.get, path, **options)
    gevent.sleep(0)
    while session.pool._last is not None:
        gevent.sleep(0)
    greenlet.kill()
    assert (len(sink.samples), sink.interruptions) == (1, 1)
    assert session.pool._last is None
    assert session.get("/b/length").ok


def test_kill_while_connecting(service: Service) -> None:
    """The same while there is no connection yet."""
    session, sink = open_client(service.url("deaf"))
    greenlet = gevent.spawn(session.get, "/")
    gevent.sleep(0)
    greenlet.kill()
    assert (len(sink.samples), sink.interruptions) == (0, 1)


def test_users_own_timeout_is_a_sample(client: Client) -> None:
    """A gevent.Timeout around a request cuts it off; the attempt counts as timed out."""
    with pytest.raises(gevent.Timeout), gevent.Timeout(0.05):
        client.session.get("/b/hang")
    assert client.sink.kinds == ["timeout_read"]
    assert client.session.get("/b/length").ok


def test_many_greenlets_share_a_session(client: Client) -> None:
    """Concurrent requests of one session have a connection each, and do not mix."""
    jobs = [gevent.spawn(client.session.get, f"/echo?n={number}") for number in range(20)]
    gevent.joinall(jobs, timeout=PATIENCE_S)
    for number, job in enumerate(jobs):
        assert job.value.content.startswith(b"GET /echo?n=%d " % number)
    assert client.sink.kinds == [None] * 20
    client.session.close()
    assert client.session.pool._last is None


def test_hooks(client: Client) -> None:
    """A response hook sees the response."""
    seen: list[int] = []
    client.session.get("/b/not-found", hooks={"response": lambda response, **_: seen.append(response.status_code)})
    assert seen == [404]


def test_elapsed_and_repr(client: Client) -> None:
    """Small things that logs print."""
    response = client.session.get("/b/length")
    sample = client.sink.only
    assert response.elapsed.total_seconds() * 1e6 == pytest.approx(sample.done_us - sample.sent_us)
    assert repr(response) == "<Response [200]>"
    assert list(response) == [b"hello"]


def test_many_urls_do_not_eat_the_memory(client: Client) -> None:
    """The cache of plans is bounded."""
    from loadworthy.users.http.headers import static_headers
    from loadworthy.users.http.plan import MAX_PLANS, PlanCache

    cache = PlanCache("http://h", True, None)
    for number in range(MAX_PLANS + 10):
        cache.find("GET", f"/{number}", static_headers(()))
    assert len(cache._plans) == 10
