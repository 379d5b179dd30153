"""What the terminal shows when a run was judged."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.shop import clean_run

from loadworthy.cli.showing import judge


def test_a_judged_run_is_shown_with_its_times_and_its_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The response time over the run in a line; each file of the run directory, and of its folders how many there are.
    Nothing is written to standard error where that is no terminal."""
    result = judge(clean_run(tmp_path).path)
    out, err = capsys.readouterr()
    lines = [line.strip() for line in out.splitlines()]
    assert [line[:8] for line in lines if line[7:8] == "▁"] == ["p95    ▁", "p99    ▁"]
    for file in result.files:
        assert (any(line.endswith(f"clean/{file.name}") for line in lines)) is (file.parent == result.path)
    assert sum("clean/" in line for line in lines) == sum(file.parent == result.path for file in result.files) + 1
    plots = [file for file in result.files if file.parent.name == "plots"]
    assert plots
    assert lines[-1].endswith(f"clean/plots/ ({len(plots)} files)")
    assert err == ""
