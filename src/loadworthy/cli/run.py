"""``loadworthy run PLAN|LOCUSTFILE``: make load, record, judge."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from loadworthy.cli.addresses import DEFAULT_PORT, parse_address
from loadworthy.cli.target import load_target
from loadworthy.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from loadworthy.plan.overrides import Override

UI_HOST, UI_PORT, MOST_PORT = "127.0.0.1", 8089, 65_535

EPILOG = """\
examples:
  loadworthy run plan.yaml
  loadworthy run plan.yaml --scenario smoke --url http://localhost:8000
  loadworthy run plan.yaml --processes 2 --set scenarios.load.users=200
  loadworthy run plan.yaml --rate 200/s --run-time 1m
  loadworthy run locustfile.py --url http://localhost:8000 --users 50 --spawn-rate 5 --run-time 2m
  loadworthy run locustfile.py --url http://localhost:8000 --run-time 1m -- --my-own-option 5
  loadworthy run plan.yaml --ui

What follows -- goes to the locustfile's own options.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("target", metavar="PLAN|LOCUSTFILE", type=Path, help="a plan or a locustfile")
    load = parser.add_argument_group("load, instead of what the plan says")
    load.add_argument("--url", metavar="URL", help="base URL of the target")
    load.add_argument("--users", metavar="N", help="users of each scenario")
    load.add_argument("--spawn-rate", metavar="R", help="users started per second")
    load.add_argument("--rate", metavar="R", help="iterations begun per second (an open workload) instead of users")
    load.add_argument("--run-time", metavar="T", help="length of each scenario, e.g. 30s or 5m")
    load.add_argument("--scenario", metavar="NAME", action="append", default=[], help="only this one; may be repeated")
    load.add_argument("--set", metavar="KEY=VALUE", dest="overrides", action="append", default=[],
                      help="any value of the plan by its path, e.g. scenarios.load.users=50; repeatable")  # fmt: skip
    load.add_argument("--seed", metavar="N", type=int, help="seed of everything random")
    how = parser.add_argument_group("how")
    how.add_argument("--out", metavar="DIR", type=Path, default=Path("runs"), help="folder for run directories (runs)")
    how.add_argument("--client", choices=("loadworthy", "locust"), default="loadworthy",
                     help="HTTP client for users of Locust's own HttpUser and FastHttpUser (loadworthy)")  # fmt: skip
    how.add_argument("--processes", metavar="N|auto",
                     help="processes here that make load (1, or 0 with --workers); auto: one a core")  # fmt: skip
    how.add_argument("--workers", metavar="N", type=int, default=0, help="wait for this many workers on other machines")
    how.add_argument("--bind", metavar="HOST[:PORT]", default="127.0.0.1",
                     help=f"where workers on other machines join (port {DEFAULT_PORT} unless given)")  # fmt: skip
    how.add_argument("--no-preflight", dest="preflight", action="store_false",
                     help="make load even where nothing listens at the target")  # fmt: skip
    how.add_argument("--yes-really", dest="confirmed", action="store_true",
                     help="make more load on another machine than the plan's confirm_above")  # fmt: skip
    page = parser.add_argument_group("the live page")
    page.add_argument("--ui", action="store_true",
                      help="watch and lead the run in a browser; the page stays after it, until Ctrl-C")  # fmt: skip
    page.add_argument("--ui-host", metavar="HOST", default=UI_HOST,
                      help="where it listens (127.0.0.1); elsewhere it needs the token that is printed")  # fmt: skip
    page.add_argument("--ui-port", metavar="PORT", type=int, default=UI_PORT,
                      help=f"its port ({UI_PORT}); 0 takes any that is free")  # fmt: skip
    page.add_argument("--autoquit", metavar="SECONDS", type=float,
                      help="end the page so long after a run; 0 ends it with the run")  # fmt: skip


def execute(arguments: argparse.Namespace) -> ExitCode:
    """Load the plan, run it, show the verdict."""
    if arguments.workers < 0:
        raise UsageError(f"--workers {arguments.workers}: write how many workers join from other machines")
    children = _children(arguments.processes, arguments.workers)
    bind = parse_address(arguments.bind, DEFAULT_PORT if arguments.workers else 0)
    _check_ui(arguments)
    loaded = load_target(
        arguments.target,
        environ=os.environ,
        overrides=[*_overrides(arguments), *arguments.overrides],
        scenarios=arguments.scenario,
    )

    from loadworthy.engine.run import RunRequest  # imports Locust, which takes half a second

    request = RunRequest(
        loaded=loaded,
        out=arguments.out,
        scenarios=tuple(arguments.scenario),
        children=children,
        remote_workers=arguments.workers,
        bind=bind,
        seed=arguments.seed,
        lean_client=arguments.client == "loadworthy",
        arguments=tuple(arguments.passed_on),
        preflight=arguments.preflight,
        confirmed=arguments.confirmed,
    )
    if arguments.ui:
        from loadworthy.cli.ui import run_with_page

        return run_with_page(request, arguments.ui_host, arguments.ui_port, arguments.autoquit)

    from loadworthy.cli.running import run_and_show

    return run_and_show(request)


def _check_ui(arguments: argparse.Namespace) -> None:
    if not arguments.ui and (arguments.ui_host, arguments.ui_port, arguments.autoquit) != (UI_HOST, UI_PORT, None):
        raise UsageError("--ui-host, --ui-port and --autoquit are about the live page; add --ui")
    if not 0 <= arguments.ui_port <= MOST_PORT:
        raise UsageError(f"--ui-port {arguments.ui_port}: write a port from 0 to {MOST_PORT:,}")
    if arguments.autoquit is not None and not 0 <= arguments.autoquit < float("inf"):
        raise UsageError(f"--autoquit {arguments.autoquit:g}: write how many seconds the page stays after a run")


def _overrides(arguments: argparse.Namespace) -> Iterator[Override]:
    from loadworthy.plan.overrides import Override

    if arguments.url:
        yield Override(("base_url",), arguments.url, f"--url {arguments.url}", arguments.url)
    scenarios = arguments.scenario or ["*"]
    if arguments.rate is not None and arguments.users is None:
        for scenario in scenarios:  # a rate takes the place of users
            for key in ("users", "spawn_rate"):
                yield Override(("scenarios", scenario, key), None, f"--rate {arguments.rate}")
    for key in ("users", "spawn_rate", "rate", "run_time"):
        value = getattr(arguments, key)
        if value is not None:
            option = f"--{key.replace('_', '-')} {value}"
            for scenario in scenarios:
                yield Override(("scenarios", scenario, key), value, option, value)


def _children(processes: str | None, remote_workers: int) -> int:
    """How many worker processes to start here: none where this process can make the load alone."""
    if processes is None:
        return 0
    if processes == "auto":
        count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    elif processes.isdigit() and int(processes) >= (0 if remote_workers else 1):
        count = int(processes)
    else:
        raise UsageError(f"--processes {processes}: write a number of processes, or auto")
    return 0 if count == 1 and not remote_workers else count
