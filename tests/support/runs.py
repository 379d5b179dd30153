"""Synthetic run directories, written as the engine writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from loadworthy.record.histogram import Histogram
from loadworthy.record.interval import Interval, SeriesInterval
from loadworthy.record.rundir import Run, RunWriter

START_MS = 1_795_183_509_000
"""2026-11-20T14:05:09Z."""

Json = dict[str, Any]


def series(
    name: str = "/items",
    times_us: Sequence[int] = (),
    *,
    kind: str = "GET",
    failures: Mapping[str, int] | None = None,
    statuses: Mapping[int, int] | None = None,
    service_us: Sequence[int] | None = None,
    untimed: int = 0,
    send_lag_us: Sequence[int] = (),
) -> SeriesInterval:
    """One series of one interval, from its response times in µs."""
    response = Histogram.of(times_us)
    requests = len(times_us) + untimed
    failed = dict(failures or {})
    return SeriesInterval(
        kind=kind,
        name=name,
        requests=requests,
        failures=sum(failed.values()),
        sent_bytes=100 * requests,
        received_bytes=500 * requests,
        statuses=dict(statuses if statuses is not None else {200: requests}),
        failure_kinds=failed,
        response=response,
        service=response if service_us is None else Histogram.of(service_us),
        send_lag=Histogram.of(send_lag_us),
    )


class Part(NamedTuple):
    """A part of what other series count, to be handed to :func:`interval` like a series."""

    series: SeriesInterval


def part(kind: str, name: str, times_us: Sequence[int], **changes: Any) -> Part:
    """A part of what other series count."""
    return Part(series(name, times_us, kind=kind, statuses={}, **changes))


def interval(
    second: int,
    *given: SeriesInterval | Part,
    scenario: str = "load",
    process: int = 0,
    number: int | None = None,
    users: int = 10,
    duration_ms: int = 1000,
    health: Mapping[str, float] | None = None,
    interrupted: int = 0,
    receive_lag_us: Sequence[int] = (),
    scheduled: int = 0,
    sent: int = 0,
    dropped: int = 0,
    late: int = 0,
) -> Interval:
    """The interval that begins so many seconds after the start; its number is the second unless given."""
    measured = [one for one in given if isinstance(one, SeriesInterval)]
    return Interval(
        scenario=scenario,
        process=process,
        number=second if number is None else number,
        start_ms=START_MS + second * 1000,
        duration_ms=duration_ms,
        users=users,
        iterations=sum(one.requests for one in measured),
        interrupted=interrupted,
        health=dict(health if health is not None else {"cpu": 0.31, "loop_lag_ms": 1.25, "rss_bytes": 80e6}),
        series=measured,
        parts=[one.series for one in given if isinstance(one, Part)],
        receive_lag=Histogram.of(receive_lag_us),
        scheduled=scheduled,
        sent=sent,
        dropped=dropped,
        late=late,
    )


def started_open(scenario: str = "load", planned_s: float | None = 60.0, rate: float = 100.0) -> Json:
    """The event with which a scenario of an open workload begins."""
    event = started(scenario, planned_s)
    del event["users"]
    return event | {"workload": "open", "rate": rate, "arrivals": "poisson", "max_users": 1000}


def started(scenario: str = "load", planned_s: float | None = 60.0, users: int = 10) -> Json:
    """The event with which a scenario begins."""
    return {
        "at_ms": START_MS,
        "type": "scenario_started",
        "scenario": scenario,
        "users": users,
        "planned_duration_s": planned_s,
        "kind": "load",
        "workload": "closed",
    }


def ended(scenario: str = "load", reason: str = "completed", at_s: int = 60) -> Json:
    """The event with which a scenario ends."""
    return {"at_ms": START_MS + at_s * 1000, "type": "scenario_ended", "scenario": scenario, "reason": reason}


def failure(name: str = "/items", message: str = "HTTP 500", **changes: Any) -> Json:
    """A line of ``failures.jsonl``."""
    return {
        "at_ms": START_MS + 1500,
        "scenario": "load",
        "process": 0,
        "kind": "GET",
        "name": name,
        "status": 500,
        "failure": "status",
        "message": message,
        "url": f"http://127.0.0.1:8080{name}",
        "excerpt": '{"error": "out of stock"}',
    } | changes


def iso(at_s: float) -> str:
    """The manifest's form of a moment so many seconds after the start."""
    return datetime.fromtimestamp(START_MS / 1000 + at_s, UTC).isoformat().replace("+00:00", "Z")


def manifest(
    scenarios: Mapping[str, Sequence[str]] | None = None,
    *,
    ended: str | None = "completed",
    ended_at_s: float | None = 60.0,
    planned_s: float | None = 60.0,
    **changes: Any,
) -> Json:
    """A ``run.json``; ``scenarios`` maps each name to its threshold expressions."""
    specs = {
        name: {"kind": "load", "users": 10, "thresholds": list(expressions)}
        for name, expressions in (scenarios if scenarios is not None else {"load": ()}).items()
    }
    return {
        "name": "2026-11-20T14-05-09-load",
        "started_at": iso(0),
        "ended_at": None if ended is None or ended_at_s is None else iso(ended_at_s),
        "ended": ended,
        "planned_duration_s": planned_s,
        "seed": 7,
        "target": "http://127.0.0.1:8080",
        "plan_file": "plan.yaml",
        "plan": {"name": "shop", "base_url": "http://127.0.0.1:8080", "scenarios": specs},
        "processes": 1,
        "versions": {"loadworthy": "0.1.0", "python": "3.11.9", "locust": "2.47.0", "gevent": "25.1.1"},
        "host": {"name": "bench", "cpus": 2, "platform": "Linux"},
        "git": {"revision": "0123456789abcdef", "dirty": False},
    } | changes


def write_run(
    path: Path,
    intervals: Sequence[Interval] = (),
    *,
    events: Sequence[Json] = (),
    failures: Sequence[Json] = (),
    resources: Sequence[Json] = (),
    run_json: Json | None = None,
) -> Path:
    """Write a run directory and give its path back."""
    writer = RunWriter(path)
    writer.write_manifest(manifest() if run_json is None else run_json)
    for one in intervals:
        writer.add_interval(one)
    for event in events:
        writer.add_event(event)
    for sample in failures:
        writer.add_failure(sample)
    for reading in resources:
        writer.add_resource(reading)
    writer.close()
    return path


def make_run(path: Path, intervals: Sequence[Interval] = (), **parts: Any) -> Run:
    """Write a run directory and open it; see :func:`write_run`."""
    return Run.open(write_run(path, intervals, **parts))


def open_run(path: Path) -> Run:
    """An open scenario of two stages, 100/s and 200/s, in which a few found no user; beside it a closed one."""
    intervals = []
    for second in range(20):
        per_second = 100 if second < 10 else 200
        dropped = 2 if second >= 15 else 0
        sent = per_second - dropped
        lags = [60] * (sent - 1) + [900]
        intervals.append(
            interval(
                second,
                series("/items", [8_000 + 20 * number for number in range(sent)], send_lag_us=lags),
                part("iteration", "Shopper", [9_000 + 20 * number for number in range(sent)], send_lag_us=lags),
                part("connect", "127.0.0.1:8080", [400] * 3),
                part("first_byte", "GET /items", [7_000] * sent),
                scenario="orders",
                number=2 * second,
                users=20,
                receive_lag_us=[45] * 20,
                health={
                    "cpu": 0.42,
                    "loop_lag_ms": 1.5,
                    "gc_pause_ms": 4.0,
                    "fds": 120,
                    "fd_limit": 1024,
                    "ports": 0.02,
                },
                scheduled=per_second,
                sent=sent,
                dropped=dropped,
            )
        )
        browse = interval(second, series("/", [12_000] * 30), scenario="browse", number=2 * second + 1, health={})
        intervals.append(browse)
    run_json = manifest({"orders": ("p95 < 500ms", "send_lag_p99 < 1ms", "dropped_rate < 1%"), "browse": ()})
    run_json["plan"]["scenarios"]["orders"] |= {
        "kind": "stress",
        "stages": [{"duration": "10s", "rate": 100}, {"duration": "10s", "rate": 200}],
    }
    stages = [
        {"at_ms": START_MS + 10_000 * index, "type": "stage", "scenario": "orders", "index": index, "rate": rate}
        for index, rate in enumerate((100.0, 200.0))
    ]
    events = [
        started_open("orders", 20.0, 200.0) | {"max_users": 20}, started("browse", 20.0), *stages,
        ended("orders", at_s=20), ended("browse", at_s=20),
    ]  # fmt: skip
    return make_run(path / "open", intervals, events=events, run_json=run_json | {"ended_at": iso(20)})
