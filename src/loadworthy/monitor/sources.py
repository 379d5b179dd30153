"""From the monitors of a plan to the sources that are read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from loadworthy.clock import Clock
from loadworthy.errors import UsageError
from loadworthy.monitor.postgres import PostgresSource, require_driver
from loadworthy.monitor.process import Find, ProcessSource, by_name, by_pid, by_port, itself
from loadworthy.monitor.prometheus import PrometheusSource
from loadworthy.monitor.source import Source
from loadworthy.plan.model import Monitor, Plan, WatchedProcess
from loadworthy.plan.selectors import parse_selector
from loadworthy.units import US_PER_S

GENERATOR = "generator"
"""The name of the source that reads the load generator itself, with its workers on this machine."""

GENERATOR_EVERY_US = US_PER_S


class Watched(NamedTuple):
    """A source, and the µs from one reading of it to the next."""

    source: Source
    every_us: int


def require_drivers(monitors: Sequence[Monitor]) -> None:
    """SetupError where a library that a monitor needs is not installed."""
    if any(monitor.postgres is not None for monitor in monitors):
        require_driver()


def sources_of(monitors: Sequence[Monitor], plan: Plan, clock: Clock) -> list[Watched]:
    """The sources of some monitors of a plan, in their order. Nothing is connected to or looked for yet.

    Raises:
        SetupError: a library that one needs is not installed.
        UsageError: a monitor's path is below a base URL, and the plan has none.
    """
    return [Watched(_source(monitor, plan, clock), monitor.every) for monitor in monitors]


def generator(clock: Clock) -> Watched:
    """The source that reads this process and its children."""
    return Watched(ProcessSource(GENERATOR, itself, clock, count_connections=False), GENERATOR_EVERY_US)


def _source(monitor: Monitor, plan: Plan, clock: Clock) -> Source:
    if monitor.prometheus is not None:
        selectors = [parse_selector(text) for text in monitor.metrics]
        url = _whole_url(monitor.prometheus, plan.base_url)
        return PrometheusSource(url, selectors, clock, verify_tls=plan.verify_tls)
    if monitor.postgres is not None:
        return PostgresSource(monitor.postgres, clock)
    if monitor.process is None:
        raise UsageError("a monitor of the plan does not say what to watch: prometheus, process or postgres")
    name, find = _process(monitor.process)
    return ProcessSource(name, find, clock)


def _whole_url(url: str, base_url: str | None) -> str:
    if not url.startswith("/"):
        return url
    if base_url is None:
        raise UsageError(f"the monitor's path {url} is below a base URL: give --url, or base_url in the plan")
    return base_url.rstrip("/") + url


def _process(watched: WatchedProcess) -> tuple[str, Find]:
    if watched.pid is not None:
        return f"process {watched.pid}", by_pid(watched.pid)
    if watched.port is not None:
        return f"process on port {watched.port}", by_port(watched.port)
    return f"process {watched.name}", by_name(watched.name or "")
