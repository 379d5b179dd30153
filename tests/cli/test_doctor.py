"""``loadworthy doctor`` as a real process."""

from __future__ import annotations

from pathlib import Path

from tests.support.cli import loadworthy


def test_the_doctor_looks_measures_and_leaves_nothing(tmp_path: Path) -> None:
    """Every finding has its line, the load was really sent, and no file is left; on a busy machine it may be bad."""
    done = loadworthy("doctor", "--seconds", 1, "--rate", 600, cwd=tmp_path)
    assert done.code in (0, 1), done.out + done.err
    for what in ("python", "file descriptors", "local ports", "cores", "timer", "closed load", "open load"):
        assert f" {what} " in done.out
    assert "at 600/s" in done.out
    assert "✗" in done.out or done.code == 0
    assert list(tmp_path.iterdir()) == []


def test_nonsense_is_refused_in_one_line(tmp_path: Path) -> None:
    """Before anything is measured."""
    done = loadworthy("doctor", "--seconds", 0, cwd=tmp_path)
    assert done.code == 2
    assert "--seconds" in done.err
    assert "Traceback" not in done.err
