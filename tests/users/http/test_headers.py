"""Header fields out and in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadworthy.users.http.errors import RequestError
from loadworthy.users.http.headers import (
    SessionHeaders,
    content_type,
    encode_headers,
    merge_headers,
    parse_headers,
    static_headers,
)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-A", "one\r\nX-B: two"),
        ("X-A", "one\ntwo"),
        ("X-A", "nul\0"),
        ("X-A\r\nX-B", "v"),
        ("X A", "v"),
        ("", "v"),
        ("X:A", "v"),
        ("X-Ä", "v"),
        ("X-A", b"a\rb"),
        ("X-A", 5),
        ("X-A", None),
    ],
)
def test_smuggling_is_refused(name: str, value: object) -> None:
    """A header cannot bring another with it, and is text or bytes."""
    with pytest.raises(RequestError):
        encode_headers([(name, value)])


NAMES = st.text(st.sampled_from("abcXYZ-_09!"), min_size=1, max_size=8)
VALUES = st.text(st.characters(min_codepoint=33, max_codepoint=255, exclude_characters="\x7f\x85"), max_size=20)


@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_round_trip(headers: dict[str, str]) -> None:
    """What is encoded is parsed back, names in any case."""
    by_lower = {name.lower(): value.strip() for name, value in headers.items()}
    parsed = parse_headers(b"HTTP/1.1 200 OK\r\n" + encode_headers(by_lower.items()))
    assert dict(parsed.items()) == by_lower


def test_beyond_latin_1() -> None:
    """Text that Latin-1 cannot express goes out as UTF-8."""
    assert encode_headers([("X-A", "ä")]) == b"X-A: \xe4\r\n"
    assert encode_headers([("X-A", "€")]) == b"X-A: \xe2\x82\xac\r\n"


def test_folded_repeated_and_nameless_lines() -> None:
    """Folded lines are joined by a space, repeated ones by a comma, lines without a colon skipped."""
    head = b"HTTP/1.1 200 OK\r\n skipped\r\nA: 1\r\n\t2\r\nrubbish\r\n folded rubbish\r\nb: x\na: 3"
    assert dict(parse_headers(head)) == {"A": "1 2, 3", "b": "x"}


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=x\r\nA: b", "text/html; charset=x"),
        (b"HTTP/1.1 200 OK\r\nX-Content-Type: a\r\ncontent-TYPE :b", "b"),
        (b"HTTP/1.1 200 OK\r\nA: b", ""),
    ],
)
def test_content_type(head: bytes, expected: str) -> None:
    """The Content-Type is found without parsing the rest."""
    assert content_type(head) == expected


def test_merging_removes_none() -> None:
    """A request's None takes a header of the session away."""
    assert dict(merge_headers({"A": "1", "B": "2"}, {"a": None, "c": "3"})) == {"B": "2", "c": "3"}


def test_session_headers_tell_of_changes() -> None:
    """Every way of changing the headers is noticed."""
    changes: list[int] = []
    headers = SessionHeaders([("A", "1")], lambda: changes.append(1))
    assert not changes
    headers["B"] = "2"
    headers.update({"C": "3"})
    del headers["a"]
    headers.setdefault("D", "4")
    headers.pop("b")
    assert len(changes) == 5
    assert dict(headers.copy()) == {"C": "3", "D": "4"}


def test_static_headers_are_shared() -> None:
    """Equal headers are encoded once, and know whether they are in the way."""
    assert static_headers((("A", "1"), ("B", None))) is static_headers((("A", "1"), ("B", None)))
    assert static_headers((("A", "1"), ("B", None))).block == b"A: 1\r\n"
    assert static_headers((("A", "1"),)).is_plain
    assert not static_headers((("Host", "x"),)).is_plain
