"""A comparison as a page: the verdict first, what moved, every figure, which runs these were."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from tests.report.test_compare import ERRORS, OPEN, P99, RATE, report
from tests.support.hostile import ATTACKS
from tests.support.pages import EVIL, PRODUCT, assert_ours_alone, groups_of, outlined, told

from loadworthy.analysis.compared_figures import Change, ComparedFigure
from loadworthy.analysis.comparison import Comparison
from loadworthy.analysis.quantile_shift import QuantileShift, ShiftPoint
from loadworthy.report.compare import HEADINGS, ComparedRun, CompareReport
from loadworthy.report.compare_html import compare_html
from loadworthy.report.harmless import unturned


def shift(scenario: str = "load", change: float = 0.1) -> QuantileShift:
    points = [ShiftPoint(one, 100.0, 110.0, change, 0.05, 0.15) for one in (0.1, 0.5, 0.9, 0.99)]
    return QuantileShift(scenario, tuple(points))


def test_the_verdict_comes_first_then_what_moved_then_the_figures_then_the_runs() -> None:
    """Reasons and warnings beside the verdict."""
    page = compare_html(
        report(
            Change.WORSE, P99, ERRORS, RATE, OPEN, warnings=("load: users is 1 in BASE, 2 in NEW",), shifts=(shift(),)
        )
    )
    assert_ours_alone(page)
    text = told(page.split("<body>")[1])
    parts = (
        "worse", "1 of 4 figures is worse by more than 5 %.",
        "worse: load, GET /items/[id]: p99 from 41.0 ms to 46.1 ms, +12.4 % (+8.1 % to +16.9 %)",
        "note: load: users is 1 in BASE, 2 in NEW", "What moved", "GET /items/[id] p99 41.0 ms", "slow [x]", "Runs",
        "A note.", "b0", "n0",
    )  # fmt: skip
    places = [text.find(part) for part in parts]
    assert -1 not in places, parts[places.index(-1)]
    assert places == sorted(places)
    assert "<title>WORSE" in page


@pytest.mark.parametrize(
    ("verdict", "style", "words"),
    [
        (Change.WORSE, "fail", "worse"),
        (Change.NOT_WORSE, "pass", "not worse"),
        (Change.UNDECIDED, "undecided", "undecided"),
    ],
)
def test_each_verdict_has_its_colour_and_its_word(verdict: Change, style: str, words: str) -> None:
    """The word stands alone where colours are not seen."""
    page = compare_html(report(verdict, ERRORS))
    assert f'<header class="verdict {style}">' in page
    assert told(page.split("<h1>")[1].split("</h1>")[0]).endswith(words)


def test_a_table_for_each_scenario() -> None:
    """Each figure in words, with the numbers to sort by; what is better is no fault."""
    page = compare_html(report(Change.WORSE, P99, replace(RATE, verdict=Change.UNDECIDED), OPEN))
    assert [told(one) for one in re.findall(r'<h2 id="t\d+-title">(.*?)</h2>', page)] == ["load", "slow [x]"]
    assert all(told(page).count(heading) >= 2 for heading in HEADINGS)
    row = page.split("GET /items/[id]</th>")[1].split("</tr>")[0]
    assert re.findall('data-value="([^"]*)"', row) == ["41.0", "46.1", "0.1244"]
    assert 'class="fail"' in row
    better = page.split("throughput</td>")[1].split("</tr>")[0]
    assert 'class="pass"' in better
    assert "better" in better
    tables = [one.split("</table>")[0] for one in page.split('<table class="figures sortable compared" id="t')[1:]]
    assert [one.count('<th scope="row">') for one in tables] == [2, 1]
    ids = set(outlined(page).values("id"))
    assert {"t1", "t2"} <= ids
    assert set(outlined(page).values("data-table")) <= ids


def test_many_figures_can_be_filtered() -> None:
    """A few need no filter."""
    many = [ComparedFigure("load", f"GET /{number}", "p50", 1.0, 1.0, 0.0) for number in range(7)]
    assert 'type="search"' in compare_html(report(Change.UNDECIDED, *many))
    assert 'type="search"' not in compare_html(report(Change.UNDECIDED, *many[:6]))


def test_what_moved_is_drawn_for_each_scenario() -> None:
    """With or without the scripts; the tolerance is that of the comparison."""
    page = compare_html(report(Change.WORSE, P99, shifts=(shift(), shift("soak"))))
    figures = groups_of(page)["compared"]
    assert [one["title"] for one in figures.values()] == ["load: what moved", "soak: what moved"]
    assert page.count('<svg class="drawing"') == 2
    assert page.count("tolerated: 5 %</text>") == 2


def test_without_a_shift_there_is_no_chart_and_no_library() -> None:
    """The tables are all there is."""
    page = compare_html(report(Change.WORSE, P99))
    assert_ours_alone(page)
    assert "What moved" not in page
    assert "<figure" not in page
    assert len(page) < 100_000


def test_nothing_to_compare_is_a_page_too() -> None:
    """It says so."""
    page = compare_html(CompareReport(Comparison(Change.UNDECIDED, 0.05, (), ()), (), ()))
    assert_ours_alone(page)
    assert "0 runs against 0 runs: nothing could be compared." in told(page)


@pytest.mark.parametrize("text", [EVIL, " ".join(ATTACKS)], ids=["one", "all"])
def test_hostile_names_stay_text(text: str) -> None:
    """Of scenarios, series, runs, revisions, targets, warnings and notes."""
    figure = ComparedFigure(text, text, text, 1, 2, 1.0, verdict=Change.WORSE)
    runs = (ComparedRun(text, text, text, text),)
    shown = CompareReport(Comparison(Change.WORSE, 0.05, (figure,), (text,)), runs, runs, (text,), (shift(text),))
    page = compare_html(shown)
    assert_ours_alone(page)
    assert outlined(page).text.count(unturned(text.strip())) >= 8
    assert PRODUCT not in page
    assert unturned(f"{text}: what moved") in [one["title"] for one in groups_of(page)["compared"].values()]


def test_the_same_comparison_gives_the_same_page() -> None:
    """Whatever was drawn before."""
    shown = report(Change.WORSE, P99, shifts=(shift(),))
    assert compare_html(shown) == compare_html(shown)
