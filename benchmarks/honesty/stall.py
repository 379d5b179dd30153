"""One stall of a server, and what each load generator says of it: ours, Locust, hey, ab and wrk, beside the formula.

Each has a server of its own, all alike: it answers at once, but for one stall in the middle of the run. Those that can
keep a rate are to send 1,000 requests per second; ab and wrk cannot, and send as fast as they get answers. Figures are
from each tool's own output, the most precise that it has. The table goes to standard output; nothing else is written.
"""

from __future__ import annotations

import argparse
import csv
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import machine
import numpy as np
from tests.honesty.oracles import quantile, stalled_quantile_s

from loadworthy.record.histogram import Histogram
from loadworthy.record.rundir import Run
from loadworthy.testing import FaultServer, Stall

FRACTIONS = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999, "p99.99": 0.9999, "max": 1.0}
RATE, USERS = 1000, 10
_USERS_FILE = str(Path(__file__).resolve().with_name("paced_users.py"))
_WRK_SCRIPT = """
done = function(summary, latency, requests)
  io.write("found ", summary.requests)
  for _, p in ipairs({50, 99, 99.9, 99.99}) do io.write(" ", latency:percentile(p)) end
  io.write(" ", latency.max, "\\n")
end
"""


@dataclass(frozen=True)
class Load:
    """What a tool is to do, and where it may leave files."""

    url: str
    run_s: int
    core: int | None
    folder: Path


@dataclass(frozen=True)
class Said:
    """What a tool said, in seconds, with the command as it can be repeated."""

    command: str
    requests: int
    figures: Mapping[str, float]


def _of_values(command: str, values_s: np.ndarray) -> Said:
    return Said(command, values_s.size, {name: quantile(values_s, part) for name, part in FRACTIONS.items()})


def _of_run(command: str, run: machine.Run) -> Said:
    series = [one for interval in Run.open(run.path).intervals() for one in interval.series]
    response = Histogram.merged(one.response for one in series)
    figures = response.percentiles_us(list(FRACTIONS.values()))
    return Said(command, response.count, {name: (us or 0) / 1e6 for name, us in zip(FRACTIONS, figures, strict=True)})


def ours(load: Load, command: str, **scenario: object) -> Said:
    """A plan of ours with this scenario."""
    plan = {"base_url": load.url, "seed": 7, "scenarios": {"load": {"run_time": f"{load.run_s}s", **scenario}}}
    return _of_run(command, machine.loadworthy(load.folder, load.core, plan))


def ours_open(load: Load) -> Said:
    """As many users as it takes."""
    keys = {"rate": f"{RATE}/s", "arrivals": "constant", "max_users": 3 * RATE, "endpoints": [{"path": "/"}]}
    return ours(load, f"loadworthy run, plan with rate: {RATE}/s, arrivals: constant, max_users: {3 * RATE}", **keys)


def ours_closed(load: Load) -> Said:
    """Ten users with a pause: a closed workload, which the run says that it is."""
    keys = {"users": USERS, "spawn_rate": 100, "wait_time": "10ms", "endpoints": [{"path": "/"}]}
    return ours(load, f"loadworthy run, plan with users: {USERS}, wait_time: 10ms", **keys)


def ours_paced(load: Load) -> Said:
    """Locust's own user file under our engine: each slot that a user missed counts from when it should have been."""
    command = [sys.executable, "-m", "loadworthy", "run", _USERS_FILE, "--url", load.url, "--out", str(load.folder)]
    command += ["--users", str(USERS), "--spawn-rate", "100", "--run-time", f"{load.run_s}s"]
    machine.run_command(command, load.core, BENCH_CLIENT="loadworthy")
    (path,) = load.folder.iterdir()
    return _of_run(
        f"loadworthy run paced_users.py --users {USERS} --spawn-rate 100 --run-time {load.run_s}s",
        machine.Run(path, {}, ""),
    )


def locust(load: Load, client: str) -> Said:
    """Its own CSV, whose columns go to 99.99 %."""
    command = [sys.executable, "-m", "locust", "-f", _USERS_FILE, "--headless", "--only-summary", "--host", load.url]
    command += ["-u", str(USERS), "-r", "100", "-t", f"{load.run_s}s", "--csv", str(load.folder / "out")]
    machine.run_command(command, load.core, BENCH_CLIENT=client)
    with (load.folder / "out_stats.csv").open() as file:
        row = next(row for row in csv.DictReader(file) if row["Name"] == "Aggregated")
    columns = ("50%", "99%", "99.9%", "99.99%", "100%")
    figures = {name: float(row[column]) / 1000 for name, column in zip(FRACTIONS, columns, strict=True)}
    shown = f"locust -f paced_users.py -u {USERS} -r 100 -t {load.run_s}s --csv out"
    return Said(shown, int(row["Request Count"]), figures)


def hey(load: Load) -> Said:
    """Its CSV has each request, to 0.1 ms."""
    options = ["-c", str(USERS), "-q", str(RATE // USERS), "-z", f"{load.run_s}s", "-o", "csv", "-cpus", "1"]
    out = machine.run_command(["hey", *options, f"{load.url}/"], load.core)
    rows = list(csv.DictReader(out.splitlines()))
    return _of_values("hey " + " ".join(options), np.array([float(row["response-time"]) for row in rows]))


def ab(load: Load) -> Said:
    """Its gnuplot file has each request, to 1 ms; it can keep no rate."""
    path = load.folder / "out.tsv"
    options = ["-k", "-q", "-c", str(USERS), "-t", str(load.run_s), "-n", "5000000", "-g", str(path)]
    machine.run_command(["ab", *options, f"{load.url}/"], load.core)
    with path.open() as file:
        values = np.array([float(row["ttime"]) / 1000 for row in csv.DictReader(file, delimiter="\t")])
    return _of_values("ab " + " ".join(options).replace(str(path), "out.tsv"), values)


def wrk(load: Load) -> Said:
    """By a script that asks it for more percentiles; it can keep no rate."""
    script = load.folder / "done.lua"
    script.write_text(_WRK_SCRIPT)
    options = ["-t", "1", "-c", str(USERS), "-d", f"{load.run_s}s", "--latency"]
    out = machine.run_command(["wrk", *options, "-s", str(script), f"{load.url}/"], load.core)
    found = re.search(r"^found (.*)$", out, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"wrk said nothing of its latency:\n{out}")
    requests, *figures = map(float, found[1].split())
    command = "wrk " + " ".join(options) + " -s done.lua"
    return Said(command, int(requests), {name: us / 1e6 for name, us in zip(FRACTIONS, figures, strict=True)})


TOOLS: dict[str, Callable[[Load], Said]] = {
    "Loadworthy, open": ours_open,
    "Loadworthy, closed, pacing": ours_paced,
    "Loadworthy, closed, pause": ours_closed,
    "Locust HttpUser": lambda load: locust(load, "requests"),
    "Locust FastHttpUser": lambda load: locust(load, "fast"),
    "hey": hey,
    "ab": ab,
    "wrk": wrk,
}


def _is_here(tool: str) -> bool:
    return tool not in {"hey", "ab", "wrk"} or shutil.which(tool) is not None


def show(name: str, requests: str, figures: Mapping[str, float | str]) -> None:
    """A row in Markdown, seconds."""
    cells = [f"{value:.4f}" if isinstance(value, float) else value for value in figures.values()]
    print(f"| {' | '.join([name, requests, *cells])} |", flush=True)


def main() -> None:
    """Run all, one after another."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run-time", type=int, default=60, metavar="S")
    parser.add_argument("--stall", type=float, default=1.5, metavar="S")
    parser.add_argument("--only", nargs="*", default=[], metavar="TEXT", help="tools whose name has one of these")
    options = parser.parse_args()
    core, server_core = machine.cores()
    print(machine.describe())
    show("", "requests", {name: name for name in FRACTIONS})
    print("|---" * (2 + len(FRACTIONS)) + "|")
    formula = {n: stalled_quantile_s(p, run_s=options.run_time, stall_s=options.stall) for n, p in FRACTIONS.items()}
    show("formula", f"{RATE * options.run_time:,}", formula)
    commands = {}
    for name, run in TOOLS.items():
        if (options.only and not any(text in name for text in options.only)) or not _is_here(name):
            commands[name] = "not run: not installed, or not asked for"
            continue
        stall = Stall(at_s=options.run_time / 2, for_s=options.stall)
        with machine.pinned(server_core):
            server = FaultServer(faults=[stall], log_limit=0)
            server.start()
        try:
            with tempfile.TemporaryDirectory(prefix="bench-honesty-") as folder:
                said = run(Load(server.url, options.run_time, core, Path(folder)))
        finally:
            server.stop()
        commands[name] = said.command
        show(name, f"{said.requests:,}", said.figures)
    print()
    for name, command in commands.items():
        print(f"{name}: {command}")


if __name__ == "__main__":
    try:
        main()
    except RuntimeError as error:
        sys.exit(str(error))
