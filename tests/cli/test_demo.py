"""``loadworthy demo``: the first command anybody runs."""

from pathlib import Path

import pytest
from tests.support.cli import loadworthy, only_run, summary_of


@pytest.mark.slow
def test_the_demo_ends_with_a_verdict(tmp_path: Path) -> None:
    """The exit code of a verdict, many requests by three roles, no failure, and the report's place.

    Which verdict is the machine's to say: a busy one may miss the limits on times, or be told that it was the limit.
    """
    done = loadworthy("demo", cwd=tmp_path)
    summary = summary_of(only_run(tmp_path))
    assert done.code == summary["exit_code"], done.out + done.err
    assert summary["verdict"].upper() in done.out
    assert "report.html" in done.out
    (scenario,) = summary["scenarios"].values()
    assert scenario["requests"] > 100
    assert scenario["failures"] == 0
    assert [one["verdict"] for one in scenario["thresholds"] if one["expression"] == "error_rate < 1%"] == ["pass"]
    assert {"GET /appointments/[date]", "POST /consents", "PATCH /admin/appointments/[id]"} <= set(scenario["series"])


def test_the_demo_shows_its_plan(tmp_path: Path) -> None:
    """``--show-plan`` prints a plan to start from, and runs nothing."""
    done = loadworthy("demo", "--show-plan", cwd=tmp_path)
    assert done.code == 0
    assert "roles:" in done.out
    assert not list(tmp_path.iterdir())
