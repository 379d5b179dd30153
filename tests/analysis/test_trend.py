"""The history of a figure, and what stands beside its changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.runs import interval, make_run, manifest, series

from loadworthy.analysis.summarize import summarize
from loadworthy.analysis.trend import TrendPoint, indexed_run, trend
from loadworthy.record.index import FIGURES, IndexedRun, IndexedSeries


def point(
    number: int, p95: float | None, *, verdict: str = "pass", revision: str | None = "aaaa", load: str = "x"
) -> TrendPoint:
    """A run with one figure."""
    run = IndexedRun(f"run-{number:02}", "", f"2026-11-20T14:{number:02}:00+00:00", verdict, revision, dirty=False)
    return TrendPoint(run, IndexedSeries("load", "", load, {} if p95 is None else {"p95": p95}))


def history(levels: list[float], split: int, **after: str) -> list[TrendPoint]:
    """Two levels, with other facts from the split on."""
    return [point(n, level, **(after if n >= split else {})) for n, level in enumerate(levels)]


LEVELS = [100.0, 101, 99, 100, 102, 98, 100, 99, 120, 121, 119, 120, 122, 118, 120, 121]


def test_a_change_is_told_with_the_runs_and_commits_around_it() -> None:
    """The first run of the new level, and the one before."""
    found = trend("load", "", "p95", history(LEVELS, 8, revision="bbbb"))
    (change,) = found.changes
    assert (change.before.run.name, change.after.run.name) == ("run-07", "run-08")
    assert (change.before.run.revision, change.after.run.revision) == ("aaaa", "bbbb")
    assert change.found.change == pytest.approx(0.205, abs=0.01)
    assert not change.same_revision
    assert not change.other_load
    assert found.values == LEVELS


def test_it_is_known_where_the_code_did_not_change_or_the_load_did() -> None:
    """Both runs at one commit; another plan from there on."""
    (change,) = trend("load", "", "p95", history(LEVELS, 8, load="y")).changes
    assert change.same_revision
    assert change.other_load


def test_invalid_runs_and_unknown_figures_stand_in_the_history_and_change_nothing() -> None:
    """Five runs that were wild because the generator was."""
    points = history(LEVELS[:8], 8) + [point(n, 900.0, verdict="invalid") for n in range(8, 14)] + [point(14, None)]
    found = trend("load", "", "p95", points)
    assert found.changes == ()
    assert len(found.points) == 15
    assert found.values[-1] is None


def test_what_is_kept_of_a_run_is_what_its_summary_says(tmp_path: Path) -> None:
    """Whole and series; figures that are not known are no figures."""
    run = make_run(
        tmp_path / "run",
        [
            interval(s, series("/a", [1000 * (s + 1)] * 20, failures={"status": 2}), series("/b", [900]))
            for s in range(10)
        ],
        run_json=manifest(git={"revision": "0123456789abcdef", "dirty": True}),
    )
    summary = summarize(run).to_json()
    summary["scenarios"]["load"]["capacity"] = {"rate": 400.0, "low": 390.0, "high": 410.0}
    kept = indexed_run("run", "stamp", summary, run.manifest)
    assert (kept.name, kept.stamp, kept.revision, kept.dirty) == ("run", "stamp", "0123456789abcdef", True)
    assert kept.started_at.startswith("2026-11-20T14:05:09")
    whole, a, b = kept.series
    assert (whole.series, a.series, b.series) == ("", "GET /a", "GET /b")
    load = summary["scenarios"]["load"]
    assert whole.figures["p95"] == load["response_time_ms"]["p95"]
    assert whole.figures["error_rate"] == load["error_rate"]
    assert whole.figures["capacity"] == 400.0
    assert "capacity" not in a.figures
    assert "p99" not in b.figures
    assert set(whole.figures) <= set(FIGURES)
    assert a.fingerprint == whole.fingerprint


def test_a_search_is_kept_with_the_figures_of_its_safe_load(tmp_path: Path) -> None:
    """Those of the longest good trial at the rate that it found, not those over all trials."""
    intervals = [interval(number, series("/a", [10_000] * 50)) for number in range(3)]
    run = make_run(tmp_path / "run", intervals, run_json=manifest({"load": []}))
    summary = summarize(run).to_json()

    def trial(rate: float, verdict: str, length_s: float, p95: float) -> dict[str, object]:
        times = {"mean": p95, "p50": p95, "p95": p95, "p99": p95}
        counts = {"requests": 7, "error_rate": 0.0, "throughput": rate}
        return {"rate": rate, "verdict": verdict, "duration_s": length_s, "response_time_ms": times, **counts}

    trials = [trial(50, "good", 99, 1), trial(100, "bad", 40, 2), trial(100, "good", 10, 3), trial(100, "good", 40, 4)]
    summary["scenarios"]["load"]["capacity"] = {"rate": 100, "trials": trials}
    kept = indexed_run("run", "stamp", summary, run.manifest).series[0].figures
    assert (kept["capacity"], kept["p95"], kept["requests"], kept["throughput"]) == (100, 4, 7, 100)
    summary["scenarios"]["load"]["capacity"] = {"rate": None, "trials": []}
    kept = indexed_run("run", "stamp", summary, run.manifest).series[0].figures
    assert "capacity" not in kept
    assert kept["requests"] == 150
