"""Names in templates that nothing gives."""

from pathlib import Path

import pytest

from loadworthy.errors import PlanError
from loadworthy.plan.load import load_plan

PLAN = """\
base_url: http://h
test_data:
  acc: [{{user: ann}}]
scenarios:
  load:
    on_start: [{{path: /login, extract: {{token: $.t}}}}]
    headers: {{Authorization: 'Bearer {{{{ token }}}}'}}
    flow:
      - path: '/{path}'
        json: {{a: ['{json}']}}
"""


def problems(folder: Path, *, path: str = "x", json: str = "y") -> list[str]:
    plan = folder / "plan.yaml"
    plan.write_text(PLAN.format(path=path, json=json))
    try:
        load_plan(plan, environ={})
    except PlanError as error:
        return [str(problem) for problem in error.problems]
    return []


@pytest.mark.parametrize(
    "template",
    ["{{ token }}", "{{ acc.user }}", "{{ random_int(1, 3) }}", "{% for i in range(3) %}{{ i }}{% endfor %}", "plain"],
)
def test_names_that_are_given_are_no_problem(tmp_path: Path, template: str) -> None:
    """Extracted values, test data, functions, and what the template makes itself."""
    assert problems(tmp_path, path=template, json=template) == []


def test_a_name_that_nothing_gives_is_told_with_its_line(tmp_path: Path) -> None:
    """In a path and deep in a body alike, with what was probably meant; all at once."""
    first, second = problems(tmp_path, path="{{ random_intt(1) }}", json="{{ nope.x }}")
    assert "plan.yaml:9" in first
    assert "random_intt" in first
    assert "did you mean random_int?" in first
    assert "plan.yaml:10" in second
    assert "nope" in second


def test_a_role_does_not_know_what_another_extracts(tmp_path: Path) -> None:
    """Each kind of user has its own values; those of the scenario's on_start are for all."""
    plan = tmp_path / "plan.yaml"
    plan.write_text(
        "base_url: http://h\nscenarios:\n  load:\n    on_start: [{path: /, extract: {common: $.c}}]\n    roles:\n"
        "      a: {flow: [{path: /, extract: {mine: $.m}}, {path: '/{{ mine }}/{{ common }}'}]}\n"
        "      b: {flow: [{path: '/{{ common }}'}, {path: '/{{ mine }}'}]}\n"
    )
    with pytest.raises(PlanError) as caught:
        load_plan(plan, environ={})
    (problem,) = caught.value.problems
    assert (problem.line, problem.where) == (7, "scenarios.load.roles.b.flow[1].path")


def test_names_in_steps_about_websockets(tmp_path: Path) -> None:
    """What a reply gave is known to later steps; what nothing gives is told with the step that wants it."""
    plan = tmp_path / "plan.yaml"
    plan.write_text(
        "base_url: http://h\nscenarios:\n  load:\n    flow:\n"
        "      - websocket: {path: '/{{ user_number }}'}\n"
        "      - request: {name: x, text: a, extract: {room: $.room}}\n"
        "      - send: {json: {to: '{{ room }}'}}\n"
        "      - expect_push: {name: y, match: {$.room: '{{ rom }}'}}\n"
    )
    with pytest.raises(PlanError) as caught:
        load_plan(plan, environ={})
    (problem,) = caught.value.problems
    assert (problem.line, problem.where) == (8, 'scenarios.load.flow[3].expect_push.match."$.room"')
    assert problem.hint == "did you mean room?"
