"""What differs between runs besides the service."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from tests.support.runs import manifest

from loadworthy.analysis.likeness import differences, scenario_fingerprint

Json = dict[str, Any]


def changed(path: str, value: object) -> Json:
    """A manifest with one value replaced."""
    data = copy.deepcopy(manifest())
    *above, last = path.split(".")
    inner = data
    for key in above:
        inner = inner[key]
    inner[last] = value
    return data


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("target", "http://127.0.0.1:8080/v2", "the path of the target is not given in BASE, /v2 in NEW"),
        ("plan.scenarios.load.users", 20, "load: users is 10 in BASE, 20 in NEW"),
        ("plan.scenarios.load.rate", 50.0, "load: rate is not given in BASE, 50.0 in NEW"),
        ("plan.scenarios.load.endpoints", [{"path": "/x"}],
         "load: what its users do is not the same in BASE and in NEW (endpoints)"),
        ("plan.scenarios", {"other": {}}, "the scenarios is load in BASE, other in NEW"),
        ("processes", 4, "the number of processes that made the load is 1 in BASE, 4 in NEW"),
        ("host", {"name": "laptop"}, "the machine that made the load is bench in BASE, laptop in NEW"),
        ("versions.loadworthy", "0.2.0", "the version of Loadworthy is 0.1.0 in BASE, 0.2.0 in NEW"),
    ],
)  # fmt: skip
def test_what_shapes_the_figures_is_told(path: str, value: object, told: str) -> None:
    """One clause a difference, and nothing of what is alike; and the same within a side."""
    assert differences([manifest()], [changed(path, value)]) == [told]
    (within,) = differences([manifest(), changed(path, value)], [manifest()])
    assert within.split(" in one run of BASE")[0].split(" is")[0] in told


@pytest.mark.parametrize(
    ("path", "value"),
    [("target", "http://10.0.0.2:9000"), ("plan.scenarios.load.thresholds", ["p95 < 1s"]), ("seed", 8),
     ("plan.scenarios.load.endpoints", []), ("git", None)],
)  # fmt: skip
def test_what_does_not_shape_them_is_not(path: str, value: object) -> None:
    """Another host, other thresholds, another seed, another commit."""
    assert differences([manifest()], [changed(path, value)]) == []


def test_a_scenario_that_was_not_to_run_does_not_count() -> None:
    """Only those that were chosen are compared."""
    plan = changed("plan.scenarios", {"load": manifest()["plan"]["scenarios"]["load"], "soak": {"users": 3}})
    assert differences([manifest()], [plan | {"scenarios": ["load"]}]) == []


@pytest.mark.parametrize("broken", [{}, {"plan": None}, {"plan": {"scenarios": {"load": 3}}}, {"target": "http://[::"}])
def test_a_manifest_that_says_nothing_is_no_mistake(broken: Json) -> None:
    """Older or foreign manifests."""
    assert isinstance(differences([broken], [broken]), list)
    assert scenario_fingerprint(broken, "load") == scenario_fingerprint(broken, "load")


def test_the_fingerprint_follows_the_load_and_not_the_thresholds() -> None:
    """It is what a trend holds beside a change of level."""
    usual = scenario_fingerprint(manifest(), "load")
    assert scenario_fingerprint(changed("plan.scenarios.load.thresholds", ["p95 < 1s"]), "load") == usual
    assert scenario_fingerprint(changed("target", "http://10.0.0.2:1"), "load") == usual
    assert scenario_fingerprint(changed("plan.scenarios.load.users", 11), "load") != usual
    assert scenario_fingerprint(changed("target", "http://127.0.0.1:8080/v2"), "load") != usual
