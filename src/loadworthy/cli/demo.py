"""``loadworthy demo``: an embedded service, a 20-second plan against it, and the verdict."""

from __future__ import annotations

import argparse
from pathlib import Path

from loadworthy.errors import ExitCode

EPILOG = """\
example:
  loadworthy demo

It starts a small booking service with an SQLite database on a free port of 127.0.0.1, in a process of its own, and
needs nothing else. The plan it runs is printed with --show-plan: a good start for your own.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        "--out", metavar="DIR", type=Path, default=Path("runs"), help="folder for run directories (runs)"
    )
    parser.add_argument("--show-plan", action="store_true", help="print the plan and do nothing else")


def execute(arguments: argparse.Namespace) -> ExitCode:
    """Start the service, run the plan, stop the service."""
    from loadworthy.demo.start import PLAN, DemoService

    if arguments.show_plan:
        print(PLAN.read_text(encoding="utf-8"), end="")
        return ExitCode.PASS

    from loadworthy.cli.running import run_and_show
    from loadworthy.engine.run import RunRequest
    from loadworthy.plan.load import load_plan

    with DemoService() as service:
        loaded = load_plan(PLAN, environ={"DEMO_URL": service.url})
        print(f"demo service at {service.url}, process {service.pid}", flush=True)
        return run_and_show(RunRequest(loaded, arguments.out))
