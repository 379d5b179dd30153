"""Is it worse? Rates over simulated services, and the rules one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.support.compared import simulated_run, simulated_side

from loadworthy.analysis.compared_figures import Change, ComparedFigure
from loadworthy.analysis.comparison import Comparison, Question, compare, means
from loadworthy.analysis.contrast import Basis
from loadworthy.analysis.samples_by_window import (
    ALL,
    Measured,
    RunSample,
    ScenarioSample,
    SeriesSample,
    with_capacity,
)
from loadworthy.record.histogram import Histogram

PAIRS = 200


def worse_share(runs: int, ratio: float, tolerance: float, seed: int, figure: str | None = None) -> float:
    """In how many of 200 simulated pairs something, or one figure, is called worse; 3 % run-to-run spread."""
    rng = np.random.default_rng(seed)
    worse = 0
    for _ in range(PAIRS):
        base, new = (simulated_side(rng, runs, factor=factor) for factor in (1.0, ratio))
        found = compare(base, new, Question(tolerance=tolerance))
        assert len(found.figures) == 4
        worse += any(one.figure in (figure, one.figure if figure is None else figure) for one in found.of(Change.WORSE))
    return worse / PAIRS


@pytest.mark.slow
@pytest.mark.parametrize("runs", [5, 8])
@pytest.mark.parametrize("tolerance", [0.0, 0.05])
def test_a_service_is_not_worse_than_itself(runs: int, tolerance: float) -> None:
    """A/A: at most 5 % "worse" over 200 pairs, even where no change at all is tolerated (seed 11)."""
    assert worse_share(runs, 1.0, tolerance, seed=11) <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize(("runs", "tolerance"), [(8, 0.0), (8, 0.02), (12, 0.03)])
def test_ten_percent_more_are_found(runs: int, tolerance: float) -> None:
    """A p99 that is 10 % higher is called worse in at least 90 % of 200 pairs (seed 12)."""
    assert worse_share(runs, 1.1, tolerance, seed=12, figure="p99") >= 0.9


@pytest.mark.slow
def test_taking_requests_for_independent_would_not_do() -> None:
    """The guard of the two above: one run a side that decides by its windows calls a service worse than itself in more
    than a quarter of 200 pairs (seed 13); so it is not let decide unless asked."""
    rng = np.random.default_rng(13)
    verdicts = []
    for _ in range(PAIRS):
        base, new = [[simulated_run(rng)], [simulated_run(rng)]]
        verdicts.append(compare(base, new, Question(tolerance=0.0, one_run_is_enough=True)).verdict)
    assert verdicts.count(Change.WORSE) / PAIRS > 0.25


def figures_of(found: Comparison) -> dict[tuple[str, str], ComparedFigure]:
    """By series and figure."""
    return {(one.series, one.figure): one for one in found.figures}


def made_series(
    logs: dict[float, float], *, bad: float = 0.0, per_s: float | None = 100.0, requests: int = 100_000
) -> SeriesSample:
    """A series with chosen figures; its histogram holds the first of them alone."""
    middle = round(math.exp(next(iter(logs.values()), 0.0)))
    return SeriesSample(
        requests=requests,
        failures=round(bad * requests),
        response=Histogram.of([middle] * 10),
        log_percentiles={fraction: Measured(value, None) for fraction, value in logs.items()},
        bad_share=Measured(bad, None),
        log_throughput=None if per_s is None else Measured(math.log(per_s), None),
    )


def made_side(*runs: dict[str, SeriesSample], workload: str = "closed", name: str = "load") -> list[RunSample]:
    """Runs with chosen series."""
    return [RunSample(f"run-{number}", {name: ScenarioSample(workload, series)}) for number, series in enumerate(runs)]


def around(middle_ms: float, **how: float) -> list[dict[str, SeriesSample]]:
    """Five runs, 1 % apart from each other."""
    return [
        {ALL: made_series({0.5: math.log(middle_ms * 1000 * (1 + shift / 100))}, **how), "GET /": made_series({})}  # type: ignore[arg-type]
        for shift in (-1, -0.5, 0, 0.5, 1)
    ]


MEDIAN_ONLY = Question(fractions=(0.5,))


@pytest.mark.parametrize(
    ("new_ms", "verdict", "better"),
    [(10.0, Change.NOT_WORSE, False), (12.0, Change.WORSE, False), (10.5, Change.UNDECIDED, False),
     (8.0, Change.NOT_WORSE, True)],
)  # fmt: skip
def test_the_interval_decides_against_the_tolerance(new_ms: float, verdict: Change, better: bool) -> None:
    """Beyond 5 % with its low end: worse; within with its high end: not worse; else undecided. Better is told, too."""
    found = compare(made_side(*around(10.0)), made_side(*around(new_ms)), MEDIAN_ONLY)
    median = figures_of(found)[ALL, "p50"]
    assert (median.verdict, median.better) == (verdict, better)
    assert median.change == pytest.approx(new_ms / 10 - 1, abs=0.001)
    assert median.low is not None
    assert median.high is not None
    assert median.low < median.change < median.high
    assert (median.low > 0.05) == (verdict is Change.WORSE)
    assert (median.high < 0.05) == (verdict is Change.NOT_WORSE)
    assert found.verdict is verdict


def test_more_figures_ask_for_more_evidence_of_worse_but_not_of_not_worse() -> None:
    """Holm: the low end of a figure among many lies further out; the high end stays where it is."""
    alone = compare(made_side(*around(10.0)), made_side(*around(10.8)), MEDIAN_ONLY)
    series = [{**run, **{f"GET /{number}": run[ALL] for number in range(30)}} for run in around(10.0)]
    slower = [{**run, **{f"GET /{number}": run[ALL] for number in range(30)}} for run in around(10.8)]
    among = compare(made_side(*series), made_side(*slower), MEDIAN_ONLY)
    one, many = (figures_of(found)[ALL, "p50"] for found in (alone, among))
    assert (one.low or 0) > (many.low or 0)
    assert one.high == many.high


def test_throughput_of_closed_workloads_is_compared_and_less_is_worse() -> None:
    """Told as it is: a change of -20 %."""
    found = compare(made_side(*around(10.0)), made_side(*around(10.0, per_s=80.0)), MEDIAN_ONLY)
    throughput = figures_of(found)[ALL, "throughput"]
    assert throughput.verdict is Change.WORSE
    assert throughput.change == pytest.approx(-0.2)
    assert (throughput.low or 0) <= -0.2 <= (throughput.high or 0) < 0
    more = compare(made_side(*around(10.0)), made_side(*around(10.0, per_s=130.0)), MEDIAN_ONLY)
    assert figures_of(more)[ALL, "throughput"].better


def test_throughput_of_open_workloads_is_what_was_asked_for() -> None:
    """So it is left out, and that is said."""
    base, new = (made_side(*around(10.0), workload="open") for _ in range(2))
    found = compare(base, new, MEDIAN_ONLY)
    assert (ALL, "throughput") not in figures_of(found)
    assert any("throughput is what was asked for" in note for note in found.notes)


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [(0.0, 0.0, Change.NOT_WORSE), (0.0, 0.02, Change.WORSE), (0.01, 0.0101, Change.NOT_WORSE),
     (0.0, 0.001, Change.UNDECIDED), (0.02, 0.0, Change.NOT_WORSE)],
)  # fmt: skip
def test_more_failures_are_worse_by_their_share(before: float, after: float, verdict: Change) -> None:
    """The tolerance is a tenth of a percent of all requests, and its part of what failed before."""
    found = compare(made_side(*around(10.0, bad=before)), made_side(*around(10.0, bad=after)), MEDIAN_ONLY)
    errors = figures_of(found)[ALL, "error rate"]
    assert errors.verdict is verdict
    assert errors.change == pytest.approx(after - before)


def test_no_failure_among_few_requests_is_no_proof() -> None:
    """Of 50 requests a run, none failed on either side: a share of a tenth of a percent cannot be excluded."""
    base, new = (made_side(*around(10.0, requests=50)) for _ in range(2))
    assert figures_of(compare(base, new, MEDIAN_ONLY))[ALL, "error rate"].verdict is Change.UNDECIDED


def test_one_run_a_side_is_undecided_unless_it_is_said_to_be_enough() -> None:
    """Labelled either way."""
    rng = np.random.default_rng(14)
    base, new = [[simulated_run(rng)], [simulated_run(rng, factor=2.0)]]
    found = compare(base, new, Question())
    assert found.verdict is Change.UNDECIDED
    assert {one.verdict for one in found.figures} == {Change.UNDECIDED}
    assert any("no run-to-run variance" in note for note in found.notes)
    assert all(one.low is not None for one in found.figures)
    decided = compare(base, new, Question(one_run_is_enough=True))
    assert decided.verdict is Change.WORSE
    assert any("no run-to-run variance" in note for note in decided.notes)
    assert {one.basis for one in decided.figures} == {Basis.WINDOWS}


def test_single_runs_too_short_have_no_interval_and_say_so() -> None:
    """Five seconds are five windows."""
    rng = np.random.default_rng(15)
    base, new = [[simulated_run(rng, seconds=5)], [simulated_run(rng, seconds=5, factor=2.0)]]
    found = compare(base, new, Question(one_run_is_enough=True))
    assert found.verdict is Change.UNDECIDED
    assert {one.low for one in found.figures} == {None}
    assert any("too short" in note for note in found.notes)


def test_one_new_run_is_held_against_several() -> None:
    """The usual case in CI: a baseline of eight, one run now. Twice as slow is found; as it was is not called worse."""
    rng = np.random.default_rng(16)
    base = simulated_side(rng, 8)
    assert compare(base, [simulated_run(rng, factor=2.0)], Question()).verdict is Change.WORSE
    same = compare(base, [simulated_run(rng)], Question())
    assert same.verdict is not Change.WORSE
    assert any("that of the other side" in note for note in same.notes)


def test_what_only_one_side_has_is_told_and_not_compared() -> None:
    """Scenarios and series."""
    base, new = around(10.0), [{**run, "GET /new": run[ALL]} for run in around(10.0)]
    found = compare(made_side(*base), made_side(*new), MEDIAN_ONLY)
    assert any("GET /new is only in NEW" in note for note in found.notes)
    assert "GET /new" not in {one.series for one in found.figures}
    other = compare(made_side(*base), made_side(*base, name="smoke"), MEDIAN_ONLY)
    assert other.verdict is Change.UNDECIDED
    assert not other.figures
    assert {"load ran only in BASE, so it is not compared.", "smoke ran only in NEW, so it is not compared."} <= set(
        other.notes
    )


@pytest.mark.parametrize(
    ("pattern", "label", "is_meant"),
    [
        ("GET /contacts/[id]", "GET /contacts/[id]", True),
        ("/contacts/[id]", "GET /contacts/[id]", True),
        ("GET /contacts/[id]", "GET /contacts/i", False),
        ("GET /*[id]", "GET /contacts/[id]", True),
        ("GET /items?page", "GET /items?page", True),
        ("GET /items?page", "GET /items/page", False),
        ("GET", "GET /items", False),
        ("/items", "GET /items/7", False),
        ("*", "push /events", True),
    ],
)
def test_in_a_pattern_only_the_star_is_special(pattern: str, label: str, is_meant: bool) -> None:
    """As in thresholds: names hold brackets and question marks; a name may stand without its kind."""
    assert means(pattern, label) is is_meant
    runs = [{ALL: run[ALL], label: run[ALL], "GET /other": run[ALL]} for run in around(10.0)]
    found = compare(made_side(*runs), made_side(*runs), Question(fractions=(0.5,), series=pattern))
    assert (label in {one.series for one in found.figures}) is is_meant


def test_a_pattern_picks_series_and_leaves_the_whole_out() -> None:
    """``GET /a*`` and nothing else."""
    runs = [{**run, "GET /a": run[ALL], "GET /ab": run[ALL], "POST /a": run[ALL]} for run in around(10.0)]
    found = compare(made_side(*runs), made_side(*runs), Question(fractions=(0.5,), series="GET /a*"))
    assert {one.series for one in found.figures} == {"GET /a", "GET /ab"}
    assert found.verdict is Change.NOT_WORSE
    everything = compare(made_side(*runs), made_side(*runs), Question(fractions=(0.5,), series="*"))
    assert {one.series for one in everything.figures} == {"GET /a", "GET /ab", "POST /a"}


def test_a_figure_that_no_run_can_name_is_told_and_not_compared() -> None:
    """It does not leave the whole undecided for ever."""
    found = compare(made_side(*around(10.0)), made_side(*around(10.0)), Question(fractions=(0.5, 0.999)))
    assert found.verdict is Change.NOT_WORSE
    assert any(f"{ALL} p99.9" in note for note in found.notes)


def test_searches_are_compared_by_the_capacity_that_they_found() -> None:
    """Less is worse; percentiles over trials at different loads mean nothing together."""
    plain = made_series({0.5: 9.0})

    def searched(rates: list[float]) -> list[RunSample]:
        scenario = ScenarioSample("open", {ALL: plain, "GET /": plain})
        return [RunSample("run", {"load": with_capacity(scenario, rate, rate * 0.99, rate * 1.01)}) for rate in rates]

    found = compare(searched([400, 404, 396, 402, 398]), searched([340, 344, 336, 342, 338]), Question())
    (figure,) = found.figures
    assert (figure.figure, figure.verdict) == ("capacity", Change.WORSE)
    assert figure.change == pytest.approx(-0.15, abs=0.001)
    none = compare(searched([0.0]), searched([340.0]), Question())
    assert none.verdict is Change.UNDECIDED
    assert not none.figures


def test_it_says_how_many_runs_would_decide() -> None:
    """More than there are, and as many do decide if nothing else changes; None where all is decided."""
    found = compare(made_side(*around(10.0)), made_side(*around(10.44)), MEDIAN_ONLY)
    assert found.verdict is Change.UNDECIDED
    needed = found.runs_needed
    assert needed is not None
    assert needed > 5
    repeat = math.ceil(needed / 5)
    more = compare(made_side(*around(10.0) * repeat), made_side(*around(10.44) * repeat), MEDIAN_ONLY)
    assert more.verdict is not Change.UNDECIDED
    assert more.runs_needed is None
