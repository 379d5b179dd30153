"""A stall of known length, of the server or of ourselves, is in the figures as the formula says.

A generator that waits for answers sends nothing while the server stands still, and shows a p99 of a millisecond where
users waited for a second ("coordinated omission"). That the formula (docs/honesty.md) is right is tested first.
What may lie between it and our figures: the grain of the arrivals, the bins of the histogram (0.05 %), how late the
server's own log says that requests came and answers went, and how late the generator says that it was itself when they
came.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loadworthy.testing import CountingServer, Delay, FaultServer, Queue, Route, Stall
from loadworthy.units import US_PER_S
from tests.honesty.oracles import departures, intended, quantile, stalled_quantile_s
from tests.honesty.watched import Watched, watch
from tests.support.cli import only_run, summary_of

FIGURES = {"p95": 0.95, "p99": 0.99, "p999": 0.999, "max": 1.0}
"""p95, too: the few requests that a generator with 10 users has under way are more than 1 % of a short run."""


@dataclass(frozen=True)
class Case:
    """One stall in one run. A server with a utilisation takes one request at a time, one without all at once."""

    run_s: float
    stall_s: float
    per_s: int
    utilisation: float = 0.0

    @property
    def service_us(self) -> int:
        """How long a request takes the server."""
        return round(self.utilisation / self.per_s * US_PER_S)

    def load(self) -> dict[str, Any]:
        """The scenario."""
        return {"rate": f"{self.per_s}/s", "arrivals": "constant", "run_time": f"{self.run_s:g}s"}

    def server(self) -> FaultServer:
        """The server, which stalls after a third of the run."""
        queue = Queue.fifo() if self.utilisation else Queue.parallel()
        route = Route("*", delay=Delay.fixed(self.service_us / 1000))
        return FaultServer([route], queue=queue, faults=[Stall(at_s=self.run_s / 3, for_s=self.stall_s)])

    def due_us(self, arrived_us: Any) -> Any:
        """When requests that arrive then are due, by the oracle's queue; stalls count from the first arrival."""
        begin_us = int(arrived_us[0]) + round(self.run_s / 3 * US_PER_S)
        service_us = np.full(arrived_us.size, self.service_us)
        stall_us = (begin_us, begin_us + round(self.stall_s * US_PER_S))
        return departures(arrived_us, service_us, is_fifo=self.utilisation > 0, stall=stall_us)

    def formula_us(self, fraction: float) -> float:
        """What the figure must be."""
        seconds = stalled_quantile_s(fraction, run_s=self.run_s, stall_s=self.stall_s, utilisation=self.utilisation)
        return seconds * US_PER_S


@pytest.mark.parametrize("utilisation", [0.0, 0.3, 0.5, 0.8])
@pytest.mark.parametrize(("run_s", "stall_s", "per_s"), [(60.0, 1.5, 1000), (15.0, 1.5, 300), (4.0, 0.6, 200)])
def test_the_formula_is_what_a_simulated_server_does(
    run_s: float, stall_s: float, per_s: int, utilisation: float
) -> None:
    """Steady arrivals into a queue in virtual time: every quantile is the formula's, to within two arrivals' time."""
    case = Case(run_s, stall_s, per_s, utilisation)
    arrived_us = intended(1, **case.load())
    response_us = case.due_us(arrived_us) - arrived_us
    grain_us = 2 * US_PER_S / per_s + case.service_us
    for fraction in (0.9, *FIGURES.values()):
        assert quantile(response_us, fraction) == pytest.approx(case.formula_us(fraction), abs=grain_us)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Case(4.0, 1.0, 200), id="parallel"),
        pytest.param(Case(15.0, 1.5, 300), id="parallel, long", marks=pytest.mark.slow),
        pytest.param(Case(15.0, 1.5, 300, utilisation=0.5), id="fifo, long", marks=pytest.mark.slow),
    ],
)
def test_a_stall_of_the_server_is_in_the_figures(tmp_path: Path, case: Case) -> None:
    """p95, p99, p99.9 and maximum within 2 % of the formula, and of the server's log of the very same requests."""
    with case.server() as server:
        watched = watch(tmp_path, server, **case.load())
    order = np.argsort(watched.arrival_us, kind="stable")
    assert np.array_equal(np.sort(watched.due_us), np.sort(case.due_us(watched.arrival_us[order])))  # it did stall
    known = [figure for figure in FIGURES if watched.said["response_time_ms"][figure] is not None]
    assert known == [figure for figure in FIGURES if figure != "p999" or case.run_s > 4]
    late_us = float(watched.came_late_us.max() + watched.late_us.max()) + watched.own_late_us
    for figure in known:
        formula_us = case.formula_us(FIGURES[figure])
        most_us = 1.02 * formula_us + late_us
        assert 0.98 * formula_us <= watched.said_us(figure) <= most_us, figure
        agrees_with_the_log(watched, figure, own_late_us=watched.own_late_us)


def agrees_with_the_log(
    watched: Watched, figure: str, *, least: float = 0.999, most: float = 1.02, own_late_us: float = 0.0
) -> None:
    """Never less than what went by until the answer left, and not much more."""
    logged_us = quantile(watched.response_us, FIGURES[figure])
    assert least * logged_us <= watched.said_us(figure) <= most * logged_us + own_late_us, figure


PAUSING = """
import itertools
import time

from locust import HttpUser, task

numbers = itertools.count()


class Pausing(HttpUser):
    @task
    def look(self):
        number = next(numbers)  # in the order in which users began, which is the order of arrival to within a few
        end = time.perf_counter() + (0.8 if number == 200 else 0)
        while time.perf_counter() < end:
            pass
        self.client.get(f"/{number}", name="/[number]")
"""


def test_a_pause_of_the_generator_is_in_the_figures_too(tmp_path: Path) -> None:
    """One iteration holds the process up for 0.8 s: response times show it as a stall, service times do not.

    Whoever counts from when a request was sent, not from when it should have been, shows a service at its best.
    """
    (tmp_path / "pausing.py").write_text(PAUSING)
    case = Case(4.0, 0.8, 200)
    with CountingServer() as server:
        watched = watch(tmp_path, server, locustfile="pausing.py", **case.load())
    for figure in ("p95", "p99", "max"):
        assert watched.said_us(figure) >= 0.98 * case.formula_us(FIGURES[figure])
        # It is still catching up when the answers come, which then lie there for as long as the service time says at
        # most; and the numbers of some requests may be those of neighbours.
        unread_us = watched.said_us("max" if figure == "max" else "p99", "service_time_ms")
        agrees_with_the_log(watched, figure, least=0.98, most=1.05, own_late_us=unread_us)
    assert watched.said_us("p99", "service_time_ms") < watched.said_us("p99") / 2
    assert summary_of(only_run(tmp_path))["verdict"] == "invalid"
