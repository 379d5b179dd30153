"""Alerts around a run: the courier is started before it, told of it while it goes on, and waited for at its end."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadworthy.clock import Clock, SystemClock
from loadworthy.errors import LoadworthyError, UsageError
from loadworthy.units import US_PER_MS, US_PER_S

if TYPE_CHECKING:
    from loadworthy.alert.channels import Channels
    from loadworthy.alert.memory import Remembered
    from loadworthy.alert.message import Message
    from loadworthy.alert.policy import Policy
    from loadworthy.alert.post import Answer, Post
    from loadworthy.analysis.comparison import Comparison
    from loadworthy.cli.showing import RunResult
    from loadworthy.engine.run import RunRequest
    from loadworthy.plan.alerting import Alerting
    from loadworthy.record.interval import Interval

Event = Mapping[str, Any]
SHOWN_AFTER_US = 2 * US_PER_S
"""Sending that takes no longer is not worth a word."""


@contextmanager
def alerts_of(request: RunRequest) -> Iterator[RunAlerts | None]:
    """The alerts of one run, while the context lasts; None where the plan has nobody told.

    An error that ends the run is told, too, unless it is the caller's own mistake and shows before any load is made:
    then the caller sees it, and nobody else need know.
    """
    alerting = request.loaded.plan.alerting
    if alerting is None or not alerting.enabled:
        yield None
        return
    from loadworthy.alert.channels import channels_of

    alerts = RunAlerts(request, alerting, channels_of(request.loaded), SystemClock())
    try:
        yield alerts
    except Exception as error:
        if not isinstance(error, UsageError) or alerts.load_was_made:
            alerts.broke_off(error)
        raise
    finally:
        alerts.close()


class RunAlerts:
    """An observer of the run; told of its end by whoever judged it."""

    def __init__(self, request: RunRequest, alerting: Alerting, channels: Channels, clock: Clock) -> None:
        """Start the courier, if there is a channel that can be used."""
        from loadworthy.alert.memory import plan_key
        from loadworthy.alert.watch import Watch
        from loadworthy.alert.where import job_of
        from loadworthy.alert.words import RunFacts

        loaded = request.loaded
        self._alerting = alerting
        self._redact = loaded.redactor
        self._clock = clock
        self._folder = request.out
        names = tuple(name for name in loaded.plan.scenarios if not request.scenarios or name in request.scenarios)
        self._plan, target = loaded.plan.name or loaded.path.stem, loaded.redacted_json.get("base_url")
        self._key = self._redact(plan_key(self._plan, names, target))
        self._before = self._recalled()
        self._told_ms: dict[str, int] = {}
        self._failed: list[Answer] = []
        self._complaints: list[str] = []
        self._directory: Path | None = None
        self._unseen: list[Event] = []
        self._show: Callable[[Event], None] = lambda _event: None
        self._pending: list[Event] = [_warning(text) for text in _complaints(channels)]
        self._post = self._started(channels)
        self._watch = Watch(
            self._policy(),
            RunFacts(self._plan, target, socket.gethostname(), job=job_of(os.environ)),
            clock,
            send=self._send,
            pump=self._post.pump if self._post is not None else list,
            tell=self._tell,
            began=self._begin,
        )

    def show_events_to(self, show: Callable[[Event], None]) -> None:
        """Whoever shows events shall hear what becomes of alerts."""
        self._show = show

    @property
    def load_was_made(self) -> bool:
        """Whether a request is known of."""
        return self._watch.load_was_made

    # --- the run goes on ---

    def on_event(self, event: Event) -> None:
        """Something happened."""
        self._watch.on_event(event)

    def on_interval(self, interval: Interval) -> None:
        """One process's last second."""
        self._watch.on_interval(interval)

    def tick(self, elapsed_us: int, planned_us: int | None, users: int) -> None:
        """Some time has passed. Only now others hear of what became known: they are told one thing at a time."""
        self._watch.tick(elapsed_us, planned_us, users)
        unseen, self._unseen = self._unseen, []
        for event in unseen:
            self._show(event)

    # --- the run is over ---

    def ended(self, result: RunResult) -> None:
        """The run was judged: have told what it is about, and wait for what is under way."""
        from loadworthy.alert.ending import matters_of, wanted
        from loadworthy.alert.words import at_the_end
        from loadworthy.cli.against_baseline import manifest_of

        ended = manifest_of(result.path).get("ended")
        comparison = None if ended == "interrupted" else self._compared(result)
        self._before = self._recalled()
        found = matters_of(result.summary, ended, comparison, heard=self._before.heard)
        if matters := wanted(found, self._alerting.on):
            report = next((file.absolute() for file in result.files if file.name == "report.html"), None)
            self._send_news(at_the_end(matters, result.summary, comparison, self._watch.facts, report))
        self._finish(None if ended == "interrupted" else result.summary.verdict.value == "pass")

    def broke_off(self, error: Exception) -> None:
        """The run ended with an error."""
        from loadworthy.alert.words import broke_off

        self._before = self._recalled()
        if "aborted" in self._alerting.on:
            words = str(error) if isinstance(error, LoadworthyError) else f"{type(error).__name__}: {error}"
            self._send_news(broke_off(words, self._watch.facts))
        self._finish(passed=False)

    def close(self) -> None:
        """Nothing is sent any more."""
        if self._post is not None:
            self._post.close()

    # --- inside ---

    def _started(self, channels: Channels) -> Post | None:
        from loadworthy.alert.post import Post

        try:
            return Post(channels.usable, self._clock) if channels.usable else None
        except OSError as error:
            reason = error.strerror or error
            self._pending.append(_warning(f"alerting: the process that sends alerts cannot be started: {reason}"))
            return None

    def _recalled(self) -> Remembered:
        """What is known of the plan by now: others may run beside this one."""
        from loadworthy.alert.memory import recall

        return recall(self._folder, self._key)

    def _policy(self) -> Policy:
        from loadworthy.alert.policy import Policy

        now_us, now_ms = self._clock.monotonic_us(), self._now_ms()
        told_us = {what: now_us - (now_ms - at_ms) * US_PER_MS for what, at_ms in self._before.told_ms.items()}
        return Policy(self._alerting.on, self._alerting.after, self._alerting.cool_down, told_us)

    def _now_ms(self) -> int:
        return self._clock.wall_us() // US_PER_MS

    def _begin(self, directory: Path) -> None:
        self._directory = directory
        pending, self._pending = self._pending, []
        for event in pending:
            self._record(event)

    def _record(self, event: Event) -> None:
        """Into the run directory, if there is one, and before the eyes of whoever watches."""
        from loadworthy.alert.events import append_event

        stamped = {"at_ms": self._now_ms(), **event}
        self._unseen.append(stamped)
        if self._directory is None:
            return
        try:
            append_event(self._directory, stamped)
        except OSError as error:  # what was measured counts for more than who was told of it
            self._complaints.append(f"an event about alerts cannot be kept: {error.strerror or error}")

    def _send_news(self, message: Message) -> None:
        """Send it, unless it says nothing new."""
        from loadworthy.alert.ending import is_news
        from loadworthy.alert.events import held_back

        cool_down_ms = self._alerting.cool_down // US_PER_MS
        passed = self._before.passed
        if is_news(message.matters, self._before.told_ms, self._now_ms(), cool_down_ms, passed_before=passed):
            self._send(message)
        else:
            self._record(held_back(self._prepared(message)))

    def _send(self, message: Message) -> None:
        if self._post is not None:
            self._post.send(self._prepared(message))

    def _prepared(self, message: Message) -> Message:
        from loadworthy.alert.render import prepared

        return prepared(message, self._redact)

    def _tell(self, answer: Answer) -> None:
        from loadworthy.alert.events import event_of

        if answer.sent or answer.reached:
            self._told_ms |= dict.fromkeys(answer.message.about, self._now_ms())
        if not answer.sent:
            self._failed.append(answer)
        self._record({key: self._redact(one) if isinstance(one, str) else one for key, one in event_of(answer).items()})

    def _compared(self, result: RunResult) -> Comparison | None:
        """With the baseline, as ``loadworthy compare`` does; None where there is none for this plan."""
        if "regression" not in self._alerting.on or result.summary.verdict.value == "invalid":
            return None
        from loadworthy.cli.against_baseline import compared_with_baseline

        try:
            return compared_with_baseline(result.path, self._plan)
        except LoadworthyError as error:
            self._complaints.append(f"alerting: not compared with the baseline: {error}")
            self._record(_warning(self._complaints[-1]))
            return None

    def _finish(self, passed: bool | None) -> None:
        from loadworthy.alert.events import failure_of
        from loadworthy.alert.memory import remember

        if self._post is not None:
            for answer in self._waited_for():
                self._tell(answer)
        try:
            remember(self._folder, self._key, passed, self._told_ms)
        except OSError as error:
            self._complaints.append(f"what was told cannot be kept in {self._folder}: {error.strerror or error}")
        for text in dict.fromkeys([*self._complaints, *map(failure_of, self._failed)]):
            print(f"loadworthy: {self._redact(text)}", file=sys.stderr, flush=True)

    def _waited_for(self) -> list[Answer]:
        from loadworthy.cli.console import error_console
        from loadworthy.cli.working import working

        assert self._post is not None  # noqa: S101  # the caller's
        began_us = self._clock.monotonic_us()
        with working(error_console(), "sending alerts", self._clock) as told:

            def after_a_while(share: float) -> None:
                if self._clock.monotonic_us() - began_us > SHOWN_AFTER_US:
                    told(share)

            try:
                return self._post.finish(after_a_while)
            except KeyboardInterrupt:  # somebody will not wait; the run has its verdict all the same
                return self._post.finish(after_a_while, 0)


def _complaints(channels: Channels) -> Iterator[str]:
    for one in channels.unusable:
        yield f"alerting: {one.name} is not used: {one.why}"
    if not channels.usable and not channels.unusable:
        yield "alerting has no channel, so nobody is told; give it email, slack or urls, or say enabled: false"


def _warning(text: str) -> Event:
    return {"type": "warning", "source": "alerting", "message": text}
