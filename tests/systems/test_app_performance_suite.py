"""The framework of performance tests in app_performance: each of its commands, judged from outside."""

from __future__ import annotations

import csv
import json
import math
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.support.app_performance import (
    ANALYZE,
    CONFIG,
    REPORTS,
    RESULTS,
    RUN,
    SUITE,
    assert_no_credentials,
    configure,
    fresh_clone,
    newest_run,
    requests_of,
    row_counts,
    scenarios_of,
    script,
)
from tests.support.cli import files_of
from tests.support.postgres import temporary_postgres
from tests.support.systems import ROOT, Service, dead_port, interrupted, locust, run

JUDGED = {0, 1, 3, 4}
"""Exit codes of a run that was judged; which verdict it gets is a matter of the machine."""

FALSE_ALARM = 1e-6

CUSTOM_TEST = """
from locust import task, between
from .base_test import BaseLocustTest

class CustomTestUser(BaseLocustTest):
    wait_time = between(1, 3)

    @task(3)
    def get_items(self):
        self.client.get("/api/items/")

    @task(1)
    def create_item(self):
        self.client.post(
            "/api/items/",
            json={"name": "test", "value": 42},
            headers={"Content-Type": "application/json"}
        )
"""

EXAMPLE_CONFIG = """
base_url: "http://localhost:8000"

scenarios:
  smoke:
    description: "Quick smoke test"
    users: 1
    spawn_rate: 1
    run_time: "30s"
    thresholds:
      response_time_p95: 1000  # ms
      error_rate: 0.01  # 1%
      throughput: 5  # req/s

alerting:
  enabled: true
  email:
    enabled: true
    smtp_server: "smtp.example.com"
    smtp_port: 587
    use_tls: true
    username: "user@example.com"
    password: "your-password"
    from_addr: "perf-tests@example.com"
    to_addrs:
      - "team@example.com"
  slack:
    enabled: true
    webhook_url: "https://hooks.slack.com/services/..."
    channel: "#alerts"
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service on SQLite; one for all tests, each of which leaves it as it was."""
    with Service("app_performance", tmp_path_factory.mktemp("service")) as one:
        yield one


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """The suite as in a fresh clone."""
    return fresh_clone(tmp_path)


def chi_square_p(observed: dict[str, int], weights: dict[str, int]) -> float:
    """Pearson's chi-square test for an even number of degrees of freedom, whose tail has a closed form."""
    total, weight = sum(observed.values()), sum(weights.values())
    expected = {name: total * share / weight for name, share in weights.items()}
    half = sum((observed[name] - value) ** 2 / value for name, value in expected.items()) / 2
    freedom = len(weights) - 1
    assert freedom % 2 == 0
    return math.exp(-half) * sum(half**power / math.factorial(power) for power in range(freedom // 2))


# --- the commands ---


def test_one_scenario_of_a_configuration_runs(service: Service, suite: Path) -> None:
    """``--config … --scenario load``: a judged run with all its files, and the rows are as before."""
    before = row_counts(service)
    done = script(RUN, "--config", CONFIG, "--scenario", "load", "--run-time", "2s", service=service, cwd=suite)
    directory = newest_run(suite)
    assert done.code in JUDGED, done.err
    assert done.code == json.loads((directory / "summary.json").read_text(encoding="utf-8"))["exit_code"]
    assert {path.name for path in directory.iterdir()} >= REPORTS
    (load,) = scenarios_of(directory).values()
    assert load["kind"] == "load"
    assert load["failures"] == 0
    assert row_counts(service) == before
    assert_no_credentials(suite, done.out, done.err)


@pytest.mark.slow
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_all_scenarios_run_and_the_report_shows_the_figures_of_each(
    database: str, suite: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Without ``--scenario`` all of them run; the page, the data and the plots have what each kind is about."""
    folder = tmp_path_factory.mktemp(database)
    with ExitStack() as stack:
        url = stack.enter_context(temporary_postgres()) if database == "postgresql" else None
        service = stack.enter_context(Service("app_performance", folder, url))
        _all_scenarios_with_their_figures(service, suite)


def _all_scenarios_with_their_figures(service: Service, suite: Path) -> None:
    before = row_counts(service)
    options = ("--config", CONFIG, "--users", 8, "--spawn-rate", 4, "--run-time", "8s")
    done = script(RUN, *options, service=service, cwd=suite)
    assert done.code in JUDGED, done.err
    assert row_counts(service) == before
    told = script(ANALYZE, "--results-dir", "reports/performance", service=service, cwd=suite)
    assert told.code == 0, told.err
    assert_no_credentials(suite, done.out, done.err, told.out, told.err)
    report = suite / RESULTS / "reports"
    data = json.loads((report / "performance_report.json").read_text(encoding="utf-8"))["scenarios"]
    assert list(data) == ["smoke", "load", "stress", "spike", "endurance"]
    _has_figures_of_load(data["load"])
    _has_figures_of_stress(data["stress"])
    _has_figures_of_endurance(data["endurance"])
    page = (report / "performance_report.html").read_text(encoding="utf-8")
    for name in data:
        assert f"<h2>{name} " in page
        for plot in ("throughput", "response-time", "error-rate", "users"):
            root = ET.parse(report / "plots" / f"{name}-{plot}.svg").getroot()
            assert root.tag == "{http://www.w3.org/2000/svg}svg"
            assert (report / "plots" / f"{name}-{plot}.png").read_bytes().startswith(b"\x89PNG")
    assert (report / "plots" / "stress-prometheus-process-resident-memory-bytes.svg").is_file()


def _has_figures_of_load(load: Any) -> None:
    figures = load["key_figures"]
    assert set(figures) == {
        "response_time_p50_ms", "response_time_p90_ms", "response_time_p95_ms", "response_time_p99_ms",
        "throughput", "error_rate", "users",
    }  # fmt: skip
    assert figures["response_time_p50_ms"] > 0
    assert figures["throughput"] > 0
    assert figures["error_rate"] == 0
    assert figures["users"] == 8


def _has_figures_of_stress(stress: Any) -> None:
    figures = stress["key_figures"]
    assert set(figures) == {"max_sustained_throughput", "failure_points", "recovery_time_s", "resources_at_peak"}
    assert [stage["users"] for stage in stress["summary"]["stages"]] == [1, 1, 1, 2, 4, 8, 1]
    (readings,) = figures["resources_at_peak"].values()
    assert readings["process_resident_memory_bytes"] > 1e6
    assert "rate(process_cpu_seconds_total)" in readings


def _has_figures_of_endurance(endurance: Any) -> None:
    figures = endurance["key_figures"]
    assert figures["memory"]["process_resident_memory_bytes"]["max"] > 1e6
    assert 0 <= figures["database_pool"]["db_pool_usage_ratio"]["max"] <= 1
    assert any("db_pool_connections" in metric for metric in figures["database_pool"])
    assert len(figures["response_time_consistency"]["p95_ms_by_part"]) == len(endurance["parts"]) >= 4
    assert set(figures["error_rate_by_part"]) <= {0, None}


def test_options_replace_what_the_configuration_says(service: Service, suite: Path) -> None:
    """``--users 20 --spawn-rate 5``: so many users are there, so many log in, what they do is as weighted."""
    configure(suite, {"load": {"iterations": 600}})  # a user makes ten a second at most: all are there before the end
    options = ("--scenario", "load", "--users", 20, "--spawn-rate", 5, "--run-time", "3m", "--keep-data")
    before = row_counts(service)
    done = script(RUN, *options, service=service, cwd=suite)
    assert done.code in JUDGED, done.err
    load = scenarios_of(newest_run(suite))["load"]
    assert load["users_max"] == 20
    assert load["failures"] == 0
    assert requests_of(load, "POST /api/users/login") == 20
    assert requests_of(load, "GET /api/items/ [set-up]") == 18, "nine of ten are members"
    weights = {
        "GET /api/items/": 5, "GET /api/items/?q=[word]": 4, "GET /api/items/[id]": 5, "POST /api/items/": 2,
        "POST /api/orders/": 2, "GET /api/items/[missing]": 1, "GET /api/reports/sales [refused]": 1,
    }  # fmt: skip
    observed = {name: load["series"][name]["requests"] for name in weights}
    assert sum(observed.values()) > 400
    assert chi_square_p(observed, weights) > FALSE_ALARM
    assert load["series"]["GET /api/reports/sales [refused]"]["status_codes"].keys() == {"403"}
    assert load["series"]["GET /api/items/[missing]"]["status_codes"].keys() == {"404"}
    _rows_are_those_of(load, service, before)
    manifest = json.loads((newest_run(suite) / "run.json").read_text(encoding="utf-8"))
    assert manifest["plan"]["scenarios"]["load"]["spawn_rate"] == 5
    _remove_kept_rows(service)


def test_stages_of_a_rate_keep_it(service: Service, suite: Path) -> None:
    """``--run-time`` shortens them in their proportions; ``--users`` has no effect there, and that is said."""
    stages = [{"duration": "30s", "ramp_to": "30/s"}, {"duration": "60s", "rate": 30}]
    configure(suite, {"rush": {"stages": stages}})
    before = row_counts(service)
    options = ("--scenario", "rush", "--users", 7, "--run-time", "3s")
    done = script(RUN, *options, service=service, cwd=suite)
    assert done.code in JUDGED, done.err
    assert "rush: its rate says how much load there is; --users and --spawn-rate have no effect on it" in done.err
    manifest = json.loads((newest_run(suite) / "run.json").read_text(encoding="utf-8"))
    stages = manifest["plan"]["scenarios"]["rush"]["stages"]
    given = [{key: value for key, value in stage.items() if value is not None} for stage in stages]
    assert given == [{"duration": "1s", "ramp_to": "30/s"}, {"duration": "2s", "rate": 30.0}]
    assert scenarios_of(newest_run(suite))["rush"]["workload"] == "open"
    assert row_counts(service) == before


def _rows_are_those_of(scenario: Any, service: Service, before: dict[str, int]) -> None:
    """What the figures say was made is in the tables, and carries the id of one test."""
    after = row_counts(service)
    items, orders = requests_of(scenario, "POST /api/items/"), requests_of(scenario, "POST /api/orders/")
    assert items > 0
    assert orders > 0
    assert after["items"] - before["items"] == items
    assert after["orders"] - before["orders"] == orders
    assert service.rows("items", "test_run IS NOT NULL") == items
    assert service.rows("orders", "test_run IS NOT NULL") == orders


def _remove_kept_rows(service: Service) -> None:
    import requests

    for (test_run,) in service.query("SELECT DISTINCT test_run FROM items WHERE test_run IS NOT NULL"):
        assert requests.delete(f"{service.url}/api/test-runs/{test_run}", timeout=60).status_code == 200


@pytest.mark.parametrize(
    "test", ["load", *(pytest.param(test, marks=pytest.mark.slow) for test in ("stress", "endurance"))]
)
def test_every_test_runs_under_plain_locust(test: str, service: Service, suite: Path) -> None:
    """``locust -f tests/performance/test_….py``: statistics without failures, and nothing is left behind."""
    before = row_counts(service)
    done = locust(
        "-f", f"tests/performance/test_{test}.py", "--headless", "--users", 4, "--spawn-rate", 10, "--run-time", "2s",
        "--stop-timeout", "10s", "--host", service.url, "--csv", "reports/plain", "--html", "reports/plain.html",
        cwd=suite,
    )  # fmt: skip
    assert done.code == 0, done.err
    with (suite / "reports/plain_stats.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["Name"]: row for row in csv.DictReader(file)}
    assert int(rows["Aggregated"]["Request Count"]) >= 4, "each user has asked for something"
    assert int(rows["Aggregated"]["Failure Count"]) == 0
    assert (suite / "reports/plain.html").stat().st_size > 10_000
    assert row_counts(service) == before
    assert_no_credentials(suite, done.out, done.err)


def test_loadworthy_itself_runs_the_configuration(service: Service, suite: Path) -> None:
    """``loadworthy run`` takes it as the plan that it is, keys without a meaning to it included."""
    before = row_counts(service)
    command = ("loadworthy", "run", CONFIG, "--scenario", "smoke", "--run-time", "2s", "--out", RESULTS,
               "--set", "reporting.formats=[]")  # fmt: skip
    done = run(*command, cwd=suite, environ={"BASE_URL": service.url})
    assert done.code in JUDGED, done.err
    assert scenarios_of(newest_run(suite))["smoke"]["failures"] == 0
    assert row_counts(service) == before


# --- what users write ---


def test_a_custom_test_works_as_written(service: Service, suite: Path) -> None:
    """A file ``test_custom.py`` with a relative import, and a scenario ``custom`` that names no file: it is run."""
    (suite / "tests/performance/test_custom.py").write_text(CUSTOM_TEST, encoding="utf-8")
    custom = {"description": "My own", "users": 30, "spawn_rate": 30, "run_time": "3m", "thresholds": ["max < 10s"]}
    configure(suite, {"custom": {**custom, "iterations": 60}})  # without a POST once in 30 million times
    before = row_counts(service)
    done = script(RUN, "--scenario", "custom", "--keep-data", service=service, cwd=suite)
    assert done.code in JUDGED, done.err
    custom = scenarios_of(newest_run(suite))["custom"]
    assert set(custom["series"]) == {"GET /api/items/", "POST /api/items/"}
    assert row_counts(service)["items"] - before["items"] == requests_of(custom, "POST /api/items/") > 0
    _remove_kept_rows(service)
    done = script(RUN, "--scenario", "custom", service=service, cwd=suite)
    assert requests_of(scenarios_of(newest_run(suite))["custom"], "POST /api/items/") > 0
    assert row_counts(service) == before


def test_a_configuration_of_ones_own_needs_no_more_than_the_example(service: Service, suite: Path) -> None:
    """Base URL, one scenario with thresholds, alerting: it runs the load test, and alerting's secrets stay out."""
    config = suite / "tests/performance/config/mine.yaml"
    config.write_text(EXAMPLE_CONFIG.replace("http://localhost:8000", service.url), encoding="utf-8")
    options = ("--config", "tests/performance/config/mine.yaml", "--scenario", "smoke", "--run-time", "8s")
    done = script(RUN, *options, service="http://127.0.0.1:1", cwd=suite)
    assert done.code in JUDGED, done.err
    smoke = scenarios_of(newest_run(suite))["smoke"]
    assert [one["expression"] for one in smoke["thresholds"]] == [
        "p95 <= 1000ms", "error_rate <= 1%", "throughput >= 5/s",
    ]  # fmt: skip
    assert requests_of(smoke, "POST /api/users/login") == 1
    assert smoke["requests"] > 2
    assert smoke["failures"] == 0
    for name, content in files_of(newest_run(suite)).items():
        assert b"your-password" not in content, name
        assert b"hooks.slack.com/services" not in content, name


def test_the_report_can_be_made_after_each_run(service: Service, suite: Path) -> None:
    """``reporting`` says where results go and that the report is to be made; ``locust`` how many processes load."""
    config = suite / CONFIG
    text = config.read_text(encoding="utf-8").replace("report_after_run: false", "report_after_run: true")
    text = text.replace("results_dir: reports/performance", "results_dir: elsewhere").replace(
        "processes: 1", "processes: 2"
    )
    config.write_text(text, encoding="utf-8")
    before = row_counts(service)
    done = script(RUN, "--scenario", "load", "--run-time", "2s", service=service, cwd=suite)
    assert done.code in JUDGED, done.err
    assert (suite / "elsewhere/reports/performance_report.html").is_file()
    (directory,) = (path.parent for path in (suite / "elsewhere").glob("*/run.json"))
    assert json.loads((directory / "run.json").read_text(encoding="utf-8"))["processes"] == 2
    assert row_counts(service) == before


def test_test_data_is_generated_and_used(service: Service, suite: Path) -> None:
    """``generate_test_data.py`` writes the same rows for the same seed; what the tests post are these rows."""
    done = run("python", "scripts/generate_test_data.py", "--rows", 5, "--seed", 3, cwd=suite)
    assert done.code == 0, done.err
    path = suite / "tests/performance/data/items.csv"
    first = path.read_text(encoding="utf-8")
    assert run("python", "scripts/generate_test_data.py", "--rows", 5, "--seed", 3, cwd=suite).code == 0
    assert path.read_text(encoding="utf-8") == first
    rows = list(csv.DictReader(first.splitlines()))
    assert len(rows) == 5
    configure(suite, {"load": {"iterations": 200}})
    options = ("--scenario", "load", "--spawn-rate", 10, "--run-time", "3m", "--keep-data")
    done = script(RUN, *options, service=service, cwd=suite)
    assert done.code in JUDGED, done.err
    made = service.query("SELECT name, description, category, value FROM items WHERE test_run IS NOT NULL")
    assert made
    known = {(row["name"], row["description"], row["category"], int(row["value"])) for row in rows}
    assert {(name.rpartition(" ")[0], *rest) for name, *rest in made} <= known
    assert len({name for name, *_ in made}) == len(made), "every item has a name of its own"
    _remove_kept_rows(service)


# --- when it goes wrong ---


def test_a_dead_port_is_one_line(suite: Path) -> None:
    """Nothing listens: one line, exit code 2, no run directory."""
    url = f"http://127.0.0.1:{dead_port()}"
    done = script(RUN, "--scenario", "load", service=url, cwd=suite)
    assert done.code == 2
    assert done.err.startswith(f"run_perf_tests.py: nothing listens at {url}")
    assert done.err.count("\n") == 1
    assert not (suite / "reports").exists()
    plain = locust("-f", "tests/performance/test_load.py", "--headless", "--host", url, cwd=suite)
    assert plain.code == 2
    assert plain.err.count(f"nothing listens at {url}") == 1
    assert "Traceback" not in plain.err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--scenario", "lode"), "has no scenario lode; it has: smoke, load, stress, spike, endurance"),
        (("--users", "many"), "--users many: write a whole number"),
        (("--users", "0"), "--users 0: it must be more than 0"),
        (("--run-time", "soon"), "--run-time soon:"),
        (("--config", "nowhere.yaml"), "there is no such file"),
    ],
)
def test_a_mistake_is_told_without_a_traceback(options: tuple[str, str], says: str, suite: Path) -> None:
    """What is wrong and how to mend it; exit code 2."""
    done = script(RUN, *options, service="http://127.0.0.1:1", cwd=suite)
    assert done.code == 2
    assert says in done.err
    assert "Traceback" not in done.err


def test_a_folder_without_runs_is_one_line(suite: Path) -> None:
    """There is nothing to report on."""
    done = run("python", ANALYZE, "--results-dir", "reports/performance", cwd=suite)
    assert done.code == 2
    assert done.err.startswith("analyze_perf_results.py: cannot read the folder reports/performance")
    assert done.err.count("\n") == 1


def test_ctrl_c_ends_a_run_with_its_results(service: Service, suite: Path) -> None:
    """What was measured is judged, exit code 130, and the rows that were made are removed."""
    configure(suite)
    before = row_counts(service)
    done = interrupted(
        "python", RUN, "--scenario", "load", "--users", 10, cwd=suite, environ={"BASE_URL": service.url},
        when=lambda: service.rows("items") > before["items"] + 3,
    )  # fmt: skip
    assert done.code == 130, done.err
    assert "Traceback" not in done.err
    load = scenarios_of(newest_run(suite))["load"]
    assert requests_of(load, "POST /api/items/") > 0
    assert row_counts(service) == before


# --- elsewhere ---


@pytest.mark.slow
def test_the_suite_works_on_postgresql(suite: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The rows that the figures tell of are in PostgreSQL's tables."""
    folder = tmp_path_factory.mktemp("postgres")
    with temporary_postgres() as url, Service("app_performance", folder, url) as service:
        before = row_counts(service)
        configure(suite, {"load": {"iterations": 300}})
        options = ("--scenario", "load", "--spawn-rate", 10, "--run-time", "3m", "--keep-data")
        done = script(RUN, *options, service=service, cwd=suite)
        assert done.code in JUDGED, done.err
        load = scenarios_of(newest_run(suite))["load"]
        assert load["failures"] == 0
        _rows_are_those_of(load, service, before)
        _remove_kept_rows(service)
        assert row_counts(service) == before


def test_the_requirements_name_what_the_suite_needs() -> None:
    """``requirements-test.txt`` installs Loadworthy from the repository, from the folder that its comment names."""
    text = (SUITE / "requirements-test.txt").read_text(encoding="utf-8")
    (requirement,) = (line for line in text.splitlines() if line and not line.startswith("#"))
    assert (SUITE / requirement).resolve() == ROOT
    assert (ROOT / "pyproject.toml").is_file()
