"""``/metrics`` in Prometheus format: requests, this process's memory and CPU, the use of the connection pool."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from systems.kit.database import Database

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The metrics of one service; ``process_*`` come from prometheus_client itself.

    ``requests``: ``http_requests_total{method,path,status}``, ``seconds``: ``http_request_seconds{method,path}``,
    both by route (``/contacts/{id}``), ``under_way``: ``http_requests_in_progress``. Services add their own to
    ``registry``.
    """

    def __init__(self, database: Database) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.registry.register(_PoolCollector(database))
        self.requests = Counter(
            "http_requests", "Requests answered.", ["method", "path", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "http_request_seconds", "Time to answer.", ["method", "path"], buckets=_BUCKETS_S, registry=self.registry
        )
        self.under_way = Gauge("http_requests_in_progress", "Requests being answered.", registry=self.registry)
        self.sockets = Gauge("websocket_connections", "WebSocket connections open.", registry=self.registry)

    def observe(self, method: str, path: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self.requests.labels(method, path, str(status)).inc()
        self.seconds.labels(method, path).observe(seconds)

    def text(self) -> bytes:
        """The page."""
        return generate_latest(self.registry)


class _PoolCollector(Collector):
    """Reads the pool at the moment it is asked."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def collect(self) -> Iterator[Metric]:
        usage = self._database.usage()
        connections = GaugeMetricFamily("db_pool_connections", "Database connections by state.", labels=["state"])
        connections.add_metric(["checked_out"], usage.checked_out)
        connections.add_metric(["idle"], usage.idle)
        yield connections
        yield GaugeMetricFamily("db_pool_size", "Connections that the pool keeps.", value=usage.size)
        yield GaugeMetricFamily("db_pool_limit", "Connections that the pool opens at most.", value=usage.most)
        share = usage.checked_out / usage.most
        yield GaugeMetricFamily("db_pool_usage_ratio", "Checked out, of those that it may open.", value=share)
