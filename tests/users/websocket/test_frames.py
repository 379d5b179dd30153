"""The frame codec: wsproto is the oracle, both ways, however the bytes are cut."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto import events
from wsproto.connection import Connection, ConnectionType
from wsproto.extensions import PerMessageDeflate

from loadworthy.users.websocket.deflate import Agreement, Deflater, Inflater
from loadworthy.users.websocket.frames import (
    BINARY,
    CLOSE,
    COMPRESSED,
    CONTINUATION,
    FINAL,
    NO_CODE,
    PING,
    PONG,
    TEXT,
    FrameReader,
    close_payload,
    encode_frame,
    mask,
)

MAX_BYTES = 200_000
MESSAGES = st.lists(
    st.one_of(
        st.text(max_size=300),
        st.binary(max_size=300),
        st.sampled_from(["", b"", b"x" * 125, b"x" * 126, "y" * 65_535, b"z" * 65_536]),
    ),
    min_size=1,
    max_size=6,
)
CUTS = st.lists(st.integers(1, 400), max_size=12)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """The bytes, cut into reads of these sizes and a last one."""
    found, position = [], 0
    for cut in cuts:
        found.append(data[position : position + cut])
        position += cut
    return [piece for piece in [*found, data[position:]] if piece]


def wsproto_side(kind: ConnectionType, deflate: bool) -> Connection:
    extensions: list[Any] = []
    if deflate:
        extension = PerMessageDeflate()
        extension._enabled = True
        extensions = [extension]
    return Connection(kind, extensions)


def encode(message: str | bytes, deflater: Deflater | None, key: bytes) -> bytes:
    payload = message.encode() if isinstance(message, str) else message
    first = FINAL | (TEXT if isinstance(message, str) else BINARY)
    if deflater is not None and payload:
        payload, first = deflater.deflate(payload), first | COMPRESSED
    return encode_frame(first, payload, key)


def wsproto_messages(side: Connection) -> list[str | bytes]:
    found: list[str | bytes] = []
    parts: list[Any] = []
    for event in side.events():
        assert isinstance(event, events.Message)
        parts.append(event.data)
        if event.message_finished:
            found.append(type(parts[0])().join(parts) if parts else b"")
            parts = []
    return found


@given(MESSAGES, st.booleans(), st.binary(min_size=4, max_size=4))
def test_wsproto_reads_what_we_write(messages: list[str | bytes], deflate: bool, key: bytes) -> None:
    """A server of wsproto gets every message as it was, compressed or not."""
    peer = wsproto_side(ConnectionType.SERVER, deflate)
    deflater = Deflater.of_client(Agreement()) if deflate else None
    for message in messages:
        peer.receive_data(encode(message, deflater, key))
    assert wsproto_messages(peer) == messages  # a bytearray equals its bytes


@given(MESSAGES, CUTS, st.booleans(), st.integers(1, 4))
def test_we_read_what_wsproto_writes(
    messages: list[str | bytes], cuts: list[int], deflate: bool, fragments: int
) -> None:
    """Messages, whole or in fragments with pings between, come out as they went in; all bytes are accounted for."""
    peer = wsproto_side(ConnectionType.SERVER, deflate)
    data, pings = b"", 0
    for message in messages:
        size = max(-(-len(message) // fragments), 1)
        starts = range(0, max(len(message), 1), size)
        for start in starts:
            part = message[start : start + size]
            is_last = start == starts[-1]
            event: Any = events.TextMessage if isinstance(message, str) else events.BytesMessage
            data += peer.send(event(data=part, message_finished=is_last))
            if not is_last:
                data += peer.send(events.Ping(payload=b"p"))
                pings += 1
    reader = FrameReader(MAX_BYTES, Inflater.of_client(Agreement()) if deflate else None)
    found = [event for piece in pieces(data, cuts) for event in reader.feed(piece)]
    assert reader.error is None
    assert [event.payload for event in found if event.opcode <= BINARY] == messages
    assert sum(event.opcode == PING for event in found) == pings
    assert sum(event.wire_bytes for event in found) == len(data)


@given(MESSAGES, CUTS, st.booleans())
def test_round_trip_to_a_server_of_ours(messages: list[str | bytes], cuts: list[int], no_context: bool) -> None:
    """Masked frames are read by the other role, with and without a context that is kept."""
    agreement = Agreement(no_context, no_context, 10, 10)
    deflater, inflater = Deflater.of_client(agreement), Inflater.of_server(agreement)
    data = b"".join(encode(message, deflater, b"\x01\x80\xff\x00") for message in messages)
    reader = FrameReader(MAX_BYTES, inflater, masked=True)
    found = [event for piece in pieces(data, cuts) for event in reader.feed(piece)]
    assert [event.payload for event in found] == messages
    assert [event.size for event in found] == [
        len(message.encode() if isinstance(message, str) else message) for message in messages
    ]


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_garbage_never_raises(reads: list[bytes]) -> None:
    """Whatever comes, it is messages or a noted error."""
    reader = FrameReader(1000, Inflater.of_client(Agreement()))
    for read in reads:
        before = reader.error
        found = reader.feed(read)
        assert before is None or not found


@given(st.binary(max_size=300), st.binary(min_size=4, max_size=4))
def test_mask_is_the_xor_of_the_standard(payload: bytes, key: bytes) -> None:
    """Octet i of the payload XOR octet i mod 4 of the key (RFC 6455, 5.3)."""
    assert mask(payload, key) == bytes(octet ^ key[index % 4] for index, octet in enumerate(payload))


@pytest.mark.parametrize(
    ("data", "kind", "code"),
    [
        (b"\x83\x00", "protocol", 1002),  # reserved opcode
        (b"\x8b\x00", "protocol", 1002),  # reserved control opcode
        (b"\x91\x00", "protocol", 1002),  # RSV3
        (b"\xc1\x00", "protocol", 1002),  # RSV1, nobody agreed
        (b"\x81\x80aaaa", "protocol", 1002),  # masked by the server
        (b"\x80\x00", "protocol", 1002),  # continues nothing
        (b"\x01\x01a\x81\x01b", "protocol", 1002),  # a message within a message
        (b"\x09\x00", "protocol", 1002),  # control frame in fragments
        (b"\x89\x7e\x00\x7e" + b"x" * 126, "protocol", 1002),  # control frame too long
        (b"\x88\x01a", "protocol", 1002),  # close frame with half a code
        (b"\x88\x02\x03\xed", "protocol", 1002),  # 1005 must not be sent
        (b"\x88\x04\x03\xe8\xff\xfe", "protocol", 1007),  # reason not UTF-8
        (b"\x81\x02\xc3\x28", "protocol", 1007),  # text not UTF-8
        (b"\x82\x7e\x03\xe9", "too_large", 1009),  # 1001 bytes announced
        (b"\x02\x7e\x03\x20" + b"x" * 800 + b"\x80\x7e\x00\xff", "too_large", 1009),  # in all
        (b"\x82\x7f" + b"\x7f" + b"\xff" * 7, "too_large", 1009),
    ],
)
def test_what_breaks_the_protocol(data: bytes, kind: str, code: int) -> None:
    """Each violation has its failure kind and the close code that tells the peer; what came before is kept."""
    reader = FrameReader(1000)
    found = reader.feed(b"\x81\x02ok" + data)
    assert [event.payload for event in found] == ["ok"]
    assert reader.error is not None
    assert (reader.error.kind, reader.error.code) == (kind, code)
    assert reader.feed(b"\x81\x02ok") == []


def test_a_message_that_inflates_beyond_the_limit() -> None:
    """A small frame that would fill the memory is refused without filling it."""
    bomb = Deflater(15, True).deflate(b"\0" * 50_000_000)
    assert len(bomb) < 100_000
    reader = FrameReader(1_000_000, Inflater(15, True))
    tracemalloc.start()
    try:
        assert reader.feed(encode_frame(FINAL | COMPRESSED | BINARY, bomb)) == []
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert reader.error is not None
    assert reader.error.kind == "too_large"
    assert peak_bytes < 5_000_000


def test_compressed_garbage() -> None:
    """What is not deflate is a protocol failure with code 1007."""
    reader = FrameReader(1000, Inflater(15, True))
    reader.feed(encode_frame(FINAL | COMPRESSED | BINARY, b"\xff\xff\xff"))
    assert reader.error is not None
    assert (reader.error.kind, reader.error.code) == ("protocol", 1007)


def test_close_frames() -> None:
    """Code and reason; none is 1005; nothing counts after a close frame."""
    frame = encode_frame(FINAL | CLOSE, close_payload(4001, "bye ✓"))
    (event,) = FrameReader(1000).feed(frame + b"\x81\x02no")
    assert (event.opcode, event.code, event.payload) == (CLOSE, 4001, "bye ✓")
    (event,) = FrameReader(1000).feed(encode_frame(FINAL | CLOSE, close_payload(NO_CODE)))
    assert event.code == NO_CODE


@pytest.mark.parametrize(("code", "reason"), [(1006, ""), (999, ""), (5000, ""), (1000, "x" * 124), (1004, "")])
def test_close_frames_that_may_not_be_sent(code: int, reason: str) -> None:
    """Codes that never go over the wire, and reasons without room."""
    with pytest.raises(ValueError, match="close"):
        close_payload(code, reason)


def test_large_messages_are_not_copied_for_each_read() -> None:
    """A message in thousands of reads is put together once: the reader knows how much it waits for."""
    payload = bytes(range(256)) * 4096
    frame = encode_frame(FINAL | BINARY, payload)
    reader = FrameReader(2_000_000)
    found = [event for start in range(0, len(frame), 1000) for event in reader.feed(frame[start : start + 1000])]
    assert [event.payload for event in found] == [payload]


def test_pongs_and_empty_fragments() -> None:
    """A pong carries its payload; fragments may be empty."""
    data = encode_frame(TEXT, b"") + encode_frame(FINAL | PONG, b"1") + encode_frame(FINAL | CONTINUATION, b"")
    assert [(event.opcode, event.payload) for event in FrameReader(10).feed(data)] == [(PONG, b"1"), (TEXT, "")]
