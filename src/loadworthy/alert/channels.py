"""The ways by which a plan has people told: those that can be used, and those that cannot, with the reason.

What opens a channel is a secret: a password, a webhook, the URL of a service with its token. It comes from the
environment, for a plan is shown to everybody and kept for ever; where it stands in the plan itself, the plan still
loads, and the channel is not used. A bare address of this machine opens nothing, so it may stand there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple
from urllib.parse import unquote, urlsplit

from loadworthy.plan.alerting import Alerting, EmailAlert
from loadworthy.plan.alerting_rules import is_mail_address, is_mail_server, is_service_url, is_web_url
from loadworthy.plan.document import DataPath
from loadworthy.plan.hosts import is_loopback
from loadworthy.plan.load import LoadedPlan

Kind = Literal["email", "slack", "url"]
TLS_PORT = 465
"""Where a mail server speaks TLS from the first byte. (RFC 8314, 3.3)"""
_LEAST_SECRET = 6
"""Shorter pieces of a URL are words such as ``api``; masking them leaves nothing to read."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One that can be used.

    Args:
        kind: how messages are sent.
        name: what people read: ``email``, ``slack``, ``urls[0] (discord)``.
        settings: as the sender takes them; secrets are among them.
        secrets: texts that must not be told when something is wrong with it.
    """

    kind: Kind
    name: str
    settings: Mapping[str, Any] = field(repr=False)
    secrets: frozenset[str] = field(default=frozenset(), repr=False)


class Unusable(NamedTuple):
    """A channel that is not used: its name, and why, with how to mend it."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Channels:
    """Those of a plan."""

    usable: tuple[Channel, ...] = ()
    unusable: tuple[Unusable, ...] = ()


def channels_of(loaded: LoadedPlan) -> Channels:
    """The channels of a plan; none where nobody is to be told."""
    alerting = loaded.plan.alerting
    if alerting is None or not alerting.enabled:
        return Channels()
    found = list(_channels(alerting, loaded.from_environment))
    return Channels(
        tuple(one for one in found if isinstance(one, Channel)),
        tuple(one for one in found if isinstance(one, Unusable)),
    )


def _channels(alerting: Alerting, from_environment: frozenset[DataPath]) -> Iterator[Channel | Unusable]:
    email, slack = alerting.email, alerting.slack
    if email is not None and email.enabled:
        if wrong := next(_wrong_in(email), None):
            yield Unusable("email", wrong)
        elif email.password and ("alerting", "email", "password") not in from_environment:
            yield _literal("email", "its password", "password: ${SMTP_PASSWORD}")
        else:
            yield _email(email)
    if slack is not None and slack.enabled:
        url = slack.webhook_url
        if not url:
            yield Unusable("slack", "its webhook_url is empty; set the variable that it comes from")
        elif not is_web_url(url):
            yield Unusable(
                "slack", "its webhook_url is no http:// or https:// URL; set the variable to what Slack shows"
            )
        elif ("alerting", "slack", "webhook_url") in from_environment or _opens_nothing(url):
            settings = {"webhook_url": url, "channel": slack.channel}
            yield Channel("slack", "slack", settings, frozenset(_secrets_of(url)))
        else:
            yield _literal("slack", "its webhook_url", "webhook_url: ${SLACK_WEBHOOK}")
    for index, url in enumerate(alerting.urls):
        name = f"urls[{index}] ({_scheme(url)})"
        if not url:
            yield Unusable(f"urls[{index}]", "it is empty; set the variable that it comes from")
        elif not is_service_url(url):
            yield Unusable(name, "it is no URL of Apprise; set the variable to one like discord://…")
        elif ("alerting", "urls", index) in from_environment or _opens_nothing(url):
            yield Channel("url", name, {"url": url}, frozenset(_secrets_of(url)))
        else:
            yield _literal(name, "the URL", "urls: ['${ALERT_URL}']")


def _wrong_in(email: EmailAlert) -> Iterator[str]:
    """What came from the environment and is of no use; the values are not said."""
    required = {"smtp_server": email.smtp_server, "from_addr": email.from_addr}
    login = {"username": email.username, "password": email.password}
    if any(value is not None for value in login.values()):
        required |= {key: value or "" for key, value in login.items()}
    required |= {f"to_addrs[{index}]": address for index, address in enumerate(email.to_addrs)}
    for key, value in required.items():
        if not value.strip():
            yield f"its {key} is empty; set the variable that it comes from"
        elif key == "smtp_server" and not is_mail_server(value):
            yield "its smtp_server is no host; set the variable to a name or an address alone, like smtp.example.com"
        elif key.partition("[")[0] in ("from_addr", "to_addrs") and not is_mail_address(value):
            yield f"its {key} is no e-mail address; set the variable to one like team@example.com"


def _literal(name: str, what: str, instead: str) -> Unusable:
    return Unusable(
        name, f"{what} stands in the plan, where everybody can read it; write {instead} and set the variable"
    )


def _email(email: EmailAlert) -> Channel:
    security = "none" if not email.use_tls else "tls" if email.smtp_port == TLS_PORT else "starttls"
    settings = {
        "host": email.smtp_server,
        "port": email.smtp_port,
        "security": security,
        "username": email.username,
        "password": email.password,
        "from_addr": email.from_addr,
        "to_addrs": list(email.to_addrs),
    }
    return Channel("email", "email", settings, frozenset([email.password] if email.password else []))


def _opens_nothing(url: str) -> bool:
    """Whether it is an address of this machine without any credentials."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.username or parts.password:
        return False
    return is_loopback(host)


def _scheme(url: str) -> str:
    """What a URL of Apprise begins with, if that can be shown."""
    scheme, separator, _ = url.partition("://")
    return scheme if separator and re.fullmatch(r"[a-z][a-z0-9+.-]{0,20}", scheme, re.IGNORECASE) else "?"


def _secrets_of(url: str) -> Iterator[str]:
    """The URL and its pieces, but for a host that is one: in some URLs a token stands where the host does."""
    yield url
    _, _, rest = url.partition("://")
    for piece in re.split(r"[/?#&=@:]", rest):
        is_host = "." in piece or piece == "localhost"
        if len(piece) >= _LEAST_SECRET and not is_host:
            yield piece
            yield unquote(piece)
