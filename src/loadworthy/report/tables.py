"""CSV tables of a run.

``stats.csv``, one row for each series and, after them, one named ``Aggregated`` for each scenario:

=====================  ==============================================================================================
column                 meaning
=====================  ==============================================================================================
scenario               the scenario's name
kind, name             the series, e.g. ``GET``, ``/items``; ``Aggregated`` and no kind for the whole scenario
requests, failures     how many were made, and how many of them failed
error_rate             failures ÷ requests, 0..1
throughput             requests per second of the scenario's measured time
response_X_ms          response time: mean, min, p50, p90, p95, p99, p99.9 (``p999``) and max, ms
service_X_ms           service time, the same figures
sent_bytes, received_bytes   bytes on the wire, as the user classes reported them
=====================  ==============================================================================================

Of a scenario that looked for its own load, these are over all of its trials together, whose rows stand in
``trials.csv``, in the order in which they were run; that file is only there if one did:

=====================  ==============================================================================================
column                 meaning
=====================  ==============================================================================================
scenario               the scenario's name
trial, purpose         from 1, and what it was for: ``grow``, ``bisect`` or ``confirm``
rate, duration_s       iterations per second that were asked for, and for how long
verdict                ``good``, ``bad``, or ``generator`` where that was the limit
objective              the one that was broken by most, or that was nearest to it
bad_share, allowed     the share of the intended requests that was bad by it, and the share that may be, 0..1
dropped                arrivals that were dropped
requests, failures, error_rate, throughput, response_X_ms   as in ``stats.csv``
=====================  ==============================================================================================

A cell is empty where a figure is unknown, e.g. a percentile of too few samples. Text that a spreadsheet would take for
a formula has an apostrophe before it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from loadworthy.analysis.figures import PERCENTILES, Distribution, Figures
from loadworthy.analysis.summary import Summary
from loadworthy.report.harmless import no_formula
from loadworthy.report.search_words import TrialRow, trial_rows

AGGREGATED = "Aggregated"
TIMES = ("mean", "min", *PERCENTILES, "max")
HEADER = (
    "scenario",
    "kind",
    "name",
    "requests",
    "failures",
    "error_rate",
    "throughput",
    *(f"response_{figure}_ms" for figure in TIMES),
    *(f"service_{figure}_ms" for figure in TIMES),
    "sent_bytes",
    "received_bytes",
)

TRIALS_HEADER = (
    "scenario",
    "trial",
    "purpose",
    "rate",
    "duration_s",
    "verdict",
    "objective",
    "bad_share",
    "allowed",
    "dropped",
    "requests",
    "failures",
    "error_rate",
    "throughput",
    *(f"response_{figure}_ms" for figure in TIMES),
)


def stats_csv(summary: Summary) -> str:
    """The content of ``stats.csv``."""
    return _csv(HEADER, _stats_rows(summary))


def trials_csv(summary: Summary) -> str | None:
    """The content of ``trials.csv``; None where no scenario looked for its own load."""
    rows = [
        _trial_row(name, row)
        for name, scenario in summary.scenarios.items()
        if scenario.search is not None
        for row in trial_rows(scenario.search.capacity)
    ]
    return _csv(TRIALS_HEADER, rows) if rows else None


def _csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()


def _stats_rows(summary: Summary) -> Iterator[list[str]]:
    for name, scenario in summary.scenarios.items():
        for figures in scenario.series.values():
            yield _row(name, figures.kind, figures.name, figures)
        yield _row(name, "", AGGREGATED, scenario.figures)


def _trial_row(scenario: str, row: TrialRow) -> list[str]:
    trial, figures = row.trial, row.trial.figures
    objective = "" if row.nearest is None else row.nearest.expression
    return [
        no_formula(scenario),
        str(row.place),
        trial.purpose,
        _cell(trial.rate),
        _cell(trial.duration_s),
        row.verdict,
        no_formula(objective),
        _cell(row.share),
        _cell(row.allowed),
        str(trial.dropped),
        str(figures.requests),
        str(figures.failures),
        _cell(figures.error_rate),
        _cell(figures.throughput),
        *_times(figures.response_time_ms),
    ]


def _row(scenario: str, kind: str, name: str, figures: Figures) -> list[str]:
    counts = (figures.requests, figures.failures, _cell(figures.error_rate), _cell(figures.throughput))
    return [
        *(no_formula(text) for text in (scenario, kind, name)),
        *(str(value) for value in counts),
        *_times(figures.response_time_ms),
        *_times(figures.service_time_ms),
        str(figures.sent_bytes),
        str(figures.received_bytes),
    ]


def _times(times: Distribution) -> Iterator[str]:
    values = times.to_json()
    return (_cell(values[figure]) for figure in TIMES)


def _cell(value: float | None) -> str:
    return "" if value is None else f"{round(value, 6):.10g}"
