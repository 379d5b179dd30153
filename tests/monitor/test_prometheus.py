"""Reading a real Prometheus endpoint."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from loadworthy.clock import Clock
from loadworthy.monitor.prometheus import MAX_SERIES, PrometheusSource
from loadworthy.monitor.source import SourceError
from loadworthy.plan.selectors import Selector, parse_selector
from loadworthy.testing import FakeClock

PATIENCE_S = 60.0


class Page:
    """What the endpoint answers, and what it was asked."""

    def __init__(self) -> None:
        self.text = "up 1\n"
        self.status = 200
        self.asked: list[tuple[str, str | None]] = []
        self.url = ""


@contextmanager
def endpoint() -> Iterator[Page]:
    page = Page()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page.asked.append((self.path, self.headers.get("Authorization")))
            body = page.text.encode()
            self.send_response(page.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    page.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield page
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def source_at(url: str, *selectors: Selector, clock: Clock | None = None) -> PrometheusSource:
    """A source that waits for an answer that does come, though the machine may stand still meanwhile."""
    return PrometheusSource(url, selectors, clock or FakeClock(), timeout_s=PATIENCE_S)


def test_gauges_as_they_are_and_counters_as_rates() -> None:
    """A counter has a rate from its second reading on, over the time between the two."""
    clock = FakeClock()
    with endpoint() as page:
        source = source_at(f"{page.url}/metrics", clock=clock)
        page.text = "# TYPE a counter\na_total 10\n# TYPE g gauge\ng 3\n"
        assert source.read() == {"g": 3.0}
        clock.advance(2_000_000)
        page.text = "# TYPE a counter\na_total 25\n# TYPE g gauge\ng -1.5\n"
        assert source.read() == {"g": -1.5, "rate(a_total)": 7.5}
        assert source.notes() == []


def test_the_address_is_asked_with_its_query_and_credentials_and_named_without() -> None:
    """What is secret in a URL goes to the endpoint and nowhere else."""
    with endpoint() as page:
        source = source_at(page.url.replace("//", "//ann:p%40ss@") + "/m?token=x")
        source.read()
        assert page.asked == [("/m?token=x", "Basic YW5uOnBAc3M=")]
        assert source.name == f"prometheus {page.url}/m"


def test_a_selector_that_never_matched_is_noted() -> None:
    """One that matched once is not."""
    with endpoint() as page:
        source = source_at(page.url, parse_selector("up"), parse_selector('pool{state="x"}'))
        assert source.read() == {"up": 1.0}
        page.text = "other 1\n"
        assert source.read() == {}
        assert source.notes() == [f'{source.name} never had the metric pool{{state="x"}}']


def test_too_many_series_are_noted() -> None:
    """What was left out must not go unseen."""
    with endpoint() as page:
        page.text = "".join(f'x{{n="{number}"}} 1\n' for number in range(MAX_SERIES + 5))
        source = source_at(page.url)
        assert len(source.read()) == MAX_SERIES
        (note,) = source.notes()
        assert "5 were left out" in note


@pytest.mark.parametrize(
    ("status", "text", "message"),
    [(503, "up 1\n", "it answered 503 Service Unavailable"), (200, "<html>", "line 1 is not in the Prometheus text")],
)
def test_an_answer_that_is_none_is_told(status: int, text: str, message: str) -> None:
    """And the next reading is a new attempt."""
    with endpoint() as page:
        source = source_at(page.url)
        page.status, page.text = status, text
        with pytest.raises(SourceError, match=message):
            source.read()
        page.status, page.text = 200, "up 1\n"
        assert source.read() == {"up": 1.0}


def test_nobody_there_is_told() -> None:
    """The port of a server that has gone."""
    with endpoint() as page:
        source = source_at(page.url)
    with pytest.raises(SourceError, match="refused"):
        source.read()


def test_a_page_that_drips_is_given_up() -> None:
    """Each chunk comes in time, the whole does not: the clock ends it."""

    class Late(FakeClock):
        def monotonic_us(self) -> int:
            self.advance(70_000_000)
            return super().monotonic_us()

    with endpoint() as page, pytest.raises(SourceError, match="not whole after 60 s"):
        source_at(page.url, clock=Late()).read()
