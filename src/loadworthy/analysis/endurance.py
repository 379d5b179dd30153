"""Does a service decay while it is under a steady load? The verdict for each metric, with the evidence in a sentence.

A load that changes by plan changes all figures, so only the longest stretch of steady load is judged
(:func:`loadworthy.analysis.endurance_metrics.steady_stretch`); where more than a ramp at the beginning is left out,
that is said. Of it the warm-up is cut off (MSER-5, :mod:`loadworthy.analysis.steady`), a quarter at most; where the
figures never settle, that is said, and nothing is cut. Of the rest the drift of every metric is found
(:mod:`loadworthy.analysis.drift`). Then:

- ``fail`` if the drift is significant *and* large, and for the worse. Significant is p < 0.05 with Holm's correction
  over all metrics that are judged, for among ten metrics one would drift by chance in two runs of five. Large is what
  passes a practical limit (:mod:`loadworthy.analysis.endurance_metrics`): over hours even a drift of no importance
  becomes significant.
- ``undecided`` if the run is too short to tell: the interval of the slope holds no change as well as a large one, or
  the change is large and may yet be chance. So is what a service holds (memory, descriptors, connections) if it grew,
  but clearly slower in the second half of the run, by less than half: a cache that fills up looks so, and a leak does
  not.
- ``pass`` otherwise. A change for the better is no fault.

Where a limit is known, a drift towards it says when it will be reached. After the load a service should give back what
it held for it; whether it came back by half of what it had gained is looked at where monitors went on reading.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from loadworthy.analysis.drift import S_PER_H, Drift
from loadworthy.analysis.ending import seconds as in_words
from loadworthy.analysis.endurance_metrics import (
    Kind,
    Stretch,
    Subject,
    Unit,
    counts,
    held,
    response_times,
    steady_stretch,
)
from loadworthy.analysis.holm import holm_levels
from loadworthy.analysis.resources import ResourceSeries
from loadworthy.analysis.steady import BATCH, MIN_BATCHES, truncation_point
from loadworthy.analysis.timeline import Second
from loadworthy.analysis.verdict import Verdict, worst
from loadworthy.units import format_bytes, format_ms

ALPHA = 0.05
WARM_UP_SHARE = 0.25
"""Of the run: no more is cut off."""

RAMP_SHARE = 0.1
"""Of the run: so long the load may take to become steady, and no word is said."""

LEVELLED_OFF_SHARE = 0.5
"""Of the slope over the run: clearly less than that in its second half is no steady growth."""

CAME_BACK_SHARE = 0.5
"""Of what it had gained: by so much a metric must fall after the load."""

_NAMED_SHARE = 0.9
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class MetricDrift:
    """One metric, judged; slopes and changes in its own unit (ms, bytes, a share 0..1, per second, a count).

    ``low`` and ``high`` enclose the slope with 95 %. ``change_share`` is the change over the run as a share of where it
    began, None where that was nothing. ``time_to_limit_s`` counts from the end of what is judged, None where it does
    not drift towards its ``limit``, or that is unknown. ``falls_after_load`` is None where nothing was read after the
    load, or there was no growth to fall back from.
    """

    metric: str
    source: str | None
    slope_per_h: float
    low: float
    high: float
    change: float
    change_share: float | None
    p_value: float
    verdict: Verdict
    reason: str
    time_to_limit_s: float | None = None
    limit: float | None = None
    falls_after_load: bool | None = None

    def to_json(self) -> Json:
        """The form that stands in ``summary.json``; what does not apply is left out."""
        data = {key: round(value, 9) if isinstance(value, float) else value for key, value in asdict(self).items()}
        data["verdict"] = self.verdict.value
        if self.limit is None:
            del data["limit"], data["time_to_limit_s"]
        if self.source is None:
            del data["source"], data["falls_after_load"]
        del data["metric"]
        return data


@dataclass(frozen=True, slots=True)
class DriftReport:
    """All that was judged of a scenario.

    ``warm_up_s`` was cut off the beginning, all from before the load was steady included; ``until_s`` is when its
    steady stretch ended, None where that was the end of the load. ``remarks`` are clauses that say what could not be
    judged, or only so.
    """

    metrics: tuple[MetricDrift, ...]
    warm_up_s: float = 0.0
    remarks: tuple[str, ...] = ()
    until_s: float | None = None

    @property
    def verdict(self) -> Verdict:
        """The worst of all; ``undecided`` where nothing could be judged."""
        return worst(one.verdict for one in self.metrics)

    def by_key(self) -> dict[str, MetricDrift]:
        """By name, with the source in front where two sources have a metric of that name."""
        names = [one.metric for one in self.metrics]
        return {
            one.metric if names.count(one.metric) == 1 else f"{one.source} {one.metric}": one for one in self.metrics
        }

    def to_json(self) -> Json:
        """The keys that stand in the scenario's part of ``summary.json``."""
        return {"drift": {key: one.to_json() for key, one in self.by_key().items()}, "warm_up_s": self.warm_up_s}


def judge_endurance(
    seconds: Sequence[Second],
    resources: ResourceSeries | None = None,
    limits: Mapping[str, float] | None = None,
    *,
    steps: Sequence[Second] = (),
    duration_s: float | None = None,
) -> DriftReport:
    """Judge the drift of a scenario.

    Args:
        seconds: its timeline, second by second.
        resources: what monitors read of its target.
        limits: metric (or ``"source metric"``) → what it must not pass, in its unit, e.g. ``response_time_p95`` in ms.
        steps: its timeline in steps of :func:`~loadworthy.analysis.endurance_metrics.step_s`, for percentiles that
            cannot be named every second.
        duration_s: the measured time; what came later belongs to the users' stopping. As ``resources`` say if None.
    """
    end_s = resources.duration_s if duration_s is None and resources is not None else duration_s
    steady, known = steady_stretch(seconds, end_s), limits or {}
    cut_s, remarks = warm_up(_during(seconds, steady))
    stretch = steady._replace(from_s=max(steady.from_s, cut_s))
    fine = _during(seconds, stretch)
    subjects = [*response_times(fine, _during(steps, stretch), known), *counts(fine, known)]
    if resources is not None:
        subjects += held(resources, stretch.from_s, min(stretch.to_s, resources.duration_s), known)
    drifts = [subject.drift for subject in subjects]
    levels = holm_levels([drift.p_value for drift in drifts], ALPHA)
    metrics = [_Case(*case).judge() for case in zip(subjects, drifts, levels, strict=True)]
    remarks = [*_left_out([one.metric for one in metrics], steady), *remarks]
    until_s = steady.to_s if steady.to_s < steady.end_s else None
    return DriftReport(tuple(metrics), stretch.from_s, tuple(remarks), until_s)


def _during(seconds: Sequence[Second], stretch: Stretch) -> list[Second]:
    """Those that lie in it; where the load goes on after it, of steps only those that end in it."""
    step_s = min((new.at_s - old.at_s for old, new in pairwise(seconds)), default=1)
    before_s = stretch.to_s if stretch.to_s == stretch.end_s else stretch.to_s - step_s + 1
    return [one for one in seconds if stretch.from_s <= one.at_s < before_s]


def _left_out(judged: Sequence[str], steady: Stretch) -> list[str]:
    """What was not judged, and why."""
    edges = {"before": steady.from_s > RAMP_SHARE * steady.end_s, "after": steady.to_s < steady.end_s}
    changed = " and ".join(word for word, is_so in edges.items() if is_so)
    time = f"from {in_words(steady.from_s)} to {in_words(steady.to_s)}"
    if not judged:
        more = f", and the load was steady only {time}" if changed else ""
        return [f"no drift was judged: that takes at least 20 batches over two minutes after the warm-up{more}"]
    missing = " and ".join(key for key in ("p50", "p95", "p99") if f"response_time_{key}" not in judged)
    few = [f"the drift of the {missing} was not judged: too few requests to name it"] if missing else []
    return [*few, *([f"only the time {time} was judged: the load changed {changed}"] if changed else [])]


def warm_up(seconds: Sequence[Second]) -> tuple[float, list[str]]:
    """When the warm-up ends, in seconds since the start, and remarks on what never settled.

    The later end of that of the median response time and that of the throughput.
    """
    times = [(one.at_s, one.p50_ms) for one in seconds if one.p50_ms is not None]
    rates = [(one.at_s, one.throughput) for one in seconds]
    series = {"throughput": rates}
    if seconds and len(times) >= _NAMED_SHARE * len(seconds):
        series = {"median response time": times, **series}
    ends, remarks = [0.0], []
    for what, points in series.items():
        if len(points) < BATCH * MIN_BATCHES:
            continue
        cut = truncation_point([value for _, value in points])
        if cut is None:
            remarks.append(f"the {what} never became steady, so no warm-up was cut off by it")
        elif cut:
            most_s = points[0][0] + WARM_UP_SHARE * (points[-1][0] - points[0][0])
            ends.append(min(float(points[cut][0]), most_s))
    return max(ends), remarks


@dataclass(frozen=True, slots=True)
class _Case:
    """One metric before its verdict; ``level`` is the significance that is asked of it."""

    subject: Subject
    drift: Drift
    level: float

    @property
    def _kind(self) -> Kind:
        return self.subject.kind

    @property
    def _worse_change(self) -> float:
        """What it came to over the run; positive where that is for the worse."""
        return self._kind.worse * self.drift.change

    @property
    def _is_significant(self) -> bool:
        return self.drift.p_value < ALPHA and self.drift.p_value <= self.level

    @property
    def _is_large(self) -> bool:
        return self._worse_change >= self._kind.large(self.drift)

    def judge(self) -> MetricDrift:
        """The verdict, with its evidence."""
        verdict, outcome = self._verdict()
        drift = self.drift
        more = "".join(f"; {words}" for words in (outcome, self._limit_words(), self._after_words()) if words)
        return MetricDrift(
            metric=self.subject.metric,
            source=self.subject.source,
            slope_per_h=drift.slope_per_h,
            low=drift.low,
            high=drift.high,
            change=drift.change,
            change_share=drift.change / drift.first if drift.first > 0 else None,
            p_value=drift.p_value,
            verdict=verdict,
            reason=self._what(verdict) + more,
            time_to_limit_s=self._time_to_limit_s(),
            limit=self.subject.limit,
            falls_after_load=self._falls_after_load(),
        )

    def _verdict(self) -> tuple[Verdict, str]:
        large = self._of_change(self._kind.worse * self._kind.large(self.drift))
        if self._is_large:
            if not self._is_significant:
                return Verdict.UNDECIDED, f"that may yet be chance (p = {self.drift.p_value:.2g}): run longer to tell"
            if self._has_levelled_off():
                return Verdict.UNDECIDED, "clearly slower in the second half: run longer to see if it has levelled off"
            return Verdict.FAIL, ""
        ends = sorted(self._kind.worse * self.drift.over_run(slope) for slope in (self.drift.low, self.drift.high))
        if ends[0] <= 0 and ends[1] >= self._kind.large(self.drift):
            return Verdict.UNDECIDED, f"that may be no change as well as one of {large}: run longer to tell"
        if self._worse_change > 0 and self._is_significant:
            return Verdict.PASS, f"less than the {large} that would matter"
        return Verdict.PASS, ""

    def _has_levelled_off(self) -> bool:
        if not self._kind.is_held:
            return False
        late, worse = self.subject.late_drift, self._kind.worse
        return max(worse * late.low, worse * late.high) < LEVELLED_OFF_SHARE * worse * self.drift.slope_per_h

    def _is_drifting(self) -> bool:
        """For the worse, and it goes on."""
        return self._is_significant and self._worse_change > 0 and not self._has_levelled_off()

    def _time_to_limit_s(self) -> float | None:
        limit, drift = self.subject.limit, self.drift
        if limit is None or not self._is_drifting():
            return None
        return max((limit - drift.last) / drift.slope_per_h * S_PER_H, 0.0)

    def _falls_after_load(self) -> bool | None:
        if not self.subject.after or not self._is_significant or self._worse_change <= 0:
            return None
        least = min(self._kind.worse * value for value in self.subject.after)
        return least <= self._kind.worse * self.drift.last - CAME_BACK_SHARE * self._worse_change

    # Words.

    def _what(self, verdict: Verdict) -> str:
        """``memory_bytes of process 7 grew by 58.9 MB an hour (95 %: 55.0 MB to 63.0 MB), +24 % over the run``."""
        drift, unit = self.drift, self._kind.unit
        name = f"{self.subject.metric} of {self.subject.source}" if self.subject.source else self.subject.metric
        if drift.low == drift.high == 0:
            return f"{name} stayed at {_level(drift.last, unit)}"
        sign = -1 if drift.slope_per_h < 0 else 1
        low, high = sorted((sign * drift.low, sign * drift.high))
        moved = "fell" if sign < 0 else "grew"
        by = f"by {amount(abs(drift.slope_per_h), unit)} an hour"
        interval = f"(95 %: {amount(low, unit)} to {amount(high, unit)}{'' if drift.slope_per_h else ' an hour'})"
        over = f"{self._of_change(drift.change)} over the run"
        if verdict is Verdict.UNDECIDED and not self._is_significant:
            return f"{name} may have drifted: it {moved} {by} {interval}, {over}"
        if not self._is_significant:
            known = "did not drift" if not drift.slope_per_h else f"did not clearly drift: it {moved} {by}"
            return f"{name} {known} {interval}, {over}"
        return f"{name} {moved} {by} {interval}, {over}"

    def _of_change(self, change: float) -> str:
        """A change over the run: as a share of where it began, in points, or in its unit."""
        if self._kind.unit == "points":
            return f"{change * 100:+.2f} points"
        if self.drift.first <= 0:
            return f"{'-' if change < 0 else '+'}{amount(abs(change), self._kind.unit)}"
        share = change / self.drift.first * 100
        return f"{share:+.0f} %" if abs(share) >= 10 else f"{share:+.1f} %"

    def _limit_words(self) -> str:
        left_s = self._time_to_limit_s()
        if left_s is None or self.subject.limit is None:
            return ""
        limit = _level(self.subject.limit, self._kind.unit)
        if not left_s:
            return f"it is past its limit of {limit}"
        return f"at that pace it reaches its limit of {limit} in {in_words(left_s)}"

    def _after_words(self) -> str:
        falls = self._falls_after_load()
        return "" if falls is None else "it fell again after the load" if falls else "it did not fall after the load"


def _level(value: float, unit: Unit) -> str:
    return f"{value * 100:.4g} %" if unit == "points" else amount(value, unit)


def amount(value: float, unit: Unit) -> str:
    """A change or a level in words, with its unit: ``58.9 MB``, ``0.20 points``, ``-3/s``."""
    sign, size = "-" if value < 0 else "", abs(value)
    if unit == "points":
        return f"{sign}{size * 100:.2f} points"
    if unit == "ms":
        return f"{sign}{format_ms(size)}"
    if unit == "bytes":
        return f"{sign}{format_bytes(size)}"
    number = f"{size:,.0f}" if size >= 100 else f"{size:.3g}"
    return f"{sign}{number}/s" if unit == "per_s" else f"{sign}{number}"
