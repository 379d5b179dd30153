"""What the plan's ``alerting`` section says: who is told, by what way, and of what."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from loadworthy.plan.values import DurationUs, Model, Whole

Matter = Literal[
    "breach", "recovered", "fail", "undecided", "invalid", "aborted", "drift", "regression", "passed_again"
]
"""What a message may be about: a threshold while the run goes on, or what came out of the run."""
DEFAULT_MATTERS: tuple[Matter, ...] = tuple(one for one in get_args(Matter) if one != "undecided")


class EmailAlert(Model):
    """E-mail channel of ``alerting``."""

    enabled: bool = True
    smtp_server: str
    """The mail server's name or address alone, like ``smtp_server: smtp.example.com``."""
    smtp_port: Annotated[Whole, Field(ge=1, le=65535)] = 587
    use_tls: bool = True
    """STARTTLS, or TLS from the first byte on port 465. The server's certificate is checked."""
    username: str | None = None
    """Without it nobody logs in."""
    password: Annotated[str | None, Field(repr=False)] = None
    """From the environment: ``${NAME}``. One that stands in the plan is not used, and nobody is told."""
    from_addr: str
    """Who writes, like ``from_addr: perf@example.com``."""
    to_addrs: Annotated[tuple[str, ...], Field(min_length=1)]
    """Who is written to, like ``to_addrs: [team@example.com]``; all of them stand in one message."""


class SlackAlert(Model):
    """Slack channel of ``alerting``: an incoming webhook of Slack, or of what understands the same."""

    enabled: bool = True
    webhook_url: Annotated[str, Field(repr=False)]
    """From the environment: ``webhook_url: ${SLACK_WEBHOOK}``. One that stands in the plan is used on this machine
    only."""
    channel: str | None = None
    """Instead of the webhook's own."""


class Alerting(Model):
    """Who is told when a run goes badly, and when it is good again."""

    enabled: bool = True
    email: EmailAlert | None = None
    slack: SlackAlert | None = None
    urls: Annotated[tuple[str, ...], Field(repr=False)] = ()
    """Other channels, as URLs of Apprise; from the environment: ``${NAME}``."""
    on: tuple[Matter, ...] = DEFAULT_MATTERS
    """What is told."""
    after: DurationUs = 30_000_000
    """A threshold that is missed while the run goes on is told when it has been so for this long; one that ends the
    run, at once."""
    cool_down: DurationUs = 600_000_000
    """The same matter of the same plan is not told again before this time is over, by later runs neither."""
