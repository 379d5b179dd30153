"""Several runs as a trend: a row for each scenario of each run, with what changed since the one before.

Made of the runs' ``summary.json`` alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from loadworthy.analysis.verdict import Verdict

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class TrendRow:
    """One scenario of one run. ``p95_change`` is relative to the run of this scenario before; None where unknown.

    Where it looked for its own load, ``capacity`` is the safe load, iterations per second, and the figures are those of
    the trial that confirmed it: over all trials together they would mean nothing. Of safe loads that differ the times
    cannot be compared, and ``capacity_change`` takes the place of ``p95_change``.
    """

    run: str
    has_report: bool
    started_at: str | None
    scenario: str
    kind: str
    verdict: str
    requests: int
    error_rate: float | None
    throughput: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    users_max: int
    p95_change: float | None = None
    capacity: float | None = None
    capacity_change: float | None = None


def trend_rows(known: Iterable[tuple[Path, Json]]) -> list[TrendRow]:
    """The rows of runs in the order of time, each with its ``summary.json``; the newest is first."""
    before: dict[str, TrendRow] = {}
    rows = []
    for path, data in known:
        for name, one in data["scenarios"].items():
            row = _with_changes(_row(path, data, name, one), before.get(name))
            rows.append(row)
            if row.p95_ms is not None or row.capacity is not None:
                before[name] = row
    return rows[::-1]


def _row(path: Path, data: Json, name: str, one: Json) -> TrendRow:
    searched = one.get("capacity")
    shown = one if searched is None else _confirmed(searched)
    times = shown.get("response_time_ms") or {}
    return TrendRow(
        run=path.name,
        has_report=(path / "report.html").is_file(),
        started_at=data.get("started_at"),
        scenario=name,
        kind=one["kind"],
        verdict=Verdict(one["verdict"]).value,
        requests=one["requests"],
        error_rate=shown.get("error_rate"),
        throughput=shown.get("throughput"),
        p50_ms=times.get("p50"),
        p95_ms=times.get("p95"),
        p99_ms=times.get("p99"),
        users_max=one["users_max"],
        capacity=None if searched is None else searched["rate"],
    )


def _confirmed(capacity: Json) -> Json:
    """The trial that speaks for the safe load; without figures where no rate held."""
    mine = [one for one in capacity["trials"] if one["rate"] == capacity["rate"] and one["verdict"] == "good"]
    found: Json = max(mine, key=lambda one: (one["duration_s"], one["number"]), default={})
    return found


def _with_changes(row: TrendRow, before: TrendRow | None) -> TrendRow:
    if before is None or (row.capacity is None) != (before.capacity is None):
        return row
    if row.capacity is not None:
        return replace(row, capacity_change=_change(row.capacity, before.capacity))
    return replace(row, p95_change=_change(row.p95_ms, before.p95_ms))


def _change(now: float | None, before: float | None) -> float | None:
    return round(now / before - 1, 6) if now is not None and before else None
