"""Who may come in to the live page, and what every answer says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadworthy.page.guard import OWN_HEADER, Guard, host_of, new_token
from loadworthy.plan.hosts import is_loopback

TOKEN = "the-token"
OWN = {"HTTP_X_LOADWORTHY": "1"}
SAME = {"HTTP_SEC_FETCH_SITE": "same-origin", "HTTP_ORIGIN": "http://localhost:8089"}


class Answer:
    """What a guard said to one request."""

    def __init__(self, guard_token: str | None, path: str = "/", method: str = "GET", **more: str) -> None:
        def inner(environ: dict[str, Any], start_response: Any) -> list[bytes]:
            headers = [("Content-Type", "text/plain"), ("Access-Control-Allow-Origin", "*"), ("access-control-x", "y")]
            start_response("200 OK", headers)
            return [b"inside"]

        environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "HTTP_HOST": "localhost:8089", "QUERY_STRING": ""}
        self.status, self.headers = "", dict[str, str]()
        guard = Guard(inner, guard_token, name="8089", is_tls=more.pop("tls", "") == "yes")
        self.body = b"".join(guard({**environ, **more}, self._start))

    def _start(self, status: str, headers: list[tuple[str, str]]) -> None:
        self.status, self.headers = status, dict(headers)

    @property
    def code(self) -> int:
        """The status as a number."""
        return int(self.status.split()[0])

    @property
    def is_in(self) -> bool:
        """Whether the request came through."""
        return self.body == b"inside"


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:8089", "localhost.:80", "127.0.0.1:8089", "127.1.2.3", "[::1]:8089", "0.0.0.0:8089"],
)
def test_on_loopback_this_machine_comes_in(host: str) -> None:
    """By any name or address that is this machine alone, and without a token."""
    assert Answer(None, HTTP_HOST=host).is_in


@pytest.mark.parametrize(
    "host",
    [
        "", "evil.example", "evil.example:8089", "localhost.evil.example", "127.0.0.1.evil.example", "192.168.0.7",
        "[fe80::1]", "localhost@evil.example", "evil.example#localhost", "localhost, evil.example", "[::1",
        "127.0.0.1 x",
    ],
)  # fmt: skip
def test_a_name_that_was_bent_to_loopback_does_not(host: str) -> None:
    """A page elsewhere whose own name points to 127.0.0.1 is refused, for its Host header tells."""
    answer = Answer(None, HTTP_HOST=host)
    assert (answer.code, answer.is_in) == (403, False)


@pytest.mark.parametrize(
    ("path", "more", "code"),
    [
        ("/loadworthy/start", {**OWN, **SAME}, 200),
        ("/loadworthy/start", OWN, 200),
        ("/loadworthy/start", SAME, 403),
        ("/loadworthy/start", {}, 403),
        ("/loadworthy/start", {**OWN, "HTTP_ORIGIN": "http://evil.example"}, 403),
        ("/loadworthy/start", {**OWN, "HTTP_ORIGIN": "null"}, 403),
        ("/loadworthy/start", {**OWN, "HTTP_ORIGIN": "http://localhost:8090"}, 403),
        ("/loadworthy/start", {**OWN, "HTTP_ORIGIN": "https://localhost:8089"}, 403),
        ("/loadworthy/start", {**OWN, **SAME, "HTTP_SEC_FETCH_SITE": "cross-site"}, 403),
        ("/loadworthy/start", {**OWN, **SAME, "HTTP_SEC_FETCH_SITE": "same-site"}, 403),
        ("/loadworthy/start", {**OWN, **SAME, "HTTP_SEC_FETCH_SITE": "none"}, 403),
        ("/swarm", SAME, 200),
        ("/swarm", {}, 200),
        ("/swarm", {"HTTP_ORIGIN": "http://evil.example"}, 403),
        ("/swarm", {"HTTP_SEC_FETCH_SITE": "cross-site"}, 403),
        ("/stop", {"HTTP_ORIGIN": "null"}, 403),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_what_changes_something_must_come_from_this_page(
    path: str, more: dict[str, str], code: int, method: str
) -> None:
    """From the same origin, and at our own addresses with a header that no form can send."""
    assert Answer(None, path, method, **more).code == code


@pytest.mark.parametrize(
    ("more", "is_in"),
    [
        ({}, True),
        ({"HTTP_SEC_FETCH_SITE": "same-origin", "HTTP_SEC_FETCH_MODE": "cors", "HTTP_SEC_FETCH_DEST": "empty"}, True),
        ({"HTTP_SEC_FETCH_SITE": "none", "HTTP_SEC_FETCH_MODE": "navigate"}, True),
        (
            {"HTTP_SEC_FETCH_SITE": "cross-site", "HTTP_SEC_FETCH_MODE": "navigate", "HTTP_SEC_FETCH_DEST": "document"},
            True,
        ),
        (
            {"HTTP_SEC_FETCH_SITE": "cross-site", "HTTP_SEC_FETCH_MODE": "navigate", "HTTP_SEC_FETCH_DEST": "iframe"},
            False,
        ),
        (
            {"HTTP_SEC_FETCH_SITE": "cross-site", "HTTP_SEC_FETCH_MODE": "no-cors", "HTTP_SEC_FETCH_DEST": "image"},
            False,
        ),
        ({"HTTP_SEC_FETCH_SITE": "same-site", "HTTP_SEC_FETCH_MODE": "cors", "HTTP_SEC_FETCH_DEST": "empty"}, False),
    ],
)
def test_other_sites_may_link_here_and_nothing_else(more: dict[str, str], is_in: bool) -> None:
    """What their pages embed or fetch, the stream of events among it, is refused."""
    assert Answer(None, "/loadworthy/events", **more).is_in is is_in


@pytest.mark.parametrize(
    "path", ["/", "/loadworthy/", "/assets/x.js", "/stats/requests", "/loadworthy/events", "/nowhere"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "OPTIONS"])
def test_elsewhere_everything_needs_the_token(path: str, method: str) -> None:
    """Whatever is asked for: 401, and not a word of what is inside."""
    answer = Answer(TOKEN, path, method, **OWN)
    assert (answer.code, answer.is_in) == (401, False)
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert TOKEN.encode() not in answer.body


@pytest.mark.parametrize(
    "more",
    [
        {"HTTP_AUTHORIZATION": "Bearer wrong"},
        {"HTTP_AUTHORIZATION": f"Basic {TOKEN}"},
        {"HTTP_AUTHORIZATION": "Bearer "},
        {"QUERY_STRING": "token="},
        {"QUERY_STRING": "token=the-toke"},
        {"QUERY_STRING": f"tokens={TOKEN}"},
        {"HTTP_COOKIE": f"loadworthy-8089={TOKEN}"},
        {"HTTP_COOKIE": "loadworthy-8089="},
        {"HTTP_COOKIE": "=;\x00;,,"},
        {"HTTP_AUTHORIZATION": "Bearer t\udcffken"},
    ],
)
def test_what_is_no_token_opens_nothing(more: dict[str, str]) -> None:
    """Nothing near it, nothing empty, and not the token itself in the cookie, which never holds it."""
    assert Answer(TOKEN, **more).code == 401


def test_the_token_comes_with_the_first_address_and_is_a_cookie_from_then_on() -> None:
    """The address is answered with a redirect to itself without it, and with a cookie that scripts cannot read."""
    first = Answer(TOKEN, "/loadworthy/", QUERY_STRING=f"a=1%262&token={TOKEN}&b=x+y")
    assert (first.code, first.headers["Location"]) == (303, "/loadworthy/?a=1%262&b=x+y")
    cookie = first.headers["Set-Cookie"]
    assert TOKEN not in cookie
    assert set(cookie.split("; ")[1:]) == {"Path=/", "HttpOnly", "SameSite=Strict"}
    assert Answer(TOKEN, "/loadworthy/", HTTP_COOKIE=cookie.split(";")[0]).is_in
    assert not Answer("another", "/loadworthy/", HTTP_COOKIE=cookie.split(";")[0]).is_in
    assert "Secure" in Answer(TOKEN, QUERY_STRING=f"token={TOKEN}", tls="yes").headers["Set-Cookie"]


def test_programs_send_the_token_in_a_header() -> None:
    """``Authorization: Bearer``, from any host name, for this is how others reach it."""
    assert Answer(TOKEN, HTTP_AUTHORIZATION=f"bearer {TOKEN}", HTTP_HOST="load.example:8089").is_in


def test_the_token_does_not_open_the_page_to_other_sites() -> None:
    """A browser that has the cookie is not led by the page of another site."""
    cookie = Answer(TOKEN, QUERY_STRING=f"token={TOKEN}").headers["Set-Cookie"].split(";")[0]
    more = {**OWN, "HTTP_COOKIE": cookie, "HTTP_ORIGIN": "http://evil.example"}
    assert Answer(TOKEN, "/loadworthy/stop", "POST", **more).code == 403


def test_a_link_from_another_site_is_followed_with_a_second_look() -> None:
    """The browser has the cookie but withholds it then: the page asks it to come again by itself."""
    more = {"HTTP_SEC_FETCH_SITE": "cross-site", "HTTP_SEC_FETCH_MODE": "navigate", "HTTP_SEC_FETCH_DEST": "document"}
    answer = Answer(TOKEN, **more)
    assert answer.code == 401
    assert b'http-equiv="refresh"' in answer.body
    assert b"refresh" not in Answer(TOKEN, HTTP_SEC_FETCH_SITE="same-origin").body


@pytest.mark.parametrize("path", ["//evil.example/x", "/\\evil.example", "/\u00e4", "/a\r\nSet-Cookie: x=1"])
def test_the_redirect_stays_here(path: str) -> None:
    """Whatever the path looks like, the browser goes on at this server, and no header is smuggled in."""
    location = Answer(TOKEN, path, QUERY_STRING=f"token={TOKEN}").headers["Location"]
    assert location.startswith("/")
    assert not location.startswith(("//", "/\\"))
    assert location.isprintable()


@pytest.mark.parametrize("answer", [Answer(None), Answer(None, HTTP_HOST="evil.example"), Answer(TOKEN)])
def test_every_answer_is_hardened(answer: Answer) -> None:
    """No other site may read, frame, sniff or keep it; that is said of refusals, too."""
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_header_that_is_said_inside_stays() -> None:
    """A page with a policy of its own keeps it."""
    said: dict[str, str] = {}

    def inner(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("content-security-policy", "mine"), ("Cache-Control", "public")])
        return []

    guard = Guard(inner, None)
    guard({"HTTP_HOST": "localhost"}, lambda status, headers: said.update(headers))
    assert (said["content-security-policy"], said["Cache-Control"]) == ("mine", "public")
    assert "Content-Security-Policy" not in said


@given(st.text(max_size=60))
def test_no_host_header_is_too_strange(text: str) -> None:
    """Anything can be asked, nothing is raised, and only loopback is loopback."""
    host = host_of(text)
    if is_loopback(host):
        assert host == "localhost" or host.endswith(("localhost", "localhost.")) or host[0] in "1:"


def test_tokens_are_long_and_all_different() -> None:
    """At least 128 bits each."""
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert min(map(len, tokens)) >= 22
    assert OWN_HEADER == "X-Loadworthy"
