"""Rows of test data, handed out to users."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from locust.exception import StopUser

from loadworthy.data.secret_values import SecretValues
from loadworthy.engine.seat import ATTRIBUTE
from loadworthy.errors import UsageError
from loadworthy.plan.test_data import RowSource
from loadworthy.users.feeders import (
    SEAT,
    SECRETS,
    SHARE,
    Feed,
    Feeder,
    RowsUsedUpError,
    feed,
    load_rows,
    used_up,
)
from loadworthy.workload.user_numbers import NUMBERS_OF_A_SPLIT

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
    feeder = Feeder(ROWS, order="random")
    first, second = (
        [feeder.row(number, random) for _ in range(20)] for number, random in ((1, Random(3)), (2, Random(3)))
    )
    assert first == second
    assert len({row["n"] for row in first}) > 3


def test_each_row_once_and_then_none() -> None:
    """By number; and dealt, where there are no numbers. The end says whose rows they were."""
    feeder = Feeder(ROWS, name="accounts", order="once")
    assert [feeder.row(number, Random(1))["n"] for number in (9, 0)] == [9, 0]
    with pytest.raises(RowsUsedUpError, match="all 10 rows of accounts have been handed out"):
        feeder.row(10, Random(1))
    dealt = Feeder(ROWS, process=1, processes=4, order="once")
    assert [dealt.row(None, Random(1))["n"] for _ in range(3)] == [1, 5, 9]
    with pytest.raises(RowsUsedUpError):
        dealt.row(None, Random(1))
    assert used_up("a", 1) == "the only row of a has been handed out"


def test_after_workers_came_or_went_it_is_said_why_there_is_no_row() -> None:
    """Rows may well be left, but not for a user whose number nobody knows, nor for a worker that came late."""
    feeder = Feeder(ROWS, name="accounts", order="once")
    with pytest.raises(RowsUsedUpError, match="users made after workers came or went have no rows of accounts"):
        feeder.row(NUMBERS_OF_A_SPLIT + 1, Random(1))
    late = {order: Feeder(ROWS, name="a", process=2, processes=2, order=order) for order in ("once", "sequential")}
    with pytest.raises(RowsUsedUpError, match="belong to the workers that were there at the start"):
        late["once"].row(None, Random(1))
    assert late["once"].row(3, Random(1)) == late["sequential"].row(3, Random(1)) == ROWS[3]
    assert late["sequential"].row(None, Random(1)) == ROWS[2]


def test_credentials_of_rows_that_were_handed_out_are_known() -> None:
    """By the names of their columns, and not before they are handed out."""
    secrets = SecretValues()
    rows: list[dict[str, Any]] = [
        {"user": "ann-lee", "password": "open-sesame", "card": [{"pin_secret": 987654}]},
        {"user": "bob", "api_key": "barley-key"},
    ]
    feeder = Feeder(rows, secrets=secrets)
    feeder.row(0, Random(1))
    assert secrets("ann-lee open-sesame 987654 barley-key") == "ann-lee *** *** barley-key"
    feeder.row(1, Random(1))
    assert secrets("open-sesame barley-key") == "*** ***"


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


# --- locustfiles ---


class User:
    """As much of a Locust user as a feed looks at."""

    def __init__(self, environment: Any, number: int | None = None, scenario: str = "load") -> None:
        self.environment = environment
        if number is not None:
            crowd = SimpleNamespace(place=SimpleNamespace(scenario=scenario))
            setattr(self, SEAT, SimpleNamespace(number=number, crowd=crowd))


class Environment:
    """As much of Locust's environment."""

    def __init__(
        self, worker_index: int = 0, expected: int | None = None, share: tuple[int, int] | None = None
    ) -> None:
        self.runner = SimpleNamespace(worker_index=worker_index)
        self.parsed_options = SimpleNamespace(expect_workers=expected)
        if share is not None:
            setattr(self, SHARE, share)


def accounts(**options: Any) -> Feed:
    return feed(ROWS, **options)


def test_a_user_keeps_its_row_and_an_iteration_takes_another() -> None:
    """Per user and per iteration, in order; the row is a copy that user code may change."""
    environment = Environment()
    rows = accounts()
    ann, bob = User(environment), User(environment)
    assert [rows.row(user)["n"] for user in (ann, ann, bob, ann)] == [0, 0, 1, 0]
    rows.row(ann)["n"] = 99
    assert (rows.row(ann)["n"], ROWS[0]["n"], len(rows)) == (0, 0, 10)
    each = accounts(per="iteration")
    assert [each.row(ann)["n"] for _ in range(11)] == [*range(10), 0]


def test_users_of_a_run_have_the_rows_of_their_numbers() -> None:
    """In whichever process they are."""
    processes = [Environment(share=(index, 2)) for index in range(2)]
    rows = [accounts(order="once") for _ in processes]
    given = [rows[number % 2].row(User(processes[number % 2], number))["n"] for number in range(10)]
    assert given == list(range(10))


def test_iterations_of_a_run_are_dealt_to_its_processes() -> None:
    """Each row once over all of them."""
    feeds = [(accounts(order="once", per="iteration"), User(Environment(share=(index, 3)), 0)) for index in range(3)]
    given = Counter(rows.row(user)["n"] for rows, user in feeds for _ in range(3))
    assert given == dict.fromkeys(range(9), 1)


def test_rows_once_are_for_one_scenario() -> None:
    """Users of another have the same numbers; they get none, and are told why. Rows in order are for all."""
    environment = Environment(share=(0, 1))
    rows, in_order = accounts(order="once"), accounts()
    assert rows.row(User(environment, 0, "smoke")) == rows.row(User(environment, 0, "smoke")) == ROWS[0]
    with pytest.raises(UsageError, match=r"scenarios smoke and load ask for them; run one of the two \(--scenario"):
        rows.row(User(environment, 1, "load"))
    assert [in_order.row(User(environment, 1, name)) for name in ("smoke", "load")] == [ROWS[1], ROWS[1]]


def test_credentials_of_feeds_are_known_to_the_run() -> None:
    """As those of a plan's test data are."""
    environment, secrets = Environment(share=(0, 1)), SecretValues()
    setattr(environment, SECRETS, secrets)
    feed([{"password": "open-sesame"}]).row(User(environment, 0))
    assert secrets("open-sesame") == "***"


@pytest.mark.parametrize("per", ["user", "iteration"])
def test_workers_of_plain_locust_share_the_rows(per: Any) -> None:
    """By the index of each, and by how many the master expects."""
    environments = [Environment(worker_index=index, expected=2) for index in range(2)]
    feeds = [accounts(order="once", per=per) for _ in environments]
    given = [
        rows.row(User(environment))["n"]
        for rows, environment in zip(feeds, environments, strict=True)
        for _ in range(5)
    ]
    assert sorted(given) == list(range(10))


def test_a_worker_that_nobody_expected_would_repeat_rows() -> None:
    """So it gets none, and is told how to mend it."""
    with pytest.raises(UsageError, match="--expect-workers 3"):
        accounts().row(User(Environment(worker_index=2, expected=1)))


def test_the_end_stops_users_with_one_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """However many users find no row."""
    rows = feed([{"a": 1}], order="once")
    environment = Environment()
    first = User(environment)
    rows.row(first)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            with pytest.raises(StopUser):
                rows.row(User(environment))
    assert [record.getMessage() for record in caplog.records] == [
        "the only row of the test data has been handed out; users that find none stop"
    ]
    assert rows.row(first) == {"a": 1}


def test_feeds_take_what_plans_take(tmp_path: Path) -> None:
    """A file, rows, or a mapping as in a plan; what is wrong is told in a sentence."""
    (tmp_path / "a.csv").write_text("n\n5\n")
    user = User(Environment())
    assert feed("a.csv", base_dir=tmp_path).row(user) == {"n": "5"}
    assert feed({"generate": {"count": 3, "fields": {"n": {"sequence": 4}}}}).row(user) == {"n": 4}
    with pytest.raises(UsageError, match=r"feed: generate\.count"):
        feed({"generate": {"count": 0, "fields": {"n": {"sequence": 4}}}})
    with pytest.raises(UsageError, match="it has no rows"):
        feed([])


def test_the_seat_is_found_by_its_name() -> None:
    """The engine sets it under the name by which it is looked for here."""
    assert ATTRIBUTE == SEAT
