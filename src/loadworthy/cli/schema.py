"""``loadworthy schema``: the JSON Schema of a plan."""

from __future__ import annotations

import argparse
import json

from loadworthy.errors import ExitCode

EPILOG = """\
example:
  loadworthy schema > plan.schema.json

and as the first line of a YAML plan, for editors with a YAML language server:
  # yaml-language-server: $schema=plan.schema.json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The verb has no arguments."""


def execute(arguments: argparse.Namespace) -> ExitCode:  # noqa: ARG001  # every verb is called alike
    """Print it."""
    from loadworthy.plan.schema import plan_schema

    print(json.dumps(plan_schema(), indent=2))
    return ExitCode.PASS
