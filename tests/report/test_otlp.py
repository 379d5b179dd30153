"""OpenTelemetry metrics: the messages hold what the summary and the timeline say, in units and times that are right."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import Parse  # type: ignore[import-untyped]
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from tests.support.exported import EVERY_RUN
from tests.support.runs import START_MS, interval, make_run, open_run, series
from tests.support.shop import failing_run

from loadworthy.analysis.reading import read
from loadworthy.analysis.verdict import Verdict
from loadworthy.record.rundir import Run
from loadworthy.report import otlp
from loadworthy.report.exports import Source, export, otlp_source
from loadworthy.report.otlp import MOST_POINTS, otlp_messages

NS = 1_000_000_000
START_NS = START_MS * 1_000_000


def metrics_of(source: Source) -> Iterator[tuple[str, Any]]:
    """(name, metric) of all messages."""
    for message in otlp_messages(otlp_source(source)):
        (resource,) = message.resource_metrics
        (scope,) = resource.scope_metrics
        yield from ((metric.name, metric) for metric in scope.metrics)


def points_of(source: Source, wanted: str, /, **attributes: str) -> list[Any]:
    """The points of a metric with these of its attributes, as they come."""
    found = []
    for key, metric in metrics_of(source):
        if key == wanted:
            found += getattr(metric, metric.WhichOneof("data")).data_points
    return [point for point in found if attributes.items() <= labels(point).items()]


def labels(point: Any) -> dict[str, str]:
    return {one.key: one.value.string_value for one in point.attributes}


@pytest.mark.parametrize("make", EVERY_RUN.values(), ids=list(EVERY_RUN))
def test_messages_of_every_run(make: Callable[[Path], Run], tmp_path: Path) -> None:
    """No message is too long, all know whose they are, sums never fall, and at the end all requests are in them."""
    run = make(tmp_path)
    source = Source(run)
    messages = list(otlp_messages(otlp_source(source)))
    assert messages
    for message in messages:
        resource = message.resource_metrics[0].resource
        told = {one.key: one.value.string_value for one in resource.attributes}
        assert told["service.name"] == "loadworthy"
        assert told["loadworthy.run"]
        scope = message.resource_metrics[0].scope_metrics[0]
        sizes = [len(getattr(metric, metric.WhichOneof("data")).data_points) for metric in scope.metrics]
        assert 0 < sum(sizes) <= MOST_POINTS
    last: dict[tuple[tuple[str, str], ...], int] = {}
    for point in points_of(source, "loadworthy.requests"):
        key = tuple(sorted(labels(point).items()))
        assert point.as_int >= last.get(key, 0)
        last[key] = point.as_int
    totals = read(Run.open(run.path)).totals.scenarios
    assert sum(last.values()) == sum(scenario.total.requests for scenario in totals.values())


def test_the_json_is_otlps(tmp_path: Path) -> None:
    """A message a line, which is the same when it is read back; 64-bit numbers are texts, enums numbers."""
    source = Source(failing_run(tmp_path))
    lines = export("otlp", source)["metrics.otlp.jsonl"].decode().splitlines()
    messages = list(otlp_messages(otlp_source(source)))
    assert [Parse(line, ExportMetricsServiceRequest()) for line in lines] == messages
    first = json.loads(lines[0])["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][0]
    assert first["exponentialHistogram"]["aggregationTemporality"] == 2
    assert first["exponentialHistogram"]["dataPoints"][0]["startTimeUnixNano"] == str(START_NS)


def test_the_duration_is_cumulative(tmp_path: Path) -> None:
    """Point by point in seconds, from the scenario's start to the end of each step."""
    source = Source(failing_run(tmp_path))
    total = source.reading.totals.scenarios["load"].series["GET", "/items"].response
    points = points_of(source, "loadworthy.request.duration", scenario="load", name="/items")
    assert [point.time_unix_nano for point in points] == [START_NS + second * NS for second in range(1, 31)]
    assert {point.start_time_unix_nano for point in points} == {START_NS}
    assert [point.count for point in points] == [80 * second for second in range(1, 31)]
    last = points[-1]
    assert (last.count, last.min, last.max) == (total.count, total.min_us / 1e6, total.max_us / 1e6)
    assert last.sum == pytest.approx(total.sum_us / 1e6)
    assert sum(last.positive.bucket_counts) == total.count
    assert len({point.scale for point in points}) == 1
    half, seen = last.count / 2, 0
    for place, count in enumerate(last.positive.bucket_counts, last.positive.offset):
        seen += count
        if seen >= half:
            low_s, high_s = (2.0 ** ((place + more) * 2.0**-last.scale) for more in (0, 1))
            assert low_s <= total.percentile_us(0.5) / 1e6 <= high_s  # type: ignore[operator]
            break


def test_a_step_grows_with_the_run(tmp_path: Path) -> None:
    """About a hundred points, whatever its length; the last ends with the run."""
    run = make_run(tmp_path / "run", [interval(second, series("/", [1000])) for second in range(625)])
    points = points_of(Source(run), "loadworthy.requests")
    assert [point.time_unix_nano - START_NS for point in points[:2]] == [10 * NS, 20 * NS]
    assert points[-1].time_unix_nano - START_NS == 625 * NS
    assert len(points) == 63
    assert points[-1].as_int == 625


def test_no_message_is_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many points there are; together they are all of them."""
    source = Source(failing_run(tmp_path))
    whole = {name: points_of(source, name) for name, _ in metrics_of(source)}
    monkeypatch.setattr(otlp, "MOST_POINTS", 7)
    messages = list(otlp_messages(otlp_source(source)))
    sizes = [
        sum(len(getattr(metric, metric.WhichOneof("data")).data_points) for metric in metrics)
        for metrics in (message.resource_metrics[0].scope_metrics[0].metrics for message in messages)
    ]
    assert set(sizes[:-1]) == {7}
    assert 0 < sizes[-1] <= 7
    assert {name: points_of(source, name) for name in whole} == whole


def test_failures_by_kind(tmp_path: Path) -> None:
    """Under OpenTelemetry's own name for it."""
    source = Source(failing_run(tmp_path))
    points = points_of(source, "loadworthy.failures", name="/items/[id]")
    assert {labels(point)["error.type"] for point in points} == {"timeout_read"}
    assert points[-1].as_int == 4
    assert points[0].time_unix_nano == START_NS + 14 * NS


def test_users_and_arrivals(tmp_path: Path) -> None:
    """Rates of an open workload; a closed one has none."""
    source = Source(open_run(tmp_path))
    rates = {state: points_of(source, "loadworthy.arrivals.rate", scenario="orders", state=state)
             for state in ("intended", "sent", "dropped")}  # fmt: skip
    assert [rates[state][-1].as_double for state in rates] == [200, 198, 2]
    assert points_of(source, "loadworthy.arrivals.rate", scenario="browse") == []
    assert [point.as_int for point in points_of(source, "loadworthy.users", scenario="orders")] == [20] * 20


def test_what_was_found_stands_at_the_end(tmp_path: Path) -> None:
    """Verdicts as sets of states, percentiles in seconds where they are known."""
    source = Source(failing_run(tmp_path))
    states = points_of(source, "loadworthy.verdict")
    assert {labels(point)["verdict"]: point.as_int for point in states} == {
        verdict.value: int(verdict is Verdict.FAIL) for verdict in Verdict
    }
    assert {point.time_unix_nano for point in states} == {START_NS + 32 * NS}
    held = points_of(source, "loadworthy.threshold.verdict", scenario="load", threshold="p95 < 250ms", verdict="pass")
    assert [point.as_int for point in held] == [1]
    named = {"scenario": "load", "kind": "GET", "name": "/items", "percentile": "p95"}
    (p95,) = points_of(source, "loadworthy.request.duration.percentile", **named)
    expected = source.whole.scenarios["load"].series["GET /items"].response_time_ms.p95
    assert p95.as_double == pytest.approx(expected / 1000)  # type: ignore[operator]
    assert points_of(source, "loadworthy.request.duration.percentile", scenario="spike", percentile="p99") == []


def test_a_capacity_has_its_bounds(tmp_path: Path) -> None:
    """Low, safe, high."""
    points = points_of(Source(EVERY_RUN["searched"](tmp_path)), "loadworthy.capacity")
    assert {labels(point)["bound"]: point.as_double for point in points} == {"low": 58, "safe": 60, "high": 90}


def test_the_resource_says_what_the_run_is(tmp_path: Path) -> None:
    """Its plan, target, host and revision."""
    (message, *_) = otlp_messages(otlp_source(Source(failing_run(tmp_path))))
    told = {one.key: one.value.string_value for one in message.resource_metrics[0].resource.attributes}
    assert told | {"service.version": ""} == {
        "service.name": "loadworthy", "service.version": "", "host.name": "bench",
        "vcs.ref.head.revision": "0123456789abcdef", "loadworthy.run": "2026-11-20T14-05-09-load",
        "loadworthy.plan": "plan.yaml", "loadworthy.target": "http://127.0.0.1:8080",
    }  # fmt: skip
