"""The rules of ``allowed_hosts``."""

from __future__ import annotations

import re

from loadworthy.plan.document import Document, shown

_HOST = re.compile(r"(?:\*\.)?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?|\[[0-9A-Fa-f:.]+\]|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]+")


def check_hosts(hosts: object, document: Document) -> None:
    """Add a problem for each entry that names no host."""
    for index, host in enumerate(hosts if isinstance(hosts, list) else []):
        if isinstance(host, str) and not _HOST.fullmatch(host):
            hint = "write its name or address alone: api.example.com, *.test.example.com, 10.0.0.5"
            document.add(("allowed_hosts", index), f"{shown(host)} is not a host", hint)
