"""``loadworthy run`` at a real pseudo-terminal: what its user sees from the first frame to the closing view."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.support.cli import write_plan

from loadworthy.testing import CountingServer, Delay, Route

if sys.platform == "win32":
    pytest.skip("there are no pseudo-terminals", allow_module_level=True)

from tests.support.pty import watch

STAGES = [{"duration": "1s", "users": 2}, {"duration": "5s", "ramp_to": 6}]
"""The second is long enough to be seen on a machine that stands still for seconds."""


def plan(folder: Path, url: str, **keys: Any) -> Path:
    load = {"stages": STAGES, "endpoints": [{"path": "/[id]"}], "thresholds": ["p50 < 1h"], "wait_time": "5ms"}
    return _written(folder, url, {**load, **keys})


def _written(folder: Path, url: str, load: dict[str, Any]) -> Path:
    """Without the reports that take their time."""
    return write_plan(folder, {"base_url": url, "scenarios": {"load": load}, "reporting": {"formats": ["csv"]}})


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (40, 20)])
def test_a_run_is_watched_and_leaves_its_closing_view_alone(tmp_path: Path, columns: int, rows: int) -> None:
    """Every frame is whole and within the terminal; stages and time left change; nothing of it stays behind."""
    with CountingServer([Route("*", delay=Delay.exponential(2))]) as server:
        seen = watch("run", plan(tmp_path, server.url), cwd=tmp_path, columns=columns, rows=rows)
    live = [frame for frame in seen.frames if any("left of 0:06" in line for line in frame)]
    assert len({re.findall(r"[\d:]+ left of 0:06", " ".join(frame))[0] for frame in live}) > 1
    for frame in live:
        text = " ".join(" ".join(frame).split())
        assert "load " in text
        assert "generator" in text
        assert len(frame) < rows
        assert max(len(line) for line in frame) < columns
    assert any("stage 1 of 2: holding 2 users" in " ".join(frame) for frame in live)
    assert any("stage 2 of 2: ramping to 6 users" in " ".join(frame) for frame in live)
    left = "\n".join([*seen.screen.scrolled, *seen.screen.shown()])
    assert seen.code in (0, 4), "on a busy machine the generator may be blamed"
    assert left.lstrip().startswith(("PASS", "INVALID"))
    assert "busiest series" not in left
    assert "left of" not in left
    assert seen.screen.modes["25"] is True


def test_ctrl_c_is_answered_on_the_screen(tmp_path: Path) -> None:
    """While what is under way comes to its end, it says so; then comes the closing view."""

    def interrupt(process: subprocess.Popen[bytes], number: int) -> None:
        if number == 6:
            process.send_signal(signal.SIGINT)

    with CountingServer([Route("*", delay=Delay.fixed(300))]) as server:
        path = plan(tmp_path, server.url, stages=[{"duration": "5m", "users": 2}])
        seen = watch("run", path, cwd=tmp_path, on_frame=interrupt)
    assert seen.code == 130
    assert any("stopping: it was asked to stop" in " ".join(frame) for frame in seen.frames)
    assert "the planned 5 min" in " ".join(" ".join([*seen.screen.scrolled, *seen.screen.shown()]).split())


def test_what_user_code_prints_stays_above(tmp_path: Path) -> None:
    """In its order, each line once; the panel below is whole."""
    (tmp_path / "locustfile.py").write_text(
        "from locust import task\n"
        "from loadworthy.users import HttpUser\n"
        "from locust import constant\n"
        "class Loud(HttpUser):\n"
        "    wait_time = constant(0.2)\n"
        "    said = 0\n"
        "    @task\n"
        "    def say(self):\n"
        "        self.client.get('/')\n"
        "        Loud.said += 1\n"
        "        print(f'said {Loud.said}')\n"
    )
    with CountingServer() as server:
        path = _written(tmp_path, server.url, {"locustfile": "locustfile.py", "users": 1, "iterations": 8})
        seen = watch("run", path, cwd=tmp_path, rows=60)
    said = [line for line in seen.screen.scrolled + seen.screen.shown() if line.startswith("said ")]
    assert said == [f"said {number}" for number in range(1, 9)]
