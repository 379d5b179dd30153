"""Files of a run directory: those that are in it, and no others."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from loadworthy.page.downloads import archive, files_of


def run_directory(folder: Path) -> Path:
    """With files, and with what does not belong to it."""
    run = folder / "runs" / "one"
    (run / "plots").mkdir(parents=True)
    (run / "run.json").write_text("{}")
    (run / "plots" / "a b.png").write_bytes(bytes(range(256)) * 1000)
    (run / ".run.json.7.tmp").write_text("half")
    (folder / "secret").write_text("secret")
    (run / "link").symlink_to(folder / "secret")
    (run / "folder").symlink_to(folder)
    return run


def test_regular_files_of_the_directory(tmp_path: Path) -> None:
    """By their names below it; no links, nothing that is being written, nothing from elsewhere."""
    run = run_directory(tmp_path)
    assert dict(files_of(run)) == {"run.json": run / "run.json", "plots/a b.png": run / "plots" / "a b.png"}
    assert files_of(tmp_path / "nowhere") == {}


def test_the_archive_has_them_all(tmp_path: Path) -> None:
    """In a folder of its own, with their times, and it can be read."""
    files = files_of(run_directory(tmp_path))
    pieces = list(archive(files, "one"))
    assert all(pieces)
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as found:
        assert found.testzip() is None
        assert sorted(found.namelist()) == ["one/plots/a b.png", "one/run.json"]
        assert found.read("one/plots/a b.png") == files["plots/a b.png"].read_bytes()
        assert found.getinfo("one/run.json").date_time[0] > 2000


def test_a_file_that_is_gone_meanwhile_is_left_out(tmp_path: Path) -> None:
    """The others are there all the same."""
    run = run_directory(tmp_path)
    files = files_of(run)
    (run / "run.json").unlink()
    with zipfile.ZipFile(io.BytesIO(b"".join(archive(files, "one")))) as found:
        assert found.namelist() == ["one/plots/a b.png"]


def test_a_large_file_comes_in_pieces(tmp_path: Path) -> None:
    """No more than a piece of it is in memory."""
    run = run_directory(tmp_path)
    (run / "intervals.jsonl").write_bytes(bytes((7 * place) % 251 for place in range(2_000_000)))
    assert len(list(archive(files_of(run), "one"))) > 1
