"""What is known only with the rows of a plan's test data: how many users and iterations those that are handed out once
are enough for, and which columns there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loadworthy.errors import UsageError
from loadworthy.plan.column_rules import check_columns
from loadworthy.plan.document import Document
from loadworthy.plan.model import Plan, Scenario
from loadworthy.plan.template_words import names_in
from loadworthy.plan.test_data_rules import users_made
from loadworthy.workload.profile import OpenProfile, profile_of

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RowLimit:
    """A scenario ends when the rows of some test data have been handed out.

    Args:
        name: of the test data.
        rows: how many there are.
    """

    name: str
    rows: int


def used_by(scenario: Scenario, plan: Plan) -> frozenset[str]:
    """The names of the test data that a scenario's templates use."""
    if not plan.test_data:
        return frozenset()
    return names_in(scenario.model_dump(mode="json", by_alias=True)) & plan.test_data.keys()


def limit_of(scenario: Scenario, plan: Plan, counts: Mapping[str, int]) -> RowLimit | None:
    """What ends a scenario before its ``iterations``, if rows that are handed out once per iteration do.

    ``counts``: name → number of rows, of the test data that it uses.
    """
    sources = {name: plan.test_data[name] for name in counts}
    limits = [
        RowLimit(name, counts[name])
        for name, source in sources.items()
        if source.order == "once" and source.per == "iteration"
    ]
    least = min(limits, key=lambda limit: limit.rows, default=None)
    return None if least is None or (scenario.iterations or least.rows + 1) <= least.rows else least


def check_shared(used: Mapping[str, frozenset[str]], plan: Plan) -> None:
    """UsageError where two of the scenarios that run would hand out the same rows, each once.

    ``used``: scenario → names of the test data that it uses.
    """
    for name, source in plan.test_data.items():
        users = [scenario for scenario, names in used.items() if name in names]
        if source.order == "once" and len(users) > 1:
            raise UsageError(
                f"test data {name} hands out each row once, and scenarios {_listed(users)} use it; "
                "run one of them (--scenario NAME), or give each rows of its own"
            )


def check_database_columns(plan: Plan, scenarios: Sequence[str], rows_of: Callable[[str], Sequence[Row]]) -> None:
    """UsageError where a template asks for a column that a query does not give.

    Args:
        plan: the plan.
        scenarios: names of those that will run.
        rows_of: the rows of a database by the name of the test data; other sources were looked at with the plan.
    """
    used = frozenset[str]().union(*(used_by(plan.scenarios[name], plan) for name in scenarios))
    columns = {name: frozenset(rows_of(name)[0]) for name in used if plan.test_data[name].database is not None}
    if not columns:
        return
    data = plan.model_dump(mode="json", by_alias=True, exclude={"test_data"})
    data["scenarios"] = {name: data["scenarios"][name] for name in scenarios}
    document = Document("", data)
    check_columns(columns, document)
    if document.problems:
        first = document.problems[0]
        raise UsageError(f"{first.where}: {first.message}; {first.hint}")


def check_users(name: str, scenario: Scenario, plan: Plan, counts: Mapping[str, int]) -> None:
    """UsageError where a scenario may make more users than there are rows, each once for a user."""
    profile = profile_of(scenario)
    if isinstance(profile, OpenProfile):
        key, users = "max_users", profile.max_users
    else:
        key, users = "users", users_made(scenario.model_dump(mode="json", by_alias=True))
    for source, count in counts.items():
        said = plan.test_data[source]
        if said.order == "once" and said.per == "user" and users > count:
            raise UsageError(f"scenario {name}: {key}: {users}, but {source} has {count:,} rows, each once")


def _listed(names: Sequence[Any]) -> str:
    return f"{', '.join(map(str, names[:-1]))} and {names[-1]}"
