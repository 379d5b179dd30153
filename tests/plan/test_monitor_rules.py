"""Monitors in a plan: what they may say, and that nobody sees what they connect with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.plans import load_text, problems_of

from loadworthy.errors import PlanError
from loadworthy.plan.load import LoadedPlan, check_runnable

HEAD = "base_url: http://localhost:8000\nscenarios: {a: {endpoints: [{path: /}]}}\n"


def plan_with(folder: Path, monitor: str, environ: dict[str, str] | None = None) -> LoadedPlan:
    return load_text(folder, f"{HEAD}monitors: [{monitor}]\n", environ=environ)


def test_monitors_stand_in_the_plan_and_in_scenarios(tmp_path: Path) -> None:
    """Both are read, with a second between readings unless said."""
    text = (
        "base_url: http://x\nmonitors: [{prometheus: /metrics, metrics: [up]}]\n"
        "scenarios: {a: {endpoints: [{path: /}], monitors: [{process: {port: 80}, every: 250ms}]}}"
    )
    plan = load_text(tmp_path, text).plan
    assert (plan.monitors[0].prometheus, plan.monitors[0].metrics, plan.monitors[0].every) == (
        "/metrics", ("up",), 1_000_000,
    )  # fmt: skip
    (own,) = plan.scenarios["a"].monitors
    assert own.process is not None
    assert (own.process.port, own.every) == (80, 250_000)


@pytest.mark.parametrize(
    ("monitors", "where", "message"),
    [
        ("[]", "monitors", "it is empty"),
        ("[{}]", "monitors[0]", "does not say what to watch"),
        ("[{prometheus: /m, process: {pid: 1}}]", "monitors[0]", "exclude each other"),
        ("[{process: {}}]", "monitors[0].process", "does not say which process"),
        ("[{process: {pid: 1, name: x}}]", "monitors[0].process", "exclude each other"),
        ("[{process: {port: 70000}}]", "monitors[0].process.port", "too large"),
        ("[{process: {name: ' '}}]", "monitors[0].process.name", "it is empty"),
        ("[{process: 7}]", "monitors[0].process", "not a mapping"),
        ("[{process: {pid: 1}, metrics: [a]}]", "monitors[0].metrics", "chosen from a prometheus endpoint"),
        ("[{prometheus: ftp://x/m}]", "monitors[0].prometheus", "not an http:// or https:// URL"),
        ("[{prometheus: metrics}]", "monitors[0].prometheus", "not an http:// or https:// URL"),
        ("[{prometheus: 'http://x:99999/'}]", "monitors[0].prometheus", "not an http:// or https:// URL"),
        ("[{prometheus: /m, metrics: [ok, 'a{b}']}]", "monitors[0].metrics[1]", "not a condition on a label"),
        ("[{prometheus: /m, every: 10ms}]", "monitors[0].every", "more often than every 100ms"),
        ("[{postgres: ''}]", "monitors[0].postgres", "it is empty"),
        ("[{posgres: x}]", "monitors[0].posgres", "no key"),
    ],
)
@pytest.mark.parametrize("level", ["plan", "scenario"])
def test_a_broken_rule_is_told_at_its_place(
    tmp_path: Path, monitors: str, where: str, message: str, level: str
) -> None:
    """What is wrong, and where, in the plan and in a scenario alike."""
    if level == "plan":
        text, before = f"{HEAD}monitors: {monitors}\n", ""
    else:
        text, before = f"scenarios: {{a: {{endpoints: [{{path: http://x/}}], monitors: {monitors}}}}}", "scenarios.a."
    problems = problems_of(tmp_path, text)
    assert any(problem.where == before + where and message in problem.message for problem in problems), problems


def test_a_path_needs_a_base_url_to_run(tmp_path: Path) -> None:
    """The plan may be read and judged without one, but not be run."""
    loaded = load_text(tmp_path, "monitors: [{prometheus: /m}]\nscenarios: {a: {endpoints: [{path: http://x/}]}}")
    with pytest.raises(PlanError, match=r'monitors\[0\]\.prometheus: "/m" is below a base URL'):
        check_runnable(loaded)


@pytest.mark.parametrize(
    ("monitor", "environ", "secrets"),
    [
        ("{postgres: '${DSN}'}", {"DSN": "postgresql://u:hidden-1@h/d"}, ["hidden-1", "postgresql://u"]),
        ("{postgres: 'postgresql://u:hidden-2@h/d'}", {}, ["hidden-2"]),
        ("{postgres: \"host=h user=u password='hid den-3' dbname=d\"}", {}, ["hid den-3"]),
        ("{postgres: 'postgresql://h/d?user=u&password=hidden-4'}", {}, ["hidden-4"]),
        ("{prometheus: 'http://u:hidden-5@h/m'}", {}, ["hidden-5"]),
        ("{prometheus: 'http://h/m?access_token=hidden-6&x=1'}", {}, ["hidden-6"]),
        ("{prometheus: 'http://h/m?t=${METRICS_TOKEN}'}", {"METRICS_TOKEN": "hidden-7"}, ["hidden-7"]),
        ("{postgres: 'postgresql://u:pw@h/d'}", {}, [":pw@"]),
    ],
)
def test_what_monitors_connect_with_is_masked(
    tmp_path: Path, monitor: str, environ: dict[str, str], secrets: list[str]
) -> None:
    """In the plan that is written down and, where it is long enough, in any text; the plan in use keeps it."""
    loaded = plan_with(tmp_path, monitor, environ)
    written = json.dumps(loaded.redacted_json)
    kept = loaded.plan.model_dump_json()
    for secret in secrets:
        assert secret not in written
        assert secret in kept
        assert not secret.startswith("hid") or secret not in loaded.redactor(f"cannot reach {secret}")


def test_masking_leaves_a_plan(tmp_path: Path) -> None:
    """Host and database stay readable, and a word of the address is not masked everywhere."""
    masked: Any = plan_with(tmp_path, "{postgres: 'postgresql://u:hidden-2@h:5/d'}").redacted_json["monitors"][0]
    assert masked["postgres"] == "postgresql://u:***@h:5/d"
