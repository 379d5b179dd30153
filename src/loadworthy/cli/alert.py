"""``loadworthy alert test PLAN``: does a message arrive, by every channel of the plan?"""

from __future__ import annotations

import argparse
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from loadworthy.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from loadworthy.alert.channels import Channels
    from loadworthy.alert.post import Answer
    from loadworthy.plan.load import LoadedPlan

EPILOG = """\
example:
  SMTP_PASSWORD=… loadworthy alert test plan.yaml

It makes no load. A message marked as a test goes out by every channel that is switched on, and what came of each is
said. Passwords, webhooks and URLs come from the environment, as in a run.

exit codes: 0 all were sent, 2 one was not, or the plan is wrong
"""
_PAUSES_S = (1.0,)
"""Somebody is waiting: one more try is enough."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add what can be done with alerts."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    testing = actions.add_parser(
        "test",
        help="send a test message",
        description="Send a test message.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    testing.add_argument("plan", metavar="PLAN", type=Path, help="the plan whose alerting is tried")


def execute(arguments: argparse.Namespace) -> ExitCode:
    """Send it, say what came of it."""
    from loadworthy.alert.channels import channels_of
    from loadworthy.plan.load import load_plan

    loaded = load_plan(arguments.plan, environ=os.environ)
    if loaded.plan.alerting is None:
        raise UsageError(f"{arguments.plan} has no alerting; docs/plan.md shows how it is written")
    if not loaded.plan.alerting.enabled:
        raise UsageError(f"alerting is switched off in {arguments.plan}: enabled: false")
    channels = channels_of(loaded)
    if not channels.usable and not channels.unusable:
        raise UsageError(
            f"alerting in {arguments.plan} has no channel that is switched on; give it email, slack or urls"
        )
    lines = [(one.name, f"not used: {one.why}") for one in channels.unusable]
    answers = _sent(channels, loaded)
    lines += [(answer.channel, _outcome(answer)) for answer in answers]
    _print([(name, loaded.redactor(text)) for name, text in lines])
    return ExitCode.PASS if not channels.unusable and all(answer.sent for answer in answers) else ExitCode.USAGE


def _sent(channels: Channels, loaded: LoadedPlan) -> list[Answer]:
    from loadworthy.alert.post import Post
    from loadworthy.alert.render import prepared
    from loadworthy.alert.where import job_of
    from loadworthy.alert.words import RunFacts, of_a_test
    from loadworthy.cli.console import error_console
    from loadworthy.cli.working import working
    from loadworthy.clock import SystemClock

    if not channels.usable:
        return []
    clock = SystemClock()
    plan, target = loaded.plan.name or loaded.path.stem, loaded.redacted_json.get("base_url")
    facts = RunFacts(plan, target, socket.gethostname(), job=job_of(os.environ))
    post = Post(channels.usable, clock, pauses_s=_PAUSES_S)
    try:
        post.send(prepared(of_a_test(facts), loaded.redactor))
        with working(error_console(), "sending a test message", clock) as told:
            answers = post.finish(told)
    finally:
        post.close()
    order = [one.name for one in channels.usable]
    return sorted(answers, key=lambda answer: order.index(answer.channel))


def _outcome(answer: Answer) -> str:
    if answer.sent:
        return "sent"
    return f"failed: {answer.reason}{f'; {answer.hint}' if answer.hint else ''}"


def _print(lines: Sequence[tuple[str, str]]) -> None:
    width = max(len(name) for name, _ in lines)
    for name, text in lines:
        print(f"{name:<{width}}  {text}")
