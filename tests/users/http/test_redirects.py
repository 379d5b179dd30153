"""Where redirects lead, and what goes along."""

from __future__ import annotations

import pytest
from requests.exceptions import RequestException

from loadworthy.users.http.errors import RedirectError
from loadworthy.users.http.headers import encode_headers
from loadworthy.users.http.redirects import follow, redirected_method
from loadworthy.users.http.request import Message
from loadworthy.users.http.urls import parse_url

FULL = {
    "Authorization": "secret",
    "Cookie": "a=b",
    "Content-Type": "text/plain",
    "Content-Length": "2",
    "X-A": "1",
}


def message(method: str = "POST", url: str = "http://h/a/b?q=1", body: bytes = b"hi") -> Message:
    """A request with all kinds of headers."""
    return Message(method, parse_url(url), encode_headers(FULL.items()), body, own_cookies=True)


@pytest.mark.parametrize(
    ("status", "method", "expected"),
    [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
        (301, "PUT", "PUT"),
        (302, "DELETE", "DELETE"),
        (303, "PUT", "GET"),
        (303, "GET", "GET"),
        (303, "HEAD", "HEAD"),
        (302, "HEAD", "HEAD"),
        (307, "PATCH", "PATCH"),
    ],
)
def test_method(status: int, method: str, expected: str) -> None:
    """RFC 9110, 15.4; requests turns any method into GET at 302, which the RFC allows for POST only."""
    assert redirected_method(status, method) == expected


def test_method_kept_keeps_the_body() -> None:
    """307 sends the same again."""
    hop = follow(message(), 307, "/new")
    assert (hop.method, hop.body, dict(hop.headers)) == ("POST", b"hi", FULL)
    assert hop.url.full == "http://h/new"


def test_method_changed_drops_the_body() -> None:
    """303 sends no body, nor headers about one."""
    hop = follow(message(), 303, "/new")
    assert (hop.method, hop.body) == ("GET", b"")
    assert dict(hop.headers) == {"Authorization": "secret", "Cookie": "a=b", "X-A": "1"}


@pytest.mark.parametrize("location", ["http://other/", "https://h/", "http://h:81/", "//other/x"])
def test_credentials_stay_at_home(location: str) -> None:
    """Another scheme, host or port does not get Authorization and Cookie."""
    hop = follow(message(), 307, location)
    assert not {"Authorization", "Cookie"} & set(hop.headers)
    assert not hop.own_cookies
    assert follow(message(), 307, "http://h:80/x").headers["Authorization"] == "secret"


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("c", "http://h/a/c"),
        ("/c", "http://h/c"),
        ("../c", "http://h/c"),
        ("?x=2", "http://h/a/b?x=2"),
        ("//other/c", "http://other/c"),
        ("http://other:8080", "http://other:8080/"),
        ("/c#part", "http://h/c#part"),
        ("/c d", "http://h/c%20d"),
        ("/\xc3\xa4", "http://h/%C3%A4"),
        ("/\xe4", "http://h/%C3%A4"),
        ("", "http://h/a/b?q=1"),
        (" /c ", "http://h/c"),
    ],
)
def test_location(location: str, expected: str) -> None:
    """Locations are resolved against the URL, quoted, and read as UTF-8 where they are."""
    assert follow(message(), 302, location).url.full == expected


def test_fragment_is_inherited() -> None:
    """A location without a fragment inherits that of the URL (RFC 9110, 10.2.2)."""
    assert follow(message(url="http://h/a#old"), 302, "/new").url.full == "http://h/new#old"
    assert follow(message(url="http://h/a#old"), 302, "/new#own").url.full == "http://h/new#own"


@pytest.mark.parametrize("location", ["ftp://h/", "http://:99999/", "http://[::1/", "javascript:alert(1)"])
def test_nowhere(location: str) -> None:
    """What is not an http(s) URL leads nowhere."""
    with pytest.raises(RedirectError) as caught:
        follow(message(), 302, location)
    assert isinstance(caught.value, RequestException)
