"""docs/live-page.md: its options, its addresses and its locustfile are those that there are."""

from __future__ import annotations

import re
from pathlib import Path

from tests.page.test_routes import Noted
from tests.support.cli import command, loadworthy

from loadworthy.page.routes import page_blueprint
from loadworthy.page.stream import Stream
from loadworthy.page.two_pages import TwoPages
from loadworthy.page.view import view_of
from loadworthy.plan.model import Plan
from loadworthy.report.live_feed import LiveFeed
from loadworthy.report.live_scenario import MOST_SERIES

DOCS = Path(__file__).resolve().parents[2] / "docs"
GUIDE = (DOCS / "live-page.md").read_text(encoding="utf-8")


def test_its_options_are_those_of_the_command(tmp_path: Path) -> None:
    """Each that the guide names is one of ``loadworthy run``, or of Locust."""
    known = loadworthy("run", "--help", cwd=tmp_path).out + command("-m", "locust", "--help", cwd=tmp_path).out
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", GUIDE))
    assert {"--ui", "--ui-host", "--ui-port", "--autoquit"} <= named
    assert [option for option in sorted(named) if option not in known] == []


def test_its_addresses_are_those_of_the_page() -> None:
    """And how many series are shown is what it says."""
    plan = Plan.model_validate({"scenarios": {"load": {"users": 1}}})
    pages = TwoPages()
    pages.add(page_blueprint(view_of(plan, ["load"], "x"), Stream(LiveFeed(plan)), Noted()))
    known = {rule.rule.removeprefix("/loadworthy/") for rule in pages._own.url_map.iter_rules()}
    table = GUIDE.partition("## For programs")[2].partition("\n\nWhat")[0]
    named = [name for row in table.splitlines()[4:] for name in re.findall(r"`([^`]+)`", row.split("|")[1])]
    assert named[:4] == ["events", "start", "stop", "load"]
    for name in named[:4]:
        assert name in known
    assert "download/<path:name>" in known
    assert f"at most {MOST_SERIES}." in GUIDE


def test_its_locustfile_can_be_loaded(tmp_path: Path) -> None:
    """As it stands; it needs no more than a user class."""
    (block,) = re.findall(r"^```python\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    (tmp_path / "locustfile.py").write_text(f"{block}\nfrom locust import User\n\nclass One(User):\n    pass\n")
    done = command("-m", "locust", "-f", "locustfile.py", "--list", cwd=tmp_path)
    assert (done.code, "One" in done.out) == (0, True), done.err


def test_its_pictures_are_there() -> None:
    """All that it shows."""
    for name in re.findall(r"!\[[^]]*\]\(([^)]+)\)", GUIDE):
        assert (DOCS / name).is_file(), name
