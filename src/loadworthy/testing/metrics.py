"""What a server uses, for its own page of metrics and for the test that started it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loadworthy.testing.leaks import Leaks
from loadworthy.testing.site import Answer, make_answer
from loadworthy.testing.truth import Truth


@dataclass(frozen=True, slots=True)
class ServerResources:
    """What the server's process uses, and what of that its leaks hold."""

    rss_bytes: int
    descriptors: int
    cpu_s: float
    leaked_bytes: int
    leaked_descriptors: int

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ServerResources:
        """From a JSON object."""
        return cls(**data)

    @classmethod
    def of_this_process(cls, leaks: Leaks) -> ServerResources:
        """Now, here."""
        import psutil  # here, for few servers are asked

        process = psutil.Process()
        cpu = process.cpu_times()
        return cls(
            rss_bytes=process.memory_info().rss,
            descriptors=process.num_fds(),
            cpu_s=cpu.user + cpu.system,
            leaked_bytes=leaks.size_bytes,
            leaked_descriptors=leaks.descriptors,
        )


def metrics_page(resources: ServerResources, truth: Truth) -> Answer:
    """The page, in Prometheus' text format; names of the process as its client libraries have them."""
    lines = [
        *_family("process_resident_memory_bytes", "gauge", resources.rss_bytes),
        *_family("process_open_fds", "gauge", resources.descriptors),
        *_family("process_cpu_seconds_total", "counter", resources.cpu_s),
        *_family("server_leaked_bytes", "gauge", resources.leaked_bytes),
        *_family("server_leaked_fds", "gauge", resources.leaked_descriptors),
        *_family("server_requests_in_service", "gauge", truth.in_service),
        *_family("server_open_connections", "gauge", truth.open_connections),
        "# TYPE server_requests_total counter",
        *(f'server_requests_total{{status="{status}"}} {count}' for status, count in truth.statuses.items()),
    ]
    return make_answer(200, ("\n".join(lines) + "\n").encode(), "text/plain; version=0.0.4")


def _family(name: str, kind: str, value: float) -> tuple[str, str]:
    return f"# TYPE {name} {kind}", f"{name} {value}"
