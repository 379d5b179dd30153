"""The stress test of Kimmy Esthi: each command of its guide, run against the service and judged from outside."""

from __future__ import annotations

import dataclasses
import importlib
import json
import math
import re
import shutil
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.support.cli import Done
from tests.support.kimmy_esthi import SUITE, stress_test
from tests.support.postgres import temporary_postgres
from tests.support.systems import ROOT, Service, dead_port, interrupted

from loadworthy.analysis.figures import Distribution, Figures
from loadworthy.analysis.summary import ScenarioSummary
from loadworthy.analysis.verdict import Verdict

FOUR = ["read_test", "write_test", "mixed_test", "admin_test"]
SETTING_UP = {"POST /admin/login", "GET /appointments/available"}
TABLES = ("accounts", "treatments", "appointments", "consent_forms")
PASSWORD = "kimmy-admin-test"
ONE_USER = {"concurrent_users": 1, "duration_seconds": 1}
SIGMAS = 5.6
"""Two-sided 2e-8 for one share of a weight; there are 16 of them in a test, so a false alarm is rarer than 1e-6."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for all tests of this file; each looks at differences."""
    with Service("kimmy_esthi", tmp_path_factory.mktemp("kimmy")) as started:
        yield started


@pytest.fixture
def suite(tmp_path: Path, service: Service) -> Path:
    """A copy of the suite whose config.json was edited: the service's URL, shorter scenarios, shorter pauses."""
    folder = tmp_path / "stress-test"
    shutil.copytree(SUITE, folder, ignore=shutil.ignore_patterns("runs", "__pycache__", ".*", "*.json"))
    edited = shortened(json.loads((SUITE / "config.json").read_text()))
    edited["api"]["base_url"] = service.url
    write(folder / "config.json", edited)
    return folder


def shortened(config: dict[str, Any], duration_s: float = 0.5) -> dict[str, Any]:
    for scenario in config["test_scenarios"].values():
        scenario.update(duration_seconds=duration_s, ramp_up_seconds=0.2, wait_seconds=[0.01, 0.03])
        scenario["concurrent_users"] //= 5
    config["thresholds"].append("max < 1m")  # a machine that stands still for a moment can judge all the same
    return config


def write(path: Path, data: Any) -> None:
    path.write_text(json.dumps(data), encoding="utf-8")


def table_sizes(service: Service) -> dict[str, int]:
    return {table: service.rows(table) for table in TABLES}


def served(service: Service) -> dict[str, int]:
    """``"GET /appointments/{date}"`` → how many the service answered, by its own metrics."""
    counts: dict[str, int] = {}
    text = requests.get(f"{service.url}/metrics", timeout=30).text
    for method, path, value in re.findall(r'requests_total{method="(\w+)",path="([^"]+)",status="\d+"} (\S+)', text):
        named = path.replace("{day}", "{date}").replace("{appointment_id}", "{booked_id}")
        counts[f"{method} {named}"] = counts.get(f"{method} {named}", 0) + int(float(value))
    return counts


def titles(out: str) -> list[str]:
    return [f"{title.lower().replace(' ', '_')}" for title in re.findall(r"^(.+) RESULTS$", out, re.MULTILINE)]


def block(name: str, figures: dict[str, Any]) -> str:
    """The closing block as the guide prints it, made from the results file."""

    def seconds(value: float | None) -> str:
        return "n/a (too few requests)" if value is None else f"{value:.3f}s"

    def success(part: dict[str, Any]) -> float:
        return 100 * float(part["successful"]) / float(part["total_requests"])

    times = figures["response_time_seconds"]
    lines = [
        f"{name.upper().replace('_', ' ')} RESULTS",
        "==================================================",
        f"Duration: {figures['duration_seconds']:.2f}s",
        f"Total Requests: {figures['total_requests']:,}",
        f"Successful: {figures['successful']:,}",
        f"Failed: {figures['failed']:,}",
        f"Requests/sec: {figures['requests_per_second']:.2f}",
        f"Success Rate: {success(figures):.2f}%",
        f"Avg Response Time: {seconds(times['mean'])}",
        f"95th Percentile: {seconds(times['p95'])}",
        f"99th Percentile: {seconds(times['p99'])}",
        "",
        "Status Codes:",
    ]
    lines += [f"  {code}: {count}" for code, count in figures["status_codes"].items()]
    lines += ["", "Endpoint Breakdown:"]
    for key, part in figures["endpoints"].items():
        lines += [f"  {key}:", f"    Requests: {part['total_requests']:,}", f"    Success Rate: {success(part):.1f}%"]
        lines += [f"    Avg Response Time: {seconds(part['response_time_seconds']['mean'])}"]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("arguments", "scenarios"),
    [
        pytest.param("", FOUR, marks=pytest.mark.slow),
        pytest.param("--url {url}", FOUR, marks=pytest.mark.slow),
        ("--scenarios read_test write_test", ["read_test", "write_test"]),
        pytest.param("--config production-config.json", FOUR, marks=pytest.mark.slow),
        pytest.param("--scenarios read_test admin_test", ["read_test", "admin_test"], marks=pytest.mark.slow),
        ("--output results.json", FOUR),
    ],
    ids=lambda value: value if isinstance(value, str) and value else None,
)
def test_the_commands_of_the_guide(suite: Path, service: Service, arguments: str, scenarios: list[str]) -> None:
    """Each runs its scenarios in order, shows them live, passes, and leaves the service's data as it was."""
    write(suite / "production-config.json", {"api": {"base_url": service.url}, **_scenarios_of(suite)})
    if "{url}" in arguments or "production" in arguments:  # then nothing else may name the service
        config = json.loads((suite / "config.json").read_text())
        write(suite / "config.json", config | {"api": {"base_url": f"http://127.0.0.1:{dead_port()}", "timeout": 30}})
    before = table_sizes(service)
    done = stress_test(suite, *arguments.format(url=service.url).split())
    assert (done.code, titles(done.out)) == (0, scenarios), done.out + done.err
    assert all(f"{name}: started" in done.out and f"{name}: pass." in done.out for name in scenarios)
    assert table_sizes(service) == before
    for report in re.findall(r"^Report: (.+)$", done.out, re.MULTILINE):
        assert (suite / report).stat().st_size > 0
    assert (suite / "results.json").exists() == ("--output" in arguments)


def _scenarios_of(suite: Path) -> dict[str, Any]:
    return {"test_scenarios": json.loads((suite / "config.json").read_text())["test_scenarios"]}


@pytest.mark.slow
def test_figures_weights_and_rows_agree(suite: Path, service: Service) -> None:
    """What the results file says was requested was served; what it says was created is in the database; the requests
    of each scenario divide as its weights do; the blocks show the same figures; no credential is written anywhere.
    """
    config = shortened(json.loads((suite / "config.json").read_text()), duration_s=8)
    for scenario in config["test_scenarios"].values():
        scenario.update(concurrent_users=8, wait_seconds=[0.005, 0.015])
    write(suite / "config.json", config)
    rows, counts = table_sizes(service), served(service)
    done = stress_test(suite, "--output", "results.json", "--keep-data")
    assert done.code == 0, done.out + done.err
    results = json.loads((suite / "results.json").read_text())
    assert list(results["scenarios"]) == FOUR
    requests_made: dict[str, int] = {}
    created = {"POST /appointments": 0, "POST /consent-forms": 0}
    for name, figures in results["scenarios"].items():
        assert f"\n{block(name, figures)}\n" in done.out
        assert figures["users_max"] == 8
        assert sum(second["requests"] for second in figures["metrics"]["timeline"]) == figures["total_requests"]
        _check_weights(config["test_scenarios"][name], figures)
        for key, part in figures["endpoints"].items():
            requests_made[key] = requests_made.get(key, 0) + part["total_requests"]
            if key in created:
                created[key] += part["status_codes"]["201"]
    now = served(service)
    assert {key: now[key] - counts.get(key, 0) for key in requests_made} == requests_made
    grown = {table: size - rows[table] for table, size in table_sizes(service).items()}
    made, signed = created.values()
    assert grown == {"accounts": 0, "treatments": 0, "appointments": made, "consent_forms": signed}
    assert (
        service.query("SELECT 1 FROM appointments WHERE status <> 'cancelled' GROUP BY day, time HAVING count(*) > 1")
        == []
    )
    kept = [int(count.replace(",", "")) for count in re.findall(r"test data: ([\d,]+) kept", done.err)]
    assert sum(kept) == made + signed
    _check_nothing_secret(suite, done)


def _check_weights(scenario: dict[str, Any], figures: dict[str, Any]) -> None:
    weights = {f"{one['method']} {one['path']}": one["weight"] for one in scenario["endpoints"]}
    counts = {key: figures["endpoints"][key]["total_requests"] for key in weights}
    others = set(figures["endpoints"]) - set(weights)
    assert others <= SETTING_UP | ({"POST /appointments"} if scenario.get("login") else set())
    total = sum(counts.values())
    assert total > 100
    for key, weight in weights.items():
        share = weight / sum(weights.values())
        assert abs(counts[key] - total * share) < SIGMAS * math.sqrt(total * share * (1 - share)), (key, counts)


def _check_nothing_secret(suite: Path, done: Done, password: str = PASSWORD) -> None:
    files = [path for path in suite.rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc", ".png")]
    written = {str(path): path.read_text(encoding="utf-8") for path in files if path != suite / "config.json"}
    assert {"run.json", "report.html", "intervals.jsonl", "summary.json"} <= {path.name for path in files}
    for name, text in {**written, "stdout": done.out, "stderr": done.err}.items():
        assert password not in text, name
        assert "eyJ" not in text, name  # each JSON Web Token begins so
        assert "withdrawal_code" not in text, name


def test_the_block_is_the_one_of_the_guide(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the figures of the printed example, its text, to the character; what has too few requests says so."""
    monkeypatch.syspath_prepend(str(SUITE))
    results, metrics = (importlib.import_module(name) for name in ("results", "metrics"))
    for name in ("results", "metrics", "configuration", "test_data"):  # too common names to be left behind
        sys.modules.pop(name)
    whole = _figures(1247, 49, 20.742, (245.2, 892.4, 1234.4), {200: 1198, 404: 49})
    series = {"GET /appointments/status": _figures(498, 6, 8.28, (156.0, None, None), {200: 492, 404: 6})}
    summary = ScenarioSummary("read_test", "stress", Verdict.PASS, whole, 50, series, (), duration_s=60.12)
    assert f"{results.closing_block(summary, metrics.MetricsCollector())}\n" == EXAMPLE
    few = _figures(12, 12, 0.2, (None, None, None), {})
    shown = results.closing_block(dataclasses.replace(summary, figures=few, series={}), metrics.MetricsCollector())
    assert "95th Percentile: n/a (too few requests)\n" in shown
    assert "Status Codes:\n  no answer: 12\n" in shown


EXAMPLE = """\
READ TEST RESULTS
==================================================
Duration: 60.12s
Total Requests: 1,247
Successful: 1,198
Failed: 49
Requests/sec: 20.74
Success Rate: 96.07%
Avg Response Time: 0.245s
95th Percentile: 0.892s
99th Percentile: 1.234s

Status Codes:
  200: 1198
  404: 49

Endpoint Breakdown:
  GET /appointments/status:
    Requests: 498
    Success Rate: 98.8%
    Avg Response Time: 0.156s
"""


def _figures(
    total: int, failed: int, rate: float, times_ms: tuple[float | None, ...], codes: dict[int, int]
) -> Figures:
    mean, p95, p99 = times_ms
    times = Distribution(mean=mean, min=None, p50=None, p90=None, p95=p95, p99=p99, p999=None, max=None)
    return Figures(total, failed, failed / total, rate, times, times, codes, {}, 0, 0)


def test_the_custom_scenario_of_the_guide(suite: Path, service: Service) -> None:
    """Added to the JSON alone, as printed but for its length: 25 users, ramped up, one path; live figures every 5 s."""
    config = json.loads((suite / "config.json").read_text())
    config["test_scenarios"]["custom_test"] = {
        "enabled": True,
        "concurrent_users": 25,
        "duration_seconds": 16,
        "ramp_up_seconds": 8,
        "endpoints": [{"path": "/appointments/2024-01-15", "method": "GET", "weight": 100}],
    }
    write(suite / "config.json", config)
    before = served(service).get("GET /appointments/{date}", 0)
    done = stress_test(suite, "--scenarios", "custom_test", "--output", "results.json")
    assert (done.code, titles(done.out)) == (0, ["custom_test"])
    told = r"^custom_test: 1[0-5]\S* s of 16 s  25 users  \S+/s  mean .+ p50 .+ p95 .+ p99 .+ failed$"
    assert re.search(told, done.out, re.MULTILINE)
    figures = json.loads((suite / "results.json").read_text())["scenarios"]["custom_test"]
    assert list(figures["endpoints"]) == ["GET /appointments/2024-01-15"]
    assert figures["status_codes"] == {"200": figures["total_requests"]}
    assert served(service)["GET /appointments/{date}"] - before == figures["total_requests"]
    users = [second["users"] for second in figures["metrics"]["timeline"]]
    assert users == sorted(users)
    assert users[0] < 25
    assert figures["users_max"] == 25


def test_a_clash_is_a_failure_and_books_once(suite: Path, service: Service) -> None:
    """Ten users who all want the same slot: one 201, one row, and every 409 counts as failed: exit code 1."""
    free = requests.get(f"{service.url}/appointments/available", params={"days": 366}, timeout=30).json()["free"]
    day, times = max((day, times) for day, times in free.items() if times)
    body = {"date": day, "time": times[0], "treatment": "waxing", "name": "Ada Test", "email": "ada@mail.example"}
    endpoint = {"path": "/appointments", "method": "POST", "body": {**body, "phone": "+1 555 0101010"}}
    spec = {"concurrent_users": 10, "duration_seconds": 1, "wait_seconds": [0, 0.01], "endpoints": [endpoint]}
    config = {"thresholds": ["error_rate < 5%", "max < 1m"], "test_scenarios": {"clash_test": spec}}
    write(suite / "clash.json", {"api": {"base_url": service.url}, **config})
    before = service.rows("appointments")
    done = stress_test(suite, "--config", "clash.json", "--output", "results.json", "--keep-data")
    assert done.code == 1, done.out + done.err
    figures = json.loads((suite / "results.json").read_text())["scenarios"]["clash_test"]
    failed = figures["total_requests"] - 1
    assert figures["failed"] == failed >= 9
    assert figures["status_codes"] == {"201": 1, "409": failed}
    assert service.rows("appointments") == before + 1
    assert service.rows("appointments", "day = :day AND time = :time", day=day, time=times[0]) == 1


def test_ctrl_c_ends_cleanly_with_results(suite: Path, service: Service) -> None:
    """The scenario under way is closed with its block, the next is not begun, the data is removed, the code is 130."""
    config = json.loads((suite / "config.json").read_text())
    for scenario in config["test_scenarios"].values():
        scenario["duration_seconds"] = 600
    write(suite / "config.json", config)
    before, asked = table_sizes(service), served(service).get("POST /appointments", 0)
    done = interrupted(
        "python", "stress_test.py", "--scenarios", "write_test", "read_test", "--output", "results.json", cwd=suite,
        when=lambda: served(service).get("POST /appointments", 0) > asked + 20,
    )  # fmt: skip
    assert (done.code, titles(done.out)) == (130, ["write_test"])
    assert "Traceback" not in done.out + done.err
    results = json.loads((suite / "results.json").read_text())
    assert (results["exit_code"], results["scenarios"]["write_test"]["interrupted"]) == (130, True)
    assert results["scenarios"]["write_test"]["endpoints"]["POST /appointments"]["total_requests"] > 20
    assert table_sizes(service) == before


def test_a_dead_port_is_said_in_one_line(suite: Path) -> None:
    """Exit code 2, the URL and the remedy; nothing is run."""
    url = f"http://127.0.0.1:{dead_port()}"
    done = stress_test(suite, "--url", url)
    assert (done.code, done.out) == (2, "")
    remedy = "start the service, or name another with --url"
    assert done.err == f"stress_test.py: nothing listens at {url} (connection refused): {remedy}\n"
    assert not (suite / "runs").exists()


def test_a_wrong_password_is_a_failed_test(suite: Path, service: Service) -> None:
    """The environment's credentials go before the file's; a login refused is a failure, and not a secret told."""
    secret = "wrong-and-not-to-be-shown"
    done = stress_test(
        suite, "--scenarios", "admin_test", "--output", "r.json", environ={"KIMMY_ADMIN_PASSWORD": secret}
    )
    assert done.code == 1, done.out + done.err
    figures = json.loads((suite / "r.json").read_text())["scenarios"]["admin_test"]
    assert list(figures["endpoints"]) == ["POST /admin/login"]
    assert figures["status_codes"] == {"401": figures["total_requests"]}
    _check_nothing_secret(suite, done, secret)


@pytest.mark.parametrize(
    ("config", "arguments", "message"),
    [
        (None, "--scenarios read_tset", "there is no scenario read_tset; did you mean read_test?"),
        (None, "--scenarios nothing", "there is no scenario nothing; there are: read_test, write_test, mixed_test,"),
        (None, "--config absent.json", "there is no configuration file absent.json; name another with --config"),
        (None, "--output absent/r.json", "--output absent/r.json: it cannot be written: No such file or directory"),
        (None, "--url localhost:5000", 'base_url: "localhost:5000" is not an http:// or https:// URL with a host'),
        ('{\n"api": {', "", "c.json:2: not valid JSON"),
        ("[]", "", "a configuration is an object with api and test_scenarios"),
        ('{"api": {"base_ulr": ""}}', "", "c.json: api.base_ulr: unknown key; did you mean base_url?"),
        ('{"api": {"timeout": "5"}}', "", "c.json: api.timeout: Input should be a valid number"),
        ('{"test_scenarios": {"a": {"concurent_users": 1}}}', "", "did you mean concurrent_users?"),
        ('{"admin": {"password": "${NOT_SET_HERE}"}}', "", "the environment variable NOT_SET_HERE is not set"),
        ('{"thresholds": ["p95 < soon"]}', "", "thresholds[0]"),
        (
            json.dumps({"test_scenarios": {"a": {**ONE_USER, "enabled": False, "endpoints": [{"path": "/"}]}}}),
            "",
            'no scenario is enabled; set "enabled": true, or name some with --scenarios',
        ),
        (
            json.dumps({"test_scenarios": {"a": {**ONE_USER, "endpoints": [{"path": "/{nothing}"}]}}}),
            "",
            "unknown placeholder {nothing}; there are: date, booked_id",
        ),
    ],
)
def test_a_mistake_is_said_in_one_line(suite: Path, config: str | None, arguments: str, message: str) -> None:
    """Exit code 2, what is wrong, where, and what there is instead; no run directory."""
    if config is not None:
        (suite / "c.json").write_text(config, encoding="utf-8")
        arguments = "--config c.json"
    done = stress_test(suite, *arguments.split())
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("stress_test.py: ")
    assert message in done.err
    assert done.err.count("\n") == 1
    assert not (suite / "runs").exists()


def test_the_metric_of_the_readme_works(suite: Path) -> None:
    """The class that the README prints, entered where it says, stands in the block and in the results file."""
    ((example,),) = [re.findall(r"```python\n(class .+?)```", (suite / "README.md").read_text(), re.DOTALL)]
    code = (suite / "metrics.py").read_text()
    code = code.replace("class MetricsCollector:", f"{example}\n\nclass MetricsCollector:")
    code = code.replace("(Timeline,)", "(Timeline, PeakRate)")
    (suite / "metrics.py").write_text(code, encoding="utf-8")
    done = stress_test(suite, "--scenarios", "read_test", "--output", "r.json")
    assert done.code == 0, done.out + done.err
    metrics = json.loads((suite / "r.json").read_text())["scenarios"]["read_test"]["metrics"]
    assert metrics["peak_rate"] == max(second["requests"] for second in metrics["timeline"])
    assert f"\n\nAdditional Metrics:\n  Peak Requests/sec: {metrics['peak_rate']}\n" in done.out


@pytest.mark.slow
def test_the_suite_on_postgresql(suite: Path, tmp_path: Path) -> None:
    """The same counts and the same clean-up on the other database."""
    config = json.loads((suite / "config.json").read_text())
    config["test_scenarios"]["mixed_test"]["duration_seconds"] = 8  # bookings and forms on any machine
    write(suite / "config.json", config)
    with temporary_postgres() as url, Service("kimmy_esthi", tmp_path, database=url) as service:
        before = table_sizes(service)
        options = ("--url", service.url, "--output", "r.json")
        kept = stress_test(suite, *options, "--scenarios", "mixed_test", "--keep-data")
        assert kept.code == 0, kept.out + kept.err
        endpoints = json.loads((suite / "r.json").read_text())["scenarios"]["mixed_test"]["endpoints"]
        after = table_sizes(service)
        for table, key in (("appointments", "POST /appointments"), ("consent_forms", "POST /consent-forms")):
            assert after[table] - before[table] == endpoints[key]["status_codes"]["201"] > 0
        removed = stress_test(suite, *options, "--scenarios", "write_test", "admin_test")
        assert removed.code == 0, removed.out + removed.err
        assert table_sizes(service) == after


def test_the_files_of_the_guide() -> None:
    """The five files are there; the read scenario has the printed numbers; pip finds Loadworthy where it looks."""
    for name in ("stress_test.py", "test_data.py", "config.json", "requirements.txt", "README.md"):
        assert (SUITE / name).is_file()
    config = json.loads((SUITE / "config.json").read_text())
    assert config["api"] == {"base_url": "http://localhost:5000", "timeout": 30}
    assert list(config["test_scenarios"]) == FOUR
    read_test = {key: config["test_scenarios"]["read_test"][key] for key in ("enabled", "concurrent_users")}
    assert read_test == {"enabled": True, "concurrent_users": 50}
    assert [config["test_scenarios"]["read_test"][key] for key in ("duration_seconds", "ramp_up_seconds")] == [60, 10]
    (requirement,) = [
        line for line in (SUITE / "requirements.txt").read_text().split("\n") if line[:1] not in ("", "#")
    ]
    project = tomllib.loads((SUITE / requirement / "pyproject.toml").read_text())["project"]
    assert ((SUITE / requirement).resolve(), project["name"]) == (ROOT, "loadworthy")
