"""Sending metrics: what a server on this machine gets is what was exported; what it answers is told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsPartialSuccess,
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from tests.support.compared import command_line
from tests.support.shop import clean_run

from loadworthy.cli.otlp_endpoint import HEADERS, Endpoint, headers_from
from loadworthy.errors import UsageError
from loadworthy.record.rundir import Run
from loadworthy.report.exports import Source, otlp_source
from loadworthy.report.otlp import otlp_messages


class Collector(HTTPServer):
    """Keeps what it gets: path, headers, body. Answers each time the same."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.status = 200
        self.answer = b""
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def close(self) -> None:
        self.shutdown()
        self.thread.join()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, {key.lower(): value for key, value in self.headers.items()}, body))
        self.send_response(self.server.status)
        if self.server.status == 307:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(self.server.answer)))
        self.end_headers()
        self.wfile.write(self.server.answer)

    def log_message(self, *_args: object) -> None:
        """Nothing on the screen."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    yield server
    server.close()


def test_a_run_is_sent(collector: Collector, tmp_path: Path, capsys: pytest.CaptureFixture[str],
                       monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """All of its messages in Protobuf, to the path of metrics, with the headers that the environment asks for."""
    monkeypatch.setenv(HEADERS, "Authorization=Basic%20abc=, x-tenant = 7")
    run = clean_run(tmp_path)
    assert command_line("export", run.path, "--format", "otlp", "--to", collector.url) == 0
    expected = list(otlp_messages(otlp_source(Source(Run.open(run.path)))))
    assert [ExportMetricsServiceRequest.FromString(body) for *_, body in collector.got] == expected
    path, headers, _ = collector.got[0]
    assert path == "/v1/metrics"
    assert headers["content-type"] == "application/x-protobuf"
    assert headers["user-agent"].startswith("loadworthy/")
    assert (headers["authorization"], headers["x-tenant"]) == ("Basic abc=", "7")
    points = sum(
        len(getattr(metric, metric.WhichOneof("data")).data_points)
        for message in expected
        for metric in message.resource_metrics[0].scope_metrics[0].metrics
    )
    assert capsys.readouterr().out == f"sent {points:,} data points to {collector.url}/v1/metrics\n"


@pytest.mark.parametrize(("given", "path"), [("", "/v1/metrics"), ("/", "/v1/metrics"), ("/otlp", "/otlp/v1/metrics"),
                                             ("/otlp/v1/metrics", "/otlp/v1/metrics")])  # fmt: skip
def test_the_path_is_added_where_it_is_missing(collector: Collector, given: str, path: str) -> None:
    """As exporters do with a base address."""
    Endpoint(collector.url + given, {}).send(ExportMetricsServiceRequest())
    assert collector.got[0][0] == path


@pytest.mark.parametrize(("status", "answer", "said"), [
    (404, b"no such \x1b[31mpage", "answered 404: no such ·[31mpage; it must be an OTLP/HTTP endpoint"),
    (307, b"", "answered 307; it must be"),
    (200, ExportMetricsServiceResponse(
        partial_success=ExportMetricsPartialSuccess(rejected_data_points=3, error_message="too old")
    ).SerializeToString(), "refused 3 data points: too old"),
])  # fmt: skip
def test_what_was_not_taken_is_told(
    collector: Collector, status: int, answer: bytes, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With exit code 2, in one line that cannot play with the terminal; redirects are not followed."""
    collector.status, collector.answer = status, answer
    assert command_line("export", clean_run(tmp_path).path, "--format", "otlp", "--to", collector.url) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert len(collector.got) == 1


def test_a_success_in_other_words_is_one(collector: Collector) -> None:
    """Some endpoints answer with JSON or a page."""
    for answer in (b"{}", b"<html>fine</html>", ExportMetricsServiceResponse().SerializeToString()):
        collector.answer = answer
        assert Endpoint(collector.url, {}).send(ExportMetricsServiceRequest()) == 0


def test_where_nobody_listens_that_is_said() -> None:
    """Without the password that stood in the address."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # so that nobody else listens there
        address = f"http://me:secret@127.0.0.1:{held.getsockname()[1]}"
        with pytest.raises(UsageError, match="nothing answers there") as raised:
            Endpoint(f"{address}/?token=secret", {}).send(ExportMetricsServiceRequest())
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("url", ["127.0.0.1:4318", "ftp://127.0.0.1", "http://", "http://[", ""])
def test_an_address_that_is_none(url: str) -> None:
    """Is told before anything is sent."""
    with pytest.raises(UsageError, match="--to takes the address"):
        Endpoint(url, {})


def test_headers_of_the_environment() -> None:
    """As OpenTelemetry writes them; none is none."""
    assert headers_from({}) == {}
    assert headers_from({HEADERS: "a=1,b=%20x%3D, ,"}) == {"a": "1", "b": " x="}
    for broken in ("a", "=1"):
        with pytest.raises(UsageError, match="name=value"):
            headers_from({HEADERS: broken})
