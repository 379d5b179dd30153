"""``loadworthy check``: runs and tables judged against thresholds, as a pipeline calls it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support.cli import Done, loadworthy, write_plan
from tests.support.runs import START_MS, interval, manifest, series, started, started_open, write_run
from tests.support.runs import ended as scenario_ended

from loadworthy.record.interval import Interval

HEADER = (
    "Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,Min Response Time,"
    "Max Response Time,Average Content Size,Requests/s,Failures/s,50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%"
)
TABLE = f"""{HEADER}
GET,/a,1000,5,120,150.5,10,900,200,33.3,0.2,120,140,160,180,250,320,500,700,890,900,900
POST,/b,200,0,300,320,100,800,50,6.7,0,300,330,350,380,450,480,600,700,800,800,800
,Aggregated,1200,5,130,178.75,10,900,175,40,0.2,130,150,200,220,300,400,550,700,890,900,900
"""
REGRESSION = ("mean <= 2000ms", "error_rate <= 2%", "p95 <= 5000ms")


def table(folder: Path, text: str = TABLE) -> Path:
    path = folder / "results_stats.csv"
    path.write_text(text, encoding="utf-8")
    return path


def run_of(folder: Path, thresholds: dict[str, Any], times_us: int = 100_000, ended: str = "completed") -> Path:
    """A run of ten seconds, of scenarios that are alike."""
    ones = [
        interval(second, series("/a", [times_us] * 100), scenario=name, number=second + 10 * place)
        for place, name in enumerate(thresholds)
        for second in range(10)
    ]
    events = [event for name in thresholds for event in (started(name, 10.0), scenario_ended(name, at_s=10))]
    run_json = manifest(thresholds, ended=ended, ended_at_s=10, planned_s=10)
    return write_run(folder / "run", ones, events=events, run_json=run_json)


def search_of(folder: Path) -> Path:
    """A run that searched, and found 100/s: of 10 ms at 100/s, of 900 ms at 200/s."""
    trials = [(1, 100.0, 10, 10_000), (2, 200.0, 10, 900_000), (3, 100.0, 30, 10_000)]
    intervals: list[Interval] = []
    events = [started_open("find", None)]
    for number, rate, seconds, time_us in trials:
        for _ in range(seconds):
            count = int(rate)
            one = interval(
                len(intervals), series("/a", [time_us] * count), scenario="find", scheduled=count, sent=count
            )  # fmt: skip
            one.segment = number
            intervals.append(one)
        events.append({
            "at_ms": START_MS, "type": "trial", "scenario": "find", "number": number, "purpose": "grow", "rate": rate,
            "duration_s": seconds, "took_s": seconds, "sending_s": seconds, "is_bad": time_us > 500_000, "low": 100.0,
        })  # fmt: skip
    found = {"rate": 100.0, "low": 97.0, "high": 104.0, "ended": "found"}
    events += [{"at_ms": START_MS, "type": "capacity", "scenario": "find", **found}, scenario_ended("find", at_s=50)]
    run_json = manifest({"find": ["p95 < 500ms"]}, ended_at_s=50, planned_s=None)
    run_json["plan"]["scenarios"]["find"] |= {"kind": "capacity", "users": None, "endpoints": [{"path": "/a"}]}
    return write_run(folder / "search", intervals, events=events, run_json=run_json)


def check(folder: Path, *arguments: object) -> Done:
    done = loadworthy("check", *arguments, cwd=folder)
    assert "Traceback" not in done.err
    return done


def given(*texts: str) -> list[str]:
    return [word for text in texts for word in ("--threshold", text)]


@pytest.mark.parametrize(
    ("texts", "code", "word"),
    [
        (REGRESSION, 0, "PASS: 3 of 3 thresholds held"),
        (("mean <= 150ms", "error_rate <= 2%"), 1, "FAIL: 1 of 2 thresholds held"),
        (("p99.99 <= 5s",), 3, "UNDECIDED: 0 of 1 threshold held"),
        (("requests_per_user_minute < 120", "mean < 1ms"), 1, "FAIL: 0 of 2 thresholds held"),
    ],
)
def test_a_table_of_locust_is_judged(tmp_path: Path, texts: tuple[str, ...], code: int, word: str) -> None:
    """The exit code is the verdict's, and the last word says it."""
    done = check(tmp_path, table(tmp_path), *given(*texts))
    assert (done.code, word in done.out) == (code, True), done.out + done.err
    assert all(text in done.out for text in texts)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results_stats.csv"]


def test_what_is_printed_of_a_table(tmp_path: Path) -> None:
    """Observed, limit, margin and verdict of each; how good percentiles are; and why it does not pass."""
    done = check(tmp_path, table(tmp_path), *given("p95 < 500ms", "/a error_rate < 0.1%"))
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert lines == [
        "threshold observed limit margin verdict",
        "p95 < 500ms 400 ms 500 ms 20 % below pass",
        "/a error_rate < 0.1% 0.50 % 0.10 % 400 % above fail",
        "",
        "Note: percentiles are as the table has them: rounded to two digits by Locust, and without an interval.",
        "FAIL: 1 of 2 thresholds held",
        "- /a error_rate was 0.50 % (5 of 1,000 requests failed), limit 0.10 %.",
    ]


def test_a_table_is_judged_by_a_plan(tmp_path: Path) -> None:
    """By its only scenario, or the one that is named; tags are the plan's."""
    endpoints = [{"path": "/a", "tags": "front"}, {"path": "/b", "method": "POST"}]
    scenarios = {
        "load": {"endpoints": endpoints, "thresholds": ["tag:front p95 < 400ms", "error_rate < 1%"]},
        "strict": {"endpoints": endpoints, "thresholds": {"error_rate": 0}},
    }
    plan = write_plan(tmp_path, {"base_url": "http://h", "scenarios": scenarios})
    assert check(tmp_path, table(tmp_path), "--plan", plan, "--scenario", "load").code == 0
    assert check(tmp_path, table(tmp_path), "--plan", plan, "--scenario", "strict").code == 1
    several = check(tmp_path, table(tmp_path), "--plan", plan)
    assert several.code == 2
    assert "say which with --scenario (load, strict)" in several.err
    del scenarios["strict"]
    plan = write_plan(tmp_path, {"base_url": "http://h", "scenarios": scenarios})
    assert check(tmp_path, table(tmp_path), "--plan", plan).code == 0


def test_a_run_is_judged_by_its_own_thresholds(tmp_path: Path) -> None:
    """As its report says, and nothing is written."""
    run = run_of(tmp_path, {"load": ["p95 < 500ms"], "other": ["error_rate < 1%"]})
    before = {path.name: path.stat().st_mtime_ns for path in run.iterdir()}
    done = check(tmp_path, run)
    assert done.code == 0, done.out + done.err
    assert "PASS: 2 of 2 thresholds held" in done.out
    assert {path.name: path.stat().st_mtime_ns for path in run.iterdir()} == before


def test_a_run_is_judged_by_others_instead(tmp_path: Path) -> None:
    """Those on the command line, or a plan's; for one scenario, or for all."""
    run = run_of(tmp_path, {"load": ["p95 < 500ms"], "other": ["error_rate < 1%"]})
    done = check(tmp_path, run, *given("p95 < 50ms"))
    assert (done.code, "FAIL: 0 of 2 thresholds held" in done.out) == (1, True)
    done = check(tmp_path, run, "--scenario", "other", *given("p95 < 50ms"))
    assert (done.code, "FAIL: 0 of 1 threshold held" in done.out) == (1, True)
    assert "load" not in done.out.splitlines()[0]
    assert check(tmp_path, run, "--scenario", "other").code == 0
    endpoints = [{"path": "/a"}]
    scenarios = {
        "load": {"endpoints": endpoints, "thresholds": ["p95 < 200ms"]},
        "other": {"endpoints": endpoints, "thresholds": ["max < 100us"]},
    }
    plan = write_plan(tmp_path, {"base_url": "http://h", "scenarios": scenarios})
    assert check(tmp_path, run, "--plan", plan).code == 1
    assert check(tmp_path, run, "--plan", plan, "--scenario", "load").code == 0


@pytest.mark.parametrize("words", [[], ["--scenario", "load"]])
def test_the_code_is_the_verdict_s_also_of_an_interrupted_run(tmp_path: Path, words: list[str]) -> None:
    """Ctrl-C came when all was done: the run itself ended with 130, but judging it was not interrupted."""
    run = run_of(tmp_path, {"load": ["p95 < 500ms", "error_rate < 1%"]}, ended="interrupted")
    done = check(tmp_path, run, *words)
    assert (done.code, "PASS: 2 of 2 thresholds held" in done.out) == (0, True), done.out
    assert check(tmp_path, run, *words, *given("p95 < 50ms")).code == 1


@pytest.mark.parametrize("words", [[], ["--scenario", "find"]])
def test_a_part_of_a_search_is_undecided(tmp_path: Path, words: list[str]) -> None:
    """There are only totals of its trials; the others are judged at the safe load, and a failure stays one."""
    run = search_of(tmp_path)
    assert check(tmp_path, run, *words, *given("p95 < 500ms")).code == 0
    for text in ("p95 < 5ms for 3s", "p95 < 500ms for 3s", "p95 < 500ms, warmup 2s"):
        done = check(tmp_path, run, *words, *given(text))
        assert (done.code, "UNDECIDED: 0 of 1 threshold held" in done.out) == (3, True), done.out
        assert f"{text} asks for a part of a search, whose trials are judged as a whole" in done.out
    done = check(tmp_path, run, *words, *given("p95 < 500ms for 3s", "p95 < 500ms"))
    assert (done.code, "UNDECIDED: 1 of 2 thresholds held" in done.out) == (3, True), done.out
    done = check(tmp_path, run, *words, *given("p95 < 500ms for 3s", "p95 < 5ms"))
    assert (done.code, "FAIL: 0 of 2 thresholds held" in done.out) == (1, True), done.out


def test_our_own_table_is_judged(tmp_path: Path) -> None:
    """The stats.csv of a run directory; of several scenarios one must be named."""
    run = run_of(tmp_path, {"load": ["p95 < 500ms"], "other": ["error_rate < 1%"]})
    assert loadworthy("report", run, cwd=tmp_path).code == 0
    done = check(tmp_path, run / "stats.csv", "--scenario", "load", *given("p95 < 500ms", "throughput > 99/s"))
    assert done.code == 0, done.out + done.err
    assert "two digits" not in done.out
    done = check(tmp_path, run / "stats.csv", *given("p95 < 500ms"))
    assert (done.code, "say which with --scenario (load, other)" in done.err) == (2, True)
    done = check(tmp_path, run / "stats.csv", "--scenario", "gone", *given("p95 < 500ms"))
    assert (done.code, "it has load, other" in done.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["results_stats.csv"], 'say what to judge by, e.g. --threshold "p95 < 500ms" or --plan plan.yaml'),
        (["results_stats.csv", "--threshold", "p95"], "--threshold 'p95': 'p95' is not a threshold"),
        (["results_stats.csv", "--threshold", "p95 < 1s", "--plan", "p.yaml"], "give one of them"),
        (["results_stats.csv", "--plan", "gone.yaml"], "gone.yaml"),
        (["gone_stats.csv", "--threshold", "p95 < 1s"], "does not exist"),
        ([".", "--threshold", "p95 < 1s"], "not a run directory"),
        (["other.csv", "--threshold", "p95 < 1s"], "is not a table of statistics"),
        (["binary.csv", "--threshold", "p95 < 1s"], "cannot be read"),
        (["run", "--scenario", "laod"], "has no scenario 'laod'; it has load"),
        (["run", "--plan", "plan.yaml"], "has no scenario load"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    """What is wrong and how to mend it, with exit code 2."""
    table(tmp_path)
    (tmp_path / "other.csv").write_text("a,b\n", encoding="utf-8")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    run_of(tmp_path, {"load": ["p95 < 1s"]})
    write_plan(tmp_path, {"base_url": "http://h", "scenarios": {"x": {"endpoints": [{"path": "/"}]}}})
    done = check(tmp_path, *arguments)
    assert done.code == 2, done.out + done.err
    assert sentence in done.err
