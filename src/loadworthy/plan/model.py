"""The Plan: what was asked for, as frozen models.

A plan file (YAML, JSON or TOML) is read by :mod:`loadworthy.plan.load`, which reports every mistake with its line.
What stands in its steps is in :mod:`loadworthy.plan.steps`, the kinds of values in :mod:`loadworthy.plan.values`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from loadworthy.plan.alerting import Alerting
from loadworthy.plan.steps import Endpoint, SetupStep, Step
from loadworthy.plan.test_data import RowSource
from loadworthy.plan.thresholds import parse_threshold, threshold_from_mapping
from loadworthy.plan.values import (
    MAX_DURATION_US,
    DurationUs,
    EveryUs,
    Model,
    PerSecond,
    RampTarget,
    RatePerSecond,
    Share,
    SizeBytes,
    Tags,
    Times,
    TimeSpanUs,
    Weight,
    Whole,
    duration_text,
    read_with,
    to_duration_us,
)
from loadworthy.units import parse_rate


def _threshold_text(value: object) -> str:
    """The expression of one entry: an expression already, or a mapping with one key."""
    if isinstance(value, str):
        return parse_threshold(value).expression
    if isinstance(value, Mapping) and len(value) == 1:
        ((key, limit),) = value.items()
        return threshold_from_mapping(str(key), limit)
    raise ValueError('it must be an expression ("p95 < 500ms") or one key with its limit (response_time_p95: 500)')


def _threshold_list(value: object) -> object:
    if isinstance(value, Mapping):
        return [{key: limit} for key, limit in value.items()]
    return [value] if isinstance(value, str) else value


ThresholdText = Annotated[
    str,
    BeforeValidator(_threshold_text),
    WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "string",
                    "examples": ["p95 < 500ms", "GET /contacts p99 < 1s", "error_rate < 1% for 10s, abort"],
                },
                {"type": "object", "minProperties": 1, "maxProperties": 1},
            ]
        }
    ),
]
"""One threshold, kept as its expression."""


class ScenarioKind(StrEnum):
    """What a scenario is for; it stands beside the figures in every report."""

    SMOKE = "smoke"
    LOAD = "load"
    STRESS = "stress"
    SPIKE = "spike"
    ENDURANCE = "endurance"
    CAPACITY = "capacity"


_wait_us = read_with(to_duration_us)


class WaitTime(Model):
    """The pause between iterations: uniform between two bounds, in µs."""

    low_us: Annotated[Whole, Field(ge=0, le=MAX_DURATION_US)]
    high_us: Annotated[Whole, Field(ge=0, le=MAX_DURATION_US)]

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        if isinstance(value, Mapping | WaitTime):
            return value
        low, dash, high = value.partition("-") if isinstance(value, str) else (value, "", None)
        low_us = _wait_us(low)
        return {"low_us": low_us, "high_us": _wait_us(high) if dash else low_us}

    @model_validator(mode="after")
    def _ordered(self) -> WaitTime:
        if self.low_us > self.high_us:
            raise ValueError(
                f"the shorter time comes first: {duration_text(self.high_us)}-{duration_text(self.low_us)}"
            )
        return self


class Behaviour(Model):
    """What one kind of user does: weighted ``endpoints`` or an ordered ``flow``."""

    endpoints: tuple[Endpoint, ...] = ()
    flow: tuple[Step, ...] = ()
    on_start: tuple[Step, ...] = ()
    """Steps done once by each user before its first iteration, e.g. a login whose token is extracted."""
    headers: dict[str, str] = Field(default_factory=dict)
    """Sent with every request of this user, ``on_start`` included."""
    wait_time: WaitTime | None = None
    """``1s``, ``10ms`` or ``1s-3s``. None: no pause (endpoints, flow) or the class's own (locustfile)."""


class Role(Behaviour):
    """One of several kinds of user in a scenario."""

    weight: Weight = 1
    """Share of the users, relative to the other roles."""


class Stage(Model):
    """A stretch of time: hold ``users`` or a ``rate``, or move in a line to ``ramp_to`` of either."""

    duration: TimeSpanUs
    users: Annotated[Whole, Field(ge=0)] | None = None
    rate: RatePerSecond | None = None
    """Iterations begun per second: the workload is open."""
    ramp_to: RampTarget | None = None
    """From where it was: to so many users (``50``), or to a rate (``200/s``)."""

    @property
    def ramp_to_rate(self) -> float | None:
        """Where a ramp of an open workload leads, per second."""
        return None if self.ramp_to is None else parse_rate(self.ramp_to)


class WatchedProcess(Model):
    """A process on this machine, with its children: exactly one of the three says which."""

    pid: Annotated[Whole, Field(ge=1)] | None = None
    port: Annotated[Whole, Field(ge=1, le=65535)] | None = None
    """The TCP port that it listens on."""
    name: str | None = None
    """The name of the program, or of the script that an interpreter runs."""


class Monitor(Model):
    """Something of the target that is read while a run goes on: exactly one source."""

    prometheus: str | None = None
    """Endpoint in the Prometheus text format: a URL, or a path below the base URL."""
    metrics: tuple[str, ...] = ()
    """Selectors (``name{label="value"}``) of what to keep; all gauges and counters unless given."""
    process: WatchedProcess | None = None
    postgres: str | None = None
    """URL or connection string of a PostgreSQL database."""
    every: EveryUs = 1_000_000
    """From one reading to the next."""


def is_open_stage(rate: object, ramp_to: object) -> bool:
    """Whether a stage speaks of iterations per second."""
    return rate is not None or (isinstance(ramp_to, str) and not ramp_to.strip().isdigit())


LOAD_KEYS = ("users", "rate", "stages", "iterations")
"""Any of them says how much load a scenario makes."""


def searches(scenario: Mapping[str, Any]) -> bool:
    """Whether a scenario, as data, looks for its own load: a capacity, or a stress without any load of its own."""
    kind = scenario.get("kind")
    says_load = any(scenario.get(key) for key in LOAD_KEYS)
    return kind == ScenarioKind.CAPACITY or (kind == ScenarioKind.STRESS and not says_load)


def _names(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class Scenario(Behaviour):
    """One named behaviour plus one workload plus its thresholds."""

    description: str = ""
    kind: ScenarioKind = ScenarioKind.LOAD
    roles: dict[str, Role] = Field(default_factory=dict)
    """Several kinds of user at once, instead of ``endpoints`` or ``flow``."""
    locustfile: str | None = None
    """Python file with user classes, relative to the plan."""
    user_classes: tuple[str, ...] = ()
    """Which classes of the locustfile; all unless given."""
    users: Annotated[Whole, Field(ge=1)] | None = None
    """How many at once; 1 unless this, ``rate`` or ``stages`` is given."""
    rate: PerSecond | None = None
    """Iterations begun per second, whatever becomes of those before: the workload is open."""
    arrivals: Literal["poisson", "constant"] = "poisson"
    """How the iterations of an open workload are spread: at random, or evenly."""
    max_users: Annotated[Whole, Field(ge=1)] | None = None
    """The most users of an open workload; an iteration that finds none free is dropped, and counted. Unless given, as
    many as ten seconds of the highest rate would need: 50 to 10,000."""
    spawn_rate: PerSecond | None = None
    """Users started per second; all at once unless given."""
    run_time: TimeSpanUs | None = None
    """From the start, ramp included. None: until ``iterations`` are done, or until Ctrl-C."""
    stages: tuple[Stage, ...] = ()
    with_: Annotated[tuple[str, ...], BeforeValidator(_names)] = Field(default=(), alias="with")
    """Other scenarios that run at the same time as this one."""
    iterations: Annotated[Whole, Field(ge=1)] | None = None
    """Ends when this many iterations are done by all users together (or at ``run_time``)."""
    thresholds: Annotated[
        tuple[ThresholdText, ...],
        BeforeValidator(_threshold_list, json_schema_input_type=tuple[ThresholdText, ...] | dict[str, Any]),
    ] = ()
    """Expressions; the mapping form (``response_time_p95: 1000``) is rewritten to them when the plan is read."""
    timeout: TimeSpanUs | None = None
    """Time-out for connecting and for reading of each request; the plan's unless given."""
    monitors: tuple[Monitor, ...] = ()
    """Read while this scenario runs, besides those of the plan."""
    tags: Tags = ()
    """Words by which thresholds may name all series of this scenario."""
    start_rate: PerSecond | None = None
    """Where a search for the capacity begins; 10/s unless given."""
    max_rate: PerSecond | None = None
    """A search never asks for more."""
    max_duration: TimeSpanUs | None = None
    """The longest that a search may take; ten minutes unless given."""
    precision: Annotated[Share, Field(ge=0.005, le=0.5)] | None = None
    """How narrow the interval of the capacity is to be, as a share of it; 5 % unless given."""
    overload: Annotated[Times, Field(gt=1, le=100)] | None = None
    """Stress: what is asked after the search, in multiples of the capacity; 1.5 unless given."""
    overload_time: TimeSpanUs | None = None
    """Stress: for how long; 30 s unless given."""
    base_load: Annotated[Share, Field(gt=0, lt=1)] | None = None
    """Stress: the load before and after, as a share of the capacity; half of it unless given."""
    recovery_time: TimeSpanUs | None = None
    """Stress: how long its recovery is waited for; unless given, twice as long as it takes to work off what waits."""

    @model_validator(mode="before")
    @classmethod
    def _one_user_unless_said(cls, value: object) -> object:
        if (
            isinstance(value, Mapping)
            and not searches(value)
            and value.get("users") is None
            and value.get("rate") is None
            and not value.get("stages")
        ):
            return {**value, "users": 1}
        return value

    @property
    def is_open(self) -> bool:
        """Whether iterations begin when they are due, not when a user has time for them."""
        return (
            self.is_search
            or self.rate is not None
            or any(is_open_stage(stage.rate, stage.ramp_to) for stage in self.stages)
        )

    @property
    def is_search(self) -> bool:
        """Whether the rates are found while it runs."""
        return self.kind is ScenarioKind.CAPACITY or (
            self.kind is ScenarioKind.STRESS
            and self.users is None
            and self.rate is None
            and not self.stages
            and self.iterations is None
        )


class Plan(Model):
    """Everything that was asked for in one run."""

    name: str | None = None
    base_url: str | None = None
    scenarios: Annotated[dict[str, Scenario], Field(min_length=1)]
    """Run one after another in the order written."""
    setup: tuple[SetupStep, ...] = ()
    """Done once before any load, e.g. to create data; what they extract is there for all users."""
    teardown: tuple[SetupStep, ...] = ()
    """Done once after all load, however the run ended."""
    allowed_hosts: tuple[str, ...] | None = None
    """Hosts that may be loaded, besides this machine: ``api.example.com``, ``*.test.example.com``; unless given, that
    of ``base_url`` as the plan has it."""
    confirm_above: PerSecond = 1000
    """Requests per second above which a host other than this machine is loaded only with ``--yes-really``."""
    monitors: tuple[Monitor, ...] = ()
    """Read during the whole run."""
    alerting: Alerting | None = None
    test_data: dict[str, RowSource] = Field(default_factory=dict)
    """Name → rows; ``{{ name.column }}`` in a template. A plain list of rows is accepted too."""
    reporting: dict[str, Any] = Field(default_factory=dict)
    """Kept as written."""
    locust: dict[str, Any] = Field(default_factory=dict)
    """Settings for the engine: ``locustfile`` (for scenarios that name no behaviour); others are kept as written."""
    timeout: TimeSpanUs = 30_000_000
    """Time-out for connecting and for reading of each request."""
    stop_timeout: DurationUs = 5_000_000
    """How long iterations under way may go on when a scenario ends."""
    max_body: SizeBytes = 64 * 1024 * 1024
    """A response body beyond this is a failure of kind ``too_large``."""
    verify_tls: bool = True
    seed: Whole | None = None

    @property
    def user_steps(self) -> Iterator[Step]:
        """All that its declared users do."""
        for scenario in self.scenarios.values():
            for one in (scenario, *scenario.roles.values()):
                yield from (*one.on_start, *one.flow, *one.endpoints)
