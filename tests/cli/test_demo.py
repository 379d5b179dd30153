"""``loadworthy demo``: the first command anybody runs."""

from pathlib import Path

import pytest
from tests.support.cli import loadworthy, only_run, summary_of


@pytest.mark.slow
def test_the_demo_ends_with_a_verdict(tmp_path: Path) -> None:
    """Exit code 0, a verdict, thousands of requests by three roles, no failure, and the report's place."""
    done = loadworthy("demo", cwd=tmp_path)
    assert done.code == 0, done.out + done.err
    assert "PASS" in done.out
    assert "report.html" in done.out
    (scenario,) = summary_of(only_run(tmp_path))["scenarios"].values()
    assert scenario["requests"] > 1000
    assert scenario["failures"] == 0
    assert {"GET /appointments/[date]", "POST /consents", "PATCH /admin/appointments/[id]"} <= set(scenario["series"])


def test_the_demo_shows_its_plan(tmp_path: Path) -> None:
    """``--show-plan`` prints a plan to start from, and runs nothing."""
    done = loadworthy("demo", "--show-plan", cwd=tmp_path)
    assert done.code == 0
    assert "roles:" in done.out
    assert not list(tmp_path.iterdir())
