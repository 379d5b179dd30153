"""All five suites where things go wrong, or get crowded: a service that dies midway, two runs at once, many users."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support import app_performance, cms_medical, flask_auth, kimmy_esthi, thanotopolis
from tests.support.cli import Done
from tests.support.cms_medical import by_weight, grown, login_counts, mix_of
from tests.support.systems import TIME_LIMIT_S, Service, be_patient, environment, interrupted, run, words

pytestmark = pytest.mark.slow


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite, its command, what it writes, and the table whose rows its run must leave as they were."""

    copy: Callable[[Path], Path]
    command: tuple[str, ...]
    environ: dict[str, str]
    table: str
    failed: Callable[[Path], int]
    """How many failed requests the results of a run tell of; what is not complete raises."""
    dead: int
    """The exit code where the service died midway."""


def _in_csv(folder: Path) -> int:
    files = {path.name for path in folder.glob("results_*.csv")}
    assert files == {f"results_{name}.csv" for name in ("stats", "stats_history", "failures", "exceptions")}
    assert (folder / "results.html").stat().st_size > 10_000
    requested, failed = thanotopolis.figures_of(folder / "results_stats.csv")["Aggregated"]
    assert requested > failed
    return failed


def _in_json(folder: Path) -> int:
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    return int(results["scenarios"]["write_test"]["failed"])


def _in_run_directory(folder: Path) -> int:
    directory = app_performance.newest_run(folder)
    assert {path.name for path in directory.iterdir()} >= app_performance.REPORTS
    return int(app_performance.scenarios_of(directory)["load"]["failures"])


_LOCUST = ("--headless", "--users", "6", "--spawn-rate", "6", "--csv=results", "--html=results.html", "--host", "{url}")
SUITES = {
    "kimmy_esthi": Suite(
        lambda folder: _quick_kimmy(folder),
        ("python", "stress_test.py", "--url", "{url}", "--scenarios", "write_test", "read_test",
         "--output", "results.json"),
        {}, "appointments", _in_json, 2,
    ),
    "thanotopolis": Suite(
        lambda folder: thanotopolis.clone(folder) / "load_tests",
        ("locust", "-f", "main_load_test.py", "--run-time", "12s", *_LOCUST),
        {**thanotopolis.FAST, "LOAD_TEST_STOP_SECONDS": "5"}, "contacts", _in_csv, 1,
    ),
    "cms_medical": Suite(
        cms_medical.copy_suite,
        ("locust", "-f", "locustfile.py", "--run-time", "12s", *_LOCUST),
        cms_medical.FAST, "consultations", _in_csv, 1,
    ),
    "flask_auth": Suite(
        flask_auth.fresh_clone,
        ("locust", "-f", "locust_scenarios/registration_test.py", "--run-time", "12s", *_LOCUST),
        flask_auth.FAST, "clients", _in_csv, 1,
    ),
    "app_performance": Suite(
        app_performance.fresh_clone,
        ("python", app_performance.RUN, "--scenario", "load", "--run-time", "12s", "--url", "{url}"),
        {}, "items", _in_run_directory, 1,
    ),
}  # fmt: skip


def _quick_kimmy(folder: Path) -> Path:
    suite = kimmy_esthi.copy_suite(folder)
    config = json.loads((suite / "config.json").read_text(encoding="utf-8"))
    for scenario in config["test_scenarios"].values():
        scenario.update(duration_seconds=12, ramp_up_seconds=0.2, wait_seconds=[0.01, 0.03])
    config["thresholds"].append("max < 1m")
    (suite / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return suite


@dataclass(slots=True)
class Running:
    """A command that was started; ``said`` has what it printed when it has ended."""

    process: subprocess.Popen[str]

    def end(self) -> Done:
        """Wait for it."""
        try:
            out, err = self.process.communicate(timeout=TIME_LIMIT_S)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.communicate()
        return Done(self.process.returncode, out, err)


def start(suite: Suite, folder: Path, service: Service, *more: object) -> Running:
    """The suite's command, against a service."""
    command = [word.replace("{url}", service.url) for word in suite.command]
    env = {key: value for key, value in environment(suite.environ).items() if key != "PYTHONPATH"}
    return Running(
        subprocess.Popen(
            words(*command, *more), cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, start_new_session=True,
        )
    )  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        name if name in ("kimmy_esthi", "app_performance") else pytest.param(name, marks=pytest.mark.slow)
        for name in SUITES
    ],
)
def test_a_service_that_is_killed_midway_is_told_in_the_results(name: str, tmp_path: Path) -> None:
    """The run ends by itself with a code other than 0 and complete results; failures are figures, not tracebacks."""
    suite = SUITES[name]
    folder = suite.copy(tmp_path)
    with Service(name, tmp_path) as service:
        rows = service.rows(suite.table)
        running = start(suite, folder, service)
        for _ in range(TIME_LIMIT_S * 20):
            if service.rows(suite.table) >= rows + 10 or running.process.poll() is not None:
                break
            threading.Event().wait(0.05)
        os.kill(service.pid, signal.SIGKILL)
        done = running.end()
    assert done.code == suite.dead, done.out + done.err
    assert suite.failed(folder) > 0
    assert "Traceback" not in done.out + done.err
    assert "test data: " in done.out + done.err  # what could not be removed is said
    if name == "kimmy_esthi":  # what is saved is what the command ended with, the scenario after it included
        results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
        assert (results["exit_code"], results["verdict"]) == (2, "fail")
        assert results["scenarios"]["read_test"]["verdict"] == "not run"
        assert "nothing listens at" in results["scenarios"]["read_test"]["reasons"][0]
        assert done.err.count("nothing listens at") == 1


@pytest.mark.parametrize(
    "name", [*(pytest.param(name, marks=pytest.mark.slow) for name in ("kimmy_esthi", "flask_auth")), "cms_medical"]
)
def test_two_runs_at_once_do_not_collide(name: str, tmp_path: Path) -> None:
    """Both pass without a failure against one service, and each removes its own rows and no others."""
    suite = SUITES[name]
    folders = [suite.copy(_made(tmp_path / str(number))) for number in range(2)]
    with Service(name, tmp_path) as service:
        rows = service.rows(suite.table)
        both = [start(suite, folder, service) for folder in folders]
        for running, folder in zip(both, folders, strict=True):
            done = running.end()
            assert done.code == 0, done.out + done.err
            assert suite.failed(folder) == 0, done.out + done.err
            assert re.search(r"test data: [\d,]+ removed$", done.err, re.MULTILINE)
        assert service.rows(suite.table) == rows
        assert service.errors == ""


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


# --- the largest command of each document, with all its users and their own pauses, for some seconds ---


def test_the_clinic_with_five_hundred_users(tmp_path: Path) -> None:
    """Fifty more each second, all of whom log in, in their mix; nothing fails, and no row is left."""
    folder = cms_medical.copy_suite(tmp_path)
    be_patient(folder / "locustfile.py", "CMSUser")
    with Service("cms_medical", tmp_path) as service:
        rows = cms_medical.row_counts(service)
        done = interrupted(
            "locust", *cms_medical.arguments(cms_medical.COMMANDS["stress"], service), cwd=folder,
            when=lambda: True, said="(500 total users)",
        )  # fmt: skip
        assert done.code == 0, done.err
        logins = grown(login_counts(service), {})
        assert mix_of(logins) == by_weight(500)
        assert {count for account, count in logins.items() if account != "admin"} == {1}
        assert cms_medical.row_counts(service) == rows


def test_the_salon_with_fifty_users_and_their_own_pauses(tmp_path: Path) -> None:
    """``read_test`` as it is configured, but for its time: fifty users who pause a second to three."""
    suite = kimmy_esthi.copy_suite(tmp_path)
    config = json.loads((suite / "config.json").read_text(encoding="utf-8"))
    config["test_scenarios"]["read_test"].update(duration_seconds=20)
    config["thresholds"].append("max < 1m")
    (suite / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with Service("kimmy_esthi", tmp_path) as service:
        options = ("--url", service.url, "--scenarios", "read_test", "--output", "r.json")
        done = kimmy_esthi.stress_test(suite, *options)
    assert done.code == 0, done.out + done.err
    figures = json.loads((suite / "r.json").read_text(encoding="utf-8"))["scenarios"]["read_test"]
    assert (figures["users_max"], figures["failed"], figures["settings"]["wait_seconds"]) == (50, 0, [1, 3])
    assert figures["total_requests"] > 200


def test_the_shop_with_the_users_of_its_configuration(tmp_path: Path) -> None:
    """All five scenarios, each with its own users and pauses, for some seconds."""
    suite = app_performance.fresh_clone(tmp_path)
    # The most users of each are there for longer than a machine stands still.
    app_performance.configure(suite, {
        "smoke": {"run_time": "3s"},
        "load": {"run_time": "12s"},
        "stress": {"stages": [*({"duration": "1s", "users": n} for n in (5, 10, 25, 50, 100)),
                              {"duration": "8s", "users": 200}, {"duration": "1s", "users": 5}]},
        "spike": {"stages": [{"duration": "1s", "users": 5}, {"duration": "1s", "ramp_to": 50},
                             {"duration": "8s", "users": 50}, {"duration": "1s", "users": 5}]},
        "endurance": {"run_time": "8s", "spawn_rate": 20},
    })  # fmt: skip
    with Service("app_performance", tmp_path) as service:
        rows = app_performance.row_counts(service)
        done = app_performance.script(app_performance.RUN, service=service, cwd=suite)
        assert done.code in (0, 1, 3, 4), done.err  # how fast this machine is, is not what is tested
        left = service.query("SELECT id, test_run, created_at FROM items WHERE test_run IS NOT NULL")
        assert app_performance.row_counts(service) == rows, (left, done.err)
    scenarios = app_performance.scenarios_of(app_performance.newest_run(suite))
    users = {name: scenario["users_max"] for name, scenario in scenarios.items()}
    assert users == {"smoke": 1, "load": 10, "stress": 200, "spike": 50, "endurance": 20}
    assert {name: scenario["failures"] for name, scenario in scenarios.items()} == dict.fromkeys(users, 0)


def test_the_cemetery_with_twenty_users_and_their_own_pauses(tmp_path: Path) -> None:
    """The comprehensive test until all are there: three more users each second, nothing fails, no row is left."""
    suite = thanotopolis.clone(tmp_path) / "load_tests"
    with Service("thanotopolis", tmp_path) as service:
        rows = thanotopolis.rows_of(service)
        done = interrupted(
            "locust", "-f", "main_load_test.py", "--host", service.url, "--users=20", "--spawn-rate=3",
            "--run-time=600s", "--headless", "--html=comprehensive_report.html", "--csv=results", cwd=suite,
            when=lambda: thanotopolis.answered(service, {}) > 100, said="All users spawned",
        )  # fmt: skip
        assert done.code == 0, done.err
        assert thanotopolis.rows_of(service) == rows
    assert sum(thanotopolis.spawned(done).values()) == 20
    requested, failed = thanotopolis.figures_of(suite / "results_stats.csv")["Aggregated"]
    assert (requested > 40, failed) == (True, 0)
    checked = run("python", "check_results.py", "results_stats.csv", cwd=suite)
    assert checked.code == 0, checked.out
