"""Values from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.plans import load_text, problems_of, write_plan

from loadworthy.errors import PlanError
from loadworthy.plan.load import load_plan
from loadworthy.plan.overrides import Override, parse_override

PLAN = """\
scenarios:
  load:
    users: 2
    endpoints:
      - {path: /a}
      - {path: /b, weight: 3}
  a.b: {users: 3}
"""


def test_values_are_replaced_and_added(tmp_path: Path) -> None:
    """Amounts, texts, list entries, new keys and new mappings, each read as YAML would read it."""
    loaded = load_text(
        tmp_path,
        PLAN,
        overrides=[
            "base_url=http://localhost:9000",
            "scenarios.load.users=50",
            "scenarios.load.run_time=1m30s",
            "scenarios.load.endpoints.1.path=/c?x=1",
            "scenarios.load.endpoints.0.headers.X-Version=1.10",
            "scenarios.load.thresholds=[p95 < 1s, error_rate < 1%]",
            "locust.stop_timeout=3",
            'scenarios."a.b".users=7',
            "verify_tls=false",
        ],
    )
    load = loaded.plan.scenarios["load"]
    assert (loaded.plan.base_url, loaded.plan.verify_tls) == ("http://localhost:9000", False)
    assert (load.users, load.run_time) == (50, 90_000_000)
    assert [step.path for step in load.endpoints] == ["/a", "/c?x=1"]
    assert load.endpoints[0].headers == {"X-Version": "1.10"}
    assert load.thresholds == ("p95 < 1s", "error_rate < 1%")
    assert loaded.plan.locust == {"stop_timeout": 3}
    assert loaded.plan.scenarios["a.b"].users == 7


def test_a_star_stands_for_all(tmp_path: Path) -> None:
    """``*`` reaches every scenario and every list entry there is."""
    plan = load_text(tmp_path, PLAN, overrides=["scenarios.*.users=9", "scenarios.load.endpoints.*.weight=2"]).plan
    assert [scenario.users for scenario in plan.scenarios.values()] == [9, 9]
    assert [step.weight for step in plan.scenarios["load"].endpoints] == [2, 2]


@pytest.mark.parametrize("value", ["", "null", "~"])
def test_an_empty_value_removes_the_key(tmp_path: Path, value: str) -> None:
    """So that stages can take the place of users."""
    overrides = [f"scenarios.load.users={value}", "scenarios.load.stages=[{duration: 1s, users: 4}]"]
    load = load_text(tmp_path, PLAN, overrides=overrides).plan.scenarios["load"]
    assert (load.users, load.stages[0].users) == (None, 4)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("{{ name }}", "{{ name }}"),
        ("p95 < 1s", "p95 < 1s"),
        ("*", "*"),
        ("'5'", "5"),
        ("a=b", "a=b"),
        ("5", 5),
        ("1:30", "1:30"),
        ("[1, x]", [1, "x"]),
        ("!!python/name:x y", "!!python/name:x y"),
    ],
)
def test_what_is_no_yaml_is_text(written: str, expected: object) -> None:
    """A value that YAML cannot read is taken as it stands."""
    assert parse_override(f"a.b={written}").value == expected


@pytest.mark.parametrize("text", ["", "users", "=5", ".=5", "a.=5", ".a=5", "a..b=5", 'a."=5', "a b"])
def test_what_is_no_override_is_refused(text: str) -> None:
    """Without a path or an equals sign there is nothing to set."""
    with pytest.raises(PlanError) as caught:
        parse_override(text)
    assert caught.value.problems[0].file == f"--set {text}"
    assert "scenarios.load.users=50" in caught.value.problems[0].hint


@pytest.mark.parametrize(
    ("override", "where", "message", "hint"),
    [
        ("scenarios.load.users=many", "scenarios.load.users", '"many" is not a whole number', ""),
        ("scenarios.load.user=5", "scenarios.load.user", '"user"', "did you mean users?"),
        ("scenarios.laod.users=5", "scenarios.laod", 'there is no "laod"', "did you mean load?"),
        ("scenarios.x.users=5", "scenarios.x", 'there is no "x"', "there are: load, a.b"),
        ("scenarios.load.endpoints.2.path=/", "scenarios.load.endpoints.2", "the list has 2, counted from 0", ""),
        ("scenarios.load.endpoints.x.path=/", "scenarios.load.endpoints.x", "the list has 2", ""),
        ("scenarios.load.users.x=5", "scenarios.load.users", "2 has nothing inside", ""),
        ("test_data.*.file=x", 'test_data."*".file', "the plan has nothing there", ""),
        ("scenarios.load.stages=[{duration: 1s, users: 1}]", "scenarios.load.users", "stages exclude each other", ""),
        ("base_url=${NOWHERE}", "base_url", "NOWHERE is not set", "default"),
    ],
)
def test_problems_name_the_option(tmp_path: Path, override: str, where: str, message: str, hint: str) -> None:
    """What an option spoils is told with the option; what it makes impossible, with the line that clashes."""
    (problem,) = problems_of(tmp_path, PLAN, overrides=[override])
    assert problem.where == where
    assert message in problem.message
    assert hint in problem.hint
    if where != "scenarios.load.users" or "stages" not in override:
        assert (problem.file, problem.line) == (f"--set {override}", None)
    else:
        assert problem.line == 3


def test_problems_do_not_show_a_secret_given_as_option(tmp_path: Path) -> None:
    """An option that sets what may be a secret is named without its value."""
    overrides = ["scenarios.load.headers.Authorization=hunter22\\", "scenarios.load.headers={X: [hunter22]}"]
    for override in overrides:
        parsed = parse_override(override)
        assert "hunter22" not in parsed.option
        assert parsed.option.startswith("--set scenarios.load.headers")
    assert "hunter22" not in str(problems_of(tmp_path, PLAN, overrides=["scenarios.load.headers={token: [hunter22]}"]))


def test_other_options_can_name_themselves(tmp_path: Path) -> None:
    """An override made in code tells the option that it came from."""
    override = Override(("scenarios", "load", "users"), "many", "--users many")
    with pytest.raises(PlanError) as caught:
        load_plan(write_plan(tmp_path, PLAN), environ={}, overrides=[override])
    assert caught.value.problems[0].file == "--users many"


def test_an_override_mends_the_plan(tmp_path: Path) -> None:
    """A mistake that an option replaces is none any more."""
    text = PLAN.replace("users: 2", "users: many")
    assert load_text(tmp_path, text, overrides=["scenarios.load.users=5"]).plan.scenarios["load"].users == 5
