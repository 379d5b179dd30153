"""The observer that alerts: hears of a run while it goes on, and has told what is due."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from loadworthy.alert.message import Message
from loadworthy.alert.policy import Due, Policy
from loadworthy.alert.post import Answer
from loadworthy.alert.where import Recent
from loadworthy.alert.words import Counts, RunFacts, while_it_runs
from loadworthy.clock import Clock
from loadworthy.record.interval import Interval
from loadworthy.units import US_PER_MS, US_PER_S

Event = Mapping[str, Any]
RUN_STARTED = "run_started"


@dataclass(slots=True)
class _Tally:
    requests: int = 0
    failures: int = 0
    start_ms: int = 0
    end_ms: int = 0
    recent: Recent = field(default_factory=Recent)


class Watch:
    """Follows one run. It never blocks: whoever sends is a process of its own."""

    def __init__(
        self,
        policy: Policy,
        facts: RunFacts,
        clock: Clock,
        send: Callable[[Message], None],
        pump: Callable[[], Sequence[Answer]],
        tell: Callable[[Answer], None],
        began: Callable[[Path], None],
    ) -> None:
        """A watch.

        Args:
            policy: says what is due.
            facts: of the run.
            clock: what the policy goes by.
            send: takes a message.
            pump: what has become of earlier ones.
            tell: takes each of these answers.
            began: told the run's directory.
        """
        self.facts = facts
        self._policy = policy
        self._clock = clock
        self._send = send
        self._pump = pump
        self._tell = tell
        self._began = began
        self._tallies: dict[str, _Tally] = {}
        self._users: dict[str, dict[int, int]] = {}
        self._held: list[Due] = []
        """Until the next tick: what comes together is one message."""

    @property
    def load_was_made(self) -> bool:
        """Whether a request is known of."""
        return any(tally.requests for tally in self._tallies.values())

    def on_event(self, event: Event) -> None:
        """A threshold is missed or holds again; the run or a scenario begins or ends."""
        kind, scenario = event.get("type"), str(event.get("scenario"))
        now_us = self._clock.monotonic_us()
        if kind == RUN_STARTED:
            self.facts = replace(self.facts, directory=Path(event["path"]).absolute())
            self._began(Path(event["path"]))
        elif kind == "worker_lost":
            for users in self._users.values():
                users.pop(event.get("process", -1), None)
        elif kind == "scenario_ended":
            self._say_all()
            self._policy.ended(scenario)
        elif kind in ("threshold_breached", "threshold_recovered"):
            self._on_threshold(event, scenario, now_us)

    def _on_threshold(self, event: Event, scenario: str, now_us: int) -> None:
        expression, evidence = str(event.get("expression")), str(event.get("message"))
        if event["type"] == "threshold_recovered":
            self._held += self._policy.recovered(now_us, scenario, expression, evidence)
            return
        aborts = bool(event.get("abort"))
        self._held += self._policy.breached(now_us, scenario, expression, evidence, aborts=aborts)
        if aborts:  # there may be no tick any more
            self._say_all()

    def on_interval(self, interval: Interval) -> None:
        """Counts and sums only: the sentence of a threshold has its figure."""
        tally = self._tallies.setdefault(interval.scenario, _Tally(start_ms=interval.start_ms))
        tally.requests += sum(one.requests for one in interval.series)
        tally.failures += sum(one.failures for one in interval.series)
        tally.start_ms = min(tally.start_ms, interval.start_ms)
        tally.end_ms = max(tally.end_ms, interval.start_ms + interval.duration_ms)
        tally.recent.add(interval)
        self._users.setdefault(interval.scenario, {})[interval.process] = interval.users

    def tick(self, elapsed_us: int, planned_us: int | None, users: int) -> None:  # noqa: ARG002  # an observer's
        """What is due by now, and what became of earlier messages."""
        self._held += self._policy.tick(self._clock.monotonic_us())
        self._say_all()
        for answer in self._pump():
            self._tell(answer)

    def _say_all(self) -> None:
        """What is due, in one message for each scenario and matter, in the order in which it came."""
        together: dict[tuple[str, str], list[Due]] = {}
        for one in self._held:
            together.setdefault((one.scenario, one.matter), []).append(one)
        self._held = []
        for (scenario, _), due in together.items():
            tally = self._tallies.get(scenario)
            where = tally.recent.words() if tally is not None else None
            self._send(while_it_runs(due, self._counts(scenario), self.facts, where))

    def _counts(self, scenario: str) -> Counts:
        tally = self._tallies.get(scenario, _Tally())
        users = sum(self._users.get(scenario, {}).values())
        return Counts(
            tally.requests, tally.failures, users, max(tally.end_ms - tally.start_ms, 0) * US_PER_MS / US_PER_S
        )
