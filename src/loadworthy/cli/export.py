"""``loadworthy export RUN --format F``: a run in the form that another tool reads."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from loadworthy.errors import ExitCode, RunDirError, UsageError

if TYPE_CHECKING:
    from loadworthy.report.exports import Format, Source

EPILOG = """\
examples:
  loadworthy export runs/2026-11-20T14-05-09-load --format markdown >> "$GITHUB_STEP_SUMMARY"
  loadworthy export runs/2026-11-20T14-05-09-load --format locust-csv --out results/nightly
  loadworthy export runs/2026-11-20T14-05-09-load --format prometheus --out /var/lib/node_exporter/loadworthy.prom
  loadworthy export runs/2026-11-20T14-05-09-load --format otlp --to http://127.0.0.1:4318

Without --out, text is printed; what cannot be printed goes into RUN. The exit code says whether the export worked, and
nothing of the run: `loadworthy check` does that.
"""
OTLP = "otlp"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    from loadworthy.report.exports import FORMATS

    formats = "\n".join(f"  {name:<12}{one.what}" for name, one in FORMATS.items())
    parser.epilog = f"formats:\n{formats}\n\n{EPILOG}"
    parser.add_argument("run", metavar="RUN", type=Path, help="a run directory")
    parser.add_argument("--format", metavar="F", required=True, choices=list(FORMATS), help="one of those below")
    parser.add_argument("--out", metavar="FILE|DIR", help="write it there; of several files this is the prefix")
    parser.add_argument("--scenario", metavar="NAME", help="only this one; the verdict stays the run's")
    parser.add_argument("--report-url", metavar="URL", help="where the full report is, for the link in markdown")
    parser.add_argument("--to", metavar="URL", help="send otlp to this endpoint, e.g. http://127.0.0.1:4318")


def execute(arguments: argparse.Namespace) -> ExitCode:
    """Read the run, write or send it."""
    from loadworthy.cli.console import error_console
    from loadworthy.cli.working import working
    from loadworthy.clock import SystemClock
    from loadworthy.record.rundir import Run
    from loadworthy.report.exports import FORMATS, Source, export

    _check(arguments)
    run = Run.open(arguments.run)
    try:
        with working(error_console(), f"exporting {run.path.name}", SystemClock()) as told:
            source = Source(run, scenario=arguments.scenario, report_url=arguments.report_url, told=told)
            sent = None if arguments.to is None else _send(source, arguments.to)
            files = export(arguments.format, source) if sent is None else {}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RunDirError(f"{arguments.run} is damaged: {type(error).__name__}: {error}") from error
    if sent is not None:
        print(sent)
        return ExitCode.PASS
    chosen = FORMATS[arguments.format]
    if arguments.out is None and chosen.is_text and not chosen.prefix:
        _print(b"".join(files.values()))
    else:
        _write(_placed(files, chosen, arguments.out, arguments.run))
    return ExitCode.PASS


def _check(arguments: argparse.Namespace) -> None:
    """What does not go together."""
    if arguments.to is not None and arguments.format != OTLP:
        raise UsageError(f"--to is for --format {OTLP}; use --out for a file")
    if arguments.to is not None and arguments.out is not None:
        raise UsageError("--to sends and --out writes; leave one of them out")
    if arguments.report_url is not None and urlsplit(arguments.report_url).scheme not in ("", "http", "https"):
        raise UsageError(f"--report-url {arguments.report_url}: that is no address of a page; it begins with https://")


def _placed(files: Mapping[str, bytes], chosen: Format, out: str | None, run: Path) -> dict[Path, bytes]:
    """Where each file goes: into RUN, into a folder, or to the path or the prefix that was given."""
    is_folder = out is None or out.endswith(("/", os.sep)) or Path(out).is_dir()
    folder = run if out is None else Path(out) if is_folder else Path(out).parent
    if is_folder:
        return {folder / f"{chosen.prefix}{name}": content for name, content in files.items()}
    given = Path(out or "").name
    return {folder / (f"{given}{name}" if chosen.prefix else given): content for name, content in files.items()}


def _write(files: Mapping[Path, bytes]) -> None:
    from loadworthy.record.rundir import replace_file

    for path, content in files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, content)
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror or error}") from error
        print(path)


def _print(content: bytes) -> None:
    """UTF-8 wherever it goes; on a terminal without what would move its cursor or change its colours."""
    from loadworthy.report.terminal import plain

    if sys.stdout.isatty():
        print("\n".join(plain(line) for line in content.decode("utf-8").split("\n")), end="")
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def _send(source: Source, url: str) -> str:
    """Send it; what was sent, in words."""
    from loadworthy.cli.otlp_endpoint import Endpoint, headers_from
    from loadworthy.report.exports import otlp_source, require_extra
    from loadworthy.report.otlp import otlp_messages

    require_extra(OTLP)
    endpoint = Endpoint(url, headers_from(os.environ))
    sent = sum(endpoint.send(message) for message in otlp_messages(otlp_source(source)))
    return f"sent {sent:,} data points to {endpoint.shown}"
