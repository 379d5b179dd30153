"""``loadworthy``: reads the command line, hands over to a verb, and is the only place that ends the process.

A verb's module is imported when its verb is used, so that ``--help`` stays quick. Each has
``configure(parser)`` and ``execute(arguments) -> ExitCode``.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn

from loadworthy import __version__
from loadworthy.cli.guard import guarded
from loadworthy.errors import ExitCode, UsageError

VERBS = {
    "init": "write a plan, a user file and a CI job that run at once",
    "import": "make a plan from OpenAPI, HAR, curl, Postman, Locust or a config.json",
    "demo": "start a small service, load it for 20 seconds, show the verdict",
    "run": "run a plan or a locustfile and judge it",
    "report": "make the reports of a run again, or one report over several runs",
    "check": "judge a run, or a table of statistics, against thresholds",
    "compare": "is it worse? compare runs with earlier ones",
    "baseline": "keep runs that later ones are compared with",
    "ab": "run a plan against two targets in turns and compare them",
    "history": "show the trend over a folder of runs, and where it changed",
    "export": "write a run as Markdown, CSV, Parquet and others, for other tools",
    "data": "make up rows of test data and look at them",
    "alert": "try the channels that a plan's alerting names",
    "worker": "lend this machine to a run on another",
    "doctor": "is this machine fit to make load, and how much?",
    "schema": "print the JSON Schema of a plan, for editors",
    "completion": "print a script that completes commands and options in a shell",
}

MODULES = {"import": "import_"}
"""The modules of verbs that Python keeps for itself."""

MISTAKE = "this is a mistake in Loadworthy, not in your plan; please report it"

EPILOG = """\
exit codes: 0 pass, 1 fail, 2 usage or set-up error, 3 undecided, 4 invalid, 130 interrupted

examples:
  loadworthy demo
  loadworthy run plan.yaml
  loadworthy run locustfile.py --url http://localhost:8000 --users 20 --spawn-rate 5 --run-time 1m
  loadworthy report runs/2026-11-20T14-05-09-load
  loadworthy compare runs/2026-11-2* --to runs/2026-11-27*
"""


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit."""
    words = sys.argv[1:] if argv is None else list(argv)
    sys.exit(guarded("loadworthy", lambda: _dispatch(words), MISTAKE))


def _dispatch(argv: list[str]) -> ExitCode:
    argv, passed_on = _split(argv)
    verb = next((word for word in argv if not word.startswith("-")), None)
    parser = _parser(only=verb)
    arguments = parser.parse_args(argv)
    if arguments.verb is None:
        parser.print_help()
        return ExitCode.USAGE
    if passed_on and arguments.verb != "run":
        raise UsageError(
            f"nothing can follow -- in `loadworthy {arguments.verb}`; it is for the options of a locustfile"
        )
    arguments.passed_on = passed_on
    code: ExitCode = _module(arguments.verb).execute(arguments)
    return code


def _module(verb: str) -> ModuleType:
    return importlib.import_module(f"loadworthy.cli.{MODULES.get(verb, verb)}")


def _split(argv: list[str]) -> tuple[list[str], list[str]]:
    """What is for us, and what follows ``--``."""
    if "--" not in argv:
        return argv, []
    at = argv.index("--")
    return argv[:at], argv[at + 1 :]


def whole_parser() -> argparse.ArgumentParser:
    """The parser with the options of all verbs, for shells that complete them."""
    return _parser(only=None, every=True)


def _parser(only: str | None, *, every: bool = False) -> argparse.ArgumentParser:
    """The parser; the options of a verb are set up only when it is the one asked for, or every one is."""
    parser = argparse.ArgumentParser(
        prog="loadworthy",
        description="Performance tests that answer with evidence: does the service meet its targets?",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"loadworthy {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="COMMAND", title="commands")
    for verb, summary in VERBS.items():
        module = _module(verb) if every or verb == only else None
        verb_parser = verbs.add_parser(
            verb,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}{'' if summary.endswith('?') else '.'}",
            epilog=getattr(module, "EPILOG", None),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if module is not None:
            module.configure(verb_parser)
    return parser


if __name__ == "__main__":
    main()
