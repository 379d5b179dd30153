"""Monitors beside a real run, and what happens when a source fails, comes back or hangs."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.support.cli import loadworthy, only_run, summary_of, write_plan

from loadworthy.clock import SystemClock
from loadworthy.engine import monitoring
from loadworthy.engine.monitoring import MOST_CHANGES_TOLD, Monitoring
from loadworthy.errors import RunDirError, SetupError
from loadworthy.monitor.source import SourceError, Values
from loadworthy.monitor.sources import Watched
from loadworthy.plan.model import Plan
from loadworthy.record.rundir import Run, RunWriter
from loadworthy.testing import CountingServer, FakeClock, Route

Json = dict[str, Any]
SECRET = "correct-horse"


@contextmanager
def metrics() -> Iterator[str]:
    """A Prometheus endpoint that counts how often it was asked."""
    asked = 0

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            nonlocal asked
            asked += 1
            body = f'# TYPE asked_total counter\nasked_total {asked}\npool{{key="{SECRET}"}} 7\n'.encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/metrics"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def by_source(run: Run) -> dict[str, list[Json]]:
    found: dict[str, list[Json]] = {}
    for reading in run.resources:
        found.setdefault(reading["source"], []).append(reading)
    return found


@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_run_reads_its_monitors_from_before_the_load_until_after_it(tmp_path: Path, processes: int) -> None:
    """Each source by one process alone, on the run's own time; failures are told once; secrets are not told."""
    with CountingServer([Route("/items")]) as server, metrics() as url:
        target = f"process on port {server.port}"
        plan = {
            "base_url": server.url,
            "monitors": [
                {"prometheus": url, "every": "200ms"},
                {"process": {"name": "no-such-program"}, "every": "200ms"},
            ],
            "scenarios": {
                "first": {
                    "users": 1,
                    "run_time": "1s",
                    "wait_time": "10ms",
                    "endpoints": [{"path": "/items", "headers": {"X-Token": SECRET}}],
                    "monitors": [{"process": {"port": server.port}, "every": "200ms"}],
                },
                "second": {"iterations": 3, "endpoints": [{"path": "/items"}]},
            },
        }
        arguments = ("--processes", "2") if processes == 2 else ()
        done = loadworthy("run", write_plan(tmp_path, plan), *arguments, cwd=tmp_path, reports=True)
    assert done.code == 0, done.out + done.err
    run = Run.open(only_run(tmp_path))
    sources = by_source(run)
    assert set(sources) == {"generator", f"prometheus {url}", target}
    assert SECRET not in (run.path / "resources.jsonl").read_text(encoding="utf-8")
    assert {"asked", "pool"}.isdisjoint(sources[f"prometheus {url}"][0]["values"])
    assert sources[f"prometheus {url}"][0]["values"] == {'pool{key="***"}': 7.0}
    assert sources[f"prometheus {url}"][1]["values"]["rate(asked_total)"] > 0

    ends = [event["at_ms"] for event in run.events if event["type"] == "scenario_ended"]
    for source in ("generator", f"prometheus {url}"):
        assert sources[source][-1]["at_ms"] >= ends[-1]
    assert ends[0] <= sources[target][-1]["at_ms"] <= ends[-1]
    warnings = [event["message"] for event in run.events if event["type"] == "warning"]
    (told,) = (text for text in warnings if "no-such-program" in text)
    assert "cannot be read: no process on this machine is called no-such-program" in told

    resources = summary_of(run.path)["scenarios"]["first"]["resources"]
    assert resources[target]["memory_bytes"]["max"] > 1_000_000
    assert resources["generator"]["processes"]["max"] >= processes
    report = json.loads((run.path / "report.json").read_text(encoding="utf-8"))
    assert target in report["scenarios"]["first"]["resources"]
    assert target not in report["scenarios"]["second"].get("resources", {})


def test_a_run_without_monitors_reads_nothing(tmp_path: Path) -> None:
    """Not even the generator, whose figures are in the intervals."""
    with CountingServer([Route("/items")]) as server:
        plan = {"base_url": server.url, "scenarios": {"a": {"iterations": 2, "endpoints": [{"path": "/items"}]}}}
        done = loadworthy("run", write_plan(tmp_path, plan), cwd=tmp_path)
    assert done.code == 0, done.out + done.err
    assert Run.open(only_run(tmp_path)).resources == []


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[RunWriter]:
    """A new run directory."""
    made = RunWriter(tmp_path / "run")
    made.write_manifest({})
    yield made
    made.close()


class Scripted:
    """A source that does what it is told, reading by reading; the last of them again and again."""

    def __init__(self, *script: Values | Exception | Callable[[], Values], name: str = "it") -> None:
        self._script = list(script)
        self.name = name
        self.closed = False

    def read(self) -> Values:
        step = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        if isinstance(step, Exception):
            raise step
        return step() if callable(step) else step

    def notes(self) -> list[str]:
        return ["there is something to say"]

    def close(self) -> None:
        self.closed = True


class Results:
    """Instead of threads: what is spawned is done at once."""

    def spawn(self, function: Callable[[], Any]) -> Results:
        self._result = function()
        return self

    def get(self) -> Any:
        return self._result


def watch(writer: RunWriter, source: Scripted, events: list[Json]) -> Any:
    return monitoring._Watch("it", Watched(source, 1_000_000), FakeClock(), writer, events.append, Results())  # type: ignore[arg-type]


def test_a_failure_is_told_once_and_so_is_its_end(writer: RunWriter) -> None:
    """However often it fails in between, and whatever it raises."""
    events: list[Json] = []
    steps: list[Values | Exception] = [{"a": 1.0}, SourceError("gone"), ZeroDivisionError("what"), {"a": 2.0}]
    one = watch(writer, Scripted(*steps), events)
    for at_ms in range(5):
        one._take(at_ms)
    assert [(event["type"], event["message"]) for event in events] == [
        ("warning", "it cannot be read: gone; its readings are missing until it can"),
        ("monitor_back", "it can be read again"),
    ]
    assert [(line["at_ms"], line["values"]) for line in Run.open(writer.path).resources] == [
        (0, {"a": 1.0}), (3, {"a": 2.0}), (4, {"a": 2.0}),
    ]  # fmt: skip


def test_a_source_that_comes_and_goes_does_not_fill_the_disk(writer: RunWriter) -> None:
    """Its changes are told a bounded number of times."""
    events: list[Json] = []
    steps = [SourceError("gone") if number % 2 else {"a": 1.0} for number in range(100)]
    one = watch(writer, Scripted(*steps), events)
    for at_ms in range(100):
        one._take(at_ms)
    assert len(events) == MOST_CHANGES_TOLD


def reading(sources: list[Scripted], writer: RunWriter, events: list[Json], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Real greenlets and threads over these sources."""
    plan = Plan.model_validate({"monitors": [{"process": {"pid": 1}}], "scenarios": {"a": {}}})
    monkeypatch.setattr(monitoring, "sources_of", lambda *_rest: [Watched(source, 100_000) for source in sources])
    return Monitoring(plan, ["a"], SystemClock()).of_plan(writer, events.append)


def test_sources_are_read_closed_and_asked_for_their_notes(writer: RunWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of one name are told apart."""
    events: list[Json] = []
    sources = [Scripted({"a": 1.0}), Scripted({"a": 2.0})]
    with reading(sources, writer, events, monkeypatch):
        pass
    values = {one["source"]: one["values"] for one in Run.open(writer.path).resources}
    assert (values["it"], values["it #2"]) == ({"a": 1.0}, {"a": 2.0})
    assert all(source.closed for source in sources)
    assert [event["message"] for event in events] == ["there is something to say."] * 2


def test_a_source_that_hangs_holds_up_neither_the_run_nor_the_others(
    writer: RunWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its thread is left behind, and that is said; the other's last reading is taken."""
    monkeypatch.setattr(monitoring, "LAST_READING_S", 1.0)
    inlet, outlet = os.pipe()
    events: list[Json] = []

    def hang() -> Values:
        os.read(inlet, 1)
        return {}

    try:
        with reading([Scripted(hang, name="stuck"), Scripted({"a": 1.0})], writer, events, monkeypatch):
            pass
    finally:
        os.write(outlet, b"x")
        os.close(outlet)
    messages = [event["message"] for event in events]
    assert "stuck had not answered when the run ended; its last reading is missing" in messages
    assert not any(message.startswith("it had not") for message in messages)


def test_readings_that_cannot_be_written_end_the_run_with_an_error(
    writer: RunWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with intervals: a full disk is not passed over in silence."""

    def full(_reading: Json) -> None:
        raise RunDirError("no space left on device")

    monkeypatch.setattr(writer, "add_resource", full)
    with pytest.raises(RunDirError, match="no space left"), reading([Scripted({"a": 1.0})], writer, [], monkeypatch):
        pass


def test_a_missing_library_is_told_before_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is started, and only if a scenario that runs needs it."""
    monkeypatch.setattr("loadworthy.monitor.postgres.find_spec", lambda _name: None)
    plan = Plan.model_validate({"scenarios": {"a": {}, "b": {"monitors": [{"postgres": "postgresql://h/d"}]}}})
    Monitoring(plan, ["a"], FakeClock())
    with pytest.raises(SetupError, match="psycopg"):
        Monitoring(plan, ["a", "b"], FakeClock())
