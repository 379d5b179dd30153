"""Where to look: what fails and how, else what is slowest; of the last seconds only while a run goes on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.report.searches import figures, scenario, searched, threshold
from tests.support.runs import interval, series

from loadworthy.alert.where import Recent, job_of, of_scenario
from loadworthy.analysis.summary import ScenarioSummary
from loadworthy.analysis.verdict import Verdict


def test_what_fails_stands_before_what_is_slow() -> None:
    """The most failures first, each with how: the status where there is one, else the kind."""
    recent = Recent()
    recent.add(
        interval(
            0,
            series("/", [90_000] * 20),
            series("/a", [10] * 9, failures={"timeout_read": 2, "reset": 1, "connect": 3}),
            series("/b", [10] * 9, failures={"status": 7}, statuses={200: 2, 500: 6, 503: 1}),
            series("/c", [10] * 1200, failures={"status": 1100}),
            series("/d", [10] * 9, failures={"assertion": 1}),
            series("/e", [10] * 9, failures={"assertion": 1}),
        )
    )
    label, line = recent.words() or ("", "")
    assert label == "Failed in the last 10 s"
    assert line.split(" · ") == [
        "GET /c 1,100 of 1,200 (status)",
        "GET /b 7 of 9 (status 500, status 503)",
        "GET /a 6 of 9 (connect, timeout_read, …)",
        "2 more",
    ]


def test_a_status_that_is_expected_is_no_way_to_fail() -> None:
    """A 404 that the plan asks for stands among the statuses, and is not what failed."""
    recent = Recent()
    recent.add(interval(0, series("/a", [10] * 9, failures={"assertion": 2}, statuses={404: 9})))
    assert recent.words() == ("Failed in the last 10 s", "GET /a 2 of 9 (assertion)")


def test_where_nothing_fails_the_slowest_are_named() -> None:
    """By their mean; where there is but one series there is nothing to tell apart."""
    recent = Recent()
    assert recent.words() is None
    recent.add(interval(0, series("/a", [1_000])))
    assert recent.words() is None
    recent.add(interval(1, series("/a", [3_000]), series("/b", [500_000]), series("/c", untimed=3)))
    assert recent.words() == ("Slowest in the last 10 s, on average", "GET /b 500 ms · GET /a 2.00 ms")


def test_what_is_over_is_forgotten() -> None:
    """What failed before the last ten seconds is not what woke somebody up."""
    recent = Recent()
    recent.add(interval(0, series("/a", [1_000], failures={"reset": 1})))
    recent.add(interval(9, series("/a", [1_000]), series("/b", [9_000])))
    assert recent.words() == ("Failed in the last 10 s", "GET /a 1 of 2 (reset)")
    recent.add(interval(10, series("/a", [1_000])))
    assert recent.words() == ("Slowest in the last 10 s, on average", "GET /b 9.00 ms · GET /a 1.00 ms")


def judged(
    *, verdict: Verdict = Verdict.FAIL, on: str | None = None, failures: int = 0, observed: float = 880.0
) -> ScenarioSummary:
    """A scenario with two series that missed its target for times; ``on``: of that series alone."""
    slow = replace(figures(100, 900.0, failures=failures), failure_kinds={"reset": failures} if failures else {})
    missed = replace(threshold(observed=observed), verdict=verdict, series=on)
    base = replace(scenario("load", thresholds=(missed,)), search=None, verdict=verdict)
    return replace(base, series={"GET /a": figures(100, 20.0), "GET /b": slow})


def test_at_the_end_of_a_run() -> None:
    """What failed; and the slowest where times were missed, unless the threshold names the series by itself."""
    slowest = ("load, slowest by p95", "GET /b 900 ms · GET /a 20.0 ms")
    assert list(of_scenario(judged())) == [slowest]
    assert list(of_scenario(judged(failures=3))) == [("load, failed", "GET /b 3 of 100 (reset)"), slowest]
    assert list(of_scenario(judged(on="GET /b"))) == []
    quick = list(of_scenario(judged(failures=30, observed=20.0)))  # missed by what failed alone
    assert quick == [("load, failed", "GET /b 30 of 100 (reset)")]
    assert list(of_scenario(judged(verdict=Verdict.PASS, failures=3))) == []


def test_a_search_fails_on_purpose() -> None:
    """It goes beyond what holds, so what fails there is no place to look."""
    found = replace(searched(), verdict=Verdict.FAIL, series={"GET /a": figures(9, 1.0, failures=9)})
    assert found.search is not None
    assert list(of_scenario(found)) == []


@pytest.mark.parametrize(
    ("environment", "job"),
    [
        ({}, None),
        (
            {"GITHUB_SERVER_URL": "https://github.test", "GITHUB_REPOSITORY": "a/b", "GITHUB_RUN_ID": "7"},
            "https://github.test/a/b/actions/runs/7",
        ),
        ({"GITHUB_SERVER_URL": "https://github.test"}, None),
        ({"CI_JOB_URL": "https://gitlab.test/a/b/-/jobs/7"}, "https://gitlab.test/a/b/-/jobs/7"),
        ({"BUILD_URL": "http://jenkins.test/job/a/7/"}, "http://jenkins.test/job/a/7/"),
        ({"BUILD_URL": "javascript:alert(1)"}, None),
    ],
)
def test_the_page_of_the_job(environment: dict[str, str], job: str | None) -> None:
    """As the variables of the CI have it; nothing that is no page."""
    assert job_of(environment) == job
