"""What a plan can say of rates, and of scenarios that run together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loadworthy.plan.load import plan_from_mapping
from loadworthy.plan.model import Plan, Scenario


def scenario(**keys: Any) -> Scenario:
    data = {"scenarios": {"load": {"endpoints": [{"path": "/"}], **keys}}}
    return plan_from_mapping(data, path=Path("plan.yaml")).plan.scenarios["load"]


def test_a_rate_makes_the_workload_open() -> None:
    """Then there are no users, arrivals are Poisson unless said, and the cap is left to the engine unless said."""
    load = scenario(rate="30/min")
    assert load.is_open
    assert (load.rate, load.users, load.arrivals, load.max_users) == (0.5, None, "poisson", None)
    assert not scenario(users=5).is_open


@pytest.mark.parametrize(
    ("stages", "is_open"),
    [
        ([{"duration": "1s", "rate": "5/s"}, {"duration": "1s", "ramp_to": 9}], True),
        ([{"duration": "1s", "ramp_to": "9/s"}], True),
        ([{"duration": "1s", "ramp_to": 9}], False),
        ([{"duration": "1s", "users": 3}, {"duration": "1s", "ramp_to": "9"}], False),
    ],
)
def test_stages_of_rates_make_it_open_too(stages: list[dict[str, Any]], is_open: bool) -> None:
    """A ramp with a unit is a rate; one without goes with its neighbours."""
    assert scenario(stages=stages).is_open is is_open
    assert scenario(stages=stages).stages[-1].ramp_to_rate == float(str(stages[-1]["ramp_to"]).removesuffix("/s"))


def test_a_plan_with_rates_travels_to_workers_unchanged() -> None:
    """Its JSON form is read back to an equal plan."""
    data = {
        "scenarios": {
            "a": {
                "endpoints": [{"path": "/"}],
                "stages": [{"duration": "1s", "rate": "30/min"}, {"duration": "2s", "ramp_to": "2.5/s"}],
                "max_users": 7,
                "arrivals": "constant",
            },
            "b": {"endpoints": [{"path": "/"}], "rate": 3, "with": "a"},
        }
    }
    plan = plan_from_mapping(data, path=Path("plan.yaml")).plan
    assert plan.scenarios["b"].with_ == ("a",)
    assert Plan.model_validate(plan.model_dump(mode="json", by_alias=True, exclude_unset=True)) == plan
