"""The exception tree and the exit codes.

::

    LoadworthyError
      ├─ UsageError          the caller's mistake: an option, a plan, a locustfile        exit 2
      │    └─ PlanError      one or more problems in a plan, all of them, with their lines
      ├─ SetupError          the run could not start: a port in use, a worker that never came   exit 2
      ├─ RunDirError         a run directory that cannot be read or written               exit 2
      └─ GeneratorError      our own side broke while the run went on                     exit 4

The class says whose fault it was. What the *target* does wrong is never an exception here: it is a failed sample.
Messages say what is wrong, where, and how to mend it. Only ``cli/main.py`` turns an error into an exit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """What the process says to its caller; public interface."""

    PASS = 0
    FAIL = 1
    USAGE = 2
    UNDECIDED = 3
    INVALID = 4
    INTERRUPTED = 130


class LoadworthyError(Exception):
    """Anything this package raises on purpose."""

    exit_code = ExitCode.USAGE


class UsageError(LoadworthyError):
    """The caller asked for something that cannot be done as asked."""


class SetupError(LoadworthyError):
    """The run could not start."""


class RunDirError(LoadworthyError):
    """A run directory is missing, not one, or of an unknown schema."""


class GeneratorError(LoadworthyError):
    """The load generator itself broke; its figures cannot be trusted."""

    exit_code = ExitCode.INVALID


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a plan.

    Args:
        file: the plan's path as the user gave it.
        line: 1-based line, or None where the file has no such place (an option on the command line).
        where: dotted path in the plan, e.g. ``scenarios.load.run_time``.
        message: what is wrong, with the offending value.
        hint: how to mend it; may be empty.
    """

    file: str
    line: int | None
    where: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line is not None else self.file
        text = f"{place}: {self.where}: {self.message}" if self.where else f"{place}: {self.message}"
        return f"{text}\n    {self.hint}" if self.hint else text


class PlanError(UsageError):
    """A plan with mistakes: every one of them, in the order of their lines."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = f"{count} problem{'s' if count != 1 else ''} in the plan:"
        super().__init__("\n".join([head, *(str(problem) for problem in self.problems)]))
