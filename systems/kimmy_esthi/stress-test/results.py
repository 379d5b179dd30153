"""What came out of a scenario: as the closing block that people read, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from configuration import Scenario
from metrics import MetricsCollector

from loadworthy.analysis.figures import Distribution, Figures
from loadworthy.analysis.summary import ScenarioSummary
from loadworthy.api import RunResult

Json = dict[str, Any]
RULE = "=" * 50
TOO_FEW = "n/a (too few requests)"


def closing_block(summary: ScenarioSummary, collector: MetricsCollector) -> str:
    """The block that is printed when a scenario is over. Times are seconds."""
    figures, times = summary.figures, summary.figures.response_time_ms
    lines = [
        f"{summary.name.replace('_', ' ').upper()} RESULTS",
        RULE,
        f"Duration: {summary.duration_s:.2f}s",
        f"Total Requests: {figures.requests:,}",
        f"Successful: {figures.requests - figures.failures:,}",
        f"Failed: {figures.failures:,}",
        f"Requests/sec: {figures.throughput or 0.0:,.2f}",
        f"Success Rate: {_success_percent(figures):.2f}%",
        f"Avg Response Time: {_shown_s(times.mean)}",
        f"95th Percentile: {_shown_s(times.p95)}",
        f"99th Percentile: {_shown_s(times.p99)}",
        "",
        "Status Codes:",
        *(f"  {code}: {count}" for code, count in figures.status_codes.items()),
        *_unanswered(figures),
        "",
        "Endpoint Breakdown:",
        *(line for name, endpoint in summary.series.items() for line in _endpoint_lines(name, endpoint)),
    ]
    if numbers := collector.numbers():
        lines += ["", "Additional Metrics:", *(f"  {label}: {value:,g}" for label, value in numbers.items())]
    return "\n".join(lines)


def _endpoint_lines(name: str, figures: Figures) -> Iterator[str]:
    yield f"  {name}:"
    yield f"    Requests: {figures.requests:,}"
    yield f"    Success Rate: {_success_percent(figures):.1f}%"
    yield f"    Avg Response Time: {_shown_s(figures.response_time_ms.mean)}"


def _unanswered(figures: Figures) -> Iterator[str]:
    """Requests without a status: refused connections, time-outs."""
    missing = figures.requests - sum(figures.status_codes.values())
    if missing:
        yield f"  no answer: {missing}"


def _success_percent(figures: Figures) -> float:
    return 100 * (1 - figures.failures / figures.requests) if figures.requests else 0.0


def _shown_s(time_ms: float | None) -> str:
    return TOO_FEW if time_ms is None else f"{time_ms / 1000:.3f}s"


def scenario_json(result: RunResult, scenario: Scenario, name: str, collector: MetricsCollector) -> Json:
    """All figures of one scenario, for the results file."""
    summary = result.summary.scenarios[name]
    settings = scenario.model_dump(include={"concurrent_users", "duration_seconds", "ramp_up_seconds", "wait_seconds"})
    return {
        "verdict": result.summary.verdict.value,
        "reasons": list(result.summary.reasons),
        "interrupted": result.interrupted,
        "run_directory": str(result.path),
        "settings": settings,
        "duration_seconds": summary.duration_s,
        "users_max": summary.users_max,
        **_figures_json(summary.figures),
        "endpoints": {key: _figures_json(figures) for key, figures in summary.series.items()},
        "thresholds": [threshold.to_json() for threshold in summary.thresholds],
        "metrics": collector.values(),
    }


def _figures_json(figures: Figures) -> Json:
    return {
        "total_requests": figures.requests,
        "successful": figures.requests - figures.failures,
        "failed": figures.failures,
        "requests_per_second": figures.throughput,
        "success_rate_percent": round(_success_percent(figures), 4) if figures.requests else None,
        "response_time_seconds": _times_json(figures.response_time_ms),
        "status_codes": {str(code): count for code, count in figures.status_codes.items()},
        "failure_kinds": figures.failure_kinds,
        "received_bytes": figures.received_bytes,
        "sent_bytes": figures.sent_bytes,
    }


def _times_json(times: Distribution) -> Json:
    in_ms = times.to_json()
    return {key: None if value is None else round(value / 1000, 6) for key, value in in_ms.items()}
