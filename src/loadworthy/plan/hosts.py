"""Which hosts a plan loads, and whether it may: a typing error in a URL must not become an attack on somebody.

This machine may always be loaded. Besides it, what ``allowed_hosts`` names; where a plan does not say, the host of its
own ``base_url``, as its file has it: not what the command line puts in its place.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from loadworthy.plan.model import Plan, Scenario
from loadworthy.plan.steps import Step

_AUTHORITY = re.compile(r"(https?|wss?)://([^/?#]*)", re.IGNORECASE)


def host_of(url: str) -> str | None:
    """The host of an HTTP or WebSocket URL, in small letters; None where it is none, or not known before the run."""
    match = _AUTHORITY.match(url)
    if match is None or "{" in match[2].rpartition("@")[2]:
        return None
    try:
        host = urlsplit(match[0]).hostname
    except ValueError:
        return None
    return host.rstrip(".").lower() if host else None


def is_loopback(host: str) -> bool:
    """Whether a name or an address (without port and brackets) is this machine alone. Nothing is resolved."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def is_this_machine(host: str) -> bool:
    """Whether who connects there reaches this machine: by loopback, or by the address for all of its own."""
    return host in ("0.0.0.0", "::") or is_loopback(host)  # noqa: S104  # compared, not bound


def is_allowed(host: str, allowed: Sequence[str]) -> bool:
    """Whether the host is this machine, or one of those; ``*.example.com`` stands for all below ``example.com``."""
    return is_this_machine(host) or any(_matches(host, one.strip("[]").rstrip(".").lower()) for one in allowed)


def allowed_hosts(plan: Plan, own_base_url: str | None) -> tuple[str, ...]:
    """What may be loaded besides this machine.

    Args:
        plan: the plan, as it is to be run.
        own_base_url: the base URL as the plan's file has it; None where it has none, and then whoever runs the plan
            says where it goes.
    """
    if plan.allowed_hosts is not None:
        return plan.allowed_hosts
    host = host_of(own_base_url or plan.base_url or "")
    return (host,) if host else ()


def hosts_named(plan: Plan, scenarios: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(host, the place in the plan that names it) of everything that these scenarios, set-up and tear-down ask."""
    if plan.base_url and (host := host_of(plan.base_url)):
        yield host, "base_url"
    for key in ("setup", "teardown"):
        yield from _of_steps(getattr(plan, key), key)
    for name in scenarios:
        scenario = plan.scenarios[name]
        where = f"scenarios.{name}"
        yield from _of_behaviour(scenario, where)
        for role, behaviour in scenario.roles.items():
            for key in ("on_start", "flow", "endpoints"):
                yield from _of_steps(getattr(behaviour, key), f"{where}.roles.{role}.{key}")


def _of_behaviour(scenario: Scenario, where: str) -> Iterator[tuple[str, str]]:
    for key in ("on_start", "flow", "endpoints"):
        yield from _of_steps(getattr(scenario, key), f"{where}.{key}")


def _of_steps(steps: Sequence[Step], where: str) -> Iterator[tuple[str, str]]:
    for index, step in enumerate(steps):
        for part in (step, step.websocket, step.events, step.undo):
            if part is not None and part.path and (host := host_of(part.path)):
                yield host, f"{where}[{index}]"


def _matches(host: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:])
    return host == pattern
