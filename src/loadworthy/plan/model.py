"""The Plan: what was asked for, as frozen models.

A plan file (YAML, JSON or TOML) is read by :mod:`loadworthy.plan.load`, which reports every mistake with its line.
Durations are written as ``500ms``, ``30s``, ``1m30s`` or a number of seconds, and are integer µs in here.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from loadworthy.units import format_duration, parse_bytes, parse_duration_us, parse_rate

DurationUs = Annotated[
    int,
    BeforeValidator(parse_duration_us),
    PlainSerializer(format_duration, when_used="json"),
    WithJsonSchema({"type": ["string", "number"], "examples": ["500ms", "30s", "1m30s"]}),
]
"""Integer µs inside; ``"30s"`` or a number of seconds outside."""

PerSecond = Annotated[
    float,
    BeforeValidator(parse_rate),
    Field(gt=0, allow_inf_nan=False),
    WithJsonSchema({"type": ["string", "number"], "examples": [10, "10/s", "30/min"]}),
]
"""A rate per second inside; a number or ``"10/s"`` outside."""

SizeBytes = Annotated[
    int,
    BeforeValidator(parse_bytes),
    Field(gt=0),
    WithJsonSchema({"type": ["string", "integer"], "examples": ["64KiB", "10MB"]}),
]
"""Bytes inside; a number or ``"10MB"`` outside."""

Scalar = str | int | float | bool
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]


class ScenarioKind(StrEnum):
    """What a scenario is for; it decides which questions the report answers."""

    SMOKE = "smoke"
    LOAD = "load"
    STRESS = "stress"
    SPIKE = "spike"
    ENDURANCE = "endurance"


class Model(BaseModel):
    """Frozen; an unknown key is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, val_json_bytes="utf8")


class Expect(Model):
    """What a response must be to count as good. Without ``status``, anything below 400 is good."""

    status: int | tuple[int, ...] | None = None
    """One status code, or a list of those that are right."""
    json_: dict[str, Any] = Field(default_factory=dict, alias="json")
    """JSON path → the value it must have; ``null`` asks only that the path exists."""
    text: str | tuple[str, ...] | None = None
    """Text (or several) that the body must contain."""


class Step(Model):
    """One request, of a flow or among weighted endpoints. Strings may hold ``{{ … }}`` templates."""

    path: str
    """Path below the base URL (``/contacts/{{ id }}``), or a whole URL."""
    method: Method = "GET"
    name: str | None = None
    """The series under which it is reported; the path as written here unless given."""
    query: dict[str, Scalar | list[Scalar]] = Field(default_factory=dict)
    headers: dict[str, str] = Field(default_factory=dict)
    json_: Any = Field(default=None, alias="json")
    """A body sent as JSON."""
    form: dict[str, Scalar | list[Scalar]] | None = None
    """A body sent as a URL-encoded form."""
    body: str | None = None
    """A body sent as it stands."""
    expect: Expect = Expect()
    extract: dict[str, str] = Field(default_factory=dict)
    """Name → where its value comes from: a JSON path (``$.token``), ``header:Name``, ``cookie:name`` or ``regex:…``."""
    timeout: DurationUs | None = None
    """Time-out for connecting and for reading, instead of the scenario's."""
    allow_redirects: bool = True


class Endpoint(Step):
    """A step that is chosen by weight."""

    weight: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1
    """How often it is chosen, relative to the others."""


class WaitTime(Model):
    """The pause between iterations: uniform between two bounds, in µs."""

    low_us: int
    high_us: int


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

    weight: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1
    """Share of the users, relative to the other roles."""


class Stage(Model):
    """A stretch of time: hold ``users``, or move in a line to ``ramp_to`` users."""

    duration: DurationUs
    users: Annotated[int, Field(ge=0)] | None = None
    ramp_to: Annotated[int, Field(ge=0)] | None = None


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
    users: Annotated[int, Field(ge=1)] | None = None
    spawn_rate: PerSecond | None = None
    """Users started per second; all at once unless given."""
    run_time: DurationUs | None = None
    """From the start, ramp included. None: until ``iterations`` are done, or until Ctrl-C."""
    stages: tuple[Stage, ...] = ()
    iterations: Annotated[int, Field(ge=1)] | None = None
    """Ends when this many iterations are done by all users together (or at ``run_time``)."""
    thresholds: tuple[str, ...] = ()
    """Expressions; the mapping form (``response_time_p95: 1000``) is rewritten to them when the plan is read."""
    timeout: DurationUs | None = None
    """Time-out for connecting and for reading of each request; the plan's unless given."""


class EmailAlert(Model):
    """E-mail channel of ``alerting``."""

    enabled: bool = True
    smtp_server: str
    smtp_port: Annotated[int, Field(ge=1, le=65535)] = 587
    use_tls: bool = True
    username: str | None = None
    password: str | None = None
    from_addr: str
    to_addrs: tuple[str, ...]


class SlackAlert(Model):
    """Slack channel of ``alerting``."""

    enabled: bool = True
    webhook_url: str
    channel: str | None = None


class Alerting(Model):
    """Who is told when a run goes badly."""

    enabled: bool = True
    email: EmailAlert | None = None
    slack: SlackAlert | None = None


class RowSource(Model):
    """Rows of test data from a file or written in the plan."""

    file: str | None = None
    """CSV (with a header line), JSON (a list of objects) or JSON lines, relative to the plan."""
    rows: tuple[dict[str, Any], ...] = ()
    order: Literal["sequential", "random"] = "sequential"
    per: Literal["user", "iteration"] = "user"
    """A row for each user, kept for its life; or a new one for each iteration."""


class Plan(Model):
    """Everything that was asked for in one run."""

    name: str | None = None
    base_url: str | None = None
    scenarios: Annotated[dict[str, Scenario], Field(min_length=1)]
    """Run one after another in the order written."""
    alerting: Alerting | None = None
    test_data: dict[str, RowSource] = Field(default_factory=dict)
    """Name → rows; ``{{ name.column }}`` in a template. A plain list of rows is accepted too."""
    reporting: dict[str, Any] = Field(default_factory=dict)
    """Kept as written."""
    locust: dict[str, Any] = Field(default_factory=dict)
    """Settings for the engine: ``locustfile`` (for scenarios that name no behaviour), ``stop_timeout``; others are kept."""
    timeout: DurationUs = 30_000_000
    """Time-out for connecting and for reading of each request."""
    stop_timeout: DurationUs = 5_000_000
    """How long iterations under way may go on when a scenario ends."""
    max_body: SizeBytes = 64 * 1024 * 1024
    """A response body beyond this is a failure of kind ``too_large``."""
    verify_tls: bool = True
    seed: int | None = None
