"""docs/websocket.md and the plan with WebSockets in docs/plan.md: what they show runs as it stands."""

from __future__ import annotations

import contextlib
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.support.cli import EASY_FOR_A_LOCUSTFILE, command, loadworthy, only_run, summary_of

from loadworthy.testing.websocket import WebSocketServer

DOCS = Path(__file__).resolve().parents[2] / "docs"
GUIDE = (DOCS / "websocket.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def test_the_user_of_the_guide_runs(tmp_path: Path) -> None:
    """The first block is a whole locustfile; every series that it says it measures is there, and nothing fails."""
    path = tmp_path / "locustfile.py"
    path.write_text(BLOCKS[0], encoding="utf-8")
    with WebSocketServer() as server:
        done = loadworthy(
            "run", path, "--url", server.http_url, "--users", 2, "--set", "scenarios.locustfile.iterations=40",
            *EASY_FOR_A_LOCUSTFILE, cwd=tmp_path,
        )  # fmt: skip
        stats = server.settled()
    (scenario,) = summary_of(only_run(tmp_path))["scenarios"].values()
    assert done.code == 0, done.out + done.err
    assert {"connect /rpc", "message say hello", "push news", "stream voice"} <= set(scenario["series"])
    assert scenario["series"]["message say hello"]["requests"] == stats.texts
    assert stats.close_codes == {1000: stats.connections}


def test_the_reader_of_the_guide_runs(tmp_path: Path) -> None:
    """The second block is a whole locustfile: it follows a stream, and goes on where it was after a break."""
    path = tmp_path / "locustfile.py"
    path.write_text(BLOCKS[1], encoding="utf-8")
    with prices() as (url, asked):
        done = loadworthy(
            "run", path, "--url", url, "--users", 1, "--set", "scenarios.locustfile.iterations=2", cwd=tmp_path
        )
    (scenario,) = summary_of(only_run(tmp_path))["scenarios"].values()
    assert done.code == 0, done.out + done.err
    assert {name: scenario["series"][name]["requests"] for name in ("sse /prices", "push /prices")} == {
        "sse /prices": 4, "push /prices": 8,
    }  # fmt: skip
    assert asked == [None, "2", None, "2"]


@contextmanager
def prices() -> Iterator[tuple[str, list[str | None]]]:
    """A service whose stream has events as long as somebody listens; its URL, and the last ids it was asked for."""
    asked: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers["Last-Event-ID"])
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            with contextlib.suppress(OSError):
                for number in range(int(asked[-1] or -1) + 1, 1_000_000):
                    data = json.dumps({"at": time.time()})
                    self.wfile.write(f"event: price\nid: {number}\ndata: {data}\n\n".encode())

        def log_message(self, *_: object) -> None:
            """Not on the screen."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_server_of_the_guide_runs(tmp_path: Path) -> None:
    """The third block is a whole program."""
    done = command("-c", BLOCKS[2], cwd=tmp_path)
    assert done.code == 0, done.err
    assert done.out.splitlines()[0].endswith("/echo")


def test_the_plan_with_websockets_runs(tmp_path: Path) -> None:
    """Every step of it is a series, none fails, and the books equal the server's."""
    blocks = re.findall(
        r"^```yaml\n(.*?)^```$", (DOCS / "plan.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    (text,) = [block for block in blocks if "- websocket:" in block and block.startswith("base_url")]
    (tmp_path / "plan.yaml").write_text(text, encoding="utf-8")
    with WebSocketServer() as server:
        done = loadworthy(
            "run", "plan.yaml", "--set", "scenarios.chat.users=2", "--set", "scenarios.chat.iterations=6",
            cwd=tmp_path, environ={"BASE_URL": server.http_url},
        )  # fmt: skip
        stats = server.settled()
    scenario = summary_of(only_run(tmp_path))["scenarios"]["chat"]
    counts = {name: series["requests"] for name, series in scenario["series"].items() if not series.get("part")}
    assert scenario["failures"] == 0, done.out + done.err
    assert counts == {
        "GET /login": 6, "connect /rpc": 6, "message ask": 6, "ping /rpc": 6, "close /rpc 1000": 6, "connect /push": 6,
        "push news": 18, "close /push 1000": 6, "connect /sink": 6, "stream voice": 60, "close /sink 1000": 6,
    }  # fmt: skip
    assert (stats.connections, stats.texts, stats.binaries, stats.pings) == (18, 12, 60, 6)
    assert stats.close_codes == {1000: 18}
