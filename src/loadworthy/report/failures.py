"""Failures for people: how many of each kind, and what a few of them looked like."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class FailureExample:
    """One way to fail in one series, with the first sample kept of it. ``kept`` counts samples, not failures."""

    scenario: str
    series: str
    kind: str
    message: str
    status: int
    url: str
    excerpt: str
    kept: int


def failure_examples(lines: Iterable[Mapping[str, Any]], scenario: str) -> list[FailureExample]:
    """The different ways to fail in a scenario, from the lines of ``failures.jsonl``, in the order they were seen."""
    first: dict[tuple[str, str, str], Mapping[str, Any]] = {}
    kept: dict[tuple[str, str, str], int] = {}
    for line in lines:
        if line.get("scenario") != scenario:
            continue
        series = f"{line.get('kind', '')} {line.get('name', '')}"
        key = (str(line.get("failure", "")), series, str(line.get("message", "")))
        first.setdefault(key, line)
        kept[key] = kept.get(key, 0) + 1
    return [_example(scenario, key, line, kept[key]) for key, line in first.items()]


def _example(scenario: str, key: tuple[str, str, str], line: Mapping[str, Any], kept: int) -> FailureExample:
    kind, series, message = key
    status = line.get("status")
    return FailureExample(
        scenario=scenario,
        series=series,
        kind=kind,
        message=message,
        status=status if isinstance(status, int) else 0,
        url=str(line.get("url") or ""),
        excerpt=str(line.get("excerpt") or ""),
        kept=kept,
    )
