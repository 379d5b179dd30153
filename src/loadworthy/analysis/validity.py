"""Is the generator fit to judge, and is all of its data there? The limits, and what holds for a run as a whole.

Data that is missing and cannot be recovered makes a run ``invalid``: percentiles over what is left describe a service
that was not measured. What a killed run did not come to write is another matter: it is known where it ends, and the run
is judged as one that ended early.

Whether the generator was the limit is judged for each scenario (:mod:`loadworthy.analysis.fitness`), against the tail
that is claimed there. What is claimed is the limit of each threshold on a time (or what was observed, where that is
more), and where there is none, the p99 that is reported. A generator is unfit when it could have made a good part of
that tail by itself:

- *Send lag* says directly how late requests left. More than a tenth of the reported p99 is too much, unless it is so
  small beside the limits that are judged that it does not matter to them.
- *The event loop's lag and pauses of the garbage collector* are the worst of each second, so they say how long the
  process stood still, not how many requests that hit. One stall of 30 ms in an hour delays nothing that a p99 shows, a
  stall of 30 ms in each second delays 3 %. So they are turned into the delay that they give to the percentile in
  question if requests come evenly (:func:`~loadworthy.analysis.own_readings.own_delay_ms`). More than half of the tail
  that is claimed is too much: "larger than the tail" cannot be asked of a tail that holds the stalls themselves.
- *CPU* alone misleads both ways. At 90 % of a core, an event loop makes requests wait for each other by milliseconds
  (p99 14 ms, measured with a synthetic load), which ruins a p99 of 5 ms and does not matter to one of 5 s; and a closed
  workload without pauses is meant to run at full speed. So a busy process is a warning, and invalid with evidence that
  it distorts: the loop's typical lag while it is busy (the process is late all the time then, not once a second), or
  the send lag, is more than a tenth of the tail.
- *Arrivals that were never sent* though users were free, or that were lost with a process, show that the intended rate
  was not made.
- *Arrivals that found no user free* are the scenario's cap on users. They are bad (see
  :mod:`loadworthy.analysis.arrivals`), but not proof of a bad service: more than a tenth of the error budget leaves the
  verdict open, so it is invalid. Not so where the thresholds are missed by what was sent alone: more load could only
  have made that worse, and a service that is too slow is not the generator's fault.

The limits are ours, as are the reasons for them; change them when evidence says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from loadworthy.analysis.figures import Distribution
from loadworthy.analysis.own_readings import Readings
from loadworthy.analysis.verdict import Verdict
from loadworthy.record.histogram import Histogram
from loadworthy.units import format_ms

CPU_WARN = 0.7
"""Share of one core at the 95th percentile of a process's time: from here on queueing in it grows fast."""

CPU_INVALID = 0.9
"""The same, from which the process is too busy if there is evidence that it distorts."""

CPU_FEWEST_S = 5.0
"""Readings of at least so long, before a process is called too busy: starting up is work, too."""

STALL_WARN_MS = 20.0
"""Lag of the event loop, or pause of the garbage collector, that shows in every latency measured meanwhile."""

STALL_SHARE_INVALID = 0.5
"""Of a tail that is claimed: beyond this most of it is the generator's own standing still."""

STALL_FEWEST_S = 3.0
"""Intervals of at least so long must have had such stalls: one hiccup, or the start, is no property of a generator."""

SEND_LAG_WARN_MS = 1.0
"""The p99 of the send lag that is worth a word. No precise timer is late by so much (p99 0.1 ms at 1,000/s)."""

SEND_LAG_WARN_SHARE = 0.05
"""Of the p50 that is reported. The larger of the two counts: 2 ms of 200 ms, or 0.05 ms of 0.4 ms, concern nobody."""

SEND_LAG_INVALID_SHARE = 0.1
"""Of the p99 that is reported: beyond it the tail is not only the service's. Less than SEND_LAG_WARN_MS never is."""

SEND_LAG_HARMLESS_SHARE = 0.05
"""Of the smallest limit on a time that is judged. What is claimed then is the limit, and 5 % of it concern it as little
as 5 % of the p50 concern that. On a busy machine of two cores the p99 of the lag was 15 ms at 150/s: too much beside a
p99 of 18 ms that stands for itself, and nothing to a limit of 500 ms that was met at 12."""

BUSY_SHARE_INVALID = 0.1
"""Of a tail that is claimed: the typical lag of a busy process."""

ACHIEVED_WARN, ACHIEVED_INVALID = 0.995, 0.98
"""The share of the arrivals that was sent, or would have been with a user free."""

LATE_FEWEST = 3
"""One or two that were due in a scenario's last moment say nothing."""

NOT_READY_SHARE = 0.9
"""Of a scenario's most users: with fewer the cap was not the limit, but users that were not there yet."""

BUDGET_SHARE_INVALID = 0.1
"""Of the share that may be bad by the thresholds: dropping more than that leaves the verdict open."""

BUDGET_UNSAID = 0.01
"""The share that may be bad where no threshold says it."""

FULL_WARN = 0.8
"""Of the descriptors, or of the ephemeral ports, that there are."""

MORE_PROCESSES = "use more processes (--processes) or machines"
_SHOWN_GAPS = 3


@dataclass(frozen=True, slots=True)
class Health:
    """The verdict on the generator. ``cpu`` is the p95 of its busiest process, the others are the worst reading.

    ``send_lag_ms`` and ``dropped`` are those of all scenarios that have such. ``receive_lag_ms`` is how long answers
    lay in this machine before they were read, by the kernel's stamps: the generator's own share of response times.
    """

    verdict: Verdict
    cpu: float | None = None
    loop_lag_ms: float | None = None
    gc_pause_ms: float | None = None
    send_lag_ms: Distribution | None = None
    dropped: int | None = None
    receive_lag_ms: Distribution | None = None
    descriptors: tuple[float, float] | None = None
    ports: float | None = None
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The form that stands in ``summary.json``; reasons that decide come before warnings."""
        data: dict[str, Any] = {"verdict": self.verdict.value}
        if self.send_lag_ms is not None:
            data["send_lag_ms"] = tail_json(self.send_lag_ms)
        data |= {"loop_lag_ms": self.loop_lag_ms, "cpu": self.cpu}
        if self.dropped is not None:
            data["dropped"] = self.dropped
        data["gc_pause_ms"] = self.gc_pause_ms
        if self.receive_lag_ms is not None:
            data["receive_lag_ms"] = tail_json(self.receive_lag_ms)
        if self.descriptors is not None:
            data |= {"fds": int(self.descriptors[0]), "fd_limit": int(self.descriptors[1])}
        if self.ports is not None:
            data["ports"] = self.ports
        return data | {"reasons": [*self.reasons, *self.warnings]}


def tail_json(times: Distribution) -> dict[str, float | None]:
    """``p50``, ``p99`` and ``max`` of a lag."""
    return {"p50": times.p50, "p99": times.p99, "max": times.max}


def judge_health(
    readings: Readings, events: Sequence[Mapping[str, Any]], torn_lines: int = 0, torn_tails: int = 0
) -> Health:
    """The verdict on the generator and its data as a whole: ``invalid`` or ``pass``, the latter perhaps with warnings.

    What its scenarios say of it is added by :func:`beside_scenarios`.
    """
    lost = [*_missing_intervals(readings), *_damaged_lines(torn_lines - torn_tails), *_lost_workers(events)]
    busiest = readings.busiest()
    return Health(
        verdict=Verdict.INVALID if lost else Verdict.PASS,
        cpu=None if busiest is None else round(busiest[1], 4),
        loop_lag_ms=_rounded(readings.worst("loop_lag_ms")),
        gc_pause_ms=_rounded(readings.worst("gc_pause_ms")),
        receive_lag_ms=Distribution.of(readings.receive_lag) if readings.receive_lag.count else None,
        descriptors=readings.descriptors(),
        ports=readings.worst("ports"),
        reasons=tuple(lost),
        warnings=(*_busy_processor(busiest), *_stalls(readings), *_full(readings)),
    )


def beside_scenarios(
    health: Health,
    reasons: Sequence[str],
    warnings: Sequence[str],
    send_lags: Iterable[Histogram] = (),
    dropped: int | None = None,
) -> Health:
    """The verdict with what was found in the scenarios; each reason makes it ``invalid``."""
    send_lag = Histogram.merged(send_lags)
    return replace(
        health,
        verdict=Verdict.INVALID if reasons else health.verdict,
        send_lag_ms=Distribution.of(send_lag) if send_lag.count else None,
        dropped=dropped,
        reasons=(*health.reasons, *reasons),
        warnings=(*health.warnings, *warnings),
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _missing_intervals(readings: Readings) -> Iterable[str]:
    for process, numbers in readings.missing().items():
        shown = ", ".join(str(number) for number in numbers[:_SHOWN_GAPS])
        more = f" and {len(numbers) - _SHOWN_GAPS} more" if len(numbers) > _SHOWN_GAPS else ""
        count = f"{len(numbers)} interval{'s' if len(numbers) != 1 else ''}"
        yield (
            f"{count} of process {process} never arrived (number {shown}{more}), so the requests of that time are "
            "missing; run again."
        )


def _damaged_lines(count: int) -> Iterable[str]:
    if count > 0:
        lines = "1 line" if count == 1 else f"{count} lines"
        yield f"{lines} inside the run's files cannot be read, so data is missing; check the disk and run again."


def _lost_workers(events: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    lost = [event for event in events if event.get("type") == "worker_lost"]
    if lost:
        names = ", ".join(str(event.get("process", "?")) for event in lost)
        plural = "s" if len(lost) != 1 else ""
        yield (
            f"The run lost {len(lost)} worker{plural} (process {names}) and with it load and data; "
            "look at the worker's output and run again."
        )


def _busy_processor(busiest: tuple[int, float] | None) -> Iterable[str]:
    if busiest is not None and busiest[1] >= CPU_WARN:
        yield (
            f"The generator was busy: process {busiest[0]} used {busiest[1] * 100:.0f} % of a core (p95 of its "
            "seconds), so response times hold some of its own queueing; use more processes (--processes)."
        )


def _stalls(readings: Readings) -> Iterable[str]:
    for key, what, remedy in (
        (
            "loop_lag_ms",
            "event loop was up to {} late",
            "look for blocking code in user classes of your own, or use more",
        ),
        (
            "gc_pause_ms",
            "garbage collector paused it for up to {}",
            "keep fewer objects in user classes of your own, or use more",
        ),
    ):
        worst_ms = readings.worst(key)
        if worst_ms is not None and worst_ms >= STALL_WARN_MS:
            many = f"{readings.count(key, STALL_WARN_MS)} of {readings.count(key)}"
            yield (
                f"The generator's {what.format(format_ms(worst_ms))} ({many} intervals had {STALL_WARN_MS:.0f} ms or "
                f"more), which the slowest response times include; {remedy} processes."
            )


def _full(readings: Readings) -> Iterable[str]:
    descriptors, ports = readings.descriptors(), readings.worst("ports")
    if descriptors is not None and descriptors[0] >= FULL_WARN * descriptors[1]:
        yield (
            f"The generator had {descriptors[0]:,.0f} of the {descriptors[1]:,.0f} files open that it may; beyond that "
            "it can make no connection: raise the limit (ulimit -n), or use more processes."
        )
    if ports is not None and ports >= FULL_WARN:
        yield (
            f"{ports * 100:.0f} % of this machine's ephemeral ports were in use; beyond that it can make no connection:"
            " keep connections open, widen net.ipv4.ip_local_port_range, or use more machines."
        )
