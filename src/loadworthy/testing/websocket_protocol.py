"""One connection of the WebSocket server: the handshake, the behaviour that its path names, and the truth about it."""

from __future__ import annotations

import asyncio
import json
import struct
from array import array
from collections import Counter
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from loadworthy.clock import monotonic_ns, wall_s
from loadworthy.users.websocket.accept import accept_token
from loadworthy.users.websocket.deflate import Deflater, Inflater, accept_offer
from loadworthy.users.websocket.frames import (
    BINARY,
    CLOSE,
    COMPRESSED,
    CONTINUATION,
    FINAL,
    NO_CODE,
    NORMAL,
    PING,
    PONG,
    TEXT,
    VANISHED,
    Event,
    FrameReader,
    close_payload,
    encode_frame,
)

MAX_HEAD_BYTES = 64 * 1024
MAX_MESSAGE_BYTES = 64 * 1024 * 1024
COOKIE = "session=let-me-in"
_REASONS = {200: "OK", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 426: "Upgrade Required"}
_ECHOING = frozenset({"/echo", "/private", "/raw", "/ping"})
_KNOWN = frozenset({*_ECHOING, "/rpc", "/push", "/sink", "/close", "/drop", "/mute", "/deaf"})


class Truth:
    """What the server knows. ``rows`` has four integers a message: connection, arrival in µs, size, whether binary."""

    def __init__(self, log_limit: int) -> None:
        self._limit = log_limit
        self.rows: array[int] = array("q")
        self.counts: Counter[str] = Counter()
        self.close_codes: Counter[int] = Counter()
        self.refused: Counter[int] = Counter()
        self._all_ended = asyncio.Event()
        self._all_ended.set()

    def opened(self) -> int:
        """A handshake was accepted; the connection's number."""
        self.counts["connections"] += 1
        self.counts["open_connections"] += 1
        self._all_ended.clear()
        return self.counts["connections"]

    def ended(self, code: int) -> None:
        """A connection has ended, its client closing it with this code."""
        self.close_codes[code] += 1
        self.counts["open_connections"] -= 1
        if not self.counts["open_connections"]:
            self._all_ended.set()

    async def settled(self) -> None:
        """Wait until no connection is open."""
        await self._all_ended.wait()

    def add(self, connection: int, arrival_us: int, size: int, is_binary: bool) -> None:
        """A message has come."""
        self.counts["binaries" if is_binary else "texts"] += 1
        self.counts["message_bytes"] += size
        if len(self.rows) < 4 * self._limit:
            self.rows.extend((connection, arrival_us, size, is_binary))

    def stats(self, shape: Any) -> Any:
        """The counts, as the ``WebSocketStats`` that is given."""
        names = [name for name in shape.__dataclass_fields__ if name not in {"close_codes", "refused"}]
        counts = {name: self.counts[name] for name in names}
        return shape(**counts, close_codes=dict(self.close_codes), refused=dict(self.refused))


class Connection(asyncio.Protocol):
    """The protocol of one client."""

    def __init__(self, truth: Truth, loop: asyncio.AbstractEventLoop) -> None:
        self._truth = truth
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._head = b""
        self._reader: FrameReader | None = None
        self._deflater: Deflater | None = None
        self._path = ""
        self._query: dict[str, str] = {}
        self._number = 0
        self._messages = 0
        self._held: list[Any] = []
        self._close_code = 0
        self._close_sent = False

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # what a stream server gives

    def connection_lost(self, _exc: Exception | None) -> None:
        self._transport = None
        if self._reader is not None:
            self._truth.ended(self._close_code or VANISHED)

    def data_received(self, data: bytes) -> None:
        if self._reader is not None:
            self._read(data)
            return
        self._head += data
        end = self._head.find(b"\r\n\r\n")
        if end >= 0:
            self._shake_hands(self._head[:end].decode("latin-1"), self._head[end + 4 :])
        elif len(self._head) > MAX_HEAD_BYTES:
            self._refuse(431)

    # The handshake.

    def _shake_hands(self, head: str, rest: bytes) -> None:
        request, *lines = head.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        parts = urlsplit(request.split(" ")[1])
        self._path = parts.path
        self._query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        self._head = b""
        if self._path == "/deaf":
            return
        status = self._status(headers)
        if status != 101:
            self._refuse(status)
            return
        answer = self._answer(headers)
        self._number = self._truth.opened()
        self._truth.counts["handshake_received_bytes"] += len(head) + 4
        self._truth.counts["handshake_sent_bytes"] += len(answer)
        self._write(answer, counted=False)
        self._begin()
        if rest:
            self._read(rest)

    def _status(self, headers: dict[str, str]) -> int:
        if self._path == "/login":
            return 200
        if self._path == "/refuse":
            return int(self._query.get("status", "403"))
        if self._path not in _KNOWN:
            return 404
        if headers.get("upgrade", "").lower() != "websocket" or headers.get("sec-websocket-version") != "13":
            return 426
        if self._path == "/private" and COOKIE not in headers.get("cookie", ""):
            return 401
        return 101

    def _answer(self, headers: dict[str, str]) -> bytes:
        lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
        lines.append(f"Sec-WebSocket-Accept: {accept_token(headers.get('sec-websocket-key', ''))}")
        wanted = self._query.get("subprotocol")
        if wanted and wanted in [name.strip() for name in headers.get("sec-websocket-protocol", "").split(",")]:
            lines.append(f"Sec-WebSocket-Protocol: {wanted}")
        accepted = None
        if self._query.get("deflate") != "0":
            accepted = accept_offer(headers.get("sec-websocket-extensions", ""))
        inflater = None
        if accepted is not None:
            agreement, text = accepted
            lines.append(f"Sec-WebSocket-Extensions: {text}")
            self._deflater, inflater = Deflater.of_server(agreement), Inflater.of_server(agreement)
            self._truth.counts["compressed"] += 1
        self._reader = FrameReader(MAX_MESSAGE_BYTES, inflater, masked=True)
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _refuse(self, status: int) -> None:
        body = json.dumps({"error": f"refused with status {status}"}).encode() if status >= 400 else b"{}"
        lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Refused')}", f"Content-Length: {len(body)}"]
        if status == 200:
            lines.append(f"Set-Cookie: {COOKIE}; Path=/")
        else:
            self._truth.refused[status] += 1
        self._write(("\r\n".join(lines) + "\r\n\r\n").encode() + body, counted=False)
        if status != 200 and self._transport is not None:
            self._transport.close()

    # Frames in.

    def _begin(self) -> None:
        if self._path == "/raw":
            self._write(bytes.fromhex(self._query.get("hex", "")))
        elif self._path == "/ping":
            for number in range(int(self._query.get("count", "1"))):
                self._send_frame(FINAL | PING, b"%d" % number)
        elif self._path == "/push":
            self._push(0, self._loop.time())
        else:
            self._act_after()

    def _read(self, data: bytes) -> None:
        reader = self._reader
        if reader is None:
            return
        now_us = monotonic_ns() // 1000
        self._truth.counts["received_bytes"] += len(data)
        for event in reader.feed(data):
            if event.opcode <= BINARY:
                self._truth.add(self._number, now_us, event.size, event.opcode == BINARY)
                self._messages += 1
                self._take(event)
            else:
                self._control(event)
        if reader.error is not None:
            self._close(reader.error.code)

    def _control(self, event: Event) -> None:
        if event.opcode == PING:
            self._truth.counts["pings"] += 1
            self._send_frame(FINAL | PONG, cast("bytes", event.payload))
        elif event.opcode == PONG:
            self._truth.counts["pongs"] += 1
        else:
            self._close_code = event.code
            if self._path != "/mute":
                self._close(NORMAL if event.code == NO_CODE else event.code)

    def _take(self, event: Event) -> None:
        if self._path in _ECHOING:
            if self._path == "/ping":
                self._send_frame(FINAL | PING, b"again")
            self._send(event.opcode, event.payload, int(self._query.get("pieces", "1")))
        elif self._path == "/rpc":
            self._answer_call(event)
        else:
            self._act_after()

    def _answer_call(self, event: Event) -> None:
        call = json.loads(event.payload)
        self._held.append({"id": call["id"], "reply": call.get("text", "")})
        if len(self._held) >= int(self._query.get("batch", "1")):
            while self._held:
                self._send(TEXT, json.dumps(self._held.pop()))

    def _act_after(self) -> None:
        """Close or drop, if it is time to."""
        if self._path not in {"/close", "/drop"} or self._messages != int(self._query.get("after", "0")):
            return
        if self._path == "/close":
            self._close(int(self._query.get("code", "1000")), self._query.get("reason", ""))
        elif self._transport is not None:
            if self._query.get("reset") == "1":
                raw = self._transport.get_extra_info("socket")
                raw.setsockopt(1, 13, struct.pack("ii", 1, 0))  # SOL_SOCKET, SO_LINGER: a reset
            self._transport.abort() if self._query.get("reset") == "1" else self._transport.close()

    # Frames out.

    def _push(self, number: int, start_s: float) -> None:
        if self._transport is None or number >= int(self._query.get("count", "1000000")):
            return
        self._send(TEXT, json.dumps({"seq": number, "at": wall_s()}))
        rate = float(self._query.get("rate", "10"))
        self._loop.call_at(start_s + (number + 1) / rate, self._push, number + 1, start_s)

    def _send(self, opcode: int, payload: str | bytes, pieces: int = 1) -> None:
        data = payload.encode() if isinstance(payload, str) else payload
        first = opcode
        if self._deflater is not None and data:
            data, first = self._deflater.deflate(data), opcode | COMPRESSED
        self._truth.counts["messages_sent"] += 1
        if pieces <= 1:
            self._send_frame(FINAL | first, data)
            return
        size = max(-(-len(data) // pieces), 1)
        for start in range(0, len(data) or 1, size):
            is_last = start + size >= len(data)
            self._send_frame((FINAL if is_last else 0) | (CONTINUATION if start else first), data[start : start + size])
            if not is_last:
                self._send_frame(FINAL | PING, b"between")

    def _send_frame(self, first: int, payload: bytes) -> None:
        self._write(encode_frame(first, payload))

    def _close(self, code: int, reason: str = "") -> None:
        if not self._close_sent:
            self._close_sent = True
            self._send_frame(FINAL | CLOSE, close_payload(code, reason))
        if self._close_code and self._transport is not None:
            self._transport.close()

    def _write(self, data: bytes, *, counted: bool = True) -> None:
        if self._transport is not None:
            self._transport.write(data)
            if counted:
                self._truth.counts["sent_bytes"] += len(data)
