"""Memory and descriptors that are really kept, so that what watches the process from outside sees it grow.

Memory is kept in maps of its own, page by page: many small objects would come with several per cent of Python's own
book-keeping, and the process would grow by more than was declared.
"""

from __future__ import annotations

import mmap
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field

from loadworthy.testing.faults import ConnectionLeak, Fault, MemoryLeak
from loadworthy.units import US_PER_S

BLOCK_BYTES = 4 * 1024 * 1024


@dataclass(slots=True)
class _Kept:
    """What one fault keeps."""

    blocks: list[mmap.mmap] = field(default_factory=list)
    size_bytes: int = 0
    room_bytes: int = 0
    """What the last block can still take."""
    descriptors: list[int] = field(default_factory=list)
    connections_seen: int = 0


class Leaks:
    """What the leaks of a server have kept so far."""

    def __init__(self) -> None:
        self._kept: dict[Fault, _Kept] = {}

    @property
    def size_bytes(self) -> int:
        """Memory kept."""
        return sum(kept.size_bytes for kept in self._kept.values())

    @property
    def descriptors(self) -> int:
        """Descriptors kept."""
        return sum(len(kept.descriptors) for kept in self._kept.values())

    def request(self, faults: Iterable[Fault]) -> None:
        """A request has come while these were on."""
        for fault in faults:
            if isinstance(fault, MemoryLeak):
                self._keep_memory(fault, fault.bytes_per_request)
            elif isinstance(fault, ConnectionLeak):
                for _ in range(fault.per_request):
                    self._keep_descriptor(fault, os.open(os.devnull, os.O_RDONLY))

    def connection(self, connection: socket.socket, faults: Iterable[Fault]) -> None:
        """A connection has come while these were on; a second descriptor keeps it open, whatever ends the first."""
        for fault in faults:
            if isinstance(fault, ConnectionLeak):
                kept = self._of(fault)
                seen = kept.connections_seen = kept.connections_seen + 1
                if int(seen * fault.share) > int((seen - 1) * fault.share):  # evenly spread, without a draw
                    self._keep_descriptor(fault, os.dup(connection.fileno()))

    def pass_time(self, faults: Iterable[Fault], elapsed_us: int) -> None:
        """So much time has passed while these were on."""
        for fault in faults:
            if isinstance(fault, MemoryLeak):
                self._keep_memory(fault, fault.bytes_per_s * elapsed_us // US_PER_S)

    def forget_all_but(self, faults: Iterable[Fault]) -> None:
        """Free what others than these have kept."""
        alive = set(faults)
        for fault in [fault for fault in self._kept if fault not in alive]:
            for descriptor in self._kept.pop(fault).descriptors:
                os.close(descriptor)

    def _of(self, fault: Fault) -> _Kept:
        return self._kept.setdefault(fault, _Kept())

    def _keep_memory(self, fault: MemoryLeak, size_bytes: int) -> None:
        kept = self._of(fault)
        size_bytes = min(size_bytes, fault.limit_bytes - kept.size_bytes)
        if size_bytes > 0:
            kept.size_bytes += size_bytes
            self._fill(kept, size_bytes)

    def _fill(self, kept: _Kept, size_bytes: int) -> None:
        """Write so much; what was not written yet, the kernel does not provide."""
        while size_bytes > 0:
            if not kept.room_bytes:
                kept.blocks.append(mmap.mmap(-1, BLOCK_BYTES))
                kept.room_bytes = BLOCK_BYTES
            part = min(size_bytes, kept.room_bytes)
            kept.blocks[-1].write(b"\xff" * part)
            kept.room_bytes -= part
            size_bytes -= part

    def _keep_descriptor(self, fault: ConnectionLeak, descriptor: int) -> None:
        kept = self._of(fault)
        if len(kept.descriptors) < fault.limit:
            kept.descriptors.append(descriptor)
        else:
            os.close(descriptor)
