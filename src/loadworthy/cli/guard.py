"""From what a command does to its exit code: no traceback for a user's mistake."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable

from loadworthy.cli.showing import silence_output
from loadworthy.errors import ExitCode, LoadworthyError


def guarded(name: str, command: Callable[[], int], whose_mistake: str = "") -> int:
    """Run a command called ``name``; its exit code, or that of the error it ended with, told in one line.

    ``whose_mistake`` is said below the traceback of an exception that nobody foresaw.
    """
    try:
        code = int(command())
        sys.stdout.flush()
    except LoadworthyError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return int(error.exit_code)
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return int(ExitCode.INTERRUPTED)
    except OSError as error:
        return _without_output(name, error)
    except Exception:  # noqa: BLE001  # a bug must not look like a verdict, as Python's own exit code 1 would
        traceback.print_exc()
        if whose_mistake:
            print(f"{name}: {whose_mistake}", file=sys.stderr)
        return int(ExitCode.INVALID)
    return code


def _without_output(name: str, error: OSError) -> int:
    """What was to be printed cannot be; quietly where the reader has just gone (`… | head`)."""
    silence_output()
    if not isinstance(error, BrokenPipeError):
        print(f"{name}: {error}", file=sys.stderr)
    return int(ExitCode.USAGE)
