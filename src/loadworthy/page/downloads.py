"""Hands out the files of a run directory, one by one or all in one archive.

What a browser asks for is looked up among the files that are there; no path is made of it.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import gevent

ARCHIVE = "run.zip"
_PIECE_BYTES = 64 * 1024
_FAST = 1
_MOST_FILES = 1000


def files_of(directory: Path) -> Mapping[str, Path]:
    """Name (with ``/`` where it lies in a folder) → file, for all regular files of a run directory that lie in it.

    Empty where there is no such directory. Links that lead out of it, and files that are being written under a name of
    their own, are none.
    """
    if not directory.is_dir():
        return {}
    found = {}
    for path in sorted(directory.rglob("*"))[:_MOST_FILES]:
        name = path.relative_to(directory)
        if not path.is_file() or any(part.startswith(".") for part in name.parts):
            continue
        if path.resolve().is_relative_to(directory.resolve()):
            found[name.as_posix()] = path
    return found


class _Pieces:
    """A file that cannot be sought in, whose content is taken out as it comes."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        """Keep it."""
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing is open."""

    def take(self) -> bytes:
        """All since the last call."""
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


def archive(files: Mapping[str, Path], folder: str) -> Iterator[bytes]:
    """A ZIP archive of the files, in a folder, piece by piece; nothing is kept in memory or on disk.

    Between two pieces whatever else the process does goes on: it may be making load.
    """
    out = _Pieces()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=_FAST) as target:
        for name, path in files.items():
            try:
                source = path.open("rb")
            except OSError:
                continue  # gone meanwhile
            about = zipfile.ZipInfo.from_file(path, f"{folder}/{name}", strict_timestamps=False)
            about.compress_type = zipfile.ZIP_DEFLATED
            with source, target.open(about, "w", force_zip64=True) as entry:
                while piece := source.read(_PIECE_BYTES):
                    entry.write(piece)
                    if packed := out.take():
                        yield packed
                    gevent.sleep(0)
    yield out.take()
