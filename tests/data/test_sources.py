"""Where rows of test data come from: each kind of source, and what is told of one that is not good."""

from __future__ import annotations

import sqlite3
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.support.postgres import temporary_postgres

from loadworthy.data.sources import RowSources
from loadworthy.errors import UsageError
from loadworthy.plan import rows as plan_rows
from loadworthy.plan.rows import is_ordered, select_complaint
from loadworthy.plan.test_data import RowSource

TODAY = date(2026, 11, 28)
PEOPLE = [{"email": "a@x", "age": 1}, {"email": "b@x", "age": 2}]
QUERY = "SELECT email, age FROM people ORDER BY age"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the same people in files of each kind."""
    (tmp_path / "p.json").write_text('[{"email": "a@x", "age": 1}, {"email": "b@x", "age": 2}]')
    (tmp_path / "p.jsonl").write_text('{"email": "a@x", "age": 1}\n\n{"email": "b@x", "age": 2}\n')
    (tmp_path / "p.csv").write_text("email,age\na@x,1\nb@x,2\n")
    connection = sqlite3.connect(tmp_path / "p.db")
    connection.execute("CREATE TABLE people (email, age)")
    connection.executemany("INSERT INTO people VALUES (?, ?)", [("b@x", 2), ("a@x", 1)])
    connection.commit()
    connection.close()
    return tmp_path


def rows(folder: Path, **source: Any) -> list[Any]:
    return list(RowSources({"people": RowSource.model_validate(source)}, folder, TODAY).rows("people"))


@pytest.mark.parametrize(
    "source",
    [
        {"file": "p.json"},
        {"file": "p.jsonl"},
        {"rows": PEOPLE},
        {"database": "p.db", "query": QUERY},
        {"database": "sqlite:///p.db", "query": f"  -- people\n{QUERY};"},
        {"generate": {"count": 2, "fields": {
            "email": {"template": "{{ 'ab'[row] }}@x"}, "age": {"sequence": 1}}}},
    ],
    ids=["json", "jsonl", "rows", "sqlite", "sqlite-url", "generate"],
)  # fmt: skip
def test_each_kind_of_source_gives_the_same_rows(folder: Path, source: dict[str, Any]) -> None:
    """The same people, in the same order."""
    assert rows(folder, **source) == PEOPLE


def test_values_of_csv_are_text(folder: Path) -> None:
    """CSV knows no numbers."""
    assert rows(folder, file="p.csv") == [{"email": "a@x", "age": "1"}, {"email": "b@x", "age": "2"}]


def test_an_sqlite_file_is_not_changed(folder: Path) -> None:
    """It is opened for reading: neither its content nor a journal beside it is written."""
    before = (folder / "p.db").read_bytes()
    with pytest.raises(UsageError, match=r"readonly|read-only|begin with SELECT"):
        rows(folder, database="p.db", query="WITH x AS (SELECT 1) DELETE FROM people")
    with pytest.raises(UsageError, match="must begin with SELECT"):
        rows(folder, database="p.db", query="DELETE FROM people")
    assert (folder / "p.db").read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == ["p.csv", "p.db", "p.json", "p.jsonl"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"file": "gone.csv"}, r"test data .*gone\.csv: there is no such file"),
        ({"database": "gone.db", "query": "SELECT 1"}, "test data people: there is no such file"),
        ({"database": "p.csv", "query": "SELECT * FROM people"}, "file is not a database"),
        ({"database": "p.db", "query": "SELECT * FROM nobody"}, "no such table: nobody"),
        ({"database": "p.db", "query": "SELECT * FROM people WHERE age > 5"}, "it has no rows"),
        ({"database": "p.db", "query": "SELECT age, age FROM people"}, "two of its columns are named age"),
        ({"database": "p.db", "query": "SELECT 1; SELECT 2"}, "more than one statement"),
        ({"database": "sqlite:///gone.db", "query": "SELECT 1"}, "no such file"),
        ({"database": "nonsense://h/d", "query": "SELECT 1"}, "nonsense"),
        ({"database": "://u:open-sesame@h/d", "query": "SELECT 1"}, "it is not the URL of a database"),
        ({"database": "oracle://u:open-sesame@h/d", "query": "SELECT 1"}, "needs the driver"),
    ],
)
def test_unusable_sources_are_told(folder: Path, source: dict[str, Any], message: str) -> None:
    """In a sentence with the name, and never with a password."""
    with pytest.raises(UsageError, match=message) as caught:
        rows(folder, **source)
    assert "sesame" not in str(caught.value)


def test_rows_are_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More rows than a process can hold, or a query without an end, are refused with the bound."""
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT "
    monkeypatch.setattr(plan_rows, "MAX_ROWS", 50)
    monkeypatch.setattr(plan_rows, "_MOST_STEPS", 3)
    with pytest.raises(UsageError, match="more than 50 rows"):
        rows(folder, database="p.db", query=f"{endless} i FROM n")
    with pytest.raises(UsageError, match="takes too long"):
        rows(folder, database="p.db", query=f"{endless} count(*) FROM n")
    monkeypatch.setattr(plan_rows, "MAX_FILE_BYTES", 10)
    with pytest.raises(UsageError, match="rows are kept in memory"):
        rows(folder, file="p.csv")


@pytest.mark.parametrize(
    ("query", "ordered"),
    [
        ("SELECT a FROM t ORDER BY a", True),
        ("select a from t order\n  by a limit 3", True),
        ("SELECT a FROM (SELECT a FROM t ORDER BY a)", False),
        ("SELECT 'ORDER BY' AS a FROM t -- ORDER BY a", False),
        ("SELECT (SELECT max(b) FROM u) FROM t ORDER BY (a)", True),
    ],
)
def test_only_the_order_of_the_whole_query_counts(query: str, ordered: bool) -> None:
    """Not one within brackets, a text or a comment."""
    assert is_ordered(query) is ordered


@pytest.mark.parametrize("query", ["UPDATE t SET a = 1", "", "PRAGMA x", "ATTACH 'x' AS y", "SELECT 1; DROP TABLE t"])
def test_only_one_select_is_asked(query: str) -> None:
    """Nothing else reaches a database."""
    assert select_complaint(query) is not None


def test_other_databases_are_asked_through_sqlalchemy(folder: Path) -> None:
    """A URL with a driver; a percent sign and a colon are just that; the text of an error is the database's."""
    url = f"sqlite+pysqlite:///{folder / 'p.db'}"
    query = "SELECT email || '%s :x' AS text, age / 1.0 AS age FROM people WHERE email LIKE '%x' ORDER BY age"
    assert rows(folder, database=url, query=query) == [
        {"text": "a@x%s :x", "age": 1.0}, {"text": "b@x%s :x", "age": 2.0},
    ]  # fmt: skip
    with pytest.raises(UsageError, match="no such table: nobody"):
        rows(folder, database=url, query="SELECT * FROM nobody")


def test_without_sqlalchemy_the_extra_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """How to mend it, without the password."""
    import sys

    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    with pytest.raises(UsageError, match=r"loadworthy\[sql\]") as caught:
        rows(folder, database="postgresql://u:open-sesame@h/d", query="SELECT 1")
    assert "sesame" not in str(caught.value)


def test_a_driver_that_cannot_be_loaded_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is missing, and one that is there without the library that it needs."""
    import sqlalchemy

    def fails(error: Exception) -> Any:
        def create_engine(*_args: object, **_options: object) -> None:
            raise error

        return create_engine

    for error, said in (
        (ModuleNotFoundError("No module named 'psycopg'", name="psycopg"), "driver psycopg; install it"),
        (ImportError("no pq wrapper available"), "no pq wrapper available"),
    ):
        monkeypatch.setattr(sqlalchemy, "create_engine", fails(error))
        with pytest.raises(UsageError, match=said) as caught:
            rows(folder, database="postgresql://u:open-sesame@h/d", query="SELECT 1")
        assert "sesame" not in str(caught.value)


@pytest.mark.slow
def test_a_postgresql_is_asked_for_reading_only(folder: Path) -> None:
    """Its types become those of JSON; what would write is refused; no message has the password."""
    with temporary_postgres() as url:
        query = "SELECT 1.50::numeric AS price, DATE '2026-11-28' AS day, 'a:b%' AS text ORDER BY 1"
        assert rows(folder, database=url, query=query) == [{"price": 1.5, "day": "2026-11-28", "text": "a:b%"}]
        with pytest.raises(UsageError, match=r"read-only|not allowed"):
            rows(folder, database=url, query="SELECT 1 AS a INTO copied")
        wrong = url.replace("@", "-wrong@")
        with pytest.raises(UsageError, match="password authentication failed") as caught:
            rows(folder, database=wrong, query="SELECT 1")
        assert wrong.split(":")[2].split("@")[0] not in str(caught.value)
