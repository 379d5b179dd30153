"""URLs go out exactly as ``requests`` would send them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests import PreparedRequest
from requests.exceptions import RequestException

from loadworthy.users.http.errors import RequestError
from loadworthy.users.http.urls import Base, Url, parse_url, split_userinfo

TEXT = st.text(st.sampled_from("ab/.?&=%#:@ +~é€\\\"<>|{}^[]'(),;!$*0127\t"), max_size=15)
PARAMS: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.dictionaries(TEXT, st.one_of(TEXT, st.integers(), st.none(), st.lists(TEXT, max_size=2)), max_size=3),
    st.lists(st.tuples(TEXT, TEXT), max_size=3),
    TEXT,
)


def oracle(url: str, params: Any = None) -> tuple[str, str] | None:
    """(full URL, target on the wire) by requests; None if it refuses."""
    prepared = PreparedRequest()
    try:
        prepared.prepare_method("GET")
        prepared.prepare_url(url, params)
    except (RequestException, ValueError):
        return None
    return str(prepared.url), prepared.path_url


def ours(url: str, params: Any = None) -> tuple[str, str] | None:
    """The same by us."""
    try:
        parsed = parse_url(url, params)
    except RequestError:
        return None
    return parsed.full, parsed.target


@given(st.sampled_from(["", "/", "/api/", "?x=1", ":8080"]), TEXT, PARAMS)
def test_same_as_requests(middle: str, rest: str, params: Any) -> None:
    """Path, query, quoting, parameters and fragment are as in requests; what we refuse besides has controls in it."""
    url = f"http://host.example{middle}{rest}"
    mine, theirs = ours(url, params), oracle(url, params)
    if mine is not None:
        assert mine == theirs
    elif theirs is not None:
        assert any(character <= " " or character == "\x7f" for character in theirs[0])


@pytest.mark.parametrize(
    "url",
    [
        "http://h/a b",
        "http://h/%7Euser/%e4",
        "http://h/100%",
        "http://h/a/../b/./c",
        "http://h//double//slash",
        "http://h?q=1",
        "http://h/?q=a b&c=%20",
        "http://h/ä?ö=ü",
        "http://h/x#part",
        "http://H.EXAMPLE/Case",
        "HTTP://h/",
        "http://bücher.example/",
        "http://h:80/",
        "http://h:8080/x",
        "http://u:p%40@h/x",
        "https://[::1]:8443/x",
        "http://127.0.0.1/",
    ],
)
@pytest.mark.parametrize(
    "params", [None, {}, {"a": 1}, {"a": "x y", "b": ["1", "2"]}, {"a": None}, "raw=1", [("a", "b")]]
)
def test_table(url: str, params: Any) -> None:
    """The usual and the unusual, with and without parameters."""
    assert ours(url, params) == oracle(url, params)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/relative",
        "ftp://h/",
        "http://",
        "http:///x",
        "http://*.h/",
        "http://h:99999/",
        "http://h:x/",
        "mailto:a@b",
    ],
)
def test_refused(url: str) -> None:
    """What is not an http(s) URL with a host is refused with our own error."""
    with pytest.raises(RequestError):
        parse_url(url)


@pytest.mark.parametrize(
    ("url", "host", "port", "authority"),
    [
        ("http://h/", "h", 80, "h"),
        ("https://h/", "h", 443, "h"),
        ("http://h:80/", "h", 80, "h"),
        ("http://h:443/", "h", 443, "h:443"),
        ("http://[::1]:8080/", "::1", 8080, "[::1]:8080"),
        ("http://u:p@h/", "h", 80, "h"),
    ],
)
def test_where_it_leads(url: str, host: str, port: int, authority: str) -> None:
    """Host and port to connect to, and the Host header."""
    parsed = parse_url(url)
    assert (parsed.host, parsed.port, parsed.authority) == (host, port, authority)


def test_userinfo() -> None:
    """Credentials in a URL are decoded."""
    assert parse_url("http://me:p%40ss@h/").userinfo == ("me", "p@ss")
    assert parse_url("http://h/").userinfo is None


@given(
    st.sampled_from(["http://h", "http://h:8080", "https://h/api", "http://[::1]:8", "http://h/a/..", "http://h/"]),
    TEXT,
)
def test_appending_to_a_base(base_url: str, rest: str) -> None:
    """The quick way of appending gives what parsing the whole gives, or gives up."""
    base = Base.of(base_url)
    url = "/" + rest
    if base is not None and (joined := base.join(url)) is not None:
        assert joined == parse_url(base_url + url)


def test_quick_way_is_taken_for_plain_urls() -> None:
    """The usual URL does not go the slow way."""
    base = Base.of("http://h:8080/api")
    assert base is not None
    assert isinstance(base.join("/items/17?page=2"), Url)


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        ("http://me:secret@h:1/x", ("http://h:1/x", ("me", "secret"))),
        ("http://me:p%40@[::1]:1", ("http://[::1]:1", ("me", "p@"))),
        ("http://me@h", ("http://me@h", None)),
        ("http://h", ("http://h", None)),
    ],
)
def test_base_url_with_credentials(base_url: str, expected: tuple[str, tuple[str, str] | None]) -> None:
    """A base URL's user and password are taken out of it, if both are there."""
    assert split_userinfo(base_url) == expected
