"""What a :class:`~loadworthy.testing.CountingServer` does with a request: declared, JSON-able, seeded."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from loadworthy.units import US_PER_MS

DelayShape = Literal["fixed", "uniform", "exponential", "lognormal"]


@dataclass(frozen=True, slots=True)
class Delay:
    """How long the server takes before it answers; make one with the four class methods.

    Args:
        shape: the distribution.
        a_ms: fixed: the value; uniform: the low end; exponential: the mean; lognormal: the median.
        b: uniform: the high end in ms; lognormal: sigma, the standard deviation of the logarithm.

    Raises:
        ValueError: if a parameter is negative or not finite, or the ends are the wrong way round.
    """

    shape: DelayShape
    a_ms: float
    b: float = 0.0

    def __post_init__(self) -> None:
        if self.shape not in ("fixed", "uniform", "exponential", "lognormal"):
            raise ValueError(f"{self.shape!r} is no delay; use fixed, uniform, exponential or lognormal")
        if not (0 <= self.a_ms < math.inf and 0 <= self.b < math.inf):
            raise ValueError(f"a delay needs finite numbers of 0 or more, not {self.a_ms} and {self.b}")
        if self.shape == "uniform" and self.b < self.a_ms:
            raise ValueError(f"a uniform delay goes from low to high, not from {self.a_ms} to {self.b} ms")

    @classmethod
    def fixed(cls, ms: float) -> Delay:
        """Always the same."""
        return cls("fixed", ms)

    @classmethod
    def uniform(cls, low_ms: float, high_ms: float) -> Delay:
        """Any value between the two is as likely as another."""
        return cls("uniform", low_ms, high_ms)

    @classmethod
    def exponential(cls, mean_ms: float) -> Delay:
        """Memoryless, with this mean: the service time of an M/M/… queue."""
        return cls("exponential", mean_ms)

    @classmethod
    def lognormal(cls, median_ms: float, sigma: float) -> Delay:
        """Long-tailed: half of the values are below the median; p99 is ``median * exp(2.326 * sigma)``."""
        return cls("lognormal", median_ms, sigma)

    def draw_us(self, rng: random.Random) -> int:
        """One value in whole µs."""
        if self.shape == "fixed":
            value_ms = self.a_ms
        elif self.shape == "uniform":
            value_ms = rng.uniform(self.a_ms, self.b)
        elif self.shape == "exponential":
            value_ms = rng.expovariate(1.0) * self.a_ms
        else:
            value_ms = self.a_ms * math.exp(rng.gauss(0.0, self.b))
        return round(value_ms * US_PER_MS)


@dataclass(frozen=True, slots=True)
class Route:
    """One path of the server and its behaviour.

    At most one of ``body_bytes``, ``json``, ``echo`` and ``issues_token`` says what the body is.

    Args:
        path: the path without query; a ``*`` at its end stands for any rest.
        method: None answers every method; a GET route answers HEAD too.
        status: of a good answer, 200 to 599.
        body_bytes: size of a plain text body.
        json: a value sent as a JSON body; None means no JSON body.
        echo: send the request's body back, with its Content-Type.
        delay: how long the service of a request takes. They are served side by side, unless a ``FaultServer`` has a
            queue that says otherwise.
        failure_share: share of requests, 0 to 1, that get a 500 instead (after the same delay).
        headers: more response headers, e.g. ``{"Location": "/elsewhere"}``.
        set_cookies: one Set-Cookie header for each, e.g. ``"session=1; Path=/"``.
        issues_token: answer ``{"token": …}``, as a login does.
        needs_token: 401 unless the request has ``Authorization: Bearer`` with a token of this server.

    Raises:
        ValueError: if a field is out of its bounds or two kinds of body are asked for.
    """

    path: str
    method: str | None = None
    status: int = 200
    body_bytes: int = 0
    json: Any = None
    echo: bool = False
    delay: Delay | None = None
    failure_share: float = 0.0
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    set_cookies: tuple[str, ...] = ()
    issues_token: bool = False
    needs_token: bool = False

    def __post_init__(self) -> None:
        if not self.path.startswith("/") and self.path != "*":
            raise ValueError(f"the path of a route begins with a slash, {self.path!r} does not")
        if "*" in self.path[:-1]:
            raise ValueError(f"a * can only stand at the end of a path, not within {self.path!r}")
        if not 200 <= self.status <= 599:
            raise ValueError(f"the status of a route is between 200 and 599, not {self.status}")
        if self.body_bytes < 0 or not 0 <= self.failure_share <= 1:
            raise ValueError(f"{self.path}: body_bytes is 0 or more, failure_share between 0 and 1")
        bodies = [self.body_bytes > 0, self.json is not None, self.echo, self.issues_token]
        if sum(bodies) > 1:
            raise ValueError(f"{self.path}: choose one of body_bytes, json, echo and issues_token")
        for text in (*self.headers, *self.headers.values(), *self.set_cookies):
            if any(character in text for character in "\r\n\0"):
                raise ValueError(f"{self.path}: a header cannot hold a line break: {text!r}")

    def to_json(self) -> dict[str, Any]:
        """As a JSON object, which :meth:`from_json` reads back to an equal route."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Route:
        """The route of a JSON object.

        Raises:
            ValueError: as the constructor does.
            TypeError: if a key is unknown.
        """
        fields = dict(data)
        if fields.get("delay") is not None:
            fields["delay"] = Delay(**fields["delay"])
        fields["set_cookies"] = tuple(fields.get("set_cookies", ()))
        return cls(**fields)
