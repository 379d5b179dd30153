"""``loadworthy ab``: rounds in turns, and what becomes of them."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from tests.support.cli import TIME_LIMIT_S, Started, loadworthy, write_plan
from tests.support.compared import command_line

from loadworthy.analysis.verdict import Verdict
from loadworthy.cli.ab import order, play
from loadworthy.cli.showing import RunResult
from loadworthy.errors import SetupError
from loadworthy.testing import CountingServer, Delay, FaultServer, Route, Stall


def result(number: int, side: str, verdict: Verdict = Verdict.PASS, *, interrupted: bool = False) -> RunResult:
    """What a run gave."""
    summary = SimpleNamespace(verdict=verdict, reasons=("because of that.",))
    return cast("RunResult", SimpleNamespace(path=Path(f"{number}{side}"), summary=summary, interrupted=interrupted))


def test_the_order_is_abba() -> None:
    """So that a drift falls on both sides alike."""
    assert [side for _, side in order(4)] == list("ABBAABBA")
    assert [number for number, _ in order(3)] == [1, 1, 2, 2, 3, 3]


def test_each_run_is_told_and_counted_on_its_side() -> None:
    """With its verdict, and its first reason where that is not simply pass or fail."""
    lines: list[str] = []
    verdicts = {(1, "B"): Verdict.FAIL, (2, "B"): Verdict.UNDECIDED}
    state = play(2, lambda n, side: result(n, side, verdicts.get((n, side), Verdict.PASS)), lines.append)
    assert state.pairs() == ([Path("1A"), Path("2A")], [Path("1B"), Path("2B")])
    assert not state.interrupted
    assert lines == [
        "round 1 of 2  A  pass      1A",
        "round 1 of 2  B  fail      1B",
        "round 2 of 2  B  undecided 2B · because of that.",
        "round 2 of 2  A  pass      2A",
    ]


def test_an_invalid_run_takes_its_round_with_it() -> None:
    """The other side would have one run more, made at another time."""
    verdicts = {(1, "B"): Verdict.INVALID}
    state = play(3, lambda n, side: result(n, side, verdicts.get((n, side), Verdict.PASS)), lambda line: None)
    assert state.pairs() == ([Path("2A"), Path("3A")], [Path("2B"), Path("3B")])


def test_ctrl_c_in_a_run_ends_it_all_and_that_run_does_not_count() -> None:
    """What was complete before stays."""
    played: list[tuple[int, str]] = []

    def run(number: int, side: str) -> RunResult:
        played.append((number, side))
        return result(number, side, interrupted=len(played) == 4)

    state = play(5, run, lambda line: None)
    assert state.interrupted
    assert len(played) == 4
    assert state.pairs() == ([Path("1A")], [Path("1B")])


def test_ctrl_c_between_runs_ends_it_all() -> None:
    """It comes as an exception there."""

    def run(number: int, side: str) -> RunResult:
        if number == 2:
            raise KeyboardInterrupt
        return result(number, side)

    def tell(line: str) -> None:
        if line.startswith("round 2 of 5  B"):
            raise KeyboardInterrupt

    assert play(5, lambda n, side: result(n, side), tell).pairs() == ([Path("1A")], [Path("1B")])
    state = play(5, run, lambda line: None)
    assert state.interrupted
    assert state.pairs() == ([Path("1A")], [Path("1B")])


def test_an_error_ends_it_all_but_what_was_complete_stays() -> None:
    """A target that went away in the third round; in the first there is nothing to keep."""

    def run(number: int, side: str, last: int) -> RunResult:
        if number > last:
            raise SetupError("nothing listens")
        return result(number, side)

    state = play(5, lambda n, side: run(n, side, 2), lambda line: None)
    assert state.pairs() == ([Path("1A"), Path("2A")], [Path("1B"), Path("2B")])
    assert isinstance(state.error, SetupError)
    with pytest.raises(SetupError):
        play(5, lambda n, side: run(n, side, 0), lambda line: None)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--url", "http://a"], "--url is given 1 times; give it twice"),
        (["--url", "http://a", "--url", "http://b", "--rounds", "0"], "--rounds 0"),
        (["--url", "http://a", "--url", "ftp://b"], "--url ftp://b (B)"),
        (["--url", "http://a", "--url", "http://b", "--tolerance", "x"], "--tolerance x"),
        (["--url", "http://a", "--url", "http://b", "--scenario", "laod"], "laod"),
    ],
)
def test_mistakes_are_told_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    """Exit code 2, and no run directory."""
    monkeypatch.chdir(tmp_path)
    write_plan(tmp_path, {"base_url": "http://h", "scenarios": {"load": {"users": 1, "endpoints": [{"path": "/"}]}}})
    assert command_line("ab", "plan.yaml", *words) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def few_requests() -> dict[str, object]:
    """A plan with enough of them for a p50, and too few for a p99 by which a busy generator would be judged."""
    return {"stop_timeout": "10ms", "scenarios": {"load": {"users": 2, "iterations": 60, "endpoints": [{"path": "/"}]}}}


@pytest.mark.slow
def test_two_real_targets_in_turns(tmp_path: Path) -> None:
    """Each run against its own target, in the order ABBA; worse, exit code 1; the comparison lies beside the runs."""
    with CountingServer() as a, CountingServer((Route("*", delay=Delay.fixed(60)),)) as b:
        write_plan(tmp_path, few_requests())
        urls = [a.url, b.url]
        done = loadworthy(
            "ab", "plan.yaml", "--url", a.url, "--url", b.url, "--rounds", 3, "--percentile", "p50", "--seed", 5,
            cwd=tmp_path, limit_s=3 * TIME_LIMIT_S,
        )  # fmt: skip
        assert [server.stats().requests for server in (a, b)] == [180, 180]
    assert [line.split()[4] for line in done.out.splitlines() if line.startswith("round")] == list("ABBAAB")
    folders = [path for path in (tmp_path / "runs").iterdir() if path.is_dir()]
    seeds = sorted(json.loads((path / "run.json").read_text())["seed"] for path in folders)
    assert seeds == [5, 5, 6, 6, 7, 7]
    (file,) = (tmp_path / "runs").glob("*-ab.json")
    data = json.loads(file.read_text())
    assert [run["target"] for side in ("base", "new") for run in data[side]] == [urls[0]] * 3 + [urls[1]] * 3
    assert (done.code, data["verdict"]) == (1, "worse"), done.out + done.err


@pytest.mark.slow
def test_ctrl_c_leaves_what_there_is(tmp_path: Path) -> None:
    """Exit code 130; the complete rounds are compared."""
    with CountingServer() as a, FaultServer() as b:
        write_plan(tmp_path, few_requests())
        words = ("ab", "plan.yaml", "--url", a.url, "--url", b.url, "--rounds", 50, "--percentile", "p50")
        with Started(*words, cwd=tmp_path) as process:
            said = ""
            for line in process.lines():
                said += line
                if line.startswith("round 2 of 50  B"):
                    b.inject(Stall())  # its next run hardly comes to its end before Ctrl-C
                if line.startswith("round 3 of 50  A"):  # B's run of the third round is under way, or about to be
                    break
            process.send(signal.SIGINT)
            code, out = process.finish()
    assert code == 130, out
    (file,) = (tmp_path / "runs").glob("*-ab.json")
    data = json.loads(file.read_text())
    count = len(data["base"])
    assert 2 <= count < 50
    assert f"{count} runs against {count} runs" in out, out
    told = re.findall(r"^round \d+ of 50  ([AB])  \w+ +(\S+)", said + out, re.MULTILINE)
    for key, side in (("base", "A"), ("new", "B")):
        assert [run["name"] for run in data[key]] == [name for of, name in told if of == side][:count]
