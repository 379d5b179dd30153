"""The crew of a run in one process: this one."""

from __future__ import annotations

from collections.abc import Sequence

from locust.env import Environment
from locust.runners import LocalRunner

from loadworthy.clock import Clock
from loadworthy.engine.classes import ScenarioClasses
from loadworthy.engine.drive import EndReason, UserClasses
from loadworthy.engine.node import Node, Outlet, close_test
from loadworthy.engine.rows_end import RowsEnd
from loadworthy.engine.tickets import CountedTickets, Tickets
from loadworthy.workload.arrivals import Split
from loadworthy.workload.profile import LoadChange
from loadworthy.workload.segment import Segment

WHOLE = Split(0, 1)
"""All of the load is this process's."""


class LocalCrew:
    """See :class:`~loadworthy.engine.drive.Crew`."""

    def __init__(self, classes: ScenarioClasses, environment: Environment, clock: Clock, outlet: Outlet) -> None:
        self._environment = environment
        self._runner: LocalRunner = environment._create_runner(LocalRunner)  # noqa: SLF001  # no public way
        self._node = Node(classes, environment, clock, outlet)
        self._rows_end = RowsEnd(classes, outlet.event)
        self._changes: dict[str, Sequence[LoadChange]] = {}
        environment.events.init.fire(environment=environment, runner=self._runner, web_ui=None)

    @property
    def users(self) -> int:
        """Users running now."""
        return self._node.users

    def begin(self, wave: Sequence[str]) -> None:
        """Make ready for the scenarios of a wave."""
        tickets: dict[str, Tickets] = {}
        for name in wave:
            scenario = self._node.setup.plan.scenarios[name]
            if scenario.iterations and not scenario.is_open:
                tickets[name] = CountedTickets(scenario.iterations)
        self._node.begin(wave, tickets, WHOLE)

    def start(self) -> None:
        """The clock starts."""
        self._node.start([WHOLE])

    def aim(self, scenario: str, users: int, per_second: float, user_classes: UserClasses = None) -> None:
        """Go to so many users, in the background."""
        names = None if user_classes is None else [one.__name__ for one in user_classes]
        self._node.aim(scenario, users, per_second, names)

    @property
    def lead_us(self) -> int:
        """Nobody else has to be told."""
        return 100_000

    def change_load(self, scenario: str, changes: Sequence[LoadChange]) -> None:
        """The load of a scenario was changed by hand."""
        self._changes[scenario] = changes
        self._node.change_load(scenario, changes)

    def extend(self, scenario: str, segment: Segment) -> None:
        """A segment of load is to come."""
        self._node.extend(scenario, segment)

    def cut_short(self, scenario: str) -> None:
        """Nothing more of the segment under way begins."""
        self._node.cut_short(scenario)

    def is_idle(self, scenario: str) -> bool:
        """Nothing is under way."""
        self._node.check()
        return self._node.state(scenario)[0]

    def over(self, scenario: str) -> EndReason | None:
        """All iterations done, or every user gone by itself."""
        self._node.check()
        reason = self._node.state(scenario)[1]
        self._rows_end.note(scenario, reason, self._changes.get(scenario, ()))
        return reason

    def dismiss(self, scenario: str) -> None:
        """One scenario is over while others go on."""
        self._node.dismiss(scenario)

    def end(self) -> None:
        """Stop the users and take in the last intervals."""
        close_test(self._environment, self._node.end)

    def close(self) -> None:
        """End Locust's own greenlets; no load is running."""
        self._environment.events.quitting.fire(environment=self._environment, reverse=True)
        self._runner.quit()
        self._environment.events.quit.fire(exit_code=0)

    def abort(self) -> None:
        """End now: users are dropped where they stand, what was recorded is kept."""
        self._environment.stop_timeout = 0
        self._runner.user_greenlets.kill(timeout=1)
        self._node.end()
