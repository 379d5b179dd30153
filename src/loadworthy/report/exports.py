"""What a run can be exported as: a table of formats, each a function from a run to the bytes of its files.

To add one is to add a line to :data:`FORMATS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module

from loadworthy.analysis.reading import Reading, read
from loadworthy.analysis.resources import ResourceSeries, resource_series
from loadworthy.analysis.summarize import summarize, timeline
from loadworthy.analysis.summary import Summary
from loadworthy.errors import UsageError
from loadworthy.record.interval import Interval
from loadworthy.record.rundir import SUMMARY, Run
from loadworthy.report.figures.draw import png
from loadworthy.report.hdr_log import hdr_log
from loadworthy.report.html import report_html
from loadworthy.report.junit import junit_xml
from loadworthy.report.locust_csv import exceptions_table, failures_table, history_table, stats_table
from loadworthy.report.markdown import markdown
from loadworthy.report.otlp import OtlpSource, otlp_json
from loadworthy.report.parquet import parquet_bytes
from loadworthy.report.plots import FOLDER as PLOTS
from loadworthy.report.plots import plot_files, unique_names
from loadworthy.report.prometheus_text import prometheus_text
from loadworthy.report.report_json import report_json, summary_json
from loadworthy.report.scenario_figures import Groups, scenario_groups
from loadworthy.report.steps import Steps
from loadworthy.report.tables import stats_csv
from loadworthy.told import Told, untold

Files = dict[str, bytes]

WHOLE = (1.0, 1.0)
"""The shares of a format whose work is in reading the run."""


class Source:
    """A run that is exported: read and judged once, when a format asks for it.

    Args:
        run: freshly opened.
        scenario: the only one to export; None for all. The verdict stays the run's.
        report_url: where the full report is, for formats that hold a link.
        told: hears how far it is, 0..1.
        reading, summary: what is known of the run already.
    """

    def __init__(
        self,
        run: Run,
        *,
        scenario: str | None = None,
        report_url: str | None = None,
        told: Told = untold,
        reading: Reading | None = None,
        summary: Summary | None = None,
    ) -> None:
        self.run = run
        self.scenario = scenario
        self.report_url = report_url
        self.shares = WHOLE
        self._told = told
        self._reading = reading
        self._whole = summary

    @property
    def reading(self) -> Reading:
        """All that was measured, of all scenarios."""
        if self._reading is None:
            self._reading = read(self.run, self._between(0, self.shares[0]))
        return self._reading

    @property
    def whole(self) -> Summary:
        """The judged run with all of its scenarios."""
        if self._whole is None:
            self._whole = summarize(self.run, self.reading)
        return self._whole

    @property
    def summary(self) -> Summary:
        """The same with the scenarios that are exported; UsageError where the run has none of that name."""
        if self.scenario is None:
            return self.whole
        chosen = self.whole.scenarios.get(self.scenario)
        if chosen is None:
            raise UsageError(f"--scenario {self.scenario}: the run has {', '.join(self.whole.scenarios) or 'none'}")
        return replace(self.whole, scenarios={self.scenario: chosen})

    @cached_property
    def groups(self) -> Groups:
        """The figures of each scenario that is exported, and what happened in it."""
        return scenario_groups(self.summary, self.reading, self.run.events, self.resources)

    @cached_property
    def resources(self) -> dict[str, ResourceSeries]:
        """What monitors read, by scenario."""
        return resource_series(self.run.resources, self.reading.totals.scenarios)

    @cached_property
    def drawings(self) -> dict[str, str]:
        """File name without its ending → the SVG of a figure."""
        return plot_files([(name, self.whole.run, group) for name, (group, _) in self.groups.items()])

    @property
    def target(self) -> str | None:
        """The base URL."""
        target = self.run.manifest.get("target")
        return None if target is None else str(target)

    def intervals(self) -> Iterator[Interval]:
        """The intervals of the scenarios that are exported; each call reads the file."""
        wanted = None if self.scenario is None else self.summary.scenarios
        intervals = self.run.intervals(self._between(*self.shares))
        return (interval for interval in intervals if wanted is None or interval.scenario in wanted)

    def steps(self) -> Steps:
        """The same in steps of time."""
        return Steps(self.intervals(), self._between(self.shares[1], 1))

    def _between(self, low: float, high: float) -> Told:
        told = self._told
        return lambda share: told(low + (high - low) * share)


@dataclass(frozen=True, slots=True)
class Format:
    """A format.

    Args:
        what: what it is, for the help.
        render: a run → file name → content. A format of several files names what follows a prefix: ``_stats.csv``.
        prefix: for several files, what their names begin with unless somebody says otherwise; else empty.
        is_text: whether it may be printed.
        is_whole: whether it cannot be of one scenario.
        extra: what must be installed for it: a module, and the name of our extra that brings it.
        shares: of its work, where reading and judging the run ends, and where going through its intervals ends.
    """

    what: str
    render: Callable[[Source], Files]
    prefix: str = ""
    is_text: bool = True
    is_whole: bool = False
    extra: tuple[str, str] | None = None
    shares: tuple[float, float] = WHOLE


def export(name: str, source: Source) -> Files:
    """File name → content, in one of :data:`FORMATS`.

    Raises:
        UsageError: what it needs is not installed, or it cannot be had as asked.
        RunDirError: the run's files cannot be read.
    """
    chosen = FORMATS[name]
    if chosen.is_whole and source.scenario is not None:
        raise UsageError(f"--format {name} is of the whole run; leave out --scenario")
    require_extra(name)
    source.shares = chosen.shares
    return chosen.render(source)


def require_extra(name: str) -> None:
    """UsageError that says what to install, where a format needs what is not there."""
    if (extra := FORMATS[name].extra) is None:
        return
    module, ours = extra
    try:
        import_module(module)
    except ImportError as error:
        raise UsageError(
            f"--format {name} needs {module}, which is not installed: pip install 'loadworthy[{ours}]'"
        ) from error


def otlp_source(source: Source) -> OtlpSource:
    """What OpenTelemetry metrics are made of."""
    source.shares = FORMATS["otlp"].shares
    return OtlpSource(source.summary, source.run.manifest, source.steps(), source.reading.timeline)


def _text(name: str, content: str) -> Files:
    # What UTF-8 cannot hold, a lone surrogate in a name, is written as its number.
    return {name: content.encode("utf-8", "backslashreplace")}


def _markdown(source: Source) -> Files:
    content = markdown(
        source.summary,
        source.reading.timeline,
        source.run.failures,
        target=source.target,
        report_url=source.report_url,
    )
    return _text("report.md", content)


def _junit(source: Source) -> Files:
    # The cases of the run as a whole look at all of its scenarios.
    return _text("junit.xml", junit_xml(source.whole, list(source.summary.scenarios)))


def _report_json(source: Source) -> Files:
    run, reading, resources = source.run, source.reading, source.resources
    seconds = timeline(run, reading)
    return _text(
        "report.json", report_json(source.whole, seconds, run.manifest, run.failures, resources, reading=reading)
    )


def _html(source: Source) -> Files:
    return _text("report.html", report_html(source.whole, source.run.manifest, source.run.failures, source.groups))


def _csv(source: Source) -> Files:
    return _text("stats.csv", stats_csv(source.summary))


def _locust_csv(source: Source) -> Files:
    scenarios, run = list(source.summary.scenarios), source.run
    totals, steps = source.reading.totals.scenarios, source.steps()
    files: Files = {}
    for name, part in zip(scenarios, unique_names(scenarios), strict=True):
        mine = f"_{part}" if len(scenarios) > 1 else ""
        ran = name in steps.scenarios()
        history = history_table(
            steps.together(name), source.reading.timeline.seconds(name), steps.start_ms(name) if ran else 0
        )
        files |= {
            **_text(f"{mine}_stats.csv", stats_table(totals.get(name))),
            **_text(f"{mine}_stats_history.csv", history),
            **_text(f"{mine}_failures.csv", failures_table(steps.of(name), run.failures, name)),
            **_text(f"{mine}_exceptions.csv", exceptions_table(run.events, name)),
        }
    return files


def _prometheus(source: Source) -> Files:
    totals = source.reading.totals.scenarios
    return _text("loadworthy.prom", prometheus_text(source.summary, totals, source.run.manifest))


FORMATS: dict[str, Format] = {
    "markdown": Format("a comment on a pull request, or the summary of a CI job", _markdown),
    "junit": Format("JUnit XML: each threshold a test case", _junit),
    "json": Format("report.json: all figures, over time", _report_json, is_whole=True),
    "summary": Format(
        "summary.json: the figures and the verdict",
        lambda source: _text(SUMMARY, summary_json(source.whole)),
        is_whole=True,
    ),
    "csv": Format("stats.csv: a row for each series", _csv),
    "html": Format("report.html: the page", _html, is_whole=True),
    "svg": Format(
        "each chart as a drawing",
        lambda source: {f"{name}.svg": drawing.encode() for name, drawing in source.drawings.items()},
        prefix=f"{PLOTS}/",
    ),
    "png": Format(
        "each chart as a picture",
        lambda source: {f"{name}.png": png(drawing) for name, drawing in source.drawings.items()},
        prefix=f"{PLOTS}/",
        is_text=False,
    ),
    "locust-csv": Format("the tables that locust --csv writes", _locust_csv, prefix="locust", shares=(0.3, 0.5)),
    "hdr": Format(
        "a histogram log of HdrHistogram, second by second",
        lambda source: _text("response_times.hlog", hdr_log(source.steps(), source.run.path.name)),
        shares=(0.0, 0.3),
    ),
    "prometheus": Format("metrics for node_exporter's textfile collector", _prometheus),
    "otlp": Format(
        "OpenTelemetry metrics, as JSON or to an endpoint (--to)",
        lambda source: _text("metrics.otlp.jsonl", otlp_json(otlp_source(source))),
        extra=("opentelemetry.proto", "otel"),
        shares=(0.3, 0.5),
    ),
    "parquet": Format(
        "the intervals as a table, with their histograms",
        lambda source: {"intervals.parquet": parquet_bytes(source.intervals(), source.run.path.name)},
        is_text=False,
        extra=("pyarrow", "parquet"),
        shares=(0.0, 1.0),
    ),
}
"""Name on the command line → format."""
