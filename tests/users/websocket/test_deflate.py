"""permessage-deflate: what is agreed on, and what follows from it."""

from __future__ import annotations

import zlib

import pytest

from loadworthy.users.websocket.deflate import (
    OFFER,
    Agreement,
    Deflater,
    Inflater,
    NegotiationError,
    accept_offer,
    agreement_of,
)


@pytest.mark.parametrize(
    ("accepted", "agreement"),
    [
        ("", None),
        ("permessage-deflate", Agreement()),
        (
            "permessage-deflate; server_no_context_takeover; client_max_window_bits=10",
            Agreement(server_no_context_takeover=True, client_max_window_bits=10),
        ),
        ('Permessage-Deflate; server_max_window_bits="9"', Agreement(server_max_window_bits=9)),
    ],
)
def test_what_the_server_accepts(accepted: str, agreement: Agreement | None) -> None:
    """The answer's parameters, with the RFC's defaults."""
    assert agreement_of(accepted) == agreement


@pytest.mark.parametrize(
    "accepted",
    [
        "x-webkit-deflate-frame",
        "permessage-deflate, permessage-deflate",
        "permessage-deflate; unknown",
        "permessage-deflate; client_max_window_bits",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; server_max_window_bits=9; server_max_window_bits=9",
    ],
)
def test_answers_that_fail_the_handshake(accepted: str) -> None:
    """What was not offered, or makes no sense (RFC 7692, 7.1)."""
    with pytest.raises(NegotiationError):
        agreement_of(accepted)


def test_our_offer_is_accepted_and_understood() -> None:
    """Both sides of the negotiation agree about what was agreed."""
    accepted = accept_offer(OFFER)
    assert accepted is not None
    agreement, answer = accepted
    assert agreement_of(answer) == agreement == Agreement()
    assert accept_offer("foo, permessage-deflate; bar, permessage-deflate; server_max_window_bits=10") == (
        Agreement(server_max_window_bits=10),
        "permessage-deflate; server_max_window_bits=10",
    )
    assert accept_offer("foo") is None


def test_context_makes_repeated_messages_small() -> None:
    """With a context kept, the second of two equal messages is a reference; without, it is not."""
    message = bytes(range(200))
    kept, fresh = Deflater(15, True), Deflater(15, False)
    assert len(kept.deflate(message)) > 190 > 20 > len(kept.deflate(message))
    assert len(fresh.deflate(message)) == len(fresh.deflate(message)) > 190


def test_windows_of_eight_bits() -> None:
    """zlib cannot compress with 256 bytes: then we send uncompressed, which is always allowed."""
    agreement = Agreement(client_max_window_bits=8, server_max_window_bits=8)
    assert Deflater.of_client(agreement) is None
    assert Deflater.of_server(agreement) is None
    assert Inflater.of_client(agreement).inflate(Deflater(9, True).deflate(b"x" * 200), 1000) == b"x" * 200


def test_a_stream_that_says_it_ends() -> None:
    """A message whose last block is marked as final is followed by one that begins anew (RFC 7692, 7.2.3.5)."""
    inflater = Inflater(15, True)
    for text in (b"first", b"second"):
        compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
        payload = compressor.compress(text) + compressor.flush(zlib.Z_FINISH) + b"\0"
        assert inflater.inflate(payload, 100) == text
