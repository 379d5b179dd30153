"""Locust's own page beside ours: it works, it starts nothing by itself, and nothing of it is open to others."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from locust.env import Environment
from locust.user import User
from locust.web import WebUI
from tests.page.test_routes import PLAN, Noted
from werkzeug.test import Client, TestResponse

from loadworthy.engine.locust_bridge import parsed_options
from loadworthy.errors import SetupError, UsageError
from loadworthy.page.guard import Guard
from loadworthy.page.locust_ui import app_of, page_of_run, tame
from loadworthy.page.routes import page_blueprint
from loadworthy.page.server import PageServer, address_of, needs_token
from loadworthy.page.stream import Stream
from loadworthy.page.two_pages import TwoPages
from loadworthy.page.view import view_of
from loadworthy.report.live_feed import LiveFeed

HERE = {"Host": "localhost:8089"}
TOKEN = "the-token"


class Someone(User):
    """A user class, so that Locust has one to show."""

    host = "http://127.0.0.1:9"


class Started:
    """Notes what Locust's buttons do."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.is_busy = False

    def start(self, _wishes: Mapping[str, str]) -> str:
        """Begin a run."""
        if self.is_busy:
            raise UsageError("a run is under way")
        self.asked.append("start")
        return ""

    def stop(self) -> str:
        """End it."""
        self.asked.append("stop")
        return ""


@pytest.fixture
def environment() -> Iterator[Environment]:
    """Locust's, with a runner and a user class."""
    made = Environment(user_classes=[Someone], host="http://127.0.0.1:9", parsed_options=parsed_options(()))
    runner = made.create_local_runner()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "start", lambda *_args, **_kwargs: pytest.fail("Locust's own runner was started"))
        yield made
    runner.quit()


@pytest.fixture
def started() -> Started:
    """What Locust's buttons did."""
    return Started()


@pytest.fixture
def app(environment: Environment, started: Started) -> Flask:
    """Locust's page of a run."""
    return page_of_run(environment, started.start, started.stop)


def pages_of(app: Flask | None) -> TwoPages:
    """Both pages."""
    pages = TwoPages()
    pages.add(page_blueprint(view_of(PLAN, ["load"], "x"), Stream(LiveFeed(PLAN)), Noted()))
    if app is not None:
        pages.show(app)
    return pages


def routes(app: Flask) -> list[tuple[str, str]]:
    """(method, path) of all that an application answers."""
    found = []
    for rule in app.url_map.iter_rules():
        path = rule.rule.replace("<path:path>", "x").replace("<path:filename>", "x").replace("<name>", "x")
        found += [(method, path.replace("<path:name>", "x")) for method in sorted(rule.methods or ())]
    return found


def ask(inner: Any, method: str, path: str, token: str | None = None, **headers: str) -> TestResponse:
    """Through the guard."""
    return Client(Guard(inner, token)).open(path, method=method, headers={**HERE, **headers})


def test_all_routes_need_the_token(app: Flask) -> None:
    """Every address that either page has, by every method: 401, and not a word of what is inside."""
    pages = pages_of(app)
    known = [*routes(app), *routes(pages._own)]
    assert {("POST", "/swarm"), ("GET", "/assets/x"), ("GET", "/loadworthy/events"), ("GET", "/stats/requests")} <= set(
        known
    )
    for method, path in [*known, ("GET", "/nowhere"), ("POST", "/nowhere")]:
        answer = ask(pages, method, path, TOKEN)
        assert answer.status_code == 401, (method, path)
        assert answer.headers.get("Content-Security-Policy"), (method, path)


def test_no_route_lets_another_site_read(app: Flask) -> None:
    """Whatever Locust's page allows by itself: no ``Access-Control`` header leaves, for requests ahead neither."""
    pages = pages_of(app)
    for method, path in routes(app):
        if path in ("/swarm", "/stop", "/stats/reset"):
            continue
        answer = ask(
            pages, method, path, **{"Origin": "http://localhost:8089", "Access-Control-Request-Method": "POST"}
        )
        assert not [name for name, _ in answer.headers if name.lower().startswith("access-control")], (method, path)
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"], (method, path)


def test_another_site_cannot_press_its_buttons(app: Flask, started: Started) -> None:
    """Start and Stop of Locust's page are refused to the pages of others."""
    for path in ("/swarm", "/stop", "/stats/reset", "/user"):
        assert ask(app, "POST", path, Origin="http://evil.example").status_code == 403
        assert ask(app, "POST", path, **{"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert started.asked == []


def test_its_buttons_do_what_ours_do(app: Flask, started: Started) -> None:
    """Start begins a run of the plan, Stop ends it; Locust's runner is never asked."""
    assert (ask(app, "POST", "/swarm").json or {})["success"] is True
    assert (ask(app, "POST", "/stop").json or {})["success"] is True
    assert started.asked == ["start", "stop"]
    started.is_busy = True
    answer = ask(app, "POST", "/swarm").json or {}
    assert (answer["success"], answer["message"]) == (False, "a run is under way")


def test_user_classes_are_the_plans(app: Flask) -> None:
    """Locust's page would change them while they run."""
    assert ask(app, "POST", "/user").status_code == 403


def test_its_page_is_made_without_reading_our_command_line(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Locust would end the process over options that are not its own."""
    monkeypatch.setattr("sys.argv", ["loadworthy", "run", "plan.yaml", "--ui"])
    page = ask(app, "GET", "/")
    text = page.get_data(as_text=True)
    assert page.status_code == 200
    assert 'href="./loadworthy/"' in text
    policy = page.headers["Content-Security-Policy"]
    script_src = next(part for part in policy.split("; ") if part.startswith("script-src"))
    assert "'sha256-" in script_src
    assert "unsafe" not in script_src


def test_errors_tell_nothing_of_the_inside(app: Flask) -> None:
    """No debugging, and no traceback for whoever asks."""

    def breaks() -> str:
        raise ZeroDivisionError

    assert app.debug is False
    app.view_functions["locust.index"] = breaks
    answer = ask(app, "GET", "/")
    assert answer.status_code == 500
    assert b"Traceback" not in answer.data


def test_a_report_of_locust_may_run_its_own_scripts(app: Flask) -> None:
    """By their hashes: what is in the page, and nothing that came into it."""
    answer = ask(app, "GET", "/stats/report")
    assert answer.status_code == 200
    assert answer.headers["Content-Security-Policy"].count("'sha256-") >= 1


def test_commands_are_short() -> None:
    """Nobody fills the memory with one."""
    pages = pages_of(None)
    form, own = {"factor": "1" * 100_000}, {**HERE, "X-Loadworthy": "1"}
    assert Client(Guard(pages, None)).post("/loadworthy/load", data=form, headers=own).status_code == 413


def test_before_the_first_run_all_ways_lead_to_our_page() -> None:
    """There is no page of Locust's yet."""
    pages = pages_of(None)
    answer = ask(pages, "GET", "/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/loadworthy/")
    assert ask(pages, "GET", "/loadworthy/").status_code == 200
    assert ask(pages, "GET", "/loadworthy").status_code == 308


def test_taming_twice_links_once(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is said twice on a page."""
    monkeypatch.setattr("sys.argv", ["locust"])
    app = app_of(WebUI(environment, "", 0, delayed_start=True))
    tame(app)
    tame(app)
    assert ask(app, "GET", "/").get_data(as_text=True).count("./loadworthy/") == 1


def test_a_port_in_use_is_told_before_anything_runs(tmp_path: Path) -> None:
    """With the remedy."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SetupError, match=rf"port {port} on 127\.0\.0\.1 is in use; .* --ui-port {port + 1}"):
            PageServer("127.0.0.1", port, lambda *_: [])
    with pytest.raises(SetupError, match=r"cannot listen on 203\.0\.113\.7"):
        PageServer("203.0.113.7", 0, lambda *_: [])


@pytest.mark.parametrize(
    ("host", "token", "address"),
    [
        ("127.0.0.1", None, "http://127.0.0.1:8089/loadworthy/"),
        ("::1", None, "http://[::1]:8089/loadworthy/"),
        ("10.0.0.5", "t", "http://10.0.0.5:8089/loadworthy/?token=t"),
        ("0.0.0.0", "t", f"http://{socket.gethostname()}:8089/loadworthy/?token=t"),
    ],
)
def test_the_address_that_is_printed(host: str, token: str | None, address: str) -> None:
    """It is one that a browser can open, with the token where one is needed."""
    assert needs_token(host) is (token is not None)
    assert address_of(host, 8089, "/loadworthy/", token) == address
