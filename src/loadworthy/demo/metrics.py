"""The booking service's own figures, in the text format that Prometheus reads."""

from __future__ import annotations

import psutil

from loadworthy.units import US_PER_S


class Metrics:
    """Counts by method, route and status, and what the process uses."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, int], int] = {}
        self._durations_us: dict[tuple[str, str], int] = {}
        self._process = psutil.Process()

    def add(self, method: str, route: str, status: int, duration_us: int) -> None:
        """Count one request; ``route`` is the pattern, not the path, so the series stay few."""
        key = (method, route, status)
        self._counts[key] = self._counts.get(key, 0) + 1
        self._durations_us[method, route] = self._durations_us.get((method, route), 0) + duration_us

    def render(self) -> str:
        """All of them, as text."""
        lines = ["# HELP http_requests_total Requests answered.", "# TYPE http_requests_total counter"]
        for (method, route, status), count in sorted(self._counts.items()):
            lines.append(f'http_requests_total{{method="{method}",route="{route}",status="{status}"}} {count}')
        lines += [
            "# HELP http_request_duration_seconds_sum Time spent in handlers.",
            "# TYPE http_request_duration_seconds_sum counter",
        ]
        for (method, route), duration_us in sorted(self._durations_us.items()):
            labels = f'method="{method}",route="{route}"'
            lines.append(f"http_request_duration_seconds_sum{{{labels}}} {duration_us / US_PER_S:.6f}")
        return "\n".join([*lines, *self._process_lines()]) + "\n"

    def _process_lines(self) -> list[str]:
        cpu = self._process.cpu_times()
        figures = [
            ("process_cpu_seconds_total", "counter", "CPU time used.", f"{cpu.user + cpu.system:.2f}"),
            (
                "process_resident_memory_bytes",
                "gauge",
                "Memory in use.",
                str(self._process.memory_info().rss),
            ),
            ("process_open_fds", "gauge", "Open file descriptors.", str(self._process.num_fds())),
            ("process_start_time_seconds", "gauge", "When it started.", f"{self._process.create_time():.2f}"),
        ]
        lines = []
        for name, kind, text, value in figures:
            lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}", f"{name} {value}"]
        return lines
