"""What became of a service over an endurance, in words that all renderings share: changes with unit and sign."""

from __future__ import annotations

from loadworthy.analysis.ending import seconds
from loadworthy.analysis.endurance import DriftReport, MetricDrift
from loadworthy.analysis.endurance import amount as in_unit
from loadworthy.analysis.endurance_metrics import Unit, kind_of
from loadworthy.analysis.summary import ScenarioSummary
from loadworthy.analysis.verdict import Verdict
from loadworthy.report.words import as_sentence, plural
from loadworthy.units import UNKNOWN

_OWN_UNITS: dict[str, Unit] = {"throughput": "per_s", "error_rate": "points"}


def unit_of(drift: MetricDrift) -> Unit:
    """The unit of a metric: our own are known, that of what monitors read is told by its name."""
    if drift.source is None:
        return _OWN_UNITS.get(drift.metric, "ms")
    kind = kind_of(drift.metric)
    return "count" if kind is None else kind.unit


def amount(value: float, unit: Unit) -> str:
    """A change with its sign: ``+58.9 MB``, ``-0.20 pts``, ``0``."""
    plus = "+" if value > 0 else ""
    return plus + in_unit(value, unit).replace(" points", " pts")


def slope(drift: MetricDrift) -> str:
    """The change per hour: ``+58.9 MB``."""
    return amount(drift.slope_per_h, unit_of(drift))


def slope_interval(drift: MetricDrift) -> str:
    """What holds it with 95 %: ``+55.0 to +63.0 MB``, the unit once where both ends have the same."""
    low, high = (amount(value, unit_of(drift)) for value in (drift.low, drift.high))
    unit = high.partition(" ")[2]
    return f"{low.removesuffix(f' {unit}') if unit else low} to {high}"


def change(drift: MetricDrift) -> str:
    """What it came to over the run: ``+24 %``, or in its own unit where it is a share or began at nothing."""
    unit = unit_of(drift)
    if drift.change_share is None or unit == "points":
        return amount(drift.change, unit)
    percent = drift.change_share * 100
    if not percent:
        return "0 %"
    return f"{percent:+.0f} %" if abs(percent) >= 10 else f"{percent:+.1f} %"


def to_limit(drift: MetricDrift) -> str:
    """How long it takes to its limit at that pace: ``3 h 20 min``; empty where there is none, ``–`` if it does not go
    there."""
    if drift.limit is None:
        return ""
    left_s = drift.time_to_limit_s
    return UNKNOWN if left_s is None else seconds(left_s) if left_s > 0 else "past it"


def after_load(drift: MetricDrift) -> str:
    """Whether it was given back: ``fell again``, ``did not fall``; empty where that is unknown."""
    falls = drift.falls_after_load
    return "" if falls is None else "fell again" if falls else "did not fall"


def drift_remarks(scenario: ScenarioSummary) -> list[str]:
    """What could not be judged, or only so, as sentences; without what a reason of the scenario says already."""
    if scenario.drift is None:
        return []
    cut = scenario.drift.warm_up_s
    remarks = [f"The first {seconds(cut)} were left out."] if cut else []
    untold = [one for one in scenario.drift.remarks if not any(one in reason.text for reason in scenario.reasons)]
    return remarks + [as_sentence(one) for one in untold]


def drift_line(report: DriftReport) -> str:
    """All in one line: what drifted and by how much, or how many were judged."""
    if not report.metrics:
        return f"{UNKNOWN} ({report.remarks[0]})" if report.remarks else UNKNOWN
    named = {
        verdict: [f"{key} {slope(one)} an hour" for key, one in report.by_key().items() if one.verdict is verdict]
        for verdict in (Verdict.FAIL, Verdict.UNDECIDED)
    }
    if not any(named.values()):
        return f"none that matters, of {plural(len(report.metrics), 'metric')}"
    failed, unsure = named[Verdict.FAIL], named[Verdict.UNDECIDED]
    parts = [*failed, *(f"perhaps {one}" for one in unsure)]
    return "; ".join(parts)
