"""``loadworthy completion SHELL``: a script with which a shell completes commands, options and files."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from loadworthy.errors import ExitCode

SHELLS = ("bash", "zsh", "fish")
_FOLDERS = ("DIR", "RUN", "BASE", "NEW")
"""Metavariables of arguments that name folders, run directories among them."""
_FILES = ("FILE", "PLAN", "SOURCE", "PLAN|LOCUSTFILE", "RUN|STATS.csv", "FILE|DIR")

EPILOG = """\
example (bash, for all shells to come):
  mkdir -p ~/.local/share/bash-completion/completions
  loadworthy completion bash > ~/.local/share/bash-completion/completions/loadworthy

bash, for this shell only:
  eval "$(loadworthy completion bash)"

zsh, with this in ~/.zshrc: fpath+=(~/.zfunc); autoload -Uz compinit; compinit
  loadworthy completion zsh > ~/.zfunc/_loadworthy

fish:
  loadworthy completion fish > ~/.config/fish/completions/loadworthy.fish

Print it again after an update of Loadworthy.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("shell", choices=SHELLS, help="bash, zsh or fish")


def execute(arguments: argparse.Namespace) -> ExitCode:
    """Print the script."""
    print(script(arguments.shell))
    return ExitCode.PASS


def script(shell: str) -> str:
    """The script for one of :data:`SHELLS`, made from the options of all verbs."""
    import shtab

    from loadworthy.cli.main import whole_parser

    parser = whole_parser()
    for action in _actions(parser):
        wanted = _what(action)
        if wanted is not None:
            action.complete = shtab.DIRECTORY if wanted == "folder" else shtab.FILE  # type: ignore[attr-defined]
    return str(shtab.complete(parser, shell))


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """The arguments of a parser and of all parsers below it."""
    for action in parser._actions:  # noqa: SLF001  argparse has no other way to ask
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for below in action.choices.values():
                yield from _actions(below)
        else:
            yield action


def _what(action: argparse.Action) -> str | None:
    """``folder`` or ``file`` where an argument names one."""
    if action.metavar in _FOLDERS:
        return "folder"
    return "file" if action.metavar in _FILES or action.type is Path else None
