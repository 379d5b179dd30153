"""The suite of flask_auth: each of its commands, run against the service and judged from outside."""

from __future__ import annotations

import json
import re
import threading
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import sqlalchemy
from tests.support.cli import EASY_THRESHOLDS, Done, only_run, summary_of
from tests.support.flask_auth import (
    FAST,
    INCOMPLETE,
    LOGIN,
    REGISTRATION,
    SUITE,
    WRONG,
    answers_of,
    assert_no_credentials,
    fresh_clone,
    logins_of,
    more,
    statistics_of,
)
from tests.support.postgres import temporary_postgres
from tests.support.systems import ROOT, TIME_LIMIT_S, Service, be_patient, dead_port, interrupted, locust, run
from tests.support.web_ui import web_interface

LEVELS = {
    "registration_normal_load": ("registration_test", 50, 10, "5m"),
    "registration_heavy_load": ("registration_test", 100, 20, "10m"),
    "registration_spike": ("registration_test", 200, 50, "15m"),
    "login_baseline": ("login_test", 100, 10, "5m"),
    "login_stress": ("login_test", 500, 50, "10m"),
    "login_breaking_point": ("login_test", 1000, 100, "15m"),
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service, on SQLite; one for all tests, which count from what they find."""
    with Service("flask_auth", tmp_path_factory.mktemp("service")) as one:
        yield one


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """The suite as in a fresh clone."""
    return fresh_clone(tmp_path)


# --- the commands ---


@pytest.mark.parametrize(
    "level",
    [
        pytest.param(level, marks=() if level in ("registration_normal_load", "login_baseline") else pytest.mark.slow)
        for level in LEVELS
        if level != "login_breaking_point"
    ],
)
def test_each_level_runs_as_its_command_says(level: str, service: Service, suite: Path) -> None:
    """Headless and for two seconds: what the statistics count is what the service answered; no account is left."""
    rows, answers, logins = service.rows("clients"), answers_of(service), logins_of(service)
    done = locust(*_command(level, service, "2s"), cwd=suite, environ=_PATIENT)
    _is_as_answered(level, service, suite, done, (rows, answers, logins))


@pytest.mark.slow
def test_the_breaking_point_runs_with_all_its_users(service: Service, suite: Path) -> None:
    """A thousand users, a hundred more each second: it ends when all are there, and no answer is lost."""
    be_patient(suite / "locust_scenarios" / "login_test.py", "LoginUser")
    before = service.rows("clients"), answers_of(service), logins_of(service)
    done = interrupted(
        "locust", *_command("login_breaking_point", service, "10m"), cwd=suite, environ=_PATIENT,
        when=lambda: True, said='All users spawned: {"LoginUser": 1000} (1000 total users)',
    )  # fmt: skip
    _is_as_answered("login_breaking_point", service, suite, done, before)


_PATIENT = {"TEST_STOP_TIME": "120"}
"""What is under way at the end may take its time: a login is work, and these are many."""


def _command(level: str, service: Service, run_time: str) -> list[object]:
    test, users, spawn_rate, _ = LEVELS[level]
    return [
        "-f", f"locust_scenarios/{test}.py", "--users", users, "--spawn-rate", spawn_rate, "--run-time", run_time,
        "--host", service.url, "--headless", "--only-summary", "--csv=reports/level",
    ]  # fmt: skip


def _is_as_answered(
    level: str, service: Service, suite: Path, done: Done, before: tuple[int, dict[tuple[str, str], int], int]
) -> None:
    (test, users, spawn_rate, _), (rows, answers, logins) = LEVELS[level], before
    assert done.code == 0, done.err
    statistics = statistics_of(suite / "reports" / "level_stats.csv")
    gave = more(answers_of(service), answers)
    assert statistics["Aggregated"][1] == 0
    assert statistics["Aggregated"][0] >= spawn_rate
    if test == "registration_test":
        assert gave[REGISTRATION, "201"] == statistics[REGISTRATION][0]
        assert gave.get((REGISTRATION, "422"), 0) == statistics.get(INCOMPLETE, (0, 0))[0]
        assert (REGISTRATION, "409") not in gave
    else:
        # Each account is asked for once, before its first login; the answer is 409, and not in the statistics.
        assert gave[LOGIN, "200"] == statistics[LOGIN][0] == logins_of(service) - logins
        assert gave.get((LOGIN, "401"), 0) == statistics.get(WRONG, (0, 0))[0]
        assert 0 < gave[REGISTRATION, "409"] <= min(1000, statistics["Aggregated"][0] + users)
        assert REGISTRATION not in statistics
    assert service.rows("clients") == rows
    assert service.errors == ""
    assert_no_credentials(suite, done.out, done.err)


@pytest.mark.parametrize(
    "option",
    [
        pytest.param("--csv=reports/registration_test", marks=pytest.mark.slow),  # written, too, in the tests above
        "--html=reports/registration_test.html",
    ],
)
def test_the_web_ui_starts_a_test_and_offers_its_reports(option: str, service: Service, suite: Path) -> None:
    """The two commands for reports, in a fresh clone: started, stopped and downloaded from by the web interface."""
    locustfile = "locust_scenarios/registration_test.py"
    environ = {**FAST, "TEST_HOST": service.url}
    with web_interface("-f", locustfile, option, cwd=suite, environ=environ) as web:
        form = {"user_count": 5, "spawn_rate": 5, "host": service.url, "run_time": "2s"}
        assert web.session.post(f"{web.url}/swarm", data=form, timeout=30).json()["success"]
        for _ in range(TIME_LIMIT_S * 4):
            now = web.session.get(f"{web.url}/stats/requests", timeout=30).json()
            if now["state"] == "stopped":
                break
            threading.Event().wait(0.25)
        assert now["state"] == "stopped"
        downloads = {
            path: web.session.get(f"{web.url}{path}", timeout=30).text
            for path in ("/stats/report?download=1", "/stats/requests/csv", "/stats/failures/csv", "/exceptions/csv")
        }
    assert all(REGISTRATION in downloads[path] for path in ("/stats/report?download=1", "/stats/requests/csv"))
    report = suite / "reports" / ("registration_test_stats.csv" if "csv" in option else "registration_test.html")
    assert REGISTRATION in report.read_text(encoding="utf-8")
    assert_no_credentials(suite, web.said, *downloads.values())


@pytest.mark.slow
def test_the_plan_has_the_six_levels(suite: Path, service: Service) -> None:
    """Users, rates and times as in the table, and behaviour, thresholds and monitors for each."""
    done = run(
        "loadworthy", "run", "load_levels.yaml", "--set", "scenarios.*.users=4", "--run-time", "1s",
        cwd=suite, environ={**FAST, "TEST_HOST": service.url, "TEST_USERS_COUNT": "20"},
    )  # fmt: skip
    assert done.code in (0, 1, 3, 4), done.err  # a second may be too short for a verdict on p95, the machine too slow
    ran = only_run(suite)
    asked = json.loads((ran / "run.json").read_text(encoding="utf-8"))["plan"]["scenarios"]
    scenarios = summary_of(ran)["scenarios"]
    assert list(asked) == list(scenarios) == list(LEVELS)
    assert all(one["requests"] > 0 and one["failures"] == 0 for one in scenarios.values())
    assert all(len(one["thresholds"]) == 2 for one in scenarios.values())
    assert "db_pool_connections" in (ran / "resources.jsonl").read_text(encoding="utf-8")
    assert_no_credentials(suite, done.out, done.err)


def test_the_presets_are_those_of_the_commands() -> None:
    """The plan's users, spawn rates and run times are those with which the commands are written."""
    from loadworthy.plan.load import load_plan

    plan = load_plan(SUITE / "load_levels.yaml", environ={}).plan
    assert plan.base_url == "http://localhost:5000"
    in_plan = {
        name: (Path(one.locustfile or "").stem, one.users, one.spawn_rate, f"{(one.run_time or 0) // 60_000_000}m")
        for name, one in plan.scenarios.items()
    }
    assert in_plan == LEVELS


@pytest.mark.slow
def test_one_level_runs_alone(suite: Path, service: Service) -> None:
    """With --scenario, over two processes: judged, exact, nothing left, no credentials in the run directory."""
    rows, answers = service.rows("clients"), answers_of(service)
    done = run(
        "loadworthy", "run", "load_levels.yaml", "--scenario", "registration_normal_load", "--users", 20,
        "--run-time", "3s", "--processes", 2, "--set", "scenarios.*.thresholds=[error_rate < 1%, max < 60s]",
        cwd=suite, environ={**FAST, "TEST_HOST": service.url},
    )  # fmt: skip
    assert done.code == 0, done.out + done.err
    figures = summary_of(only_run(suite))["scenarios"]["registration_normal_load"]["series"]
    gave = more(answers_of(service), answers)
    assert gave[REGISTRATION, "201"] == figures[f"POST {REGISTRATION}"]["requests"]
    assert (REGISTRATION, "409") not in gave
    assert service.rows("clients") == rows
    assert_no_credentials(suite, done.out, done.err)


# --- the data ---


@pytest.mark.slow
def test_addresses_never_collide_and_each_account_is_counted(suite: Path, service: Service) -> None:
    """Two processes, two runs with one seed, then two of Locust's: no 409, and as many rows as successes."""
    rows, answers = service.rows("clients"), answers_of(service)
    counted = incomplete = 0
    for _ in range(2):
        done = run(
            "loadworthy", "run", "scenarios/registration_test.py", "--users", 10, "--run-time", "2s", "--processes", 2,
            "--set", f"scenarios.registration_test.thresholds={json.dumps(EASY_THRESHOLDS)}",
            "--seed", 7, "--set", "reporting.formats=[]", "--url", service.url, "--", "--keep-data",
            cwd=suite, environ=FAST,
        )  # fmt: skip
        assert done.code == 0, done.out + done.err
        run_directory = max((suite / "runs").iterdir())
        series = summary_of(run_directory)["scenarios"]["registration_test"]["series"]
        counted += series[f"POST {REGISTRATION}"]["requests"]
        incomplete += series.get(f"POST {INCOMPLETE}", {"requests": 0})["requests"]
    port = dead_port()  # Locust's own is one for the whole machine: another test's workers would join
    done = locust(
        "-f", "scenarios/registration_test.py", "--users", 10, "--spawn-rate", 10, "--run-time", "3s", "--processes", 2,
        "--master-bind-port", port, "--master-port", port, "--headless", "--host", service.url,
        "--csv=reports/r", "--keep-data", cwd=suite, environ=FAST,
    )  # fmt: skip
    assert done.code == 0, done.err
    statistics = statistics_of(suite / "reports" / "r_stats.csv")
    counted += statistics[REGISTRATION][0]
    incomplete += statistics.get(INCOMPLETE, (0, 0))[0]
    assert service.rows("clients") - rows == counted > 20
    gave = more(answers_of(service), answers)
    refused = {(REGISTRATION, "422"): incomplete} if incomplete else {}
    assert gave == {(REGISTRATION, "201"): counted, **refused, ("/metrics", "200"): 1}


def test_accounts_that_are_missing_are_made_and_removed(tmp_path: Path, suite: Path) -> None:
    """The login test registers what is missing, unmeasured, and removes that and nothing else."""
    with Service("flask_auth", tmp_path) as service:
        engine = sqlalchemy.create_engine(service.database)
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text("DELETE FROM clients WHERE id BETWEEN 5 AND 14"))
        engine.dispose()
        done = locust(
            "-f", "locust_scenarios/login_test.py", "--users", 5, "--spawn-rate", 5, "--run-time", "4s", "--headless",
            "--host", service.url, "--csv=reports/login", cwd=suite, environ={**FAST, "TEST_USERS_COUNT": "20"},
        )  # fmt: skip
        assert done.code == 0, done.err
        gave = answers_of(service)
        made = gave[REGISTRATION, "201"]
        assert 0 < made <= 10
        assert 0 < gave[REGISTRATION, "409"] <= 10
        assert gave["/clients/<int:client_id>", "204"] == made
        assert service.rows("clients") == 991
        assert service.rows("clients", "id BETWEEN 5 AND 14") == 0
        assert service.rows("clients", "login_count > 0 AND role = 'client' AND id > 20") == 0
        assert 0 < service.rows("clients", "login_count > 0 AND role = 'client'") <= 10
    statistics = statistics_of(suite / "reports" / "login_stats.csv")
    assert set(statistics) - {WRONG} == {LOGIN, "Aggregated"}
    assert gave[LOGIN, "200"] == statistics[LOGIN][0] + 1  # the administrator's, for cleaning up
    assert gave.get((LOGIN, "401"), 0) == statistics.get(WRONG, (0, 0))[0]


@pytest.mark.slow
def test_the_main_test_on_postgresql(tmp_path: Path, suite: Path) -> None:
    """The same exactness with the service on PostgreSQL: kept rows are the successes; logins are noted."""
    with temporary_postgres() as url, Service("flask_auth", tmp_path, database=url) as service:
        rows = service.rows("clients")
        for test in ("registration_test", "login_test"):
            done = locust(
                "-f", f"locust_scenarios/{test}.py", "--users", 10, "--spawn-rate", 10, "--run-time", "3s",
                "--headless", "--host", service.url, f"--csv=reports/{test}", "--keep-data", cwd=suite, environ=FAST,
            )  # fmt: skip
            assert done.code == 0, done.err
        registered = statistics_of(suite / "reports" / "registration_test_stats.csv")
        assert service.rows("clients") - rows == registered[REGISTRATION][0] > 5
        assert logins_of(service) == statistics_of(suite / "reports" / "login_test_stats.csv")[LOGIN][0] > 5
        assert service.errors == ""


# --- endings ---


@pytest.mark.parametrize("test", ["registration_test", "login_test"])
def test_a_dead_port_is_said_in_one_line(test: str, suite: Path) -> None:
    """Both commands end with code 2 and the remedy, without a request or a traceback."""
    url = f"http://127.0.0.1:{dead_port()}"
    done = locust("-f", f"locust_scenarios/{test}.py", "--headless", "--only-summary", "--host", url, cwd=suite)
    (line,) = [line for line in done.err.splitlines() if "nothing listens at" in line]
    assert done.code == 2
    assert line.endswith(
        f"nothing listens at {url} (connection refused): start the service, or name another with --host"
    )
    assert "Traceback" not in done.err + done.out
    other = run("loadworthy", "run", f"scenarios/{test}.py", "--url", url, cwd=suite)
    assert other.code == 2
    assert other.err.startswith(f"loadworthy: nothing listens at {url}")
    assert other.err.count("\n") == 1


@pytest.mark.parametrize("name", [pytest.param("locust", marks=pytest.mark.slow), "loadworthy"])
def test_ctrl_c_ends_with_results_and_cleans_up(name: str, suite: Path, service: Service) -> None:
    """Interrupted while accounts are being made: what was made is counted, and removed."""
    rows, answers = service.rows("clients"), answers_of(service)
    commands = {
        "locust": ["-f", "scenarios/registration_test.py", "--headless", "--host", service.url, "--csv=reports/r"],
        "loadworthy": ["run", "scenarios/registration_test.py", "--url", service.url],
    }
    wanted = answers.get((REGISTRATION, "201"), 0) + 20
    done = interrupted(
        name, *commands[name], "--users", "5", "--spawn-rate", "5", cwd=suite, environ=FAST,
        when=lambda: answers_of(service).get((REGISTRATION, "201"), 0) >= wanted,
    )  # fmt: skip
    assert "Traceback" not in done.out + done.err
    if name == "locust":
        assert done.code == 0
        counted = statistics_of(suite / "reports" / "r_stats.csv")[REGISTRATION][0]
    else:
        assert done.code == 130
        summary = summary_of(only_run(suite))
        counted = summary["scenarios"]["registration_test"]["series"][f"POST {REGISTRATION}"]["requests"]
    assert more(answers_of(service), answers)[REGISTRATION, "201"] == counted > 0
    assert service.rows("clients") == rows


# --- secrets, settings, files ---


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"TEST_USERS_COUNT": "many"}, "TEST_USERS_COUNT=many: write a whole number"),
        ({"TEST_MIN_WAIT_TIME": "4000"}, "MIN_WAIT_TIME (4000) must not be above MAX_WAIT_TIME (3000)"),
        ({"TEST_USERS_COUNT": "1001"}, "has 1000 accounts, and USERS_COUNT asks for 1001"),
        ({"TEST_USERS_FILE": "nowhere.json"}, "cannot read the test users"),
        ({"TEST_USERS_FILE": "object.json"}, "it must be a list of accounts, each with name, email, phone, password"),
        ({"TEST_USERS_FILE": "texts.json"}, "account 1 has no name; each needs name, email, phone, password"),
        ({"TEST_USERS_FILE": "numbers.json"}, "account 1 has no password; each needs name, email, phone, password"),
        ({"TEST_HOST": "foo"}, "TEST_HOST=foo: write a URL, such as http://localhost:5000"),
        ({"TEST_HOST": "http://[::1"}, "TEST_HOST=http://[::1: write a URL"),
    ],
)
def test_a_setting_that_is_not_right_is_said_in_one_line(environ: dict[str, str], says: str, suite: Path) -> None:
    """The command ends before any request, with the setting and the remedy."""
    (suite / "object.json").write_text('{"email": "a@b.example"}', encoding="utf-8")
    (suite / "texts.json").write_text('["a@b.example"]', encoding="utf-8")
    number = {"name": "A", "email": "a@b.example", "phone": "1", "password": 7}
    (suite / "numbers.json").write_text(json.dumps([number]), encoding="utf-8")
    done = locust("-f", "locust_scenarios/login_test.py", "--headless", cwd=suite, environ=environ)
    assert done.code == 1
    assert says in done.err
    assert done.err.count("\n") == 1


def test_neighbouring_test_users_have_different_passwords() -> None:
    """A service that logs somebody in to another's account would be noticed: ten passwords, and none twice in a row."""
    users = json.loads((SUITE / "data" / "test_users.json").read_text(encoding="utf-8"))
    ours = [user["password"] for user in users]
    assert len(ours) == 1000
    assert len(set(ours)) == 10
    assert all(first != second for first, second in pairwise(ours))


def test_the_settings_have_their_names_and_defaults(suite: Path) -> None:
    """HOST, the two pauses in ms, the number of users, and the two endpoints."""
    names = ("HOST", "MIN_WAIT_TIME", "MAX_WAIT_TIME", "USERS_COUNT", "REGISTRATION_ENDPOINT", "LOGIN_ENDPOINT")
    code = f"from config import test_config as c; print([getattr(c, name) for name in {names}])"
    done = run("python", "-c", code, cwd=suite)
    assert done.out == "['http://localhost:5000', 1000, 3000, 1000, '/client_registeration', '/client_login']\n"


def test_the_requirements_name_this_repository() -> None:
    """From the suite's folder, the path in requirements.txt is that of the package loadworthy."""
    lines = (SUITE / "requirements.txt").read_text(encoding="utf-8").splitlines()
    (path,) = [line for line in lines if line and not line.startswith("#")]
    project = tomllib.loads((SUITE / path / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] == "loadworthy"


def test_the_readme_names_only_what_there_is() -> None:
    """Each command of the README begins as one that these tests run, and each file that it names exists."""
    text = (SUITE / "README.md").read_text(encoding="utf-8")
    files = set(re.findall(r"(?:locust_scenarios|scenarios|config|data)/[\w.]+", text))
    assert len(files) >= 4
    assert [file for file in files if not (SUITE / file).exists()] == []
    for test, users, spawn_rate, run_time in LEVELS.values():
        command = (
            f"locust -f locust_scenarios/{test}.py --users {users} --spawn-rate {spawn_rate} --run-time {run_time}"
        )
        assert command in text
    assert all(name in text for name in LEVELS)
    assert (ROOT / "systems" / "serve.py").exists()
