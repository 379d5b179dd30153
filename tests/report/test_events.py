"""Events in one line each."""

from __future__ import annotations

from typing import Any

import pytest

from loadworthy.report.events import describe


@pytest.mark.parametrize(
    ("event", "line"),
    [
        ({"type": "load_changed", "scenario": "load", "factor": 1.5, "message": "by hand: 1.5 times the planned load"},
         "load: by hand: 1.5 times the planned load"),
        ({"type": "load_changed", "scenario": "load", "factor": 2}, "load: its load was changed by hand"),
        ({"type": "interrupted", "message": "stopped from the live page"}, "interrupted: stopped from the live page"),
        ({"type": "run_started", "path": "/runs/x"}, None),
    ],
)  # fmt: skip
def test_what_a_person_did_is_told(event: dict[str, Any], line: str | None) -> None:
    """A change of the load with its scenario, a stop with who asked; where the run is, is for programs."""
    assert describe(event) == line
