"""Plans from a ``config.json`` of a stress test: an ``api`` and named ``test_scenarios`` with weighted endpoints.

::

    {"api": {"base_url": …, "timeout": 30},
     "admin": {"login_path": …, "username": …, "password": …},
     "test_scenarios": {"read_test": {"enabled": true, "concurrent_users": 50, "duration_seconds": 60,
                                      "ramp_up_seconds": 10, "endpoints": [{"path": …, "method": …, "weight": …}]}}}
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain, count
from typing import Any

from loadworthy.importers.base_url import without_password
from loadworthy.importers.imported import (
    Imported,
    ImportFailedError,
    ImportOptions,
    Json,
    Note,
    literal,
)
from loadworthy.importers.kimmy.steps import VALUES, StepsMaker, is_number
from loadworthy.importers.request_credentials import sweep_steps
from loadworthy.importers.request_plan import used_variables
from loadworthy.plan.thresholds import parse_threshold, threshold_from_mapping
from loadworthy.units import format_duration

DEFAULT_URL = "http://localhost:8000"
DEFAULT_LOGIN = "/login"
_MOST_S = 30 * 86_400
_LEAST_RAMP_S = 0.001
"""A shorter ramp is none."""
_TOP = ("api", "test_scenarios", "thresholds")
_API = ("base_url", "timeout", "headers")
_SCENARIO = (
    "enabled", "concurrent_users", "duration_seconds", "ramp_up_seconds", "endpoints", "wait_seconds", "login",
    "description", "thresholds", "think_time",
)  # fmt: skip
_USER_KEYS = ("username", "email", "user", "login")


def detect(text: str, name: str) -> bool:  # noqa: ARG001  all formats are asked alike
    """Whether it is JSON with ``test_scenarios`` that have ``endpoints``."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return False
    scenarios = data.get("test_scenarios") if isinstance(data, dict) else None
    return isinstance(scenarios, dict) and any(
        isinstance(one, dict) and "endpoints" in one for one in scenarios.values()
    )


def import_kimmy_config(text: str, options: ImportOptions) -> Imported:
    """A plan with the scenarios of the configuration; those that are not enabled are left out.

    Args:
        text: the JSON.
        options: ``scenario`` has no effect, for scenarios keep their names; ``login`` says where users log in.

    Raises:
        ImportFailedError: where it is no such configuration.
    """
    try:
        data = json.loads(text, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError) as error:
        raise ImportFailedError(f"this is no JSON: {error}") from error
    if not isinstance(data, dict) or not isinstance(data.get("test_scenarios"), dict):
        raise ImportFailedError("there are no test_scenarios: a mapping of names to scenarios with endpoints")
    return _Importer(data, options).imported()


class _Importer:
    """Turns the configuration into a plan, and keeps the notes."""

    def __init__(self, data: Json, options: ImportOptions) -> None:
        self._data = data
        self._options = options
        self._maker = StepsMaker(options.only)
        self._users: set[str] = set()
        """Keys of the accounts that somebody logs in with."""

    def imported(self) -> Imported:
        plan = self._for_all()
        scenarios: dict[str, Json] = {}
        for name, spec in self._data["test_scenarios"].items():
            made = self._scenario(str(name), spec)
            if made is not None:
                scenarios[_scenario_name(str(name), scenarios)] = made
        if not scenarios:
            raise ImportFailedError(f"no scenario is left: {_in_words(self._maker.notes) or 'there is none in it'}")
        plan["scenarios"] = scenarios
        if self._maker.placeholders:
            plan["test_data"] = {VALUES: {"rows": [self._maker.placeholders], "per": "iteration"}}
            names = ", ".join(self._maker.placeholders)
            self._maker.note("paths", f"what {names} may be is not said; put real values into test_data: {VALUES}")
        self._tell_of_the_rest()
        plan["scenarios"] = {name: self._swept(scenario) for name, scenario in scenarios.items()}
        masked = self._maker.credentials.masked
        return Imported(
            plan=plan,
            source=f"config.json: {', '.join(scenarios)}",
            notes=tuple(dict.fromkeys(Note(masked(note.where), masked(note.what)) for note in self._maker.notes)),
            variables=used_variables(plan, self._maker.variables.told),
        )

    def _tell_of_the_rest(self) -> None:
        """What nothing is made of: other keys, accounts that nobody uses, descriptions."""
        self._maker.about_the_rest(self._data, (*_TOP, *(key for key, _ in self._accounts())), "")
        for key, _ in self._accounts():
            if key not in self._users:
                self._maker.note(
                    key, "no scenario logs in with it; it is left out: write login: true into one, or on_start yourself"
                )
        if self._maker.descriptions:
            counted = f"{self._maker.descriptions} description{'s' * (self._maker.descriptions > 1)}"
            self._maker.note("endpoints", f"{counted} left out; a plan has comments for that")

    def _swept(self, scenario: Json) -> Json:
        """A scenario without the credentials that were found, wherever they stand in it."""
        credentials = self._maker.credentials
        steps: Json = {
            key: sweep_steps(scenario[key], credentials) for key in ("on_start", "endpoints") if key in scenario
        }
        headers = {"headers": credentials.swept(scenario["headers"])} if "headers" in scenario else {}
        return {**scenario, **headers, **steps}

    def _for_all(self) -> Json:
        api = self._data.get("api")
        api = api if isinstance(api, dict) else {}
        self._maker.about_the_rest(api, (*_API, *(key for key in api if self._is_account(api[key]))), "api")
        own = api.get("base_url")
        if self._options.base_url is None and not isinstance(own, str):
            self._maker.note("api.base_url", f"it is not given; the plan has {DEFAULT_URL}")
        url = self._options.base_url or (own if isinstance(own, str) else DEFAULT_URL)
        result: Json = {"base_url": without_password(self._maker.text(url), self._maker.variables)}
        timeout = api.get("timeout")
        if is_number(timeout) and 0 < timeout <= _MOST_S:
            result["timeout"] = _seconds(timeout)
        elif timeout is not None:
            self._maker.note("api.timeout", "it is no number of seconds; it is left out")
        return result

    # Who logs in.

    @staticmethod
    def _is_account(value: object) -> bool:
        return isinstance(value, dict) and "password" in value and any(key in value for key in _USER_KEYS)

    def _accounts(self) -> list[tuple[str, Json]]:
        api = self._data.get("api")
        places: list[Mapping[str, Any]] = [self._data, api if isinstance(api, dict) else {}]
        return [(key, place[key]) for place in places for key in place if self._is_account(place[key])]

    def _login(self, where: str) -> Json:
        """``on_start`` and ``headers`` of users that log in; nothing where it is not known how."""
        accounts = self._accounts()
        if not accounts:
            self._maker.note(where, "its users log in, but there is no username and password; write on_start yourself")
            return {}
        key, spec = accounts[0]
        self._users.add(key)
        method, path = "POST", spec.get("login_path") or spec.get("login_url") or spec.get("login_endpoint")
        if self._options.login is not None:
            method, _, path = self._options.login.rpartition(" ")
        if not isinstance(path, str) or not path.startswith("/"):
            path = DEFAULT_LOGIN
            self._maker.note(
                key, f"where users log in is not said; the plan has POST {path}: change it, or give --login"
            )
        user = next(one for one in _USER_KEYS if one in spec)
        body = {
            user: self._maker.secret(f"{key}_{user}", spec[user], f"{key}: who logs in"),
            "password": self._maker.secret(f"{key}_password", spec["password"], f"{key}: the password"),
        }
        self._maker.about_the_rest(spec, (user, "password", "login_path", "login_url", "login_endpoint"), key)
        what = "the token is taken to be access_token, or token, in the answer's JSON; change extract if it is not"
        self._maker.note(f"{method or 'POST'} {path}", what)
        token = {"access_token": "$['access_token','token']"}
        step = {"path": literal(path), "method": method or "POST", "name": "log in", "json": body, "extract": token}
        return {"headers": {"Authorization": "Bearer {{ access_token }}"}, "on_start": [step]}

    # Scenarios.

    def _scenario(self, name: str, spec: object) -> Json | None:
        if not isinstance(spec, dict):
            self._maker.note(name, "it is no mapping; it is left out")
            return None
        if spec.get("enabled") is False:
            self._maker.note(name, "it is not enabled; it is left out")
            return None
        steps = list(self._maker.steps(name, spec.get("endpoints")))
        if not steps:
            self._maker.note(name, "none of its endpoints is carried over; it is left out")
            return None
        self._maker.about_the_rest(spec, _SCENARIO, name)
        result: Json = {"description": literal(spec["description"])} if isinstance(spec.get("description"), str) else {}
        result |= self._load(name, spec)
        thresholds = list(self._thresholds(name, spec.get("thresholds", self._data.get("thresholds"))))
        if thresholds:
            result["thresholds"] = thresholds
        if spec.get("login") is True or (spec.get("login") is None and _is_for_admins(name, spec) and self._accounts()):
            result |= self._login(name)
        return self._with_headers(result) | {"endpoints": steps}

    def _load(self, name: str, spec: Json) -> Json:
        users = spec.get("concurrent_users", 1)
        if not (is_number(users) and 1 <= users < 10**6):
            self._maker.note(name, "concurrent_users is no number of users; the plan has 1")
            users = 1
        result: Json = {"users": int(users)}
        ramp_s, length_s = spec.get("ramp_up_seconds"), spec.get("duration_seconds")
        if is_number(ramp_s) and _LEAST_RAMP_S <= ramp_s <= _MOST_S:
            result["spawn_rate"] = _rate(int(users) / ramp_s)
        if is_number(length_s) and 0 < length_s <= _MOST_S:
            result["run_time"] = _seconds(length_s)
        else:
            self._maker.note(name, "duration_seconds is no number of seconds; the plan has 1m")
            result["run_time"] = "1m"
        pause = spec.get("wait_seconds", spec.get("think_time"))
        if pause is not None:
            text = _pause(pause)
            if text is None:
                self._maker.note(name, "its pause is no number of seconds, and no two of them; there is none")
            else:
                result["wait_time"] = text
        return result

    def _thresholds(self, name: str, given: object) -> Iterator[str]:
        entries = [{key: value} for key, value in given.items()] if isinstance(given, dict) else given
        listed: list[Any] = entries if isinstance(entries, list) else [] if entries is None else [entries]
        for entry in listed:
            try:
                if isinstance(entry, str):
                    yield parse_threshold(entry).expression
                else:
                    ((key, limit),) = entry.items()
                    yield threshold_from_mapping(str(key), limit)
            except (ValueError, TypeError, AttributeError):
                self._maker.note(name, f"the threshold {json.dumps(entry)[:80]} cannot be read; it is left out")

    def _with_headers(self, scenario: Json) -> Json:
        api = self._data.get("api")
        headers = api.get("headers") if isinstance(api, dict) else None
        if not isinstance(headers, dict):
            if headers is not None:
                self._maker.note("api.headers", "they are no mapping of names to values; they are left out")
            return scenario
        own = scenario.get("headers", {})
        for name in headers:
            if name in own:
                self._maker.note(f"api.headers.{name[:40]}", "users who log in send their own; it is left out")
        headers = {name: value for name, value in headers.items() if name not in own}
        return {**scenario, "headers": self._maker.headers(headers, "api.headers") | own}


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is no number of JSON")
    return number


def _is_for_admins(name: str, spec: Json) -> bool:
    """Whether a scenario that does not say so needs a login, by its name or its paths."""
    endpoints = spec.get("endpoints")
    return "admin" in name.lower() or "/admin" in json.dumps(endpoints)


def _scenario_name(name: str, taken: Collection[str]) -> str:
    """The name as plans allow it; with a number where another has become the same."""
    base = re.sub(r'[/\\:*?"<>|\x00-\x1f\x7f]', "-", name)[:90].strip().strip(".").strip() or "load"
    return next(one for one in chain([base], (f"{base}-{number}" for number in count(2))) if one not in taken)


def _seconds(value: float) -> str:
    return format_duration(max(1, round(value * 1_000_000)))


def _rate(per_second: float) -> float:
    return int(per_second) if per_second == int(per_second) else round(per_second, 3) or 0.001


def _pause(value: object) -> str | None:
    """``1s`` or ``1s-3s``."""
    pair = value if isinstance(value, list) else [value]
    if not 1 <= len(pair) <= 2 or not all(is_number(one) and 0 <= one <= _MOST_S for one in pair):
        return None
    low, high = min(pair), max(pair)
    return _seconds_or_none(low) if low == high else f"{_seconds_or_none(low)}-{_seconds_or_none(high)}"


def _seconds_or_none(value: float) -> str:
    return _seconds(value) if value else "0s"


def _in_words(notes: Sequence[Note]) -> str:
    return "; ".join(f"{note.where}: {note.what}" for note in notes[:5])
