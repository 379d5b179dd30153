"""``loadworthy import`` finds out what a source is, writes a plan that loads, and says what it did not carry over."""

from __future__ import annotations

import io
import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from tests.support.cli import loadworthy, only_run, summary_of
from tests.support.compared import command_line

from loadworthy.importers.imported import Imported, ImportOptions, Note
from loadworthy.testing.counting import CountingServer

USERS = """
from locust import task
from loadworthy.users import HttpUser

class Visitor(HttpUser):
    @task
    def look(self):
        self.client.get("/items")
"""
CONFIG = {
    "api": {"base_url": "http://localhost:5000"},
    "admin": {"login_path": "/in", "username": "root", "password": "pw-of-root"},
    "test_scenarios": {"admin": {"concurrent_users": 1, "duration_seconds": 1, "endpoints": ["/admin/\x1b[31m"]}},
}
DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Shop", "version": "1"},
    "paths": {"/items": {"get": {"responses": {"200": {"description": "ok"}}}}},
}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def service() -> Iterator[str]:
    """A service that describes itself at ``/openapi.json``, and answers 404 elsewhere."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/openapi.json"
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(json.dumps(DOCUMENT).encode() if found else b"")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def _plan(path: str = "plan.yaml") -> dict[str, object]:
    loaded: dict[str, object] = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    return loaded


def test_a_locustfile_is_imported_and_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the configuration beside it; the plan may stand elsewhere, and its users are found from there."""
    with CountingServer() as server:
        Path("users.py").write_text(USERS)
        Path("locust.conf").write_text(f"host = {server.url}\nusers = 2\nspawn-rate = 100\nexpect-workers = 3\n")
        assert command_line("import", "users.py", "--out", "tests/load.yaml", "--scenario", "shop") == 0
        told = capsys.readouterr()
        done = loadworthy("run", "tests/load.yaml", "--set", "scenarios.shop.iterations=40", cwd=tmp_path)
        targets = {exchange.target for exchange in server.log()}
    assert "tests/load.yaml: users of ../users.py in 1 scenario, from Locust: users.py (Visitor)" in told.out
    assert "locust.conf: --expect-workers 3" in told.out
    assert told.out.endswith("Next:\n  loadworthy run tests/load.yaml\n")
    assert told.err == ""
    assert done.code == 0, done.out + done.err
    assert targets == {"/items"}
    assert summary_of(only_run(tmp_path))["scenarios"]["shop"]["requests"] == 40


def test_what_it_needs_and_lacks_is_said_and_stands_in_the_plan(capsys: pytest.CaptureFixture[str]) -> None:
    """Variables, notes, next commands; secrets nowhere, and no control characters of the source on the terminal."""
    Path("config.json").write_text(json.dumps(CONFIG | {"\x1b]0;title\x07": 1}))
    assert command_line("import", "config.json", "--url", "http://localhost:1", "--out", "k.yaml") == 0
    told = capsys.readouterr().out
    text = Path("k.yaml").read_text(encoding="utf-8")
    assert "k.yaml: 2 requests in 1 scenario, from config.json: admin" in told
    assert "  ADMIN_USERNAME  admin: who logs in\n  ADMIN_PASSWORD  admin: the password\n" in told
    assert "export ADMIN_PASSWORD=…\n  loadworthy run k.yaml\n" in told
    assert "access_token" in told
    for shown in (told, text):
        assert "pw-of-root" not in shown
        assert "\x1b" not in shown
    assert _plan("k.yaml")["base_url"] == "http://localhost:1"


def test_from_a_pipe_to_a_pipe(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """``-`` reads standard input; with ``--out -`` the plan alone is on standard output."""
    Path("users.py").write_text(USERS)
    command = b"locust -f users.py Visitor --host http://localhost:8000 -u 20 -r 3 -t 600s --headless --html=r.html\n"
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(command)))
    assert command_line("import", "-", "--out", "-") == 0
    told = capsys.readouterr()
    assert yaml.safe_load(told.out)["scenarios"] == {
        "load": {"locustfile": "users.py", "user_classes": ["Visitor"], "users": 20, "spawn_rate": 3, "run_time": "10m"}
    }
    assert "--html r.html" in told.err
    assert "is not there" not in told.err
    assert not Path("plan.yaml").exists()


def test_nothing_is_written_over_unless_forced(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither the plan nor a file beside it; and all of it or nothing."""
    Path("users.py").write_text(USERS)
    Path("plan.yaml").write_text("mine")
    assert command_line("import", "users.py") == 2
    assert "plan.yaml is there already" in capsys.readouterr().err
    assert Path("plan.yaml").read_text() == "mine"
    assert command_line("import", "users.py", "--force") == 0
    assert "scenarios" in _plan()


def test_a_service_on_this_machine_describes_itself(service: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A document that names no server is for the one that it came from; other answers are told."""
    assert command_line("import", f"{service}/openapi.json") == 0
    assert service in str(_plan()["base_url"])
    assert "1 request in 1 scenario" in capsys.readouterr().out
    assert command_line("import", f"{service.replace('//', '//bob:pw-4711@')}/openapi.json", "--force") == 0
    assert service in str(_plan()["base_url"])
    assert "pw-4711" not in Path("plan.yaml").read_text()
    assert command_line("import", f"{service}/docs", "--force") == 2
    assert "answered with status 404" in capsys.readouterr().err


def test_the_schema_beside_the_plan_is_named_in_it() -> None:
    """And only then."""
    Path("users.py").write_text(USERS)
    assert command_line("import", "users.py") == 0
    assert command_line("schema", "--out", "plan.schema.json") == 0
    first = Path("plan.yaml").read_text().splitlines()[0]
    assert command_line("import", "users.py", "--force") == 0
    assert first.startswith("# Made by")
    assert Path("plan.yaml").read_text().startswith("# yaml-language-server: $schema=plan.schema.json\n# Made by")


def _made(monkeypatch: pytest.MonkeyPatch, imported: Imported) -> None:
    """Let the importer make this."""

    def importer(_key: str) -> object:
        def make(_text: str, _options: ImportOptions) -> Imported:
            return imported

        return make

    monkeypatch.setattr("loadworthy.importers.formats.importer", importer)
    Path("x.json").write_text("{}")


_GOOD = {"base_url": "http://localhost:1", "scenarios": {"load": {"endpoints": [{"path": "/"}]}}}


@pytest.mark.parametrize("name", ["../out.csv", "/tmp/out.csv", "a/../../out.csv", "", "a\nb.csv", "..", "a\\b"])
def test_files_stay_beside_the_plan(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A name may come from the source."""
    _made(monkeypatch, Imported(_GOOD, "a test", files={name: "x"}))
    assert command_line("import", "x.json", "--from", "har") == 2
    assert "nothing is written" in capsys.readouterr().err
    assert sorted(path.name for path in Path().iterdir()) == ["x.json"]


def test_files_do_not_follow_links_out_of_the_folder(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder that is a link is not written through."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    Path("data").symlink_to(elsewhere)
    _made(monkeypatch, Imported(_GOOD, "a test", files={"data/ids.csv": "id\n1\n"}))
    assert command_line("import", "x.json", "--from", "har") == 2
    assert "leads out of" in capsys.readouterr().err
    assert not list(elsewhere.iterdir())


def test_files_and_many_notes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Files are written beside the plan; of many notes the terminal shows some, the plan all."""
    plan = _GOOD | {"test_data": {"ids": {"file": "data/ids.csv"}}}
    notes = tuple(Note(f"entry {number}", "is left out") for number in range(100))
    _made(monkeypatch, Imported(plan, "a test", notes, files={"data/ids.csv": "id\n1\n"}))
    assert command_line("import", "x.json", "--from", "har", "--out", "new/plan.yaml") == 0
    told = capsys.readouterr().out
    assert "beside it: data/ids.csv" in told
    assert "(100)" in told
    assert "entry 0, entry 1, entry 2 and 97 more: is left out" in told
    assert Path("new/data/ids.csv").read_text() == "id\n1\n"
    head = Path("new/plan.yaml").read_text()
    assert all(f"entry {number}" in head for number in range(100))


def test_a_plan_that_does_not_load_is_our_mistake(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said to be ours, with what is wrong; nothing is written."""
    _made(monkeypatch, Imported({"scenarios": {"load": {"usres": 3}}}, "a test"))
    assert command_line("import", "x.json", "--from", "har") == 2
    told = capsys.readouterr().err
    assert "a mistake in Loadworthy; please report it" in told
    assert "plan.yaml:3: scenarios.load.usres" in told.replace("plan.yaml:4", "plan.yaml:3")
    assert not Path("plan.yaml").exists()


def test_a_value_that_reads_as_another_is_our_mistake(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is written is read again before it is kept."""
    plan = {**_GOOD, "scenarios": {"load": {"endpoints": [{"path": "/", "query": {"zip": "08544"}}]}}}
    _made(monkeypatch, Imported(plan, "a test"))
    monkeypatch.setattr(
        "loadworthy.importers.emit.plan_yaml",
        lambda imported: yaml.safe_dump(imported.plan).replace("'08544'", "8544"),
    )
    assert command_line("import", "x.json", "--from", "har") == 2
    assert "reads as another" in capsys.readouterr().err
    assert not Path("plan.yaml").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["gone.json"], "gone.json cannot be read"),
        (["."], "is a folder"),
        (["binary.har"], "not UTF-8 text, in line 2"),
        (["text.txt"], "it begins with hello"),
        (["text.txt", "--from", "soap"], "invalid choice"),
        (["https://shop.example.com/openapi.json"], "curl --fail --output source.json https://shop"),
        (["http://localhost:1/openapi.json"], "does not answer"),
        (["http://localhost:99999/x"], "no URL"),
        (["users.py", "--url", "localhost:8000"], "--url localhost:8000"),
        (["users.py", "--login", "login"], "--login"),
        (["users.py", "--scenario", "a/b"], "--scenario"),
        (["users.py", "--out", "plan.json"], "ends in .yaml"),
        (["users.py", "--out", "text.txt/plan.yaml"], "cannot write"),
    ],
)
def test_mistakes_are_answered_in_words(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With exit code 2, and nothing written."""
    Path("binary.har").write_bytes(b"\n\xff\xfe")
    Path("text.txt").write_text("hello\n")
    Path("users.py").write_text(USERS)
    try:
        code = command_line("import", *words)
    except SystemExit as error:  # argparse
        code = int(error.code or 0)
    told = capsys.readouterr().err
    assert code == 2
    assert sentence in told
    assert "Traceback" not in told
    assert not Path("plan.yaml").exists()


def test_a_password_in_the_base_url_is_asked_of_the_environment(capsys: pytest.CaptureFixture[str]) -> None:
    """It is neither in the plan nor told, and the plan can be read without it."""
    Path("shop.json").write_text(json.dumps(DOCUMENT), encoding="utf-8")
    assert command_line("import", "shop.json", "--url", "http://bob:open-sesame@127.0.0.1:9") == 0
    assert "base_url: http://bob:${BASE_URL_PASSWORD}@127.0.0.1:9" in Path("plan.yaml").read_text(encoding="utf-8")
    told = capsys.readouterr()
    assert "BASE_URL_PASSWORD" in told.out
    assert "open-sesame" not in told.out + told.err + Path("plan.yaml").read_text(encoding="utf-8")
