"""The body of a streamed response."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from loadworthy.users.http.connection import Connection
from loadworthy.users.http.encoding import Decoder
from loadworthy.users.http.exchange import BodySource


class BodyStream:
    """Reads a body when it is asked for, and gives its connection back at the end.

    Args:
        release: called once: with True if the connection can be used again, False if it must be closed.
    """

    __slots__ = ("_connection", "_decoder", "_pieces", "_release", "_source")

    def __init__(
        self,
        connection: Connection,
        source: BodySource,
        decoder: Decoder | None,
        release: Callable[[Connection, bool], None],
    ) -> None:
        self._connection: Connection | None = connection
        self._source = source
        self._decoder = decoder
        self._release = release
        self._pieces: list[bytes] = []

    def __iter__(self) -> Iterator[bytes]:
        while self._connection is not None:
            piece = self._read()
            if piece:
                yield piece

    def read_all(self) -> bytes:
        """The rest of the body; the same bytes when called again."""
        while self._connection is not None:
            piece = self._read()
            if piece:
                self._pieces.append(piece)
        if len(self._pieces) > 1:
            self._pieces = [b"".join(self._pieces)]
        return self._pieces[0] if self._pieces else b""

    def close(self) -> None:
        """Give the connection up; a body that is only partly read makes it useless."""
        self._finish(reusable=False)

    def _read(self) -> bytes:
        try:
            piece = self._source.read_piece()
            if not piece:
                if self._decoder is not None:
                    self._decoder.finish()
                self._finish(reusable=self._source.keep_alive)
                return b""
            return self._decoder.decode(piece) if self._decoder is not None else piece
        except BaseException:
            self._finish(reusable=False)
            raise

    def _finish(self, *, reusable: bool) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._release(connection, reusable)
