"""The opening handshake (RFC 6455, section 4), the client's side: a request out, an answer checked; no sockets."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from loadworthy.users.http.errors import ProtocolError, RequestError
from loadworthy.users.http.headers import encode_headers, header_text, parse_headers
from loadworthy.users.http.urls import Url, is_absolute, parse_url
from loadworthy.users.websocket.accept import accept_token
from loadworthy.users.websocket.deflate import OFFER, Agreement, NegotiationError, agreement_of

_SCHEMES = (("ws://", "http://"), ("wss://", "https://"))
_NOT_SENT = frozenset({"accept-encoding", "connection"})
"""Headers of the session that have no place here: the answer's body is shown as it came, the connection is upgraded."""


class Accepted(NamedTuple):
    """What client and server agreed on."""

    subprotocol: str | None
    compression: Agreement | None


def websocket_url(base_url: str, path: str, params: Any = None) -> Url:
    """The URL in terms of http: ``path`` below the base URL, or a URL ``ws://``, ``wss://``, ``http://``, ``https://``.

    Raises :class:`RequestError` if it is none.
    """
    text = path if is_absolute(path) or path.lower().startswith(("ws://", "wss://")) else base_url + path
    for scheme, http_scheme in _SCHEMES:
        if text.lower().startswith(scheme):
            text = http_scheme + text[len(scheme) :]
    return parse_url(text, params)


def new_key() -> str:
    """A fresh ``Sec-WebSocket-Key``."""
    return base64.b64encode(os.urandom(16)).decode()


def request_head(
    url: Url, key: str, headers: Mapping[str, Any], subprotocols: Sequence[str], compress: bool, cookies: str
) -> bytes:
    """The request as it goes on the wire; the user's headers win over those of the handshake.

    Raises :class:`RequestError` for headers that cannot be sent.
    """
    lines: dict[str, tuple[str, str]] = {}
    for name, value in (
        ("Host", url.authority),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", key),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Protocol", ", ".join(subprotocols)),
        ("Sec-WebSocket-Extensions", OFFER if compress else ""),
        ("Cookie", cookies),
    ):
        if value:
            lines[name.lower()] = (name, value)
    for raw_name, raw_value in headers.items():
        if raw_value is not None and header_text(raw_name).lower() not in _NOT_SENT:
            lines[header_text(raw_name).lower()] = (header_text(raw_name), header_text(raw_value))
    if any(not protocol or "," in protocol for protocol in subprotocols):
        raise RequestError("a subprotocol is a name without commas, and not empty")
    return b"".join((f"GET {url.target} HTTP/1.1\r\n".encode("latin-1"), encode_headers(lines.values()), b"\r\n"))


def check_answer(head: bytes, key: str, subprotocols: Sequence[str], compress: bool) -> Accepted:
    """What the head of an answer with status 101 agreed on; raises :class:`ProtocolError` if it is not a valid one."""
    fields = parse_headers(head)
    if fields.get("upgrade", "").lower() != "websocket":
        raise ProtocolError("the answer to the handshake has no header Upgrade: websocket")
    if "upgrade" not in [token.strip().lower() for token in fields.get("connection", "").split(",")]:
        raise ProtocolError("the answer to the handshake has no header Connection: Upgrade")
    if fields.get("sec-websocket-accept", "") != accept_token(key):
        raise ProtocolError("the answer to the handshake has a wrong Sec-WebSocket-Accept")
    subprotocol = fields.get("sec-websocket-protocol")
    if subprotocol is not None and subprotocol not in subprotocols:
        raise ProtocolError("the server chose a subprotocol that was not offered")
    try:
        agreed = agreement_of(fields.get("sec-websocket-extensions", ""))
    except NegotiationError as error:
        raise ProtocolError(str(error)) from error
    if agreed is not None and not compress:
        raise ProtocolError("the server agreed to an extension that was not offered")
    return Accepted(subprotocol, agreed)
