"""What a scenario that follows its plan does now, in words: the stage, where it leads, how long it still takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from loadworthy.plan.model import Scenario
from loadworthy.report.words import plural, rate, stopwatch
from loadworthy.units import US_PER_S


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a scenario in which one thing is done; ``end_us`` is None where it has no end of its own."""

    words: str
    at_us: int
    end_us: int | None


def spans_of(scenario: Scenario) -> tuple[Span, ...]:
    """The stages of a scenario; of one without stages its ramp, if it has one, and the rest.

    Nothing for one that looks for its own load. Times are µs after the start.
    """
    if scenario.is_search:
        return ()
    return tuple(_stages(scenario) if scenario.stages else _plain_load(scenario))


def _stages(scenario: Scenario) -> Iterator[Span]:
    at_us = 0
    for stage in scenario.stages:
        end_us = at_us + stage.duration
        if stage.ramp_to is None:
            words = f"holding {_load(stage.users, stage.rate)}"
        elif scenario.is_open:
            words = f"ramping to {_load(None, stage.ramp_to_rate)}"
        else:
            words = f"ramping to {_load(int(stage.ramp_to), None)}"
        yield Span(words, at_us, end_us)
        at_us = end_us


def _plain_load(scenario: Scenario) -> Iterator[Span]:
    users = None if scenario.is_open else scenario.users or 1
    load = _load(users, scenario.rate)
    ramp_us = round(users / scenario.spawn_rate * US_PER_S) if users and scenario.spawn_rate else 0
    if ramp_us:
        yield Span(f"ramping to {load}", 0, ramp_us)
    yield Span(f"holding {load}", ramp_us, scenario.run_time)


def _load(users: int | None, per_second: float | None) -> str:
    return plural(users or 0, "user") if per_second is None else rate(per_second)


def span_at(spans: tuple[Span, ...], elapsed_us: int) -> int:
    """Which of the spans a moment lies in; after the end it is the last. There must be one."""
    begun = [index for index, span in enumerate(spans) if span.at_us <= elapsed_us]
    return begun[-1] if begun else 0


def clock(duration_s: float) -> str:
    """How long something takes, to the nearest second: ``0:48``, ``1:02:03``."""
    return stopwatch(round(duration_s))


def left_words(end_us: int | None, elapsed_us: int) -> str | None:
    """How long something still takes, ``0:08 left of it``; None where that is not known, or where it is over."""
    if end_us is None or end_us <= elapsed_us:
        return None
    return f"{clock((end_us - elapsed_us) / US_PER_S)} left of it"
