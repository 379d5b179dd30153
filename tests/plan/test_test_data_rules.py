"""Test data in a plan: what it may say, and that nobody sees what it connects with."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.support.plans import load_text, problems_of
from tests.support.schemas import accepts

from loadworthy.errors import PlanError
from loadworthy.plan.load import LoadedPlan
from loadworthy.plan.schema import plan_schema

QUERY = "SELECT id FROM t ORDER BY id"
FLOW = [{"path": "/{{ d.id }}"}]
LOAD = {"load": {"users": 4, "flow": FLOW}}


def plan_text(data: Any, scenarios: Any = None) -> str:
    plan = {"base_url": "http://h", "test_data": data, "scenarios": scenarios or LOAD}
    return yaml.safe_dump(plan, sort_keys=False)


def loaded(folder: Path, data: Any, scenarios: Any = None, **more: Any) -> LoadedPlan:
    return load_text(folder, plan_text(data, scenarios), **more)


def made(count: int = 10, /, **fields: Any) -> dict[str, Any]:
    return {"d": {"generate": {"count": count, "fields": {"id": {"sequence": 1}, **fields}}}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a database."""
    connection = sqlite3.connect(tmp_path / "d.db")
    connection.execute("CREATE TABLE t (id)")
    connection.executemany("INSERT INTO t VALUES (?)", [(1,), (2,), (3,)])
    connection.commit()
    connection.close()
    return tmp_path


ANY_NAME: Any = "name"
BY_HAND = "test_data.d"
FIELDS = "test_data.d.generate.fields"


@pytest.mark.parametrize(
    ("data", "where", "message", "hint"),
    [
        ({"d": {"per": "user"}}, BY_HAND, "it needs file or rows, database with query, or generate", ""),
        ({"d": {"rows": [{"id": 1}], "query": "SELECT 1"}}, f"{BY_HAND}.query", "without a database", ""),
        ({"d": {"database": "d.db"}}, f"{BY_HAND}.database", "stands without a query", "ORDER BY"),
        ({"d": {"database": "d.db", "rows": [{"id": 1}]}}, BY_HAND, "rows and database exclude each other", ""),
        ({"d": {"database": "x.db", "query": QUERY}}, f"{BY_HAND}.database", "no such file", ""),
        ({"d": {"database": "d.db", "query": "SELECT x FROM t ORDER BY 1"}}, f"{BY_HAND}.query", "no such column", ""),
        ({"d": {"database": "d.db", "query": "DELETE FROM t"}}, f"{BY_HAND}.query", "must begin with SELECT", ""),
        ({"d": {"database": "d.db", "query": "SELECT id FROM t"}}, f"{BY_HAND}.query", "in which order", "ORDER BY"),
        ({"d": {"database": "pg://h/d", "query": "SELECT 1"}}, f"{BY_HAND}.query", "in which order", "ORDER BY"),
        ({"d": {"generate": {"count": 0, "fields": {"id": "name"}}}}, f"{BY_HAND}.generate.count", "", ""),
        ({"d": {"generate": {"count": 5, "fields": {}}}}, FIELDS, "", ""),
        (made(x="emial"), f"{FIELDS}.x", 'no provider "emial"', "did you mean email?"),
        (made(x={"faker": "nam"}), f"{FIELDS}.x.faker", 'no provider "nam"', "did you mean name?"),
        (made(x="random_element"), f"{FIELDS}.x", "no provider", "use choice"),
        (made(x="seed_instance"), f"{FIELDS}.x", "no provider", ""),
        (made(x={"faker": "pyint", "args": {"min_valu": 1}}), f"{FIELDS}.x.args", "takes no min_valu", "min_value?"),
        (made(x={"faker": "pyint", "args": {"min_value": "a"}}), f"{FIELDS}.x.args", "pyint cannot take this", ""),
        (made(x={"faker": "text", "args": {"max_nb_chars": 10**12}}), f"{FIELDS}.x.args", "more than 10,000", ""),
        (made(x={"faker": "ipv4", "unique": True}), f"{FIELDS}.x.unique", "no number fits", "sequence"),
        (made(x={"faker": "date_of_birth", "unique": True}), f"{FIELDS}.x.unique", "no number fits", ""),
        (made(x={"faker": "iban", "unique": True}), f"{FIELDS}.x.unique", "no number fits", "sequence"),
        (made(x={"faker": "phone_number", "unique": True}), f"{FIELDS}.x.unique", "no number fits", "sequence"),
        (made(x={"faker": "random_int", "args": {"max": 8}, "unique": True}), f"{FIELDS}.x.unique",
         "only 9 numbers from 0 to 8", "widen"),
        (made(x={}), f"{FIELDS}.x", "does not say how", "faker, choice"),
        (made(x={"faker": "name", "value": None}), f"{FIELDS}.x", "faker and value exclude each other", ""),
        (made(x={"value": 1, "args": {"a": 1}}), f"{FIELDS}.x.args", "args belongs to faker", ""),
        (made(x={"value": 1, "weights": [1]}), f"{FIELDS}.x.weights", "weights belongs to choice", ""),
        (made(x={"value": 1, "unique": True}), f"{FIELDS}.x.unique", "cannot all have another value", ""),
        (made(x={"choice": []}), f"{FIELDS}.x.choice", "it is empty", ""),
        (made(x={"choice": [1, 2], "weights": [1]}), f"{FIELDS}.x.weights", "1 weights for 2 choices", ""),
        (made(x={"choice": [1, 2], "weights": [0, 1]}), f"{FIELDS}.x.weights[0]", "0 is too small", ""),
        (made(x={"choice": [1, 2], "unique": True}), f"{FIELDS}.x.unique", "unique values of 2", ""),
        (made(2, x={"choice": [1, 2, 2], "unique": True}), f"{FIELDS}.x.unique", "two of the choices are the same", ""),
        (made(x={"template": "{{ idd }}"}), f"{FIELDS}.x.template", "uses idd, which nothing gives", "mean id?"),
        (made(x={"template": "{{ y }}"}, y={"value": 1}), f"{FIELDS}.x.template", "uses y", "there: id, row"),
        (made(x={"template": "{{ id"}), f"{FIELDS}.x.template", "", ""),
        (made(**{"a-b": ANY_NAME}), f"{FIELDS}.a-b", "cannot name a column", ""),
        (made(row="name"), f"{FIELDS}.row", "cannot name a column", ""),
        (made(x={"from": "d"}), f"{FIELDS}.x.from", "is not data.column", "companies.id"),
        (made(x={"from": "dd.id"}), f"{FIELDS}.x.from", 'no test data "dd"', "did you mean d?"),
        ({**made(x={"from": "e.idd"}), "e": [{"id": 1}]}, f"{FIELDS}.x.from", 'e has no column "idd"', "mean id?"),
        ({**made(x={"from": "e.id", "unique": True}), "e": {"generate": {"count": 3, "fields": {
            "id": {"sequence": 1}}}}}, f"{FIELDS}.x.unique", "another of the 3 rows of e", ""),
        ({**made(x={"from": "e.n", "unique": True}), "e": {"generate": {"count": 30, "fields": {
            "n": "name"}}}}, f"{FIELDS}.x.unique", "the values of e.n are not unique", "make e.n unique"),
        (made(x={"from": "d.id"}), "test_data.d.generate", "from themselves: d from d", ""),
        ({**made(x={"from": "e.id"}), "e": {"generate": {"count": 3, "fields": {"id": {"from": "d.id"}}}}},
         "test_data.d.generate", "from themselves: d from e from d", ""),
        ({"d": {"generate": {"count": 3, "locale": "en_XX", "fields": {"id": "name"}}}},
         "test_data.d.generate.locale", '"en_XX" is not a locale', ""),
        ({"d": {"generate": {"count": 3, "locale": ["de_DE", "xx"], "fields": {"id": "name"}}}},
         "test_data.d.generate.locale[1]", '"xx" is not a locale', ""),
    ],
)  # fmt: skip
def test_broken_test_data_is_told_at_its_place(folder: Path, data: Any, where: str, message: str, hint: str) -> None:
    """One problem each, with its line, what is wrong, and how to mend it."""
    (problem,) = problems_of(folder, plan_text(data))
    assert problem.where == where
    assert message in problem.message
    assert hint in problem.hint
    assert problem.line is not None
    assert problem.line > 1


ONCE: dict[str, Any] = {"d": {"rows": [{"id": 1}, {"id": 2}, {"id": 3}], "order": "once"}}
ONCE_EACH = {"d": {**ONCE["d"], "per": "iteration"}}


@pytest.mark.parametrize(
    ("data", "scenario", "where", "message"),
    [
        (ONCE, {"users": 4}, "scenarios.a.users", "users: 4, but d has 3 rows, each once"),
        (ONCE, {"stages": [{"duration": "1s", "ramp_to": 2}, {"duration": "1s", "users": 0}, {"duration": "1s",
                "ramp_to": "2"}]}, "scenarios.a.stages", "users: 4, but d has 3 rows"),
        (ONCE, {"rate": 5, "run_time": "1s"}, "scenarios.a", "as many users as its rate needs"),
        (ONCE, {"rate": 5, "run_time": "1s", "max_users": 4}, "scenarios.a.max_users", "max_users: 4, but d has 3"),
        ({"d": {"database": "d.db", "query": QUERY, "order": "once"}}, {"users": 4},
         "scenarios.a.users", "users: 4, but d has 3 rows"),
        (ONCE, {"rate": 5, "run_time": "1s", "max_users": 3, "roles": {"a": {"flow": FLOW}, "b": {"flow": FLOW}}},
         "scenarios.a.roles", "users of one role make way for those of another"),
        (ONCE_EACH, {"kind": "capacity", "thresholds": ["p95 < 1s"]}, "scenarios.a", "a search begins"),
        (ONCE_EACH, {"rate": 5, "run_time": "1s", "on_start": FLOW}, "scenarios.a.on_start", "before the first"),
    ],
)  # fmt: skip
def test_more_users_than_rows_are_told(folder: Path, data: Any, scenario: Any, where: str, message: str) -> None:
    """Where each row is handed out once, and the scenario uses them."""
    behaviour = {} if "roles" in scenario else {"flow": FLOW}
    (problem,) = problems_of(folder, plan_text(data, {"a": {**behaviour, **scenario}}))
    assert (problem.where, message in problem.message) == (where, True), problem


@pytest.mark.parametrize(
    ("data", "scenario"),
    [
        (ONCE, {"users": 3, "flow": FLOW}),
        (ONCE, {"users": 9, "flow": [{"path": "/"}]}),
        (ONCE, {"rate": 5, "run_time": "1s", "max_users": 3, "flow": FLOW}),
        (ONCE, {"rate": 5, "run_time": "1s", "max_users": 3, "roles": {"a": {"flow": FLOW}}}),
        (ONCE, {"users": 3, "roles": {"a": {"flow": FLOW}, "b": {"flow": FLOW}}}),
        (ONCE_EACH, {"users": 9, "on_start": FLOW, "flow": FLOW}),
        (ONCE_EACH, {"rate": 5, "run_time": "1s", "flow": FLOW}),
        ({"d": {**ONCE["d"], "order": "random"}}, {"users": 9, "flow": FLOW}),
        ({"d": {"database": "d.db", "query": "SELECT id FROM t", "order": "random"}}, {"users": 9, "flow": FLOW}),
        ({"d": {"database": "pg://h/d", "query": "SELECT id FROM t ORDER BY 1"}}, {"users": 9, "flow": FLOW}),
    ],
)
def test_what_fits_is_no_problem(folder: Path, data: Any, scenario: Any) -> None:
    """Rows enough, or as many as one likes."""
    loaded(folder, data, {"a": scenario})


@pytest.mark.parametrize(
    ("data", "columns"),
    [
        ({"rows": [{"id": 1}, {"email": "a"}]}, ["email", "id"]),
        (made()["d"], ["id"]),
        ({"file": "d.csv"}, ["email", "id"]),
        ({"file": "d.jsonl"}, ["email", "id"]),
        ({"database": "d.db", "query": QUERY}, ["id"]),
    ],
)
def test_columns_that_no_row_has_are_told_where_a_template_asks_for_them(
    folder: Path, data: Any, columns: list[str]
) -> None:
    """With the line, and what may have been meant; of all steps, and only of data whose columns are known."""
    (folder / "d.csv").write_text("id,email\n1,a\n")
    (folder / "d.jsonl").write_text('{"id": 1}\n{"id": 2, "email": "a"}\n')
    asked = {
        "headers": {"x-id": "{{ d['idd'] }}"},
        "on_start": [{"path": "/", "json": {"a": ["{{ d.id if d.id else d.zzz }}"]}}],
        "flow": [{"path": "/{{ d.id }}/{{ d.get('x') }}/{{ d.none | default(1) }}/{{ other.x }}", "query": {
            "y": "{{ 1 if d.maybe is defined else 2 }}{% for d in [{'q': 1}] %}{{ d.q }}{% endfor %}"}}],
    }  # fmt: skip
    other = {"database": "pg://h/d", "query": "SELECT id FROM t ORDER BY 1"}
    text = plan_text({"d": data, "other": other}, {"a": {"users": 1, **asked}})
    text += "setup: [{path: '/{{ d.ip }}', for_each: d}]\n"
    problems = problems_of(folder, text)
    listed = f"it has: {', '.join(columns)}"
    assert {(one.where, one.message, one.hint) for one in problems} == {
        ("scenarios.a.headers.x-id", "d has no column idd", "did you mean id?"),
        ("scenarios.a.on_start[0].json.a[0]", "d has no column zzz", listed),
        ("setup[0].path", "d has no column ip", listed),
    }
    assert all(one.line is not None for one in problems)


@pytest.mark.parametrize(("mark", "called"), [(";", "semicolons"), ("\t", "tabs")])
def test_a_table_without_commas_is_told(tmp_path: Path, mark: str, called: str) -> None:
    """As some spreadsheets write it, with a byte order mark."""
    (tmp_path / "d.csv").write_text(f"id{mark}name\n1{mark}a\n", encoding="utf-8-sig")
    (problem,) = problems_of(tmp_path, plan_text({"d": {"file": "d.csv"}}))
    assert f"line 1 has no comma, but {called}: columns are separated by commas" in problem.message


def test_a_full_generator_is_read(tmp_path: Path) -> None:
    """Every way to make a column, and relations to any kind of data."""
    fields: dict[str, Any] = {
        "name": "name", "mail": {"faker": "email", "unique": True}, "plan": {"choice": ["a", None], "weights": [1, 3]},
        "text": {"template": "{{ name }} {{ row }} {{ mail }}"}, "nothing": {"value": None},
        "shop": {"from": "shops.id"}, "n": {"faker": "random_int", "args": {"min": 1, "max": 10}, "unique": True},
    }  # fmt: skip
    plan = loaded(tmp_path, {**made(**fields), "shops": [{"id": 7}]}).plan
    generate = plan.test_data["d"].generate
    assert generate is not None
    assert generate.fields["name"].faker == "name"
    assert generate.fields["plan"].choice == ("a", None)
    assert generate.locales == ("en_US",)
    assert accepts(plan_schema(), {"test_data": {**made(**fields), "shops": [{"id": 7}]}, "scenarios": LOAD})


def test_numbers_may_come_from_the_environment(tmp_path: Path) -> None:
    """Counts and users, and what follows from them."""
    data = {"d": {**made()["d"], "order": "once"}}
    data["d"]["generate"]["count"] = "${ROWS}"
    scenarios = {"a": {"users": "${USERS}", "flow": FLOW}}
    assert loaded(tmp_path, data, scenarios, environ={"ROWS": "9", "USERS": "9"}).plan.scenarios["a"].users == 9
    with pytest.raises(PlanError, match="users: 10, but d has 9 rows"):
        loaded(tmp_path, data, scenarios, environ={"ROWS": "9", "USERS": "10"})


def test_passwords_of_databases_and_of_columns_are_masked(tmp_path: Path) -> None:
    """In what a run keeps of its plan, wherever they come from; what is left is a plan again."""
    data = {
        "d": {"database": "postgresql://u:open-sesame@h/d?password=open-barley", "query": QUERY},
        "e": {"database": "${DB}", "query": QUERY},
        "f": {"generate": {"count": 3, "fields": {
            "password": {"value": "open-rye"}, "api_key": {"choice": ["open-oats", "open-corn"]}, "n": "name"}}},
    }  # fmt: skip
    plan = loaded(tmp_path, data, environ={"DB": "mysql://u:from-outside@h/d"})
    kept = json.dumps(plan.redacted_json)
    for secret in ("sesame", "barley", "from-outside", "rye", "oats", "corn"):
        assert secret not in kept, secret
    assert plan.redacted_json["test_data"]["d"]["database"] == "postgresql://u:***@h/d?password=***"
    assert plan.redacted_json["test_data"]["f"]["generate"]["fields"]["n"]["faker"] == "name"
    assert plan.redactor("it said open-rye") == "it said ***"


def test_faker_is_imported_only_where_rows_are_generated() -> None:
    """A plan without takes no longer to read."""
    script = (
        "import sys\nfrom pathlib import Path\nfrom loadworthy.plan.load import plan_from_mapping\n"
        "plan_from_mapping({'base_url': 'http://h', 'test_data': {'d': [{'id': 1}]},"
        " 'scenarios': {'a': {'flow': [{'path': '/{{ d.id }}'}]}}}, path=Path('p'))\n"
        "print('faker' in sys.modules, 'sqlalchemy' in sys.modules, 'sqlite3' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False", "False"]
