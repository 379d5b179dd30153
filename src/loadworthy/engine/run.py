"""Runs a plan: from the plan to a closed run directory. Judging it is somebody else's business."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from locust.env import Environment
from locust.user import User

from loadworthy.analysis.live_thresholds import LiveThresholds
from loadworthy.clock import Clock, SystemClock
from loadworthy.engine import manifest as facts
from loadworthy.engine.classes import NodeSetup, ScenarioClasses, scenario_or_complain, seed_process
from loadworthy.engine.cluster import ClusterCrew
from loadworthy.engine.control import Control, EndReason
from loadworthy.engine.drive import Crew
from loadworthy.engine.journal import Journal
from loadworthy.engine.limits import raise_descriptor_limit
from loadworthy.engine.local import LocalCrew
from loadworthy.engine.locust_bridge import (
    HTTP_USERS,
    engine_patches,
    make_environment,
    parsed_options,
)
from loadworthy.engine.monitoring import Monitoring
from loadworthy.engine.node import Outlet
from loadworthy.engine.notes import masked, warnings_as_events
from loadworthy.engine.observer import Observer
from loadworthy.engine.permission import require_permission
from loadworthy.engine.preparing import prepared
from loadworthy.engine.searching import Searcher, SearchOutlet
from loadworthy.engine.wave import Wave
from loadworthy.errors import LoadworthyError, RunDirError, SetupError, UsageError
from loadworthy.plan.load import LoadedPlan
from loadworthy.plan.model import Plan
from loadworthy.plan.reporting import idle_keys
from loadworthy.record.rundir import RunWriter
from loadworthy.units import US_PER_S
from loadworthy.users.preflight import direct_hosts, first_complaint
from loadworthy.workload.profile import OpenProfile, Profile, profile_of
from loadworthy.workload.together import waves

Json = dict[str, Any]
OnEnvironment = Callable[[Environment], None]
ASKED_TO_STOP = "asked to stop"
TOLD_TWICE = "told twice to stop"


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What to run, and how.

    Args:
        loaded: the plan.
        out: folder that holds run directories.
        scenarios: names of those to run; all when empty.
        children: worker processes to start on this machine; 0 makes the load in this process.
        remote_workers: how many workers on other machines to wait for.
        bind: (host, port) where workers may join; port 0 takes a free one.
        seed: instead of the plan's.
        lean_client: whether users of Locust's HTTP classes get our client.
        arguments: options for the locustfile's own parser.
        preflight: whether a target where nothing listens ends the run before it begins. Never asked where all load is
            made on other machines, or some of it: this one may not reach the target.
        confirmed: whether much load on another machine is meant (``--yes-really``).
    """

    loaded: LoadedPlan
    out: Path
    scenarios: tuple[str, ...] = ()
    children: int = 0
    remote_workers: int = 0
    bind: tuple[str, int] = ("127.0.0.1", 0)
    seed: int | None = None
    lean_client: bool = True
    arguments: tuple[str, ...] = ()
    preflight: bool = True
    confirmed: bool = False

    @property
    def workers(self) -> int:
        """Processes other than this one that make load."""
        return self.children + self.remote_workers


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """Where the run is, and how it ended: ``completed`` or ``interrupted``."""

    path: Path
    ended: str


class _ClosableCrew(Crew, Protocol):
    def close(self) -> None: ...

    def abort(self) -> None: ...


def run_plan(
    request: RunRequest,
    observer: Observer,
    clock: Clock | None = None,
    control: Control | None = None,
    on_environment: OnEnvironment | None = None,
) -> RunOutcome:
    """Run it. What was measured is on disk whatever happens; LoadworthyError says what kept it from going on.

    One run after another may be made in a process, from any greenlet of its main thread; others of its greenlets, such
    as those of a web server, go on meanwhile, and the run does not wait for them.

    Args:
        request: what to run.
        observer: told of all that happens; first of all of ``run_started``, which says where the run directory is.
        clock: the system's unless given.
        control: what the caller keeps to have a say in this run; of no use for another.
        on_environment: called with this run's Locust environment, which has its runner, before load begins. It is not
            used after the run, and another run has another.
    """
    return _PlanRun(request, observer, clock or SystemClock(), control or Control(), on_environment).go()


class _PlanRun:
    def __init__(
        self,
        request: RunRequest,
        observer: Observer,
        clock: Clock,
        control: Control,
        on_environment: OnEnvironment | None,
    ) -> None:
        self._request = request
        self._plan: Plan = request.loaded.plan
        self._observer = observer
        self._clock = clock
        self._names = scenario_or_complain(self._plan, request.scenarios)
        self._seed = _chosen_seed(request.seed, self._plan.seed)
        self._profiles = {name: profile_of(self._plan.scenarios[name]) for name in self._names}
        self._control = control
        self._on_environment = on_environment
        self._monitoring = Monitoring(self._plan, self._names, clock)
        self._started_us = 0
        self._path = request.out
        self._warnings: list[str] = []

    def go(self) -> RunOutcome:
        request = self._request
        classes = ScenarioClasses(self._setup())
        raise_descriptor_limit()
        with engine_patches(lean_client=request.lean_client):
            seed_process(classes.setup)
            classes.load()
            environment = make_environment(_without_slash(self._plan.base_url), self._plan.stop_timeout / US_PER_S)
            environment.parsed_options = parsed_options(request.arguments)
            self._check_open(classes, self._warnings)
            self._check_hosts(classes)
            self._check_permission(classes)
            self._check_target(classes)
            return self._record(classes, environment)

    def _check_open(self, classes: ScenarioClasses, journal_warnings: list[str]) -> None:
        """What a rate needs: users that take turns as Locust's do, and at least one in each process."""
        processes = max(self._request.workers, 1)
        for name, profile in self._profiles.items():
            if not isinstance(profile, OpenProfile):
                continue
            if (shape := classes.shape(name)) is not None:
                what = "the search finds its own load" if profile.is_led else "the plan says the rate"
                journal_warnings.append(f"{name}: {type(shape).__name__} of the locustfile has no effect: {what}")
            if profile.max_users < processes:
                raise UsageError(
                    f"scenario {name}: max_users {profile.max_users} is less than the {processes} processes, "
                    "and each needs a user"
                )
            for user_class in classes.classes(name):
                if user_class.run is not User.run:
                    raise UsageError(
                        f"scenario {name}: {user_class.__name__} has a run() of its own, so nobody else can say "
                        "when its iterations begin; give it tasks, or users instead of a rate"
                    )
                if user_class.fixed_count:
                    journal_warnings.append(f"{name}: fixed_count of {user_class.__name__} has no effect with a rate")

    def _check_hosts(self, classes: ScenarioClasses) -> None:
        for name in self._names:
            for user_class in classes.classes(name):
                if self._plan.base_url is None and not user_class.host and issubclass(user_class, HTTP_USERS):
                    raise UsageError(
                        f"scenario {name}: {user_class.__name__} has no base URL: give --url, "
                        f"base_url in the plan, or host in the class"
                    )

    def _check_permission(self, classes: ScenarioClasses) -> None:
        """UsageError where the target is not to be loaded, or not that much."""
        require_permission(
            self._request.loaded,
            self._names,
            self._profiles,
            {name: [one for one in classes.classes(name) if issubclass(one, HTTP_USERS)] for name in self._names},
            shaped={name for name in self._names if classes.shape_in_charge(name) is not None},
            confirmed=self._request.confirmed,
        )

    def _check_target(self, classes: ScenarioClasses) -> None:
        """SetupError where nothing listens at the target."""
        if not self._request.preflight or self._request.remote_workers:
            return
        base_url = _without_slash(self._plan.base_url)
        users = [one for name in self._names for one in classes.classes(name) if issubclass(one, HTTP_USERS)]
        hosts = direct_hosts(users, base_url, environ_proxies=not self._request.lean_client)
        if complaint := first_complaint(hosts, "--url"):
            raise SetupError(self._request.loaded.redactor(complaint))

    def _record(self, classes: ScenarioClasses, environment: Environment) -> RunOutcome:
        """From here on there is a run directory."""
        thresholds = self._live_thresholds()  # it imports libraries: Ctrl-C meanwhile shall leave no empty directory
        self._started_us = self._clock.wall_us()
        redact = self._request.loaded.redactor
        self._path = self._claim_directory()
        writer = RunWriter(self._path, redact)
        journal = Journal(
            writer,
            self._observer,
            self._clock,
            redact,
            thresholds=thresholds,
            on_abort=self._control.abort,
        )
        ended, reason = "error", "the run ended by an unforeseen error"
        try:
            self._write_manifest(writer, ended=None, reason=None)
            journal.begin(self._names)
            event = masked(journal.event, classes.secrets)
            with warnings_as_events(event), self._monitoring.of_plan(writer, journal.event):
                ended, reason = self._around_load(environment, classes, journal)
        except LoadworthyError as error:
            reason = str(error)
            raise
        finally:
            self._write_manifest(writer, ended=ended, reason=reason)
            writer.close()
        return RunOutcome(writer.path, ended)

    def _around_load(self, environment: Environment, classes: ScenarioClasses, journal: Journal) -> tuple[str, str]:
        """The set-up, the load, the tear-down."""
        with self._control.signals(lambda words: journal.event({"type": "interrupted", "message": words})):
            try:
                with prepared(
                    classes.setup,
                    self._control,
                    journal.event,
                    classes.secrets,
                    keep=lambda: getattr(environment.parsed_options, "keep_data", False),
                ):
                    outlet = SearchOutlet(journal)
                    crew = self._crew(classes, environment, outlet)
                    return self._with_crew(crew, environment, classes, journal, outlet)
            except KeyboardInterrupt:
                return "interrupted", TOLD_TWICE

    def _live_thresholds(self) -> LiveThresholds:
        """Those of searches are missed on purpose, by half of their trials."""
        scenarios = {name: self._plan.scenarios[name] for name in self._names}
        return LiveThresholds(
            {name: scenario.thresholds for name, scenario in scenarios.items()},
            self._request.loaded.redacted_json,
            skip={name for name, scenario in scenarios.items() if scenario.is_search},
            processes=max(self._request.workers, 1),
        )

    def _crew(self, classes: ScenarioClasses, environment: Environment, outlet: Outlet) -> _ClosableCrew:
        if not self._request.workers:
            return LocalCrew(classes, environment, self._clock, outlet)
        crew = ClusterCrew(classes, environment, self._clock, outlet, self._request.bind)
        if self._request.remote_workers:
            host, _ = self._request.bind
            count = self._request.remote_workers
            wanted = "one worker" if count == 1 else f"{count} workers"
            message = f"waiting for {wanted}: loadworthy worker --join {host}:{crew.port}"
            outlet.event({"type": "waiting_for_workers", "message": message})
        crew.start_children(self._request.children, self._path)
        return crew

    def _with_crew(
        self,
        crew: _ClosableCrew,
        environment: Environment,
        classes: ScenarioClasses,
        journal: Journal,
        outlet: SearchOutlet,
    ) -> tuple[str, str]:
        try:
            if self._on_environment is not None:
                self._on_environment(environment)
            if isinstance(crew, ClusterCrew):
                crew.wait_for_workers(self._control.stop)
            self._tell_what_is_not_done(journal)
            when = "before any load was made"
            for wave in waves(self._plan.scenarios, self._names):
                if (ended := self._ended(when)) is not None:
                    return ended
                when = "between two scenarios"
                with ExitStack() as monitors:
                    for name in wave:
                        monitors.enter_context(self._monitoring.of_scenario(name))
                    outlet.searchers = self._searchers(wave, journal)
                    plan = classes.setup.plan  # with no more iterations than there are rows that are handed out once
                    reasons = Wave(wave, plan, self._profiles, classes, crew, journal, outlet.searchers).run(
                        self._control, self._clock
                    )
                if EndReason.ABORTED in reasons:
                    return "aborted", self._control.why or "a threshold was missed"
                if EndReason.INTERRUPTED in reasons:
                    return "interrupted", self._control.asked or ASKED_TO_STOP
                if EndReason.WORKERS_LOST in reasons:
                    return "error", "all workers were lost"
        except KeyboardInterrupt:
            crew.abort()
            return "interrupted", TOLD_TWICE
        except BaseException:
            crew.abort()
            raise
        finally:
            crew.close()
        return "completed", ""

    def _ended(self, when: str) -> tuple[str, str] | None:
        """How the run ended, where it was told to stop while no scenario was under way."""
        reason = self._control.reason
        if reason is None:
            return None
        if reason is EndReason.ABORTED:
            return "aborted", self._control.why or ""
        return "interrupted", f"{self._control.asked or ASKED_TO_STOP} {when}"

    def _searchers(self, names: Sequence[str], journal: Journal) -> dict[str, Searcher]:
        """Who leads those of the scenarios that look for their own load."""
        found = {name: self._plan.scenarios[name] for name in names if self._plan.scenarios[name].is_search}
        return {
            name: Searcher(name, one, f"{self._seed}/{name}", one.timeout or self._plan.timeout, journal.event)
            for name, one in found.items()
        }

    def _tell_what_is_not_done(self, journal: Journal) -> None:
        for message in self._warnings:
            journal.event({"type": "warning", "message": message})
        idle = [f"locust.{key}" for key in self._plan.locust if key != "locustfile"]
        idle += [f"reporting.{key}" for key in idle_keys(self._plan.reporting)]
        if idle:
            message = f"kept in run.json and without effect in this version: {', '.join(idle)}"
            journal.event({"type": "warning", "message": message})

    def _setup(self) -> NodeSetup:
        return NodeSetup(
            plan=self._plan,
            base_dir=self._request.loaded.base_dir,
            seed=self._seed,
            processes=max(self._request.workers, 1),
            lean_client=self._request.lean_client,
            arguments=self._request.arguments,
            scenarios=tuple(self._names),
        )

    def _claim_directory(self) -> Path:
        """A new directory, ours alone: several runs may start in the same second."""
        name = self._names[0] if len(self._names) == 1 else self._plan.name or self._request.loaded.path.stem
        first = self._request.out / facts.run_dir_name(self._started_us, name)
        for number in itertools.count(1):
            path = first if number == 1 else first.with_name(f"{first.name}-{number}")
            try:
                path.mkdir(parents=True)
            except FileExistsError:
                if path.is_dir():
                    continue
                raise RunDirError(f"cannot make the run directory {path}: there is a file of that name") from None
            except OSError as error:
                raise RunDirError(f"cannot make the run directory {path}: {error.strerror or error}") from error
            return path
        raise AssertionError("unreachable: the numbers do not end")

    def _write_manifest(self, writer: RunWriter, *, ended: str | None, reason: str | None) -> None:
        loaded = self._request.loaded
        lengths = {name: _seconds(profile) for name, profile in self._profiles.items()}
        writer.write_manifest(
            {
                "name": writer.path.name,
                "started_at": facts.iso(self._started_us),
                "ended_at": facts.iso(self._clock.wall_us()) if ended else None,
                "ended": ended,
                "ended_reason": reason,
                "planned_duration_s": facts.scenario_facts(lengths, waves(self._plan.scenarios, self._names)),
                "scenarios": self._names,
                "target": loaded.redacted_json.get("base_url"),
                "plan_file": str(loaded.path),
                "plan": loaded.redacted_json,
                "seed": self._seed,
                "processes": max(self._request.workers, 1),
                "versions": facts.versions(),
                "host": facts.host(),
                "git": facts.git_state(loaded.base_dir),
            }
        )


def _chosen_seed(*given: int | None) -> int:
    for seed in given:
        if seed is not None:
            return seed
    return random.SystemRandom().randrange(2**31)


def _without_slash(base_url: str | None) -> str | None:
    """Paths begin with a slash of their own."""
    return base_url.rstrip("/") if base_url else None


def _seconds(profile: Profile) -> float | None:
    return None if profile.duration_us is None else profile.duration_us / US_PER_S
