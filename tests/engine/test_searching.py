"""Leading a search: against a queue in virtual time, which answers as a real crew would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from tests.engine.test_drive import FakeStop, Log

from loadworthy.analysis.capacity import capacity_of, capacity_sentence
from loadworthy.analysis.segments import SegmentCutter
from loadworthy.engine.drive import Control, EndReason, Part, UserClasses, drive
from loadworthy.engine.searching import COOL_DOWN, WARM_UP, Searcher
from loadworthy.plan.model import Scenario
from loadworthy.record.histogram import Histogram
from loadworthy.record.interval import Interval, SeriesInterval
from loadworthy.testing import FakeClock
from loadworthy.units import US_PER_S
from loadworthy.workload.arrivals import Split
from loadworthy.workload.profile import LoadChange, profile_of
from loadworthy.workload.segment import Segment

START_MS = 1_795_183_509_000
CAPACITY = 400.0


class QueueCrew:
    """Users before a server that does one thing after another; what they measured comes a while later."""

    def __init__(
        self, clock: FakeClock, *, late_s: float = 0.0, lost_at_s: float = 1e9, broken_after: int = 99
    ) -> None:
        self._clock = clock
        self._start_us = clock.monotonic_us()
        self._late_us = round(late_s * US_PER_S)
        self._lost_at_s = lost_at_s
        self._broken_after = broken_after
        self._segment: Segment | None = None
        self._at = self._done = np.zeros(0, dtype=np.int64)
        self._told = 0
        self._number = 0
        self.users = 0
        self.searcher: Searcher | None = None
        self.intervals: list[Interval] = []
        self.segments: list[Segment] = []
        self.cuts: list[int] = []

    def now_s(self) -> float:
        return round(self._now_us() / US_PER_S, 3)

    def _now_us(self) -> int:
        return self._clock.monotonic_us() - self._start_us

    @property
    def lead_us(self) -> int:
        return 100_000

    def extend(self, scenario: str, segment: Segment) -> None:
        self._segment = segment
        self.segments.append(segment)
        source = segment.source("7/find", [Split(0, 1)])
        at = []
        while (arrival := source.take()) is not None:
            at.append(arrival.at_us)
        self._set(np.array(at, dtype=np.int64))
        self._told = segment.at_us

    def _set(self, at: np.ndarray[Any, Any]) -> None:
        service = round(US_PER_S / CAPACITY)
        begun = np.maximum.accumulate(at - np.arange(at.size) * service) + np.arange(at.size) * service
        self._at, self._done = at, begun + service

    def change_load(self, scenario: str, changes: Sequence[LoadChange]) -> None:
        raise AssertionError("nobody changes the load of a search")

    def cut_short(self, scenario: str) -> None:
        self._set(self._at[self._at <= self._now_us()])
        assert self._segment is not None
        self.cuts.append(self._segment.number)

    def is_idle(self, scenario: str) -> bool:
        return not self._done.size or self._now_us() >= self._done[-1]

    def over(self, scenario: str) -> EndReason | None:
        """Asked at each look, so the figures of the seconds that are over are handed out here."""
        while self._segment is not None and self._now_us() >= self._told + US_PER_S + self._late_us:
            self._hand_out(self._told, self._told + US_PER_S)
            self._told += US_PER_S
        return EndReason.WORKERS_LOST if self.now_s() >= self._lost_at_s else None

    def _hand_out(self, from_us: int, to_us: int) -> None:
        assert self._segment is not None
        assert self.searcher is not None
        begun = int(((self._at >= from_us) & (self._at < to_us)).sum())
        done = (self._done >= from_us) & (self._done < to_us)
        failures = int(done.sum()) if len(self.segments) > self._broken_after else 0
        series = SeriesInterval("GET", "/", requests=int(done.sum()), failures=failures)
        series.failure_kinds = {"status": failures} if failures else {}
        series.response = Histogram.of((self._done - self._at)[done].tolist())
        series.service = series.response
        interval = Interval(
            "find", 0, self._number, START_MS + from_us // 1000, 1000, iterations=int(done.sum()), scheduled=begun,
            sent=begun, series=[series] if series.requests else [], segment=self._segment.number,
        )  # fmt: skip
        if series.requests:
            iterations = SeriesInterval("iteration", "find", requests=series.requests)
            iterations.response = iterations.service = series.response
            interval.parts = [iterations]
        self._number += 1
        self.intervals.append(interval)
        self.searcher.add(interval)

    def aim(self, scenario: str, users: int, per_second: float, user_classes: UserClasses = None) -> None: ...

    def begin(self, wave: Sequence[str]) -> None: ...

    def start(self) -> None: ...

    def dismiss(self, scenario: str) -> None: ...

    def end(self) -> None: ...


def search(
    plan: Mapping[str, Any], *, stop_at_s: float | None = None, **crew_keys: Any
) -> tuple[dict[str, EndReason], QueueCrew, list[dict[str, Any]], Log, Scenario]:
    scenario = Scenario.model_validate({"kind": "capacity", "thresholds": ["p95 < 200ms", "error_rate < 1%"], **plan})
    clock, events = FakeClock(), list[dict[str, Any]]()
    crew, control = QueueCrew(clock, **crew_keys), Control()
    control.stop = FakeStop(clock, stop_at_s)  # type: ignore[assignment]
    searcher = Searcher("find", scenario, "7/find", 30 * US_PER_S, events.append)
    crew.searcher = searcher
    log = Log(crew)  # type: ignore[arg-type]  # of a crew it asks the time only
    reasons = drive(crew, [Part("find", profile_of(scenario), leader=searcher)], control, clock, log)
    return reasons, crew, events, log, scenario


def of_type(events: Sequence[Mapping[str, Any]], kind: str) -> list[Mapping[str, Any]]:
    return [event for event in events if event["type"] == kind]


def test_it_finds_what_the_server_carries() -> None:
    """400 a second, within five per cent, and it never asks for more than twice what was known to hold."""
    reasons, crew, events, _, _ = search({})
    assert reasons == {"find": EndReason.COMPLETED}
    (found,) = of_type(events, "capacity")
    assert found["ended"] == "found"
    assert found["rate"] == pytest.approx(CAPACITY, rel=0.05)
    held = 0.0
    for trial in of_type(events, "trial"):
        assert trial["rate"] <= 2 * max(held, 10.0) * (1 + 1e-9)
        held = held if trial["is_bad"] else max(held, trial["rate"])
    assert [segment.number for segment in crew.segments] == list(range(len(crew.segments)))


def test_the_run_directory_gives_the_same_answer() -> None:
    """From the events and the intervals alone the report finds what the run found."""
    _, crew, events, _, scenario = search({})
    cutter = SegmentCutter(events)
    for interval in crew.intervals:
        cutter.add(interval)
    report = capacity_of("find", scenario, events, cutter.scenarios["find"])
    (found,) = of_type(events, "capacity")
    assert (report.rate, report.result.low, report.result.high) == (found["rate"], found["low"], found["high"])
    assert report.limited_by == "p95 < 200ms"
    assert [trial.is_bad for trial in report.trials] == [one["is_bad"] for one in of_type(events, "trial")]
    assert all(any(one.is_broken for one in trial.results) == trial.is_bad for trial in report.trials)


def test_a_trial_is_stopped_once_it_is_bad_for_sure() -> None:
    """One far above the capacity is not sent to its end; one that holds always is."""
    _, crew, events, _, _ = search({})
    trials = {trial["number"]: trial for trial in of_type(events, "trial")}
    assert set(crew.cuts) <= {number for number, trial in trials.items() if trial["is_bad"]}
    far_too_much = [trial for trial in trials.values() if trial["rate"] > 1.5 * CAPACITY]
    assert far_too_much
    assert all(trial["sending_s"] < 0.7 * trial["duration_s"] for trial in far_too_much if trial["duration_s"] > 5)
    whole = [trial for trial in trials.values() if trial["number"] not in crew.cuts]
    assert all(trial["sending_s"] == pytest.approx(trial["duration_s"]) for trial in whole)
    cut = [trial for trial in trials.values() if trial["number"] in crew.cuts]
    assert len({trial["sending_s"] for trial in cut}) > 1


def test_nothing_begins_before_all_that_was_asked_has_ended() -> None:
    """Each segment begins after the last answer of the one before, also where figures come a second late."""
    for late_s in (0.0, 1.2):
        _, crew, events, _, _ = search({}, late_s=late_s)
        counted = dict.fromkeys((segment.number for segment in crew.segments), 0)
        for interval in crew.intervals:
            assert interval.segment is not None
            counted[interval.segment] += interval.sent - interval.iterations
        assert set(counted.values()) == {0}
        assert of_type(events, "capacity")[0]["rate"] == pytest.approx(CAPACITY, rel=0.05)


def test_after_a_bad_trial_it_looks_whether_the_target_is_itself_again() -> None:
    """A sparse segment follows each bad trial, and no good one; the first segment of all is the warm-up."""
    _, _, events, _, _ = search({})
    purposes = {event["number"]: event["purpose"] for event in of_type(events, "segment")}
    assert purposes[0] == WARM_UP
    for trial in of_type(events, "trial"):
        follows = purposes.get(trial["number"] + 1)
        assert (follows == COOL_DOWN) == trial["is_bad"]


def test_a_stress_goes_on_with_an_overload_and_the_base_again() -> None:
    """Half of the capacity, one and a half times of it for 20 s, half of it again, each told as a stage."""
    _, crew, events, log, _ = search({"kind": "stress", "overload_time": "20s", "recovery_time": "40s"})
    rate = of_type(events, "capacity")[0]["rate"]
    phases = [(leg.from_rate, leg.length_us / US_PER_S) for leg in crew.segments[-1].legs]
    assert phases == [(0.5 * rate, 10.0), (1.5 * rate, 20.0), (0.5 * rate, 40.0)]
    assert [(index, amount) for _, _, index, amount in log.stages] == [
        (0, {"rate": 0.5 * rate}), (1, {"rate": 1.5 * rate}), (2, {"rate": 0.5 * rate}),
    ]  # fmt: skip
    began_s = crew.segments[-1].at_us / US_PER_S
    assert [at_s - began_s for at_s, *_ in log.stages] == pytest.approx([0, 10, 30], abs=0.3)


def test_limits_of_the_plan_are_kept() -> None:
    """With a highest rate below the capacity that rate is the answer; with little time it ends by then."""
    _, crew, events, _, _ = search({"max_rate": "150/s"})
    (found,) = of_type(events, "capacity")
    assert (found["ended"], found["rate"], found["high"]) == ("max_rate", 150.0, None)
    assert max(leg.to_rate for segment in crew.segments for leg in segment.legs) == 150.0
    _, crew, events, _, _ = search({"max_duration": "45s"})
    assert of_type(events, "capacity")[0]["ended"] == "max_duration"
    assert crew.now_s() < 60


def test_a_service_that_always_fails_carries_nothing() -> None:
    """No rate holds, and it says so instead of an answer."""
    _, _, events, _, _ = search({}, broken_after=0)
    (found,) = of_type(events, "capacity")
    assert (found["ended"], found["rate"]) == ("nothing_held", None)


def test_it_ends_when_told_to_or_when_nobody_is_left() -> None:
    """At once in both cases; nothing is said of a capacity that was not found."""
    reasons, crew, events, _, _ = search({}, stop_at_s=20)
    assert reasons == {"find": EndReason.INTERRUPTED}
    assert crew.now_s() < 21
    assert not of_type(events, "capacity")
    reasons, crew, events, _, _ = search({}, lost_at_s=20)
    assert reasons == {"find": EndReason.WORKERS_LOST}
    assert not of_type(events, "capacity")


def test_the_same_seed_asks_for_the_same_arrivals() -> None:
    """Two searches with one seed make the same segments."""
    first, second = (search({})[1].segments for _ in range(2))
    assert [segment.to_json() for segment in first] == [segment.to_json() for segment in second]


def test_a_series_that_is_never_seen_ends_the_search() -> None:
    """It is tried once more for longer, for it may be rare; nobody asks for more without knowing what the last did."""
    _, crew, events, _, scenario = search({"thresholds": ["GET /typo p95 < 200ms"]})
    (found,) = of_type(events, "capacity")
    assert (found["ended"], found["rate"]) == ("no_evidence", None)
    assert "no request belongs to 'GET /typo'; of 2 series the nearest are GET /" in found["why"]
    assert [leg.to_rate for segment in crew.segments for leg in segment.legs] == [10.0] * 3
    report = capacity_of("find", scenario, events, {})
    assert capacity_sentence(report) == f"nobody knows what it carries: {found['why']}"


def test_parts_are_objectives_too() -> None:
    """A whole iteration, as a flow has it: not what no series matches and so always holds."""
    _, _, events, _, _ = search({"thresholds": ["iteration p95 < 200ms"]})
    (found,) = of_type(events, "capacity")
    assert found["ended"] == "found"
    assert found["rate"] == pytest.approx(CAPACITY, rel=0.05)


def test_the_time_that_is_left_goes_down_to_nothing() -> None:
    """In the last phases of a stress, too."""
    scenario = Scenario.model_validate({"kind": "stress", "thresholds": ["p95 < 200ms"], "overload_time": "20s"})
    clock = FakeClock()
    crew = QueueCrew(clock)
    crew.searcher = searcher = Searcher("find", scenario, "7/find", 30 * US_PER_S, lambda _: None)
    left: list[int] = []

    class Watch(Log):
        def tick(self, elapsed_us: int) -> None:
            left.append(searcher.left_us)

    control = Control()
    control.stop = FakeStop(clock, None)  # type: ignore[assignment]
    drive(crew, [Part("find", profile_of(scenario), leader=searcher)], control, clock, Watch(crew))  # type: ignore[arg-type]
    assert left[-1] == 0
    assert max(left) > 60 * US_PER_S
    falls = sum(after < before for before, after in pairwise(left))
    assert falls > 0.8 * len(left)  # it goes up only where a trial shows that more are needed
    stress = [value for value in left[-100:] if value]
    assert stress == sorted(stress, reverse=True)
