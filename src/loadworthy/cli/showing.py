"""What the terminal shows at the end of a run, and of ``loadworthy report``."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loadworthy.errors import ExitCode, RunDirError

if TYPE_CHECKING:
    from loadworthy.analysis.reading import Reading
    from loadworthy.analysis.summary import Summary
    from loadworthy.analysis.timeline import TimelineBuilder
    from loadworthy.record.rundir import Run

_WRITING_AS_BYTES = 100_000_000
"""Writing the reports takes about as long as reading so many bytes of a run."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """A run that was judged.

    Args:
        path: its directory.
        summary: its figures and verdicts, as in ``summary.json``.
        files: the summary and the reports that were written.
        interrupted: whether it was asked to stop before its end.
        exit_code: the verdict's, or 130 where it was interrupted.
    """

    path: Path
    summary: Summary
    files: tuple[Path, ...]
    interrupted: bool
    exit_code: ExitCode


def judge(path: Path, *, closing: bool = True) -> RunResult:
    """Write summary and reports of a run directory, as ``loadworthy report`` does.

    ::

        result = judge(Path("runs/2026-11-20T14-05-09-load"))
        print(result.summary.verdict, *result.files)

    Args:
        path: the run directory.
        closing: whether the closing view is printed.

    Raises:
        RunDirError: where it is no run directory, or a damaged one, or the files cannot be written.
    """
    from loadworthy.record.rundir import Run

    run = Run.open(path)
    try:
        reading, summary, files = _reports(run)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RunDirError(f"{path} is damaged: {type(error).__name__}: {error}") from error
    if closing:
        try:
            _print_view(run, summary, files, reading.timeline)
        except OSError as error:
            silence_output()
            print(f"loadworthy: cannot print ({error.strerror or error}); the reports are in {path}", file=sys.stderr)
    interrupted = run.manifest.get("ended") == "interrupted"
    return RunResult(path, summary, tuple(files), interrupted, ExitCode(summary.exit_code))


def show_run(path: Path) -> ExitCode:
    """Judge a run directory and print the closing view; the exit code."""
    return judge(path).exit_code


def _reports(run: Run) -> tuple[Reading, Summary, Sequence[Path]]:
    """Read the run and write its reports, with a bar where that takes its time."""
    from loadworthy.analysis.reading import read
    from loadworthy.cli.console import error_console
    from loadworthy.cli.working import working
    from loadworthy.clock import SystemClock
    from loadworthy.record.rundir import INTERVALS
    from loadworthy.report.write import write_reports

    size = _size_bytes(run.path / INTERVALS)
    first = size / (size + _WRITING_AS_BYTES)
    with working(error_console(), f"judging {run.path.name}", SystemClock()) as told:
        reading = read(run, lambda share: told(first * share))
        summary, files = write_reports(run, reading=reading, told=lambda share: told(first + (1 - first) * share))
    return reading, summary, files


def _size_bytes(file: Path) -> int:
    return file.stat().st_size if file.is_file() else 0


def _print_view(run: Run, summary: Summary, files: Sequence[Path], timeline: TimelineBuilder) -> None:
    from loadworthy.cli.console import PatientConsole
    from loadworthy.report.text import MAX_WIDTH, print_closing_view, render_text

    console = PatientConsole()
    parts = {
        "failures": run.failures,
        "target": run.manifest.get("target"),
        "files": list(_shown_files(run.path, files)),
        "timeline": timeline,
    }
    if console.is_terminal:
        print_closing_view(console, summary, **parts)
    else:
        sys.stdout.write(render_text(summary, MAX_WIDTH, **parts))
    sys.stdout.flush()


def silence_output() -> None:
    """Standard output leads nowhere from now on, so that nothing fails over it again, the end of Python included."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _shown_files(directory: Path, files: Sequence[Path]) -> Iterator[str]:
    """The files of the run directory, and its folders with how many are in each."""
    yield from (_short(file) for file in files if file.parent == directory)
    for folder, count in Counter(file.parent for file in files if file.parent != directory).items():
        yield f"{_short(folder)}{os.sep} ({count} file{'s' * (count != 1)})"


def _short(path: Path) -> str:
    """Relative to the working directory where that is shorter."""
    relative = os.path.relpath(path)
    return min((relative, str(path)), key=len)
