"""The addresses of the page, without a server: what they answer, and what they ask of whoever leads runs."""

from __future__ import annotations

import gzip
import io
import json
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from tests.page.test_downloads import run_directory

from loadworthy.errors import UsageError
from loadworthy.page.routes import page_blueprint
from loadworthy.page.stream import Stream
from loadworthy.page.view import StartForm, View, view_of
from loadworthy.plan.model import Plan
from loadworthy.report.live_feed import LiveFeed

HOSTILE = "</script><img src=x onerror=alert(1)>{{ 7*7 }}"
PLAN = Plan.model_validate(
    {
        "scenarios": {
            "load": {"users": 1, "description": HOSTILE, "thresholds": ["p95 < 1s"]},
            "find": {"kind": "capacity", "thresholds": ["p95 < 1s"]},
        }
    }
)


class Noted:
    """Controls that note what they are asked."""

    def __init__(self, directory: Path | None = None) -> None:
        self.asked: list[Any] = []
        self.directory = directory

    def start(self, wishes: Mapping[str, str]) -> str:
        """Note it."""
        self.asked.append(("start", dict(wishes)))
        return "begun"

    def stop(self) -> str:
        """Refuse it."""
        raise UsageError("no run is under way")

    def change_load(self, factor: float, scenario: str | None) -> str:
        """Note it."""
        self.asked.append((factor, scenario))
        return ""


@pytest.fixture(scope="module")
def view() -> View:
    """The page of the plan."""
    return view_of(PLAN, ["load", "find"], HOSTILE)


def client_of(view: View, controls: Noted, base_path: str = "") -> FlaskClient:
    """Asks the page."""
    app = Flask(__name__)
    app.register_blueprint(page_blueprint(view, Stream(LiveFeed(PLAN)), controls, base_path))
    return app.test_client()


def test_the_page_runs_no_script_of_its_own(view: View) -> None:
    """All scripts are files; no element has a handler; nothing of the plan is markup."""
    page = client_of(view, Noted()).get("/loadworthy/")
    text = page.get_data(as_text=True)
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert "script-src 'self';" in page.headers["Content-Security-Policy"]
    for attributes, content in re.findall(r"<script([^>]*)>(.*?)</script>", text, re.DOTALL):
        assert "src=" in attributes or 'type="application/json"' in attributes
        assert "<" not in content
    assert not re.search(r"<[^>]+ on[a-z]+=", text)
    assert not re.search(r"<[^>]+ style=", text)
    assert HOSTILE not in text
    assert "&lt;img src=x" in text


def test_all_that_the_page_names_is_there_for_ever(view: View) -> None:
    """Every file that it loads; browsers may keep it, for its name changes with its content."""
    client = client_of(view, Noted())
    names = re.findall(r'(?:src|href)="(static/[^"]+)"', client.get("/loadworthy/").get_data(as_text=True))
    assert len(names) == 7
    for name in names:
        plain, packed = (
            client.get(f"/loadworthy/{name}", headers={"Accept-Encoding": accepted})
            for accepted in ("identity", "gzip")
        )
        assert plain.status_code == packed.status_code == 200
        assert gzip.decompress(packed.data) == plain.data
        assert packed.headers["Content-Encoding"] == "gzip"
        assert "immutable" in plain.headers["Cache-Control"]
        assert plain.mimetype in ("text/javascript", "text/css")
    assert client.get("/loadworthy/static/nothing.js").status_code == 404


def test_the_page_has_what_each_scenario_needs(view: View) -> None:
    """A section for each, the trials where one is a search, and charts that are waiting for data."""
    text = view.page.decode()
    assert re.findall(r'data-scenario="(\w+)"', text) == ["load", "find"]
    assert 'id="s1-trials"' not in text
    assert 'id="s2-trials"' in text
    data = json.loads(re.search(r'id="page-data">(.*?)</script>', text, re.DOTALL)[1])  # type: ignore[index]
    keys = [figure["id"] for figure in data["groups"][1]["figures"]]
    assert keys[:2] == ["s2-trials", "s2-throughput"]
    assert all(figure["data"] == {} for group in data["groups"] for figure in group["figures"])
    assert text.count("<h1") == 1
    assert len(re.findall(r' id="([^"]+)"', text)) == len(set(re.findall(r' id="([^"]+)"', text)))


def test_under_plain_locust_start_asks_how_many() -> None:
    """Users, their rate, and the time that was given on the command line."""
    form = StartForm(users=12, spawn_rate=2.5, host='"><b>', run_time="60s")
    text = view_of(PLAN, ["load"], "x", form=form).page.decode()
    assert 'name="user_count"' in text
    assert 'value="12"' in text
    assert 'value="60s"' in text
    assert '"><b>' not in text


def test_commands_reach_whoever_leads(view: View) -> None:
    """With what the form said; a refusal is a sentence, and no success."""
    controls = Noted()
    client = client_of(view, controls)
    answer = client.post("/loadworthy/start", data={"user_count": "3"})
    assert (answer.status_code, answer.json) == (200, {"ok": True, "message": "begun"})
    client.post("/loadworthy/load", data={"factor": "1.5"})
    client.post("/loadworthy/load", data={"factor": "2", "scenario": "load"})
    assert controls.asked == [("start", {"user_count": "3"}), (1.5, None), (2.0, "load")]
    refused = client.post("/loadworthy/stop")
    assert (refused.status_code, refused.json) == (409, {"ok": False, "message": "no run is under way"})


@pytest.mark.parametrize("given", ["", "much", "1,5"])
def test_a_factor_is_a_number(view: View, given: str) -> None:
    """Else a sentence says so."""
    answer = client_of(view, Noted()).post("/loadworthy/load", data={"factor": given})
    assert answer.status_code == 409
    assert "is no number" in (answer.json or {})["message"]


@pytest.mark.parametrize("path", ["start", "stop", "load"])
def test_looking_changes_nothing(view: View, path: str) -> None:
    """Commands are not obeyed by GET."""
    controls = Noted()
    assert client_of(view, controls).get(f"/loadworthy/{path}").status_code == 405
    assert controls.asked == []


def test_files_are_handed_out(view: View, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To be kept, not to be run; and all of them in one archive. The directory is where the command was called."""
    run = run_directory(tmp_path)
    monkeypatch.chdir(tmp_path)
    client = client_of(view, Noted(run.relative_to(tmp_path)))
    one = client.get("/loadworthy/download/plots/a%20b.png")
    assert one.data == (run / "plots" / "a b.png").read_bytes()
    assert one.headers["Content-Disposition"].startswith("attachment")
    one.close()
    packed = client.get("/loadworthy/download/run.zip")
    assert packed.headers["Content-Disposition"] == "attachment; filename=one.zip"
    with zipfile.ZipFile(io.BytesIO(packed.data)) as found:
        assert "one/run.json" in found.namelist()


@pytest.mark.parametrize(
    "name",
    [
        "../../secret", "..%2f..%2fsecret", "link", "folder/secret", "/etc/passwd", "%2fetc%2fpasswd", "plots",
        ".run.json.7.tmp", "run.json/", "run.json%00", "", "plots/../run.json", "nothing",
    ],
)  # fmt: skip
def test_nothing_else_is(view: View, tmp_path: Path, name: str) -> None:
    """Whatever is asked for that is not the exact name of a file of the run."""
    client = client_of(view, Noted(run_directory(tmp_path)))
    answer = client.get(f"/loadworthy/download/{name}", follow_redirects=True)
    assert answer.status_code == 404
    assert b"secret" not in answer.data


def test_before_the_first_run_there_is_nothing_to_hand_out(view: View) -> None:
    """And nothing breaks."""
    client = client_of(view, Noted())
    for name in ("download/run.json", "download/run.zip", "report"):
        assert client.get(f"/loadworthy/{name}").status_code == 404


def test_the_report_is_shown_as_nobodys_page(view: View, tmp_path: Path) -> None:
    """With its own policy, and in a sandbox: what stands in it could not command this page."""
    run = run_directory(tmp_path)
    policy = "default-src 'none'; script-src 'sha256-abc='"
    said = policy.replace("'", "&#39;")
    (run / "report.html").write_text(f'<meta http-equiv="Content-Security-Policy" content="{said}">')
    shown = client_of(view, Noted(run)).get("/loadworthy/report")
    assert shown.headers["Content-Security-Policy"].startswith(policy)
    assert "sandbox allow-scripts" in shown.headers["Content-Security-Policy"]
    assert "allow-same-origin" not in shown.headers["Content-Security-Policy"]
    (run / "report.html").write_text("<p>no policy</p>")
    shown = client_of(view, Noted(run)).get("/loadworthy/report")
    assert shown.headers["Content-Security-Policy"].startswith("default-src 'none';")


def test_a_base_path_stands_before_all(view: View) -> None:
    """As Locust's own option for it."""
    client = client_of(view, Noted(), "/tests")
    assert client.get("/tests/loadworthy/").status_code == 200
    assert client.get("/loadworthy/").status_code == 404
