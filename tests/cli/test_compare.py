"""``loadworthy compare`` and ``baseline`` over real run directories."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.support.compared import command_line, write_simulated

from loadworthy.cli.sides import parse_percentiles
from loadworthy.errors import UsageError


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five runs before, five as they were, five half as slow again; 1 % run-to-run spread."""
    folder = tmp_path_factory.mktemp("shop")
    rng = np.random.default_rng(31)
    for side, factor in (("before", 1.0), ("same", 1.0), ("slower", 1.5)):
        for number in range(5):
            write_simulated(folder / side / f"run-{number}", rng, factor=factor, revision=f"{side}0123456")
    return folder


@pytest.fixture(autouse=True)
def in_the_shop(shop: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The working directory; what a test leaves there goes."""
    monkeypatch.chdir(shop)
    yield
    for path in (*shop.glob("*.json"), *shop.glob("*.md"), *shop.glob("*/*.json")):
        path.unlink()


def test_a_slower_service_is_worse(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1; the verdict first, then each figure, then the revisions; and nothing is written into the runs."""
    before = sorted(str(path) for path in Path().rglob("*"))
    assert command_line("compare", "before", "--to", "slower") == 1
    out = capsys.readouterr().out
    assert out.splitlines()[1].startswith(" WORSE   5 runs against 5 runs: ")
    assert "worse: load, all together: p95 from" in out
    assert "revision before0123" in out
    assert "revision slower0123" in out
    assert sorted(str(path) for path in Path().rglob("*")) == before


def test_the_same_service_is_not_worse(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0, also by single directories."""
    runs = sorted(Path("before").iterdir())
    assert command_line("compare", *runs, "--to", "same", "--percentile", "p50", "p95") == 0
    assert "NOT WORSE" in capsys.readouterr().out


def test_too_little_is_undecided(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 3 for one run a side, unless one is said to be enough; the label stays."""
    words = ["compare", "before/run-0", "--to", "slower/run-0"]
    assert command_line(*words) == 3
    assert "no run-to-run variance" in capsys.readouterr().out
    assert command_line(*words, "--one-run-is-enough") == 1
    assert "no run-to-run variance" in capsys.readouterr().out


def test_files_are_written_where_they_are_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    """JSON and Markdown with the same verdict."""
    assert command_line("compare", "before", "--to", "slower", "--json", "c.json", "--markdown", "c.md") == 1
    data = json.loads(Path("c.json").read_text())
    assert data["verdict"] == "worse"
    assert [run["name"] for run in data["base"]] == [f"run-{number}" for number in range(5)]
    assert Path("c.md").read_text().startswith("## Worse")
    assert command_line("compare", "before", "--to", "slower", "--json", "gone/c.json") == 2
    assert "cannot write gone/c.json" in capsys.readouterr().err


def test_the_tolerance_and_the_choice_of_figures_count(capsys: pytest.CaptureFixture[str]) -> None:
    """Half as slow again is no matter where all of 80 % is tolerated; throughput was the same anyway."""
    assert command_line("compare", "before", "--to", "slower", "--tolerance", "80%", "--scenario", "load") == 0
    assert command_line("compare", "before", "--to", "slower", "--series", "GET /it*", "--percentile", "p50") == 1
    rows = [line.split()[:3] for line in capsys.readouterr().out.splitlines() if line.startswith("  GET")]
    assert rows == [["GET", "/items", "p50"]]


def test_a_series_with_brackets_in_its_name_is_meant_by_its_name(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Only ``*`` is special, as in thresholds; where no run has such a series, that is a mistake."""
    rng = np.random.default_rng(38)
    names = [f"/contacts/[{word}]" for word in ("id", "d", *(f"x{n}" for n in range(20)))]
    sides = [write_simulated(tmp_path / side, rng, seconds=4, per_second=20, names=names) for side in ("old", "new")]
    words = ["compare", sides[0], "--to", sides[1], "--percentile", "p50", "--series"]
    for pattern in ("GET /contacts/[id]", "/contacts/[id]", "*[id]"):
        assert command_line(*words, pattern) == 3
        rows = [line.split()[:3] for line in capsys.readouterr().out.splitlines() if line.startswith("  GET")]
        assert rows == [["GET", "/contacts/[id]", "p50"]]
    for pattern in ("GET /contacts/[a-z]", "GET /contacts/?id?", "all together", ""):
        assert command_line(*words, pattern) == 2
        error = capsys.readouterr().err
        assert f"--series {pattern}: no run has such a series; there are: GET /contacts/[" in error
        assert error.rstrip().endswith("and 2 more")


def test_a_baseline_is_set_shown_and_compared_with(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Without BASE it is the one in the folder that holds NEW; each name is one of its own."""
    rng = np.random.default_rng(32)
    runs = [write_simulated(tmp_path / "runs" / f"run-{n}", rng) for n in range(6)]
    late = write_simulated(tmp_path / "runs" / "run-9", rng, factor=2.0)
    assert command_line("compare", "--to", late) == 2
    assert "baseline set" in capsys.readouterr().err
    assert command_line("baseline", "set", *runs[:5]) == 0
    assert command_line("baseline", "set", runs[0], "--name", "first") == 0
    assert "five or more" in capsys.readouterr().out
    assert command_line("baseline", "show", "--out", tmp_path / "runs") == 0
    shown = capsys.readouterr().out
    assert [line.strip() for line in shown.splitlines() if line.startswith("  ")] == [
        *(f"run-{n}" for n in range(5)),
        "run-0",
    ]
    assert command_line("compare", "--to", late) == 1
    assert command_line("compare", "--to", late, "--baseline", "first") == 3
    assert command_line("compare", "--to", late, "--baseline", "third") == 2
    assert "it has: default, first" in capsys.readouterr().err
    runs[4].rename(tmp_path / "elsewhere")
    assert command_line("compare", "--to", late) == 2
    assert "gone: run-4" in capsys.readouterr().err
    assert command_line("baseline", "show", "--out", tmp_path / "runs", "--name", "default") == 0
    assert "run-4  (gone)" in capsys.readouterr().out


def test_a_baseline_with_invalid_runs_is_set_with_a_warning(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A line on standard error for each run that compare will refuse, or cannot read."""
    rng = np.random.default_rng(37)
    error: dict[str, object] = {"ended": "error", "ended_reason": "the disk was full"}
    good, broken, torn = (
        write_simulated(tmp_path / "runs" / name, rng, seconds=2, run_json=error if name == "broken" else None)
        for name in ("good", "broken", "torn")
    )
    (torn / "run.json").write_text("{")
    assert command_line("baseline", "set", good, broken, torn) == 0
    captured = capsys.readouterr()
    assert "3 runs, kept in" in captured.out
    invalid, unread = captured.err.splitlines()
    assert invalid.startswith("loadworthy: warning: broken is invalid (The run broke off by an error of the generator")
    assert "compare refuses it, unless --force is given" in invalid
    assert unread.startswith("loadworthy: warning: no comparison can read torn: ")
    assert command_line("baseline", "set", good) == 0
    assert capsys.readouterr().err == ""


def test_invalid_runs_are_refused_with_their_reason(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Their figures do not describe the service; ``--force`` compares them and says so."""
    broken = write_simulated(
        tmp_path / "broken", np.random.default_rng(33), run_json={"ended": "error", "ended_reason": "the disk was full"}
    )
    assert command_line("compare", "before", "--to", broken) == 2
    error = capsys.readouterr().err
    assert "--force" in error
    assert "broken: The run broke off by an error of the generator" in error
    assert command_line("compare", "before", "--to", broken, "--force") == 3
    out = capsys.readouterr().out
    assert "note: broken is invalid and was forced in" in out
    assert "note: broken did not get to its planned end (error)" in out


def test_another_plan_is_compared_with_a_warning(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """What differs is named."""
    other = write_simulated(tmp_path / "other", np.random.default_rng(34), run_json={"target": "http://h/v2"})
    command_line("compare", "before", "--to", other)
    assert "note: the path of the target is not given in BASE, /v2 in NEW" in capsys.readouterr().out


def test_the_summary_of_a_run_is_believed_where_there_is_one(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """One that is damaged is made again in memory."""
    run = write_simulated(tmp_path / "run", np.random.default_rng(35))
    summary = {"schema": 1, "verdict": "invalid", "reasons": ["as it was judged"], "scenarios": {}}
    (run / "summary.json").write_text(json.dumps(summary))
    assert command_line("compare", "before", "--to", run) == 2
    assert "as it was judged" in capsys.readouterr().err
    for damaged in (
        "{",
        '{"schema": 1, "verdict": "pass", "scenarios": {"load": 5}}',
        '{"schema": 1, "scenarios": []}',
    ):
        (run / "summary.json").write_text(damaged)
        assert command_line("compare", "before", "--to", run) == 0
        assert "1 run against 5 runs" in capsys.readouterr().out
        assert (run / "summary.json").read_text() == damaged
    for capacity in ({"rate": "much"}, {"rate": -3.0}):
        summary = {"schema": 1, "verdict": "pass", "scenarios": {"load": {"capacity": capacity}}}
        (run / "summary.json").write_text(json.dumps(summary))
        assert command_line("compare", "before", "--to", run) == 2
        assert "the capacity in its summary is damaged" in capsys.readouterr().err


def test_a_search_is_compared_by_what_its_summary_found(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The capacity of each run, from its summary."""
    rng = np.random.default_rng(36)
    for side, rate in (("old", 400.0), ("new", 300.0)):
        for number in range(5):
            run = write_simulated(tmp_path / side / f"run-{number}", rng, seconds=12)
            capacity = {"rate": rate + number, "low": rate - 4, "high": rate + 4}
            summary = {"schema": 1, "verdict": "pass", "scenarios": {"load": {"capacity": capacity}}}
            (run / "summary.json").write_text(json.dumps(summary))
    assert command_line("compare", tmp_path / "old", "--to", tmp_path / "new") == 1
    assert "capacity  402.0/s  302.0/s  -24.9 %" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["before"], "--to"),
        (["gone", "--to", "same"], "gone: there is no such run directory"),
        (["before", "--to", "."], "neither a run directory nor a folder that holds some"),
        (["before", "--to", "before/run-0"], "run-0 stands on both sides"),
        (["before", "--to", "same", "--tolerance", "much"], "--tolerance much"),
        (["before", "--to", "same", "--percentile", "p0"], "--percentile p0"),
        (["before", "--to", "same", "--scenario", "laod"], "--scenario laod: no run has it; there are: load"),
        (["before", "--to", "same", "--baseline", "x"], "--baseline"),
        (["--to", "same"], "name the runs to compare with"),
    ],
)
def test_mistakes_are_told_in_a_sentence(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 and no traceback."""
    try:
        code = command_line("compare", *words)
    except SystemExit as end:  # argparse ends by itself
        code = int(end.code or 0)
    assert code == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["set", "gone"], "there is no such run directory"),
        (["set", "before", "--out", "gone"], "--out gone"),
        (["show"], "runs has no baseline; set one"),
        (["show", "--out", "same"], "same has no baseline"),
    ],
)
def test_mistakes_with_baselines_are_told(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 and a remedy."""
    assert command_line("baseline", *words) == 2
    assert sentence in capsys.readouterr().err


def test_percentiles_are_read_as_people_write_them() -> None:
    """Ascending, each once."""
    assert parse_percentiles(["p99.9", "95", "P50", "p95"]) == (0.5, 0.95, 0.999)
    for word in ("p100", "p", "-5", "nan", "inf", "median"):
        with pytest.raises(UsageError, match="--percentile"):
            parse_percentiles([word])


def test_the_comparison_is_written_as_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The verdict, the figures and what moved, in one file that fetches nothing."""
    page = tmp_path / "comparison.html"
    assert command_line("compare", "before", "--to", "slower", "--html", page) == 1
    text = page.read_text(encoding="utf-8")
    assert "worse</h1>" in text
    assert "load: what moved" in text
    assert "src=" not in text.split('<script type="application/json"')[0]
