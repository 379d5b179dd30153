"""How runs end: on time, by a signal, by a kill. Whatever happens, what was measured is kept and can be judged."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from tests.support.cli import Started, loadworthy, only_run, summary_of, wait_until, write_plan

from loadworthy.clock import monotonic_ns, wall_ns
from loadworthy.record.rundir import Run
from loadworthy.testing import CountingServer, Delay, Route


def plan_for(url: str, **scenario: object) -> dict[str, object]:
    return {
        "base_url": url,
        "stop_timeout": "60s",
        "scenarios": {
            "load": {
                "users": 4,
                "run_time": "60s",
                "wait_time": "5ms",
                "endpoints": [{"path": "/"}],
                "thresholds": ["max < 1m"],  # which on a busy machine, too, the generator alone does not come near
                **scenario,
            }
        },
    }


def wait_for_requests(server: CountingServer, count: int, in_service: int = 0) -> None:
    """The server's own counts say when."""

    def are_there() -> bool:
        stats = server.stats()
        return stats.requests >= count and stats.in_service >= in_service

    wait_until(are_there, "the load")


def written(folder: Path) -> int:
    """How many intervals are on disk."""
    return sum(file.read_bytes().count(b"\n") for file in folder.glob("runs/*/intervals.jsonl"))


def wait_for_intervals(folder: Path, started: Started, count: int) -> None:
    """Until so many of them are on disk."""
    wait_until(lambda: started.process.poll() is not None or written(folder) >= count, "the intervals")
    assert started.process.poll() is None


def test_after_kill_9_all_but_the_last_second_is_there(tmp_path: Path) -> None:
    """SIGKILL in mid-run: ``report`` judges what there is; of the server's log what came after the last second that
    was full is missing, and nothing else."""
    with CountingServer() as server:
        with Started("run", write_plan(tmp_path, plan_for(server.url)), cwd=tmp_path) as started:
            wait_for_intervals(tmp_path, started, 3)
            started.process.kill()
            code, _ = started.finish()
        log = server.log()
    assert code == -signal.SIGKILL
    again = loadworthy("report", only_run(tmp_path), cwd=tmp_path)
    summary = summary_of(only_run(tmp_path))
    assert (summary["verdict"], again.code) == ("undecided", 3), again.out + again.err
    intervals = list(Run.open(only_run(tmp_path)).intervals())
    # The first may be shorter, and on a busy machine one may be longer.
    assert sorted(one.duration_ms for one in intervals)[1] < 1500
    full_us = max(one.start_ms + one.duration_ms for one in intervals) * 1000 - (wall_ns() - monotonic_ns()) // 1000
    # Each of the four users may not have read yet what had left for it; and the end is told in whole milliseconds.
    counted = summary["scenarios"]["load"]["requests"]
    assert 0 < sum(exchange.departure_us < full_us - 2000 for exchange in log) - 4 <= counted <= len(log)


@pytest.mark.parametrize(
    ("processes", "number"),
    [
        (1, signal.SIGTERM),
        (2, signal.SIGINT),
        pytest.param(1, signal.SIGINT, marks=pytest.mark.slow),
        pytest.param(2, signal.SIGTERM, marks=pytest.mark.slow),
    ],
)
def test_a_signal_stops_gracefully_and_every_request_is_counted(
    tmp_path: Path, number: signal.Signals, processes: int
) -> None:
    """Requests under way are finished, written and judged; the exit code is 130."""
    with CountingServer((Route("*", delay=Delay.fixed(120)),)) as server:
        plan = write_plan(tmp_path, plan_for(server.url))
        with Started("run", plan, "--processes", processes, cwd=tmp_path) as started:
            wait_for_requests(server, 40)  # at 33/s at most
            started.send(number)
            code, out = started.finish()
        requests = len(server.log())
    assert code == 130, out
    summary = summary_of(only_run(tmp_path))
    assert summary["exit_code"] == 130
    assert summary["scenarios"]["load"]["requests"] == requests
    assert summary["scenarios"]["load"]["failures"] == 0
    assert Run.open(only_run(tmp_path)).manifest["ended"] == "interrupted"


def test_a_second_signal_stops_at_once_and_leaves_a_readable_run(tmp_path: Path) -> None:
    """Users hang in requests of a minute; the second Ctrl-C does not wait for them, and nothing measured is lost."""
    routes = (Route("/quick"), Route("/stuck", delay=Delay.fixed(60_000)))
    flow = [*[{"path": "/quick"}] * 5, {"path": "/stuck"}]
    with CountingServer(routes) as server:
        plan = {**plan_for(server.url), "stop_timeout": "50s", "timeout": "90s"}
        plan["scenarios"] = {"load": {"users": 3, "run_time": "60s", "flow": flow}}
        with Started("run", write_plan(tmp_path, plan), cwd=tmp_path) as started:
            wait_for_requests(server, 15, in_service=3)
            wait_for_intervals(tmp_path, started, written(tmp_path) + 2)  # one that began before, and a whole one
            started.send(signal.SIGINT)
            for line in started.lines():
                if "stopping" in line:
                    break
            started.send(signal.SIGINT)
            code, out = started.finish()
    assert code == 130, out
    summary = summary_of(only_run(tmp_path))
    assert summary["scenarios"]["load"]["series"]["GET /quick"]["requests"] == 15
    assert sum(interval.interrupted for interval in Run.open(only_run(tmp_path)).intervals()) == 3


def test_a_request_cut_off_by_the_end_is_counted_as_interrupted(tmp_path: Path) -> None:
    """The stop time-out passes: what still hangs is no sample, but is counted."""
    with CountingServer((Route("*", delay=Delay.fixed(60_000)),)) as server:
        plan = {**plan_for(server.url, run_time="1s"), "stop_timeout": "200ms"}
        done = loadworthy("run", write_plan(tmp_path, plan), cwd=tmp_path)
    assert done.code == 3, done.out + done.err
    assert sum(interval.interrupted for interval in Run.open(only_run(tmp_path)).intervals()) == 4


def test_a_run_says_how_long_it_took_and_how_it_ended(tmp_path: Path) -> None:
    """run.json tells target, seed, versions, times and the plan."""
    with CountingServer() as server:
        url = server.url
        done = loadworthy("run", write_plan(tmp_path, plan_for(url, run_time="1s")), "--seed", 42, cwd=tmp_path)
    assert done.code == 0, done.out + done.err
    manifest = json.loads((only_run(tmp_path) / "run.json").read_text(encoding="utf-8"))
    assert manifest["schema"] == 1
    assert (manifest["ended"], manifest["seed"], manifest["planned_duration_s"]) == ("completed", 42, 1.0)
    assert manifest["target"] == url
    assert set(manifest["versions"]) == {"loadworthy", "python", "locust", "gevent"}
    assert manifest["started_at"] < manifest["ended_at"]


def test_a_worker_that_dies_makes_the_run_invalid(tmp_path: Path) -> None:
    """One of two workers is killed: the other goes on, and the verdict says that figures are missing."""
    with CountingServer() as server:
        plan = write_plan(tmp_path, plan_for(server.url, run_time="4s"))
        with Started("run", plan, "--processes", 2, cwd=tmp_path) as started:
            wait_for_requests(server, 100)
            children = Path(f"/proc/{started.process.pid}/task/{started.process.pid}/children").read_text().split()
            os.kill(int(children[0]), signal.SIGKILL)
            code, out = started.finish()
    assert code == 4, out
    summary = summary_of(only_run(tmp_path))
    assert summary["verdict"] == "invalid"
    assert any("worker" in reason for reason in summary["reasons"])
