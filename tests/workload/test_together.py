"""Which scenarios run at the same time."""

from __future__ import annotations

import pytest

from loadworthy.plan.model import Scenario
from loadworthy.workload.together import waves


@pytest.mark.parametrize(
    ("links", "names", "expected"),
    [
        ({}, "abc", ["a", "b", "c"]),
        ({"a": "b"}, "abc", ["ab", "c"]),
        ({"c": "a"}, "abc", ["ac", "b"]),
        ({"a": "b", "c": "b"}, "abcd", ["abc", "d"]),
        ({"a": "d", "d": "c"}, "abcd", ["acd", "b"]),
        ({"a": "b"}, "ac", ["a", "c"]),
        ({"a": "b", "b": "c"}, "ac", ["a", "c"]),
    ],
)
def test_scenarios_that_name_each_other_run_together(links: dict[str, str], names: str, expected: list[str]) -> None:
    """Directly or through others, in either direction; one that is not to run links nothing."""
    scenarios = {name: Scenario.model_validate({"with": list(links.get(name, ""))}) for name in "abcd"}
    assert ["".join(wave) for wave in waves(scenarios, list(names))] == expected
