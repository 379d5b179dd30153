"""Heads that were seen before."""

from loadworthy.testing.heads import MAX_HEAD_BYTES, MAX_HEADS, Head, Heads

HEAD = Head("GET", "/", b"", b"", keep=True, is_http_1_1=True, name=("GET", "/"), fixed=None, wire=b"")


def test_heads_are_found_by_their_bytes_alone() -> None:
    """A single byte more, and it is another."""
    heads = Heads()
    heads.add(b"GET / HTTP/1.1\r\n\r\n", HEAD)
    assert heads.find(b"GET / HTTP/1.1\r\n\r\n") is HEAD
    assert heads.find(b"GET /x HTTP/1.1\r\n\r\n") is None


def test_they_never_take_more_than_their_room() -> None:
    """Large ones are not kept; when there are too many, it starts anew with the latest."""
    heads = Heads()
    heads.add(b"x" * (MAX_HEAD_BYTES + 1), HEAD)
    for number in range(MAX_HEADS + 1):
        heads.add(b"%d" % number, HEAD)
    assert heads.find(b"x" * (MAX_HEAD_BYTES + 1)) is None
    assert [heads.find(b"%d" % number) for number in (0, MAX_HEADS - 1, MAX_HEADS)] == [None, None, HEAD]
