"""Whatever a file holds, loading it gives a plan or a PlanError, and never anything else."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.plans import FULL_PLAN

from loadworthy.errors import PlanError
from loadworthy.plan.document import Document
from loadworthy.plan.load import LoadedPlan, check_runnable, load_plan, plan_from_mapping
from loadworthy.plan.yaml_reader import read_yaml

_SHARED_DIRECTORY = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def _outcome(load: Callable[[], LoadedPlan]) -> LoadedPlan | PlanError:
    try:
        return load()
    except PlanError as error:
        return error


def _load_and_check(path: Path) -> LoadedPlan:
    loaded = load_plan(path, environ={"A": "x"}, overrides=["scenarios.*.users=2"])
    check_runnable(loaded)
    return loaded


def _load_all_kinds(directory: Path, raw: bytes) -> None:
    for name in ("plan.yaml", "plan.json", "plan.toml"):
        path = directory / name
        path.write_bytes(raw)
        outcome = _outcome(partial(_load_and_check, path))
        if isinstance(outcome, PlanError):
            last = raw.count(b"\n") + raw.count(b"\r") + 2
            assert outcome.problems
            assert all(problem.line is None or 1 <= problem.line <= last for problem in outcome.problems)


@_SHARED_DIRECTORY
@given(raw=st.binary(max_size=200))
def test_any_bytes(tmp_path: Path, raw: bytes) -> None:
    """Bytes of no encoding."""
    _load_all_kinds(tmp_path, raw)


@_SHARED_DIRECTORY
@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\x85\u2028\u2029"), max_size=100))
def test_any_text(tmp_path: Path, text: str) -> None:
    """Text of no language."""
    _load_all_kinds(tmp_path, text.encode())


@_SHARED_DIRECTORY
@given(
    text=st.lists(
        st.sampled_from(
            [
                *("scenarios", "a", "users", "${A}", "${", "{{ x }}", "p95 < 1s", "1:30", "1e999", "nan", "2026-11-20"),
                *(
                    ": ",
                    ":",
                    "- ",
                    "\n",
                    "\n  ",
                    "\n    ",
                    "{",
                    "}",
                    "[",
                    "]",
                    ",",
                    '"',
                    "'",
                    "&a ",
                    "*a",
                    "<<",
                    "!!int ",
                ),
                *("|", ">", "#", "---\n", "= ", "[[", "]]", ".", "'''", '"""', "\\", "\t", "?", "%", "@"),
            ]
        ),
        max_size=40,
    ).map("".join)
)
def test_any_pieces_of_the_formats(tmp_path: Path, text: str) -> None:
    """The formats' own marks in any order."""
    _load_all_kinds(tmp_path, text.encode())


@pytest.mark.parametrize("seed", range(60))
def test_a_good_plan_with_damage(tmp_path: Path, seed: int) -> None:
    """Lines removed, doubled, swapped, indented and cut at random."""
    random = Random(seed)
    lines = FULL_PLAN.splitlines(keepends=True)
    for _ in range(random.randint(1, 4)):
        at, other = random.randrange(len(lines)), random.randrange(len(lines))
        line = lines[at]
        cut = random.randrange(len(line) + 1)
        lines[at : at + 1] = random.choice(
            [
                [],
                [line, line],
                [lines[other]],
                ["  " + line],
                [line[:cut]],
                [line[:cut] + random.choice('{}[]:,"*&!|') + line[cut:]],
            ]
        )
        lines = lines or ["\n"]
    _load_all_kinds(tmp_path, "".join(lines).encode())


_STRANGE: list[Any] = [
    None, True, 0, -1, 10**30, 10**400, 1e308, 0.5, "", "x", "${A}", "${B}", "{{", "{% for %}", [], {}, [[]], [None],
    {"": ""}, {"a": None}, "\x00", "9" * 5000, "$.a[", "$", "regex:(", "http://[", "1s-", {"low_us": "x"}, "\ud800",
]  # fmt: skip


def _places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in items for place in _places(item, (*path, key)))][not path :]


def _good_data() -> dict[str, Any]:
    document = Document("plan.yaml")
    read_yaml(FULL_PLAN, document)
    assert isinstance(document.data, dict)
    return document.data


@pytest.mark.parametrize("strange", _STRANGE, ids=lambda value: repr(value)[:20])
def test_a_good_plan_with_a_strange_value_at_every_place(strange: object) -> None:
    """Each value of a plan in turn is replaced by each of many that do not belong there."""
    good = _good_data()
    for place in _places(good):
        data = copy.deepcopy(good)
        container: Any = data
        for part in place[:-1]:
            container = container[part]
        container[place[-1]] = strange
        outcome = _outcome(partial(plan_from_mapping, data, path=Path("x.py"), environ={"A": "secret"}))
        if isinstance(outcome, PlanError):
            assert outcome.problems
        else:
            json.dumps(outcome.redacted_json).encode()


@pytest.mark.parametrize("strange", _STRANGE, ids=lambda value: repr(value)[:20])
def test_a_good_plan_with_a_strange_key_at_every_place(strange: object) -> None:
    """Each mapping of a plan in turn gets a key that does not belong there."""
    good = _good_data()
    for place in [(), *_places(good)]:
        data = copy.deepcopy(good)
        container: Any = data
        for part in place:
            container = container[part]
        if isinstance(container, dict):
            container[strange if isinstance(strange, str | int) else repr(strange)] = 1
            outcome = _outcome(partial(plan_from_mapping, data, path=Path("x.py"), environ={}))
            assert isinstance(outcome, PlanError | LoadedPlan)
