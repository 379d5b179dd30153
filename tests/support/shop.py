"""Two whole runs of an imaginary shop, for the renderers: one fails in many ways, one passes."""

from __future__ import annotations

from pathlib import Path

from loadworthy.record.rundir import Run
from tests.support.runs import ended, failure, interval, make_run, manifest, series, started


def spread(middle_us: int, count: int) -> list[int]:
    """Latencies with a long tail, the same in every run."""
    return [round(middle_us * (0.5 + number / count + (number / count) ** 20 * 8)) for number in range(count)]


def failing_run(path: Path) -> Run:
    """Two processes, three scenarios: one misses targets and has failures, one is open, one never ran; interrupted."""
    intervals = []
    for process in (1, 2):
        for second in range(30):
            slow = 4 if 12 <= second < 15 else 1
            intervals.append(
                interval(
                    second,
                    series("/items", spread(20_000 * slow, 40), failures={"status": 1} if second % 5 == 0 else None),
                    series("/items/[id]", spread(9_000, 20), failures={"timeout_read": 2} if second == 13 else None),
                    series("/orders", spread(45_000, 10), kind="POST", service_us=spread(40_000, 10)),
                    process=process,
                    users=min(second + 1, 20),
                    interrupted=1 if second == 29 else 0,
                    health={"cpu": 0.93 if process == 2 else 0.4, "loop_lag_ms": 2.5},
                )
            )
        intervals.append(
            interval(31, series("/", spread(5_000, 30)), scenario="spike", process=process, number=30, users=5)
        )
    thresholds = {
        "load": ("p95 < 250ms", "GET /items* p99 < 80ms", "error_rate < 1%", "throughput > 50/s", "p99.9 < 1s"),
        "spike": ("p99 < 200ms", "max < 1s", "GET /checkout p95 < 1s"),
        "endurance": (),
    }
    return make_run(
        path / "failing",
        intervals,
        run_json=manifest(thresholds, ended="interrupted", ended_at_s=32.0, planned_s=120.0, processes=2),
        events=[
            started(planned_s=30.0),
            ended(at_s=30),
            started("spike", planned_s=30.0),
            {"at_ms": 1, "type": "user_error", "scenario": "spike", "message": "KeyError: 'id'", "count": 2},
            ended("spike", "interrupted", at_s=32),
        ],
        failures=[
            failure(),
            failure(),
            failure(message="HTTP 503", status=503, excerpt=""),
            failure("/items/[id]", failure="timeout_read", message="no bytes within 2s", status=0, excerpt=""),
        ],
    )


def clean_run(path: Path) -> Run:
    """One process, two scenarios, all targets met; the second has none."""
    intervals = [interval(second, series("/items", spread(20_000, 120)), scenario="smoke") for second in range(10)]
    intervals += [
        interval(10 + second, series("/items", spread(30_000, 400)), number=10 + second) for second in range(20)
    ]
    return make_run(
        path / "clean",
        intervals,
        run_json=manifest({"smoke": ("p95 < 1s", "error_rate <= 0%"), "load": ()}, ended_at_s=30.0, planned_s=30.0),
        events=[started("smoke"), ended("smoke"), started(), ended()],
    )
