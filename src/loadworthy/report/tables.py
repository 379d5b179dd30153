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

A cell is empty where a figure is unknown, e.g. a percentile of too few samples. Text that a spreadsheet would take for
a formula has an apostrophe before it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from loadworthy.analysis.figures import PERCENTILES, Distribution, Figures
from loadworthy.analysis.summary import Summary

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

# See OWASP, "CSV Injection": these begin a formula in spreadsheet programs.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def stats_csv(summary: Summary) -> str:
    """The content of ``stats.csv``."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    for name, scenario in summary.scenarios.items():
        for figures in scenario.series.values():
            writer.writerow(_row(name, figures.kind, figures.name, figures))
        writer.writerow(_row(name, "", AGGREGATED, scenario.figures))
    return out.getvalue()


def _row(scenario: str, kind: str, name: str, figures: Figures) -> list[str]:
    counts = (figures.requests, figures.failures, _cell(figures.error_rate), _cell(figures.throughput))
    return [
        *(_harmless(text) for text in (scenario, kind, name)),
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


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
