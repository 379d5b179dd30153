"""Whether the generator's data is whole, and whether it was fit to judge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from tests.support.runs import interval

from loadworthy.analysis.own_readings import Readings
from loadworthy.analysis.validity import Health, beside_scenarios, judge_health
from loadworthy.analysis.verdict import Verdict


def health_of(cpu: Sequence[float] = (), lag_ms: Sequence[float] = (), process: int = 0) -> Health:
    readings = Readings()
    for second, value in enumerate(cpu):
        readings.add(interval(second, process=process, health={"cpu": value}))
    for second, value in enumerate(lag_ms, start=len(cpu)):
        readings.add(interval(second, process=process, health={"loop_lag_ms": value}))
    return judge_health(readings, ())


@pytest.mark.parametrize(
    ("numbers", "missing"),
    [
        ([0, 1, 2], []),
        ([1, 2], [0]),
        ([0, 3], [1, 2]),
        ([2, 0, 1], []),
        ([5], [0, 1, 2, 3, 4]),
    ],
)
def test_gaps_in_a_processs_numbers(numbers: list[int], missing: list[int]) -> None:
    """Numbers count from 0 without a hole; what would follow the last one is no gap."""
    readings = Readings()
    for number in numbers:
        readings.add(interval(number, process=2))
        readings.add(interval(number, process=3, number=numbers.index(number)))
    assert readings.missing() == ({2: missing} if missing else {})


def test_long_gaps_are_told_short() -> None:
    """The first few numbers, and how many more."""
    readings = Readings()
    readings.add(interval(9, process=4))
    (reason,) = judge_health(readings, ()).reasons
    assert reason.startswith("9 intervals of process 4 never arrived (number 0, 1, 2 and 6 more)")


@pytest.mark.parametrize(
    ("torn", "tails", "verdict"), [(0, 0, "pass"), (1, 1, "pass"), (4, 4, "pass"), (1, 0, "invalid"), (3, 1, "invalid")]
)
def test_only_cut_off_last_lines_are_harmless(torn: int, tails: int, verdict: str) -> None:
    """Each file may end in a torn line; any other damage is missing data."""
    assert judge_health(Readings(), (), torn, tails).verdict is Verdict(verdict)


@pytest.mark.parametrize(
    ("cpu", "warned"),
    [
        ([0.7] * 10, True),
        ([0.69] * 100, False),
        ([0.1] * 95 + [1.0] * 5, False),
        ([0.1] * 94 + [1.0] * 6, True),
        ([], False),
    ],
)
def test_a_busy_processor_is_a_warning(cpu: list[float], warned: bool) -> None:
    """From 70 % of a core at the 95th percentile of the seconds; alone it never makes the run invalid."""
    health = health_of(cpu)
    assert health.verdict is Verdict.PASS
    assert bool(health.warnings) is warned


def test_the_busiest_process_is_named() -> None:
    """One busy process among idle ones is not averaged away."""
    readings = Readings()
    for second in range(20):
        for process, cpu in ((1, 0.2), (2, 0.96), (3, 0.1)):
            readings.add(interval(second, process=process, health={"cpu": cpu}))
    health = judge_health(readings, ())
    assert health.cpu == 0.96
    assert "process 2 used 96 % of a core" in health.warnings[0]


@pytest.mark.parametrize(("lag_ms", "warned"), [([1.0, 19.9], False), ([1.0, 20.0, 3.0], True)])
def test_a_late_loop_is_a_warning(lag_ms: list[float], warned: bool) -> None:
    """From 20 ms in any interval, with how many of them were late."""
    health = health_of(lag_ms=lag_ms)
    assert health.loop_lag_ms == max(lag_ms)
    assert bool(health.warnings) is warned
    assert not warned or "(1 of 3 intervals" in health.warnings[0]


def test_lost_workers_are_counted_and_named() -> None:
    """Their load and data are gone."""
    events: list[dict[str, Any]] = [
        {"type": "worker_lost", "process": 1},
        {"type": "stage"},
        {"type": "worker_lost", "process": 3},
    ]
    health = judge_health(Readings(), events)
    assert health.verdict is Verdict.INVALID
    assert "lost 2 workers (process 1, 3)" in health.reasons[0]


def test_without_readings_the_figures_are_unknown() -> None:
    """Null, not zero."""
    assert judge_health(Readings(), ()).to_json() == {
        "verdict": "pass",
        "loop_lag_ms": None,
        "cpu": None,
        "gc_pause_ms": None,
        "reasons": [],
    }


def judged(**health: float) -> Health:
    """Of a second with these readings after one with none."""
    readings = Readings()
    readings.add(interval(0, health={}))
    readings.add(interval(1, health=health))
    return judge_health(readings, ())


@pytest.mark.parametrize(
    ("health", "words"),
    [
        ({"gc_pause_ms": 19.9}, None),
        ({"gc_pause_ms": 164.0}, "garbage collector paused it for up to 164 ms (1 of 1 intervals had 20 ms or more)"),
        ({"fds": 799, "fd_limit": 1000}, None),
        ({"fds": 800, "fd_limit": 1000}, "800 of the 1,000 files open that it may"),
        ({"fds": 800}, None),
        ({"ports": 0.79}, None),
        ({"ports": 0.8}, "80 % of this machine's ephemeral ports"),
    ],
)
def test_other_readings_are_warnings(health: dict[str, float], words: str | None) -> None:
    """Pauses from 20 ms, descriptors and ports from four fifths; what is not read is not warned of."""
    made = judged(**health)
    assert made.verdict is Verdict.PASS
    assert [words in warning for warning in made.warnings if words] == ([True] if words else [])
    assert len(made.warnings) == (1 if words else 0)


def test_the_worst_readings_stand_in_the_summary() -> None:
    """What was read, at its worst, and the share that is the generator's own; what was never read is left out."""
    readings = Readings()
    readings.add(interval(0, health={"fds": 90, "fd_limit": 100, "ports": 0.2, "gc_pause_ms": 3.0}))
    readings.add(interval(1, health={"fds": 500, "fd_limit": 1000, "ports": 0.5}, receive_lag_us=[100] * 99 + [9000]))
    data = judge_health(readings, ()).to_json()
    assert (data["fds"], data["fd_limit"], data["ports"], data["gc_pause_ms"]) == (90, 100, 0.5, 3.0)
    assert data["receive_lag_ms"] == {"p50": 0.1, "p99": None, "max": 9.0}
    assert {"send_lag_ms", "dropped"}.isdisjoint(data)


def test_what_scenarios_say_is_added() -> None:
    """Each reason makes the whole invalid, warnings do not; both stand after those of the run."""
    whole = judged(ports=0.9)
    warned = beside_scenarios(whole, [], ["load: slow."], dropped=3)
    assert (warned.verdict, warned.warnings[-1], warned.to_json()["dropped"]) == (Verdict.PASS, "load: slow.", 3)
    assert len(warned.warnings) == 2
    assert beside_scenarios(whole, ["load: late."], []).verdict is Verdict.INVALID
