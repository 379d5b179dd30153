"""The crew of a run in one process: Locust's local runner and one node."""

from __future__ import annotations

from locust.env import Environment

from loadworthy.clock import Clock
from loadworthy.engine.classes import ScenarioClasses
from loadworthy.engine.drive import EndReason, UserClasses
from loadworthy.engine.locust_bridge import IterationGate
from loadworthy.engine.node import Node, Outlet
from loadworthy.engine.stopping import CarefulLocalRunner
from loadworthy.engine.tickets import CountedTickets


class LocalCrew:
    """See :class:`~loadworthy.engine.drive.Crew`."""

    def __init__(
        self, classes: ScenarioClasses, gate: IterationGate, environment: Environment, clock: Clock, outlet: Outlet
    ) -> None:
        self._environment = environment
        self._runner: CarefulLocalRunner = environment._create_runner(CarefulLocalRunner)  # noqa: SLF001  # no public way
        self._tickets: CountedTickets | None = None
        self._node = Node(classes, gate, environment, clock, outlet)
        environment.events.init.fire(environment=environment, runner=self._runner, web_ui=None)

    @property
    def users(self) -> int:
        """Users running now."""
        return len(self._runner.user_greenlets)

    def begin(self, scenario: str) -> None:
        """Make ready for a scenario."""
        iterations = self._node.setup.plan.scenarios[scenario].iterations
        self._tickets = CountedTickets(iterations) if iterations else None
        self._node.begin(scenario, self._tickets)

    def set_users(self, users: int, per_second: float, user_classes: UserClasses = None) -> None:
        """Go to so many users, in the background."""
        self._runner.start(users, per_second, user_classes=user_classes)

    def over(self) -> EndReason | None:
        """All iterations done, or every user gone by itself."""
        self._node.check()
        if self.users:
            return None
        if self._tickets is not None and self._tickets.exhausted:
            return EndReason.ITERATIONS
        all_spawned = self._runner.spawning_greenlet is not None and self._runner.spawning_greenlet.ready()
        return EndReason.USERS_STOPPED if all_spawned and self._runner.target_user_count else None

    def end(self) -> None:
        """Stop the users and take in the last interval."""
        self._node.stopping()
        self._runner.stop()
        self._node.end()

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
