"""Loading plans: formats, files, and what a loaded plan knows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.support.plans import FRAMEWORK_PLAN, FULL_PLAN, load_text, problems_of, write_plan

from loadworthy.errors import PlanError
from loadworthy.plan.load import MAX_PLAN_BYTES, check_runnable, load_plan, plan_from_mapping
from loadworthy.plan.model import Plan, ScenarioKind, WaitTime


def test_the_framework_plan_loads_as_printed(tmp_path: Path) -> None:
    """A plan without any behaviour loads: its scenario, its thresholds rewritten as expressions, its alerting."""
    loaded = load_text(tmp_path, FRAMEWORK_PLAN)
    smoke = loaded.plan.scenarios["smoke"]
    assert loaded.plan.base_url == "http://localhost:8000"
    assert (smoke.users, smoke.spawn_rate, smoke.run_time) == (1, 1.0, 30_000_000)
    assert smoke.thresholds == ("p95 <= 1000ms", "error_rate <= 1%", "throughput >= 5/s")
    assert loaded.plan.alerting is not None
    assert loaded.plan.alerting.email is not None
    assert loaded.plan.alerting.email.to_addrs == ("team@example.com",)
    assert loaded.secrets == {"your-password"}
    assert loaded.redacted_json["alerting"]["email"]["password"] == "***"


def test_a_scenario_without_behaviour_cannot_be_run(tmp_path: Path) -> None:
    """What loads for judging is refused for running, with the scenario's line and what to add."""
    loaded = load_text(tmp_path, FRAMEWORK_PLAN)
    with pytest.raises(PlanError) as caught:
        check_runnable(loaded)
    (problem,) = caught.value.problems
    assert (problem.file, problem.line, problem.where) == (str(tmp_path / "plan.yaml"), 4, "scenarios.smoke")
    assert "not what they do" in problem.message
    assert "endpoints, flow, roles or a locustfile" in problem.hint


def test_the_whole_language_loads(tmp_path: Path) -> None:
    """Every key of the model is read into what it means."""
    plan = load_text(tmp_path, FULL_PLAN).plan
    browse, buy = plan.scenarios["browse"], plan.scenarios["buy"]
    assert list(plan.scenarios) == ["browse", "buy", "code"]
    assert browse.kind is ScenarioKind.STRESS
    assert browse.wait_time == WaitTime(low_us=1_000_000, high_us=3_000_000)
    assert browse.endpoints[0].expect.status == (200, 304)
    assert browse.endpoints[0].query == {"page": 1, "tag": ("a", "b"), "all": True}
    assert browse.endpoints[1].timeout == 250_000
    assert [(stage.duration, stage.users, stage.ramp_to) for stage in browse.stages] == [
        (60_000_000, None, 50),
        (90_000_000, 50, None),
    ]
    assert browse.users is None
    assert browse.thresholds == ("GET /goods p99 < 1s", "error_rate <= 1%")
    assert buy.thresholds == ("p99.9 <= 2s", "throughput >= 5/s")
    assert buy.spawn_rate == 0.5
    assert buy.roles["buyer"].wait_time == WaitTime(low_us=500_000, high_us=500_000)
    assert buy.roles["buyer"].flow[0].json_ == {"id": 1, "tags": ["a", {"b": None}], "price": 1.5}
    assert plan.test_data["accounts"].rows[1] == {"user": "bob", "password": "open-barley"}
    assert plan.max_body == 10_000_000


def test_a_plan_is_the_same_in_yaml_json_and_toml(tmp_path: Path) -> None:
    """The three formats of one plan load as equal plans."""
    from_yaml = load_text(tmp_path, FULL_PLAN).plan
    data = from_yaml.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    from_json = load_text(tmp_path, json.dumps(data, indent=1), "plan.json").plan
    assert from_json == from_yaml
    assert load_text(tmp_path, _toml(data), "plan.toml").plan == _without_nulls(from_yaml)


def _without_nulls(plan: Plan) -> Plan:
    data = plan.model_dump(mode="json", by_alias=True)
    for scenario in data["scenarios"].values():
        for step in [*scenario["endpoints"], *(step for role in scenario["roles"].values() for step in role["flow"])]:
            step["expect"]["json"] = {key: item for key, item in step["expect"]["json"].items() if item is not None}
            if step["json"]:
                step["json"]["tags"] = ["a", {}]
    return Plan.model_validate(data)


def _toml(data: object) -> str:
    """The data as one TOML inline table a key; TOML knows no null, so keys with one are left out."""
    assert isinstance(data, dict)
    return "\n".join(f"{json.dumps(key)} = {_inline(item)}" for key, item in data.items())


def _inline(value: object) -> str:
    if isinstance(value, dict):
        entries = [f"{json.dumps(key)} = {_inline(item)}" for key, item in value.items() if item is not None]
        return "{" + ", ".join(entries) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_inline(item) for item in value) + "]"
    return json.dumps(value)


def test_toml_is_read_with_its_tables(tmp_path: Path) -> None:
    """Tables, arrays of tables, dotted keys and inline tables land where they belong."""
    loaded = load_text(
        tmp_path,
        """\
base_url = "http://localhost:1"
[scenarios.load]
users = 2
thresholds = [
  "p95 < 1s",
  { error_rate = 0.5 },
]
[[scenarios.load.endpoints]]
path = "/a"
headers.X-Version = 1.10
[[scenarios.load.endpoints]]
path = '/b'
headers = { Since = 2026-11-20 }
""",
        "plan.toml",
    )
    load = loaded.plan.scenarios["load"]
    assert load.thresholds == ("p95 < 1s", "error_rate <= 50%")
    assert [step.path for step in load.endpoints] == ["/a", "/b"]
    assert load.endpoints[0].headers == {"X-Version": "1.10"}
    assert load.endpoints[1].headers == {"Since": "2026-11-20"}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("1.10", "1.10"),
        ("2026-11-20", "2026-11-20"),
        ("1:30", "1:30"),
        ("on", "on"),
        ("true", "true"),
        ("0x1F", "0x1F"),
        ("007", "007"),
        ('"7"', "7"),
    ],
)
def test_text_stays_as_written(tmp_path: Path, written: str, expected: str) -> None:
    """Where text is wanted, what looks like a number, a date or a flag is taken as it stands in the file."""
    text = f"name: {written}\nscenarios: {{a: {{headers: {{X: {written}}}}}}}"
    plan = load_text(tmp_path, text).plan
    assert (plan.name, plan.scenarios["a"].headers["X"]) == (expected, expected)


def test_yaml_keys_are_text(tmp_path: Path) -> None:
    """``on``, numbers and dates are keys like others."""
    plan = load_text(tmp_path, "scenarios: {on: {}, 404: {}, 2026-11-20: {}}").plan
    assert list(plan.scenarios) == ["on", "404", "2026-11-20"]


@pytest.mark.parametrize("flag", ["true", "yes", "on", '"true"'])
def test_flags_understand_the_usual_words(tmp_path: Path, flag: str) -> None:
    """A flag field takes the words people use for yes."""
    assert load_text(tmp_path, f"verify_tls: {flag}\nscenarios: {{a: {{}}}}").plan.verify_tls is True


def test_anchors_aliases_and_merge_keys_work(tmp_path: Path) -> None:
    """YAML's ways of not repeating oneself are followed, and own keys win over merged ones."""
    plan = load_text(
        tmp_path,
        """\
scenarios:
  a: &base
    users: 3
    run_time: 10s
    endpoints: &steps [{path: /x}]
  b:
    <<: *base
    users: 5
  c: {flow: *steps}
""",
    ).plan
    assert (plan.scenarios["b"].users, plan.scenarios["b"].run_time) == (5, 10_000_000)
    assert plan.scenarios["c"].flow[0].path == "/x"


def test_problems_of_merged_values_name_the_line_where_they_stand(tmp_path: Path) -> None:
    """A mistake behind an alias is reported where it was written."""
    text = "scenarios:\n  a: &base\n    users: none\n  b:\n    <<: *base\n"
    assert {problem.line for problem in problems_of(tmp_path, text)} == {3}


def test_environment_values_become_what_is_wanted(tmp_path: Path) -> None:
    """A text that is one variable turns into the number, flag or duration that the key wants, and text elsewhere."""
    text = """\
verify_tls: ${TLS}
scenarios:
  a:
    users: ${USERS:-3}
    run_time: ${TIME}
    flow: [{path: "/${WHERE}", json: {n: "${USERS:-3}"}, body: null, headers: {Cost: "$${x}"}}]
"""
    plan = load_text(tmp_path, text, environ={"TLS": "false", "TIME": "2m", "WHERE": "x"}).plan
    scenario = plan.scenarios["a"]
    assert (plan.verify_tls, scenario.users, scenario.run_time) == (False, 3, 120_000_000)
    assert (scenario.flow[0].path, scenario.flow[0].json_) == ("/x", {"n": "3"})
    assert scenario.flow[0].headers == {"Cost": "${x}"}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("plan.txt", b"a: 1", "ends in .yaml, .yml, .json, .toml"),
        ("plan", b"a: 1", "ends in"),
        ("plan.yaml", b"", "the plan is empty"),
        ("plan.yaml", b" \n# nothing\n", "a plan is a mapping"),
        ("plan.json", b"[1]", "a plan is a mapping"),
        ("plan.yaml", b"just words", "a plan is a mapping"),
        ("plan.toml", b"\xff\xfe", "not UTF-8"),
    ],
)
def test_files_that_are_no_plans(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    """A file of another kind, without content or in another encoding is refused with a sentence that names it."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(PlanError) as caught:
        load_plan(path, environ={})
    (problem,) = caught.value.problems
    assert problem.file == str(path)
    assert message in problem.message


def test_a_file_that_is_not_utf8_names_the_line(tmp_path: Path) -> None:
    """The first byte that is not UTF-8 tells the line."""
    path = tmp_path / "plan.yaml"
    path.write_bytes(b"name: x\nbase_url: caf\xe9\n")
    with pytest.raises(PlanError) as caught:
        load_plan(path, environ={})
    assert caught.value.problems[0].line == 2


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    """A plan saved with a byte-order mark loads."""
    path = tmp_path / "plan.json"
    path.write_bytes(b"\xef\xbb\xbf" + b'{"scenarios": {"a": {}}}')
    assert list(load_plan(path, environ={}).plan.scenarios) == ["a"]


def test_a_missing_file_suggests_its_neighbour(tmp_path: Path) -> None:
    """A mistyped name is answered with the plan it was probably meant to be."""
    write_plan(tmp_path, FRAMEWORK_PLAN, "performance.yaml")
    with pytest.raises(PlanError) as caught:
        load_plan(tmp_path / "perfomance.yaml", environ={})
    (problem,) = caught.value.problems
    assert problem.message == "there is no such file"
    assert problem.hint == f"did you mean {tmp_path / 'performance.yaml'}?"


def test_a_directory_and_a_giant_are_refused(tmp_path: Path) -> None:
    """A directory, a name that no file can have and a file beyond the limit are refused without reading them."""
    directory = tmp_path / "plans.yaml"
    directory.mkdir()
    giant = tmp_path / "giant.yaml"
    with giant.open("wb") as file:
        file.truncate(MAX_PLAN_BYTES + 1)
    for path, message in ((directory, "a directory"), (giant, "larger than"), (Path("\0.yaml"), "cannot be read")):
        with pytest.raises(PlanError, match=message):
            load_plan(path, environ={})


def test_a_plan_made_in_code_is_judged_alike(tmp_path: Path) -> None:
    """Plain data loads like a file, its problems have no line, and ``${`` stays where no environment is given."""
    data = {"scenarios": {"run": {"locustfile": "users.py", "users": 3, "description": "${X}"}}}
    loaded = plan_from_mapping(data, path=tmp_path / "users.py", overrides=["scenarios.run.users=4"])
    assert loaded.plan.scenarios["run"].users == 4
    assert loaded.plan.scenarios["run"].description == "${X}"
    assert loaded.base_dir == tmp_path
    with pytest.raises(PlanError) as caught:
        plan_from_mapping({"scenarios": {"run": {"users": 0}}}, path=tmp_path / "users.py")
    (problem,) = caught.value.problems
    assert (problem.file, problem.line, problem.where) == (str(tmp_path / "users.py"), None, "scenarios.run.users")


def test_data_that_no_file_could_hold_is_refused(tmp_path: Path) -> None:
    """Cycles, odd keys, odd objects and infinite numbers in data made in code are problems, not tracebacks."""
    cycle: dict[str, object] = {}
    cycle["again"] = cycle
    data = {
        "reporting": {"cycle": cycle, 1: "x", "o": object(), "inf": float("inf"), "s": "\ud800"},
        "scenarios": {"a": {}},
    }
    with pytest.raises(PlanError) as caught:
        plan_from_mapping(data, path=tmp_path / "x.py")
    text = str(caught.value)
    for part in ("holds itself", "the key 1 is not text", "cannot hold a object", "inf is not a finite", "surrogate"):
        assert part in text


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("scenarios:\n  a:\n    endpoints:\n      - path: /x\n", 4, '"/x" is below a base URL'),
        ("scenarios:\n  a:\n    roles:\n      r:\n        flow:\n          - path: /y\n", 6, '"/y" is below'),
        ("scenarios:\n  a:\n    flow:\n      - websocket: {path: /z}\n", 4, '"/z" is below a base URL'),
        ("scenarios:\n  a:\n    flow:\n      - events: {path: /e, name: x}\n", 4, '"/e" is below a base URL'),
        ("scenarios:\n  a:\n    users: 1\n    locustfile: no.py\n", 4, "there is no file no.py"),
        ("scenarios:\n  a:\n    user_classes: [A]\n", 3, "no file they are in"),
        ("locust:\n  locustfile: no.py\nscenarios:\n  a: {}\n", 2, "there is no file no.py"),
        ("locust:\n  locustfile: 5\nscenarios:\n  a: {}\n", 2, "there is no file 5"),
    ],
)
def test_what_cannot_be_run(tmp_path: Path, text: str, line: int, message: str) -> None:
    """A relative path without base URL and a locustfile that is not there are reported with their lines."""
    with pytest.raises(PlanError) as caught:
        check_runnable(load_text(tmp_path, text))
    (problem,) = caught.value.problems
    assert problem.line == line
    assert message in problem.message


def test_what_can_be_run(tmp_path: Path) -> None:
    """Whole URLs need no base URL, the plan's locustfile serves all scenarios, and those not chosen do not matter."""
    write_plan(tmp_path, "", "users.py")
    check_runnable(load_text(tmp_path, "scenarios: {a: {flow: [{path: 'http://x/'}, {path: '{{ uuid() }}'}]}}"))
    check_runnable(load_text(tmp_path, "locust: {locustfile: users.py}\nscenarios: {a: {}, b: {user_classes: [A]}}"))
    check_runnable(load_text(tmp_path, "scenarios: {a: {locustfile: users.py}, b: {}}"), scenarios=["a"])


def test_test_data_is_read_beside_the_plan(tmp_path: Path) -> None:
    """Files of rows in the three forms are found and accepted."""
    write_plan(tmp_path, "user,age\nann,3\n", "a.csv")
    write_plan(tmp_path, '[{"user": "ann"}]', "a.json")
    write_plan(tmp_path, '{"user": "ann"}\n\n{"user": "bob"}\n', "a.jsonl")
    text = "test_data: {a: {file: a.csv}, b: {file: a.json}, c: {file: a.jsonl}}\nscenarios: {a: {}}"
    assert [source.file for source in load_text(tmp_path, text).plan.test_data.values()] == [
        "a.csv",
        "a.json",
        "a.jsonl",
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "user,user\n1,2\n", "line 1 must name the columns"),
        ("a.csv", "user,age\n1,2\n3\n", "line 3 has 1 values for 2 columns"),
        ("a.csv", 'user\n"open\n', "is not CSV"),
        ("a.csv", "user\n", "it has no rows"),
        ("a.json", "{}", "a list of objects"),
        ("a.json", "[1]", "entry 0 is not an object"),
        ("a.json", "[\n1,\n", "line 3 is not JSON"),
        ("a.json", "[" * 100_000, "nested too deeply"),
        ("a.jsonl", "{}\n[]\n", "line 2 is not an object"),
        ("a.jsonl", "{}\nx\n", "line 2 is not JSON"),
        ("b.csv", "user\nann\n", "there is no such file"),
    ],
)
def test_test_data_that_cannot_be_used(tmp_path: Path, name: str, content: str, message: str) -> None:
    """A file without usable rows is reported at the line of the plan that names it."""
    write_plan(tmp_path, content, name)
    wanted = "a" + Path(name).suffix
    text = f"scenarios: {{a: {{}}}}\ntest_data:\n  people:\n    file: {wanted}\n"
    (problem,) = problems_of(tmp_path, text)
    assert (problem.line, problem.where) == (4, "test_data.people.file")
    assert message in problem.message
