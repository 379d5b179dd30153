"""The index of a folder of runs: kept, replaced, and made anew whenever it does not fit."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from loadworthy.errors import RunDirError
from loadworthy.record import index as index_module
from loadworthy.record.index import FIGURES, INDEX, IndexedRun, IndexedSeries, RunIndex


def run(name: str, started_at: str = "2026-11-20T14:00:00+00:00", **figures: float) -> IndexedRun:
    """A run with one scenario and one series in it."""
    series = (IndexedSeries("load", "", "f", figures), IndexedSeries("load", "GET /x", "f", {"p50": 1.0}))
    return IndexedRun(name, f"stamp of {name}", started_at, "pass", "abc", dirty=True, series=series)


def names(folder: Path) -> list[str]:
    """The runs that the index knows, in the order of their history."""
    with RunIndex(folder) as index:
        return [one.name for one, _ in index.history("load")]


def test_runs_come_back_oldest_first_with_their_figures(tmp_path: Path) -> None:
    """Whatever the order they were put in; what is not known is not there."""
    with RunIndex(tmp_path) as index:
        index.put(run("b", "2026-11-21T00:00:00+00:00", p95=2.5, requests=7))
        index.put(run("a", p95=1.5, capacity=400.0))
    with RunIndex(tmp_path) as index:
        assert index.kept
        assert index.stamps() == {"a": "stamp of a", "b": "stamp of b"}
        (first, figures), (second, others) = index.history("load")
        assert (first.name, first.revision, first.dirty, first.verdict) == ("a", "abc", True, "pass")
        assert figures == IndexedSeries("load", "", "f", {"p95": 1.5, "capacity": 400.0})
        assert second.name == "b"
        assert others.figures == {"p95": 2.5, "requests": 7.0}
        assert index.scenarios() == ["load"]
        assert index.series("load") == ["GET /x"]
        assert [one.figures for _, one in index.history("load", "GET /x")] == [{"p50": 1.0}] * 2
        assert index.history("other") == []


def test_a_run_is_replaced_and_removed_with_all_its_series(tmp_path: Path) -> None:
    """Nothing of it stays."""
    with RunIndex(tmp_path) as index:
        index.put(run("a", p95=1.0))
        index.put(run("a", p95=2.0))
        assert [one.figures["p95"] for _, one in index.history("load")] == [2.0]
        index.remove(["a", "never was"])
        assert index.stamps() == {}
        assert index.history("load", "GET /x") == []


def test_what_failed_half_way_leaves_the_index_as_it_was(tmp_path: Path) -> None:
    """All of a refresh, or nothing."""
    with RunIndex(tmp_path) as index:
        index.put(run("a"))

    def fail() -> None:
        with RunIndex(tmp_path) as index:
            index.put(run("b"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("content", [b"this is no database, but longer than its header would be " * 20, b"", b"x"])
def test_a_file_that_is_no_index_is_made_anew(tmp_path: Path, content: bytes) -> None:
    """Damaged, empty, or something else."""
    (tmp_path / INDEX).write_bytes(content)
    with RunIndex(tmp_path) as index:
        assert index.stamps() == {}
        index.put(run("a"))
    assert names(tmp_path) == ["a"]


def test_an_index_of_another_schema_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Older or newer."""
    with RunIndex(tmp_path) as index:
        index.put(run("a"))
    database = sqlite3.connect(tmp_path / INDEX)
    database.execute("PRAGMA user_version = 99")
    database.close()
    assert names(tmp_path) == []


def test_an_index_without_its_tables_is_made_anew(tmp_path: Path) -> None:
    """Of the right schema by its number alone."""
    database = sqlite3.connect(tmp_path / INDEX)
    database.execute(f"PRAGMA user_version = {index_module.INDEX_SCHEMA}")
    database.close()
    assert names(tmp_path) == []


def test_a_file_is_made_only_when_there_is_a_run(tmp_path: Path) -> None:
    """Until then it answers as one without any run."""
    with RunIndex(tmp_path) as index:
        index.clear()
        index.remove(["a"])
        assert (index.stamps(), index.scenarios(), index.history("load")) == ({}, [], [])
    assert list(tmp_path.iterdir()) == []
    with RunIndex(tmp_path) as index:
        index.put(run("a"))
        assert index.kept
    assert names(tmp_path) == ["a"]


def test_a_file_that_another_made_meanwhile_is_kept(tmp_path: Path) -> None:
    """What it holds is not lost."""
    with RunIndex(tmp_path) as late:
        with RunIndex(tmp_path) as early:
            early.put(run("a"))
        late.put(run("b"))
    assert names(tmp_path) == ["a", "b"]


def test_whether_a_run_was_cut_short_is_kept(tmp_path: Path) -> None:
    """As it was told."""
    with RunIndex(tmp_path) as index:
        index.put(replace(run("a"), cut_short=True))
        index.put(run("b"))
    with RunIndex(tmp_path) as index:
        assert [one.cut_short for one, _ in index.history("load")] == [True, False]


def test_where_it_cannot_be_written_it_is_made_in_memory(tmp_path: Path) -> None:
    """A folder that is not there stands for one that is read-only."""
    with RunIndex(tmp_path / "gone") as index:
        index.put(run("a", p95=1.0))
        assert not index.kept
        assert len(index.history("load")) == 1
    assert not (tmp_path / "gone").exists()


def test_an_index_in_use_by_another_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not made anew under its feet."""
    monkeypatch.setattr(index_module, "_WAIT_S", 0.01)
    with RunIndex(tmp_path) as index:
        index.put(run("a"))
    with RunIndex(tmp_path), pytest.raises(RunDirError, match="in use"):
        RunIndex(tmp_path)
    assert names(tmp_path) == ["a"]


def test_a_full_disk_is_not_taken_for_another_process(tmp_path: Path) -> None:
    """It is told as what it is; a limit on the pages of the file stands for the disk."""
    with RunIndex(tmp_path) as index:
        index.put(run("a"))

    def fill() -> None:
        with RunIndex(tmp_path) as index:
            (pages,) = index._database.execute("PRAGMA page_count").fetchone()
            index._database.execute(f"PRAGMA max_page_count = {pages}")
            for number in range(1000):
                index.put(run(f"{number:09}" * 20))

    with pytest.raises(RunDirError, match=r"history\.sqlite cannot be written: database or disk is full") as told:
        fill()
    assert "in use" not in str(told.value)
    assert names(tmp_path) == ["a"]


def test_the_query_of_its_description_works(tmp_path: Path) -> None:
    """For those who ask in SQL; all figures have columns."""
    with RunIndex(tmp_path) as index:
        index.put(run("a", p95=1.5))
    query = (index_module.__doc__ or "").split("::\n\n")[1].strip()
    database = sqlite3.connect(tmp_path / INDEX)
    assert database.execute(query).fetchall() == [("a", 1.5)]
    columns = [name for _, name, *_ in database.execute("PRAGMA table_info(figures)")]
    database.close()
    assert set(FIGURES) <= set(columns)
