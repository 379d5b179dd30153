"""Locust's web interface over the suite of cms_medical: what it offers, shows and lets one download is true."""

from __future__ import annotations

import csv
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.support.cms_medical import (
    FAST,
    HOST,
    LOGIN,
    arguments,
    assert_no_credentials,
    by_weight,
    copy_suite,
    grown,
    login_counts,
    mix_of,
    read_figures,
    row_counts,
)
from tests.support.systems import TIME_LIMIT_S, Service, dead_port, locust
from tests.support.web_ui import web_interface


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service, on SQLite; one for all tests, which count from what they find."""
    with Service("cms_medical", tmp_path_factory.mktemp("service")) as one:
        yield one


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """The suite in a folder of its own."""
    return copy_suite(tmp_path)


@pytest.mark.parametrize("options", ["--users=50 --spawn-rate=5", "--users=100 --spawn-rate=10 --run-time=10m"])
def test_commands_without_headless_offer_their_numbers(options: str, service: Service, suite: Path) -> None:
    """The page begins with the users, the rate and the time of the command, and makes no load by itself."""
    logins = login_counts(service)
    command = arguments(f"locust -f locustfile.py --host={HOST} {options}", service)
    with web_interface(*command, cwd=suite, environ=FAST) as web:
        shown = web.session.get(f"{web.url}/", timeout=30).text
        assert web.session.get(f"{web.url}/stats/requests", timeout=30).json()["state"] == "ready"
    users, rate, *time = re.findall(r"=(\w+)", options)
    offered = _template_arguments(shown)
    assert (offered["num_users"], offered["spawn_rate"]) == (int(users), int(rate))
    assert offered["run_time"] == (600 if time else None)
    assert offered["host"] == service.url
    assert login_counts(service) == logins


def test_the_web_interface_shows_true_figures(service: Service, suite: Path) -> None:
    """Started, watched, stopped, downloaded from: figures are those of the database, and what was made is removed."""
    rows, logins = row_counts(service), login_counts(service)
    command = [*arguments(f"locust -f locustfile.py --host={HOST}", service), "--csv=results", "--csv-full-history"]
    with web_interface(*command, cwd=suite, environ=FAST) as web:
        session, page = web.session, web.url
        form = {"user_count": 10, "spawn_rate": 10, "host": service.url}
        assert session.post(f"{page}/swarm", data=form, timeout=30).json()["success"]
        watched = _watch_until(session, page, _is_busy)
        assert set(watched["current_response_time_percentiles"]) == {
            "response_time_percentile_0.5",
            "response_time_percentile_0.95",
        }
        _until_charted(session, page)
        session.post(f"{page}/stop", timeout=60).raise_for_status()
        last = _watch_until(session, page, lambda now: now["state"] == "stopped")
        texts = {
            path: session.get(f"{page}{path}", timeout=30).text
            for path in (
                "/stats/requests/csv", "/stats/requests_full_history/csv", "/stats/failures/csv", "/exceptions/csv",
                "/stats/report?download=1",
            )
        }  # fmt: skip
    figures = {f"{row['method']} {row['name']}": (row["num_requests"], row["num_failures"]) for row in last["stats"]}
    more = grown(login_counts(service), logins)
    assert sum(more.values()) == figures[LOGIN][0]
    assert mix_of(more) == by_weight(10)
    downloaded = {
        f"{row['Type']} {row['Name']}": row for row in csv.DictReader(texts["/stats/requests/csv"].splitlines())
    }
    assert int(downloaded["GET /api/appointments"]["Request Count"]) == figures["GET /api/appointments"][0]
    assert len(texts["/stats/requests_full_history/csv"].splitlines()) > 2
    assert texts["/stats/failures/csv"].startswith("Method,Name,Error,Occurrences")
    assert texts["/exceptions/csv"].startswith("Count,Message,Traceback,Nodes")
    charted = [point["user_count"][1] for point in _template_arguments(texts["/stats/report?download=1"])["history"]]
    assert max(charted) == 10  # the last point may fall between the stop and its end, when users are on their way out
    assert row_counts(service) == rows
    assert_no_credentials(suite, web.said, *texts.values())


def _watch_until(session: requests.Session, page: str, fits: Any) -> Any:
    for _ in range(TIME_LIMIT_S * 5):
        now = session.get(f"{page}/stats/requests", timeout=30).json()
        if fits(now):
            return now
        threading.Event().wait(0.2)
    raise AssertionError(f"it never came: {now}")


def _until_charted(session: requests.Session, page: str) -> None:
    """Locust adds a point to its charts every five seconds; the first may be from before its users were there."""
    for _ in range(TIME_LIMIT_S * 5):
        history = _template_arguments(session.get(f"{page}/", timeout=30).text)["history"]
        if any(point["user_count"][1] == 10 for point in history):
            return
        threading.Event().wait(0.2)
    raise AssertionError("the charts stay empty")


def _template_arguments(page: str) -> Any:
    """What Locust's page, or its report, is made from."""
    return json.loads(re.findall(r"window\.templateArgs = (\{.*?\})\s*$", page, re.MULTILINE)[0])


def _is_busy(now: Any) -> bool:
    """Ten users are there, all of them have logged in, and they look at their appointments."""
    is_complete = (now["state"], now["user_count"], _seen(now, "/api/auth/login")) == ("running", 10, 10)
    return is_complete and now["total_rps"] > 0 and _seen(now, "/api/appointments") > 50


def _seen(now: Any, name: str) -> int:
    return sum(row["num_requests"] for row in now["stats"] if row["name"] == name)


def test_the_host_has_a_default(service: Service, suite: Path) -> None:
    """Without --host: that of CMS_HOST, else port 5000 of this machine; a dead one is said in one line."""
    source = (suite / "cms_accounts.py").read_text(encoding="utf-8")
    assert 'HOST = os.environ.get("CMS_HOST") or "http://localhost:5000"\n' in source
    command = ("-f", "locustfile.py", "--headless", "--users", 2, "--run-time", "1s", "--csv=results")
    done = locust(*command, cwd=suite, environ={**FAST, "CMS_HOST": service.url})
    assert done.code == 0, done.err
    assert read_figures(suite / "results_stats.csv")[LOGIN][0] > 0
    dead = f"http://127.0.0.1:{dead_port()}"
    done = locust(*command, cwd=suite, environ={"CMS_HOST": dead})
    assert (done.code, done.err.count(f"nothing listens at {dead}")) == (2, 1)
    assert "Traceback" not in done.err
