"""The rules of ``alerting``: addresses that are addresses, URLs that are URLs."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from loadworthy.plan.alerting import DEFAULT_MATTERS, Matter
from loadworthy.plan.document import DataPath, Document, shown

_ADDRESS = re.compile(r"(?:[^<>@]*<)?[^\s<>@,;]+@[^\s<>@,;]+>?")
_SERVER = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]+")
_SERVICE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://.+", re.DOTALL)
_OFF = ("false", "no", "off", "n", "f", "0")
_GOOD: tuple[Matter, ...] = ("recovered", "passed_again")
_UNSEEN = re.compile(r"[\x00-\x1f\x7f]")


def check_alerting(alerting: object, document: Document) -> None:
    """Add a problem for each broken rule; what is no mapping the models refuse.

    What is switched off may be unfinished. What comes from the environment is no mistake of the plan: where it is wrong
    or empty, the channel is not used, and a run says so. URLs are not shown, for they are secrets.
    """
    if not isinstance(alerting, dict) or _is_off(alerting):
        return
    path: DataPath = ("alerting",)
    email, slack, urls = (alerting.get(key) for key in ("email", "slack", "urls"))
    if isinstance(email, dict) and not _is_off(email):
        _check_email(email, (*path, "email"), document)
    if isinstance(slack, dict) and not _is_off(slack):
        webhook, place = slack.get("webhook_url"), (*path, "slack", "webhook_url")
        if isinstance(webhook, str) and not is_web_url(webhook) and not _is_from_environment(place, webhook, document):
            hint = "write ${SLACK_WEBHOOK}, and set that to the URL that Slack shows"
            document.add(place, "it is not an http:// or https:// URL with a host", hint)
    for index, url in enumerate(urls if isinstance(urls, list) else []):
        place = (*path, "urls", index)
        if isinstance(url, str) and not is_service_url(url) and not _is_from_environment(place, url, document):
            hint = "write one as Apprise has it, like ${ALERT_URL} for discord://…"
            document.add(place, "it is not a URL of Apprise", hint)
    _check_matters(alerting.get("on"), (*path, "on"), document)


def _check_matters(on: object, path: DataPath, document: Document) -> None:
    if on == []:
        document.add(path, "it is empty, so nothing is told", "name what is told, or say enabled: false")
    elif isinstance(on, list) and all(one in _GOOD for one in on):
        hint = f"name what is bad, too: {', '.join(one for one in DEFAULT_MATTERS if one not in _GOOD)}"
        document.add(path, "that it is good again is told only to whom it was told that it was bad", hint)


def _check_email(email: dict[str, Any], path: DataPath, document: Document) -> None:
    server = email.get("smtp_server")
    place: DataPath = (*path, "smtp_server")
    if isinstance(server, str) and not is_mail_server(server) and not _is_from_environment(place, server, document):
        hint = "write its name or address alone, like smtp.example.com; the port stands in smtp_port"
        document.add(place, f"{shown(server)} is not a host", hint)
    to_addrs = email.get("to_addrs")
    places: list[tuple[DataPath, object]] = [((*path, "from_addr"), email.get("from_addr"))]
    places += [((*path, "to_addrs", i), one) for i, one in enumerate(to_addrs if isinstance(to_addrs, list) else [])]
    for place, address in places:
        if not isinstance(address, str) or _is_from_environment(place, address, document):
            continue
        if not is_mail_address(address):
            hint = "write one like team@example.com"
            document.add(place, f"{shown(address)} is not an e-mail address", hint)
    for one, other in (("username", "password"), ("password", "username")):
        if email.get(one) is not None and email.get(other) is None:
            document.add((*path, one), f"{one} stands without {other}", f"a login needs both: add {other}", at_key=True)


def _is_off(section: dict[str, Any]) -> bool:
    return str(section.get("enabled", True)).lower() in _OFF


def _is_from_environment(path: DataPath, value: str, document: Document) -> bool:
    """Whether variables stand there; an empty text is what is left of one without a value."""
    return path in document.variables or not value


def is_mail_server(server: str) -> bool:
    """Whether it may be a mail server's name or address."""
    return _SERVER.fullmatch(server) is not None


def is_mail_address(address: str) -> bool:
    """Whether it may be an e-mail address, alone or after a name."""
    return _ADDRESS.fullmatch(address) is not None and not _UNSEEN.search(address)


def is_service_url(url: str) -> bool:
    """Whether it may be a URL of Apprise."""
    return _SERVICE.fullmatch(url) is not None and not _UNSEEN.search(url)


def is_web_url(url: str) -> bool:
    """Whether it is one of HTTP with a host."""
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and not _UNSEEN.search(url)
        )
    except ValueError:
        return False
