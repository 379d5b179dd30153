"""What a page shows of one scenario while it goes on, as data that JSON can hold.

Everything is a *section*: a value with a name, which is sent again as a whole when it has changed. Only the timeline is
sent piece by piece. Names, errors and sentences may hold anything; whoever shows them puts them in as text.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from loadworthy.analysis.accumulate import MS_PER_S, ScenarioTotals, WindowFigures
from loadworthy.analysis.ending import seconds
from loadworthy.analysis.figures import Distribution, to_ms
from loadworthy.analysis.seconds import percentiles_ms
from loadworthy.analysis.segments import CAPACITY, TRIAL
from loadworthy.analysis.selection import Tags
from loadworthy.analysis.summarize import judge_thresholds
from loadworthy.analysis.summary import CLOSED, OPEN, ScenarioSummary
from loadworthy.analysis.thresholds import ThresholdResult
from loadworthy.analysis.verdict import Verdict
from loadworthy.plan.model import Scenario
from loadworthy.record.interval import Interval, SeriesInterval
from loadworthy.report.events import describe
from loadworthy.report.figures.course import limits_in_sight
from loadworthy.report.figures.figure import Columns
from loadworthy.report.figures.marks import Moment, marks_columns, moments
from loadworthy.report.figures.rows import AT, KINDS, TIMELINE, kinds_columns, rounded, timeline_columns
from loadworthy.report.figures.trials import KEYS as KEYS_OF_TRIALS
from loadworthy.report.live_rows import LiveRows
from loadworthy.report.search_words import BAD, GENERATOR, GOOD
from loadworthy.report.words import as_sentence, margin, observed, rate
from loadworthy.units import format_count, format_ms, format_ratio

Json = dict[str, Any]
Event = Mapping[str, Any]

MOST_SERIES = 50
MOST_EVENTS = 60
MOST_TRIALS = 200
WAITING, RUNNING, ENDED = "waiting", "running", "ended"
_LIGHTS = {
    Verdict.PASS: "holds",
    Verdict.FAIL: "missed",
    Verdict.UNDECIDED: "not known yet",
    Verdict.INVALID: Verdict.INVALID.value,
}
_PERCENTILES = ("p50", "p95", "p99")
_FRACTIONS = (0.5, 0.95, 0.99)
_TOLD_ELSEWHERE = ("scenario_started", "scenario_ended", TRIAL, CAPACITY)


class LiveScenario:
    """One scenario of the plan: fed with its events and intervals."""

    def __init__(self, name: str, spec: Scenario) -> None:
        self.name = name
        self.spec = spec
        self.rows = LiveRows()
        self.state = WAITING
        self.factor = 1.0
        self.judged: ScenarioSummary | None = None
        """What it came to, once the run was judged."""
        self._tags = Tags.of(spec.model_dump(mode="json", by_alias=True))
        self._events: deque[Event] = deque(maxlen=MOST_EVENTS)
        self._trials: deque[Event] = deque(maxlen=MOST_TRIALS)
        self._found = ""
        self._kinds: list[str] = []
        """Of failures, as of the last change that was told."""
        self._start_ms: int | None = None
        self._now_ms = 0
        self._results: tuple[int, tuple[ThresholdResult, ...]] = (-1, ())

    def on_event(self, event: Event) -> None:
        """An event of this scenario, or of none."""
        kind = event.get("type")
        if kind == "scenario_started":
            self.state = RUNNING
            self._start_ms = event.get("at_ms")
        elif kind == "scenario_ended":
            self.state = ENDED
            self.rows.end()
        elif kind == "load_changed":
            self.factor = float(event.get("factor") or 1.0)
        elif kind == TRIAL:
            self._trials.append(event)
        elif kind == CAPACITY:
            self._found = str(event.get("message") or "")
        if self.state == RUNNING and kind not in _TOLD_ELSEWHERE and describe(event) is not None:
            self._events.append(event)
            self._now_ms = max(self._now_ms, int(event.get("at_ms") or 0))

    def on_interval(self, interval: Interval) -> None:
        """One process's last second."""
        if self.state == WAITING:
            self.state = RUNNING
        if not interval.stopping:
            self.rows.add(interval)
            self._now_ms = max(self._now_ms, interval.start_ms + interval.duration_ms)

    def sections(self, totals: ScenarioTotals | None, window: WindowFigures, now: Sequence[str]) -> Json:
        """All but the timeline; ``now`` are words on what it does at the moment."""
        results = self._thresholds(totals)
        sections: Json = {
            "state": self._state(totals, now),
            "thresholds": [_light(one, is_final=self.judged is not None) for one in results],
            "limits": self._limits(results),
        }
        if totals is not None:
            happened = self._happened(totals)
            sections |= {
                "tiles": list(self._tiles(totals, window)),
                "figures": figures_json(totals),
                "happened": [_told(one) for one in happened],
                "marks": marks_columns(happened),
                "series": _worst_series(totals),
            }
        if self.spec.is_search:
            sections["search"] = self._search()
        return sections

    def change(self) -> Json | None:
        """What of the timeline is new since the last call."""
        change = self.rows.take_change()
        if change is None:
            return None
        rows, before = self.rows.rows, self._kinds
        self._kinds = sorted({kind for one in rows for kind in one.failure_kinds})
        kinds_first = change.first if self._kinds == before else 0  # a new kind has had no failures so far
        return self._timeline(change.first, kinds_first)

    def whole_timeline(self) -> Json:
        """All of it that was told so far."""
        return self._timeline(0, 0)

    def _timeline(self, first: int, kinds_first: int) -> Json:
        """Rows from a place on, as columns. Those after ``after_ms`` take the place of all that were after it; None: of
        all. Failures by kind have a moment of their own."""
        rows, step_s = self.rows.rows, self.rows.step_s
        begin, kinds_begin = max(first - 1, 0), max(kinds_first - 1, 0)  # the row before says whether there is a gap
        timeline = timeline_columns(rows[begin:], step_s)
        kinds = kinds_columns(rows[kinds_begin:], step_s, self._kinds)
        return {
            "step_s": step_s,
            "after_ms": timeline[AT][0] if first else None,
            TIMELINE: _without(timeline, first - begin),
            "kinds_after_ms": kinds[AT][0] if kinds_first and self._kinds else None,
            KINDS: _without(kinds, (kinds_first - kinds_begin) * len(self._kinds)),
        }

    def _state(self, totals: ScenarioTotals | None, now: Sequence[str]) -> Json:
        is_open = self.spec.is_open or (totals is not None and totals.arrivals.is_open)
        verdict = None if self.judged is None else self.judged.verdict.value
        return {
            "state": self.state,
            "verdict": verdict,
            "kind": self.spec.kind.value,
            "workload": OPEN if is_open else CLOSED,
            "now": list(now) if self.state == RUNNING else [],
            "factor": self.factor,
            "can_change": self.state == RUNNING and not self.spec.is_search,
            "reasons": [] if self.judged is None else [as_sentence(one.text) for one in self.judged.reasons],
        }

    def _thresholds(self, totals: ScenarioTotals | None) -> tuple[ThresholdResult, ...]:
        """As they stand, judged again only when something was measured; those of a search only at its end, for over all
        of its trials together they say nothing."""
        if self.judged is not None:
            return self.judged.thresholds
        if totals is None or self.spec.is_search:
            return ()
        if totals.intervals != self._results[0]:
            self._results = totals.intervals, judge_thresholds(self.spec.thresholds, totals, tags=self._tags)
        return self._results[1]

    def _limits(self, results: Sequence[ThresholdResult]) -> Columns:
        shown = limits_in_sight(results, self.rows.highest_ms)
        return {"label": [one.label for one in shown], "value": [one.value for one in shown]}

    def _happened(self, totals: ScenarioTotals) -> list[Moment]:
        end_s = max(self._now_ms - totals.start_ms, 0) / MS_PER_S
        return moments(self._events, self.name, totals.start_ms, end_s)

    def _tiles(self, totals: ScenarioTotals, window: WindowFigures) -> Iterator[Json]:
        """The report's figures as far as the run has come; beside them, in ``now``, those of the last ten seconds."""
        total, arrivals = totals.total, totals.arrivals
        is_live = self.state == RUNNING
        share = total.failures / total.requests if total.requests else None
        yield _tile("requests", "Requests", total.requests, format_count(total.requests))
        if not self.spec.is_search:
            average = total.requests / totals.duration_s if totals.duration_s else None
            now = f"now {rate(window.throughput)}" if is_live else "on average"
            yield _tile("throughput", "Throughput", average, rate(average), now)
        bad = total.failures > 0
        yield _tile("failures", "Failed", total.failures, format_count(total.failures), format_ratio(share), bad=bad)
        if arrivals.is_open:
            of = f"of {format_count(arrivals.scheduled)}"
            bad = arrivals.dropped > 0
            yield _tile("dropped", "Dropped", arrivals.dropped, format_count(arrivals.dropped), of, bad=bad)
        if not self.spec.is_search:
            times = Distribution.of(total.response)
            for name in _PERCENTILES:
                value, current = getattr(times, name), getattr(window, f"{name}_ms")
                yield _tile(name, name, value, format_ms(value), f"now {format_ms(current)}" if is_live else "")
        users = totals.users_now if is_live else totals.users_max
        most = f"{format_count(totals.users_max)} at most" if is_live else "at most"
        yield _tile("users", "Users", users, format_count(users), most)
        yield _tile("time", "Time", totals.duration_s, seconds(totals.duration_s))

    def _search(self) -> Json:
        trials = list(self._trials)
        return {
            "found": self._found,
            "trials": {
                "place": [int(one.get("trial") or 0) for one in trials],
                "rate": [one.get("rate") for one in trials],
                "purpose": [str(one.get("purpose") or "") for one in trials],
                "result": [_result(one) for one in trials],
                "words": [str(one.get("message") or "").removeprefix(f"{self.name}: ") for one in trials],
            },
            "bounds": self._bounds(),
        }

    def _bounds(self) -> Columns:
        last = self._trials[-1] if self._trials else {}
        known = [(label, last.get(key)) for label, key in (("holds", "low"), ("too much", "high"))]
        shown = [(label, value) for label, value in known if value is not None]
        return {"label": [label for label, _ in shown], "value": [value for _, value in shown]}


def _without(columns: Columns, count: int) -> Columns:
    return {name: values[count:] for name, values in columns.items()}


def figures_json(totals: ScenarioTotals) -> Json:
    """The figures so far, in the words of ``summary.json``."""
    total, duration_s = totals.total, totals.duration_s
    figures: Json = {
        "requests": total.requests,
        "failures": total.failures,
        "error_rate": total.failures / total.requests if total.requests else None,
        "throughput": round(total.requests / duration_s, 6) if duration_s > 0 else None,
        "response_time_ms": Distribution.of(total.response).to_json(),
        "failure_kinds": dict(total.failure_kinds),
        "users_max": totals.users_max,
        "duration_s": duration_s,
    }
    if totals.arrivals.is_open:
        figures |= {"scheduled": totals.arrivals.scheduled, "dropped": totals.arrivals.dropped}
    return figures


def _worst_series(totals: ScenarioTotals) -> Json:
    """The worst first: those that fail, then those that are slow."""
    known = sorted(totals.series.values(), key=_badness)
    rows = [_series_row(one, totals.duration_s) for one in known[:MOST_SERIES]]
    return {"rows": rows, "all": len(known)}


def _badness(series: SeriesInterval) -> tuple[int, float, str, str]:
    return -series.failures, -(series.response.mean_us or 0.0), series.kind, series.name


def _series_row(series: SeriesInterval, duration_s: float) -> list[Any]:
    """Name, requests, failed, per second, mean, p50, p95, p99, max; times in ms."""
    times = series.response
    per_s = series.requests / duration_s if duration_s > 0 else None
    shown = [to_ms(times.mean_us), *percentiles_ms(times, _FRACTIONS), to_ms(times.max_us) if times.count else None]
    return [f"{series.kind} {series.name}", series.requests, series.failures, *map(rounded, (per_s, *shown))]


def _tile(key: str, label: str, value: float | None, text: str, note: str = "", *, bad: bool = False) -> Json:
    return {"key": key, "label": label, "value": value, "text": text, "note": note, "bad": bad}


def _light(result: ThresholdResult, *, is_final: bool) -> Json:
    return {
        "expression": result.expression,
        "verdict": result.verdict.value,
        "word": result.verdict.value if is_final else _LIGHTS[result.verdict],
        "observed": observed(result),
        "margin": margin(result),
        "reason": result.reason if is_final else "",
        "implied": result.implicit,
    }


def _told(moment: Moment) -> Json:
    return {"at_s": moment.at_s, "to_s": moment.to_s, "words": moment.words, "bad": moment.is_bad}


def _result(trial: Event) -> str:
    if trial.get("by_generator"):
        return KEYS_OF_TRIALS[GENERATOR].label
    return KEYS_OF_TRIALS[BAD if trial.get("is_bad") else GOOD].label
