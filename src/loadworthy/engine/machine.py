"""What a machine is good for as a generator of load: its limits, read; its timing, measured.

Readings and judgement are apart: each ``judge_…`` is a function of numbers. Limits are those of
:mod:`loadworthy.analysis.validity`, seen from before the run.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from loadworthy.clock import monotonic_ns
from loadworthy.engine.health import descriptors, ports
from loadworthy.engine.limits import raise_descriptor_limit
from loadworthy.units import format_count
from loadworthy.users.precise import wait_until

FEW_DESCRIPTORS = 4096
FEW_CORES = 2
SCARCE_PORTS = 0.2
LATE_US = 1000.0
"""A timer that is later than this at its p99 shows in response times of a millisecond."""
OTHERS_SHARE = 0.25
"""Of the cores, used by others."""
WAITS = 500
WAIT_US = 1000


class State(StrEnum):
    """How much a finding matters."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at, in words; ``remedy`` says what to do where it is not good."""

    what: str
    state: State
    found: str
    remedy: str = ""


def look_at_limits() -> list[Finding]:
    """Descriptors, ports, cores, and who else uses them."""
    limit = raise_descriptor_limit()
    cores = cores_for_us()
    load = os.getloadavg()[0]
    return [
        judge_descriptors(limit, int(descriptors().get("fds", 0))),
        judge_ports(ports().get("ports")),
        judge_cores(cores, load),
    ]


def cores_for_us() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def judge_descriptors(limit: int, open_now: int) -> Finding:
    """Every user holds a connection, and every connection a descriptor."""
    found = f"{format_count(limit)} may be open, {format_count(open_now)} are"
    if limit < FEW_DESCRIPTORS:
        remedy = f"raise the limit (ulimit -n 65536, or LimitNOFILE= of the service): it bounds users at {limit}"
        return Finding("file descriptors", State.WARN if limit >= FEW_DESCRIPTORS // 4 else State.BAD, found, remedy)
    return Finding("file descriptors", State.GOOD, found)


def judge_ports(used: float | None) -> Finding:
    """Each connection to one address takes a local port, and keeps it for a minute after it was closed."""
    if used is None:
        return Finding("local ports", State.GOOD, "not told by this system")
    found = f"{used * 100:.1f} % of the ephemeral ports are in use"
    if used > 1 - SCARCE_PORTS:
        remedy = "wait until connections that were closed are forgotten, or widen net.ipv4.ip_local_port_range"
        return Finding("local ports", State.BAD, found, remedy)
    return Finding("local ports", State.GOOD, found)


def judge_cores(cores: int, load: float) -> Finding:
    """The generator wants a core for each process, and one that nobody else uses."""
    found = f"{cores} for us; {load:.1f} busy on the average of the last minute"
    if load > cores * OTHERS_SHARE:
        remedy = "other programs use the processor: end them, or measure on a machine of its own"
        return Finding("cores", State.WARN, found, remedy)
    if cores < FEW_CORES:
        return Finding("cores", State.WARN, found, "give it two: one for the load, one for the rest")
    return Finding("cores", State.GOOD, found)


def measure_timer(waits: int = WAITS, wait_us: int = WAIT_US) -> list[int]:
    """How late, in µs, each of so many short waits ended; the event loop has nothing else to do."""
    late: list[int] = []
    for _ in range(waits):
        due_us = monotonic_ns() // 1000 + wait_us
        wait_until(due_us)
        late.append(monotonic_ns() // 1000 - due_us)
    return late


def judge_timer(late_us: Sequence[int]) -> Finding:
    """The grain of the timers that begin iterations."""
    ordered = sorted(late_us)
    p50, p99 = ordered[len(ordered) // 2], ordered[(len(ordered) * 99 - 1) // 100]
    found = f"wakes {p50} µs late (p50), {p99} µs (p99)"
    if p99 > LATE_US:
        remedy = "the machine is busy, virtual and crowded, or has no timerfd: send lag will show in response times"
        return Finding("timer", State.WARN, found, remedy)
    return Finding("timer", State.GOOD, found)


def judge_rate(requests_per_s: float, cores: int) -> Finding:
    """What one process can send to a server that does nothing; no judgement, but a figure to plan with."""
    found = f"{requests_per_s:,.0f} requests/s from one process, as fast as it can, to a server that does nothing"
    if cores > 1:
        found += f"; a core each for up to {cores} processes"
    return Finding("closed load", State.GOOD, found)


def judge_lag(rate: float, p99_ms: float | None, health: str, reasons: Sequence[str]) -> Finding:
    """How punctually iterations begin at a rate that leaves room."""
    if p99_ms is None:
        found = f"at {rate:,.0f}/s too few iterations began to say how late"
        return Finding("open load", State.WARN, found, "give it a higher --rate, or more --seconds")
    found = f"at {rate:,.0f}/s iterations begin {p99_ms:.2f} ms late at the p99"
    if health != "pass":
        return Finding("open load", State.BAD, found, reasons[0] if reasons else "")
    if p99_ms > LATE_US / 1000:
        return Finding(
            "open load", State.WARN, found, "other programs are in the way, or the rate wants more processes"
        )
    return Finding("open load", State.GOOD, found)
