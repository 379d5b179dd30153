"""The terminal as the commands use it."""

from __future__ import annotations

from typing import NoReturn

from rich.console import Console


class PatientConsole(Console):
    """A console whose reader may leave; Rich's own would end the process, and a run that goes on with it."""

    def on_broken_pipe(self) -> NoReturn:
        """Let the caller decide."""
        raise BrokenPipeError


def error_console() -> PatientConsole:
    """Standard error, for what is said beside a command's results."""
    return PatientConsole(stderr=True)
