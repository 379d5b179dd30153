"""``loadworthy init`` writes a plan, users and a CI job from few answers; what it writes runs at once."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.support.cli import loadworthy, only_run, summary_of
from tests.support.compared import command_line

from loadworthy.cli import init_service
from loadworthy.cli.init_files import (
    CI_CHOICES,
    GITHUB_FILE,
    GITLAB_FILE,
    Answers,
    checked_ci,
    checked_p95,
    checked_path,
    checked_url,
    rendered,
    with_ignored,
)
from loadworthy.plan.load import load_plan
from loadworthy.testing.counting import CountingServer
from loadworthy.testing.routes import Route

NOBODY = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _files() -> set[str]:
    return {str(path) for path in Path().rglob("*") if path.is_file()}


def test_it_asks_nothing_where_nobody_answers(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal it takes the defaults, says what it wrote, and what to do next."""
    assert command_line("init", "tests", "--url", NOBODY) == 0
    told = capsys.readouterr().out
    names = {"plan.yaml", "users.py", ".github/workflows/performance.yml", ".gitignore"}
    assert _files() == {f"tests/{name}" for name in names}
    assert "wrote in tests: plan.yaml, users.py, .github/workflows/performance.yml, .gitignore" in told
    assert f"Nothing listens at {NOBODY} yet" in told
    assert "  cd tests\n  loadworthy run plan.yaml --scenario smoke\n  loadworthy run plan.yaml\n" in told
    assert Path("tests/.gitignore").read_text() == "runs/\n"
    plan = load_plan(Path("tests/plan.yaml"), environ={}).plan
    assert plan.base_url == NOBODY
    assert list(plan.scenarios) == ["smoke", "load"]
    assert plan.scenarios["load"].thresholds == ("p95 < 500ms", "error_rate < 1%")
    assert load_plan(Path("tests/plan.yaml"), environ={"BASE_URL": "http://h"}).plan.base_url == "http://h"


def test_what_it_writes_runs_at_once(tmp_path: Path) -> None:
    """Both scenarios, by the users that it wrote, with two paths and no words more."""
    with CountingServer() as server:
        paths = ("--path", "/a", "--path", "/b?c=1")
        assert command_line("init", "--url", server.url, *paths, "--p95", "60s", "--ci", "none") == 0
        quicker = ("--set", "scenarios.load.iterations=150", "--set", "scenarios.load.wait_time=1ms")
        done = loadworthy("run", "plan.yaml", *quicker, "--set", "reporting.formats=[]", cwd=tmp_path)
        targets = {exchange.target for exchange in server.log()}
    assert done.code == 0, done.out + done.err
    assert targets - {"/openapi.json"} == {"/a", "/b?c=1"}
    assert not Path(".github").exists()
    scenarios = summary_of(only_run(tmp_path))["scenarios"]
    assert [scenarios[name]["requests"] for name in ("smoke", "load")] == [5, 150]


def test_what_is_there_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    """Unless ``--force`` is given; ``.gitignore`` is only added to, once."""
    Path("plan.yaml").write_text("mine")
    Path(".gitignore").write_text("*.pyc")
    assert command_line("init", "--url", NOBODY, "--ci", "gitlab") == 0
    assert "kept as they are: plan.yaml (--force writes over them)" in capsys.readouterr().out
    assert Path("plan.yaml").read_text() == "mine"
    assert Path(".gitignore").read_text() == "*.pyc\nruns/\n"
    assert Path(".gitlab-ci.yml").read_text() == "include:\n  - local: performance.gitlab-ci.yml\n"
    assert command_line("init", "--url", NOBODY, "--ci", "gitlab", "--force") == 0
    assert "scenarios:" in Path("plan.yaml").read_text()
    assert Path(".gitignore").read_text() == "*.pyc\nruns/\n"


def test_the_ci_is_that_of_the_folder(capsys: pytest.CaptureFixture[str]) -> None:
    """GitLab where it is used already; what is in its file stays, and what to add is said."""
    Path(".gitlab-ci.yml").write_text("stages: [test]\n")
    assert command_line("init", "--url", NOBODY) == 0
    assert "Add to .gitlab-ci.yml:\n  include:\n    - local: performance.gitlab-ci.yml" in capsys.readouterr().out
    assert Path(".gitlab-ci.yml").read_text() == "stages: [test]\n"
    Path("sub/.git").mkdir(parents=True)
    Path("sub/.git/config").write_text('[remote "origin"]\n\turl = git@gitlab.com:x/y.git\n')
    assert command_line("init", "sub", "--url", NOBODY) == 0
    assert Path("sub/performance.gitlab-ci.yml").exists()
    Path("root/.git").mkdir(parents=True)
    assert command_line("init", "root/load", "--url", NOBODY) == 0
    assert "root/load is not the root of its repository" in capsys.readouterr().out


def _answering(monkeypatch: pytest.MonkeyPatch, answers: list[str]) -> list[str]:
    """A terminal whose user gives these answers, then leaves; what was asked."""
    asked: list[str] = []

    def answer(question: str = "") -> str:
        asked.append(question)
        if not answers:
            raise EOFError
        return answers.pop(0)

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(builtins, "input", answer)
    return asked


def test_it_asks_four_questions_at_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each with its default in brackets, again after what is no answer; none where it was given, or with ``--yes``."""
    asked = _answering(monkeypatch, ["shop", "http://shop.example/v1/", "", "300", "200ms", "none"])
    assert command_line("init") == 0
    assert asked == [
        "Base URL of the service [http://localhost:8000]: ",
        "Base URL of the service [http://localhost:8000]: ",
        "A path that answers [/health]: ",
        "95 % of requests shall be quicker than [500ms]: ",
        "95 % of requests shall be quicker than [500ms]: ",
        "CI (github, gitlab, none) [github]: ",
    ]
    assert "write a URL like" in capsys.readouterr().out
    plan = load_plan(Path("plan.yaml"), environ={}).plan
    assert plan.base_url == "http://shop.example/v1"
    assert plan.scenarios["load"].thresholds[0] == "p95 < 200ms"
    assert plan.scenarios["smoke"].endpoints[0].path == "/health"

    asked = _answering(monkeypatch, [])
    assert command_line("init", "gone", "--url", NOBODY, "--p95", "1s") == 2  # the user leaves at the first question
    assert len(asked) == 1
    assert not Path("gone").exists()
    asked = _answering(monkeypatch, [])
    assert command_line("init", "quiet", "--url", NOBODY, "--yes") == 0
    assert asked == []


def test_a_service_that_runs_is_looked_at(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The path to begin with is one that answers; where it describes itself, ``import`` is offered."""
    monkeypatch.setattr(init_service, "PROBE_S", 60.0)  # people do not wait so long; a busy machine may have to
    routes = (Route("/health", status=404), Route("/openapi.json", json={"openapi": "3.1.0"}), Route("*"))
    with CountingServer(routes) as server:
        url = server.url
        assert command_line("init", "--url", url) == 0
    told = capsys.readouterr().out
    assert load_plan(Path("plan.yaml"), environ={}).plan.scenarios["smoke"].endpoints[0].path == "/healthz"
    assert f"loadworthy import {url}/openapi.json --out api.yaml" in told
    assert "Nothing listens" not in told


ITEMS = {
    "openapi": "3.1.0",
    "paths": {
        "/api/items/{id}": {"get": {}},
        "/api/orders": {"post": {}},
        "/api/me": {"get": {"security": [{"bearer": []}]}},
        "/api/find": {"get": {"parameters": [{"name": "q", "in": "query", "required": True}]}},
        "/api/gone": {"get": {}},
        "/api/items": {"get": {"parameters": [{"name": "page", "in": "query"}]}},
        "/api/odd": None,
    },
}


def test_a_service_without_a_front_page_begins_with_a_path_that_it_describes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that a GET without values may ask for and that answers, so that the plan runs at once."""
    monkeypatch.setattr(init_service, "PROBE_S", 60.0)
    routes = (Route("/openapi.json", json=ITEMS), Route("/api/items", json=[]), Route("*", status=404))
    with CountingServer(routes) as server:
        assert command_line("init", "--url", server.url) == 0
        asked = {exchange.target for exchange in server.log()}
    assert load_plan(Path("plan.yaml"), environ={}).plan.scenarios["smoke"].endpoints[0].path == "/api/items"
    assert asked == {"/openapi.json", "/health", "/healthz", "/", "/api/gone", "/api/items"}
    assert "fail as they are" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "document", ["text", [], {"openapi": "3.1.0", "paths": []}, {"openapi": 3, "paths": {"/x": {"get": 7}}}]
)
def test_a_path_that_does_not_answer_is_told(
    document: object, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first run would fail for it, and look as if the service did; whatever it says of itself."""
    monkeypatch.setattr(init_service, "PROBE_S", 60.0)
    routes = (Route("/openapi.json", json=document), Route("/moved", status=302), Route("*", status=404))
    with CountingServer(routes) as server:
        url = server.url
        assert command_line("init", "--url", url) == 0
        first = capsys.readouterr().out
        assert command_line("init", "sub", "--url", url, "--path", "/a", "--path", "/b", "--path", "/moved") == 0
    assert "GET / is answered with status 404, so the tests fail as they are. Name a path that answers:" in first
    assert f"  loadworthy init --url {url} --path /PATH --force\n" in first
    told = capsys.readouterr().out
    assert "GET /a is answered with status 404, and GET /b is answered with status 404, so the tests fail" in told
    assert f"  loadworthy init sub --url {url} --path /PATH --force\n" in told


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--url", "shop"], "--url shop: write a URL"),
        (["--url", "http://u:p@h"], "leave out user and password"),
        (["--url", "http://h:99999"], "port"),
        (["--url", "http://h/${X}"], "write a URL"),
        (["--path", "health"], "--path health: write a path"),
        (["--path", "/{{ x }}"], "write a path"),
        (["--p95", "fast"], "--p95 fast"),
        (["--p95", "0"], "write a time"),
        (["file"], "is a file"),
        (["file/x"], "cannot write into"),
    ],
)
def test_mistakes_are_answered_in_words(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With exit code 2, and nothing written."""
    Path("file").touch()
    url = [] if "--url" in words else ["--url", NOBODY]
    assert command_line("init", *words, *url) == 2
    assert sentence in capsys.readouterr().err
    assert _files() == {"file"}


@pytest.mark.parametrize("check", [checked_url, checked_path, checked_p95, checked_ci])
@pytest.mark.parametrize(
    "text",
    ["", "\n", "x\x00", "${A}", "http://a\nb", "/a\nb: c", '/"', "/'", "/\\", "/a #b", "@@URL@@", "/a:", "http://h/a:"],
)
def test_nothing_that_could_be_more_than_an_answer_gets_into_files(check: Callable[[str], str], text: str) -> None:
    """Answers are put into YAML and Python as they stand."""
    with pytest.raises(ValueError, match=r"write|duration|leave out"):
        check(text)


@given(st.from_regex(r"/[!-~]{0,12}", fullmatch=True), st.sampled_from(CI_CHOICES))
def test_what_is_accepted_stands_in_the_files_as_it_was_given(text: str, ci: str) -> None:
    """YAML and Python read it back, whatever its characters mean to them."""
    try:
        path, url = checked_path(text), checked_url(f"http://h{text}")
    except ValueError:
        return
    made = rendered(Answers(url, (path,), "1s", ci))
    plan = yaml.safe_load(made["plan.yaml"])
    assert plan["base_url"] == f"${{BASE_URL:-{url}}}"
    assert plan["scenarios"]["smoke"]["endpoints"] == [{"path": path}]
    compile(made["users.py"], "users.py", "exec")
    assert f'"{path}"' in made["users.py"]
    for name, at in ((GITHUB_FILE, ()), (GITLAB_FILE, ("performance",))):
        if name in made:
            whole = yaml.safe_load(made[name])
            job = whole[at[0]]["variables"] if at else whole["env"]
            assert job["BASE_URL"] == url


@pytest.mark.parametrize("ci", CI_CHOICES)
def test_no_mark_is_left(ci: str) -> None:
    """All places of the templates are filled in."""
    texts = rendered(Answers("http://h", ("/a",), "1s", ci)).values()
    assert not any("@@" in text for text in texts)


@pytest.mark.parametrize("text", ["runs\n", "/runs/\n", "a\nruns/"])
def test_run_directories_are_left_out_once(text: str) -> None:
    """However it is written."""
    assert with_ignored(text) is None
