"""docs/import.md: its sources become the plans that it shows, with what it says of them, and the plans run."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from tests.support.guide import ROOT, Block, blocks_of, commands_of, parse, text_of, words_of, write_files
from tests.support.guide_runs import Case, few, run
from tests.support.recipes import RecipeServer

from loadworthy.cli.import_ import FORMATS
from loadworthy.cli.main import _dispatch

BLOCKS = blocks_of("import")
TRANSCRIPTS = [block for block in BLOCKS if block.language == "console"]
PLANS = {str(block.file): block for block in BLOCKS if block.language == "yaml"}
NO_RAMP = {"scenarios.*.spawn_rate": None}
CASES: dict[str, Case] = {
    "api.yaml": Case(
        {**few(40, users=4), **NO_RAMP},
        {
            "POST /login": 4,
            "GET /items": None,
            "POST /orders": None,
            "GET /orders/[id]": None,
            "DELETE /orders/[id]": None,
        },
        lambda state: not state["orders"],
    ),
    "config.yaml": Case({**few(20), **NO_RAMP}, {"GET /items": None, "GET /items/7": None}),
    "runbook.yaml": Case({**few(10), **NO_RAMP}, {"GET /items": 10}),
}
"""Those whose requests the service answers as the page says; curl.yaml wants a token that the service knows."""


@pytest.fixture(scope="module")
def server() -> Iterator[RecipeServer]:
    """One for all plans."""
    with RecipeServer() as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The sources of the page."""
    write_files([block for block in BLOCKS if block.language != "yaml"], tmp_path)
    shutil.copy(ROOT / "tests" / "importers" / "samples" / "shop-chrome.har", tmp_path / "shop.har")
    return tmp_path


@pytest.mark.parametrize("block", TRANSCRIPTS, ids=lambda block: f"line {block.line}")
def test_a_source_becomes_what_the_page_says(
    block: Block, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is printed, line by line but for those that are elided, and the plan that stands below it."""
    monkeypatch.chdir(folder)
    (command,) = commands_of(block)
    words = words_of(command)
    assert _dispatch(words) == 0
    printed = capsys.readouterr().out
    for part in re.split(r"^…\n", block.text.partition("\n")[2], flags=re.MULTILINE):
        if part not in printed:
            assert part.splitlines() == printed.splitlines()  # shows the difference
    name = words[words.index("--out") + 1]
    if name in PLANS:
        written = (folder / name).read_text(encoding="utf-8")
        assert yaml.safe_load(PLANS[name].text) == yaml.safe_load(written)


@pytest.mark.parametrize("name", CASES)
def test_the_plan_runs(name: str, server: RecipeServer, folder: Path) -> None:
    """At once, with the variables that were named."""
    server.forget()
    plan = folder / name
    plan.write_text(PLANS[name].text, encoding="utf-8")
    overrides = {"base_url": server.url, **CASES[name].overrides}
    case = Case(overrides, CASES[name].series, CASES[name].holds)
    run(plan, case, {"API_USER": "ann", "API_PASSWORD": "open-sesame"})
    assert case.holds(server.state())


def test_its_table_of_options_is_that_of_the_command() -> None:
    """And its formats are all that there are."""
    table = text_of("import").partition("| option | default | what it is |")[2].partition("\n\n")[0]
    known = {"format" if key == "format" else key for key in vars(parse(["import", "x"]))} - {"verb", "source"}
    named = {option.replace("from", "format") for option in re.findall(r"^\| `--([a-z]+)", table, re.MULTILINE)}
    assert named == known
    (formats,) = re.findall(r"^\| `--from FORMAT` \| .*? \| (.*) \|$", table, re.MULTILINE)
    assert re.findall(r"`(\w+)`", formats) == list(FORMATS)
