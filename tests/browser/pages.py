"""Pages of all kinds, as the commands write them: from runs that were made by hand, and from a real one."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import yaml
from tests.report.searches import DRIFTS, enduring, searched, stressed, summary
from tests.support.cli import EASY_THRESHOLDS, loadworthy, only_run, write_plan
from tests.support.compared import write_simulated
from tests.support.hostile import HostileService, hostile_plan
from tests.support.runs import START_MS, ended, interval, make_run, manifest, open_run, series, started, started_open
from tests.support.shop import clean_run, failing_run, spread

from loadworthy.analysis.reading import read
from loadworthy.demo.start import PLAN, DemoService
from loadworthy.record.rundir import Run
from loadworthy.report.html import report_html
from loadworthy.report.scenario_figures import scenario_groups
from loadworthy.report.several import write_several
from loadworthy.report.write import write_reports

SHORT_S = 3
PAGE_ONLY = {"formats": ["html"]}


NAMES = (
    ("GET", "/items"), ("GET", "/items/[id]"), ("POST", "/items"), ("GET", "/orders"), ("GET", "/orders/[id]"),
    ("POST", "/orders"), ("DELETE", "/orders/[id]"), ("GET", "/Search"), ("POST", "/login"),
)  # fmt: skip
"""Series of :func:`mixed_run`; beside them there is ``GET /rare`` with three requests."""


def requests_per_s(label: str, second: int) -> int:
    """Requests of one of the :data:`NAMES` in a second of :func:`mixed_run`; there are two seconds of a kind."""
    return 20 + 2 * [f"{kind} {name}" for kind, name in NAMES].index(label) + second // 2


def mixed_run(folder: Path) -> Run:
    """Forty seconds, a little slower and a little more of them from second to second; one series in ten is rare."""
    intervals = []
    for second in range(40):
        slower = 1 + second / 40
        busy = [
            series(
                name, spread(round((place + 1) * 4_000 * slower), requests_per_s(f"{kind} {name}", second)), kind=kind
            )
            for place, (kind, name) in enumerate(NAMES)
        ]
        rare = [series("/rare", [7_000])] if second in (5, 15, 25) else []
        intervals.append(interval(second, *busy, *rare, users=5 + second))
    facts = manifest({"load": ("p95 < 1s", "error_rate < 1%")}, ended_at_s=40.0, planned_s=40.0)
    return make_run(folder / "mixed", intervals, run_json=facts, events=[started(planned_s=40.0), ended(at_s=40)])


def long_run(folder: Path) -> Run:
    """Nothing in it is short: names of series and metrics, thresholds on each, and counts; all of it failed."""
    names = [
        f"/organisations/[organisation-identifier]/departments/number-{number:02d}{'/and-more' * 9}"
        for number in range(12)
    ]
    intervals = [
        interval(
            second, *(series(name, spread(4_000, 900), failures={"status": 900}) for name in names),
            users=12_345, scheduled=120_000, sent=10_800, dropped=109_200,
        )
        for second in range(12)
    ]  # fmt: skip
    metric = 'rate(server_requests_total{status="200",method="OPTIONS",server_instance="somewhere-else"})'
    resources = [
        {"at_ms": START_MS + 1000 * at_s, "source": "prometheus", "values": {metric: 1.0 + at_s}} for at_s in range(12)
    ]
    facts = manifest({"load": [f"GET {name} p95 < 1s" for name in names]}, ended_at_s=12.0, planned_s=12.0)
    facts["plan"]["scenarios"]["load"] |= {"rate": 120_000}
    happened = [started_open(planned_s=12.0, rate=120_000.0), ended(at_s=12)]
    return make_run(folder / "long", intervals, run_json=facts, events=happened, resources=resources)


def report_of(run: Run) -> Path:
    """Its page; nothing here looks at the other formats, and pictures take their time."""
    run.manifest["plan"]["reporting"] = PAGE_ONLY
    write_reports(run)
    return run.path / "report.html"


def _of_run(make: Callable[[Path], Run]) -> Callable[[Path], Path]:
    return lambda folder: report_of(make(folder))


def _of_searches(folder: Path) -> Path:
    shown = summary(searched(), stressed(name="break"), enduring(DRIFTS))
    intervals = [
        interval(second, series(times_us=spread(20_000, 100)), scenario=name, number=100 * place + second)
        for place, name in enumerate(shown.scenarios)
        for second in range(30)
    ]
    run = make_run(folder / "searches", intervals)
    groups = scenario_groups(shown, read(run), run.events)
    page = run.path / "report.html"
    page.write_text(report_html(shown, run.manifest, run.failures, groups), encoding="utf-8")
    return page


def _of_several(folder: Path) -> Path:
    for make in (failing_run, clean_run, open_run):
        make(folder)
    report_of(Run.open(folder / "clean"))
    return write_several(folder).files[0]


def _of_comparison(folder: Path) -> Path:
    rng = np.random.default_rng(41)
    for side, factor in (("base", 1.0), ("new", 1.4)):
        for number in range(3):
            write_simulated(folder / side / f"run-{number}", rng, factor=factor, seconds=6, names=("/items", "/orders"))
    return compared(folder / "base", folder / "new", folder / "comparison.html")


SYNTHETIC: Mapping[str, Callable[[Path], Path]] = {
    "failing": _of_run(failing_run),
    "clean": _of_run(clean_run),
    "open": _of_run(open_run),
    "long": _of_run(long_run),
    "searches": _of_searches,
    "several": _of_several,
    "compare": _of_comparison,
}
"""Name → what writes the page into an empty folder and says where it is."""


def demo_run(folder: Path) -> Path:
    """The demo's plan for three seconds, with a monitor of the service: the run directory."""
    plan = yaml.safe_load(PLAN.read_text(encoding="utf-8"))
    plan["reporting"] = PAGE_ONLY
    scenario = plan["scenarios"]["booking"]
    with DemoService() as service:
        scenario |= {"run_time": f"{SHORT_S}s", "spawn_rate": 20, "monitors": [{"process": {"pid": service.pid}}]}
        done = loadworthy("run", write_plan(folder, plan), cwd=folder, environ={"DEMO_URL": service.url}, reports=True)
    assert done.code in (0, 1, 3, 4), done.out + done.err  # the page is what is looked at, whatever the verdict
    return only_run(folder)


def hostile_run(folder: Path) -> Path:
    """Some seconds against a service that attacks: the run directory."""
    with HostileService() as service:
        plan = hostile_plan(folder, service.url)
        plan["scenarios"]["declared"]["thresholds"] = EASY_THRESHOLDS
        done = loadworthy("run", write_plan(folder, plan), cwd=folder, reports=True)
    assert done.code == 1, done.out + done.err
    return only_run(folder)


def compared(base: Path, new: Path, page: Path) -> Path:
    """The page that compares two sides, fit or not."""
    done = loadworthy("compare", base, "--to", new, "--force", "--html", page, cwd=page.parent)
    assert page.exists(), done.out + done.err
    return page


def several_with(run: Path, folder: Path) -> Path:
    """The page over several runs, of which this one and a copy of it are all."""
    for number in range(2):
        shutil.copytree(run, folder / f"{number}-{run.name}")
    return write_several(folder).files[0]
