"""``loadworthy data``: rows of a plan's test data written into files, or shown."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.support.cli import Done, loadworthy, write_plan

from loadworthy.cli.data import configure, execute
from loadworthy.errors import ExitCode, UsageError
from loadworthy.plan.rows import read_rows

PLAN: dict[str, Any] = {
    "base_url": "http://h",
    "scenarios": {"a": {"endpoints": [{"path": "/"}]}},
    "test_data": {
        "shops": {
            "generate": {
                "count": 3,
                "fields": {
                    "id": {"sequence": 7},
                    "name": "company",
                    "login": {"value": {"user": "ann", "password": "nested-sesame"}},
                },
            }
        },
        "people": {
            "order": "once",
            "generate": {
                "count": 40,
                "fields": {
                    "email": {"faker": "email", "unique": True},
                    "password": "password",
                    "shop": {"from": "shops.id"},
                    "tags": {"value": ["a\x1b[31m", "b"]},
                },
            },
        },
        "fixed": [{"n": 1, "token": "open-sesame"}],
    },
}


def run(folder: Path, *words: object) -> ExitCode:
    import argparse

    parser = argparse.ArgumentParser()
    configure(parser)
    plan = folder / "plan.yaml"
    if not plan.exists():
        write_plan(folder, PLAN)
    return execute(parser.parse_args([str(words[0]), str(plan), *map(str, words[1:])]))


def test_rows_are_written_and_are_those_of_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file for each; what looks like a credential is left out, and that is said; the same rows in every format."""
    out = tmp_path / "out"
    assert run(tmp_path, "generate", "--out", out, "--format", "jsonl") is ExitCode.PASS
    assert sorted(path.name for path in out.iterdir()) == ["people.jsonl", "shops.jsonl"]
    said = capsys.readouterr().out
    left_out = "left out, for they look like credentials:"
    assert f"people.jsonl: 40 rows of 3 columns; {left_out} password (" in said
    assert f"shops.jsonl: 3 rows of 3 columns; {left_out} login.password (" in said
    assert read_rows(out / "shops.jsonl")[0]["login"] == {"user": "ann"}
    people = read_rows(out / "people.jsonl")
    assert list(people[0]) == ["email", "shop", "tags"]
    assert {row["shop"] for row in people} <= {row["id"] for row in read_rows(out / "shops.jsonl")}
    run(tmp_path, "generate", "--out", out, "--format", "sqlite")
    with closing(sqlite3.connect(out / "data.sqlite")) as connection:
        emails = [email for (email,) in connection.execute("SELECT email FROM people")]
        assert emails == [row["email"] for row in people]
        assert connection.execute("SELECT id FROM shops").fetchall() == [(7,), (8,), (9,)]
    assert "data.sqlite, table shops: 3 rows of 3 columns" in capsys.readouterr().out


def test_the_command_line_says_how_many_and_which(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A count and a seed of its own; credentials on demand, in a file for the owner alone."""
    out = tmp_path / "out"
    for seed in (1, 2):
        run(tmp_path, "generate", "--name", "people", "--count", 100, "--seed", seed, "--out", out / str(seed),
            "--format", "json", "--with-credentials")  # fmt: skip
    first, second = (json.loads((out / str(seed) / "people.json").read_text()) for seed in (1, 2))
    assert (len(first), len(second), first == second) == (100, 100, False)
    assert first[0]["password"]
    assert (out / "1" / "people.json").stat().st_mode & 0o777 == 0o600
    assert "with credentials, readable by you alone" in capsys.readouterr().out
    assert not (out / "1" / "shops.json").exists()


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    """Not even where another file of the same command could be written."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "people.csv").write_text("mine")
    with pytest.raises(UsageError, match=r"people\.csv exists"):
        run(tmp_path, "generate", "--out", out)
    assert sorted(path.name for path in out.iterdir()) == ["people.csv"]
    assert run(tmp_path, "generate", "--out", out, "--force") is ExitCode.PASS
    assert len(read_rows(out / "people.csv")) == 40


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("generate", "--name", "fixed"), "not generated"),
        (("generate", "--name", "nobody"), "no such test data; it has: shops, people, fixed"),
        (("generate", "--count", "0"), "at least 1"),
        (("show", "--rows", "0"), "at least 1"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    """In a sentence."""
    with pytest.raises(UsageError, match=message):
        run(tmp_path, *words)


def test_rows_are_shown_without_their_credentials(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Any kind of test data; what a row holds cannot move the cursor."""
    run(tmp_path, "show", "--rows", 2)
    said = capsys.readouterr().out
    assert "people  40 rows, each once, one for each user" in said
    assert "fixed  1 row, in order, one for each user" in said
    assert "sesame" not in said
    assert "***" in said
    assert "\x1b" not in said.replace("\x1b[1m", "").replace("\x1b[0m", "")
    assert said.count("@example") == 2


def test_as_a_command(tmp_path: Path) -> None:
    """From the shell; a plan with a mistake is told with its line."""
    write_plan(tmp_path, PLAN)
    done: Done = loadworthy("data", "show", "plan.yaml", "--name", "shops", cwd=tmp_path)
    assert done.code == 0, done.err
    assert done.out.startswith("shops  3 rows, in order")
    write_plan(tmp_path, {**PLAN, "test_data": {"x": {"generate": {"count": 1, "fields": {"a": "nam"}}}}}, "bad.yaml")
    done = loadworthy("data", "generate", "bad.yaml", cwd=tmp_path)
    assert (done.code, "did you mean name?" in done.err) == (2, True)
