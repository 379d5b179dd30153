"""The slots that the stress test of Kimmy Esthi books: each once, whoever else books at the same time."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any
from zlib import crc32

import pytest
from tests.support.kimmy_esthi import copy_suite, statuses_of, stress_test
from tests.support.locust_ports import in_processes
from tests.support.systems import TIME_LIMIT_S, Service, environment, locust, words

BOOK = {"path": "/appointments", "method": "POST", "weight": 1, "body": "booking"}
EASY = ["error_rate < 5%", "max < 1m"]
"""A machine that stands still for a moment can judge all the same."""
ONLY_BOOKING = {"concurrent_users": 6, "duration_seconds": 6, "wait_seconds": [0.005, 0.015], "endpoints": [BOOK]}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for all tests of this file."""
    with Service("kimmy_esthi", tmp_path_factory.mktemp("kimmy")) as started:
        yield started


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A copy of the suite."""
    return copy_suite(tmp_path)


def write_configuration(suite: Path, url: str) -> None:
    config = {"api": {"base_url": url}, "thresholds": EASY, "test_scenarios": {"booking_test": ONLY_BOOKING}}
    (suite / "booking.json").write_text(json.dumps(config), encoding="utf-8")


def test_processes_of_one_test_book_different_slots(suite: Path, service: Service) -> None:
    """``locust --processes 2``: each has a half of the calendar, so no slot is tried twice, not even by chance."""
    write_configuration(suite, service.url)
    ((last,),) = service.query("SELECT max(id) FROM appointments")
    before = statuses_of(service, "/appointments")
    done = locust(
        "-f", "virtual_user.py", "--host", service.url, "--stress-config", "booking.json", "--stress-scenario",
        "booking_test", "--users", 6, "--spawn-rate", 6, "--run-time", "6s", "--headless", "--csv=r", "--keep-data",
        *in_processes(2), cwd=suite,
    )  # fmt: skip
    assert done.code == 0, done.err
    made = {code: count - before.get(code, 0) for code, count in statuses_of(service, "/appointments").items()}
    assert made.get("201", 0) > 20
    assert made.get("409", 0) == 0
    booked = service.query("SELECT day, time, client_email FROM appointments WHERE id > :last", last=last)
    halves: dict[bool, set[int]] = {}
    numbers = {int(email.partition("@")[0].rpartition(".")[2]) for _, _, email in booked}
    for day, time, email in booked:  # a process numbers its clients from a random beginning, out of 2**40
        is_first = int(email.partition("@")[0].rpartition(".")[2]) - min(numbers) < 100_000
        halves.setdefault(is_first, set()).add(crc32(f"{day} {time}".encode()) % 2)
    assert sorted(halves.values(), key=sorted) == [{0}, {1}]


def test_two_tests_at_once_both_pass(suite: Path, service: Service) -> None:
    """Two ``stress_test.py`` against one service: no booking fails, no slot has two, all is removed again."""
    write_configuration(suite, service.url)
    rows = service.rows("appointments")
    command = words("python", "stress_test.py", "--config", "booking.json")
    both = [
        subprocess.Popen(
            [*command, "--output", f"{number}.json"], cwd=suite, env=environment(), stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
        )
        for number in range(2)
    ]  # fmt: skip
    for process in both:
        said, _ = process.communicate(timeout=TIME_LIMIT_S)
        assert process.returncode == 0, said
    for number in range(2):
        figures = json.loads((suite / f"{number}.json").read_text())["scenarios"]["booking_test"]
        assert (figures["failed"], figures["status_codes"]["201"] > 5) == (0, True)
    assert service.rows("appointments") == rows


class _Calendar(BaseHTTPRequestHandler):
    """A calendar in which somebody else is faster: so many tries of each booking are refused."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    seen: list[str]
    refused: int

    def do_GET(self) -> None:
        self.seen.append("calendar")
        self._answer(200, {"free": {f"2031-01-{day:02}": ["09:00", "09:30", "10:00"] for day in range(1, 29)}})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        # A calendar is asked for in two parts.
        follows = self.seen[-3 * self.refused :] == ["taken", "calendar", "calendar"] * self.refused
        self.seen.append("booked" if follows else "taken")
        self._answer(*((201, {"id": 1, "withdrawal_code": "c"}) if self.seen[-1] == "booked" else (409, {})))

    def _answer(self, status: int, answer: Any) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        """Nothing is logged."""


@contextmanager
def _calendar(refused: int) -> Iterator[str]:
    handler = type("Handler", (_Calendar,), {"seen": [], "refused": refused})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize("refused", [1, 4, 5])
def test_a_slot_that_is_taken_is_followed_by_another(suite: Path, refused: int) -> None:
    """After a 409 another try, from a fresh list: the 409 is right, unless it is the fifth."""
    spec = {**ONLY_BOOKING, "concurrent_users": 1}
    with _calendar(refused) as url:
        config = {"api": {"base_url": url}, "thresholds": EASY, "test_scenarios": {"booking_test": spec}}
        (suite / "booking.json").write_text(json.dumps(config), encoding="utf-8")
        done = stress_test(suite, "--config", "booking.json", "--output", "r.json", "--keep-data")
    assert "Traceback" not in done.out + done.err
    figures = json.loads((suite / "r.json").read_text())["scenarios"]["booking_test"]
    calendar = figures["endpoints"]["GET /appointments/available"]["total_requests"]
    codes = figures["endpoints"]["POST /appointments"]["status_codes"]
    if refused == 5:
        assert done.code == 1
        assert figures["failed"] == codes["409"] // 5 > 0
    else:
        assert (done.code, figures["failed"]) == (0, 0)
        assert codes["409"] // refused == codes["201"] > 0
    assert calendar >= codes["409"]


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch, suite: Path) -> ModuleType:
    """The suite's ``test_data``, which is too common a name to be left behind."""
    monkeypatch.syspath_prepend(str(suite))
    sys.modules.pop("test_data", None)
    module = importlib.import_module("test_data")
    sys.modules.pop("test_data")
    return module


def test_a_fresh_list_is_kept_where_an_older_one_was_wrong(data: ModuleType) -> None:
    """Of users who were refused at once, each slower one uses the list that the first has asked for."""
    mine = data.TestData(Random(1), date(2031, 1, 1))
    mine.offer({"2031-01-01": ["09:00", "09:30"]})
    old = mine.offered
    mine.forget_slots(old)
    assert not mine.has_slots
    mine.offer({"2031-01-02": ["09:00", "09:30"]})
    mine.forget_slots(old)
    assert mine.booking()["date"] == "2031-01-02"
    mine.forget_slots(mine.offered)
    assert not mine.has_slots


def test_each_process_walks_through_slots_of_its_own(data: ModuleType) -> None:
    """Whatever lists the processes have got: their slots differ, follow one another, and begin somewhere else."""
    free = {f"2031-01-{day:02}": ["09:00", "09:30", "10:00"] for day in range(1, 29)}
    later = {day: times[1:] for day, times in free.items() if day > "2031-01-05"}  # some were booked meanwhile
    booked: list[list[tuple[str, str]]] = []
    for process, seen in enumerate((free, later, free)):
        each = data.TestData(Random(process), date(2031, 1, 1))
        each.offer(seen, process, 3)
        mine = []
        while each.has_slots:
            booking = each.booking()
            mine.append((booking["date"], booking["time"]))
        assert sum(after < before for before, after in pairwise(mine)) <= 1
        booked.append(mine)
    assert all(booked)
    assert len({slot for mine in booked for slot in mine}) == sum(map(len, booked))
    assert len({mine[0] for mine in booked}) == 3
