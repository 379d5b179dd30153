"""A page as a browser's parser takes it: its elements in order, its text, its scripts and what its policy allows."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

from loadworthy.analysis.reading import read
from loadworthy.analysis.resources import resource_series
from loadworthy.analysis.summarize import summarize
from loadworthy.record.rundir import Run
from loadworthy.report.figures.library import library
from loadworthy.report.html import report_html
from loadworthy.report.html_page import CHARTS, REPORT, SCRIPTED, TABLES, script
from loadworthy.report.scenario_figures import scenario_groups

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 7919*7927 }}"
PRODUCT = "62773913"
"""What stands in a page where the template in :data:`EVIL` was run."""

_VOID = {"meta", "br", "hr", "img", "input", "link", "base"}
_FETCHES = {"link", "img", "iframe", "object", "embed", "base", "form", "audio", "video", "image", "use", "frame"}
_ADDRESSES = {"src", "srcset", "action", "data", "href", "xlink:href", "formaction", "poster", "background", "ping"}


class Outline(HTMLParser):
    """Checks that every element is closed in order; collects tags, attributes, text, scripts and styles."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.styles = ""
        self.scripts: list[str] = []
        """Those that run, in order."""
        self.data: list[str] = []
        """Blocks of JSON."""
        self._holds_data = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._began(tag, attrs)
        if tag not in _VOID:
            self.open.append(tag)
        if tag == "script":
            self._holds_data = ("type", "application/json") in attrs
            (self.data if self._holds_data else self.scripts).append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._began(tag, attrs)

    def _began(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(key, value or "") for key, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["script"]:
            (self.data if self._holds_data else self.scripts)[-1] += data
        elif self.open[-1:] == ["style"]:
            self.styles += data
        else:
            self.text += data

    def values(self, key: str) -> list[str]:
        """Of all attributes of this name."""
        return [value for name, value in self.attributes if name == key]


def outlined(page: str) -> Outline:
    """A page, all of whose elements are closed in order."""
    outline = Outline()
    outline.feed(page)
    outline.close()
    assert not outline.open
    return outline


def page_data(page: str) -> Any:
    """What the scripts of a page are given."""
    (block,) = outlined(page).data
    return json.loads(block)


def groups_of(page: str) -> dict[str, dict[str, Any]]:
    """Anchor → key of a figure → what the scripts are given of it."""
    return {
        group["id"]: {one["id"].removeprefix(f"{group['id']}-"): one for one in group["figures"]}
        for group in page_data(page)["groups"]
    }


def assert_ours_alone(page: str) -> None:
    """It fetches nothing; the scripts in it are ours, each once, and its policy allows just these; no id twice."""
    outline = outlined(page)
    assert not _FETCHES & set(outline.tags)
    links = {value for key in _ADDRESSES for value in outline.values(key)}
    assert all(link.startswith(("#", "../")) for link in links), links
    assert not any(key.startswith("on") for key, _ in outline.attributes)
    assert "url(" not in outline.styles
    assert "@import" not in outline.styles
    ours = [script(name) for name in (SCRIPTED, CHARTS, TABLES, REPORT)]
    assert [one for one in outline.scripts if one != library()] == ours
    assert_policy_allows(outline)
    ids = outline.values("id")
    assert sorted(ids) == sorted(set(ids))


def assert_policy_allows(outline: Outline) -> None:
    """Exactly the scripts that are in the page, by their hashes: none from elsewhere, none in an attribute, no eval."""
    (policy,) = (value for value in outline.values("content") if "script-src" in value)
    allowed = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert allowed["default-src"] == "'none'"
    assert allowed["base-uri"] == "'none'"
    assert allowed["form-action"] == "'none'"
    assert allowed["script-src"].split() == [f"'sha256-{_hash(one)}'" for one in outline.scripts]


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def report_page(run: Run) -> str:
    """``report.html`` of a run, which must be freshly opened."""
    reading = read(run)
    summary = summarize(run, reading)
    resources = resource_series(run.resources, reading.totals.scenarios)
    groups = scenario_groups(summary, reading, run.events, resources)
    return report_html(summary, run.manifest, run.failures, groups)


def section(page: str, heading: str) -> str:
    """The page from a heading of the third level to the next one."""
    return re.split(rf"<h3[^>]*>{heading}", page)[1].split("<h3", maxsplit=1)[0]


def told(part: str) -> str:
    """The text of a piece of a page, with single spaces."""
    text = re.sub(r"<[^>]+>", " ", part).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return " ".join(text.split())
