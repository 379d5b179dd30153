"""The user classes of a run: loaded from locustfiles, or made from what the plan declares."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from locust.shape import LoadTestShape
from locust.user import User

from loadworthy.data.once import RowLimit, check_database_columns, check_shared, check_users, limit_of, used_by
from loadworthy.data.secret_values import SecretValues
from loadworthy.data.sources import RowSources
from loadworthy.engine.loading import load_user_classes
from loadworthy.engine.seat import Seat, Usher
from loadworthy.errors import UsageError
from loadworthy.plan.model import Behaviour, Plan, Scenario
from loadworthy.units import US_PER_S
from loadworthy.users.cleanup import offer_keeping
from loadworthy.users.declared import DeclaredUser, Identity, Surroundings, declared_user
from loadworthy.users.feeders import Feeder, today
from loadworthy.users.multipart import PlanFiles

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class NodeSetup:
    """What a process needs to know to take part in a run.

    Args:
        plan: resolved, secrets included.
        base_dir: where the plan's relative paths start.
        seed: the run's; each process derives its own from it.
        process: 0 in a local run, else the worker's index from 1.
        processes: how many make load.
        lean_client: whether users of Locust's HTTP classes get our client.
        arguments: options for the locustfile's own parser.
        scenarios: names of those that will run.
        given: what the plan's set-up has extracted; filled before any user is made.
        today: from which generated dates are counted, in all processes.
    """

    plan: Plan
    base_dir: Path
    seed: int
    process: int = 0
    processes: int = 1
    lean_client: bool = True
    arguments: tuple[str, ...] = ()
    scenarios: tuple[str, ...] = ()
    given: Json = field(default_factory=dict)
    today: date = field(default_factory=today)

    @property
    def share(self) -> int:
        """This process's place among those that make load, from 0; of one that came late not below ``processes``."""
        return max(self.process - 1, 0)


def seed_process(setup: NodeSetup) -> None:
    """Seed the random numbers that Locust and user code share: task choice, pauses of Python users."""
    random.seed(f"{setup.seed}/{setup.share}")


class ScenarioClasses:
    """Makes the user classes of each scenario, as this process is to run them."""

    def __init__(self, setup: NodeSetup) -> None:
        self.setup = setup
        self.usher = Usher()
        self.row_limits: dict[str, RowLimit] = {}
        """Scenario → the test data whose rows, each handed out once, are used up before its iterations are done."""
        self.partly_counted: set[str] = set()
        """Those of them in which only users that use such rows are counted, and others go on until they are used up."""
        self.given_plan = setup.plan
        """As it came: each process counts the rows by itself."""
        self.secrets = SecretValues()
        """What looks like a credential in rows that were handed out; it is filled while users run."""
        self._sources = RowSources(setup.plan.test_data, setup.base_dir, setup.today)
        self._files = PlanFiles(setup.base_dir)
        self._made: dict[str, list[type[User]]] = {}
        self._locustfiles: dict[Path, tuple[list[type[User]], LoadTestShape | None]] = {}

    def load(self) -> None:
        """Load and compile everything once, so that a mistake shows before the first request."""
        if creates_data(self.setup.plan):
            offer_keeping()
        for name in self.setup.scenarios:
            self.classes(name)
        self._limit_to_rows()

    def _limit_to_rows(self) -> None:
        """Scenarios whose iterations get a row each, and each row once, have no more iterations than rows."""
        plan, limited = self.setup.plan, {}
        used = {name: used_by(plan.scenarios[name], plan) for name in self.setup.scenarios}
        check_shared(used, plan)
        check_database_columns(plan, self.setup.scenarios, self._sources.rows)
        for name, sources in used.items():
            scenario = plan.scenarios[name]
            counts = {source: len(self._sources.rows(source)) for source in sources}
            check_users(name, scenario, plan, counts)
            if (limit := limit_of(scenario, plan, counts)) is not None:
                self.row_limits[name] = limit
                self._count_only_who_uses_rows(name, scenario)
                limited[name] = scenario.model_copy(update={"iterations": limit.rows})
        if limited:
            self.setup = replace(self.setup, plan=plan.model_copy(update={"scenarios": {**plan.scenarios, **limited}}))

    def _count_only_who_uses_rows(self, name: str, scenario: Scenario) -> None:
        """Iterations of roles that use none of the rows take none from those that do.

        With a rate they are numbered before it is known who does them, and where the plan says how many ``iterations``
        there are, all of them are meant.
        """
        if scenario.is_open or scenario.iterations is not None:
            return
        once = {key for key, one in self.setup.plan.test_data.items() if one.order == "once" and one.per == "iteration"}
        for user_class in self.classes(name):
            if issubclass(user_class, DeclaredUser) and once.isdisjoint(user_class.names):
                user_class.takes_ticket = False
                self.partly_counted.add(name)

    def shape(self, name: str) -> LoadTestShape | None:
        """The load shape in the scenario's locustfile, if there is one."""
        path = self._locustfile(self.setup.plan.scenarios[name])
        return self._locustfiles[path][1] if path in self._locustfiles else None

    def shape_in_charge(self, name: str) -> LoadTestShape | None:
        """The shape that decides how many users run: where the plan does not say when the scenario ends."""
        scenario = self.setup.plan.scenarios[name]
        if scenario.is_open or scenario.stages or scenario.run_time is not None or scenario.iterations is not None:
            return None
        return self.shape(name)

    def classes(self, name: str) -> list[type[User]]:
        """The user classes of a scenario; they are made once."""
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def _make(self, name: str) -> list[type[User]]:
        scenario = self.setup.plan.scenarios[name]
        path = self._locustfile(scenario)
        if path is None:
            return self._declared_classes(name, scenario)
        if path not in self._locustfiles:
            self._locustfiles[path] = load_user_classes(path, ())
        classes, _ = self._locustfiles[path]
        return self._chosen(path, classes, scenario)

    def _locustfile(self, scenario: Scenario) -> Path | None:
        if scenario.endpoints or scenario.flow or scenario.roles:
            return None
        named = scenario.locustfile or self.setup.plan.locust.get("locustfile")
        return self.setup.base_dir / str(named) if named else None

    def _chosen(self, path: Path, classes: list[type[User]], scenario: Scenario) -> list[type[User]]:
        by_name = {user_class.__name__: user_class for user_class in classes}
        if unknown := [name for name in scenario.user_classes if name not in by_name]:
            raise UsageError(f"{path} has no user class {', '.join(unknown)}; it has: {', '.join(by_name)}")
        chosen = [by_name[name] for name in scenario.user_classes] if scenario.user_classes else list(classes)
        overrides = self._overrides(scenario)
        if not overrides:
            return chosen
        return [
            type(one.__name__, (one,), {"abstract": False, "__module__": one.__module__, **overrides}) for one in chosen
        ]

    def _overrides(self, scenario: Scenario) -> Json:
        """What the plan says in so many words goes before what the class says; the plan's defaults do not."""
        plan, overrides = self.setup.plan, Json()
        said = plan.model_fields_set
        http = self._http_options(scenario)
        if "timeout" in said or scenario.timeout is not None:
            overrides |= {key: http[key] for key in ("connection_timeout", "network_timeout")}
        if "max_body" in said:
            overrides["max_body_bytes"] = http["max_body_bytes"]
        if "verify_tls" in said:
            overrides["insecure"] = http["insecure"]
        if scenario.wait_time is not None:
            low_s, high_s = scenario.wait_time.low_us / US_PER_S, scenario.wait_time.high_us / US_PER_S
            overrides["wait_time"] = lambda _user: random.uniform(low_s, high_s)
        return overrides

    def _declared_classes(self, name: str, scenario: Scenario) -> list[type[User]]:
        behaviours: dict[str, tuple[Behaviour, float]] = {name: (scenario, 1.0)}
        if scenario.roles:
            behaviours = {key: (_inherited(role, scenario), role.weight) for key, role in scenario.roles.items()}
        surroundings = self._surroundings(scenario)
        options = self._http_options(scenario)
        classes: list[type[User]] = []
        for role, (behaviour, weight) in behaviours.items():
            user_class = declared_user(role, behaviour, self.setup.plan, surroundings, weight=weight)
            for option, value in options.items():
                setattr(user_class, option, value)
            classes.append(user_class)
        return classes

    def _http_options(self, scenario: Scenario) -> Json:
        plan = self.setup.plan
        timeout_s = (scenario.timeout or plan.timeout) / US_PER_S
        return {
            "connection_timeout": timeout_s,
            "network_timeout": timeout_s,
            "max_body_bytes": plan.max_body,
            "insecure": not plan.verify_tls,
        }

    def _surroundings(self, scenario: Scenario) -> Surroundings:
        """With the test data that the scenario uses."""
        sources, used = self.setup.plan.test_data, used_by(scenario, self.setup.plan)
        feeders = {
            name: Feeder(
                self._sources.rows(name),
                name=name,
                process=self.setup.share,
                processes=self.setup.processes,
                order=source.order,
                secrets=self.secrets,
            )
            for name, source in sources.items()
            if name in used
        }
        per_iteration = tuple(name for name in feeders if sources[name].per == "iteration")
        return Surroundings(self._identity, feeders, per_iteration, self._files, self.setup.given)

    def _identity(self) -> Identity:
        """That of the user which is being made."""
        seat = self.usher.seat
        if seat is None:
            raise UsageError("a user made from a plan cannot be made by other code")
        return Identity(
            user_number=seat.number,
            random=seat.chance,
            arrival_number=lambda: None if seat.arrival is None else seat.arrival.number,
            ticket_number=lambda: seat.ticket,
            give_ticket_back=partial(_give_ticket_back, seat),
            most_users=seat.crowd.most_users,
            is_open=seat.crowd.is_open,
        )


def _give_ticket_back(seat: Seat) -> None:
    """Nothing was done in the iteration under way: the right to it, and its row, is somebody else's."""
    if seat.crowd.tickets is not None and seat.ticket is not None:
        seat.crowd.tickets.give_back(seat.ticket)
        seat.ticket = None


def _inherited(role: Behaviour, scenario: Scenario) -> Behaviour:
    """The role, with what the scenario says for all its roles where the role says nothing."""
    return role.model_copy(
        update={
            "headers": {**scenario.headers, **role.headers},
            "on_start": role.on_start or scenario.on_start,
            "wait_time": role.wait_time or scenario.wait_time,
        }
    )


def creates_data(plan: Plan) -> bool:
    """Whether the plan says how to remove what it creates, so that one may also want to keep it."""
    return bool(plan.setup or plan.teardown) or any(step.undo is not None for step in plan.user_steps)


def scenario_or_complain(plan: Plan, names: Sequence[str]) -> list[str]:
    """The scenarios to run, in the plan's order; UsageError names those that do not exist."""
    if unknown := [name for name in names if name not in plan.scenarios]:
        raise UsageError(
            f"the plan has no scenario {', '.join(map(repr, unknown))}; it has: {', '.join(plan.scenarios)}"
        )
    return [name for name in plan.scenarios if not names or name in names]
