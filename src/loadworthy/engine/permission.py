"""Whether a run may load what it would load: its hosts are allowed, and much load on another machine is confirmed.

It is asked before any load is made. How many requests a closed workload makes is not known then: :func:`peak_rate`
takes it that an answer comes after :data:`ANSWER_S`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from locust.user import User

from loadworthy.errors import UsageError
from loadworthy.plan.hosts import allowed_hosts, host_of, hosts_named, is_allowed, is_this_machine
from loadworthy.plan.load import LoadedPlan
from loadworthy.plan.model import Behaviour, Scenario
from loadworthy.units import US_PER_S
from loadworthy.workload.profile import OpenProfile, Profile
from loadworthy.workload.together import waves

ANSWER_S = 0.1
_WITHOUT_LIMIT = "looks for its own load, without max_rate,"


def require_permission(
    loaded: LoadedPlan,
    names: Sequence[str],
    profiles: Mapping[str, Profile],
    classes: Mapping[str, Iterable[type[User]]],
    *,
    shaped: Collection[str] = (),
    confirmed: bool,
) -> None:
    """UsageError where a host may not be loaded, or may not be loaded that much.

    Args:
        loaded: the plan.
        names: the scenarios that will run.
        profiles: how much load each of them makes.
        classes: scenario → its user classes; a class that has a host of its own is the suite's word for it.
        shaped: scenarios whose load shape decides by itself how many users there are.
        confirmed: whether somebody said ``--yes-really``.
    """
    plan = loaded.plan
    allowed = allowed_hosts(plan, loaded.own_base_url)
    own = {} if plan.base_url else _hosts_of_classes(classes)
    if plan.allowed_hosts is None:
        allowed = (*allowed, *own)
    named = {**dict(hosts_named(plan, names)), **own}
    for host, where in named.items():
        if not is_allowed(host, allowed):
            raise UsageError(_refusal(host, where, allowed, loaded.redactor))
    others = sorted(host for host in named if not is_this_machine(host))
    if others and not confirmed:
        _require_little(loaded, names, profiles, shaped, others)


def peak_rate(scenario: Scenario, profile: Profile) -> float | None:
    """The most requests per second that a scenario is about to make; None where nothing limits it."""
    if isinstance(profile, OpenProfile):
        if profile.is_led:
            return None if scenario.max_rate is None else scenario.max_rate * _most_requests(scenario)
        return profile.peak_rate * _most_requests(scenario)
    behaviours: Sequence[Behaviour] = list(scenario.roles.values()) or [scenario]
    return profile.most_users * max(_rate_of_a_user(one, scenario) for one in behaviours)


def _require_little(
    loaded: LoadedPlan,
    names: Sequence[str],
    profiles: Mapping[str, Profile],
    shaped: Collection[str],
    others: Sequence[str],
) -> None:
    plan = loaded.plan
    for wave in waves(plan.scenarios, names):
        rates = [None if name in shaped else peak_rate(plan.scenarios[name], profiles[name]) for name in wave]
        total = sum(rate for rate in rates if rate is not None)
        if None in rates or total > plan.confirm_above:
            asked = f"may ask {total:,.0f} requests/s"
            if None in rates:
                is_shaped = any(name in shaped for name in wave)
                asked = "has a load shape that decides by itself what it asks" if is_shaped else _WITHOUT_LIMIT
            raise UsageError(
                f"{', '.join(wave)} {asked} of {', '.join(others)}, which is not this machine, and confirm_above "
                f"is {plan.confirm_above:,g}/s: lower the load, or say --yes-really"
            )


def _rate_of_a_user(behaviour: Behaviour, scenario: Scenario) -> float:
    count = _requests(behaviour)
    pause = behaviour.wait_time or scenario.wait_time
    return count / (count * ANSWER_S + (pause.low_us / US_PER_S if pause else 0.0))


def _most_requests(scenario: Scenario) -> int:
    return max(_requests(one) for one in (scenario, *scenario.roles.values()))


def _requests(behaviour: Behaviour) -> int:
    """Of one iteration."""
    return max(sum(step.wait is None for step in behaviour.flow), 1)


def _hosts_of_classes(classes: Mapping[str, Iterable[type[User]]]) -> dict[str, str]:
    found = {}
    for name, those in classes.items():
        for user_class in those:
            if user_class.host and (host := host_of(user_class.host)):
                found[host] = f"{name}, {user_class.__name__}.host"
    return found


def _refusal(host: str, where: str, allowed: Sequence[str], redact: Callable[[str], str]) -> str:
    may = ", ".join(("this machine", *allowed))
    return redact(
        f"{host} ({where}) is not among the hosts that this plan may load ({may}): "
        f"if it is yours, add it to the plan: allowed_hosts: [{', '.join((*allowed, host))}]"
    )
