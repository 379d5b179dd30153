"""``loadworthy run`` against a server that keeps its own books: both must tell the same story."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.cli import files_of, loadworthy, only_run, summary_of, write_plan

from loadworthy.record.histogram import Histogram
from loadworthy.record.interval import Interval
from loadworthy.record.rundir import Run
from loadworthy.testing import CountingServer, Delay, Exchange, Route

ROUTES = (
    Route("/items", body_bytes=300),
    Route("/items/*", json={"id": 7}),
    Route("/broken", failure_share=0.3, body_bytes=20),
)
ENDPOINTS = [
    {"path": "/items", "weight": 5},
    {"path": "/items/{{ random_int(1, 9) }}", "name": "/items/[id]", "weight": 3},
    {"path": "/broken", "method": "POST", "json": {"a": "{{ user_number }}"}, "weight": 2},
]
FAR = ("max < 1m",)
"""A limit so far off that on a busy machine, too, the generator is not what decides."""
WEIGHTS = {"GET /items": 0.5, "GET /items/[id]": 0.3, "POST /broken": 0.2}


def series_of(exchange: Exchange) -> str:
    path = exchange.target.partition("?")[0]
    return f"{exchange.method} {'/items/[id]' if path.startswith('/items/') else path}"


def assert_books_agree(summary: dict, log: list[Exchange]) -> None:  # type: ignore[type-arg]
    """Counts, bytes and status codes of each series, to the request and the byte."""
    (scenario,) = summary["scenarios"].values()
    assert scenario["requests"] == len(log)
    by_series: dict[str, list[Exchange]] = {}
    for exchange in log:
        by_series.setdefault(series_of(exchange), []).append(exchange)
    assert set(scenario["series"]) == set(by_series)
    for name, exchanges in by_series.items():
        figures = scenario["series"][name]
        assert figures["requests"] == len(exchanges)
        assert figures["sent_bytes"] == sum(exchange.request_bytes for exchange in exchanges)
        assert figures["received_bytes"] == sum(exchange.response_bytes for exchange in exchanges)
        statuses = Counter(str(exchange.status) for exchange in exchanges)
        assert figures["status_codes"] == statuses
        assert figures["failures"] == sum(count for status, count in statuses.items() if status >= "400")


Agreed = Callable[[int], tuple[Path, list[Exchange]]]


@pytest.fixture(scope="module")
def agreed(tmp_path_factory: pytest.TempPathFactory) -> Agreed:
    """The run directory, and the server's log, of a run in so many processes; made once for all that read it."""
    made: dict[int, tuple[Path, list[Exchange]]] = {}

    def run_in(processes: int) -> tuple[Path, list[Exchange]]:
        if processes not in made:
            made[processes] = _two_seconds_of_load(tmp_path_factory.mktemp("agreed"), processes)
        return made[processes]

    return run_in


def _two_seconds_of_load(folder: Path, processes: int) -> tuple[Path, list[Exchange]]:
    scenario = {
        "users": 6,
        "spawn_rate": 20,
        "run_time": "2s",
        "wait_time": "2ms-6ms",
        "endpoints": ENDPOINTS,
        "thresholds": ["error_rate < 50%", *FAR],
    }
    with CountingServer(ROUTES, seed=3) as server:
        plan = {"base_url": server.url, "seed": 11, "scenarios": {"load": scenario}}
        done = loadworthy("run", write_plan(folder, plan), "--processes", processes, cwd=folder)
        log = server.log()
    assert done.code == 0, done.out + done.err
    return only_run(folder), log


@pytest.mark.parametrize("processes", [1, 2])
def test_run_and_server_agree_to_the_request(agreed: Agreed, processes: int) -> None:
    """Counts, bytes, status codes of every series equal the server's own log, in one process and in two."""
    path, log = agreed(processes)
    assert len(log) > 100
    assert_books_agree(summary_of(path), log)
    assert_weights_hold(Counter(series_of(exchange) for exchange in log))
    assert_merged_percentiles_are_those_of_all_samples(path, processes)


def assert_weights_hold(counts: Counter[str]) -> None:
    """Each share within 4.5 standard deviations of its weight: a false alarm in 1 of 50,000 runs of three series."""
    total = sum(counts.values())
    for name, weight in WEIGHTS.items():
        assert abs(counts[name] - weight * total) <= 4.5 * math.sqrt(total * weight * (1 - weight))


def assert_merged_percentiles_are_those_of_all_samples(path: Path, processes: int) -> None:
    """Percentiles of the summary equal those of one sorted list of every sample's bin."""
    bins: dict[str, list[float]] = {}
    seen = set()
    for interval in Run.open(path).intervals():
        seen.add(interval.process)
        for series in interval.series:
            name = f"{series.kind} {series.name}"
            for low, high, count in series.response.bins():
                bins.setdefault(name, []).extend([(low + high) / 2] * count)
    assert len(seen) == processes
    for name, figures in summary_of(path)["scenarios"]["load"]["series"].items():
        values = sorted(bins[name])
        for key, fraction in (("p50", 0.5), ("p90", 0.9), ("p95", 0.95)):
            exact_ms = values[math.ceil(fraction * len(values)) - 1] / 1000
            if figures["response_time_ms"][key] is None:
                assert len(values) < 72  # too few to name the p95; the p90 needs less
                continue
            assert figures["response_time_ms"][key] == pytest.approx(exact_ms, abs=0.0006)  # written with whole µs


def test_percentiles_follow_a_known_delay(tmp_path: Path) -> None:
    """Every reported percentile lies within 1 % of the server's own, plus the transport.

    Transport is what a route without a delay takes in the same run; it covers the machine's noise as well. What is in
    the tail met the worst of both that: the slowest of that route, and the latest that the generator was by itself.
    """
    routes = (Route("/slow", delay=Delay.lognormal(40, 0.4)), Route("/quick"))
    with CountingServer(routes, seed=5) as server:
        endpoints = [{"path": "/slow", "weight": 3}, {"path": "/quick", "weight": 1}]
        plan = {
            "base_url": server.url,
            "scenarios": {
                "load": {
                    "users": 40, "run_time": "5s", "wait_time": "5ms", "endpoints": endpoints,
                    "thresholds": ["error_rate <= 0%", *FAR],
                }
            },
        }  # fmt: skip
        done = loadworthy("run", write_plan(tmp_path, plan), cwd=tmp_path)
        log = server.log()
    assert done.code == 0, done.out + done.err
    summary = summary_of(only_run(tmp_path))
    series, own_ms_late = summary["scenarios"]["load"]["series"], summary["health"]["loop_lag_ms"]
    own_ms = sorted((e.departure_us - e.arrival_us) / 1000 for e in log if e.target == "/slow")
    quick = series["GET /quick"]["response_time_ms"]
    for key, fraction in (("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999), ("max", 1)):
        server_ms = own_ms[math.ceil(fraction * len(own_ms)) - 1]
        measured_ms = series["GET /slow"]["response_time_ms"][key]
        if measured_ms is None:
            assert key in ("p99", "p999")  # too few requests to name it
            continue
        in_bulk = key in ("p50", "p90")
        transport_ms = (quick["p99"] or quick["max"]) if in_bulk else quick["max"] + own_ms_late
        assert server_ms * 0.99 <= measured_ms <= server_ms * 1.01 + transport_ms


@pytest.mark.parametrize("processes", [1, 2])
def test_iterations_are_exact(tmp_path: Path, processes: int) -> None:
    """``iterations: 137`` are 137 passes over all users and processes, and the run ends by itself."""
    with CountingServer() as server:
        plan = {
            "base_url": server.url,
            "scenarios": {"load": {"users": 5, "iterations": 137, "flow": [{"path": "/a"}, {"path": "/b"}]}},
        }
        done = loadworthy("run", write_plan(tmp_path, plan), "--processes", processes, cwd=tmp_path)
        counts = Counter(exchange.target for exchange in server.log())
    assert done.code == 0, done.out + done.err
    assert counts == {"/a": 137, "/b": 137}
    run = Run.open(only_run(tmp_path))
    assert sum(interval.iterations for interval in run.intervals()) == 137
    assert [event["reason"] for event in run.events if event["type"] == "scenario_ended"] == ["iterations"]


def test_scenarios_run_in_turn_and_users_keep_their_own(tmp_path: Path) -> None:
    """Two scenarios, one after the other: the second starts when the first has ended, nothing leaks between them."""
    with CountingServer() as server:
        plan = {
            "base_url": server.url,
            "scenarios": {
                "first": {"users": 2, "iterations": 20, "endpoints": [{"path": "/first"}]},
                "second": {"users": 3, "iterations": 30, "endpoints": [{"path": "/second"}]},
            },
        }
        done = loadworthy("run", write_plan(tmp_path, plan), cwd=tmp_path)
        targets = [exchange.target for exchange in server.log()]
    assert done.code == 0, done.out + done.err
    assert targets == ["/first"] * 20 + ["/second"] * 30
    scenarios = summary_of(only_run(tmp_path))["scenarios"]
    assert {name: list(figures["series"]) for name, figures in scenarios.items()} == {
        "first": ["GET /first"],
        "second": ["GET /second"],
    }


def test_a_flow_carries_what_it_extracts(tmp_path: Path) -> None:
    """A token taken from a login opens the routes that need it; test data fills the body; cookies are kept."""
    routes = (
        Route("/login", method="POST", issues_token=True, set_cookies=("seen=1; Path=/",)),
        Route("/private", needs_token=True, json={"ok": True}),
        Route("/echo", echo=True),
    )
    flow = [
        {
            "path": "/private",
            "headers": {"Authorization": "Bearer {{ token }}"},
            "expect": {"status": 200, "json": {"$.ok": True}},
        },
        {
            "path": "/echo",
            "method": "POST",
            "json": {"email": "{{ user.email }}", "n": "{{ iteration }}"},
            "expect": {"json": {"$.email": "{{ user.email }}", "$.n": "{{ iteration }}"}},
        },
    ]
    with CountingServer(routes) as server:
        plan = {
            "base_url": server.url,
            "test_data": {"user": [{"email": "a@example.org"}, {"email": "b@example.org"}]},
            "scenarios": {
                "load": {
                    "users": 2,
                    "iterations": 20,
                    "flow": flow,
                    "on_start": [{"path": "/login", "method": "POST", "extract": {"token": "$.token"}}],
                }
            },
        }
        done = loadworthy("run", write_plan(tmp_path, plan), cwd=tmp_path)
        counts = Counter((exchange.target, exchange.status) for exchange in server.log())
    assert done.code == 0, done.out + done.err
    assert counts == {("/login", 200): 2, ("/private", 200): 20, ("/echo", 200): 20}


def test_forms_with_files_are_sent_by_every_process(tmp_path: Path) -> None:
    """The file beside the plan, what varies, and the set-up's own; each byte of it stands in the books."""
    (tmp_path / "sea.txt").write_text("waves without end")
    photo = {"file": "sea.txt", "type": "text/x-sea"}
    form = {"number": "no {{ iteration }}.", "photo": photo, "noise": {"size": "9kB"}}
    texts = ["no {{ iteration }}.", 'name="photo"; filename="sea.txt"', "text/x-sea", "waves without end"]
    upload = {"path": "/echo", "method": "POST", "multipart": form, "expect": {"text": texts}}
    seed = {**upload, "multipart": {"photo": {"file": "sea.txt"}}, "expect": {"text": "waves without end"}}
    with CountingServer((Route("/echo", echo=True),)) as server:
        plan = {
            "base_url": server.url,
            "setup": [seed],
            "scenarios": {"load": {"users": 2, "iterations": 20, "flow": [upload], "thresholds": [*FAR]}},
        }
        done = loadworthy("run", write_plan(tmp_path, plan), "--processes", 2, cwd=tmp_path)
        first, *log = server.log()
    assert done.code == 0, done.out + done.err
    (figures,) = summary_of(only_run(tmp_path))["scenarios"].values()
    assert (figures["requests"], figures["failures"], len(log)) == (20, 0, 20)
    assert first.request_bytes < 1000
    assert figures["sent_bytes"] == sum(exchange.request_bytes for exchange in log) > 20 * 9000


def test_an_expected_error_status_is_good_and_the_flow_goes_on(tmp_path: Path) -> None:
    """``expect: {status: [201, 409]}``: a 409 is no failure, and the steps after it are done."""
    routes = (Route("/book", status=409), Route("/after"))
    flow = [{"path": "/book", "method": "POST", "expect": {"status": [201, 409]}}, {"path": "/after"}]
    with CountingServer(routes) as server:
        plan = {"base_url": server.url, "scenarios": {"load": {"users": 2, "iterations": 10, "flow": flow}}}
        done = loadworthy("run", write_plan(tmp_path, plan), cwd=tmp_path)
        counts = Counter(exchange.target for exchange in server.log())
    assert done.code == 0, done.out + done.err
    assert counts == {"/book": 10, "/after": 10}


@pytest.mark.parametrize("follow", [True, False])
def test_redirects_are_followed_unless_the_plan_says_no(tmp_path: Path, follow: bool) -> None:
    """With its redirects a request is one sample; without, the 302 itself is the answer, and a good one."""
    routes = (Route("/from", status=302, headers={"Location": "/to"}), Route("/to"))
    with CountingServer(routes) as server:
        endpoint = {"path": "/from", "allow_redirects": follow}
        plan = {"base_url": server.url, "scenarios": {"load": {"iterations": 5, "endpoints": [endpoint]}}}
        done = loadworthy("run", write_plan(tmp_path, plan), cwd=tmp_path)
        counts = Counter(exchange.target for exchange in server.log())
    assert done.code == 0, done.out + done.err
    assert counts == ({"/from": 5, "/to": 5} if follow else {"/from": 5})
    figures = summary_of(only_run(tmp_path))["scenarios"]["load"]
    assert (figures["requests"], figures["status_codes"]) == (5, {"200" if follow else "302": 5})


def test_a_failed_step_ends_its_pass_and_a_failed_start_is_tried_again(tmp_path: Path) -> None:
    """Nothing follows a failure in the same pass; nobody goes on without having logged in."""
    routes = (Route("/login", failure_share=0.5), Route("/half", failure_share=0.5), Route("/after"))
    scenario = {
        "users": 4,
        "iterations": 60,
        "on_start": [{"path": "/login"}],
        "flow": [{"path": "/half"}, {"path": "/after"}],
        "thresholds": ["error_rate <= 0%", *FAR],
    }
    with CountingServer(routes, seed=2) as server:
        plan = {"base_url": server.url, "scenarios": {"load": scenario}}
        done = loadworthy("run", write_plan(tmp_path, plan), cwd=tmp_path)
        log = server.log()
    assert done.code == 1, done.out + done.err
    counts = Counter((exchange.target, exchange.status) for exchange in log)
    logged_in: set[int] = set()
    for exchange in log:  # a user has a connection of its own
        if exchange.target != "/login":
            assert exchange.connection in logged_in
        elif exchange.status == 200:
            assert exchange.connection not in logged_in
            logged_in.add(exchange.connection)
    assert counts["/login", 500] > 0
    assert counts["/half", 200] == counts["/after", 200] > 0
    assert counts["/half", 200] + counts["/half", 500] + counts["/login", 500] == 60


def test_roles_share_what_the_scenario_says_and_headers_wait_for_their_token(tmp_path: Path) -> None:
    """Login and headers stand in the scenario, once; the login goes without the header that needs its token."""
    routes = (Route("/login", method="POST", issues_token=True), Route("/private", needs_token=True))
    scenario = {
        "users": 2,
        "iterations": 20,
        "on_start": [{"path": "/login", "method": "POST", "extract": {"token": "$.token"}}],
        "headers": {"Authorization": "Bearer {{ token }}", "X-Common": "1"},
        "roles": {"a": {"endpoints": [{"path": "/private"}]}, "b": {"flow": [{"path": "/private"}]}},
    }
    with CountingServer(routes) as server:
        plan = {"base_url": server.url + "/", "scenarios": {"load": scenario}}
        done = loadworthy("run", write_plan(tmp_path, plan), cwd=tmp_path)
        counts = Counter((exchange.target, exchange.status) for exchange in server.log())
    assert done.code == 0, done.out + done.err
    assert counts == {("/login", 200): 2, ("/private", 200): 20}


def test_throughput_is_measured_until_the_stop(tmp_path: Path) -> None:
    """Users that hang for seconds after the end do not thin out what was done before it."""
    routes = (Route("/quick"), Route("/slow", delay=Delay.fixed(9000)))  # a machine may stand still for some seconds
    scenario = {
        "run_time": "2s",
        "roles": {
            "quick": {"wait_time": "10ms", "endpoints": [{"path": "/quick"}]},
            "slow": {"endpoints": [{"path": "/slow"}]},
        },
        "users": 2,
        "thresholds": ["error_rate <= 0%", *FAR],
    }
    with CountingServer(routes) as server:
        plan = {"base_url": server.url, "stop_timeout": "60s", "scenarios": {"load": scenario}}
        done = loadworthy("run", write_plan(tmp_path, plan), cwd=tmp_path)
    assert done.code == 0, done.out + done.err
    figures = summary_of(only_run(tmp_path))["scenarios"]["load"]
    assert figures["series"]["GET /slow"]["requests"] == 1
    # Within the run's own books: requests ÷ throughput is the time it was measured over, 2 s of about 9.
    intervals = list(Run.open(only_run(tmp_path)).intervals())
    measured_s = sum(interval.duration_ms for interval in intervals if not interval.stopping) / 1000
    assert measured_s >= 1.9
    assert figures["requests"] / figures["throughput"] == pytest.approx(measured_s, rel=0.01)
    assert any(interval.stopping and interval.duration_ms > 100 for interval in intervals)


def test_what_fails_is_told_with_its_kind_and_an_example(tmp_path: Path) -> None:
    """A wrong status, a wrong value and a missing one: each of its kind, with message and excerpt in failures.jsonl.

    A token in an answer is masked.
    """
    routes = (
        Route("/missing", status=404, body_bytes=10),
        Route("/json", json={"state": "closed", "access_token": "handed-out"}),
    )
    endpoints = [
        {"path": "/missing"},
        {"path": "/json", "expect": {"json": {"$.state": "open"}}},
        {"path": "/json", "name": "/json again", "extract": {"id": "$.id"}},
        {"path": "/{{ id }}", "name": "/unbuilt"},
    ]
    with CountingServer(routes) as server:
        plan = {"base_url": server.url, "scenarios": {"load": {"users": 2, "iterations": 80, "endpoints": endpoints}}}
        done = loadworthy("run", write_plan(tmp_path, plan), cwd=tmp_path)
    assert done.code == 1, done.out + done.err
    series = summary_of(only_run(tmp_path))["scenarios"]["load"]["series"]
    assert {name: list(figures["failure_kinds"]) for name, figures in series.items()} == {
        "GET /missing": ["status"],
        "GET /json": ["assertion"],
        "GET /json again": ["assertion"],
        "GET /unbuilt": ["exception"],
    }
    messages = {failure["name"]: failure for failure in Run.open(only_run(tmp_path)).failures}
    assert messages["/json"]["message"] == '$.state is not "open"'
    assert "closed" in messages["/json"]["excerpt"]
    assert messages["/missing"]["status"] == 404
    assert [name for name, content in files_of(only_run(tmp_path)).items() if b"handed-out" in content] == []
    assert "access_token" in messages["/json"]["excerpt"]


def test_report_makes_the_same_summary_again(agreed: Agreed, tmp_path: Path) -> None:
    """``loadworthy report`` needs nothing but the directory, and gives the same bytes and the same exit code."""
    run, _ = agreed(1)
    before = files_of(run)
    again = loadworthy("report", run, cwd=tmp_path)
    assert again.code == 0, again.out + again.err
    assert files_of(run) == before


def test_secrets_stay_out_of_the_run_directory(tmp_path: Path) -> None:
    """A password from the environment is sent to the target and written nowhere."""
    secret = "s3cr3t-of-the-test"
    with CountingServer((Route("*", echo=True, failure_share=0.5),)) as server:
        step = {
            "path": "/login",
            "method": "POST",
            "json": {"password": "${LOGIN_SECRET}"},
            "expect": {"text": "never"},
        }
        plan = {"base_url": server.url, "scenarios": {"load": {"users": 1, "iterations": 10, "endpoints": [step]}}}
        done = loadworthy("run", write_plan(tmp_path, plan), cwd=tmp_path, environ={"LOGIN_SECRET": secret})
        sent = {exchange.request_bytes for exchange in server.log()}
    assert done.code == 1, done.out + done.err
    assert all(size > len(secret) for size in sent)
    for name, content in files_of(only_run(tmp_path)).items():
        assert secret.encode() not in content, name
    assert secret not in done.out + done.err


def test_intervals_of_two_processes_merge_without_loss(agreed: Agreed) -> None:
    """Each process numbers its intervals from 0 without a gap, and their sum is the summary."""
    path, _ = agreed(2)
    intervals = list(Run.open(path).intervals())
    for process in (1, 2):
        numbers = [interval.number for interval in intervals if interval.process == process]
        assert numbers == list(range(len(numbers)))
    merged = Histogram.merged(series.response for interval in intervals for series in interval.series)
    assert merged.count == summary_of(path)["scenarios"]["load"]["requests"]


def test_interval_lines_are_what_the_format_says(agreed: Agreed) -> None:
    """Each line of intervals.jsonl reads back to itself."""
    path, _ = agreed(1)
    lines = (path / "intervals.jsonl").read_text(encoding="utf-8").splitlines()
    assert lines
    for line in lines:
        assert Interval.from_json(json.loads(line)).to_json() == json.loads(line)


def test_what_was_handed_out_as_a_token_is_masked(tmp_path: Path) -> None:
    """Where it is sent in a query, and where the target says it again, too."""
    routes = (Route("/login", method="POST", issues_token=True), Route("/echo", method="POST", echo=True), Route("*"))
    flow = [
        {"path": "/echo", "method": "POST", "query": {"key": "{{ ticket }}"}, "body": "it is {{ ticket }}",
         "expect": {"text": "something else"}},
    ]  # fmt: skip
    login = {"path": "/login", "method": "POST", "json": {}, "extract": {"ticket": "$.token"}}
    scenario = {"users": 2, "iterations": 4, "on_start": [login], "flow": flow}
    with CountingServer(routes) as server:
        plan = write_plan(tmp_path, {"base_url": server.url, "scenarios": {"load": scenario}})
        done = loadworthy("run", plan, cwd=tmp_path)
        sent = {exchange.target.partition("key=")[2] for exchange in server.log() if "key=" in exchange.target}
    assert done.code == 1
    assert len(sent) == 2
    (failures,) = (only_run(tmp_path) / "failures.jsonl").read_text(encoding="utf-8").splitlines()[:1]
    assert "key=***" in failures
    assert "it is ***" in failures
    told = "".join(file.read_text(encoding="utf-8") for file in only_run(tmp_path).iterdir())
    assert not any(token in told for token in sent)
