"""The plan around steps that were made of requests: whatever they come from, it is put together alike."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from loadworthy.importers.base_url import without_password
from loadworthy.importers.imported import Imported, ImportOptions, Json, Note
from loadworthy.importers.request_credentials import Credentials, sweep_steps
from loadworthy.plan.hosts import host_of

LOAD: Json = {"users": 5, "run_time": "1m", "thresholds": ["p95 < 500ms", "error_rate < 1%"]}
"""The workload of a plan that is made from something that says none."""


def common_headers(steps: Sequence[Json]) -> dict[str, str]:
    """The headers that all requests have, taken out of the steps; only where there are several requests.

    What is opened beside them (a WebSocket, a stream of events) then has them, too.
    """
    requests = [step for step in steps if "path" in step]
    shared = dict(requests[0].get("headers", {})) if len(requests) > 1 else {}
    for step in requests:
        own = step.get("headers", {})
        shared = {name: value for name, value in shared.items() if own.get(name) == value}
    for one in (step.get("websocket") or step.get("events") or step for step in steps):
        if shared and "headers" in one:
            one["headers"] = {name: value for name, value in one["headers"].items() if shared.get(name) != value}
            if not one["headers"]:
                del one["headers"]
    return shared


def plan_of(
    start: Sequence[Json],
    way: str,
    steps: Sequence[Json],
    *,
    origin: str,
    options: ImportOptions,
    credentials: Credentials,
    notes: list[Note],
    **top: Any,
) -> Json:
    """The plan of steps that were made of requests: one scenario, under the workload that people start from.

    Args:
        start: what each user does once.
        way: ``flow`` or ``endpoints``: how it does the others.
        steps: the others.
        origin: what paths are below, unless the options name another target; then other hosts are not allowed.
        options: name of the scenario, and the target.
        credentials: those that were found are taken out of all steps.
        notes: hears of what still goes elsewhere.
        top: what else stands at the top of the plan.
    """
    swept = sweep_steps([*start, *steps], credentials)
    headers = common_headers(swept)
    behaviour: Json = {"headers": headers} if headers else {}
    if start:
        behaviour["on_start"] = swept[: len(start)]
    behaviour[way] = swept[len(start) :]
    named = options.base_url
    base_url = without_password(named, credentials.variables) if named else origin
    plan: Json = {"base_url": base_url, **top, "scenarios": {options.scenario: {**LOAD, **behaviour}}}
    if named:
        notes += still_elsewhere(base_url, swept)
    elif (own := host_of(base_url)) and (others := other_hosts(swept)):
        plan["allowed_hosts"] = sorted({own, *others})
    return plan


def imported_of(plan: Json, source: str, notes: Iterable[Note], credentials: Credentials) -> Imported:
    """A plan with what is said of it, each thing once and without credentials, and the variables that it asks for."""
    told = (Note(credentials.masked(note.where), credentials.masked(note.what)) for note in dict.fromkeys(notes))
    return Imported(plan, source, tuple(told), variables=used_variables(plan, credentials.variables.told))


def other_hosts(steps: Iterable[Json]) -> Counter[str]:
    """The hosts of the steps that say it themselves, and how many do."""
    holders = [step.get("websocket") or step.get("events") or step for step in steps]
    addresses = [path for one in holders if not (path := str(one.get("path", ""))).startswith("/")]
    return Counter(host for address in addresses if (host := host_of(address)))


def still_elsewhere(base_url: str, steps: Iterable[Json]) -> list[Note]:
    """What is to be said where ``--url`` names another target, and some steps do not go there."""
    return [
        Note(
            host,
            f"{count} {'requests go' if count > 1 else 'request goes'} there still, and not to --url; the plan does not"
            " allow it: write another path, or name the host in allowed_hosts",
        )
        for host, count in sorted(other_hosts(steps).items())
        if host != host_of(base_url)
    ]


def no_login(pattern: str) -> str:
    """What is said where the login that the user names is not there, or nothing comes after it."""
    shown = "".join(one for one in pattern[:60] if one.isprintable())
    return f"no request before others is {shown}; nothing is done once"


def used_variables(plan: Json, told: Mapping[str, str]) -> dict[str, str]:
    """The environment variables that the plan asks for, of those that were made on the way."""
    text = json.dumps(plan, ensure_ascii=False)
    return {name: what for name, what in told.items() if f"${{{name}}}" in text}
