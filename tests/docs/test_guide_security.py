"""docs/security.md: what it says of secrets, files and excerpts is what happens; the numbers are those of the code."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.support.cli import files_of
from tests.support.guide import blocks_of, text_of
from tests.support.recipes import RecipeServer

from loadworthy import api
from loadworthy.cli.init_files import Answers, rendered
from loadworthy.cli.main import _dispatch
from loadworthy.plan.load import plan_from_mapping
from loadworthy.plan.model import Plan
from loadworthy.plan.redact import MIN_SECRET_CHARACTERS
from loadworthy.plan.thresholds import parse_threshold
from loadworthy.users.http.samples import EXCERPT_CHARACTERS

TEXT = " ".join(text_of("security").split())
SECRET = "very-open-sesame"


@pytest.fixture(scope="module")
def server() -> Iterator[RecipeServer]:
    """The target."""
    with RecipeServer() as running:
        yield running


def test_what_comes_from_the_environment_is_sent_and_nowhere_written(server: RecipeServer, tmp_path: Path) -> None:
    """Neither in a header, a body or a path, nor where the target sends it back; literal passwords neither."""
    plan = {
        "base_url": server.url,
        "scenarios": {
            "load": {
                "users": 1,
                "iterations": 20,
                "headers": {"X-Api-Key": "${API_KEY}"},
                "endpoints": [
                    {"path": "/status/400", "method": "POST", "json": {"password": "literal-sesame"}},
                    {"path": "/items/${API_KEY}", "expect": {"text": "not there"}},
                ],
            }
        },
    }
    result = api.run(plan, out=tmp_path, view=False, closing=False, environ={"API_KEY": SECRET})
    assert result.summary.scenarios["load"].figures.failures == 20
    for name, content in files_of(result.path).items():
        assert SECRET.encode() not in content, name
        assert b"literal-sesame" not in content, name
    failures = [json.loads(line) for line in (result.path / "failures.jsonl").read_text(encoding="utf-8").splitlines()]
    assert '{"path": "/items/***"}' in [failure["excerpt"] for failure in failures]


def test_files_of_credentials_are_for_their_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """0600."""
    monkeypatch.chdir(tmp_path)
    fields = {"user": "user_name", "password": "password"}
    plan = {
        "test_data": {"accounts": {"generate": {"count": 2, "fields": fields}}},
        "scenarios": {"load": {"endpoints": [{"path": "http://127.0.0.1/{{ accounts.user }}"}]}},
    }
    Path("plan.yaml").write_text(yaml.safe_dump(plan), encoding="utf-8")
    assert _dispatch(["data", "generate", "plan.yaml", "--with-credentials"]) == 0
    assert (tmp_path / "test-data" / "accounts.csv").stat().st_mode & 0o777 == 0o600
    assert "writes files that only you can read (0600)" in TEXT


def test_its_numbers_are_those_of_the_code() -> None:
    """Of an excerpt, of a secret, of the rate that is to be confirmed."""
    assert f"({EXCERPT_CHARACTERS} characters, a bounded number)" in TEXT
    assert f"secrets shorter than {['zero', 'one', 'two', 'three', 'four'][MIN_SECRET_CHARACTERS]} characters" in TEXT
    assert f"`confirm_above` ({Plan.model_fields['confirm_above'].default:,.0f} requests a second)" in TEXT


def test_its_examples_are_a_plan_and_thresholds() -> None:
    """As they stand."""
    plan, thresholds = [yaml.safe_load(block.text) for block in blocks_of("security") if block.language == "yaml"]
    assert plan_from_mapping(plan, path=Path("plan.yaml"), environ={}).plan.allowed_hosts == ("*.test.example.com",)
    assert [parse_threshold(one).abort for one in thresholds["thresholds"]] == [False, True]


def test_the_workflow_is_as_careful_as_it_says() -> None:
    """Code of strangers sees no secrets; the token may read, and write comments."""
    text = rendered(Answers("http://127.0.0.1:8000", ("/",), "500ms", "github"))[".github/workflows/performance.yml"]
    data = yaml.safe_load(text)
    assert set(data["on" if "on" in data else True]) == {"pull_request", "push", "workflow_dispatch"}
    assert data["permissions"] == {"contents": "read"}
    assert [job["permissions"] for job in data["jobs"].values()] == [{"contents": "read", "pull-requests": "write"}]
    assert not re.search(r"secrets\.(?!GITHUB_TOKEN)", text)
