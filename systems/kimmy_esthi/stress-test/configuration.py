"""``config.json``: its keys, checked before any request is sent.

What a configuration file leaves out at its top level, or in ``api``, is taken from the ``config.json`` beside this
module. So a file for another environment may hold nothing but a ``base_url``.
"""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails
from test_data import BODIES, PLACEHOLDERS

from loadworthy.errors import UsageError
from loadworthy.plan.interpolate import interpolate

DEFAULT_FILE = Path(__file__).resolve().parent / "config.json"
_PLACEHOLDER = re.compile(r"\{(.*?)\}")
_NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Api(_Part):
    """Where the service is, and the seconds that a request may wait for it."""

    base_url: str
    timeout: _Positive


class Admin(_Part):
    """Who logs in, and where, in scenarios with ``login``."""

    login_path: str
    username: str
    password: str


class Endpoint(_Part):
    """A request that a scenario may make. ``body`` is JSON as it stands, or names a generator of test_data."""

    path: str
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    weight: _Positive = 1
    body: str | dict[str, Any] | None = None

    @model_validator(mode="after")
    def _known(self) -> Endpoint:
        if not self.path.startswith("/"):
            raise ValueError(f"path {self.path!r} must begin with /")
        for name in self.placeholders:
            if name not in PLACEHOLDERS:
                raise ValueError(f"unknown placeholder {{{name}}}; there are: {', '.join(PLACEHOLDERS)}")
        if isinstance(self.body, str) and self.body not in BODIES:
            raise ValueError(f"unknown body {self.body!r}; there are: {', '.join(BODIES)}")
        return self

    @property
    def placeholders(self) -> tuple[str, ...]:
        """The names in braces in its path."""
        return tuple(_PLACEHOLDER.findall(self.path))


class Scenario(_Part):
    """One scenario: how many users, how long, and what they do."""

    enabled: bool = True
    concurrent_users: Annotated[int, Field(ge=1)]
    duration_seconds: _Positive
    ramp_up_seconds: _NotNegative = 0
    wait_seconds: Annotated[list[_NotNegative], Field(min_length=2, max_length=2)] = [1, 3]
    """A user pauses between two requests for a time between these two."""
    login: bool = False
    endpoints: Annotated[list[Endpoint], Field(min_length=1)]

    @model_validator(mode="after")
    def _ordered(self) -> Scenario:
        if self.wait_seconds[0] > self.wait_seconds[1]:
            raise ValueError("wait_seconds: the shorter time comes first")
        if self.ramp_up_seconds >= self.duration_seconds:
            raise ValueError("ramp_up_seconds must be shorter than duration_seconds, which includes it")
        return self


class Configuration(_Part):
    """All of it."""

    api: Api
    admin: Admin
    thresholds: list[str]
    """What each scenario must hold, in Loadworthy's words: ``error_rate < 5%``, ``p95 < 800ms``."""
    test_scenarios: Annotated[dict[str, Scenario], Field(min_length=1)]

    def scenario(self, name: str) -> Scenario:
        """The scenario of that name; UsageError where there is none."""
        if name not in self.test_scenarios:
            near = difflib.get_close_matches(name, self.test_scenarios, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(self.test_scenarios)}"
            raise UsageError(f"there is no scenario {name}; {hint}")
        return self.test_scenarios[name]


def load_configuration(path: Path, environ: Mapping[str, str] = os.environ) -> Configuration:
    """Read and check a configuration file; UsageError, in one line, says what is wrong with it and where.

    ``${NAME}`` and ``${NAME:-default}`` in its texts stand for variables of the environment.
    """
    data = _read(path)
    if path.resolve() != DEFAULT_FILE:
        defaults = _read(DEFAULT_FILE)
        if isinstance(data.get("api"), dict):
            data["api"] = {**defaults["api"], **data["api"]}
        data = {**defaults, **data}
    try:
        return Configuration.model_validate(_filled(data, environ, path))
    except ValidationError as error:
        # Without the input: the error would otherwise show a password that stands at the wrong place.
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        problems.sort(key=lambda problem: problem["type"] != "extra_forbidden")  # a misspelt key is missing as well
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise UsageError(f"{path}: {_sentence(problems[0])}{more}") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise UsageError(f"there is no configuration file {path}; name another with --config") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    except json.JSONDecodeError as error:
        raise UsageError(f"{path}:{error.lineno}: not valid JSON: {error.msg} (column {error.colno})") from error
    if not isinstance(data, dict):
        raise UsageError(f"{path}: a configuration is an object with api and test_scenarios, not {json.dumps(data)}")
    return data


def _filled(value: Any, environ: Mapping[str, str], path: Path) -> Any:
    if isinstance(value, dict):
        return {key: _filled(item, environ, path) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, environ, path) for item in value]
    if not isinstance(value, str):
        return value

    done = interpolate(value, environ)
    for message, hint in done.mistakes:
        raise UsageError(f"{path}: {message}; {hint}")
    return done.text


def _sentence(problem: ErrorDetails) -> str:
    place = ".".join(str(part) for part in problem["loc"] if part not in ("str", "dict[str,any]"))
    if problem["type"] == "extra_forbidden":
        *parents, key = problem["loc"]
        known = _keys_at(parents)
        near = difflib.get_close_matches(str(key), known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
        return f"{place}: unknown key; {hint}"
    if problem["type"] == "missing":
        return f"{place}: this key is missing"
    message = problem["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else message


def _keys_at(parents: list[int | str]) -> list[str]:
    """The keys that are known at a place, given by the keys above it."""
    models: dict[int, type[BaseModel]] = {0: Configuration, 2: Scenario, 4: Endpoint}
    by_name: dict[str, type[BaseModel]] = {"api": Api, "admin": Admin}
    model = by_name.get(str(parents[0])) if len(parents) == 1 else models.get(len(parents))
    return list(model.model_fields) if model else []
