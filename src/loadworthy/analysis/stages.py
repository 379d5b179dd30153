"""What each stage of a scenario was like: its figures, where its thresholds broke, and how soon they held again.

All of this is read from the stages as they ran, once each and in their order. It shows what happened at the loads that
the plan happened to choose. It is no search for a capacity, which would try loads until it has bracketed the answer,
and repeat them: ``max_sustained_throughput`` says "so much was carried here while the thresholds held", not "it can
carry so much and no more", and a stage that ramps counts with its average.

An interval belongs to the stage in which its middle lies; the edges of stages are therefore right to about a second.
Only thresholds on times and on the error rate are looked at: one on throughput, or on a count, says nothing of a stage.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from loadworthy.analysis.accumulate import MS_PER_S, ScenarioTotals
from loadworthy.analysis.figures import Figures
from loadworthy.analysis.recovery import Recovery
from loadworthy.analysis.recovery_windows import recovery_after
from loadworthy.analysis.selection import NO_TAGS, Tags
from loadworthy.analysis.thresholds import NO_FAILURES, evaluate
from loadworthy.analysis.verdict import Verdict
from loadworthy.plan.thresholds import Threshold, parse_threshold
from loadworthy.record.interval import Interval

_RECOVERING_KINDS = ("stress", "spike")
_LOOKED_AT = ("response_time", "service_time", "error_rate")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class StageFigures:
    """One stage; times in seconds since the scenario's start.

    ``users`` is where the stage went to, or what it held. In an open workload that is ``rate``, per second, and
    ``users`` are the most that were at work; ``dropped`` are the arrivals that were dropped. Both are None
    in a closed one.
    """

    index: int
    users: int
    from_s: float
    to_s: float
    requests: int
    failures: int
    error_rate: float | None
    throughput: float | None
    p95_ms: float | None
    rate: float | None = None
    dropped: int | None = None

    def to_json(self) -> Json:
        """The form that stands in ``summary.json``."""
        return _applying(asdict(self))


@dataclass(frozen=True, slots=True)
class FailurePoint:
    """The first stage in which a threshold broke, and when that stage began; ``rate`` as in the stage."""

    threshold: str
    stage: int
    users: int
    at_s: float
    rate: float | None = None

    def to_json(self) -> Json:
        """The form that stands in ``summary.json``."""
        return _applying(asdict(self))


def _applying(data: Json) -> Json:
    """Without what applies to open workloads only, where there is none of it."""
    return {key: value for key, value in data.items() if value is not None or key not in ("rate", "dropped")}


@dataclass(frozen=True, slots=True)
class StageReport:
    """All stages of a scenario. ``recovery`` is None where the question does not arise: nothing broke, for one."""

    stages: tuple[StageFigures, ...]
    max_sustained_throughput: float | None
    failure_points: tuple[FailurePoint, ...]
    recovery: Recovery | None = None

    def to_json(self) -> Json:
        """The keys that stand in the scenario's part of ``summary.json``."""
        data: Json = {
            "stages": [stage.to_json() for stage in self.stages],
            "max_sustained_throughput": self.max_sustained_throughput,
            "failure_points": [point.to_json() for point in self.failure_points],
        }
        if self.recovery is not None:
            data["recovery"] = self.recovery.to_json()
        return data


@dataclass(slots=True)
class StageCut:
    """The intervals of one scenario, cut into its stages.

    Args:
        starts_ms: when each stage that ran began, ascending; its place is the stage's in all that follows.
        indices: its number in the plan.
        users: its users.
        rates: its rate where the workload is open, else None.
        recovers: whether to look for a recovery once the highest stage is over.
    """

    starts_ms: list[int] = field(default_factory=list)
    indices: list[int] = field(default_factory=list)
    users: list[int] = field(default_factory=list)
    rates: list[float | None] = field(default_factory=list)
    recovers: bool = False
    totals: dict[int, ScenarioTotals] = field(default_factory=dict)
    _intervals: list[Json] = field(default_factory=list)

    @property
    def highest(self) -> int:
        """The place of the stage with the most users or the highest rate, the last of several."""
        return max(range(len(self.users)), key=lambda place: (self.load(place), place))

    def load(self, place: int) -> float:
        """The rate of a stage, or its users."""
        rate = self.rates[place]
        return self.users[place] if rate is None else rate

    @property
    def goes_down(self) -> bool:
        """Whether the last stage has less load than the highest."""
        last = len(self.users) - 1
        return self.load(last) < self.load(self.highest)

    @property
    def highest_end_ms(self) -> int | None:
        """When the stage after the highest began; None where the last one is the highest."""
        return self.starts_ms[self.highest + 1] if self.highest + 1 < len(self.starts_ms) else None

    def add(self, interval: Interval) -> None:
        """Add one interval of the scenario."""
        middle_ms = interval.start_ms + interval.duration_ms // 2
        place = max(bisect_right(self.starts_ms, middle_ms) - 1, 0)
        if place not in self.totals:
            self.totals[place] = ScenarioTotals(interval.scenario)
        self.totals[place].add(interval)
        if self.recovers:
            # In its compact form: full histograms of every second would fill the memory.
            self._intervals.append(interval.to_json())

    def each_interval(self) -> Iterable[Interval]:
        """The intervals in the order of time, where it recovers."""
        for data in sorted(self._intervals, key=lambda one: int(one["start_ms"])):
            yield Interval.from_json(data)


class StageCutter:
    """Cuts the intervals of every scenario that has stages in its plan, by the events that tell of them."""

    def __init__(self, manifest: Mapping[str, Any] | None = None, events: Sequence[Mapping[str, Any]] = ()) -> None:
        self.cuts: dict[str, StageCut] = {}
        plan = (manifest or {}).get("plan")
        specs = plan.get("scenarios") if isinstance(plan, Mapping) else None
        for name, spec in (specs if isinstance(specs, Mapping) else {}).items():
            if isinstance(spec, Mapping) and spec.get("stages"):
                cut = _cut_of([event for event in events if event.get("scenario") == name])
                if cut.starts_ms:
                    cut.recovers = spec.get("kind") in _RECOVERING_KINDS and cut.goes_down
                    self.cuts[name] = cut

    def add(self, interval: Interval) -> None:
        """Add one interval; those of scenarios without stages are passed over."""
        cut = self.cuts.get(interval.scenario)
        if cut is not None:
            cut.add(interval)


def _cut_of(events: Iterable[Mapping[str, Any]]) -> StageCut:
    cut = StageCut()
    begun = [event for event in events if event.get("type") == "stage"]
    for event in sorted(begun, key=lambda event: int(event["at_ms"])):
        if int(event["index"]) not in cut.indices:
            cut.starts_ms.append(int(event["at_ms"]))
            cut.indices.append(int(event["index"]))
            cut.users.append(int(event.get("users") or 0))
            rate = event.get("rate")
            cut.rates.append(None if rate is None else float(rate))
    return cut


def judge_stages(
    cut: StageCut, totals: ScenarioTotals, expressions: Sequence[str], tags: Tags = NO_TAGS
) -> StageReport:
    """The report of a scenario's stages.

    Args:
        cut: its intervals in stages.
        totals: the whole scenario, whose start is second 0.
        expressions: its thresholds; without any, that no request may fail.
        tags: those of the scenario.
    """
    thresholds = [parse_threshold(text) for text in expressions] if expressions else [NO_FAILURES]
    judged = [threshold for threshold in thresholds if threshold.metric in _LOOKED_AT]
    stages = tuple(_figures(cut, place, totals) for place in range(len(cut.starts_ms)))
    verdicts = [
        [
            evaluate(threshold, cut.totals[place], tags=tags).verdict if place in cut.totals else None
            for threshold in judged
        ]
        for place in range(len(stages))
    ]
    held = [
        stage.throughput
        for stage, ours in zip(stages, verdicts, strict=True)
        if judged and stage.throughput is not None and all(verdict is Verdict.PASS for verdict in ours)
    ]
    failure_points = tuple(_failure_points(judged, stages, verdicts))
    return StageReport(
        stages=stages,
        max_sustained_throughput=max(held, default=None),
        failure_points=failure_points,
        recovery=_recovery(cut, judged, totals, tags) if cut.recovers and failure_points else None,
    )


def _figures(cut: StageCut, place: int, scenario: ScenarioTotals) -> StageFigures:
    stage = cut.totals.get(place) or ScenarioTotals(scenario.name)
    figures = Figures.of(stage.total, stage.duration_s)
    end_ms = cut.starts_ms[place + 1] if place + 1 < len(cut.starts_ms) else scenario.end_ms
    throughput = None if figures.throughput is None else round(figures.throughput, 6)
    rate = cut.rates[place]
    return StageFigures(
        index=cut.indices[place],
        users=cut.users[place] if rate is None else stage.users_max,
        from_s=_since(scenario, cut.starts_ms[place]),
        to_s=_since(scenario, max(end_ms, cut.starts_ms[place])),
        requests=figures.requests,
        failures=figures.failures,
        error_rate=figures.error_rate,
        throughput=throughput,
        p95_ms=figures.response_time_ms.p95,
        rate=rate,
        dropped=None if rate is None else stage.arrivals.dropped,
    )


def _since(scenario: ScenarioTotals, at_ms: int) -> float:
    return max(at_ms - scenario.start_ms, 0) / MS_PER_S


def _failure_points(
    judged: Sequence[Threshold], stages: Sequence[StageFigures], verdicts: Sequence[Sequence[Verdict | None]]
) -> Iterable[FailurePoint]:
    for number, threshold in enumerate(judged):
        broken = (stage for stage, ours in zip(stages, verdicts, strict=True) if ours[number] is Verdict.FAIL)
        stage = next(broken, None)
        if stage is not None:
            yield FailurePoint(threshold.expression, stage.index, stage.users, stage.from_s, stage.rate)


def _recovery(cut: StageCut, judged: Sequence[Threshold], totals: ScenarioTotals, tags: Tags) -> Recovery:
    """How soon the thresholds held again after the highest stage; in an open workload beside the ideal drain."""
    return recovery_after(
        list(cut.each_interval()),
        totals.start_ms,
        from_s=_since(totals, cut.starts_ms[cut.highest]),
        to_s=_since(totals, cut.highest_end_ms or totals.end_ms),
        until_s=totals.duration_s,
        thresholds=judged,
        tags=tags,
        piles_up=cut.rates[-1] is not None,
    )
