"""The opening handshake: what is asked for, and which answers will do."""

from __future__ import annotations

import pytest

from loadworthy.users.http.errors import ProtocolError, RequestError
from loadworthy.users.websocket.accept import accept_token
from loadworthy.users.websocket.handshake import check_answer, request_head, websocket_url

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # of RFC 6455, 1.3
GOOD = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": ACCEPT}


def answer(**changes: str | None) -> bytes:
    fields = {**GOOD, **{name.replace("_", "-"): value for name, value in changes.items()}}
    lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
    return "\r\n".join(["HTTP/1.1 101 Switching Protocols", *lines]).encode()


def test_the_token_of_the_standard() -> None:
    """The example of RFC 6455, 1.3."""
    assert accept_token(KEY) == ACCEPT


@pytest.mark.parametrize(
    ("base", "path", "full"),
    [
        ("http://a.example", "/ws", "http://a.example/ws"),
        ("https://a.example/api", "/ws?x=1", "https://a.example/api/ws?x=1"),
        ("http://a.example", "ws://b.example:81/ws", "http://b.example:81/ws"),
        ("http://a.example", "WSS://b.example/ws", "https://b.example/ws"),
        ("ws://a.example", "/ws", "http://a.example/ws"),
    ],
)
def test_urls(base: str, path: str, full: str) -> None:
    """http becomes ws, https wss; a whole URL stands for itself."""
    assert websocket_url(base, path).full == full


def test_parameters_are_added() -> None:
    """As in requests."""
    assert websocket_url("http://a.example", "/ws?x=1", {"token": "a b"}).target == "/ws?x=1&token=a+b"


def test_what_is_asked_for() -> None:
    """The request on the wire; headers of the user win, Accept-Encoding stays out."""
    url = websocket_url("http://a.example", "/ws")
    headers = {"Origin": "http://a.example", "sec-websocket-version": "8", "Accept-Encoding": "gzip", "X": None}
    assert request_head(url, KEY, headers, ("chat", "v2"), True, "a=1") == (
        b"GET /ws HTTP/1.1\r\n"
        b"Host: a.example\r\n"
        b"Upgrade: websocket\r\n"
        b"Connection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"sec-websocket-version: 8\r\n"
        b"Sec-WebSocket-Protocol: chat, v2\r\n"
        b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
        b"Cookie: a=1\r\n"
        b"Origin: http://a.example\r\n"
        b"\r\n"
    )


@pytest.mark.parametrize("subprotocols", [("a,b",), ("",)])
def test_subprotocols_that_are_none(subprotocols: tuple[str, ...]) -> None:
    """Commas would make two of one."""
    with pytest.raises(RequestError, match="subprotocol"):
        request_head(websocket_url("http://a.example", "/"), KEY, {}, subprotocols, False, "")


def test_a_good_answer() -> None:
    """With what was agreed on."""
    accepted = check_answer(
        answer(Sec_WebSocket_Protocol="v2", Sec_WebSocket_Extensions="permessage-deflate", Connection="x, upgrade"),
        KEY,
        ("chat", "v2"),
        True,
    )
    assert accepted.subprotocol == "v2"
    assert accepted.compression is not None


@pytest.mark.parametrize(
    ("changes", "compress"),
    [
        ({"Upgrade": None}, True),
        ({"Upgrade": "h2c"}, True),
        ({"Connection": "close"}, True),
        ({"Sec_WebSocket_Accept": "AAAA"}, True),
        ({"Sec_WebSocket_Accept": None}, True),
        ({"Sec_WebSocket_Protocol": "v3"}, True),
        ({"Sec_WebSocket_Extensions": "x-unknown"}, True),
        ({"Sec_WebSocket_Extensions": "permessage-deflate"}, False),
    ],
)
def test_answers_that_will_not_do(changes: dict[str, str | None], compress: bool) -> None:
    """RFC 6455, 4.1: the client must fail the connection."""
    with pytest.raises(ProtocolError):
        check_answer(answer(**changes), KEY, ("chat",), compress)
