"""Sends OpenTelemetry metrics to an endpoint: OTLP over HTTP, in Protobuf."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit

from loadworthy import __version__
from loadworthy.errors import UsageError

if TYPE_CHECKING:
    import requests
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

PATH = "/v1/metrics"
TIMEOUT_S = 30.0
HEADERS = "OTEL_EXPORTER_OTLP_HEADERS"
"""The environment variable in which exporters look for headers, e.g. of authorization: ``name=value,name=value``."""

_SHOWN_CHARACTERS = 200


def headers_from(environ: Mapping[str, str]) -> dict[str, str]:
    """The headers that the environment asks for; UsageError where they cannot be read."""
    headers = {}
    for pair in filter(None, (one.strip() for one in environ.get(HEADERS, "").split(","))):
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"{HEADERS} is not of the form name=value,name=value")
        headers[name.strip()] = unquote(value.strip())
    return headers


class Endpoint:
    """Where metrics are sent. ``shown`` is its address without a user's name and password.

    Args:
        url: its address; :data:`PATH` is added where it does not end so.
        headers: to be sent with each message.
    """

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        parts = _split(url)
        path = parts.path if parts.path.endswith(PATH) else parts.path.rstrip("/") + PATH
        self._url = parts._replace(path=path).geturl()
        self.shown = parts._replace(path=path, netloc=parts.netloc.rpartition("@")[2], query="").geturl()
        self._headers = {
            **headers, "Content-Type": "application/x-protobuf", "User-Agent": f"loadworthy/{__version__}"
        }  # fmt: skip

    def send(self, message: ExportMetricsServiceRequest) -> int:
        """Send a message; how many data points were in it. UsageError where they were not all taken."""
        import requests

        try:
            response = requests.post(
                self._url,
                data=message.SerializeToString(),
                headers=self._headers,
                timeout=TIMEOUT_S,
                allow_redirects=False,
            )
        except (requests.RequestException, OSError) as error:
            raise UsageError(f"cannot send to {self.shown}: {_why(error)}") from error
        self._check(response)
        return _points_in(message)

    def _check(self, response: requests.Response) -> None:
        from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
        from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse

        from loadworthy.report.harmless import one_line

        if response.status_code // 100 != 2:
            said = one_line(response.text[:_SHOWN_CHARACTERS])
            raise UsageError(
                f"{self.shown} answered {response.status_code}{f': {said}' if said else ''}; "
                "it must be an OTLP/HTTP endpoint that takes metrics"
            )
        try:
            partial = ExportMetricsServiceResponse.FromString(response.content).partial_success
        except DecodeError:
            return  # a success in words that are not ours to judge
        if partial.rejected_data_points:
            said = one_line(partial.error_message[:_SHOWN_CHARACTERS])
            raise UsageError(
                f"{self.shown} refused {partial.rejected_data_points} data points: {said or 'no reason given'}"
            )


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_address = False
    if not is_address:
        raise UsageError("--to takes the address of an OTLP/HTTP endpoint, e.g. http://127.0.0.1:4318")
    return parts


def _why(error: Exception) -> str:
    import requests

    if isinstance(error, requests.Timeout):
        return f"no answer within {TIMEOUT_S:g} s"
    if isinstance(error, requests.ConnectionError):
        return "nothing answers there; start a collector with an OTLP/HTTP receiver, or name its address"
    return type(error).__name__


def _points_in(message: ExportMetricsServiceRequest) -> int:
    metrics = (
        metric for resource in message.resource_metrics for scope in resource.scope_metrics for metric in scope.metrics
    )
    return sum(
        len(metric.gauge.data_points) + len(metric.sum.data_points) + len(metric.exponential_histogram.data_points)
        for metric in metrics
    )
