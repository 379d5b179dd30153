"""What `loadworthy import` is given: a file, standard input, or a document of a service on this machine."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from loadworthy.errors import SetupError, UsageError

if TYPE_CHECKING:
    from http.client import HTTPConnection

MOST_BYTES = 256 * 1024 * 1024
TIMEOUT_S = 10.0
LOCUST_CONFIGS = ("locust.conf", "pyproject.toml")
"""Where Locust looks for its configuration, too; the last one goes first."""


@dataclass(frozen=True, slots=True)
class Source:
    """A source that was read.

    Args:
        text: all of it.
        name: its file name; empty for standard input.
        folder: what the paths in it are relative to.
        origin: scheme, host and port that it came from, if it came over HTTP.
    """

    text: str
    name: str
    folder: Path
    origin: str | None = None


def read_source(source: str) -> Source:
    """Read it. UsageError where it cannot be; SetupError where a service does not answer."""
    if source == "-":
        return Source(_text(sys.stdin.buffer, "standard input"), "", Path())
    if source.lower().startswith(("http://", "https://")):
        return _fetched(source)
    path = Path(source)
    try:
        if path.is_dir():
            raise UsageError(f"{source} is a folder; name a file in it")
        with path.open("rb") as stream:
            return Source(_text(stream, source), path.name, path.parent)
    except (OSError, ValueError) as error:
        raise UsageError(f"{source} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def _text(stream: IO[bytes], name: str) -> str:
    return _decoded(stream.read(MOST_BYTES + 1), name)


def _decoded(raw: bytes, name: str) -> str:
    if len(raw) > MOST_BYTES:
        raise UsageError(f"{name} is larger than {MOST_BYTES // 1024**2} MiB; take a part of it")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{name} is not UTF-8 text, in line {line}; save it as UTF-8") from error


def _fetched(url: str) -> Source:
    """A document of a service on this machine. Others are fetched by whoever may: nothing here goes to the network."""
    parts = _parts(url)
    raw = fetch_local(url)
    origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    return Source(_decoded(raw, url), parts.path.rsplit("/", 1)[-1], Path(), origin)


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise UsageError(f"{url}: that is no URL: {error}") from error
    return parts


def fetch_local(url: str, *, timeout_s: float = TIMEOUT_S) -> bytes:
    """The body that a service on this machine answers with 200; redirects are not followed.

    Raises:
        UsageError: where the host is another machine.
        SetupError: where there is no such answer.
    """
    from http.client import HTTPConnection, HTTPException, HTTPSConnection

    from loadworthy.plan.hosts import is_loopback

    parts = _parts(url)
    if not is_loopback(parts.hostname or ""):
        raise UsageError(
            f"{url} is on another machine; download it first: curl --fail --output source.json {shlex.quote(url)}, "
            "then loadworthy import source.json"
        )
    kind: type[HTTPConnection] = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=timeout_s)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("GET", target, headers={"Accept": "application/json, */*"})
        response = connection.getresponse()
        if response.status != 200:
            raise SetupError(f"{url} answered with status {response.status}; give the address of the document itself")
        return response.read(MOST_BYTES + 1)
    except (OSError, HTTPException, ValueError) as error:
        raise SetupError(f"{url} does not answer: {error}; is the service running?") from error
    finally:
        connection.close()


def read_beside(folder: Path, path: str) -> str | None:
    """The text of a file that a source names; None where there is none that can be read."""
    try:
        with (folder / path).open("rb") as stream:
            return stream.read(MOST_BYTES).decode("utf-8-sig")
    except (OSError, ValueError):
        return None


def files_beside(source: Source) -> Callable[[str], str | None] | None:
    """Gives the files beside a source, or below, that it names; None where it came from no folder.

    A link is not followed out of the folder: the source may be somebody else's.
    """
    if source.origin is not None or not source.name:
        return None
    folder = source.folder.resolve()
    return lambda path: read_beside(folder, path) if (folder / path).resolve().is_relative_to(folder) else None


def locust_configs(source: Source) -> Iterator[tuple[str, str]]:
    """Name and text of each configuration of Locust beside a locustfile."""
    for name in LOCUST_CONFIGS:
        text = read_beside(source.folder, name) if name != source.name else None
        if text is not None and (name != "pyproject.toml" or "[tool.locust" in text):
            yield name, text
