"""What charts over time are made of: a scenario's timeline in steps that suit a chart, its limits, what happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from loadworthy.analysis.accumulate import MS_PER_S
from loadworthy.analysis.order_statistics import min_samples
from loadworthy.analysis.summary import OPEN, ScenarioSummary
from loadworthy.analysis.thresholds import ThresholdResult
from loadworthy.analysis.timeline import STEPS_S, Second, TimelineBuilder
from loadworthy.report.figures.drift_band import trend_columns
from loadworthy.report.figures.figure import Columns
from loadworthy.report.figures.marks import Moment, marks_columns
from loadworthy.report.figures.rows import KINDS, TIMELINE, kinds_columns, kinds_of, timeline_columns

_WISHES = ((min_samples(0.99), 20), (min_samples(0.95), 10), (min_samples(0.5), 5))
"""Points of a chart should stand on enough requests for a p99 if twenty of them remain, for a p95 if ten do, or at
least for a p50 if five do."""
_SHOWN_TIMES = ("response_time", "service_time")
_LIMIT_IN_SIGHT = 2.5
"""A limit is drawn if it is at most so many times the highest value; beyond that it would flatten the lines."""
_TREND_OF = "response_time_p95"
PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class Limit:
    """A dashed line across a chart."""

    label: str
    value: float


@dataclass(frozen=True, slots=True)
class Whole:
    """Figures of the whole scenario: its charts leave out what came after its end, and their words must not."""

    throughput: float | None
    failures: int
    users: int
    intended: int = 0
    begun: int = 0
    late: int = 0
    """Of the intended, those to which the generator never came: no second of the timeline has them."""

    @classmethod
    def of(cls, scenario: ScenarioSummary) -> Whole:
        """Those of a summary."""
        figures, arrivals = scenario.figures, scenario.arrivals
        return cls(
            figures.throughput, figures.failures, scenario.users_max, arrivals.intended, arrivals.sent, arrivals.late
        )


@dataclass(frozen=True, slots=True)
class Course:
    """A scenario over time.

    Args:
        seconds: its timeline, in steps of ``step_s``.
        end_s: where the charts end; None while it goes on.
        is_open: whether its iterations begin at a rate.
        limits: of response times of all requests together.
        happened: stages, breaches and events.
        is_live: more is to come, so charts are made ready for all that may.
        whole: the figures of the summary; None where there is none yet.
        is_varied: its load is meant to change, so that the end is not to be compared with the beginning.
    """

    seconds: Sequence[Second]
    step_s: int
    end_s: float | None
    is_open: bool = False
    limits: Sequence[Limit] = ()
    happened: Sequence[Moment] = ()
    is_live: bool = False
    whole: Whole | None = None
    is_varied: bool = False
    kinds: Sequence[str] = field(default=())
    """Kinds of failure, the most frequent first."""
    trend: tuple[str, Columns] | None = None
    """That of the p95, where its drift was judged: label and data set."""

    @property
    def end_ms(self) -> float | None:
        """Where the time axis ends."""
        return None if self.end_s is None else max(self.end_s, self.step_s) * MS_PER_S

    def has(self, name: str) -> bool:
        """Whether a count or a rate, a field of :class:`Second`, was ever above 0, or may be."""
        return self.is_live or any(getattr(one, name) for one in self.seconds)

    def knows(self, name: str) -> bool:
        """Whether a reading, a field of :class:`Second`, is ever known, or may be; 0 is a reading, too."""
        return self.is_live or bool(self.values(name))

    def values(self, name: str) -> list[float]:
        """The known values of a field."""
        return [value for one in self.seconds if (value := getattr(one, name)) is not None]

    def data(self) -> Mapping[str, Columns]:
        """The data sets that its charts share."""
        return {
            TIMELINE: timeline_columns(self.seconds, self.step_s),
            KINDS: kinds_columns(self.seconds, self.step_s, self.kinds),
            "marks": marks_columns(self.happened),
        }


def course_of(scenario: ScenarioSummary, timeline: TimelineBuilder, happened: Sequence[Moment] = ()) -> Course:
    """The course of a scenario that ran."""
    step_s = step_of(scenario)
    # What was done after the end was begun before it; as a rate it would look like a drop of what was put through.
    end_s = max(scenario.duration_s, step_s)
    seconds = [one for one in timeline.seconds(scenario.name, step_s) if one.at_s + step_s / 2 <= end_s]
    highest = max((one.p99_ms or one.p95_ms or one.p50_ms or 0.0 for one in seconds), default=0.0)
    return Course(
        seconds=seconds,
        step_s=step_s,
        end_s=scenario.duration_s,
        is_open=scenario.workload == OPEN,
        limits=limits_in_sight(scenario.thresholds, highest),
        happened=happened,
        whole=Whole.of(scenario),
        is_varied=_is_varied(scenario),
        kinds=kinds_of(seconds),
        trend=_trend(scenario),
    )


def _is_varied(scenario: ScenarioSummary) -> bool:
    return scenario.search is not None or (scenario.stages is not None and len(scenario.stages.stages) > 1)


def _trend(scenario: ScenarioSummary) -> tuple[str, Columns] | None:
    drift = scenario.drift
    judged = None if drift is None else next((one for one in drift.metrics if one.metric == _TREND_OF), None)
    return trend_columns(judged, drift, scenario.duration_s)


def step_of(scenario: ScenarioSummary) -> int:
    """The seconds that a point of a scenario's charts covers."""
    return time_step_s(scenario.duration_s, scenario.figures.requests, wishes=_WISHES)


def time_step_s(
    duration_s: float, requests: int, *, wishes: Sequence[tuple[int, int]] = (), most_points: int = 240
) -> int:
    """How many seconds a point of a chart should cover.

    The shortest step that keeps the chart readable, unless a longer one grants a wish: a wish is how many requests a
    point should stand on, and how many points must be left then to show a course. The first that can be granted counts.
    """
    rate = requests / duration_s if duration_s > 0 else 0.0
    fitting = [step for step in STEPS_S if duration_s / step <= most_points] or [STEPS_S[-1]]
    for samples, fewest_points in wishes:
        enough = next((step for step in fitting if rate * step >= samples), None)
        if enough is not None and duration_s / enough >= fewest_points:
            return enough
    return fitting[0]


def limits_in_sight(results: Sequence[ThresholdResult], highest_ms: float) -> list[Limit]:
    """Limits on the times of the whole scenario that do not flatten what is drawn up to ``highest_ms``.

    Those of one series would be compared with the wrong lines.
    """
    known = [Limit(one.expression, one.limit) for one in results if one.metric in _SHOWN_TIMES and one.series is None]
    return [limit for limit in known if limit.value <= highest_ms * _LIMIT_IN_SIGHT]
