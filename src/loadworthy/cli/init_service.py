"""What `loadworthy init` finds out about the service: only where it is on this machine, with a few GET requests."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from http.client import HTTPConnection

LIKELY_PATHS = ("/health", "/healthz", "/")
"""Asked for where the service runs on this machine: the first that answers is the path to begin with."""
OPENAPI_PATH = "/openapi.json"
PROBE_S = 2.0
_MOST_TRIED = 5
_MOST_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Service:
    """What is known of the service at a base URL.

    Args:
        answers: whether something listens; None where that was not asked, for it is another machine.
        path: one that answers with a status below 400; None where none was found.
        has_openapi: whether it describes itself.
    """

    answers: bool | None = None
    path: str | None = None
    has_openapi: bool = False


def look_at(url: str, likely: Sequence[str] = LIKELY_PATHS) -> Service:
    """Ask a service on this machine, and which of these paths answers; or else which of those that it describes."""
    from loadworthy.plan.hosts import is_loopback

    if not is_loopback(urlsplit(url).hostname or ""):
        return Service()
    if not _listens(url):
        return Service(answers=False)
    status, body = _get(url + OPENAPI_PATH)
    document = _document(body) if status == 200 else {}
    found = next((path for path in [*likely, *_described(document, likely)] if not complaint_of(url, path)), None)
    return Service(answers=True, path=found, has_openapi=bool(document))


def complaint_of(url: str, path: str) -> str | None:
    """Why a path is no good to begin with, in a clause; None where it is."""
    status, _ = _get(url + path)
    if status is None:
        return f"GET {path} was not answered within {PROBE_S:g} s"
    return f"GET {path} is answered with status {status}" if status >= 400 else None


def _described(document: dict[str, Any], likely: Sequence[str]) -> Iterable[str]:
    """Paths that a GET without any values may ask for, the shortest first; none where others were given."""
    return sorted(set(_plain_paths(document)) - set(likely), key=lambda path: (len(path), path))[
        : _MOST_TRIED if likely else 0
    ]


def _plain_paths(document: dict[str, Any]) -> Iterator[str]:
    from loadworthy.cli.init_files import checked_path

    paths = document.get("paths")
    for path, item in paths.items() if isinstance(paths, dict) else ():
        get = item.get("get") if isinstance(item, dict) else None
        if not isinstance(get, dict) or get.get("security"):
            continue
        parameters = [one for of in (item, get) for one in of.get("parameters") or () if isinstance(one, dict)]
        try:
            if not any(one.get("required") or "$ref" in one for one in parameters) and checked_path(path) == path:
                yield path
        except ValueError:  # it takes values, or is none that could stand in a plan
            continue


def _document(body: bytes) -> dict[str, Any]:
    """An OpenAPI document; empty where it is none."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) and "openapi" in document else {}


def _listens(url: str) -> bool:
    import socket

    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "", _port(url)), timeout=PROBE_S).close()
    except OSError:
        return False
    return True


def _port(url: str) -> int:
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)


def _get(url: str) -> tuple[int | None, bytes]:
    """The status and the body; redirects are not followed. None where there is no answer."""
    from http.client import HTTPConnection, HTTPException, HTTPSConnection

    parts = urlsplit(url)
    kind: type[HTTPConnection] = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname or "", _port(url), timeout=PROBE_S)
    try:
        connection.request("GET", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
        response = connection.getresponse()
        return response.status, response.read(_MOST_BYTES)
    except (OSError, HTTPException, ValueError):
        return None, b""
    finally:
        connection.close()
