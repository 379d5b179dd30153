#!/usr/bin/env python3
"""Stress test of the Kimmy Esthi booking API: ``python stress_test.py --help``.

Each scenario of ``config.json`` becomes a plan that Loadworthy runs with the users of ``virtual_user.py``; what comes
out is printed and, with ``--output``, saved after each scenario.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from configuration import DEFAULT_FILE, Configuration, Scenario, load_configuration
from metrics import MetricsCollector
from results import closing_block, scenario_json

from loadworthy import api
from loadworthy.analysis.verdict import Verdict, exit_code_of, worst
from loadworthy.errors import ExitCode, LoadworthyError, PlanError, UsageError

HERE = Path(__file__).resolve().parent
NOT_RUN = "not run"
EXIT_CODES = (
    "exit codes: 0 all thresholds hold, 1 one does not, 2 wrong use or no service, 3 undecided, 4 invalid, 130 Ctrl-C"
)


def main() -> int:
    """Run the scenarios that were asked for; the exit code."""
    arguments = _parser().parse_args()
    configuration = load_configuration(arguments.config)
    if arguments.url:
        configuration = configuration.model_copy(
            update={"api": configuration.api.model_copy(update={"base_url": arguments.url})}
        )
    names = chosen(configuration, arguments.scenarios)
    results = Results(arguments.output, configuration.api.base_url)
    _show_what_is_removed()
    for position, name in enumerate(names):
        try:
            interrupted = run_scenario(name, configuration, arguments, results).interrupted
        except LoadworthyError as error:  # above all: the service has gone since the scenario before
            results.did_not_run(names[position:], str(error), error.exit_code)
            raise
        if interrupted:
            return ExitCode.INTERRUPTED
    return exit_code_of(results.verdict)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Stress test of the Kimmy Esthi booking API.", epilog=EXIT_CODES)
    parser.add_argument("--url", help="base URL of the API, instead of the configuration's")
    parser.add_argument("--scenarios", nargs="+", metavar="NAME", default=[], help="only these, enabled or not")
    parser.add_argument(
        "--config", type=Path, default=DEFAULT_FILE, metavar="FILE", help="config.json beside this file"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="save all figures as JSON")
    parser.add_argument("--keep-data", action="store_true", help="leave the bookings and forms that the test made")
    return parser


def chosen(configuration: Configuration, names: Sequence[str]) -> list[str]:
    """The scenarios to run: those named, in that order, or all that are enabled. UsageError where that is none."""
    for name in names:
        configuration.scenario(name)
    enabled = [name for name, scenario in configuration.test_scenarios.items() if scenario.enabled]
    if not names and not enabled:
        raise UsageError('no scenario is enabled; set "enabled": true, or name some with --scenarios')
    return list(dict.fromkeys(names)) or enabled


def run_scenario(
    name: str, configuration: Configuration, arguments: argparse.Namespace, results: Results
) -> api.RunResult:
    """Run one scenario, print its closing block, save its figures."""
    scenario, collector = configuration.test_scenarios[name], MetricsCollector()
    options = ["--stress-config", str(arguments.config.resolve()), "--stress-scenario", name]
    try:
        result = api.run(
            plan_for(name, scenario, configuration),
            base_dir=HERE,
            observers=[collector],
            closing=False,
            arguments=[*options, *(["--keep-data"] if arguments.keep_data else [])],
            environ={},
        )
    except PlanError as error:
        problem = error.problems[0]
        raise UsageError(f"{arguments.config}: {problem.where}: {problem.message}; {problem.hint}") from error
    summary = result.summary.scenarios[name]
    print(f"\n{closing_block(summary, collector)}\n")
    print(f"{name}: {result.summary.verdict}. {' '.join(result.summary.reasons)}")
    print(f"Report: {os.path.relpath(result.path / 'report.html')}\n", flush=True)
    results.add(name, result.summary.verdict, scenario_json(result, scenario, name, collector), result.interrupted)
    return result


def plan_for(name: str, scenario: Scenario, configuration: Configuration) -> dict[str, Any]:
    """The plan of one scenario, as Loadworthy reads it."""
    spec: dict[str, Any] = {
        "locustfile": "virtual_user.py",
        "kind": "stress",
        "users": scenario.concurrent_users,
        "run_time": scenario.duration_seconds,
        "thresholds": configuration.thresholds,
    }
    if scenario.ramp_up_seconds:
        spec["spawn_rate"] = scenario.concurrent_users / scenario.ramp_up_seconds
    return {
        "name": f"kimmy-esthi-{name}",
        "base_url": configuration.api.base_url,
        "timeout": configuration.api.timeout,
        "stop_timeout": configuration.api.timeout,  # requests under way may end: each booking is known, and removed
        "scenarios": {name: spec},
        # The users read the credentials themselves. Here they make Loadworthy mask them in all that it writes.
        "test_data": {"admin": [{"password": configuration.admin.password.replace("${", "$${")}]},
    }


class Results:
    """The results file, written anew after each scenario: one that is interrupted loses nothing of those before it."""

    def __init__(self, path: Path | None, url: str) -> None:
        self._path = path
        self._verdicts: list[Verdict] = []
        self._interrupted = False
        self._content: dict[str, Any] = {"schema": 1, "url": url, "verdict": None, "exit_code": None, "scenarios": {}}
        self._save()  # a file that cannot be written is told of before the test, not after

    @property
    def verdict(self) -> Verdict:
        """The worst of the scenarios so far."""
        return worst(self._verdicts)

    def add(self, name: str, verdict: Verdict, figures: dict[str, Any], interrupted: bool) -> None:
        """A scenario is over."""
        self._verdicts.append(verdict)
        code = ExitCode.INTERRUPTED if interrupted else exit_code_of(self.verdict)
        self._content |= {"verdict": self.verdict.value, "exit_code": int(code)}
        self._content["scenarios"][name] = figures
        self._save()

    def did_not_run(self, names: Sequence[str], why: str, code: ExitCode) -> None:
        """These scenarios cannot be run, and the command ends with the code for that."""
        self._content["exit_code"] = int(code)
        for name in names:
            self._content["scenarios"][name] = {"verdict": NOT_RUN, "reasons": [why], "interrupted": False}
        self._save()

    def _save(self) -> None:
        if self._path is None:
            return
        unfinished = self._path.with_name(f"{self._path.name}.part")
        try:
            unfinished.write_text(json.dumps(self._content, indent=2) + "\n", encoding="utf-8")
            unfinished.replace(self._path)
        except OSError as error:
            raise UsageError(f"--output {self._path}: it cannot be written: {error.strerror}") from error


def _show_what_is_removed() -> None:
    """Loadworthy logs how much test data it removed, or kept; warnings come with the run itself."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(lambda record: record.levelno == logging.INFO)
    logger = logging.getLogger("loadworthy")
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)


if __name__ == "__main__":
    raise SystemExit(api.script(main))
