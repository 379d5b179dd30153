"""Observers beside the view: none can end the run, and each is told all."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pytest

from loadworthy.engine.observer import Watchers
from loadworthy.record.interval import Interval


class Noting:
    """Notes what it is told; raises what it is given."""

    def __init__(self, error: Exception | None = None) -> None:
        self.told: list[object] = []
        self._error = error

    def on_event(self, event: Mapping[str, Any]) -> None:
        self._note(event)

    def on_interval(self, interval: Interval) -> None:
        self._note(interval)

    def tick(self, elapsed_us: int, planned_us: int | None, users: int) -> None:
        self._note((elapsed_us, planned_us, users))

    def _note(self, what: object) -> None:
        self.told.append(what)
        if self._error is not None:
            raise self._error


def test_one_that_fails_is_told_of_once_and_goes_on_being_told(caplog: pytest.LogCaptureFixture) -> None:
    """The view and the others miss nothing by it."""
    view, bad, good = Noting(), Noting(ValueError("no")), Noting()
    watchers = Watchers(view, [bad, good])
    with caplog.at_level(logging.WARNING):
        watchers.on_event({"type": "stage"})
        watchers.tick(1, None, 3)
    assert view.told == good.told == bad.told == [{"type": "stage"}, (1, None, 3)]
    assert [record.message for record in caplog.records] == [
        "the observer Noting failed and may miss something: ValueError: no"
    ]


def test_a_screen_that_is_gone_is_not_missed(caplog: pytest.LogCaptureFixture) -> None:
    """A view that cannot print is told nothing more; the observers are."""
    view, other = Noting(BrokenPipeError()), Noting()
    watchers = Watchers(view, [other])
    watchers.tick(1, None, 0)
    watchers.tick(2, None, 0)
    assert view.told == [(1, None, 0)]
    assert other.told == [(1, None, 0), (2, None, 0)]
    assert not caplog.records
