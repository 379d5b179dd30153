"""The tables of a run's Markdown: thresholds, key figures, trials, drift, failures, and the series, the worst first."""

from __future__ import annotations

from collections.abc import Sequence

from loadworthy.analysis.capacity import CapacityReport
from loadworthy.analysis.ending import seconds
from loadworthy.analysis.endurance import DriftReport
from loadworthy.analysis.figures import Figures
from loadworthy.analysis.summary import ScenarioSummary
from loadworthy.analysis.threshold_result import ThresholdResult
from loadworthy.analysis.verdict import Verdict
from loadworthy.report.drift_words import change, slope, slope_interval, to_limit
from loadworthy.report.failures import FailureExample
from loadworthy.report.key_figures import KeyFigure
from loadworthy.report.markdown_text import Align, code, escaped, table
from loadworthy.report.search_words import SERIES_NOTE, TRIAL_MARKS, thresholds_note, trial_rows
from loadworthy.report.words import interval, interval_note, margin, milliseconds, observed, plural
from loadworthy.units import UNKNOWN, format_count, format_ratio

MARKS = {Verdict.PASS: "✅", Verdict.FAIL: "❌", Verdict.UNDECIDED: "❔", Verdict.INVALID: "⚠️"}
MOST_THRESHOLDS, MOST_SERIES, MOST_EXAMPLES, MOST_TRIALS, MOST_METRICS = 40, 20, 3, 40, 40
LONGEST_NAME = 120
"""Characters of a name; what is longer is cut."""

SEVERITY = (Verdict.INVALID, Verdict.FAIL, Verdict.UNDECIDED, Verdict.PASS)
"""The worst first."""

_LONGEST_FIGURE, _LONGEST_MESSAGE, _LONGEST_NOTE = 400, 200, 500


def thresholds_table(scenario: ScenarioSummary) -> str:
    """Each threshold with what was observed. Of too many the ones that were missed."""
    results = list(scenario.thresholds)
    if len(results) > MOST_THRESHOLDS:
        results = sorted(results, key=lambda one: SEVERITY.index(one.verdict))[:MOST_THRESHOLDS]
    head = [] if scenario.search is None else [f"Thresholds {thresholds_note(scenario.search.capacity)}:", ""]
    headings = ("", "threshold", "observed", "95 % interval", "margin", "verdict")
    rows = [_threshold_cells(result) for result in results]
    after = _more(len(scenario.thresholds) - len(results))
    if note := interval_note(results):
        after += ["", escaped(note, _LONGEST_NOTE)]
    return "\n".join([*head, table(headings, _aligned("<<><<<"), rows), *after])


def _threshold_cells(result: ThresholdResult) -> list[str]:
    return [
        MARKS[result.verdict],
        f"{code(result.expression, LONGEST_NAME)}{' (implied)' if result.implicit else ''}",
        observed(result),
        interval(result),
        margin(result),
        result.verdict.value,
    ]


def figures_table(figures: Sequence[KeyFigure]) -> str:
    """The key figures of a scenario, a line each."""
    rows = [(figure.label, escaped(figure.shown, _LONGEST_FIGURE)) for figure in figures]
    return table(("figure", "value"), _aligned("<<"), rows)


def trials_table(report: CapacityReport) -> str:
    """The trials of a search in the order in which they were run, folded."""
    rows = []
    for row in trial_rows(report)[:MOST_TRIALS]:
        times = row.trial.figures.response_time_ms
        nearest = UNKNOWN if row.nearest is None else code(row.nearest.expression, LONGEST_NAME)
        rows.append((
            f"{TRIAL_MARKS[row.verdict]} {row.place}", escaped(row.trial.purpose, LONGEST_NAME),
            f"{row.trial.rate:,.1f}", seconds(row.trial.duration_s), milliseconds(times.p95),
            milliseconds(times.p99), format_ratio(row.share), format_ratio(row.allowed), nearest,
        ))  # fmt: skip
    headings = ("trial", "for", "per s", "length", "p95 ms", "p99 ms", "bad", "allowed", "by")
    body = [table(headings, _aligned("<<>>>>>><"), rows), *_more(len(report.trials) - len(rows))]
    return folded(f"{plural(len(report.trials), 'trial')} of the search", "\n".join(body))


def drift_table(report: DriftReport) -> str:
    """What became of each metric over an endurance. Of too many the ones that drifted."""
    metrics = list(report.by_key().items())
    if len(metrics) > MOST_METRICS:
        metrics = sorted(metrics, key=lambda item: SEVERITY.index(item[1].verdict))[:MOST_METRICS]
    rows = [
        (
            MARKS[one.verdict], code(key, LONGEST_NAME), escaped(one.source or UNKNOWN, LONGEST_NAME), slope(one),
            slope_interval(one), change(one), to_limit(one), one.verdict.value,
        )
        for key, one in metrics
    ]  # fmt: skip
    headings = ("", "drift of", "source", "per hour", "95 % interval", "change", "limit in", "verdict")
    return "\n".join([table(headings, _aligned("<<<>>>><"), rows), *_more(len(report.metrics) - len(rows))])


def failures_table(scenario: ScenarioSummary, examples: Sequence[FailureExample]) -> str:
    """How many requests failed in which way, with a few of the messages."""
    rows = []
    for kind, count in scenario.figures.failure_kinds.items():
        mine = [one for one in examples if one.kind == kind]
        shown = [code(f"{one.series}: {one.message}", _LONGEST_MESSAGE) for one in mine[:MOST_EXAMPLES]]
        more = [f"and {len(mine) - MOST_EXAMPLES} more"] if len(mine) > MOST_EXAMPLES else []
        rows.append((format_count(count), code(kind, LONGEST_NAME), ", ".join([*shown, *more]) or "no sample kept"))
    return table(("failed", "kind", "for example"), _aligned("><<"), rows)


def series_table(scenario: ScenarioSummary) -> str:
    """The worst series, folded: those of which the largest share failed, then the slowest."""
    shown = sorted(scenario.series.items(), key=_worst_first)[:MOST_SERIES]
    count = len(scenario.series)
    rows = [(code(name, LONGEST_NAME), *_series_cells(figures)) for name, figures in shown]
    if count > 1:
        rows.append(("all together", *_series_cells(scenario.figures)))
    headings = ("series", "requests", "failed", "per s", "p50 ms", "p95 ms", "p99 ms", "max ms")
    note = "" if scenario.search is None else f"{SERIES_NOTE}\n\n"
    title = f"{count} series, the worst first" if count > 1 else "1 series"
    if count > MOST_SERIES:
        title = f"The worst {MOST_SERIES} of {format_count(count)} series"
    return folded(title, note + table(headings, _aligned("<>>>>>>>"), rows))


def _worst_first(item: tuple[str, Figures]) -> tuple[float, float, str]:
    name, figures = item
    times = figures.response_time_ms
    # A series of a few requests has no percentile to be compared; its maximum is no stand-in for one.
    slow = next((value for value in (times.p95, times.p50) if value is not None), 0.0)
    return -(figures.error_rate or 0.0), -slow, name


def _series_cells(figures: Figures) -> list[str]:
    times = figures.response_time_ms
    per_second = UNKNOWN if figures.throughput is None else f"{figures.throughput:,.1f}"
    shown = [milliseconds(value) for value in (times.p50, times.p95, times.p99, times.max)]
    return [format_count(figures.requests), format_count(figures.failures), per_second, *shown]


def folded(title: str, body: str) -> str:
    """A part that is opened by a click. The title is our own words; after the empty line Markdown goes on."""
    return f"<details>\n<summary>{title}</summary>\n\n{body}\n\n</details>"


def _aligned(signs: str) -> list[Align]:
    return ["right" if sign == ">" else "left" for sign in signs]


def _more(count: int) -> list[str]:
    return ["", f"and {format_count(count)} more, in the report"] if count > 0 else []
