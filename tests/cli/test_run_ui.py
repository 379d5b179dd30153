"""The options of the live page on the command line: mistakes are told before anything runs."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.cli import loadworthy, write_plan

PLAN = {"base_url": "http://127.0.0.1:9", "scenarios": {"load": {"endpoints": [{"path": "/"}], "run_time": "1s"}}}


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_port_in_use_ends_it_before_the_run(tmp_path: Path, taken: int) -> None:
    """In one line with the remedy; there is no run directory."""
    done = loadworthy("run", write_plan(tmp_path, PLAN), "--ui", "--ui-port", taken, cwd=tmp_path)
    assert done.code == 2
    assert f"loadworthy: port {taken} on 127.0.0.1 is in use; choose another for the live page" in done.err
    assert not (tmp_path / "runs").exists()
    assert "live page" not in done.out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--ui-port", 9000), "add --ui"),
        (("--ui-host", "0.0.0.0"), "add --ui"),
        (("--autoquit", 5), "add --ui"),
        (("--ui", "--ui-port", 70000), "--ui-port 70000: write a port from 0 to 65,535"),
        (("--ui", "--autoquit", -1), "--autoquit -1: write how many seconds"),
        (("--ui", "--autoquit", "nan"), "write how many seconds"),
    ],
)
def test_options_that_make_no_sense_are_refused(tmp_path: Path, options: tuple[object, ...], said: str) -> None:
    """With what to write instead."""
    done = loadworthy("run", write_plan(tmp_path, PLAN), *options, cwd=tmp_path)
    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err


def test_the_help_tells_of_it(tmp_path: Path) -> None:
    """Each option, and an example."""
    done = loadworthy("run", "--help", cwd=tmp_path)
    for words in ("--ui-host HOST", "--ui-port PORT", "--autoquit SECONDS", "loadworthy run plan.yaml --ui"):
        assert words in done.out
