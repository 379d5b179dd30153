"""docs/testing.md: its code runs as it stands, and its tables name what there is."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest
from tests.support.cli import command

import loadworthy.testing
from loadworthy.testing import Exchange, Fault
from loadworthy.testing.faults import fault_from_json
from loadworthy.testing.routes import Route

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    ("block", "said"),
    [
        (0, r"requests 20 median ms \d+\.\d+\n"),
        pytest.param(1, r"(?s).*well: pass\n.*one in ten fails: fail\n.*slow: fail\n", marks=pytest.mark.slow),
        (2, r"True\n# TYPE process_resident_memory_bytes gauge\n"),
    ],
)
def test_the_programs_of_the_guide_run(block: int, said: str, tmp_path: Path) -> None:
    """Each block is a whole program, and says what the text around it promises."""
    done = command("-c", BLOCKS[block], cwd=tmp_path)
    assert done.code == 0, done.err
    assert re.fullmatch(said, done.out), done.out


def test_every_python_block_is_among_those_that_are_run() -> None:
    """A new one needs a line above."""
    assert len(BLOCKS) == 3


def test_the_tables_name_all_faults_their_arguments_and_all_columns() -> None:
    """And nothing that there is not."""
    rows = dict(re.findall(r"^\| `([A-Z]\w+)\((.*?)\)` \|", GUIDE, re.MULTILINE))
    kinds = {name: kind for name, kind in vars(loadworthy.testing).items() if _is_fault(kind)}
    assert set(rows) == set(kinds)
    for name, arguments in rows.items():
        own = {field.name for field in fields(kinds[name])} - {"at_s", "for_s", "every_s", "path"}
        assert set(re.findall(r"(\w+)=", arguments)) == own, name
    log = GUIDE.partition("## The log")[2].partition("##")[0]
    columns = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`[^|]*)\|", log, re.MULTILINE)))
    assert set(columns) == set(Exchange._fields)


def _is_fault(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Fault) and kind is not Fault


def test_the_json_of_the_guide_is_understood() -> None:
    """As the server's process would read it."""
    found = re.search(r"^echo '(.*)' >", GUIDE, re.MULTILINE)
    assert found is not None
    spec = json.loads(found[1])
    assert [Route.from_json(item) for item in spec["routes"]] == [Route("*")]
    assert [fault_from_json(item).kind for item in spec["faults"]] == ["stall"]
