"""docs/reports.md against the code: its pictures are there, its plan loads, its formats are all that there are."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from loadworthy.plan.load import load_plan
from loadworthy.plan.reporting import DEFAULT_FORMATS, FORMATS, formats_of

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "reports.md").read_text(encoding="utf-8")


def test_its_pictures_are_there() -> None:
    """Also those of the other pages, and none lies about unused."""
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    shown = {
        (page.parent / path).resolve()
        for page in pages
        for path in re.findall(r"!\[[^\]]+\]\(([^)]+\.png)\)", page.read_text(encoding="utf-8"))
    }
    assert {path for path in shown if not path.is_file()} == set()
    assert set((ROOT / "docs" / "pictures").glob("*.png")) == shown


def test_its_plan_says_what_is_left(tmp_path: Path) -> None:
    """The example loads, and the formats in it are those that a run would write."""
    (example,) = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
    path = tmp_path / "plan.yaml"
    path.write_text(example, encoding="utf-8")
    plan = load_plan(path, environ={}).plan
    assert formats_of(plan.reporting) == tuple(yaml.safe_load(example)["reporting"]["formats"])


def test_every_format_stands_in_its_table() -> None:
    """And the usual ones are named as such."""
    table = GUIDE.split("| format | files |")[1].split("\n\n")[0]
    assert [name for name in FORMATS if f"`{name}`" not in table] == []
    usual = GUIDE.split("Without `formats` these are")[1].split(";")[0]
    assert re.findall(r"`([a-z]+)`", usual) == list(DEFAULT_FORMATS)
