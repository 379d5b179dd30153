"""Writes the reports of a run into its directory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from loadworthy.analysis.reading import Reading, read
from loadworthy.analysis.summary import Summary
from loadworthy.errors import RunDirError
from loadworthy.plan.reporting import formats_of
from loadworthy.record.rundir import SUMMARY, Run, replace_file
from loadworthy.report.exports import FORMATS, Source, export
from loadworthy.report.report_json import summary_json
from loadworthy.report.tables import trials_csv
from loadworthy.told import Told, untold

Content = str | bytes
_READ_SHARE = 0.7
"""Of the whole work, reading is about so much."""
_DRAWN_SHARE = 0.2
"""Of the rest, describing the charts."""


def write_reports(run: Run, *, told: Told = untold, reading: Reading | None = None) -> tuple[Summary, list[Path]]:
    """Make the summary and all reports of a run again from what was recorded; the summary, and where the files are.

    The run must be freshly opened. The same run gives the same bytes. Each file is replaced whole. ``told`` hears how
    far it is, 0..1. With ``reading`` the run was read already. RunDirError where the run cannot be read or the files
    cannot be written.
    """
    summary, contents = render_reports(run, told=told, reading=reading)
    return summary, write_files(run.path, contents)


def render_reports(
    run: Run, *, told: Told = untold, reading: Reading | None = None
) -> tuple[Summary, dict[str, Content]]:
    """The summary, and file name → content of the formats that the plan wants.

    The intervals are read once. The run must be freshly opened.
    """
    share = _READ_SHARE if reading is None else 0.0
    found = read(run, lambda part: told(part * share)) if reading is None else reading
    source = Source(run, reading=found)
    contents: dict[str, Content] = {SUMMARY: summary_json(source.whole)}
    wanted = formats_of(_reporting(run))
    if {"html", "plots"} & set(wanted):
        told(share + (1 - share) * _DRAWN_SHARE * bool(source.groups))
    for done, name in enumerate(wanted, 1):
        contents |= _files(name, source)
        told(share + (1 - share) * (_DRAWN_SHARE + (1 - _DRAWN_SHARE) * done / len(wanted)))
    return source.whole, contents


def _reporting(run: Run) -> object:
    plan = run.manifest.get("plan")
    return plan.get("reporting") if isinstance(plan, Mapping) else None


def _files(name: str, source: Source) -> dict[str, Content]:
    """The files of a format, as a run directory has them."""
    if name == "plots":
        return {**_files("svg", source), **_files("png", source)}
    chosen = FORMATS[name]
    files: dict[str, Content] = {
        f"{chosen.prefix}{file}": content.decode() if chosen.is_text else content
        for file, content in export(name, source).items()
    }
    trials = trials_csv(source.whole) if name == "csv" else None
    return files if trials is None else {**files, "trials.csv": trials}


def write_files(directory: Path, contents: Mapping[str, Content]) -> list[Path]:
    """Write files atomically, each; their paths in the order given."""
    paths = []
    for name, content in contents.items():
        path = directory / name
        try:
            path.parent.mkdir(exist_ok=True)
            replace_file(path, content)
        except OSError as error:
            raise RunDirError(f"cannot write {path}: {error.strerror or error}") from error
        paths.append(path)
    return paths
