"""Runs scenarios of the performance configuration, and judges them.

    python scripts/run_perf_tests.py --config tests/performance/config/performance_config.yaml --scenario load
    python scripts/run_perf_tests.py --scenario load --users 20 --spawn-rate 5 --run-time 5m

The run directory is made under reports/performance. The exit code is the verdict's: 0 pass, 1 fail, 2 a mistake in the
command or the configuration, 3 undecided, 4 invalid, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from loadworthy import api
from loadworthy.errors import UsageError
from loadworthy.plan.load import LoadedPlan, load_plan
from loadworthy.plan.model import Scenario, Stage
from loadworthy.units import parse_duration_us, parse_rate

CONFIG = Path("tests/performance/config/performance_config.yaml")
RESULTS = Path("reports/performance")
OWN_KEYS = ("locust.processes", "locust.arguments", "reporting.results_dir", "reporting.report_after_run")
"""Keys that this script reads; to Loadworthy itself they mean nothing."""
DEFAULT_TEST = "test_load.py"


@dataclass(frozen=True, slots=True)
class Amount:
    """How much load, where the options say so; None leaves what the configuration says."""

    users: int | None
    spawn_rate: float | None
    run_time_us: int | None


def main() -> int:
    """Run what the options ask for; the exit code."""
    arguments = _parser().parse_args()
    amount = Amount(
        users=_read("--users", arguments.users, _whole),
        spawn_rate=_read("--spawn-rate", arguments.spawn_rate, parse_rate),
        run_time_us=_read("--run-time", arguments.run_time, parse_duration_us),
    )
    loaded = load_plan(arguments.config, environ=os.environ)
    names = _chosen(loaded, arguments.scenario)
    overrides = dict(_overrides(loaded, names, amount))
    overrides |= {key: None for key in OWN_KEYS if _is_given(loaded, key)}
    if arguments.url:
        overrides["base_url"] = arguments.url
    out = arguments.results_dir or Path(_text(loaded, "reporting", "results_dir", str(RESULTS)))
    os.environ["PERFORMANCE_CONFIG"] = str(arguments.config.resolve())  # base_test.py reads the test data in there
    result = api.run(
        arguments.config,
        scenarios=names,
        overrides=overrides,
        out=out,
        processes=_processes(loaded),
        seed=arguments.seed,
        arguments=[*_arguments(loaded), *(["--keep-data"] if arguments.keep_data else [])],
    )
    if loaded.plan.reporting.get("report_after_run") is True:
        _report(out)
    return result.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Run performance tests and judge them.",
        epilog="example: python scripts/run_perf_tests.py --scenario load --users 20 --spawn-rate 5 --run-time 5m",
    )
    parser.add_argument("--config", type=Path, default=CONFIG, metavar="FILE", help=f"the configuration ({CONFIG})")
    parser.add_argument("--scenario", action="append", default=[], metavar="NAME",
                        help="only this one; may be repeated (all of the configuration)")  # fmt: skip
    parser.add_argument("--users", metavar="N", help="users of each scenario; of one with stages, the most")
    parser.add_argument("--spawn-rate", metavar="R", help="users started per second; not for scenarios with stages")
    parser.add_argument("--run-time", metavar="T", help="length of each scenario, e.g. 30s or 5m; stages are scaled")
    parser.add_argument("--url", metavar="URL", help="the application, instead of base_url")
    parser.add_argument("--results-dir", type=Path, metavar="DIR", help=f"folder for run directories ({RESULTS})")
    parser.add_argument("--keep-data", action="store_true", help="leave the rows that the tests made")
    parser.add_argument("--seed", type=int, metavar="N", help="of everything random")
    return parser


def _read(option: str, text: str | None, parse: Any) -> Any:
    if text is None:
        return None
    try:
        value = parse(text)
    except ValueError as error:
        raise UsageError(f"{option} {text}: {error}") from error
    if not value > 0:
        raise UsageError(f"{option} {text}: it must be more than 0")
    return value


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise ValueError("write a whole number")
    return int(text)


def _chosen(loaded: LoadedPlan, wanted: Sequence[str]) -> list[str]:
    known = loaded.plan.scenarios
    if unknown := [name for name in wanted if name not in known]:
        raise UsageError(f"{loaded.path} has no scenario {', '.join(unknown)}; it has: {', '.join(known)}")
    return [name for name in known if not wanted or name in wanted]


# --- what the options change ---


def _overrides(loaded: LoadedPlan, names: Sequence[str], amount: Amount) -> Iterator[tuple[str, Any]]:
    """Dotted path → value: the file of each scenario that names none, and the amount of load."""
    for name in names:
        scenario = loaded.plan.scenarios[name]
        place = f"scenarios.{json.dumps(name, ensure_ascii=False)}"
        if not _has_behaviour(scenario):
            yield f"{place}.locustfile", os.path.relpath(test_file(loaded, name), loaded.base_dir)
        yield from _load_overrides(name, place, scenario, amount)


def _load_overrides(name: str, place: str, scenario: Scenario, amount: Amount) -> Iterator[tuple[str, Any]]:
    if scenario.is_open:
        if amount.users is not None or amount.spawn_rate is not None:
            _note(f"{name}: its rate says how much load there is; --users and --spawn-rate have no effect on it")
        amount = replace(amount, users=None, spawn_rate=None)
    if scenario.stages:
        if amount.spawn_rate is not None:
            _note(f"{name}: its stages say how fast users come; --spawn-rate has no effect on it")
        if amount.users is not None or amount.run_time_us is not None:
            yield f"{place}.stages", scaled_stages(scenario.stages, amount.users, amount.run_time_us)
        return
    for key, value in (("users", amount.users), ("spawn_rate", amount.spawn_rate)):
        if value is not None:
            yield f"{place}.{key}", value
    if amount.run_time_us is not None:
        yield f"{place}.run_time", f"{amount.run_time_us}us"


def _has_behaviour(scenario: Scenario) -> bool:
    return bool(scenario.locustfile or scenario.endpoints or scenario.flow or scenario.roles)


def test_file(loaded: LoadedPlan, name: str) -> Path:
    """The file of a scenario that names none: ``test_NAME.py`` above the configuration's folder, or beside it.

    Else what ``locust: locustfile`` names, else the load test.
    """
    folders = (loaded.base_dir.resolve().parent, loaded.base_dir.resolve())
    default = loaded.plan.locust.get("locustfile")
    if isinstance(default, str):
        defaults = [loaded.base_dir / default]
    else:
        defaults = [folder / DEFAULT_TEST for folder in folders]
    candidates = [*(folder / f"test_{name}.py" for folder in folders), *defaults]
    found = next((path for path in candidates if path.is_file()), None)
    if found is None:
        raise UsageError(
            f"{loaded.path}: scenario {name} has no test: make {folders[0] / f'test_{name}.py'}, or name a locustfile"
        )
    return found


def scaled_stages(stages: Sequence[Stage], users: int | None, run_time_us: int | None) -> list[Mapping[str, Any]]:
    """The stages with ``users`` at most and ``run_time_us`` in all, in the same proportions; None leaves as it is.

    Rates stay as they are.
    """
    most = max(stage_users(stage) for stage in stages)
    total_us = sum(stage.duration for stage in stages)
    scaled: list[Mapping[str, Any]] = []
    for stage in stages:
        length_us = stage.duration if run_time_us is None else max(stage.duration * run_time_us // total_us, 1)
        key = "rate" if stage.rate is not None else "users" if stage.ramp_to is None else "ramp_to"
        wanted = getattr(stage, key)
        if isinstance(wanted, int) and wanted and users is not None:
            wanted = max(round(wanted * users / most), 1)
        scaled.append({"duration": f"{length_us}us", key: wanted})
    return scaled


def stage_users(stage: Stage) -> int:
    """How many a stage holds, or goes to; 0 where it speaks of a rate."""
    amount = stage.users if stage.ramp_to is None else stage.ramp_to
    return amount if isinstance(amount, int) else 0


# --- what the configuration says of runs: the keys of `reporting` and `locust` ---


def _is_given(loaded: LoadedPlan, key: str) -> bool:
    section, _, name = key.partition(".")
    return name in getattr(loaded.plan, section)


def _text(loaded: LoadedPlan, section: str, key: str, default: str) -> str:
    value = getattr(loaded.plan, section).get(key, default)
    if not isinstance(value, str) or not value:
        raise UsageError(f"{loaded.path}: {section}.{key}: it must be a text")
    return value


def _processes(loaded: LoadedPlan) -> int:
    value = loaded.plan.locust.get("processes", 1)
    text = str(value)
    if not text.isdigit() or int(text) < 1:
        raise UsageError(f"{loaded.path}: locust.processes: {value!r} is not a number of processes")
    return int(text)


def _arguments(loaded: LoadedPlan) -> list[str]:
    value = loaded.plan.locust.get("arguments") or []
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise UsageError(f"{loaded.path}: locust.arguments: it must be a list of texts")
    return [str(one) for one in value]


def _report(results: Path) -> None:
    from loadworthy.report.several import write_several

    for path in write_several(results).files[:1]:
        print(f"report over all runs: {path}")


def _note(text: str) -> None:
    print(f"{Path(sys.argv[0]).name}: {text}", file=sys.stderr)


if __name__ == "__main__":
    raise SystemExit(api.script(main))
