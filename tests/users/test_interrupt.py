"""Ctrl-C under plain Locust ends the test, wherever it comes, and no user in the middle of a task."""

from __future__ import annotations

import signal
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.cli import Done, command
from tests.support.rowserver import RowServer

from loadworthy.users.interrupt import take_ctrl_c

SOURCE = """
import io
from signal import SIGINT, raise_signal
from locust import constant, task
from loadworthy.users import HttpUser
from loadworthy.users.cleanup import clean_up_after, created

clean_up_after()

class Dropped(io.RawIOBase):
    def close(self):
        raise_signal(SIGINT)

class Clerk(HttpUser):
    wait_time = constant(0.01)

    @task
    def add(self):
        number = self.client.post("/contacts", json={"name": "x"}).json()["id"]
        if number == 10:
            INTERRUPT
        created(self, "DELETE", f"/contacts/{number}")
"""


@pytest.fixture
def server() -> Iterator[RowServer]:
    with RowServer() as running:
        yield running


def interrupted(folder: Path, server: RowServer, how: str) -> Done:
    """A test without an end, in which a user interrupts the process: between its tenth row and the note of it."""
    (folder / "locustfile.py").write_text(textwrap.dedent(SOURCE).replace("INTERRUPT", how), encoding="utf-8")
    options = ("-f", "locustfile.py", "--headless", "--only-summary", "--users", 3, "--spawn-rate", 30)
    return command("-m", "locust", *options, "--host", server.url, cwd=folder)


def test_a_user_in_the_middle_of_a_task_ends_it(tmp_path: Path, server: RowServer) -> None:
    """What it has made is noted, and removed; no exception is shown."""
    done = interrupted(tmp_path, server, "raise_signal(SIGINT)")
    assert (done.code, "Traceback" in done.err) == (0, False), done.err
    found = server.rows()
    assert found["made"] >= 10
    assert found["rows"] == []


def test_it_is_not_lost_where_python_clears_exceptions(tmp_path: Path, server: RowServer) -> None:
    """A file that is dropped is finalized, and what its ``close()`` raises is cleared: the test ends all the same."""
    done = interrupted(tmp_path, server, "Dropped()")
    assert (done.code, "Traceback" in done.err) == (0, False), done.err
    assert server.rows()["rows"] == []


def test_the_second_one_ends_what_does_not_let_go(tmp_path: Path, server: RowServer) -> None:
    """It is raised where it comes: in the task that the first one waits for."""
    done = interrupted(tmp_path, server, "raise_signal(SIGINT); raise_signal(SIGINT)")
    assert done.code == 0, done.err
    assert "failed with KeyboardInterrupt" in done.err
    assert len(server.rows()["rows"]) == 1


def test_a_handler_of_the_locustfile_stays() -> None:
    """It is Python's own that is replaced, not that of somebody who wants Ctrl-C for something else."""
    before = signal.getsignal(signal.SIGINT)
    try:
        for handler in (signal.SIG_IGN, lambda _number, _frame: None):
            signal.signal(signal.SIGINT, handler)
            take_ctrl_c()
            assert signal.getsignal(signal.SIGINT) is handler
        signal.signal(signal.SIGINT, signal.default_int_handler)
        take_ctrl_c()
        ours = signal.getsignal(signal.SIGINT)
        take_ctrl_c()
        assert signal.getsignal(signal.SIGINT) is ours is not signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
