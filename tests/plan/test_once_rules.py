"""Mistakes in what a plan does once, undoes, and may load; and its secrets."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.plans import load_text, problems_of

from loadworthy.errors import PlanError
from loadworthy.plan.load import check_runnable, load_plan

A = "scenarios: {a: {endpoints: [{path: /}]}}\n"
ROWS = A + "test_data: {people: [{name: x}]}\n"
UNDO = "scenarios:\n  a:\n    flow:\n      - path: /\n        undo: "

TABLE = [
    (A + "setup: []", 2, "setup", "it is empty", "at least one"),
    (A + "setup: [{name: x}]", 2, "setup[0].path", "path is missing", ""),
    (A + "teardown: [{path: contacts}]", 2, "teardown[0].path", "is not a path or a URL", "did you mean /contacts?"),
    (A + "setup: [{websocket: {path: /x}}]", 2, "setup[0].websocket", "cannot be done once", "belong to users"),
    (A + "setup: [{path: /, weight: 2}]", 2, "setup[0].weight", '"weight"', ""),
    (A + "setup: [{path: /, for_each: persons}]", 2, "setup[0].for_each", '"persons"', "there are: none"),
    (ROWS + "setup: [{path: /, for_each: peple}]", 3, "setup[0].for_each", '"peple"', "did you mean people?"),
    (ROWS + "setup: [{path: '/{{ peopel.name }}'}]", 3, "setup[0].path", "uses peopel", "did you mean people?"),
    (A + "setup: [{path: /, extract: {uuid: $.id}}]", 2, "setup[0].extract.uuid", "templates have already", ""),
    (A + "teardown: [{path: /, undo: {path: /x}}]", 2, "teardown[0].undo", "what the teardown does stays done", ""),
    (UNDO + "{method: PUT}", 5, "scenarios.a.flow[0].undo.path", "path is missing", ""),
    (UNDO + "{path: x}", 5, "scenarios.a.flow[0].undo.path", "is not a path or a URL", "did you mean /x?"),
    (UNDO + "{path: '/{{ contact }}'}", 5, "scenarios.a.flow[0].undo.path", "uses contact", ""),
    (UNDO + "{path: '/{{ }'}", 5, "scenarios.a.flow[0].undo.path", "is not a template", ""),
    (UNDO + "{path: /, headers: {a b: c}}", 5, "scenarios.a.flow[0].undo.headers", "not the name of a header", ""),
    (
        "scenarios: {a: {flow: [{websocket: {path: /}}, {ping: {}, undo: {path: /}}]}}",
        1,
        "scenarios.a.flow[1]",
        "undo",
        "",
    ),
    (A + "allowed_hosts: ['http://x.example']", 2, "allowed_hosts[0]", "is not a host", "alone"),
    (A + "allowed_hosts: ['*']", 2, "allowed_hosts[0]", "is not a host", "*.test.example.com"),
    (A + "allowed_hosts: x", 2, "allowed_hosts", "is not a list", ""),
    (A + "confirm_above: 0", 2, "confirm_above", "too small", ""),
]


@pytest.mark.parametrize(("text", "line", "where", "message", "hint"), TABLE)
def test_each_mistake_is_told(tmp_path: Path, text: str, line: int, where: str, message: str, hint: str) -> None:
    """With its line, its place, what is wrong, and how to mend it."""
    problems = problems_of(tmp_path, text)
    found = next((one for one in problems if one.where.startswith(where)), None)
    assert found is not None, problems
    assert (found.line, message in found.message, hint in found.hint) == (line, True, True), found


def test_hosts_of_all_kinds_are_hosts(tmp_path: Path) -> None:
    """Names, addresses, and all that is below a name."""
    hosts = "[api, api.example.com, '*.example.com', 10.0.0.5, '[2001:db8::1]', '::1', my_host.local.]"
    assert len(load_text(tmp_path, A + f"allowed_hosts: {hosts}").plan.allowed_hosts or ()) == 7


def test_what_the_set_up_extracts_is_known_everywhere(tmp_path: Path) -> None:
    """In later steps, in the tear-down, in scenarios and their roles."""
    text = """
    setup: [{path: /login, extract: {token: $.t}}, {path: "/{{ token }}"}]
    teardown: [{path: "/{{ token }}"}]
    scenarios:
      a: {flow: [{path: "/{{ token }}"}]}
      b: {roles: {r: {endpoints: [{path: "/{{ token }}"}]}}}
    """
    assert load_text(tmp_path, text).plan.setup[0].extract == {"token": "$.t"}


def test_paths_without_a_base_url_cannot_be_run(tmp_path: Path) -> None:
    """Of the set-up, the tear-down, and what undoes, too."""
    text = """
    setup: [{path: /s}]
    teardown: [{path: http://h/ok}, {path: /t}]
    scenarios: {a: {flow: [{path: http://h/x, undo: {path: /u}}]}}
    """
    with pytest.raises(PlanError) as caught:
        check_runnable(load_text(tmp_path, text))
    assert [one.where for one in caught.value.problems] == [
        "setup[0].path",
        "teardown[1].path",
        "scenarios.a.flow[0].undo.path",
    ]


def test_their_secrets_are_masked(tmp_path: Path) -> None:
    """From the environment, or by their names, in the set-up and in what undoes."""
    path = tmp_path / "plan.yaml"
    path.write_text("""
base_url: http://h
setup:
  - {path: /login, method: POST, json: {user: ann, password: open-sesame}, headers: {X-Key: "${KEY}"}}
scenarios:
  a:
    flow: [{path: /, undo: {path: /x, headers: {Authorization: Bearer of-the-undo}}}]
""")
    loaded = load_plan(path, environ={"KEY": "from-outside"})
    assert {"open-sesame", "from-outside", "of-the-undo"} <= loaded.secrets
    shown = str(loaded.redacted_json)
    assert "ann" in shown
    assert not any(secret in shown for secret in ("open-sesame", "from-outside", "of-the-undo"))
    assert ("setup", 0, "headers", "X-Key") in loaded.from_environment
