"""What the tests of app_performance share: its suite as in a fresh clone, and how its commands are run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.support.cli import Done
from tests.support.systems import SYSTEMS, Service, run

SUITE = SYSTEMS / "app_performance"
RUN, ANALYZE = "scripts/run_perf_tests.py", "scripts/analyze_perf_results.py"
CONFIG = "tests/performance/config/performance_config.yaml"
RESULTS = Path("reports/performance")
PASSWORD = "performance-test"
TABLES = ("users", "items", "orders", "order_lines")
REPORTS = {"summary.json", "report.html", "report.json", "junit.xml", "stats.csv"}


def fresh_clone(folder: Path) -> Path:
    """The suite alone, with nothing in it that a run has written."""
    for part in ("tests", "scripts"):
        shutil.copytree(SUITE / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def configure(suite: Path, scenarios: Mapping[str, Mapping[str, Any]] | None = None) -> None:
    """Change scenarios of the configuration, or add some; runs leave no pictures, which take longer than they do."""
    path = suite / CONFIG
    plan = yaml.safe_load(path.read_text(encoding="utf-8"))
    for name, more in (scenarios or {}).items():
        plan["scenarios"].setdefault(name, {}).update(more)
    plan["reporting"]["formats"] = []
    path.write_text(yaml.safe_dump(plan, sort_keys=False), encoding="utf-8")


def script(name: str, *options: object, service: Service | str, cwd: Path) -> Done:
    """``python SCRIPT OPTIONS`` against a service."""
    url = service if isinstance(service, str) else service.url
    return run("python", name, *options, cwd=cwd, environ={"BASE_URL": url})


def row_counts(service: Service) -> dict[str, int]:
    """Rows of every table."""
    return {table: service.rows(table) for table in TABLES}


def newest_run(suite: Path) -> Path:
    """The run directory that was made last; they are named by their start."""
    return max(path.parent for path in (suite / RESULTS).glob("*/run.json"))


def scenarios_of(run_directory: Path) -> Any:
    """Those of ``summary.json``."""
    return json.loads((run_directory / "summary.json").read_text(encoding="utf-8"))["scenarios"]


def requests_of(scenario: Any, series: str) -> int:
    """Requests of a series that did not fail; 0 where it does not occur."""
    figures = scenario["series"].get(series, {"requests": 0, "failures": 0})
    return int(figures["requests"]) - int(figures["failures"])


def assert_no_credentials(suite: Path, *said: str) -> None:
    """Neither the accounts' password nor the beginning of any token stands in what was said or written."""
    written = [path for path in (suite / "reports").rglob("*") if path.is_file() and path.suffix != ".png"]
    texts = [*said, *(path.read_text(encoding="utf-8") for path in written)]
    assert texts
    for text in texts:
        assert PASSWORD not in text
        assert "eyJ" not in text
        assert "Bearer" not in text
