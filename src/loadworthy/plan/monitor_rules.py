"""The rules of ``monitors``: what is watched beside the load, one kind of source in each entry."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from loadworthy.plan.document import DataPath, Document, shown
from loadworthy.plan.selectors import parse_selector
from loadworthy.plan.translate import shown_at

KINDS = ("prometheus", "process", "postgres")
WAYS = ("pid", "port", "name")


def check_monitors(monitors: object, path: DataPath, document: Document) -> None:
    """Add a problem for each broken rule of a list of monitors; what is no list of mappings the models refuse."""
    if monitors == []:
        document.add(path, "it is empty", "give it at least one entry, or remove the key")
    for index, monitor in enumerate(monitors if isinstance(monitors, list) else []):
        if isinstance(monitor, dict):
            _check_monitor(monitor, (*path, index), document)


def _check_monitor(monitor: dict[str, Any], path: DataPath, document: Document) -> None:
    given = [kind for kind in KINDS if monitor.get(kind) is not None]
    if len(given) != 1:
        message = f"{given[0]} and {given[1]} exclude each other" if given else "it does not say what to watch"
        document.add(path, message, "a monitor has one of prometheus, process and postgres", at_key=True)
    if monitor.get("metrics") and "prometheus" not in given:
        document.add((*path, "metrics"), "metrics are chosen from a prometheus endpoint", "remove them", at_key=True)
    if isinstance(monitor.get("prometheus"), str):
        _check_endpoint(monitor["prometheus"], (*path, "prometheus"), document)
    if isinstance(monitor.get("process"), dict):
        _check_process(monitor["process"], (*path, "process"), document)
    if isinstance(monitor.get("postgres"), str) and not monitor["postgres"].strip():
        document.add((*path, "postgres"), "it is empty", "write a URL like postgresql://user@localhost:5432/shop")
    metrics = monitor.get("metrics")
    for number, text in enumerate(metrics if isinstance(metrics, list) else []):
        if isinstance(text, str):
            _check_selector(text, (*path, "metrics", number), document)


def _check_endpoint(url: str, path: DataPath, document: Document) -> None:
    if url.startswith("/"):
        return
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        hint = "write one like http://localhost:8000/metrics, or a path below base_url like /metrics"
        document.add(path, f"{shown_at(path, document)} is not an http:// or https:// URL with a host", hint)


def _check_process(process: dict[str, Any], path: DataPath, document: Document) -> None:
    given = [way for way in WAYS if process.get(way) is not None]
    if len(given) != 1:
        message = f"{given[0]} and {given[1]} exclude each other" if given else "it does not say which process"
        document.add(path, message, "give one of pid, port (that it listens on) and name", at_key=True)
    if isinstance(process.get("name"), str) and not process["name"].strip():
        document.add((*path, "name"), "it is empty", "write the program's name, as uvicorn")


def _check_selector(text: str, path: DataPath, document: Document) -> None:
    try:
        parse_selector(text)
    except ValueError as error:
        sentence, _, hint = str(error).rpartition("; ")
        document.add(path, sentence or f"{shown(text)}: {error}", hint if sentence else "")
