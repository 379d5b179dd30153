"""The Prometheus text, read back by ``prometheus_client`` and by our own monitor: both find the summary's figures."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.report.searches import enduring, scenario, stressed, summary, threshold
from tests.support.exported import EVERY_RUN, HOSTILE
from tests.support.golden import assert_golden
from tests.support.shop import failing_run

from loadworthy.analysis.recovery import Recovery
from loadworthy.analysis.stages import StageReport
from loadworthy.analysis.verdict import Verdict
from loadworthy.monitor.exposition import parse_exposition
from loadworthy.record.rundir import Run
from loadworthy.report.exports import Source, export
from loadworthy.report.prometheus_text import prometheus_text

Key = tuple[str, tuple[tuple[str, str], ...]]


def of(source: Source) -> str:
    return export("prometheus", source)["loadworthy.prom"].decode()


def read_back(text: str) -> dict[Key, float]:
    """(name, labels) → value, by the client library; no series may come twice, none has a timestamp."""
    found: dict[Key, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in found
            assert sample.timestamp is None
            found[key] = sample.value
    return found


def value(found: dict[Key, float], metric: str, /, **labels: str) -> float | None:
    return found.get((metric, tuple(sorted(labels.items()))))


def test_golden(tmp_path: Path) -> None:
    """Of a run that fails in many ways."""
    assert_golden("prometheus_failing.prom", of(Source(failing_run(tmp_path))))


@pytest.mark.parametrize("make", EVERY_RUN.values(), ids=list(EVERY_RUN))
def test_both_parsers_read_the_same(make: Callable[[Path], Run], tmp_path: Path) -> None:
    """Whatever the run; every metric has its help, and its type before its first value."""
    text = of(Source(make(tmp_path)))
    theirs = read_back(text)
    ours = {(one.name, tuple(sorted(one.labels.items()))): one.value for one in parse_exposition(text)}
    assert ours == theirs
    declared = re.findall(r"^# TYPE (\S+) (gauge|summary)$", text, re.MULTILINE)
    assert len(declared) == len(set(declared)) == text.count("# HELP ")
    base = {re.sub(r"_(sum|count)$", "", name) if "response_time" in name else name for name, _ in theirs}
    assert base == {name for name, _ in declared}


def test_the_values_are_the_summarys(tmp_path: Path) -> None:
    """In seconds and shares; what is unknown is left out."""
    source = Source(failing_run(tmp_path))
    found = read_back(of(source))
    one = source.whole.scenarios["load"]
    assert value(found, "loadworthy_scenario_requests", scenario="load") == one.figures.requests == 4200
    assert value(found, "loadworthy_scenario_failures", scenario="load") == 16
    assert value(found, "loadworthy_scenario_failures_by_kind", scenario="load", failure="timeout_read") == 4
    p95 = value(found, "loadworthy_scenario_response_time_seconds", scenario="load", quantile="0.95")
    assert p95 == pytest.approx(one.figures.response_time_ms.p95 / 1000, abs=1e-6)  # type: ignore[operator]
    assert value(found, "loadworthy_scenario_response_time_seconds", scenario="spike", quantile="0.99") is None
    assert value(found, "loadworthy_scenario_response_time_seconds_count", scenario="load") == 4200
    total_s = value(found, "loadworthy_scenario_response_time_seconds_sum", scenario="load")
    assert total_s == pytest.approx(one.figures.response_time_ms.mean * 4.2, rel=1e-3)  # type: ignore[operator]
    named = {"scenario": "load", "kind": "GET", "name": "/items/[id]"}
    assert value(found, "loadworthy_series_failures", **named) == 4
    assert value(found, "loadworthy_run_duration_seconds") == 32
    assert value(found, "loadworthy_generator_cpu_ratio") == 0.93
    margin = value(found, "loadworthy_threshold_margin_ratio", scenario="load", threshold="p95 < 250ms")
    assert margin == pytest.approx(one.thresholds[0].margin)


def test_a_verdict_is_a_set_of_states(tmp_path: Path) -> None:
    """One of them is 1, for the run, the generator, each scenario and each threshold."""
    source = Source(failing_run(tmp_path))
    found = read_back(of(source))
    sets: dict[Key, dict[str, float]] = {}
    for (name, labels), number in found.items():
        if name.endswith("_verdict"):
            verdict = dict(labels)["verdict"]
            rest = tuple(item for item in labels if item[0] != "verdict")
            sets.setdefault((name, rest), {})[verdict] = number
    assert len(sets) == 2 + 3 + 9
    for states in sets.values():
        assert set(states) == {verdict.value for verdict in Verdict}
        assert sorted(states.values()) == [0, 0, 0, 1]
    assert sets["loadworthy_run_verdict", ()]["fail"] == 1
    key = ("loadworthy_threshold_verdict", (("scenario", "spike"), ("threshold", "p99 < 200ms")))
    assert sets[key]["undecided"] == 1


def test_the_run_has_its_name_in_one_place_only(tmp_path: Path) -> None:
    """Else every run would make all time series anew."""
    text = of(Source(failing_run(tmp_path)))
    assert text.count("2026-11-20T14-05-09-load") == 1


def test_what_was_looked_for_is_there() -> None:
    """Capacity, recovery and drift; twice the same threshold is one."""
    twice = (threshold(), threshold())
    text = prometheus_text(summary(stressed(), enduring(), scenario("same", thresholds=twice)))
    found = read_back(text)
    bounds = {bound: value(found, "loadworthy_capacity_iterations_per_second", scenario="find", bound=bound)
              for bound in ("low", "safe", "high")}  # fmt: skip
    assert bounds == {"low": 391.4, "safe": 399.5, "high": 442.0}
    assert value(found, "loadworthy_recovered", scenario="find") == 1
    assert value(found, "loadworthy_recovery_time_seconds", scenario="find") == 14
    leak = {"scenario": "soak", "source": "process on port 8080", "metric": "memory_bytes"}
    assert value(found, "loadworthy_drift_verdict", **leak, verdict="fail") == 1
    assert value(found, "loadworthy_drift_change_ratio", **leak) == 0.24


@pytest.mark.parametrize(("recovered", "expected"), [(True, 1), (False, 0), (None, None)])
def test_a_recovery_after_stages(recovered: bool | None, expected: float | None) -> None:
    """One that is not known is left out."""
    report = StageReport((), None, (), Recovery(None, recovered, 20.0))
    found = read_back(prometheus_text(summary(scenario(stages=report))))
    assert value(found, "loadworthy_recovered", scenario="find") == expected


def test_hostile_labels_come_back_as_they_were(tmp_path: Path) -> None:
    """Quotes, backslashes and line ends among them."""
    found = read_back(of(Source(EVERY_RUN["hostile"](tmp_path))))
    names = {dict(labels)["name"] for name, labels in found if name == "loadworthy_series_requests"}
    assert names == {text.encode("utf-8", "backslashreplace").decode() for text in HOSTILE}


@pytest.mark.parametrize("started_at", [None, "yesterday"])
def test_a_start_that_is_unknown_is_left_out(started_at: str | None) -> None:
    """As all that is unknown."""
    one = replace(summary(scenario()), started_at=started_at, duration_s=None)
    assert "start_time" not in prometheus_text(one)
    assert "duration_seconds" not in prometheus_text(one).split("scenario_duration")[0]
