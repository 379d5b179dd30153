"""Whose hosts are loaded: those of the service that a source is about, and no others.

A README calls other people's services between its own, a recording holds analytics and CDNs. What is not the main
service's own is left out and told of; nobody asked its owner, and the main service's credentials are not for it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sized
from urllib.parse import urlsplit

from loadworthy.importers.imported import Note
from loadworthy.importers.marks import has_mark
from loadworthy.importers.requests import RecordedRequest
from loadworthy.plan.hosts import is_loopback

_BESIDE = frozenset(
    {"analytics", "metrics", "telemetry", "stats", "track", "tracking", "pixel", "collect", "beacon", "sentry", "logs"}
    | {"cdn", "static", "assets", "img", "images", "media", "fonts", "tagmanager", "ads", "rum", "events"}
)
_SECOND_LEVELS = frozenset({"co", "com", "org", "net", "gov", "ac", "edu", "ne", "or", "go"})


def main_origin(requests: Iterable[RecordedRequest], base_url: str | None = None) -> str:
    """The origin of the service: the one that the user names, or where most requests go; empty without requests.

    Args:
        requests: those that are wanted.
        base_url: as the user gives it; counts where requests go to its host.
    """
    origins = Counter(request.origin for request in requests)
    named = urlsplit(base_url or "").hostname
    meant = [origin for origin, _ in origins.most_common() if named and urlsplit(origin).hostname == named]
    return next(iter([*meant, *(origin for origin, _ in origins.most_common(1))]), "")


def belongs(url: str, base_url: str) -> bool:
    """Whether it goes to the service: its own host, or another of the same owner that is no mere helper.

    A host that only the environment says is the user's to choose.
    """
    host, own = urlsplit(url).hostname or "", urlsplit(base_url).hostname or ""
    if host == own or (is_loopback(host) and is_loopback(own)) or has_mark(owner(host)):
        return True
    if host.split(".")[0] in _BESIDE or _is_address(host) or _is_address(own):
        return False
    return owner(host) == owner(own)


def owner(host: str) -> str:
    """The part of a host name that one party registers: ``shop.example`` of ``api.shop.example``."""
    labels = host.split(".")
    size = 3 if len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVELS else 2
    return ".".join(labels[-size:])


def left_out_hosts(hosts: Counter[str], whose: str) -> list[Note]:
    """What is said of requests to others."""
    return [
        Note(host, f"{times(count)} to a host that is not {whose}; left out") for host, count in sorted(hosts.items())
    ]


def left_out_by_only(unwanted: Sized) -> list[Note]:
    """What is said of the requests that ``--only`` does not want."""
    return [Note(times(len(unwanted)), "not among the requests that were asked for; left out")] if unwanted else []


def times(count: int) -> str:
    """``1 request``, ``3 requests``."""
    return "1 request" if count == 1 else f"{count} requests"


def _is_address(host: str) -> bool:
    return ":" in host or re.fullmatch(r"[\d.]+", host) is not None
