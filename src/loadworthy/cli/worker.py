"""``loadworthy worker --join HOST``: make load for a run that was started elsewhere."""

from __future__ import annotations

import argparse

from loadworthy.cli.addresses import parse_address
from loadworthy.errors import ExitCode

EPILOG = """\
example, with the run on 10.0.0.5:
  10.0.0.5$ loadworthy run plan.yaml --workers 2 --bind 10.0.0.5
  10.0.0.6$ loadworthy worker --join 10.0.0.5

A worker runs the code that the master sends (locustfiles), and the connection is neither encrypted nor
authenticated: join only masters you trust, over a network you trust.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("--join", metavar="HOST[:PORT]", required=True, help="where the run was started")
    parser.add_argument("--tied", action="store_true", help=argparse.SUPPRESS)


def execute(arguments: argparse.Namespace) -> ExitCode:
    """Work until the run is over."""
    address = parse_address(arguments.join)

    from loadworthy.clock import SystemClock
    from loadworthy.engine.worker import join  # imports Locust, which takes half a second

    def say(words: str) -> None:
        if not arguments.tied:
            print(words, flush=True)

    say(f"waiting for work from {address[0]}:{address[1]} (Ctrl-C leaves)")
    join(address, SystemClock(), tied=arguments.tied, say=say)
    say("the run is over")
    return ExitCode.PASS
