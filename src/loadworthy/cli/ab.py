"""``loadworthy ab PLAN --url A --url B``: two targets, in turns, compared."""

from __future__ import annotations

import argparse
import os
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from loadworthy.cli.compare import PERCENTILES, add_tolerance, exit_code, print_report, write_outputs
from loadworthy.cli.sides import compare_runs, parse_percentiles, parse_tolerance
from loadworthy.errors import ExitCode, LoadworthyError, SetupError, UsageError

if TYPE_CHECKING:
    from loadworthy.analysis.comparison import Question
    from loadworthy.cli.showing import RunResult
    from loadworthy.plan.load import LoadedPlan

EPILOG = """\
example:
  loadworthy ab plan.yaml --url http://10.0.0.1:8000 --url http://10.0.0.2:8000 --rounds 5

Each round is a run against A (the first URL, the base) and one against B (the second, the new), in the order A B, B A,
A B, …, so that what drifts meanwhile falls on both alike. Every run stays in its directory; the comparison is printed,
and written beside them as JSON. Ctrl-C ends it, and what there is by then is compared.

exit codes: 0 B is not worse, 1 worse, 2 usage error, 3 undecided, 130 interrupted
"""
SIDES = ("A", "B")
_SEEDS = 2**31
_INVALID = "invalid"
_NEVER_RAN = "no round was complete, so there is nothing to compare"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("target", metavar="PLAN|LOCUSTFILE", type=Path, help="a plan or a locustfile")
    parser.add_argument("--url", metavar="URL", dest="urls", action="append", default=[],
                        help="base URL of A, then of B: give it twice")  # fmt: skip
    parser.add_argument("--rounds", metavar="N", type=int, default=5, help="runs a side (5)")
    parser.add_argument("--scenario", metavar="NAME", action="append", default=[], help="only this; may be repeated")
    parser.add_argument("--set", metavar="KEY=VALUE", dest="overrides", action="append", default=[],
                        help="any value of the plan by its path, e.g. scenarios.load.users=50; repeatable")  # fmt: skip
    parser.add_argument("--seed", metavar="N", type=int,
                        help="seed of the first round, for both sides; each round has the next")  # fmt: skip
    parser.add_argument(
        "--out", metavar="DIR", type=Path, default=Path("runs"), help="folder of run directories (runs)"
    )
    parser.add_argument("--percentile", metavar="P", nargs="+", default=PERCENTILES,
                        help="percentiles of the response time to compare (p50 p95 p99)")  # fmt: skip
    parser.add_argument(
        "--series", metavar="PATTERN", help="compare only series of that name; * is any text: 'GET /items*'"
    )
    add_tolerance(parser)
    parser.add_argument("--yes-really", dest="confirmed", action="store_true",
                        help="make more load on another machine than the plan's confirm_above")  # fmt: skip
    parser.add_argument("--markdown", metavar="FILE", type=Path, help="write the comparison as Markdown, too")
    parser.add_argument("--html", metavar="FILE", type=Path, help="write the comparison as a page, too")


def order(rounds: int) -> list[tuple[int, str]]:
    """Who runs when: (round from 1, ``A`` or ``B``), in the order A B, B A, A B, …"""
    return [(number, side) for number in range(1, rounds + 1) for side in (SIDES if number % 2 else SIDES[::-1])]


@dataclass(slots=True)
class Rounds:
    """The runs that came to their end, by side, each with its round."""

    done: dict[str, dict[int, Path]] = field(default_factory=lambda: {side: {} for side in SIDES})
    interrupted: bool = False
    error: LoadworthyError | None = None
    """What kept a run from being made, after others had been."""

    def pairs(self) -> tuple[list[Path], list[Path]]:
        """The runs of both sides of the rounds that are complete, and so made under like conditions."""
        both = sorted(self.done["A"].keys() & self.done["B"].keys())
        return [self.done["A"][number] for number in both], [self.done["B"][number] for number in both]


def play(rounds: int, run: Callable[[int, str], RunResult], tell: Callable[[str], None]) -> Rounds:
    """Run all rounds, and tell how each run ended. Ctrl-C, between runs or in one, ends them; that run is not counted.

    What is invalid is told and left out, and its round with it. An error ends the rounds, too; where no round was
    complete by then, it is raised.
    """
    state = Rounds()
    try:
        for number, side in order(rounds):
            result = run(number, side)
            verdict = result.summary.verdict.value
            open_ = verdict not in ("pass", "fail") and result.summary.reasons
            reason = f" · {result.summary.reasons[0]}" if open_ else ""
            tell(f"round {number} of {rounds}  {side}  {verdict:9} {result.path.name}{reason}")
            if result.interrupted:
                raise KeyboardInterrupt  # noqa: TRY301  # as if it had come between two runs
            if verdict != _INVALID:
                state.done[side][number] = result.path
    except KeyboardInterrupt:
        state.interrupted = True
    except LoadworthyError as error:
        if not state.pairs()[0]:
            raise
        state.error = error
    return state


def execute(arguments: argparse.Namespace) -> ExitCode:
    """Run the rounds, compare what they gave."""
    _check(arguments)
    question = _question(arguments)
    plans = {
        side: _load(arguments, url, number)
        for number, (side, url) in enumerate(zip(SIDES, arguments.urls, strict=True))
    }
    state = play(arguments.rounds, _runner(arguments, plans), _tell)
    base, new = state.pairs()
    if not base:
        if state.interrupted:
            print(f"loadworthy: interrupted; {_NEVER_RAN}", file=sys.stderr)
            return ExitCode.INTERRUPTED
        raise SetupError(f"{_NEVER_RAN}: each had a run that is invalid, as told above")
    report = compare_runs(base, new, question, force=False)
    print_report(report)
    file = _result_file(arguments.out)
    write_outputs(report, json_file=file, markdown_file=arguments.markdown, html_file=arguments.html)
    print(f"\nFiles      {os.path.relpath(file)}", flush=True)
    if state.error is not None:
        raise state.error
    return ExitCode.INTERRUPTED if state.interrupted else exit_code(report)


def _check(arguments: argparse.Namespace) -> None:
    if len(arguments.urls) != len(SIDES):
        raise UsageError(f"--url is given {len(arguments.urls)} times; give it twice: that of A, then that of B")
    if arguments.rounds < 1:
        raise UsageError(
            f"--rounds {arguments.rounds}: at least one round is run; five or more show how much runs vary"
        )


def _question(arguments: argparse.Namespace) -> Question:
    from loadworthy.analysis.comparison import Question

    return Question(
        tolerance=parse_tolerance(arguments.tolerance),
        fractions=parse_percentiles(arguments.percentile),
        series=arguments.series,
    )


def _load(arguments: argparse.Namespace, url: str, number: int) -> LoadedPlan:
    from loadworthy.cli.target import load_target
    from loadworthy.plan.overrides import Override

    return load_target(
        arguments.target,
        environ=os.environ,
        overrides=[*arguments.overrides, Override(("base_url",), url, f"--url {url} ({SIDES[number]})", url)],
        scenarios=arguments.scenario,
    )


def _runner(arguments: argparse.Namespace, plans: dict[str, LoadedPlan]) -> Callable[[int, str], RunResult]:
    from loadworthy.cli.running import run_and_judge  # imports Locust, which takes half a second
    from loadworthy.engine.run import RunRequest

    first = next((seed for seed in (arguments.seed, plans["A"].plan.seed) if seed is not None), None)
    first = random.randrange(_SEEDS) if first is None else first

    def run(number: int, side: str) -> RunResult:
        seed = first + number - 1
        request = RunRequest(
            plans[side], arguments.out, tuple(arguments.scenario), seed=seed, confirmed=arguments.confirmed
        )
        return run_and_judge(request, view=sys.stdout.isatty(), closing=False, alerting=False)

    return run


def _tell(line: str) -> None:
    from loadworthy.report.text import plain

    print(plain(line), flush=True)


def _result_file(folder: Path) -> Path:
    from datetime import UTC, datetime

    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S")
    return folder / f"{stamp}-ab.json"
