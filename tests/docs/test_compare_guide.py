"""docs/compare.md: its commands are understood, and its tables name what there is."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from tests.support.compared import simulated_run

from loadworthy.analysis.comparison import Question, compare
from loadworthy.cli.main import _parser
from loadworthy.record.index import FIGURES
from loadworthy.report.compare import CompareReport, compare_json

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "compare.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^loadworthy .+$", GUIDE, re.MULTILINE)


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_of_the_guide_is_understood(line: str) -> None:
    """Its options exist."""
    words = shlex.split(line)[1:]
    assert _parser(only=words[0]).parse_args(words).verb == words[0]


@pytest.mark.parametrize("verb", ["compare", "ab", "history"])
def test_every_option_stands_in_the_guide(verb: str) -> None:
    """In the section of its command."""
    begins = {"compare": "## Compare\n", "ab": "## Two targets", "history": "## History"}[verb]
    told = GUIDE.split(begins)[1].split("\n## ")[0]
    assert {option for option in re.findall(r"--[a-z-]+", _help(verb)) if option not in told} <= {"--to", "--help"}


def _help(verb: str) -> str:
    (verbs,) = (action for action in _parser(only=verb)._actions if action.dest == "verb")
    return str(verbs.choices[verb].format_help())  # type: ignore[index]


def test_the_figures_of_a_history_are_named() -> None:
    """All of them, and nothing else."""
    sentence = GUIDE.split("`--figure`, one of ")[1].split(". ")[0]
    assert set(re.findall(r"`(\w+)`", sentence)) == set(FIGURES)


def test_the_json_is_as_the_tables_say() -> None:
    """Every key, and no other."""
    rng = np.random.default_rng(51)
    found = compare([simulated_run(rng)], [simulated_run(rng)], Question())
    data = json.loads(compare_json(CompareReport(found, (), ())))
    section = GUIDE.split("## The JSON of a comparison")[1]
    tables = section.split("A figure has:")
    for table, keys in zip(tables, (data, data["figures"][0]), strict=True):
        rows = re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE)
        assert {key for row in rows for key in re.findall(r"`(\w+)`", row)} == set(keys)
