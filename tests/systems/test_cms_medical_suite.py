"""The suite of cms_medical: each of its commands, run against the service and judged from outside."""

from __future__ import annotations

import json
import math
import re
import shlex
import threading
import tomllib
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from tests.support.cli import only_run, summary_of
from tests.support.cms_medical import (
    COMMANDS,
    FAST,
    HOST,
    LOGIN,
    SUITE,
    arguments,
    assert_no_credentials,
    assert_rows_are_those_of,
    by_weight,
    copy_suite,
    grown,
    login_counts,
    mix_of,
    printed_figures,
    read_figures,
    row_counts,
    summary_figures,
)
from tests.support.postgres import temporary_postgres
from tests.support.systems import Service, dead_port, interrupted, locust, run
from tests.support.thanotopolis import answers_of

from systems.cms_medical.service.seed import PASSWORD

LEVELS = {"light": (10, 2, "2m"), "medium": (50, 5, "5m"), "heavy": (200, 20, "10m"), "stress": (500, 50, "15m")}
"""Level → users, users started per second, run time."""
JUDGED = {0, 1, 3, 4}
"""Exit codes of a run that was judged; which verdict it gets is a matter of the machine."""
Z = 5.0
"""Of the normal distribution; beyond it lie 2.9e-7, the false alarms of one chi-square test here."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service, on SQLite; one for all tests, which count from what they find."""
    with Service("cms_medical", tmp_path_factory.mktemp("service")) as one:
        yield one


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """The suite in a folder of its own."""
    return copy_suite(tmp_path)


# --- the commands ---


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in ("csv", "light") else pytest.mark.slow) for name in COMMANDS]
)
def test_each_command_runs_as_it_stands(name: str, service: Service, suite: Path) -> None:
    """For two seconds: nothing fails, its logins are those of the database in the right mix, no row is left."""
    rows, logins = row_counts(service), login_counts(service)
    done = locust(*arguments(COMMANDS[name], service, run_time="2s"), cwd=suite)
    assert done.code == 0, done.err
    figures = printed_figures(done.err)
    more = grown(login_counts(service), logins)
    assert sum(more.values()) == figures[LOGIN][0]
    assert sum(failures for _, failures in figures.values()) == 0
    rate = int(re.findall(r"--spawn-rate=(\d+)", COMMANDS[name])[0])
    assert rate <= figures[LOGIN][0] <= 4 * rate
    _assert_mix_is_near(mix_of(more), figures[LOGIN][0])
    assert row_counts(service) == rows
    if name == "csv":
        assert sorted(path.name for path in suite.glob("results_*")) == [
            "results_exceptions.csv",
            "results_failures.csv",
            "results_stats.csv",
            "results_stats_history.csv",
        ]
        assert read_figures(suite / "results_stats.csv") == figures
    assert_no_credentials(suite, done.out, done.err)


def _assert_mix_is_near(mix: Mapping[str, int], users: int) -> None:
    """The dispatcher keeps the shares at every moment, to within a user of each class; one may not have logged in."""
    for role, tenths in {"admin": 1, "doctor": 3, "patient": 6}.items():
        assert abs(mix.get(role, 0) - users * tenths / 10) <= 2, (mix, users)


def test_a_hundred_users_are_ten_thirty_and_sixty_each_with_an_account(service: Service, suite: Path) -> None:
    """The dispatcher makes exactly 10, 30 and 60; doctors and patients do not share accounts."""
    logins = login_counts(service)
    done = locust(*arguments(COMMANDS["quick"], service, run_time="4s", spawn_rate="100"), cwd=suite)
    more = grown(login_counts(service), logins)
    assert done.code == 0, done.err
    assert mix_of(more) == by_weight(100)
    assert {count for username, count in more.items() if username != "admin"} == {1}


@pytest.mark.parametrize("program", [pytest.param("locust", marks=pytest.mark.slow), "loadworthy"])
def test_accounts_are_not_shared_over_two_processes(program: str, service: Service, suite: Path) -> None:
    """Twenty users in two processes: 2, 6 and 12, on as many accounts of their own; all that they make is removed."""
    rows, logins = row_counts(service), login_counts(service)
    load = ["--users", "20", "--spawn-rate", "100", "--processes", "2"]
    if program == "locust":
        port = dead_port()  # 5557, where Locust's workers join by default, may be another test's
        load += ["--host", service.url, "--headless", "--master-bind-port", str(port), "--master-port", str(port)]
        done = locust("-f", "locustfile.py", *load, "--run-time", "2s", cwd=suite, environ=FAST)
    else:
        load += ["--set", "scenarios.locustfile.iterations=400"]  # all users are there long before these are done
        load += ["--set", "reporting.formats=[]"]
        done = run("loadworthy", "run", "locustfile.py", "--url", service.url, *load, cwd=suite, environ=FAST)
    assert done.code in (0, 4), done.err  # a machine that is busy elsewhere may be unfit to judge
    more = grown(login_counts(service), logins)
    assert mix_of(more) == by_weight(20)
    assert {count for username, count in more.items() if username != "admin"} == {1}
    assert row_counts(service) == rows


# --- what the users do ---

TASKS: dict[str, list[tuple[int, tuple[str, ...]]]] = {
    "AdminUser": [
        (5, ("GET /api/users",)),
        (4, ("GET /api/patients",)),
        (3, ("GET /api/doctors",)),
        (3, ("POST /api/users", "PATCH /api/users/[id]", "DELETE /api/users/[id]")),
        (3, ("POST /api/patients", "PUT /api/patients/[id]", "DELETE /api/patients/[id]")),
        (2, ("POST /api/doctors", "PUT /api/doctors/[id]", "DELETE /api/doctors/[id]")),
        (3, ("GET /api/dashboard/kpis",)),
        (2, ("GET /api/dashboard/charts/[name]",)),
        (2, ("GET /api/audit-logs",)),
        (2, ("GET /api/catalogs",)),
        (1, ("GET /api/catalogs/[name]",)),
        (2, ("GET /api/files",)),
        (1, ("POST /api/files",)),
    ],
    "DoctorUser": [
        (5, ("GET /api/appointments",)),
        (2, ("POST /api/appointments",)),
        (4, ("GET /api/consultations",)),
        (3, ("POST /api/consultations",)),
        (4, ("GET /api/patients/[id]",)),
        (3, ("GET /api/episodes",)),
        (2, ("POST /api/episodes", "PATCH /api/episodes/[id]", "DELETE /api/episodes/[id]")),
        (2, ("GET /api/files",)),
        (2, ("GET /api/files/[id]/content",)),
        (1, ("GET /api/specialties",)),
        (1, ("GET /api/users (403)", "PATCH /api/users/[id] (403)")),
    ],
    "PatientUser": [
        (5, ("GET /api/appointments",)),
        (4, ("GET /api/consultations",)),
        (3, ("GET /api/episodes",)),
        (2, ("GET /api/insurance-policies",)),
        (3, ("GET /api/notifications",)),
        (1, ("GET /api/patients/[id] (403)",)),
        (
            1,
            tuple(f"GET /api/{name} (403)" for name in ("consultations", "episodes", "files", "insurance-policies")),
        ),
        (1, tuple(f"GET /api/{name} (403)" for name in ("users", "patients", "dashboard/kpis", "audit-logs"))),
    ],
}


def test_classes_and_tasks_have_their_weights(suite: Path) -> None:
    """What Locust itself makes of the file: 10, 30 and 60 % of the users, and each task's share of its class."""
    done = locust("-f", "locustfile.py", "--show-task-ratio-json", "--users", "100", cwd=suite)
    ratios = json.loads(done.out)["total"]
    assert {name: one["ratio"] for name, one in ratios.items()} == {
        "AdminUser": 0.1,
        "DoctorUser": 0.3,
        "PatientUser": 0.6,
    }
    for name, groups in TASKS.items():
        weights = sorted(weight for weight, _ in groups)
        found = sorted(task["ratio"] / ratios[name]["ratio"] for task in ratios[name]["tasks"].values())
        assert found == pytest.approx([weight / sum(weights) for weight in weights])
    users = ratios["AdminUser"]["tasks"]["list_users"]["ratio"] / 0.1
    assert users == pytest.approx(5 / sum(weight for weight, _ in TASKS["AdminUser"]))


@pytest.mark.parametrize(
    "user_class", [pytest.param(one, marks=() if one == "AdminUser" else pytest.mark.slow) for one in TASKS]
)
def test_the_shares_of_the_requests_are_the_weights_of_the_tasks(
    user_class: str, service: Service, suite: Path
) -> None:
    """Six hundred tasks of one class are as many requests; a chi-square test holds them against the weights."""
    settings = {"user_classes": f"[{user_class}]", "iterations": "600", "wait_time": "0s-20ms"}
    done = run(
        "loadworthy", "run", "levels.yaml", "--scenario", "light", "--url", service.url, "--users", "8",
        "--spawn-rate", "100", "--seed", "7",
        *(word for key, value in settings.items() for word in ("--set", f"scenarios.light.{key}={value}")),
        "--set", "reporting.formats=[]", cwd=suite,
    )  # fmt: skip
    assert done.code in JUDGED, done.out + done.err
    figures = summary_figures(summary_of(only_run(suite)), "light")
    assert sum(failures for _, failures in figures.values()) == 0
    counts = [sum(figures.get(series, (0, 0))[0] for series in group) for _, group in TASKS[user_class]]
    assert sum(counts) == 600
    others = {one for one in figures if "(set-up)" not in one and one != LOGIN}
    assert others <= {series for _, group in TASKS[user_class] for series in group}
    assert _chi_square(counts, [weight for weight, _ in TASKS[user_class]]) < _critical(len(counts) - 1)


def _chi_square(counts: list[int], weights: list[int]) -> float:
    expected = [sum(counts) * weight / sum(weights) for weight in weights]
    return sum((count - want) ** 2 / want for count, want in zip(counts, expected, strict=True))


def _critical(degrees: int) -> float:
    """Above it lies the same share of chi-square as above Z of the normal distribution (Wilson and Hilferty 1931)."""
    part = 2 / (9 * degrees)
    return degrees * (1 - part + Z * math.sqrt(part)) ** 3


def test_what_the_figures_count_is_in_the_database(service: Service, suite: Path) -> None:
    """With --keep-data each table has grown by what was created and not deleted, the audit trail by each change."""
    rows = row_counts(service)
    command = f"locust -f locustfile.py --host={HOST} --users=20 --spawn-rate=20 --headless --csv=results"
    done = interrupted(
        "locust", *arguments(command, service), "--keep-data", "--html=results.html", cwd=suite, environ=FAST,
        when=lambda: service.rows("consultations") > rows["consultations"] + 30,
    )  # fmt: skip
    assert done.code == 0, done.err
    figures = read_figures(suite / "results_stats.csv")
    assert_rows_are_those_of(figures, grown(row_counts(service), rows))
    report = (suite / "results.html").read_text(encoding="utf-8")
    assert all(name in report for name in ("/api/appointments", "/api/users (403)"))
    assert_no_credentials(suite, done.out, done.err)


def test_patients_of_another_load_test_are_let_alone(tmp_path: Path, suite: Path) -> None:
    """Among 500 patients, 60 are another run's, which may delete them at any time: nothing is written for one."""
    new = {"full_name": "Load Test", "birth_date": "1980-02-29", "sex": "other", "blood_type": "0+"}
    new |= {"email": "load@clinic.example", "phone": "+34 600 0000"}
    with Service("cms_medical", tmp_path) as clinic:
        login = {"username": "admin", "password": PASSWORD}
        token = requests.post(f"{clinic.url}/api/auth/login", json=login, timeout=30).json()["access_token"]
        for number in range(60):
            answer = requests.post(
                f"{clinic.url}/api/patients", json={**new, "record_number": f"LT-{number}"},
                headers={"Authorization": f"Bearer {token}"}, timeout=30,
            )  # fmt: skip
            assert answer.status_code == 201
        command = f"locust -f locustfile.py --host={HOST} --users=20 --spawn-rate=20 --run-time=3s --headless"
        done = locust(*arguments(command, clinic), "--keep-data", "DoctorUser", cwd=suite, environ=FAST)
        assert done.code == 0, done.err
        theirs = "patient_id IN (SELECT id FROM patients WHERE record_number LIKE 'LT-%')"
        tables = ("appointments", "consultations", "episodes")
        assert {table: clinic.rows(table, theirs) for table in tables} == dict.fromkeys(tables, 0)
        assert all(clinic.rows(table, "patient_id IS NOT NULL") for table in tables)


START_WITHOUT_ROLES = """
import systems.cms_medical.service.access as access
access.Caller.require_patient = lambda self, patient_id: None
from systems import serve
raise SystemExit(serve.main())
"""


def test_a_service_that_shows_patients_each_others_data_fails_the_suite(tmp_path: Path, suite: Path) -> None:
    """Without the check of whose data it is, exactly the requests for another's data are failures, each of them."""
    with Service("cms_medical", tmp_path, program=("-c", START_WITHOUT_ROLES)) as careless:
        command = f"locust -f locustfile.py --host={HOST} --users=8 --spawn-rate=8 --headless"
        shown = ("GET", "/api/patients/{patient_id}", "200")
        done = interrupted(
            "locust", *arguments(command, careless), "--csv=results", "PatientUser", cwd=suite, environ=FAST,
            when=lambda: answers_of(careless).get(shown, 0) > 10,
        )  # fmt: skip
    assert done.code == 1
    figures = read_figures(suite / "results_stats.csv")
    failed = {name for name, counts in figures.items() if counts[1]}
    others = set(TASKS["PatientUser"][5][1] + TASKS["PatientUser"][6][1])
    assert failed
    assert failed <= others
    assert [name for name in others & set(figures) if figures[name][0] != figures[name][1]] == []
    assert "must be refused with 403, got 200" in (suite / "results_failures.csv").read_text(encoding="utf-8")
    assert_no_credentials(suite, done.out, done.err)


# --- the plan ---


def test_the_plan_has_the_four_levels() -> None:
    """Users, rates and times are those of the commands; each level is judged."""
    plan = yaml.safe_load((SUITE / "levels.yaml").read_text(encoding="utf-8"))
    assert plan["base_url"] == "${CMS_HOST:-http://localhost:5000}"
    levels = {
        name: (level["users"], int(level["spawn_rate"].removesuffix("/s")), level["run_time"])
        for name, level in plan["scenarios"].items()
    }
    assert levels == LEVELS
    for name, (users, rate, time) in LEVELS.items():
        assert f"--users={users} --spawn-rate={rate} --run-time={time}" in COMMANDS[name]
    assert all("* (403) error_rate <= 0%" in level["thresholds"] for level in plan["scenarios"].values())


@pytest.mark.parametrize(
    "level", ["light", *(pytest.param(level, marks=pytest.mark.slow) for level in LEVELS if level != "light")]
)
def test_a_level_of_the_plan_runs_and_is_judged(level: str, service: Service, suite: Path) -> None:
    """Its requests are those of the service, all thresholds are judged, the service's own figures are there."""
    rows, logins = row_counts(service), login_counts(service)
    done = run(
        "loadworthy", "run", "levels.yaml", "--scenario", level, "--url", service.url, "--users", "10",
        "--spawn-rate", "100", "--set", f"scenarios.{level}.iterations=600",
        "--set", f"scenarios.{level}.wait_time=0s-20ms", cwd=suite,
    )  # fmt: skip
    directory = only_run(suite)
    summary = summary_of(directory)
    figures = summary_figures(summary, level)
    assert done.code in JUDGED, done.out + done.err
    verdicts = {one["expression"]: one["verdict"] for one in summary["scenarios"][level]["thresholds"]}
    assert len(verdicts) == 3
    assert [said for one, said in verdicts.items() if "error_rate" in one] == ["pass"] * 2
    assert set(verdicts.values()) <= {"pass", "fail"}  # how fast this machine is, is not what is tested
    more = grown(login_counts(service), logins)
    assert sum(more.values()) == figures[LOGIN][0]
    assert mix_of(more) == by_weight(10)
    assert row_counts(service) == rows
    resources = summary["scenarios"][level]["resources"]
    (metrics,) = [values for source, values in resources.items() if source.startswith("prometheus")]
    assert {"process_resident_memory_bytes", "db_pool_usage_ratio"} <= set(metrics)
    assert_no_credentials(suite, done.out, done.err)


# --- endings ---


def test_logins_with_a_wrong_password_are_failures(service: Service, suite: Path) -> None:
    """Logins with a wrong password are in the table of failures, with their status and without the password."""
    wrong = {"CMS_PASSWORD": "a wrong password"}
    command = f"locust -f locustfile.py --host={HOST} --users=4 --spawn-rate=4 --run-time=2s --headless --csv=results"
    logins = login_counts(service)
    done = locust(*arguments(command, service), cwd=suite, environ={**FAST, **wrong})
    assert done.code == 1
    figures = read_figures(suite / "results_stats.csv")
    assert set(figures) == {LOGIN}
    assert figures[LOGIN][0] == figures[LOGIN][1] >= 4
    assert "401" in (suite / "results_failures.csv").read_text(encoding="utf-8")
    assert login_counts(service) == logins
    assert_no_credentials(suite, done.out, done.err, secrets=("a wrong password",))


def test_a_dead_port_is_said_in_one_line(suite: Path) -> None:
    """Both commands end with code 2 and the remedy, without a request or a traceback."""
    url = f"http://127.0.0.1:{dead_port()}"
    done = locust(*shlex.split(COMMANDS["light"].replace(HOST, url))[1:], cwd=suite)
    (line,) = [line for line in done.err.splitlines() if "nothing listens at" in line]
    assert done.code == 2
    assert line.endswith(
        f"nothing listens at {url} (connection refused): start the service, or name another with --host"
    )
    assert "Traceback" not in done.err + done.out
    other = run("loadworthy", "run", "levels.yaml", "--scenario", "light", "--url", url, cwd=suite)
    assert other.code == 2
    assert other.err.startswith(f"loadworthy: nothing listens at {url}")
    assert other.err.count("\n") == 1


@pytest.mark.parametrize("program", ["locust", pytest.param("loadworthy", marks=pytest.mark.slow)])
def test_ctrl_c_ends_with_results_and_cleans_up(program: str, suite: Path, service: Service) -> None:
    """Interrupted in the middle: results are complete, logins are those of the database, nothing is left."""
    rows, logins = row_counts(service), login_counts(service)
    load = ["--users", "10", "--spawn-rate", "10"]
    commands = {
        "locust": ["-f", "locustfile.py", "--headless", "--csv=results", "--host", service.url, *load],
        "loadworthy": ["run", "levels.yaml", "--scenario", "light", "--url", service.url, *load],
    }
    made = service.rows("consultations")

    def is_in_the_middle() -> bool:
        logged_in = sum(grown(login_counts(service), logins).values())
        return logged_in >= 10 and service.rows("consultations") >= made + 10

    done = interrupted(program, *commands[program], cwd=suite, environ=FAST, when=is_in_the_middle)
    assert "Traceback" not in done.out + done.err
    if program == "locust":
        assert done.code == 0
        figures = read_figures(suite / "results_stats.csv")
    else:
        assert done.code == 130
        figures = summary_figures(summary_of(only_run(suite)), "light")
    assert sum(grown(login_counts(service), logins).values()) == figures[LOGIN][0] == 10
    assert row_counts(service) == rows
    assert_no_credentials(suite, done.out, done.err)


@pytest.mark.slow
def test_the_suite_on_postgresql(tmp_path: Path, suite: Path) -> None:
    """The same counts from the other database: rows are those of the figures, and gone without --keep-data."""
    command = f"locust -f locustfile.py --host={HOST} --users=20 --spawn-rate=20 --headless --csv=results"
    with temporary_postgres() as url, Service("cms_medical", tmp_path, database=url) as service:
        rows = row_counts(service)
        removed = locust(*arguments(command, service), "--run-time=2s", cwd=suite, environ=FAST)
        assert (removed.code, row_counts(service)) == (0, rows), removed.err
        logins = login_counts(service)
        kept = interrupted(
            "locust", *arguments(command, service), "--keep-data", cwd=suite, environ=FAST,
            when=lambda: service.rows("consultations") > rows["consultations"] + 30,
        )  # fmt: skip
        assert kept.code == 0, kept.err
        figures = read_figures(suite / "results_stats.csv")
        assert_rows_are_those_of(figures, grown(row_counts(service), rows))
        assert sum(grown(login_counts(service), logins).values()) == figures[LOGIN][0] == 20


# --- secrets, settings, files ---


class _Leaky(BaseHTTPRequestHandler):
    """A service with a fault: it repeats what it is sent, and fails but for logins."""

    protocol_version = "HTTP/1.1"
    token = "eyJleaked.by.the.service"
    seen: set[str]

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        sent = json.loads(raw) if raw.startswith(b"{") else {}
        self.seen.add(sent.get("password", ""))
        if self.path.endswith("login"):
            self._answer(200, {"access_token": self.token, "doctor_id": 1, "patient_id": 1})
        else:
            self._answer(500, sent)

    def do_GET(self) -> None:
        self._answer(200, {"items": [{"id": 1}]})

    def _answer(self, status: int, answer: Any) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        """Nothing is logged."""


def test_passwords_that_a_service_repeats_are_written_nowhere(suite: Path) -> None:
    """Accounts that cannot be created fail with a status; their passwords are in no report, run directory or log."""
    seen: set[str] = set()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Leaky,), {"seen": seen}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        done = run(
            "loadworthy", "run", "levels.yaml", "--scenario", "light", "--url", url, "--users", "4",
            "--set", "scenarios.light.user_classes=[AdminUser]", "--set", "scenarios.light.wait_time=0s-20ms",
            "--set", "scenarios.light.iterations=300", cwd=suite,
        )  # fmt: skip
    finally:
        server.shutdown()
        server.server_close()
    assert done.code in (1, 4), done.err  # a machine that is busy elsewhere may be unfit to judge
    assert summary_figures(summary_of(only_run(suite)), "light")["POST /api/users"][1] > 0
    assert len(seen - {"", PASSWORD}) > 1
    assert_no_credentials(suite, done.out, done.err, secrets=tuple(seen - {""}))


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"CMS_WAIT": "fast"}, "CMS_WAIT=fast: write the shortest and the longest pause in seconds, such as 0.1-0.5"),
        ({"CMS_WAIT": "3-1"}, "CMS_WAIT=3-1: write the shortest and the longest pause"),
        ({"CMS_DOCTORS": "0"}, "CMS_DOCTORS=0: write how many of these accounts there are, such as 150"),
    ],
)
def test_a_setting_that_is_not_right_is_said_in_one_line(environ: dict[str, str], says: str, suite: Path) -> None:
    """The command ends before any request, with the setting and the remedy."""
    done = locust("-f", "locustfile.py", "--headless", cwd=suite, environ=environ)
    assert done.code == 1
    assert done.err.startswith(says)
    assert done.err.count("\n") == 1


def test_the_source_has_what_users_are_told_to_edit() -> None:
    """Weights, the pause, the weight of list_users and the login data stand where the README says."""
    source = (SUITE / "locustfile.py").read_text(encoding="utf-8")
    for weight, name in ((1, "AdminUser"), (3, "DoctorUser"), (6, "PatientUser")):
        assert re.search(rf"class {name}\(CMSUser\):\n    \"\"\".*\n\n    weight = {weight}\n", source)
    assert "    wait_time = between(1, 3)\n" in source
    assert "    @task(5)\n    def list_users(self)" in source
    on_start = source[source.index("def on_start(self)") :].partition("\n    def ")[0]
    assert "login_data = {" in on_start
    assert (
        source.index("class CMSUser(HttpUser)") < source.index("def on_start(self)") < source.index("class AdminUser")
    )


def test_the_requirements_name_this_repository() -> None:
    """From the suite's folder, the path in requirements-locust.txt is that of the package loadworthy."""
    lines = (SUITE / "requirements-locust.txt").read_text(encoding="utf-8").splitlines()
    path, locust_line = [line for line in lines if line and not line.startswith("#")]
    project = tomllib.loads((SUITE / path / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] == "loadworthy"
    assert locust_line in project["dependencies"]


def test_the_readme_has_every_command() -> None:
    """Each command of this file stands in the README, and each file that the README names exists."""
    text = (SUITE / "README.md").read_text(encoding="utf-8")
    flat = " ".join(text.replace("\\\n", " ").split())
    assert [name for name, command in COMMANDS.items() if " ".join(command.split()) not in flat] == []
    files = set(re.findall(r"`([\w-]+\.(?:py|yaml|txt|ps1))`", text))
    assert files == {"locustfile.py", "cms_accounts.py", "levels.yaml", "requirements-locust.txt", "setup-venv.ps1"}
    assert [file for file in files if not (SUITE / file).exists()] == []
    script = (SUITE / "setup-venv.ps1").read_text(encoding="utf-8")
    assert all(part in script for part in ("-m venv venv", "install", "-r requirements-locust.txt", "Activate.ps1"))
