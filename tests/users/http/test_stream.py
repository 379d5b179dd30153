"""stream=True: the sample ends with the head, the body is read as it is asked for."""

from __future__ import annotations

import pytest
import requests
from tests.support.rawserver import TEXT
from tests.users.http.support import Client, Scripted, Service, open_client

from loadworthy.users.http.connection import Connection


@pytest.fixture
def client(service: Service) -> Client:
    """A session with a small limit."""
    return open_client(service.url(), max_body_bytes=100_000)


def idle_of(client: Client) -> Connection | None:
    """The connection that waits for the next request."""
    return client.session.pool._last


def test_sample_ends_with_the_head(client: Client) -> None:
    """The sample is there before the body has come."""
    response = client.session.get("/b/hang-in-body", stream=True)
    assert client.sink.only.failure is None
    assert (response.status_code, response.headers["Content-Length"]) == (200, "10")
    response.close()


def test_exhausted_stream_gives_its_connection_back(client: Client) -> None:
    """The same connection serves the next request."""
    response = client.session.get("/b/body-split", stream=True)
    assert idle_of(client) is None
    assert response.content == response.content == b"hello"
    kept = idle_of(client)
    assert kept is not None
    assert client.session.get("/b/length").ok
    assert idle_of(client) is kept


def test_stream_of_a_closing_connection(client: Client) -> None:
    """What the server closes is not kept."""
    assert client.session.get("/b/connection-close", stream=True).content == b"hello"
    assert idle_of(client) is None


def test_closed_stream_gives_its_connection_up(client: Client) -> None:
    """What was left of the body must not be taken for the next response."""
    client.session.get("/b/lines", stream=True).close()
    assert client.session.pool._last is None
    assert client.session.get("/b/length").content == b"hello"


def test_read_timeout_applies_to_each_read() -> None:
    """A body that stops coming raises what requests raises."""
    # In this process, so that what comes is there at once, whatever else the machine is doing.
    server = Scripted([b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", b""])
    session, sink = open_client(server.url, read_timeout_s=0.3)
    response = session.get("/", stream=True)
    pieces = response.iter_content(None)
    assert next(pieces) == b"hello"
    with pytest.raises(requests.exceptions.ReadTimeout):
        next(pieces)
    assert len(sink.samples) == 1


def test_decoded_as_it_comes(client: Client) -> None:
    """Content codings are undone piece by piece."""
    response = client.session.get("/b/gzip-chunked", stream=True)
    assert b"".join(response.iter_content(7)) == TEXT


def test_pieces_have_the_size_asked_for(client: Client) -> None:
    """No piece is larger, and none is lost; the same without stream."""
    for stream in (True, False):
        pieces = list(client.session.get("/b/gzip", stream=stream).iter_content(64))
        assert max(len(piece) for piece in pieces) <= 64
        assert b"".join(pieces) == TEXT
    with pytest.raises(ValueError, match="chunk_size"):
        client.session.get("/b/gzip").iter_content(0)


def test_text_pieces(client: Client) -> None:
    """Pieces can be text, characters being kept together."""
    pieces = client.session.get("/b/json", stream=True).iter_content(1, decode_unicode=True)
    assert "".join(pieces) == '{"a": [1, "ä"]}'
    pieces = client.session.get("/b/json", stream=True).iter_content(1, decode_content=True)
    assert "".join(pieces) == '{"a": [1, "ä"]}'


@pytest.mark.parametrize("path", ["/b/lines", "/b/lines-late"])
@pytest.mark.parametrize("stream", [True, False])
def test_lines_as_in_requests(path: str, stream: bool, client: Client) -> None:
    """Lines come as requests gives them."""
    with requests.Session() as oracle:
        oracle.trust_env = False
        expected = list(oracle.get(client.session.base_url + path, stream=True).iter_lines())
    assert list(client.session.get(path, stream=stream).iter_lines()) == expected


def test_lines_of_the_session(client: Client) -> None:
    """client.iter_lines(url) is a request, and its lines are text."""
    assert list(client.session.iter_lines("/b/lines-late", name="lines")) == ["one", "two", "three"]
    assert client.sink.only.name == "lines"
    with pytest.raises(requests.HTTPError):
        list(client.session.iter_lines("/b/not-found"))
    assert len(client.sink.samples) == 2


def test_delimiter(client: Client) -> None:
    """Another delimiter than line ends."""
    assert list(client.session.get("/b/lines").iter_lines(delimiter=b"t")) == [b"one\n", b"wo\r\n", b"hree"]


def test_stream_in_a_with_block(client: Client) -> None:
    """The block may read the stream and judge it; leaving it lets the connection go."""
    with client.session.get("/b/lines", stream=True, catch_response=True) as response:
        if b"two" in response.content:
            response.failure("two")
    assert client.sink.kinds == ["assertion"]
    with client.session.get("/b/lines", stream=True):
        pass
    assert client.sink.kinds == ["assertion", None]


def test_limit_of_a_stream(client: Client) -> None:
    """A body beyond the limit is cut off."""
    response = client.session.get("/b/body-huge", stream=True)
    with pytest.raises(requests.RequestException):
        response.content  # noqa: B018  # a property that reads


def test_redirects_are_followed_before_the_stream_begins(client: Client) -> None:
    """Only the last response is streamed."""
    response = client.session.get("/hops/2", stream=True)
    assert response.content == b"hello"
    assert len(response.history) == 2
    assert len(client.sink.samples) == 1


def test_length_told_to_listeners(client: Client) -> None:
    """The declared length, so that the body need not be read."""
    client.sink.listeners = [object()]
    response = client.session.get("/b/hang-in-body", stream=True)
    assert client.sink.heard[0]["response_length"] == 10
    response.close()
