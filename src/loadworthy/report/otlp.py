"""A run as OpenTelemetry metrics: what was measured over time, and what was found when it was over.

============================================  ==========================  =============================================
metric                                        kind, unit                  attributes
============================================  ==========================  =============================================
``loadworthy.request.duration``               exponential histogram, s    ``scenario``, ``kind``, ``name``
``loadworthy.requests``                       sum, {request}              ``scenario``, ``kind``, ``name``
``loadworthy.failures``                       sum, {request}              the same, and ``error.type``
``loadworthy.users``                          gauge, {user}               ``scenario``
``loadworthy.arrivals.rate``                  gauge, {iteration}/s        ``scenario``, ``state``: intended, sent,
                                                                          dropped (open workloads)
``loadworthy.request.duration.percentile``    gauge, s                    ``scenario``, ``kind``, ``name``,
                                                                          ``percentile``
``loadworthy.verdict``                        gauge, 1                    ``verdict``
``loadworthy.scenario.verdict``               gauge, 1                    ``scenario``, ``verdict``
``loadworthy.threshold.verdict``              gauge, 1                    ``scenario``, ``threshold``, ``verdict``
``loadworthy.capacity``                       gauge, {iteration}/s        ``scenario``, ``bound``: low, safe, high
============================================  ==========================  =============================================

The first five have a point at the end of each step of time, of which there are about a hundred; histograms and sums
are cumulative from the scenario's start. The others have one, at the end of the run; of verdicts the one that holds is
1 and the others are 0. The duration is the response time. What the run as a whole is (its name, plan, target, host,
revision) is said by the resource.

The messages are those of ``opentelemetry-proto``, an extra.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from loadworthy import __version__
from loadworthy.analysis.accumulate import MS_PER_S
from loadworthy.analysis.figures import PERCENTILES
from loadworthy.analysis.summary import Summary
from loadworthy.analysis.timeline import TimelineBuilder
from loadworthy.analysis.verdict import Verdict
from loadworthy.record.histogram import Histogram
from loadworthy.report.exponential import scale_for
from loadworthy.report.otlp_points import attributes_of, distribution_point, number_point
from loadworthy.report.steps import Step, Steps

if TYPE_CHECKING:
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
    from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource

MOST_STEPS = 120
MOST_POINTS = 1000
"""In one message: receivers bound its size."""

_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)

Kind = Literal["gauge", "sum", "histogram"]


@dataclass(frozen=True, slots=True)
class OtlpSource:
    """What the metrics are made of: the judged run, its ``run.json``, and what it was like over time."""

    summary: Summary
    manifest: Mapping[str, Any]
    steps: Steps
    timeline: TimelineBuilder


@dataclass(slots=True)
class _Family:
    """A metric and its points."""

    name: str
    unit: str
    about: str
    kind: Kind = "gauge"
    points: list[Any] = field(default_factory=list)

    def add(
        self, at_ms: float, value: float | None, attributes: Mapping[str, str], from_ms: float | None = None
    ) -> None:
        """Add a point at a moment, unless its value is unknown; ``from_ms`` is where a sum began."""
        if value is not None:
            self.points.append(number_point(at_ms, value, attributes, from_ms))

    def add_states(self, at_ms: float, verdict: Verdict, attributes: Mapping[str, str]) -> None:
        """Add a point for each verdict: 1 for the one that holds."""
        for one in Verdict:
            self.add(at_ms, int(one is verdict), {**attributes, "verdict": one.value})

    def message(self, points: list[Any]) -> Metric:
        """The metric with these of its points."""
        from opentelemetry.proto.metrics.v1 import metrics_pb2 as otlp

        metric = otlp.Metric(name=self.name, description=self.about, unit=self.unit)
        if self.kind == "gauge":
            metric.gauge.CopyFrom(otlp.Gauge(data_points=points))
        elif self.kind == "sum":
            metric.sum.CopyFrom(
                otlp.Sum(
                    data_points=points,
                    aggregation_temporality=otlp.AGGREGATION_TEMPORALITY_CUMULATIVE,
                    is_monotonic=True,
                )
            )
        else:
            metric.exponential_histogram.CopyFrom(
                otlp.ExponentialHistogram(
                    data_points=points, aggregation_temporality=otlp.AGGREGATION_TEMPORALITY_CUMULATIVE
                )
            )
        return metric


def otlp_json(source: OtlpSource) -> str:
    """The messages in OTLP's JSON form, one a line, as the file exporter of a collector writes and reads them."""
    from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]

    lines = (MessageToDict(one, use_integers_for_enums=True) for one in otlp_messages(source))
    return "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)


def otlp_messages(source: OtlpSource) -> Iterator[ExportMetricsServiceRequest]:
    """What is sent to an OTLP endpoint, in messages of at most :data:`MOST_POINTS` points, by time in each metric."""
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
    from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
    from opentelemetry.proto.metrics.v1.metrics_pb2 import ResourceMetrics, ScopeMetrics

    resource = _resource(source)
    scope = InstrumentationScope(name="loadworthy", version=__version__)
    for metrics in _batches([*_over_time(source), *_at_the_end(source)]):
        scoped = ScopeMetrics(scope=scope, metrics=metrics)
        yield ExportMetricsServiceRequest(resource_metrics=[ResourceMetrics(resource=resource, scope_metrics=[scoped])])


def _batches(families: Iterable[_Family]) -> Iterator[list[Metric]]:
    batch: list[Metric] = []
    room = MOST_POINTS
    for family in families:
        points = sorted(family.points, key=lambda point: int(point.time_unix_nano))
        while points:
            taken, points = points[:room], points[room:]
            batch.append(family.message(taken))
            room -= len(taken)
            if not room:
                yield batch
                batch, room = [], MOST_POINTS
    if batch:
        yield batch


def _over_time(source: OtlpSource) -> Iterator[_Family]:
    duration = _Family("loadworthy.request.duration", "s", "Response time of requests.", "histogram")
    requests = _Family("loadworthy.requests", "{request}", "Requests that were made.", "sum")
    failures = _Family("loadworthy.failures", "{request}", "Requests that failed, by kind of failure.", "sum")
    users = _Family("loadworthy.users", "{user}", "Users that were at work.")
    arrivals = _Family("loadworthy.arrivals.rate", "{iteration}/s", "Iterations of an open workload per second.")
    for name in source.summary.scenarios:
        if name not in source.steps.scenarios():
            continue
        clock = _Clock.of(source.steps, name)
        _add_series(source.steps, clock, duration, requests, failures)
        for second in source.timeline.seconds(name, clock.step_s):
            at_ms = clock.end_ms(second.at_s)
            users.add(at_ms, second.users, {"scenario": name})
            for state in ("intended", "sent", "dropped"):
                arrivals.add(at_ms, getattr(second, state), {"scenario": name, "state": state})
    yield from (duration, requests, failures, users, arrivals)


@dataclass(frozen=True, slots=True)
class _Clock:
    """The steps of a scenario: how long they are, and when they end."""

    scenario: str
    start_ms: int
    last_ms: int
    step_s: int

    @classmethod
    def of(cls, steps: Steps, scenario: str) -> _Clock:
        start_ms, last_ms = steps.start_ms(scenario), steps.end_ms(scenario)
        length_s = (last_ms - start_ms) / MS_PER_S
        step_s = next((one for one in _STEPS_S if length_s <= one * MOST_STEPS), _STEPS_S[-1])
        return cls(scenario, start_ms, last_ms, step_s)

    def end_ms(self, at_s: int) -> int:
        """When the step that begins there ends; the last one with the scenario."""
        end_ms = self.start_ms + (at_s + self.step_s) * MS_PER_S
        return min(end_ms, max(self.last_ms, self.start_ms + at_s * MS_PER_S + 1))


def _add_series(steps: Steps, clock: _Clock, duration: _Family, requests: _Family, failures: _Family) -> None:
    by_key: dict[tuple[str, str], list[Step]] = {}
    for step in steps.of(clock.scenario, clock.step_s):
        by_key.setdefault(step.key, []).append(step)
    for (kind, name), mine in by_key.items():
        scale = scale_for(Histogram.merged(step.times for step in mine))
        times, count, failed = Histogram(), 0, dict[str, int]()
        named = {"scenario": clock.scenario, "kind": kind, "name": name}
        for step in mine:
            at_ms = clock.end_ms(step.at_s)
            times.merge(step.times)
            count += step.requests
            if times.count:
                duration.points.append(distribution_point(at_ms, times, scale, named, clock.start_ms))
            requests.add(at_ms, count, named, clock.start_ms)
            for failure in step.failure_kinds:
                failed[failure] = failed.get(failure, 0) + step.failure_kinds[failure]
            for failure, so_far in failed.items():
                failures.add(at_ms, so_far, {**named, "error.type": failure}, clock.start_ms)


def _at_the_end(source: OtlpSource) -> Iterator[_Family]:
    summary, at_ms = source.summary, _end_ms(source)
    percentiles = _Family("loadworthy.request.duration.percentile", "s", "Percentiles of the response time.")
    verdict = _Family("loadworthy.verdict", "1", "Verdict of the run: the one that is 1.")
    scenarios = _Family("loadworthy.scenario.verdict", "1", "Verdict of a scenario: the one that is 1.")
    thresholds = _Family("loadworthy.threshold.verdict", "1", "Verdict of a threshold: the one that is 1.")
    capacity = _Family("loadworthy.capacity", "{iteration}/s", "The safe load, and what bounds the capacity.")
    verdict.add_states(at_ms, summary.verdict, {})
    for name, one in summary.scenarios.items():
        scenarios.add_states(at_ms, one.verdict, {"scenario": name})
        for expression, result in {result.expression: result for result in one.thresholds}.items():
            thresholds.add_states(at_ms, result.verdict, {"scenario": name, "threshold": expression})
        for figures in one.series.values():
            for percentile in PERCENTILES:
                value_ms = getattr(figures.response_time_ms, percentile)
                value_s = None if value_ms is None else value_ms / MS_PER_S
                named = {"scenario": name, "kind": figures.kind, "name": figures.name, "percentile": percentile}
                percentiles.add(at_ms, value_s, named)
        if one.search is not None:
            for bound, rate in zip(("low", "safe", "high"), one.search.capacity.bounds, strict=True):
                capacity.add(at_ms, rate, {"scenario": name, "bound": bound})
    yield from (percentiles, verdict, scenarios, thresholds, capacity)


def _end_ms(source: OtlpSource) -> int:
    """The end of the run: when its last request was done, or what the summary says where none was made."""
    ends = [source.steps.end_ms(name) for name in source.steps.scenarios()]
    try:
        started_ms = datetime.fromisoformat(source.summary.started_at or "").timestamp() * MS_PER_S
    except ValueError:
        started_ms = 0.0
    return max([*ends, round(started_ms + (source.summary.duration_s or 0) * MS_PER_S)])


def _resource(source: OtlpSource) -> Resource:
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource

    manifest = source.manifest
    known = {
        "service.name": "loadworthy",
        "service.version": __version__,
        "host.name": (manifest.get("host") or {}).get("name"),
        "vcs.ref.head.revision": (manifest.get("git") or {}).get("revision"),
        "loadworthy.run": source.summary.run,
        "loadworthy.plan": source.summary.plan,
        "loadworthy.target": manifest.get("target"),
    }
    return Resource(attributes=attributes_of({key: str(value) for key, value in known.items() if value}))
