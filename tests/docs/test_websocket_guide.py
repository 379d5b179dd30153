"""docs/websocket.md: its code runs as it stands, and its table names the kinds that there are."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.cli import command, loadworthy, only_run, summary_of

from loadworthy.testing.websocket import WebSocketServer

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "websocket.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def test_the_user_of_the_guide_runs(tmp_path: Path) -> None:
    """The first block is a whole locustfile; every series that it says it measures is there, and nothing fails."""
    path = tmp_path / "locustfile.py"
    path.write_text(BLOCKS[0], encoding="utf-8")
    with WebSocketServer() as server:
        done = loadworthy(
            "run", path, "--url", server.http_url, "--users", 2, "--set", "scenarios.locustfile.iterations=40",
            cwd=tmp_path,
        )  # fmt: skip
        stats = server.settled()
    (scenario,) = summary_of(only_run(tmp_path))["scenarios"].values()
    assert done.code == 0, done.out + done.err
    assert {"connect /rpc", "message say hello", "push news", "stream voice"} <= set(scenario["series"])
    assert scenario["series"]["message say hello"]["requests"] == stats.texts
    assert stats.close_codes == {1000: stats.connections}


def test_the_server_of_the_guide_runs(tmp_path: Path) -> None:
    """The second block is a whole program."""
    done = command("-c", BLOCKS[1], cwd=tmp_path)
    assert done.code == 0, done.err
    assert done.out.splitlines()[0].endswith("/echo")
