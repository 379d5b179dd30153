"""Runs of one plan, one after another, led from the live page."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import gevent
from gevent.event import Event
from locust.env import Environment
from locust.stats import stats_history

from loadworthy.analysis.summary import Summary
from loadworthy.engine.control import Control
from loadworthy.engine.observer import Observer
from loadworthy.engine.run import OnEnvironment, RunRequest
from loadworthy.errors import ExitCode, LoadworthyError, UsageError
from loadworthy.page.downloads import ARCHIVE, files_of
from loadworthy.page.guard import Application
from loadworthy.page.locust_ui import page_of_run
from loadworthy.page.stream import Stream
from loadworthy.record.interval import Interval
from loadworthy.report.live_feed import LiveFeed

FROM_THE_PAGE = "stopped from the live page"
FROM_THE_TERMINAL = "asked to stop"


class Result(Protocol):
    """A run that was judged."""

    @property
    def summary(self) -> Summary:
        """Its figures and verdicts."""
        ...

    @property
    def exit_code(self) -> ExitCode:
        """The verdict's, or 130."""
        ...


Make = Callable[[Observer, Control, OnEnvironment], Result]
"""Runs the plan and judges it."""


class Session:
    """Makes runs until nobody wants another; the :class:`~loadworthy.page.routes.Controls` of the page.

    Args:
        request: what is run each time.
        make: how.
        show_locust: takes Locust's page of a run.
        tell_error: told, in a sentence, why a run could not be made.
        autoquit_s: how long after a run another may be started; None: until somebody ends the page.
    """

    def __init__(
        self,
        request: RunRequest,
        make: Make,
        show_locust: Callable[[Application], None],
        tell_error: Callable[[str], None],
        autoquit_s: float | None,
    ) -> None:
        self._plan = request.loaded.plan
        self._scenarios: Sequence[str] = request.scenarios
        self._make = make
        self._show_locust = show_locust
        self._tell_error = tell_error
        self._autoquit_s = autoquit_s
        self._control: Control | None = None
        self._feed = LiveFeed(self._plan, self._scenarios)
        self._wish = Event()
        self._is_leaving = False
        self._history: gevent.Greenlet | None = None
        self.directory: Path | None = None
        """Of the run under way, or of the last."""
        self.stream = Stream(self._feed)

    # --- commands of the page ---

    def start(self, wishes: Mapping[str, str]) -> str:  # noqa: ARG002  # the plan says everything
        """Another run, unless one is under way."""
        if self._control is not None:
            raise UsageError("a run is under way; another can begin when it has ended")
        self._wish.set()
        return ""

    def stop(self) -> str:
        """As one Ctrl-C."""
        if self._control is None:
            raise UsageError("no run is under way")
        self._control.ask_to_stop(FROM_THE_PAGE)
        return ""

    def change_load(self, factor: float, scenario: str | None) -> str:
        """So many times the planned load, from a moment on."""
        if self._control is None:
            raise UsageError("no run is under way, so there is no load to change")
        changed = self._control.change_load(factor, scenario)
        if not changed:
            return "That is the load already."
        return f"{factor:g} times the planned load, in a moment: {', '.join(changed)}."

    # --- the runs ---

    def lead(self) -> ExitCode:
        """Make a run at once, and others as they are asked for; the exit code of the last."""
        with self._ends_by_signal():
            while True:
                self._wish.clear()
                code = self._one_run()
                if not self._wait_for_wish():
                    return code

    def _one_run(self) -> ExitCode:
        feed = self._feed = LiveFeed(self._plan, self._scenarios)
        feed.begins()
        self._control = Control()
        self.stream.show(feed)
        try:
            result = self._make(_Watching(feed, self._began), self._control, self._on_environment)
        except LoadworthyError as error:
            feed.failed(str(error))
            self._tell_error(str(error))
            code = error.exit_code
        else:
            feed.judged(result.summary)
            code = result.exit_code
        finally:
            self._control = None
            if self._history is not None:
                self._history.kill(block=False)  # until the files are known, nobody is told that the run is over
        feed.files = self._files()
        self.stream.push()
        return code

    def _began(self, directory: Path) -> None:
        self.directory = directory
        self._feed.files = self._files()

    def _files(self) -> tuple[str, ...]:
        names = files_of(self.directory) if self.directory is not None else {}
        return (ARCHIVE, *names) if names else ()

    def _on_environment(self, environment: Environment) -> None:
        self._show_locust(page_of_run(environment, self.start, self.stop))
        self._history = gevent.spawn(stats_history, environment.runner)  # for the charts of Locust's page

    def _wait_for_wish(self) -> bool:
        """Whether another run is wanted."""
        if not self._is_leaving:
            self._wish.wait(timeout=self._autoquit_s)
        return self._wish.is_set() and not self._is_leaving

    @contextmanager
    def _ends_by_signal(self) -> Iterator[None]:
        """Ctrl-C and SIGTERM end the page; while load is made, the run takes them for itself."""

        def leave(_number: int, _frame: FrameType | None) -> None:
            self._is_leaving = True
            self._wish.set()
            if self._control is not None:
                self._control.ask_to_stop(FROM_THE_TERMINAL)

        previous = {number: signal.signal(number, leave) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


class _Watching:
    """The observer of a run that feeds the page, and says where its directory is."""

    def __init__(self, feed: LiveFeed, began: Callable[[Path], None]) -> None:
        self._feed = feed
        self._began = began

    def on_event(self, event: Mapping[str, Any]) -> None:
        if event.get("type") == "run_started":
            self._began(Path(event["path"]))
        self._feed.on_event(event)

    def on_interval(self, interval: Interval) -> None:
        self._feed.on_interval(interval)

    def tick(self, elapsed_us: int, planned_us: int | None, users: int) -> None:
        self._feed.tick(elapsed_us, planned_us, users)
