"""An Interval: what one process saw of one scenario in one second.

Intervals are the only thing that generating load hands to judging it. They are numbered per process, so that a repeat
can be recognised, and merge without loss in any order. A sample belongs to the interval in which it was done.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from loadworthy.record.histogram import Histogram
from loadworthy.record.many_histograms import HistogramRows, from_base64

Json = dict[str, Any]
ITERATION = "iteration"
"""Kind of the parts that are whole iterations, named after the user's class, role or scenario."""

_TIMES = ("response", "service", "send_lag")
_LAGS = ("own_lag", "receive_lag")
_NOTHING: Mapping[str, Any] = {}
_ARRIVALS = ("scheduled", "sent", "dropped", "late")
K = TypeVar("K")


@dataclass(slots=True)
class SeriesInterval:
    """One series in one interval; also the type of any merged total of a series.

    ``service`` is the same object as ``response`` where every sample was sent when it was intended.
    Samples without a time (a protocol that only reports that something happened) count in ``requests`` and are
    missing from the histograms. ``send_lag`` holds how late those were sent that had an intended time of their own.
    """

    kind: str
    name: str
    requests: int = 0
    failures: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0
    statuses: dict[int, int] = field(default_factory=dict)
    failure_kinds: dict[str, int] = field(default_factory=dict)
    response: Histogram = field(default_factory=Histogram)
    service: Histogram = field(default_factory=Histogram)
    content_bytes: int = 0
    send_lag: Histogram = field(default_factory=Histogram)

    def add(self, other: SeriesInterval) -> None:
        """Merge another's figures into this one (its kind and name are not looked at)."""
        shared = other.service is other.response and (self.service is self.response or not self.response.count)
        self.requests += other.requests
        self.failures += other.failures
        self.sent_bytes += other.sent_bytes
        self.received_bytes += other.received_bytes
        self.content_bytes += other.content_bytes
        _add_counts(self.statuses, other.statuses)
        if other.failure_kinds:
            _add_counts(self.failure_kinds, other.failure_kinds)
        if other.send_lag.count:
            self.send_lag.merge(other.send_lag)
        if shared:
            self.response.merge(other.response)
            self.service = self.response
            return
        if self.service is self.response:
            self.service = Histogram.merged([self.response])
        self.response.merge(other.response)
        self.service.merge(other.service)

    def to_json(self) -> Json:
        """The form that stands in ``intervals.jsonl``; empty parts are left out."""
        data: Json = {"kind": self.kind, "name": self.name, "requests": self.requests}
        if self.failures:
            data |= {"failures": self.failures, "failure_kinds": self.failure_kinds}
        if self.statuses:
            data["statuses"] = {str(status): count for status, count in self.statuses.items()}
        if self.sent_bytes:
            data["sent_bytes"] = self.sent_bytes
        if self.received_bytes:
            data["received_bytes"] = self.received_bytes
        if self.content_bytes:
            data["content_bytes"] = self.content_bytes
        if self.response.count:
            data["response"] = self.response.to_base64()
            if self.service is not self.response:
                data["service"] = self.service.to_base64()
        if self.send_lag.count:
            data["send_lag"] = self.send_lag.to_base64()
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SeriesInterval:
        """The inverse of :meth:`to_json`; raises ValueError, KeyError or TypeError on what is not one."""
        return _series_of(data, iter(from_base64(_texts([data], *_TIMES)).histograms()))


@dataclass(slots=True)
class Interval:
    """One second of one process in one scenario.

    Args:
        scenario: the scenario's name in the plan.
        process: 0 for the only process of a local run, else the worker's index (from 1).
        number: counts up from 0 in each process, over all scenarios; (process, number) names the interval.
        start_ms: when it began, ms since the epoch.
        duration_ms: usually 1000; the first and last are shorter.
        users: users running in this process at its end; where none was left, those who ran in it.
        iterations: task executions (or passes of a flow) that ended in it.
        interrupted: attempts that the end of the run cut off.
        stopping: the planned time was up, or the users had been told to stop, when it began: requests under way still
            end, hardly any begin, so this time is not part of what throughput is measured over.
        scheduled, sent, dropped: iterations that an open workload wanted to begin in it; those that began in it; those
            that were given up in it, because no user was free or the scenario was over. Over a whole scenario sent and
            dropped add up to scheduled. ``dropped`` alone also counts the slots that a user with pacing missed.
        late: those of the dropped that no lack of users explains: this process was behind when the scenario ended.
        health: the generator's own readings, e.g. ``cpu`` (share of one core), ``loop_lag_ms``, ``rss_bytes``.
        own_lag: how late iterations of an open workload began because this process was late; waiting for users that
            were busy with the target, or getting ready there, is not among it.
        receive_lag: by the kernel's stamps, how long answers lay here before they were read; a sample of them.
        segment: the number of the segment under way or last under way, where the load is decided while the run goes on;
            None elsewhere, and before the first.
        series: what was measured; their sums are the totals.
        parts: what describes more closely what the series count already.
    """

    scenario: str
    process: int
    number: int
    start_ms: int
    duration_ms: int
    users: int = 0
    iterations: int = 0
    interrupted: int = 0
    stopping: bool = False
    health: dict[str, float] = field(default_factory=dict)
    series: list[SeriesInterval] = field(default_factory=list)
    parts: list[SeriesInterval] = field(default_factory=list)
    scheduled: int = 0
    sent: int = 0
    dropped: int = 0
    late: int = 0
    own_lag: Histogram = field(default_factory=Histogram)
    receive_lag: Histogram = field(default_factory=Histogram)
    segment: int | None = None
    _responses: HistogramRows | None = field(default=None, init=False, repr=False, compare=False)
    _response: Histogram | None = field(default=None, init=False, repr=False, compare=False)

    def responses(self) -> HistogramRows:
        """The response times of the series, those of the first in row 0; not to be asked for before all are there."""
        if self._responses is None:
            self._responses = HistogramRows.of([one.response for one in self.series])
        return self._responses

    def response(self) -> Histogram:
        """The response times of all series together; not to be asked for before all are there, nor to be changed."""
        if self._response is None:
            self._response = self.responses().together()
        return self._response

    def to_json(self) -> Json:
        """The form that stands in ``intervals.jsonl``."""
        data: Json = {
            "scenario": self.scenario,
            "process": self.process,
            "number": self.number,
            "start_ms": self.start_ms,
            "duration_ms": self.duration_ms,
            "users": self.users,
            "iterations": self.iterations,
        }
        if self.interrupted:
            data["interrupted"] = self.interrupted
        if self.stopping:
            data["stopping"] = True
        if self.segment is not None:
            data["segment"] = self.segment
        for key in _ARRIVALS:
            if count := getattr(self, key):
                data[key] = count
        if self.health:
            data["health"] = self.health
        for key in _LAGS:
            if (lag := getattr(self, key)).count:
                data[key] = lag.to_base64()
        data["series"] = [series.to_json() for series in self.series]
        if self.parts:
            data["parts"] = [part.to_json() for part in self.parts]
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Interval:
        """The inverse of :meth:`to_json`; raises ValueError, KeyError or TypeError on what is not one."""
        # All at once: one by one the histograms would take most of the time that it takes to read a run.
        series, parts = data["series"], data.get("parts", ())
        responses = _texts(series, "response")
        others = _texts(series, "service", "send_lag") + _texts(parts, *_TIMES)
        texts = [*responses, *others, *(data[key] for key in _LAGS if key in data)]
        rows = from_base64(texts)
        histograms = rows.histograms(texts)
        made, found = iter(histograms[: len(responses)]), iter(histograms[len(responses) :])
        interval = cls(
            scenario=data["scenario"],
            process=int(data["process"]),
            number=int(data["number"]),
            start_ms=int(data["start_ms"]),
            duration_ms=int(data["duration_ms"]),
            users=int(data.get("users", 0)),
            iterations=int(data.get("iterations", 0)),
            interrupted=int(data.get("interrupted", 0)),
            stopping=bool(data.get("stopping", False)),
            segment=None if data.get("segment") is None else int(data["segment"]),
            health=dict(data.get("health", {})),
            series=[_series_of(one, made, found) for one in series],
            parts=[_series_of(one, found) for one in parts],
            own_lag=next(found) if "own_lag" in data else Histogram(),
            receive_lag=next(found) if "receive_lag" in data else Histogram(),
            **{key: int(data.get(key, 0)) for key in _ARRIVALS},
        )
        interval._responses = rows.first(np.flatnonzero(["response" in one for one in series]))
        return interval


def _texts(series: Iterable[Mapping[str, Any]], *keys: str) -> list[str]:
    """The histograms of several series in their compact form, those of a series in the order of the keys."""
    return [one[key] for one in series for key in keys if key in one]


def _series_of(
    data: Mapping[str, Any], responses: Iterator[Histogram], others: Iterator[Histogram] | None = None
) -> SeriesInterval:
    """A series whose histograms are the next ones: that of response times of the one, the rest of the other."""
    others = responses if others is None else others
    told = data.get
    response = next(responses) if "response" in data else Histogram()
    return SeriesInterval(
        data["kind"],
        data["name"],
        int(data["requests"]),
        int(told("failures", 0)),
        int(told("sent_bytes", 0)),
        int(told("received_bytes", 0)),
        {int(status): int(count) for status, count in told("statuses", _NOTHING).items()},
        {str(kind): int(count) for kind, count in told("failure_kinds", _NOTHING).items()},
        response,
        next(others) if "service" in data else response,
        int(told("content_bytes", 0)),
        next(others) if "send_lag" in data else Histogram(),
    )


def _add_counts(into: dict[K, int], more: Mapping[K, int]) -> None:
    for key, count in more.items():
        into[key] = into.get(key, 0) + count
