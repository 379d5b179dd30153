"""baseline.json: what is kept, and what is not believed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from loadworthy.errors import RunDirError
from loadworthy.record.baselines import BASELINES, Baseline, read_baselines, set_baseline


def test_what_was_set_is_read_back_by_paths_relative_to_the_folder(tmp_path: Path) -> None:
    """So the folder can be moved; runs elsewhere are found, too."""
    folder = tmp_path / "runs"
    folder.mkdir()
    kept = set_baseline(folder, "default", [folder / "one", tmp_path / "old" / "two"], "2026-11-20T15:00:00+00:00")
    assert kept == Baseline("default", ("one", "../old/two"), "2026-11-20T15:00:00+00:00")
    assert read_baselines(folder) == {"default": kept}
    assert [path.resolve() for path in kept.paths(folder)] == [folder / "one", tmp_path / "old" / "two"]
    moved = folder.rename(tmp_path / "moved")
    assert read_baselines(moved)["default"].paths(moved)[0] == moved / "one"


def test_a_name_is_replaced_and_others_stay(tmp_path: Path) -> None:
    """Several baselines in one folder; no file is left over."""
    set_baseline(tmp_path, "default", [tmp_path / "one"], "t1")
    set_baseline(tmp_path, "release", [tmp_path / "two"], "t2")
    set_baseline(tmp_path, "default", [tmp_path / "three"], "t3")
    found = read_baselines(tmp_path)
    assert {name: one.runs for name, one in found.items()} == {"default": ("three",), "release": ("two",)}
    assert [path.name for path in tmp_path.iterdir()] == [BASELINES]


def test_none_was_set(tmp_path: Path) -> None:
    """Nothing, and no mistake; the same for a folder that is not there."""
    assert read_baselines(tmp_path) == {}
    assert read_baselines(tmp_path / "gone") == {}


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"schema": 2, "baselines": {}}', '{"schema": 1}', '{"schema": 1, "baselines": [1]}',
     '{"schema": 1, "baselines": {"x": {"set_at": "t", "runs": [1]}}}',
     '{"schema": 1, "baselines": {"x": {"runs": []}}}',
     '{"schema": 1, "baselines": {"x": {"set_at": "t", "runs": "one"}}}'],
)  # fmt: skip
def test_a_file_that_is_something_else_is_told_with_its_place(tmp_path: Path, text: str) -> None:
    """And neither overwritten nor half believed."""
    (tmp_path / BASELINES).write_text(text)
    with pytest.raises(RunDirError, match=BASELINES):
        read_baselines(tmp_path)
    with pytest.raises(RunDirError, match=BASELINES):
        set_baseline(tmp_path, "default", [tmp_path / "one"], "t")
    assert (tmp_path / BASELINES).read_text() == text


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """It is not there, say."""
    with pytest.raises(RunDirError, match="cannot write"):
        set_baseline(tmp_path / "gone", "default", [tmp_path / "one"], "t")


def test_the_file_is_as_documented(tmp_path: Path) -> None:
    """Schema, names, times, runs."""
    set_baseline(tmp_path, "default", [tmp_path / "one"], "t")
    data = json.loads((tmp_path / BASELINES).read_text())
    assert data == {"schema": 1, "baselines": {"default": {"set_at": "t", "runs": ["one"]}}}
