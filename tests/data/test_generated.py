"""Rows that are made up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadworthy.data.columns import with_number
from loadworthy.data.generated import KEPT_ROWS, GeneratedRows
from loadworthy.data.sources import RowSources
from loadworthy.errors import UsageError
from loadworthy.plan.test_data import RowSource

TODAY = date(2026, 11, 28)
COMPANIES = {"count": 20, "fields": {"id": {"sequence": 100}, "name": "company", "city": "city"}}
USERS = {
    "count": 5_000,
    "seed": 3,
    "locale": ["en_US", "de_DE", "ja_JP"],
    "fields": {
        "name": "name",
        "email": {"faker": "email", "unique": True},
        "born": {"faker": "date_of_birth", "args": {"minimum_age": 18}},
        "seen": "date_time",
        "price": {"faker": "pydecimal", "args": {"left_digits": 3, "right_digits": 2}},
        "badge": {"faker": "random_int", "args": {"min": 1, "max": 5_000}, "unique": True},
        "id": {"faker": "uuid4", "unique": True},
        "plan": {"choice": ["free", "paid"], "weights": [9, 1]},
        "company": {"from": "companies.id"},
        "employer": {"from": "companies.name"},
        "greeting": {"template": "Hello {{ name }} of {{ employer }}, number {{ row }}"},
        "role": {"value": None},
    },
}


def rows_of(name: str, **generated: Mapping[str, Any]) -> GeneratedRows:
    sources = {key: RowSource.model_validate({"generate": value}) for key, value in generated.items()}
    rows = RowSources(sources, Path(), TODAY).rows(name)
    assert isinstance(rows, GeneratedRows)
    return rows


def users() -> GeneratedRows:
    return rows_of("users", companies=COMPANIES, users=USERS)


def test_a_row_is_the_same_whatever_was_made_before() -> None:
    """Neither the order of asking nor the rows between matter."""
    wanted = (0, 17, 4_999, 1)
    rows = users()
    first = {number: rows[number] for number in wanted}
    assert {number: users()[number] for number in reversed(wanted)} == first
    assert users()[-1] == first[4_999]
    assert users()[1:3] == [first[1], users()[2]]


def test_another_process_makes_the_same_rows() -> None:
    """With other hashes of texts, in another time zone: all rows are equal."""
    script = (
        "import json, sys; from datetime import date; from pathlib import Path\n"
        "from loadworthy.data.sources import RowSources; from loadworthy.plan.test_data import RowSource\n"
        "sources = {k: RowSource.model_validate({'generate': v}) for k, v in json.load(sys.stdin).items()}\n"
        "print(json.dumps(RowSources(sources, Path(), date(2026, 11, 28)).rows('users')[100:130]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=json.dumps({"companies": COMPANIES, "users": USERS}),
        env={**os.environ, "PYTHONHASHSEED": "77", "TZ": "Asia/Tokyo"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == users()[100:130]


def test_values_are_json_and_what_they_should_be() -> None:
    """Dates are ISO text, decimals numbers, templates know the columns above, and a value may be null."""
    row = users()[7]
    assert json.loads(json.dumps(row)) == row
    assert date.fromisoformat(row["born"]).year <= 2008
    assert isinstance(row["price"], int | float)
    assert row["greeting"] == f"Hello {row['name']} of {row['employer']}, number 7"
    assert row["role"] is None
    assert uuid.UUID(row["id"]).version == 4


def test_weights_decide_how_often() -> None:
    """Nine of ten, within five standard deviations of a thousand draws."""
    rows = users()
    paid = sum(rows[number]["plan"] == "paid" for number in range(1_000))
    assert 100 - 48 < paid < 100 + 48


def test_relations_agree_within_a_row() -> None:
    """All columns of a row that come from the same data come from one row of it; many of its rows are used."""
    companies = {row["id"]: row["name"] for row in rows_of("companies", companies=COMPANIES)}
    rows = users()[:200]
    assert all(companies[row["company"]] == row["employer"] for row in rows)
    assert len({row["company"] for row in rows}) == 20


def test_any_kind_of_data_can_be_referred_to(tmp_path: Path) -> None:
    """A file, rows in the plan, and generated rows that refer to others themselves; once each with unique."""
    (tmp_path / "cities.csv").write_text("city,zip\nBern,3000\nOslo,0150\nRome,00100\n")
    sources = {
        "cities": RowSource(file="cities.csv"),
        "shops": RowSource.model_validate({"generate": {"count": 3, "fields": {
            "zip": {"from": "cities.zip", "unique": True}, "city": {"from": "cities.city"}}}}),
        "orders": RowSource.model_validate({"generate": {"count": 9, "fields": {"zip": {"from": "shops.zip"}}}}),
    }  # fmt: skip
    opened = RowSources(sources, tmp_path, TODAY)
    assert {(row["zip"], row["city"]) for row in opened.rows("shops")} == {
        ("3000", "Bern"), ("0150", "Oslo"), ("00100", "Rome"),
    }  # fmt: skip
    assert {row["zip"] for row in opened.rows("orders")} <= {"3000", "0150", "00100"}


UNIQUE = {
    "mail": {"faker": "email", "unique": True},
    "user": {"faker": "user_name", "unique": True},
    "name": {"faker": "first_name", "unique": True},
    "day": {"template": "{{ name[0] }}", "unique": True},
    "number": {"faker": "random_int", "args": {"min": -50, "max": 450}, "unique": True},
    "letter": {"choice": list(range(500)), "unique": True},
    "id": {"faker": "uuid4", "unique": True},
    "serial": {"sequence": 5},
}


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**63), count=st.integers(1, 500))
def test_unique_values_are_unique(seed: int, count: int) -> None:
    """Whatever the seed and the count, no value of a unique column comes twice."""
    rows = rows_of("x", x={"count": count, "seed": seed, "fields": UNIQUE})[:]
    assert {name: len({row[name] for row in rows}) for name in UNIQUE} == dict.fromkeys(UNIQUE, count)


@given(
    texts=st.tuples(st.text("ab1@.- \n"), st.text("ab1@.- \n")),
    numbers=st.tuples(st.integers(0, 200), st.integers(0, 200)),
)
def test_texts_of_different_rows_differ(texts: tuple[str, str], numbers: tuple[int, int]) -> None:
    """Whatever the texts are: with another number they are another text, and still an address if they were one."""
    made = [with_number(text, number) for text, number in zip(texts, numbers, strict=True)]
    assert numbers[0] == numbers[1] or made[0] != made[1]
    assert with_number("ann@example.com", 7) == "ann.7@example.com"


def test_seeds_data_and_columns_are_streams_of_their_own() -> None:
    """Another seed or another name makes other rows; another column beside it does not."""
    fields = {"name": "name"}
    rows = rows_of("a", a={"count": 50, "fields": fields})[:]
    assert rows_of("a", a={"count": 50, "seed": 1, "fields": fields})[:] != rows
    assert rows_of("b", b={"count": 50, "fields": fields})[:] != rows
    more = rows_of("a", a={"count": 50, "fields": {"city": "city", **fields}})[:]
    assert [row["name"] for row in more] == [row["name"] for row in rows]


def test_a_bounded_number_of_rows_is_kept() -> None:
    """A million rows are a sequence like any other, and take no memory but for the last ones."""
    rows = rows_of("x", x={"count": 1_000_000, "fields": {"n": {"sequence": 0}}})
    assert len(rows) == 1_000_000
    assert sum(rows[number]["n"] for number in range(3 * KEPT_ROWS)) == sum(range(3 * KEPT_ROWS))
    assert len(rows._kept) == KEPT_ROWS
    with pytest.raises(IndexError):
        rows[1_000_000]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"n": {"faker": "random_int", "args": {"min": 1, "max": 4}, "unique": True}}, "5 rows cannot have unique"),
        ({"n": {"choice": [1, 2], "unique": True}}, "5 rows cannot have unique values of 2"),
        ({"n": {"from": "other.nothing"}}, "other has no column nothing; it has: id"),
        ({"n": {"from": "other.id", "unique": True}}, "each have another of the 2 rows of other"),
        ({"n": "no_such_thing"}, "Faker has no provider no_such_thing"),
    ],
)
def test_what_cannot_be_made_is_told(fields: Mapping[str, Any], message: str) -> None:
    """Also where no plan was checked before: a count from the command line, rows of a database."""
    with pytest.raises(UsageError, match=message):
        rows_of("x", x={"count": 5, "fields": fields}, other={"count": 2, "fields": {"id": {"sequence": 1}}})


def test_a_template_that_fails_names_its_column() -> None:
    """With the test data, and what went wrong."""
    fields = {"n": {"value": 0}, "t": {"template": "{{ 1 / n }}"}}
    with pytest.raises(UsageError, match=r"test data x: the template of t: division by zero"):
        rows_of("x", x={"count": 1, "fields": fields})
