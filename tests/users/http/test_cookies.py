"""The cookie jar keeps to RFC 6265."""

from __future__ import annotations

import http.cookiejar
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.cookies import CookieConflictError, RequestsCookieJar

from loadworthy.users.http.cookies import (
    MAX_IN_ALL,
    MAX_PER_DOMAIN,
    CookieJar,
    default_path,
    domain_matches,
    parse_date,
    parse_set_cookie,
    path_matches,
)

NOW_S = 1_700_000_000.0
LATER = "Tue, 19 Jan 2038 03:14:07 GMT"


class Time:
    """A wall clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = NOW_S

    def __call__(self) -> float:
        return self.now_s


def jar_with(*headers: str, host: str = "www.example.com", path: str = "/a/b", secure: bool = True) -> CookieJar:
    """A jar after a response with these Set-Cookie headers."""
    jar = CookieJar(Time())
    for header in headers:
        jar.receive(header, host, path, secure)
    return jar


@pytest.mark.parametrize(
    ("header", "host", "path", "secure", "sent"),
    [
        ("a=1", "www.example.com", "/a/x", True, "a=1"),
        ("a=1", "example.com", "/a/x", True, ""),
        ("a=1", "sub.www.example.com", "/a/x", True, ""),
        ("a=1; Domain=example.com", "other.example.com", "/a/x", True, "a=1"),
        ("a=1; Domain=.Example.COM", "other.example.com", "/a/x", True, "a=1"),
        ("a=1; Domain=example.com", "notexample.com", "/a/x", True, ""),
        ("a=1; Domain=other.com", "other.com", "/a/x", True, ""),
        ("a=1; Domain=", "www.example.com", "/a/x", True, "a=1"),
        ("a=1", "www.example.com", "/", True, ""),
        ("a=1", "www.example.com", "/a", True, "a=1"),
        ("a=1", "www.example.com", "/ab", True, ""),
        ("a=1; Path=/", "www.example.com", "/", True, "a=1"),
        ("a=1; Path=relative", "www.example.com", "/a/x", True, "a=1"),
        ("a=1; Path=/a/", "www.example.com", "/a", True, ""),
        ("a=1; Secure; Path=/", "www.example.com", "/", False, ""),
        ("a=1; Secure; Path=/", "www.example.com", "/", True, "a=1"),
        ("a=1; HttpOnly; SameSite=Strict; Path=/", "www.example.com", "/", True, "a=1"),
        (f"a=1; Expires={LATER}", "www.example.com", "/a/x", True, "a=1"),
        ("a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "www.example.com", "/a/x", True, ""),
        ("a=1; Expires=nonsense", "www.example.com", "/a/x", True, "a=1"),
        ("a=1; Max-Age=0", "www.example.com", "/a/x", True, ""),
        ("a=1; Max-Age=-5", "www.example.com", "/a/x", True, ""),
        ("a=1; Max-Age=60", "www.example.com", "/a/x", True, "a=1"),
        ("a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "www.example.com", "/a/x", True, "a=1"),
        ("a=1; Max-Age=x", "www.example.com", "/a/x", True, "a=1"),
        ("a=", "www.example.com", "/a/x", True, "a="),
        ("a=b=c", "www.example.com", "/a/x", True, "a=b=c"),
        ('a="q;r"', "www.example.com", "/a/x", True, 'a="q'),
        ("  a  =  1  ", "www.example.com", "/a/x", True, "a=1"),
        ("noequals", "www.example.com", "/a/x", True, ""),
        ("=novalue", "www.example.com", "/a/x", True, ""),
        ("a=1\x01", "www.example.com", "/a/x", True, ""),
    ],
)
def test_what_is_sent(header: str, host: str, path: str, secure: bool, sent: str) -> None:
    """A cookie set by www.example.com/a/b goes to the hosts, paths and schemes that it is for."""
    assert jar_with(header).header(host, path, secure) == sent


def test_addresses_never_domain_match() -> None:
    """An IP address is no domain, so a suffix of it is none either."""
    assert not domain_matches("10.0.0.1", "0.0.1")
    assert jar_with("a=1; Domain=0.0.1", host="10.0.0.1").header("10.0.0.1", "/a/b", False) == ""
    assert jar_with("a=1; Domain=10.0.0.1", host="10.0.0.1").header("10.0.0.1", "/a/b", False) == "a=1"


def test_insecure_response_cannot_set_a_secure_cookie() -> None:
    """Secure cookies come over TLS only."""
    assert not jar_with("a=1; Secure", secure=False)


def test_order() -> None:
    """Longer paths first, then older cookies; replacing one does not make it younger."""
    jar = jar_with("a=1; Path=/", "b=2; Path=/a", "c=3; Path=/", "a=4; Path=/")
    assert jar.header("www.example.com", "/a/b", False) == "b=2; a=4; c=3"


def test_expiry_by_the_clock() -> None:
    """A cookie is gone when its time has come."""
    jar = jar_with("a=1; Max-Age=60")
    time: Any = jar._wall_s
    time.now_s += 59
    assert jar.header("www.example.com", "/a/b", False) == "a=1"
    time.now_s += 1
    assert jar.header("www.example.com", "/a/b", False) == ""
    assert not jar


def test_expired_cookie_deletes_its_like() -> None:
    """Servers delete a cookie by setting it expired."""
    jar = jar_with("a=1", "b=2")
    jar.receive("a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "www.example.com", "/a/b", True)
    assert jar.get_dict() == {"b": "2"}


def test_limits() -> None:
    """Too large is not kept; too many push out the oldest."""
    assert not jar_with("a=" + "x" * 4096)
    jar = jar_with(*(f"c{number}=1" for number in range(MAX_PER_DOMAIN + 3)))
    assert len(jar) == MAX_PER_DOMAIN
    assert "c2" not in jar
    assert "c3" in jar
    crowd = CookieJar(Time())
    for number in range(MAX_IN_ALL + 5):
        crowd.receive("a=1", f"h{number}.example", "/", True)
    assert len(crowd) == MAX_IN_ALL


@pytest.mark.parametrize(
    "text",
    [
        "Tue, 19 Jan 2038 03:14:07 GMT",
        "Tuesday, 19-Jan-38 03:14:07 GMT",
        "Tue Jan 19 03:14:07 2038",
        "19 January 2038 03:14:07",
        "03:14:07 19 jan 2038 +0500",
        "2038 19 Jan 3:14:07xyz",
    ],
)
def test_dates(text: str) -> None:
    """The lenient parser takes all the formats in use, and ignores zones, as the RFC says."""
    assert parse_date(text) == 2147483647.0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "19 Jan 2038",
        "32 Jan 2038 00:00:00",
        "30 Feb 2038 00:00:00",
        "19 Jan 1600 00:00:00",
        "19 Jan 2038 24:00:00",
    ],
)
def test_no_dates(text: str) -> None:
    """What is no date is none."""
    assert parse_date(text) is None


@pytest.mark.parametrize(
    ("text", "expected"), [("19 Jan 70 00:00:00", 1970), ("19 Jan 69 00:00:00", 2069), ("19 Jan 99 00:00:00", 1999)]
)
def test_short_years(text: str, expected: int) -> None:
    """Two digits are of this century up to 69."""
    assert parse_date(text) == parse_date(text.replace(text.split()[2], str(expected)))


@given(st.text(max_size=80), st.text(max_size=20), st.text(max_size=20))
def test_any_header_is_a_cookie_or_none(header: str, host: str, path: str) -> None:
    """No Set-Cookie value makes the parser raise, and what is kept can be sent."""
    cookie = parse_set_cookie(header, host, path, NOW_S)
    if cookie is not None:
        assert cookie.path.startswith("/")
        assert not set("\r\n\0;") & set(cookie.name + cookie.value)


@pytest.mark.parametrize(
    ("path", "expected"), [("/", "/"), ("/a", "/"), ("/a/", "/a"), ("/a/b", "/a"), ("", "/"), ("x", "/")]
)
def test_default_path(path: str, expected: str) -> None:
    """The directory of the request's path."""
    assert default_path(path) == expected


def test_path_match() -> None:
    """Equal or below, at a slash."""
    assert path_matches("/a/b", "/a")
    assert path_matches("/a/b", "/a/")
    assert not path_matches("/ab", "/a")


def test_mapping_as_in_requests() -> None:
    """What users of requests do with its jar works with ours, with the same results."""
    ours: Any = CookieJar(Time())
    theirs: Any = RequestsCookieJar()
    for jar in (ours, theirs):
        jar["a"] = "1"
        jar.set("b", "2", domain="x.example", path="/p")
        jar.update({"c": "3"})
        jar.set("c", None)
    for ask in (
        lambda jar: jar["a"],
        lambda jar: jar.get("b"),
        lambda jar: jar.get("b", domain="y.example"),
        lambda jar: jar.get("nope", "default"),
        lambda jar: "a" in jar,
        lambda jar: "nope" in jar,
        lambda jar: jar.get_dict(),
        lambda jar: jar.get_dict(domain="x.example"),
        lambda jar: sorted(jar.keys()),
        lambda jar: sorted(jar.items()),
        lambda jar: len(jar),
        lambda jar: sorted(jar.list_domains()),
        lambda jar: sorted(jar.list_paths()),
        lambda jar: dict(jar.copy()),
    ):
        assert ask(ours) == ask(theirs)
    for jar in (ours, theirs):
        jar.set("a", "other", domain="z.example")
        with pytest.raises(CookieConflictError):
            jar["a"]
        with pytest.raises(KeyError):
            jar["nope"]
        del jar["a"]
        assert "a" not in jar
        jar.clear()
        assert len(jar) == 0


def test_cookies_set_by_hand_go_everywhere() -> None:
    """Without a domain a cookie is for all hosts, as in requests."""
    jar = CookieJar(Time())
    jar.set("a", "1")
    assert jar.header("any.example", "/x", False) == "a=1"
    jar.set("b", "2", domain=".example.com")
    assert jar.header("www.example.com", "/", False) == "a=1; b=2"
    assert jar.header("example.org", "/", False) == "a=1"


def test_other_jars_are_taken_in() -> None:
    """Cookies of http.cookiejar (and so of requests) keep domain, path and expiry."""
    other = RequestsCookieJar()
    other.set("a", "1", domain="h.example", path="/p", expires=int(NOW_S) + 10)
    assert isinstance(other, http.cookiejar.CookieJar)
    jar = CookieJar(Time())
    jar.update(other)
    jar.update([("b", "2")], c="3")
    assert jar.header("h.example", "/p/q", False) == "a=1; b=2; c=3"
    assert jar.header("h.example", "/", False) == "b=2; c=3"


@pytest.mark.parametrize(("name", "value"), [("a", "x\r\ny"), ("a;b", "x"), ("a=b", "x"), ("a", "x;y")])
def test_cookies_that_would_break_the_header(name: str, value: str) -> None:
    """A cookie cannot smuggle in another, or a header."""
    with pytest.raises(ValueError, match="cookie"):
        CookieJar(Time()).set(name, value)


def test_unknown_attributes_are_refused() -> None:
    """An attribute that would have no effect is an error."""
    with pytest.raises(TypeError, match="version"):
        CookieJar(Time()).set("a", "1", version=1)
