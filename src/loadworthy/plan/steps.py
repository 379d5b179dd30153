"""What a user does, one step at a time: models of requests, of their answers, and of what goes over WebSockets."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from loadworthy.plan.values import Model, Scalar, TimeSpanUs, Weight, Whole

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
StatusCode = Annotated[Whole, Field(ge=100, le=599)]


class Expect(Model):
    """What a response must be to count as good. Without ``status``, anything below 400 is good."""

    status: StatusCode | tuple[StatusCode, ...] | None = None
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
    query: dict[str, Scalar | tuple[Scalar, ...]] = Field(default_factory=dict)
    headers: dict[str, str] = Field(default_factory=dict)
    json_: Any = Field(default=None, alias="json")
    """A body sent as JSON."""
    form: dict[str, Scalar | tuple[Scalar, ...]] | None = None
    """A body sent as a URL-encoded form."""
    body: str | None = None
    """A body sent as it stands."""
    expect: Expect = Expect()
    extract: dict[str, str] = Field(default_factory=dict)
    """Name → where its value comes from: a JSON path (``$.token``), ``header:Name``, ``cookie:name`` or ``regex:…``."""
    timeout: TimeSpanUs | None = None
    """Time-out for connecting and for reading, instead of the scenario's."""
    allow_redirects: bool = True


class Endpoint(Step):
    """A step that is chosen by weight."""

    weight: Weight = 1
    """How often it is chosen, relative to the others."""
