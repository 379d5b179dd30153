"""The plan's ``reporting`` section: which reports are wanted, and what of it has no effect."""

from __future__ import annotations

from typing import Any

import pytest

from loadworthy.plan.reporting import DEFAULT_FORMATS, FORMATS, formats_of, idle_keys


@pytest.mark.parametrize(
    ("reporting", "wanted", "idle"),
    [
        ({}, DEFAULT_FORMATS, []),
        ({"formats": ["junit", "html", "junit"]}, ("junit", "html"), []),
        ({"formats": []}, (), []),
        ({"formats": ["pdf", "html"]}, ("html",), ["formats: pdf"]),
        ({"formats": "html"}, DEFAULT_FORMATS, ["formats"]),
        ({"formats": [1]}, DEFAULT_FORMATS, ["formats"]),
        ({"results_dir": "x", "formats": ["csv"]}, ("csv",), ["results_dir"]),
    ],
)
def test_formats(reporting: dict[str, Any], wanted: tuple[str, ...], idle: list[str]) -> None:
    """Each once, in the order written; without a list of names the usual ones; what is no format is told of."""
    assert formats_of(reporting) == wanted
    assert idle_keys(reporting) == idle


def test_a_run_without_a_plan_has_the_usual_reports() -> None:
    """A manifest may hold anything."""
    assert formats_of(None) == formats_of([1]) == DEFAULT_FORMATS


def test_every_format_can_be_written() -> None:
    """The names are those of the exports, and ``plots`` for pictures."""
    from loadworthy.report import exports

    assert set(FORMATS) - {"plots"} <= set(exports.FORMATS)
