"""docs/test-data.md: its plans run, its commands print what it says, its table of options is that of the command."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.support.cli import write_plan
from tests.support.guide import Block, blocks_of, commands_of, parse, text_of, words_of, write_files
from tests.support.guide_runs import QUIET, Case, few, run
from tests.support.recipes import RecipeServer

from loadworthy.cli.main import _dispatch

BLOCKS = blocks_of("test-data")
CASES: dict[str, Case] = {
    "sources.yaml": Case(few(10, users=3), {"POST /login": 3, "GET /items/[id]": 10}),
    "plan.yaml": Case(few(10, users=5), {"POST /login": 5, "GET /cities/[name]": 10}),
    "vouchers.yaml": Case(
        QUIET,
        {"POST /vouchers/[code]": 4},
        lambda state: sorted(state["vouchers"]) == ["AUTUMN", "SPRING", "SUMMER", "WINTER"],
    ),
    "fresh.yaml": Case(
        few(10),
        {"POST /vouchers/[code]": 10},
        lambda state: {code.rsplit("-", 1)[0] for code in state["vouchers"]} == {"RUN-1795893"},
    ),
    "seeded.yaml": Case(
        few(10),
        {"GET /orders/[id]": 10},
        lambda state: not state["orders"] and state["seen"]["POST /orders"] == 20,
    ),
}


@pytest.fixture(scope="module")
def server() -> Iterator[RecipeServer]:
    """One for all plans."""
    with RecipeServer() as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files of the page, and those that its plans read."""
    write_files(BLOCKS, tmp_path)
    (tmp_path / "items.csv").write_text("id\n3\n5\n", encoding="utf-8")
    with closing(sqlite3.connect(tmp_path / "shop.db")) as shop:
        shop.execute("CREATE TABLE accounts (id INTEGER PRIMARY KEY, email TEXT, password TEXT, active BOOLEAN)")
        rows = [(f"user{number}@example.com", "open-sesame", number != 1) for number in range(4)]
        shop.executemany("INSERT INTO accounts (email, password, active) VALUES (?, ?, ?)", rows)
        shop.commit()
    return tmp_path


@pytest.mark.parametrize("name", CASES)
def test_its_plans_run(name: str, server: RecipeServer, folder: Path) -> None:
    """Those that have a name; the other one needs PostgreSQL."""
    server.forget()
    run(folder / name, CASES[name], {"BASE_URL": server.url, "PERF_PASSWORD": "open-sesame", "RUN_NUMBER": "1795893"})
    assert CASES[name].holds(server.state())


def test_every_plan_with_a_name_is_run() -> None:
    """One has none."""
    plans = [block for block in BLOCKS if block.language == "yaml"]
    assert [block.file for block in plans if block.file] == list(CASES)
    assert len(plans) == len(CASES) + 1


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "console"], ids=lambda one: one.line)
def test_its_commands_print_what_it_says(
    block: Block, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the letter: rows are the same for the same seed, but for dates that are counted from the day."""
    monkeypatch.chdir(folder)
    (command,) = commands_of(block)
    assert _dispatch(words_of(command)) == 0
    assert _undated(capsys.readouterr().out) == _undated(block.text.partition("\n")[2])


def _undated(text: str) -> list[str]:
    """The words; a date that is one day later each day is none of them."""
    return re.sub(r"\d{4}-\d\d-\d\d", "DATE", text).split()


def test_its_table_of_options_is_that_of_the_command() -> None:
    """Each option of ``generate``."""
    options = text_of("test-data").partition("| option of `generate` |")[2].partition("\n\n")[0]
    known = vars(parse(["data", "generate", "plan.yaml"]))
    named = {option.replace("-", "_") for option in re.findall(r"^\| `--([a-z-]+)", options, re.MULTILINE)}
    assert named == set(known) - {"plan", "part", "verb"}


def test_the_users_of_the_page_run(server: RecipeServer, folder: Path) -> None:
    """Each logs in with a row of its own."""
    write_plan(folder, {"scenarios": {"load": {"locustfile": "users.py"}}}, "users.yaml")
    case = Case({"base_url": server.url, **few(10, users=5)}, {"POST /login": 5, "GET /items": 10})
    run(folder / "users.yaml", case, {})
