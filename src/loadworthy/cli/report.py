"""``loadworthy report RUN``: summary and reports again, from the run directory alone."""

from __future__ import annotations

import argparse
from pathlib import Path

from loadworthy.cli.showing import show_run
from loadworthy.errors import ExitCode

EPILOG = """\
example:
  loadworthy report runs/2026-11-20T14-05-09-load

The exit code is the verdict's, as after the run itself.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("run", metavar="RUN", type=Path, help="a run directory")


def execute(arguments: argparse.Namespace) -> ExitCode:
    """Write the files, print the closing view."""
    return show_run(arguments.run)
