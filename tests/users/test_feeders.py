"""Rows of test data."""

from pathlib import Path
from random import Random

import pytest

from loadworthy.errors import UsageError
from loadworthy.plan.test_data import RowSource
from loadworthy.users.feeders import Feeder, load_rows

ROWS = [{"n": number} for number in range(10)]


def test_sequential_rows_start_again_after_the_last() -> None:
    """One process hands them out in order, round and round."""
    feeder = Feeder(ROWS)
    assert [feeder.row(None, Random(1))["n"] for _ in range(12)] == [*range(10), 0, 1]


def test_processes_share_rows_without_a_collision() -> None:
    """Three processes together hand out each row once before any comes again."""
    feeders = [Feeder(ROWS[:9], process=index, processes=3) for index in range(3)]
    given = [feeder.row(None, Random(1))["n"] for feeder in feeders for _ in range(3)]
    assert sorted(given) == list(range(9))


def test_a_number_has_its_row_in_every_process() -> None:
    """A user, or an iteration of an open workload, gets the same row wherever it is."""
    feeders = [Feeder(ROWS, process=index, processes=3) for index in range(3)]
    assert {feeder.row(number, Random(1))["n"] for feeder in feeders for number in (4, 14, 24)} == {4}


def test_random_rows_follow_the_random_numbers() -> None:
    """Whoever draws with the same numbers gets the same rows, whatever its own number."""
    feeder = Feeder(ROWS, is_random=True)
    first, second = (
        [feeder.row(number, random) for _ in range(20)] for number, random in ((1, Random(3)), (2, Random(3)))
    )
    assert first == second
    assert len({row["n"] for row in first}) > 3


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rows.csv", "email,age\na@x,1\nb@x,2\n"),
        ("rows.json", '[{"email": "a@x", "age": "1"}, {"email": "b@x", "age": "2"}]'),
        ("rows.jsonl", '{"email": "a@x", "age": "1"}\n\n{"email": "b@x", "age": "2"}\n'),
    ],
)
def test_files_of_each_kind_give_the_same_rows(tmp_path: Path, name: str, text: str) -> None:
    """CSV, JSON and JSON lines hold the same rows."""
    (tmp_path / name).write_text(text, encoding="utf-8")
    rows = load_rows(RowSource(file=name), tmp_path)
    assert list(rows) == [{"email": "a@x", "age": "1"}, {"email": "b@x", "age": "2"}]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("gone.csv", None, "no such file"),
        ("empty.csv", "email\n", "no rows"),
        ("bad.json", "{", "not JSON"),
        ("scalar.json", "[1, 2]", "not an object"),
    ],
)
def test_unusable_files_are_named(tmp_path: Path, name: str, text: str | None, sentence: str) -> None:
    """The message says which file, and what is wrong with it."""
    if text is not None:
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=sentence) as caught:
        load_rows(RowSource(file=name), tmp_path)
    assert name in str(caught.value)
