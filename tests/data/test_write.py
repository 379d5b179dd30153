"""Rows written into files."""

from __future__ import annotations

import csv
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from loadworthy.data.write import Table, write_sqlite, write_text
from loadworthy.errors import UsageError
from loadworthy.plan.rows import read_rows

ROWS = [
    {"name": 'Ann "A", Lee\nJr', "age": 7, "ok": True, "tags": ["a", "b"], "none": None, "api_token": "s3cret-token"},
    {"name": "=1+1", "age": 8.5, "ok": False, "tags": [], "none": None, "api_token": "s4cret-token"},
]
KEPT = [{key: value for key, value in row.items() if key != "api_token"} for row in ROWS]


def told(_share: float) -> None:
    """Nobody."""


def test_json_and_json_lines_hold_the_rows(tmp_path: Path) -> None:
    """What is read again is what was written, without the column that looks like a credential."""
    for form in ("json", "jsonl"):
        path = tmp_path / f"rows.{form}"
        write_text(Table("rows", ROWS), path, form, told)
        assert list(read_rows(path)) == KEPT


def test_csv_holds_the_rows_as_text(tmp_path: Path) -> None:
    """Lists as JSON, flags in small letters, nothing where there is null."""
    path = tmp_path / "rows.csv"
    write_text(Table("rows", ROWS), path, "csv", told)
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert rows == [
        {"name": 'Ann "A", Lee\nJr', "age": "7", "ok": "true", "tags": '["a", "b"]', "none": ""},
        {"name": "=1+1", "age": "8.5", "ok": "false", "tags": "[]", "none": ""},
    ]


def test_sqlite_has_a_table_each(tmp_path: Path) -> None:
    """With the values of their own types."""
    path = tmp_path / "data.sqlite"
    write_sqlite([Table("rows", ROWS), Table("order", [{"group": 1}])], path, lambda _name: told)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name, age, ok FROM rows").fetchall() == [
            ('Ann "A", Lee\nJr', 7, "true"), ("=1+1", 8.5, "false"),
        ]  # fmt: skip
        assert connection.execute('SELECT "group" FROM "order"').fetchall() == [(1,)]


def test_credentials_are_written_on_demand_for_the_owner_alone(tmp_path: Path) -> None:
    """The mode of the file says so, and neither text is in a file without them."""
    without, within = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    write_text(Table("rows", ROWS), without, "jsonl", told)
    write_text(Table("rows", ROWS, with_credentials=True), within, "jsonl", told)
    assert "cret-token" not in without.read_text()
    assert json.loads(within.read_text().splitlines()[0])["api_token"] == "s3cret-token"
    assert within.stat().st_mode & 0o777 == 0o600


def test_credentials_within_values_are_left_out_too(tmp_path: Path) -> None:
    """What was, is said with where it stood; on demand they are written."""
    rows = [{"id": 1, "account": {"user": "ann"}}, {"id": 2, "account": {"user": "bob", "password": "s3cret"}}]
    tables = [Table("rows", rows), Table("rows", rows, with_credentials=True)]
    for form in ("csv", "jsonl"):
        paths = [tmp_path / f"{number}.{form}" for number in range(2)]
        for table, path in zip(tables, paths, strict=True):
            write_text(table, path, form, told)
        assert ["s3cret" in path.read_text() for path in paths] == [False, True]
        assert paths[1].stat().st_mode & 0o777 == 0o600
    assert [table.left_out for table in tables] == [["account.password"], []]


@pytest.mark.parametrize(
    ("rows", "why"),
    [([{"Name": 1, "name": 2}], "duplicate column name: name"), ([{"n": 1 << 63}], "too large")],
)
def test_what_sqlite_cannot_hold_is_told(tmp_path: Path, rows: list[dict[str, int]], why: str) -> None:
    """In a sentence with the file's name; nothing is left behind."""
    with pytest.raises(UsageError, match=rf"data\.sqlite cannot be written: .*{why}"):
        write_sqlite([Table("rows", rows)], tmp_path / "data.sqlite", lambda _name: told)
    assert not list(tmp_path.iterdir())


def test_a_file_is_not_overwritten_and_never_half_written(tmp_path: Path) -> None:
    """What was there stays, unless asked for; where making a row fails, nothing is left behind."""
    path = tmp_path / "rows.csv"
    path.write_text("mine")
    with pytest.raises(UsageError, match="exists"):
        write_text(Table("rows", ROWS), path, "csv", told)
    with pytest.raises(KeyError):
        write_text(Table("rows", [{"a": 1}, {"b": 2}]), path, "csv", told, force=True)
    assert path.read_text() == "mine"
    assert [one.name for one in tmp_path.iterdir()] == ["rows.csv"]
    write_text(Table("rows", ROWS), path, "csv", told, force=True)
    assert path.read_text().startswith("name,age")


def test_how_far_it_is_is_told(tmp_path: Path) -> None:
    """As a share that grows."""
    shares: list[float] = []
    rows = [{"n": number} for number in range(5_000)]
    write_text(Table("rows", rows), tmp_path / "rows.csv", "csv", shares.append)
    assert shares == [0, 0.2, 0.4, 0.6, 0.8]
