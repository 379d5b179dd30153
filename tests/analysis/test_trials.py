"""Judging a trial of a search by counting what was bad."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import runs

from loadworthy.analysis.accumulate import ScenarioTotals
from loadworthy.analysis.segments import SegmentCutter, SegmentData
from loadworthy.analysis.trials import is_bad_for_sure, judge_trial
from loadworthy.plan.search_objectives import Objective, objective_of
from loadworthy.plan.thresholds import parse_threshold
from loadworthy.record.interval import Interval

MS = 1000


def objectives(*expressions: str) -> list[Objective]:
    found = [objective_of(parse_threshold(text)) for text in expressions]
    return [one for one in found if one is not None]


def trial(
    times_ms: Sequence[float] = (),
    *,
    failures: int = 0,
    dropped: int = 0,
    unfinished: int = 0,
    late: int = 0,
    health: Mapping[str, float] | None = None,
    seconds: int = 1,
) -> SegmentData:
    """A trial in which these requests were made, one an iteration."""
    data = SegmentData(ScenarioTotals("find"))
    for second in range(seconds):
        mine = times_ms[second::seconds]
        failed = {"status": failures} if failures and second == 0 else {}
        interval = runs.interval(
            second, runs.series("/x", [round(time * MS) for time in mine], failures=failed), scenario="find",
            sent=len(mine) + (unfinished if second == 0 else 0), dropped=dropped if second == 0 else 0,
            scheduled=len(mine) + (unfinished + dropped if second == 0 else 0), late=late if second == 0 else 0,
            health=health,
        )  # fmt: skip
        interval.iterations, interval.segment = len(mine), 3
        if mine:
            interval.parts.append(runs.series("find", [round(time * MS) for time in mine], kind="iteration"))
        data.add(interval)
    return data


@pytest.mark.parametrize(
    ("slow", "is_bad"), [(0, False), (5, False), (6, True), (100, True)]
)  # fmt: skip
def test_a_percentile_lets_its_share_be_slow(slow: int, is_bad: bool) -> None:
    """p95: five of a hundred may be slower, six may not."""
    judgement = judge_trial(trial([600] * slow + [10] * (100 - slow)), objectives("p95 < 500ms"))
    assert judgement.is_bad is is_bad
    assert judgement.results[0].share == pytest.approx(slow / 100)
    assert judgement.results[0].allowed == pytest.approx(0.05)


def test_failed_dropped_and_unfinished_count_as_slow() -> None:
    """Each for itself is enough to break p95 where it is more than a twentieth of what was intended."""
    good = [10.0] * 94
    for bad in (
        trial([*good, *[10.0] * 6], failures=6),
        trial(good, dropped=6),
        trial(good, unfinished=6),
        trial([*good[:92], *[600.0] * 2], failures=2, dropped=2, unfinished=2),
    ):
        assert judge_trial(bad, objectives("p95 < 500ms")).is_bad
    assert not judge_trial(trial([*good, 10.0], dropped=5), objectives("p95 < 500ms")).is_bad


def test_errors_are_an_objective_of_their_own() -> None:
    """A slow answer is no error."""
    data = trial([900.0] * 20 + [10.0] * 80, failures=2)
    judgement = judge_trial(data, objectives("p95 < 500ms", "error_rate < 1%"))
    assert [one.is_broken for one in judgement.results] == [True, True]
    judgement = judge_trial(trial([900.0] * 100), objectives("error_rate < 1%"))
    assert not judgement.is_bad


def test_an_objective_of_a_series_looks_at_that_series() -> None:
    """Another series may be as slow as it likes."""
    data = trial([900.0] * 100)
    assert judge_trial(data, objectives("GET /x p95 < 500ms")).is_bad
    assert judge_trial(data, objectives("GET /* p95 < 500ms")).is_bad
    assert judge_trial(data, objectives("iteration p95 < 500ms")).is_bad


def test_without_anything_to_judge_by_nobody_knows_whether_a_rate_holds() -> None:
    """No request at all, none of the series or tag that is named: no reason to ask for more."""
    good = trial([10.0] * 100)
    for expression, words in (
        ("GET /y p95 < 500ms", "no request belongs to 'GET /y'; of 2 series the nearest are"),
        ("tag:checkout p95 < 500ms", "no step has the tag 'checkout'; no step has any"),
    ):
        judgement = judge_trial(good, objectives("error_rate < 1%", expression))
        assert not judgement.is_bad
        assert judgement.no_evidence is not None
        assert words in judgement.no_evidence
    nothing = judge_trial(SegmentData(ScenarioTotals("find")), objectives("p95 < 500ms"))
    assert nothing.no_evidence == "no request was made, so there is nothing to judge a rate by"
    assert judge_trial(good, objectives("p95 < 500ms")).no_evidence is None
    lost = judge_trial(trial([], dropped=50), objectives("GET /y p95 < 500ms"))
    assert lost.is_bad
    assert lost.no_evidence is None


def test_arrivals_that_are_missing_are_the_generators() -> None:
    """Of 1,000 that were asked for 100 are on record: whatever they say, a process was lost or is late."""
    judgement = judge_trial(trial([10.0] * 100), objectives("p95 < 500ms"), 1000)
    assert judgement.by_generator == "100 of 1,000 arrivals are on record: a process is lost, or late"
    assert judge_trial(trial([10.0] * 100), objectives("p95 < 500ms"), 100).by_generator is None


@given(slow=st.integers(0, 60), failed=st.integers(0, 60), dropped=st.integers(0, 60))
def test_the_share_is_that_of_what_was_intended(slow: int, failed: int, dropped: int) -> None:
    """With one request an iteration: (bad requests + dropped) ÷ (requests + dropped), whatever the numbers."""
    data = trial([900.0] * slow + [10.0] * (120 - slow), failures=failed, dropped=dropped)
    (result,) = judge_trial(data, objectives("p50 < 500ms")).results
    assert result.share == pytest.approx((min(slow + failed, 120) + dropped) / (120 + dropped))


def test_a_generator_that_could_not_keep_up_says_nothing_of_the_target() -> None:
    """Arrivals that were never sent for want of a generator: bad, but not by the service."""
    judgement = judge_trial(trial([10.0] * 400, dropped=100, late=100), objectives("p95 < 500ms"))
    assert judgement.is_bad
    assert judgement.by_generator is not None
    assert "the generator was behind" in judgement.by_generator
    judgement = judge_trial(trial([900.0] * 400), objectives("p95 < 500ms"))
    assert judgement.is_bad
    assert judgement.by_generator is None


def test_it_is_bad_for_sure_only_when_the_rest_cannot_save_it() -> None:
    """Of 1,000 arrivals 50 may be slow: 51 decide, however many are still to come; 50 do not."""
    (objective,) = objectives("p95 < 500ms")
    assert not is_bad_for_sure(trial([900.0] * 50), [objective], 1000)
    assert is_bad_for_sure(trial([900.0] * 51), [objective], 1000)
    assert not is_bad_for_sure(trial([]), [objective], 1000)


def test_segments_are_kept_apart_whatever_the_clock_says() -> None:
    """Intervals go by the segment that they name; those without one are nobody's."""

    def one(segment: int | None, requests: int) -> Interval:
        interval = runs.interval(0, runs.series("/x", [1000] * requests), scenario="find")
        interval.segment = segment
        return interval

    cutter = SegmentCutter([{"type": "segment", "scenario": "find", "number": 2, "purpose": "stress"}])
    for interval in (one(None, 9), one(1, 3), one(2, 4), one(1, 2)):
        cutter.add(interval)
    found = cutter.scenarios["find"]
    assert {number: data.totals.total.requests for number, data in found.items()} == {1: 5, 2: 4}
    assert {number: len(data.intervals) for number, data in found.items()} == {1: 0, 2: 1}
    assert [one.to_json() for one in found[2].each_interval()] == [one(2, 4).to_json()]
