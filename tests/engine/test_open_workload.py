"""Open workloads against a server that keeps its own books: what was to begin did begin, when it should."""

from __future__ import annotations

import signal
from collections import Counter
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
from tests.support.cli import Started, loadworthy, only_run, summary_of, wait_until, write_plan

from loadworthy.plan.model import Scenario
from loadworthy.record.histogram import Histogram
from loadworthy.record.interval import Interval
from loadworthy.record.rundir import Run
from loadworthy.testing import CountingServer, Delay, Exchange, Route
from loadworthy.workload.arrivals import Split, arrivals
from loadworthy.workload.profile import open_profile

QUICK = [{"path": "/{{ iteration }}", "name": "/[iteration]"}]
RANDOM_FILE = """
import random

from locust import HttpUser, between, task


class Visitor(HttpUser):
    wait_time = between(1, 2)

    @task(3)
    def often(self):
        self.client.get(f"/often/{random.randint(1, 10**9)}", name="/often")

    @task
    def rarely(self):
        self.client.get(f"/rarely/{random.random()}", name="/rarely")
"""


def run_plan(tmp_path: Path, server: CountingServer, scenarios: dict[str, Any], *options: object, **keys: Any) -> str:
    """Run it; whatever the verdict, it must have come to its end."""
    plan = {"base_url": server.url, "seed": 7, "scenarios": scenarios, **keys}
    done = loadworthy("run", write_plan(tmp_path, plan), *options, cwd=tmp_path)
    assert done.code in (0, 1, 3, 4), done.out + done.err
    assert "Traceback" not in done.out + done.err
    return done.out


def intervals_of(path: Path, scenario: str = "load") -> list[Interval]:
    return [one for one in Run.open(path).intervals() if one.scenario == scenario]


def books(path: Path, scenario: str = "load") -> tuple[int, int, int]:
    """Scheduled, sent, dropped over the whole scenario."""
    found = intervals_of(path, scenario)
    return sum(one.scheduled for one in found), sum(one.sent for one in found), sum(one.dropped for one in found)


def stood_still_ms(path: Path) -> float:
    """The longest that the generator did nothing, as it knows itself: next to none, unless others use the machine."""
    return float(summary_of(path)["health"]["loop_lag_ms"])


def most_at_once(log: list[Exchange]) -> int:
    """Requests that the server had at the same time."""
    moments = sorted([(one.arrival_us, 1) for one in log] + [(one.departure_us, -1) for one in log])
    return max(accumulate(change for _, change in moments))


def due(seed: int, scenario: str = "load", **keys: Any) -> dict[int, int]:
    """Number → µs after the start of every iteration that the scenario should begin."""
    profile = open_profile(Scenario.model_validate(keys))
    return dict(arrivals(profile, f"{seed}/{scenario}", [Split(0, 1)]))


@pytest.mark.parametrize("processes", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_each_iteration_begins_once_and_never_before_its_time(tmp_path: Path, processes: int) -> None:
    """A ramp and a hold, over one process and two: the server sees each number once, the gaps are those planned.

    Their number is what ends it: time would cut off those that a busy machine is late with.
    """
    stages = [{"duration": "1s", "ramp_to": "200/s"}, {"duration": "10m", "rate": "200/s"}]
    with CountingServer() as server:
        load = {"stages": stages, "iterations": 300, "endpoints": QUICK}
        run_plan(tmp_path, server, {"load": load}, "--processes", processes)
        log = server.log()
    expected = due(7, stages=stages, iterations=300)
    arrived = {int(one.target[1:]): one.arrival_us for one in log}
    assert sorted(arrived) == sorted(expected)
    assert len(log) == len(expected)
    assert books(only_run(tmp_path)) == (len(expected), len(expected), 0)
    # Never early: the process that began first sets the clock, and the others cannot be before it.
    start_us = min(arrived[number] - at_us for number, at_us in expected.items())
    # Whatever the machine does, some are on time, unless it stood still for all of a stretch.
    late_us = 50_000 + 1000 * stood_still_ms(only_run(tmp_path))
    for stretch in (range(1_000_000), range(1_000_000, 2_000_000)):
        lags_us = [arrived[number] - at_us - start_us for number, at_us in expected.items() if at_us in stretch]
        assert min(lags_us) < late_us
    scenario = summary_of(only_run(tmp_path))["scenarios"]["load"]
    assert scenario["workload"] == "open"
    assert scenario["requests"] == len(expected)


def test_a_slow_service_is_sent_no_less(tmp_path: Path) -> None:
    """Answers take 300 ms, and 100 still begin per second: 30 users at once on the average, made as they are needed."""
    with CountingServer([Route("*", delay=Delay.fixed(300))]) as server:
        load = {"rate": "100/s", "arrivals": "constant", "iterations": 200, "endpoints": QUICK}
        run_plan(tmp_path, server, {"load": load})
        log = server.log()
    assert len(log) == 200
    scenario = summary_of(only_run(tmp_path))["scenarios"]["load"]
    # Thirty, and where the machine stood still for a moment as many as it had to catch up with; not one for each.
    assert 25 <= scenario["users_max"] <= most_at_once(log) + 30
    assert scenario["response_time_ms"]["min"] >= 300


def test_what_finds_no_user_is_dropped_and_counted(tmp_path: Path) -> None:
    """Five users, answers of a second, 50/s: sent and dropped add up to scheduled, and the server saw those sent."""
    with CountingServer([Route("*", delay=Delay.fixed(1000))]) as server:
        load = {"rate": "50/s", "max_users": 5, "run_time": "3s", "endpoints": QUICK, "thresholds": ["p95 < 5s"]}
        out = run_plan(tmp_path, server, {"load": load})
        stats, log = server.stats(), server.log()
    scheduled, sent, dropped = books(only_run(tmp_path))
    assert scheduled == len(due(7, rate="50/s", run_time="3s"))
    assert sent + dropped == scheduled
    assert sent == len(log)
    summary = summary_of(only_run(tmp_path))
    slowest_ms = summary["scenarios"]["load"]["response_time_ms"]["max"]  # a second, unless the machine stood still
    assert 5 * (3000 // slowest_ms) <= sent <= 20
    assert stats.connections <= 5 + 1  # the look whether anything listens
    assert summary["verdict"] == "invalid", out
    assert "max_users" in " ".join(summary["reasons"])


@pytest.mark.slow
def test_one_seed_makes_the_same_requests_over_any_number_of_processes(tmp_path: Path) -> None:
    """Which endpoint, which random values, which row of test data: the same for each iteration in 1 and 3 processes."""
    endpoints = [
        {"path": "/a/{{ iteration }}/{{ random_int(1, 1000000) }}/{{ row.n }}", "name": "/a", "weight": 3},
        {"path": "/b/{{ iteration }}/{{ uuid() }}/{{ drawn.n }}", "name": "/b"},
    ]
    rows = [{"n": number} for number in range(50)]
    data = {
        "row": {"rows": rows, "per": "iteration"},
        "drawn": {"rows": rows, "per": "iteration", "order": "random"},
    }
    seen = []
    for processes in (1, 3):
        with CountingServer() as server:
            load = {"rate": "100/s", "iterations": 200, "endpoints": endpoints}
            here = tmp_path / str(processes)
            here.mkdir()
            run_plan(here, server, {"load": load}, "--processes", processes, test_data=data)
            seen.append(sorted(one.target for one in server.log()))
    assert seen[0] == seen[1]
    assert len({target.split("/")[1] for target in seen[0]}) == 2


@pytest.mark.slow
def test_python_users_replay_too(tmp_path: Path) -> None:
    """Locust's weighted choice of a task and the module ``random`` draw from the iteration's own numbers."""
    (tmp_path / "locustfile.py").write_text(RANDOM_FILE)
    seen = []
    for processes in (1, 3):
        with CountingServer() as server:
            done = loadworthy(
                "run", "locustfile.py", "--url", server.url, "--rate", "80/s", "--seed", 5,
                "--set", "scenarios.locustfile.iterations=160",
                "--processes", processes, "--out", str(processes), cwd=tmp_path,
            )  # fmt: skip
            assert done.code in (0, 4), done.out + done.err
            seen.append(Counter(one.target for one in server.log()))
    assert seen[0] == seen[1]
    assert sum(seen[0].values()) == 160
    rarely = sum(count for target, count in seen[0].items() if target.startswith("/rarely"))
    assert 0.1 < rarely / sum(seen[0].values()) < 0.4


def test_the_same_class_runs_closed(tmp_path: Path) -> None:
    """Without a rate the users of the same file go round by themselves, with their pauses."""
    (tmp_path / "locustfile.py").write_text(RANDOM_FILE)
    with CountingServer() as server:
        done = loadworthy(
            "run", "locustfile.py", "--url", server.url, "--users", 3, "--run-time", "2s", cwd=tmp_path
        )  # fmt: skip
        requests = len(server.log())
    assert done.code == 0, done.out + done.err
    assert 3 <= requests <= 9
    assert summary_of(only_run(tmp_path))["scenarios"]["locustfile"]["workload"] == "closed"


def test_closed_users_draw_the_same_over_any_number_of_processes(tmp_path: Path) -> None:
    """Each user's first requests are the same, whichever process it is in."""
    # Pauses that are longer than the run, however late that ends: one iteration for each user.
    (tmp_path / "locustfile.py").write_text(RANDOM_FILE.replace("between(1, 2)", "between(100, 200)"))
    seen = []
    for processes in (1, 2):
        with CountingServer() as server:
            done = loadworthy(
                "run", "locustfile.py", "--url", server.url, "--users", 4, "--run-time", "900ms",
                "--seed", 5, "--processes", processes, "--out", str(processes), cwd=tmp_path,
            )  # fmt: skip
            assert done.code == 0, done.out + done.err
            seen.append(sorted(one.target for one in server.log()))
    assert len(seen[0]) == 4
    assert seen[0] == seen[1]


def test_iterations_end_an_open_scenario(tmp_path: Path) -> None:
    """After the last one is done, over two processes, too."""
    with CountingServer() as server:
        load = {"rate": "200/s", "iterations": 123, "endpoints": QUICK}
        run_plan(tmp_path, server, {"load": load}, "--processes", 2)
        numbers = sorted(int(one.target[1:]) for one in server.log())
    assert numbers == list(range(123))
    (ended,) = [one for one in Run.open(only_run(tmp_path)).events if one["type"] == "scenario_ended"]
    assert ended["reason"] == "iterations"


def test_on_start_is_no_part_of_an_iteration(tmp_path: Path) -> None:
    """A log-in of 200 ms is done before the user is given anything: the first answers do not wait for it."""
    routes = [Route("/login", delay=Delay.fixed(200)), Route("*")]
    with CountingServer(routes) as server:
        load = {"rate": "50/s", "iterations": 100, "on_start": [{"path": "/login"}], "endpoints": QUICK}
        run_plan(tmp_path, server, {"load": load})
        log = server.log()
    logins = [one for one in log if one.target == "/login"]
    first = min(one.arrival_us for one in log if one.target != "/login")
    assert len(log) - len(logins) == 100
    assert min(one.departure_us for one in logins) <= first
    series = summary_of(only_run(tmp_path))["scenarios"]["load"]["series"]
    assert series["GET /[iteration]"]["response_time_ms"]["p50"] < 100 + stood_still_ms(only_run(tmp_path))


def test_open_and_closed_scenarios_run_together(tmp_path: Path) -> None:
    """Each with its own workload, users and length; the third waits for both."""
    scenarios = {
        "browse": {"rate": "60/s", "iterations": 120, "with": "clerks", "endpoints": [{"path": "/browse"}]},
        "clerks": {"users": 3, "run_time": "1s", "wait_time": "20ms", "endpoints": [{"path": "/clerks"}]},
        "after": {"users": 1, "iterations": 5, "endpoints": [{"path": "/after"}]},
    }
    with CountingServer() as server:
        run_plan(tmp_path, server, scenarios)
        log = server.log()
    counts = Counter(one.target for one in log)
    assert counts["/browse"] == 120
    assert counts["/after"] == 5
    summary = summary_of(only_run(tmp_path))["scenarios"]
    assert {name: one["requests"] for name, one in summary.items()} == {
        name: counts[f"/{name}"] for name in ("browse", "clerks", "after")
    }
    assert [summary[name]["workload"] for name in ("browse", "clerks", "after")] == ["open", "closed", "closed"]
    last = {name: max(one.arrival_us for one in log if one.target == f"/{name}") for name in counts_names(counts)}
    first = {name: min(one.arrival_us for one in log if one.target == f"/{name}") for name in counts_names(counts)}
    assert first["clerks"] < last["browse"]
    assert first["browse"] < last["clerks"]
    assert max(last["clerks"], last["browse"]) < first["after"]
    ends = [one for one in Run.open(only_run(tmp_path)).events if one["type"] == "scenario_ended"]
    assert {one["scenario"]: one["reason"] for one in ends} == {
        "browse": "iterations", "clerks": "completed", "after": "iterations",
    }  # fmt: skip


def counts_names(counts: Counter[str]) -> list[str]:
    return [target[1:] for target in counts]


@pytest.mark.parametrize("processes", [1, 2])
def test_an_interrupted_run_keeps_its_books(tmp_path: Path, processes: int) -> None:
    """Ctrl-C in the middle: sent and dropped are what was scheduled until then, and the server's count is sent."""
    with CountingServer([Route("*", delay=Delay.fixed(100))]) as server:
        load = {"rate": "100/s", "run_time": "1m", "max_users": 6, "endpoints": QUICK}
        plan = write_plan(tmp_path, {"base_url": server.url, "scenarios": {"load": load}})
        with Started("run", plan, "--processes", processes, cwd=tmp_path) as started:
            wait_for_requests(server, 50)
            started.send(signal.SIGINT)
            code, out = started.finish()
        log = server.log()
    assert code == 130, out
    scheduled, sent, dropped = books(only_run(tmp_path))
    assert sent + dropped == scheduled
    assert sent == len(log)
    assert dropped > 0


def wait_for_requests(server: CountingServer, count: int) -> None:
    """The server's own count says when."""
    wait_until(lambda: server.stats().requests >= count, "the load")


PACED = """
from locust import HttpUser, constant_pacing, task


class Paced(HttpUser):
    wait_time = constant_pacing(0.1)

    @task
    def look(self):
        self.client.get("/")
"""


def test_pacing_counts_the_missed_slot(tmp_path: Path) -> None:
    """Answers of 250 ms with a slot every 100 ms: each is measured from its slot, and the slot between is dropped."""
    (tmp_path / "locustfile.py").write_text(PACED)
    with CountingServer([Route("*", delay=Delay.fixed(250))]) as server:
        done = loadworthy(
            "run", "locustfile.py", "--url", server.url, "--users", 2, "--run-time", "3s", cwd=tmp_path
        )  # fmt: skip
        requests = len(server.log())
    scenario = summary_of(only_run(tmp_path))["scenarios"]["locustfile"]
    assert scenario["requests"] == requests, done.out
    assert scenario["workload"] == "closed"
    # All but each user's first began after their slot, and two of three slots are one iteration each.
    times, service = scenario["response_time_ms"], scenario["service_time_ms"]
    assert 250 <= service["p50"] < 400 <= times["max"]
    assert times["min"] < 400
    _, _, dropped = books(only_run(tmp_path), "locustfile")
    slots = sum(one.duration_ms for one in intervals_of(only_run(tmp_path), "locustfile") if not one.stopping) / 100
    assert requests + dropped == pytest.approx(2 * slots, abs=8)
    assert dropped > requests


ROLES = {
    "reader": {"endpoints": [{"path": "/r"}]},
    "writer": {"endpoints": [{"path": "/w", "method": "POST"}]},
}


@pytest.mark.parametrize("most", [4, 30])
def test_no_role_starves_for_want_of_users(tmp_path: Path, most: int) -> None:
    """Two roles of one weight get half of the iterations each, also where there are few users for both."""
    with CountingServer([Route("*", delay=Delay.fixed(5))]) as server:
        load = {"rate": "100/s", "run_time": "3s", "max_users": most, "roles": ROLES, "thresholds": ["p95 < 5s"]}
        run_plan(tmp_path, server, {"load": load})
        counts = Counter(one.target for one in server.log())
    _, sent, _ = books(only_run(tmp_path))
    assert counts["/r"] + counts["/w"] == sent
    assert 0.3 < counts["/w"] / sent < 0.7
    assert summary_of(only_run(tmp_path))["scenarios"]["load"]["users_max"] <= most + 1


def test_a_pause_before_a_request_is_not_charged_to_it(tmp_path: Path) -> None:
    """A flow that waits first: its request is measured from when it was due after the wait."""
    with CountingServer() as server:
        load = {
            "rate": "40/s",
            "run_time": "3s",
            "flow": [{"wait": "400ms"}, {"path": "/a"}],
            "thresholds": ["p95 < 5s"],
        }
        run_plan(tmp_path, server, {"load": load})
    scenario = summary_of(only_run(tmp_path))["scenarios"]["load"]
    whole_ms = scenario["parts"]["iteration load"]["response_time_ms"]["p50"]
    assert whole_ms >= 400
    assert scenario["series"]["GET /a"]["response_time_ms"]["p50"] <= whole_ms - 399  # what is late is in both


SCHEDULING = """
from locust import HttpUser, TaskSet, task


class Visit(TaskSet):
    @task
    def first(self):
        self.client.get("/first")
        self.schedule_task(after)

    @task
    def second(self):
        self.client.get("/second")
        self.schedule_task(after)


def after(taskset):
    taskset.client.get("/after")


class Visitor(HttpUser):
    tasks = [Visit]
"""


def test_what_user_code_has_scheduled_comes_next(tmp_path: Path) -> None:
    """A task that schedules another is followed by it, and not by one that was drawn."""
    (tmp_path / "locustfile.py").write_text(SCHEDULING)
    with CountingServer() as server:
        done = loadworthy(
            "run", "locustfile.py", "--url", server.url, "--rate", "50/s",
            "--set", "scenarios.locustfile.iterations=100", cwd=tmp_path,
        )  # fmt: skip
        counts = Counter(one.target for one in server.log())
        users = server.stats().connections
    assert counts["/first"] + counts["/second"] > 20, done.out + done.err
    assert abs(counts["/first"] + counts["/second"] - counts["/after"]) <= users


BROKEN_START = """
from locust import HttpUser, task


class Broken(HttpUser):
    def on_start(self):
        self.client.get("/login")
        raise ValueError("no such account")

    @task
    def look(self):
        self.client.get("/")
"""


def test_users_that_cannot_start_are_not_made_over_and_over(tmp_path: Path) -> None:
    """Two seconds at 100/s with an on_start that raises: a handful of log-ins, one sentence, and no traceback."""
    (tmp_path / "locustfile.py").write_text(BROKEN_START)
    with CountingServer() as server:
        done = loadworthy(
            "run", "locustfile.py", "--url", server.url, "--rate", "100/s", "--run-time", "2s", cwd=tmp_path
        )  # fmt: skip
        logins = sum(one.target == "/login" for one in server.log())
    assert logins <= 15
    scheduled, sent, dropped = books(only_run(tmp_path), "locustfile")
    assert (sent, dropped) == (0, scheduled)
    assert "Traceback" not in done.out + done.err
    assert "no such account" in done.out


@pytest.mark.parametrize(
    ("code", "load", "sentence"),
    [
        ("    def run(self):\n        self.client.get('/')", {"rate": "9/s"}, "run() of its own"),
        ("    @task\n    def a(self):\n        pass", {"rate": "9/s", "max_users": 1}, "less than the 2 processes"),
    ],
)
def test_what_cannot_be_paced_is_refused(tmp_path: Path, code: str, load: dict[str, Any], sentence: str) -> None:
    """Before any load, in a sentence."""
    (tmp_path / "locustfile.py").write_text(f"from locust import HttpUser, task\n\nclass One(HttpUser):\n{code}\n")
    plan = {"base_url": "http://127.0.0.1:9", "scenarios": {"load": {"locustfile": "locustfile.py", **load}}}
    done = loadworthy("run", write_plan(tmp_path, plan), "--no-preflight", "--processes", 2, cwd=tmp_path)
    assert done.code == 2
    assert sentence in done.err


LISTENING = """
from locust import HttpUser, events, task


@events.spawning_complete.add_listener
def on_spawned(user_count, **_):
    print(f"spawned {user_count}", flush=True)


class Visitor(HttpUser):
    @task
    def look(self):
        self.client.get("/")
"""


@pytest.mark.parametrize("load", [["--users", "4"], ["--rate", "50/s"]])
@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_listeners_hear_that_the_users_are_there(tmp_path: Path, load: list[str], processes: int) -> None:
    """Locust's spawning_complete fires once in the process that leads the run, with all users of a closed workload."""
    (tmp_path / "locustfile.py").write_text(LISTENING)
    with CountingServer() as server:
        done = loadworthy(
            "run", "locustfile.py", "--url", server.url, *load, "--run-time", "3s", "--processes", processes,
            cwd=tmp_path,
        )  # fmt: skip
    told = [line for line in done.out.splitlines() if line.startswith("spawned ")]
    assert len(told) == 1, done.out + done.err
    if "--users" in load and processes == 1:
        assert told == ["spawned 4"]


def test_the_users_of_the_scenario_before_are_not_taken_for_those_of_the_next(tmp_path: Path) -> None:
    """Over two processes, too: of a scenario that ends before its users are there nobody hears that they are."""
    (tmp_path / "locustfile.py").write_text(LISTENING)
    scenarios = {
        "quick": {"locustfile": "locustfile.py", "users": 2, "iterations": 50},
        "slow": {"locustfile": "locustfile.py", "users": 2, "spawn_rate": 0.05, "run_time": "1s"},
    }
    with CountingServer() as server:
        plan = write_plan(tmp_path, {"base_url": server.url, "scenarios": scenarios})
        done = loadworthy("run", plan, "--processes", 2, cwd=tmp_path)
    told = [line.split()[0] for line in done.out.splitlines() if "started" in line or line.startswith("spawned")]
    assert told == ["quick:", "spawned", "slow:"], done.out + done.err


BURNING = """
import time

from locust import HttpUser, task


class Burning(HttpUser):
    @task
    def look(self):
        end = time.perf_counter() + 0.02
        while time.perf_counter() < end:
            pass
        self.client.get("/")
"""


def test_a_generator_that_cannot_keep_up_is_invalid(tmp_path: Path) -> None:
    """A task that burns 20 ms, 100 times a second, is twice what a core can do: the run says so, not the service."""
    (tmp_path / "locustfile.py").write_text(BURNING)
    (tmp_path / "plan.yaml").write_text(
        "scenarios: {load: {rate: 100/s, run_time: 5s, locustfile: locustfile.py, thresholds: [p95 < 10s]}}\n"
    )
    with CountingServer() as server:
        done = loadworthy("run", "plan.yaml", "--url", server.url, cwd=tmp_path)
    assert done.code == 4, done.out + done.err
    summary = summary_of(only_run(tmp_path))
    assert summary["verdict"] == "invalid"
    assert any("late" in reason for reason in summary["reasons"]), summary["reasons"]
    scheduled, sent, dropped = books(only_run(tmp_path))
    assert sent + dropped == scheduled


def test_a_slow_service_is_no_fault_of_the_generator(tmp_path: Path) -> None:
    """Seconds for each answer: it fails its target, and the generator is fit to say so, on a busy machine, too."""
    with CountingServer([Route("*", delay=Delay.fixed(3000))]) as server:
        # Sparse enough that a machine that stood still for seconds is not late with most of them.
        load = {"rate": "20/s", "iterations": 120, "endpoints": QUICK, "thresholds": ["p95 < 200ms"]}
        out = run_plan(tmp_path, server, {"load": load})
    summary = summary_of(only_run(tmp_path))
    assert summary["verdict"] == "fail", out
    assert summary["health"]["verdict"] == "pass"


def test_users_that_are_slow_to_get_ready_are_no_fault_of_the_generator(tmp_path: Path) -> None:
    """Logging in takes 800 ms, and more users are needed than were there: that is measured, and not held against us."""
    routes = [Route("/login", delay=Delay.fixed(800)), Route("*", delay=Delay.fixed(300))]
    with CountingServer(routes) as server:
        # So far off that a busy machine is not what decides; nor does time cut off what it is late with.
        limits = ["error_rate < 1%", "max < 10m"]
        steps = {"on_start": [{"path": "/login"}], "endpoints": QUICK, "thresholds": limits}
        out = run_plan(tmp_path, server, {"load": {"rate": "100/s", "iterations": 500, **steps}})
    scenario = summary_of(only_run(tmp_path))["scenarios"]["load"]
    assert scenario["send_lag_ms"]["max"] > 100
    assert scenario["response_time_ms"]["max"] > 400
    intervals = intervals_of(only_run(tmp_path))
    own = Histogram.merged(one.own_lag for one in intervals)
    assert own.count == scenario["arrivals"]["sent"]
    late = Histogram.merged(series.send_lag for one in intervals for series in one.series)
    assert late.sum_us - own.sum_us > 100_000  # the log-ins' part, however late a busy machine was by itself
    assert summary_of(only_run(tmp_path))["verdict"] == "pass", out


def numbers_of(log: list[Exchange]) -> list[int]:
    return sorted(int(one.target[1:]) for one in log)


@pytest.mark.slow
def test_a_lost_worker_s_share_goes_to_the_others(tmp_path: Path) -> None:
    """One of two is killed: from the moment that the run names, the other begins each iteration once."""
    with CountingServer() as server:
        # Ended by their number: time would cut off those that a busy machine is late with.
        load = {"rate": "100/s", "arrivals": "constant", "iterations": 800, "endpoints": QUICK}
        plan = write_plan(tmp_path, {"base_url": server.url, "scenarios": {"load": load}})
        with Started("run", plan, "--processes", 2, cwd=tmp_path) as started:
            wait_for_requests(server, 50)
            children = Path(f"/proc/{started.process.pid}/task/{started.process.pid}/children").read_text().split()
            kill(int(children[0]))
            code, out = started.finish()
        numbers = numbers_of(server.log())
    assert code == 4, out
    (event,) = [one for one in Run.open(only_run(tmp_path)).events if one["type"] == "shared_anew"]
    from_number = round(float(event["message"].split()[1]) * 100) + 10
    assert from_number < 790
    assert [number for number in numbers if number >= from_number] == list(range(from_number, 800))
    assert all(count == 1 for count in Counter(numbers).values())


def kill(pid: int) -> None:
    import os

    os.kill(pid, signal.SIGKILL)


def test_every_share_of_a_plan_is_somebody_s(tmp_path: Path) -> None:
    """Three processes for two users and a rate of one: nobody waits for those that have nothing to do."""
    scenarios = {
        "few": {"users": 2, "iterations": 6, "endpoints": [{"path": "/few"}]},
        "slow": {"rate": "5/s", "iterations": 2, "with": "few", "endpoints": [{"path": "/slow"}]},
    }
    with CountingServer() as server:
        run_plan(tmp_path, server, scenarios, "--processes", 3)
        counts = Counter(one.target for one in server.log())
    assert counts == {"/few": 6, "/slow": 2}
