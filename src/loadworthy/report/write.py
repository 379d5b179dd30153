"""Writes the reports of a run into its directory; the only part of this package that touches files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from loadworthy.analysis.reading import read
from loadworthy.analysis.resources import resource_series
from loadworthy.analysis.summarize import summarize, timeline
from loadworthy.analysis.summary import Summary
from loadworthy.errors import RunDirError
from loadworthy.record.rundir import SUMMARY, Run, replace_file
from loadworthy.report.html import report_html
from loadworthy.report.junit import junit_xml
from loadworthy.report.report_json import report_json, summary_json
from loadworthy.report.tables import stats_csv, trials_csv


def write_reports(run: Run) -> tuple[Summary, list[Path]]:
    """Make the summary and all reports of a run again from what was recorded; the summary, and where the files are.

    The run must be freshly opened. The same run gives the same bytes. Each file is replaced whole. RunDirError where
    the run cannot be read or the files cannot be written.
    """
    summary, contents = render_reports(run)
    return summary, write_files(run.path, contents)


def render_reports(run: Run) -> tuple[Summary, dict[str, str]]:
    """The summary, and file name → content; the intervals are read once. The run must be freshly opened."""
    reading = read(run)
    summary = summarize(run, reading)
    resources = resource_series(run.resources, reading.totals.scenarios)
    contents = {
        SUMMARY: summary_json(summary),
        "report.html": report_html(summary, reading.timeline, run.manifest, run.failures, resources),
        "report.json": report_json(summary, timeline(run, reading), run.manifest, run.failures, resources),
        "junit.xml": junit_xml(summary),
        "stats.csv": stats_csv(summary),
    }
    trials = trials_csv(summary)
    return summary, contents if trials is None else {**contents, "trials.csv": trials}


def write_files(directory: Path, contents: Mapping[str, str]) -> list[Path]:
    """Write files atomically, each; their paths in the order given."""
    paths = []
    for name, text in contents.items():
        path = directory / name
        try:
            replace_file(path, text)
        except OSError as error:
            raise RunDirError(f"cannot write {path}: {error.strerror or error}") from error
        paths.append(path)
    return paths
