"""Before any load: other people's machines are left alone, and one's own are not overrun by mistake."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support.cli import loadworthy, write_plan

from loadworthy.engine.permission import peak_rate, require_permission
from loadworthy.errors import UsageError
from loadworthy.plan.load import plan_from_mapping
from loadworthy.users import HttpUser
from loadworthy.workload.profile import profile_of

FLOW = [{"path": "/a"}, {"wait": "1s"}, {"path": "/b"}]


class Elsewhere(HttpUser):
    abstract = True
    host = "https://shop.example"


def ask(
    plan: dict[str, Any],
    *,
    confirmed: bool = False,
    user_class: type[HttpUser] | None = None,
    shaped: tuple[str, ...] = (),
    environ: dict[str, str] | None = None,
    **more: Any,
) -> None:
    loaded = plan_from_mapping(plan, path=Path("plan.yaml"), environ=environ or {}, **more)
    scenarios = loaded.plan.scenarios
    classes = {name: [user_class] if user_class else [] for name in scenarios}
    profiles = {name: profile_of(scenario) for name, scenario in scenarios.items()}
    require_permission(loaded, list(scenarios), profiles, classes, shaped=shaped, confirmed=confirmed)


def plan_with(base_url: str | None = "http://api.example.com", **keys: Any) -> dict[str, Any]:
    scenario = {"users": 5, "run_time": "1s", "endpoints": [{"path": "/"}], **keys.pop("scenario", {})}
    return {**({"base_url": base_url} if base_url else {}), "scenarios": {"load": scenario}, **keys}


def test_a_plan_may_load_its_own_target_and_this_machine() -> None:
    """Without any word of hosts."""
    ask(plan_with())
    ask(plan_with(), overrides=["base_url=http://127.0.0.1:8000"])
    ask(plan_with(allowed_hosts=[]), overrides=["base_url=http://localhost"])


@pytest.mark.parametrize(
    ("plan", "overrides", "host", "where"),
    [
        (plan_with(), ["base_url=https://www.example.org"], "www.example.org", "base_url"),
        (plan_with(allowed_hosts=["other.example"]), [], "api.example.com", "base_url"),
        (plan_with(scenario={"endpoints": [{"path": "https://x.example/"}]}), [], "x.example", "load.endpoints[0]"),
        (plan_with(teardown=[{"path": "http://y.example/"}]), [], "y.example", "teardown[0]"),
    ],
)
def test_another_host_is_refused(plan: dict[str, Any], overrides: list[str], host: str, where: str) -> None:
    """With the place that names it, what is allowed, and what to write."""
    with pytest.raises(UsageError) as caught:
        ask(plan, overrides=overrides)
    message = str(caught.value)
    assert message.startswith(f"{host} (")
    assert where in message
    assert "allowed_hosts: [" in message
    assert message.endswith(f"{host}]")


def test_what_is_named_may_be_loaded() -> None:
    """By its name, or as one of many."""
    ask(plan_with(allowed_hosts=["*.example.org"]), overrides=["base_url=https://www.example.org"])
    with pytest.raises(UsageError):
        ask(plan_with(allowed_hosts=["*.example.org"]), overrides=["base_url=https://example.org"])


def test_a_class_says_by_itself_where_it_goes() -> None:
    """Unless the plan says which hosts there are."""
    suite = {"scenarios": {"load": {"users": 5, "run_time": "1s", "locustfile": "users.py"}}}
    ask(suite, user_class=Elsewhere)
    with pytest.raises(UsageError, match=r"shop\.example \(load, Elsewhere\.host\)"):
        ask({**suite, "allowed_hosts": ["a.example"]}, user_class=Elsewhere)


@pytest.mark.parametrize(
    ("scenario", "expected"),
    [
        ({"users": 5}, 50),
        ({"users": 5, "wait_time": "400ms-9s"}, 10),
        ({"users": 5, "wait_time": "300ms", "endpoints": None, "flow": FLOW}, 20),
        ({"users": 5, "endpoints": None, "roles": {"a": {"flow": FLOW}, "b": {"wait_time": "1s", "flow": FLOW}}}, 50),
        ({"users": None, "rate": "30/s"}, 30),
        ({"users": None, "rate": "30/s", "endpoints": None, "flow": FLOW}, 60),
        ({"users": None, "run_time": None, "stages": [{"duration": "1s", "ramp_to": "70/s"}]}, 70),
        ({"users": None, "run_time": None, "kind": "capacity", "thresholds": ["p95 < 1s"]}, None),
        ({"users": None, "run_time": None, "kind": "capacity", "thresholds": ["p95 < 1s"], "max_rate": 40}, 40),
    ],
)
def test_how_much_is_asked_at_most(scenario: dict[str, Any], expected: float | None) -> None:
    """A rate is a rate; a user waits a tenth of a second for each answer, and pauses as little as it may."""
    data = {key: value for key, value in plan_with(scenario=scenario)["scenarios"]["load"].items() if value is not None}
    loaded = plan_from_mapping({"base_url": "http://a", "scenarios": {"load": data}}, path=Path("p"), environ={})
    (one,) = loaded.plan.scenarios.values()
    rate = peak_rate(one, profile_of(one))
    assert rate == (None if expected is None else pytest.approx(expected))


def test_much_load_elsewhere_is_confirmed() -> None:
    """What runs together counts together; on this machine nobody is asked."""
    two = plan_with(confirm_above="100/s")
    two["scenarios"]["more"] = {"rate": "60/s", "run_time": "1s", "with": "load", "endpoints": [{"path": "/"}]}
    with pytest.raises(UsageError, match=r"load, more may ask 110 requests/s of api\.example\.com.*--yes-really"):
        ask(two)
    ask(two, confirmed=True)
    ask(two, overrides=["scenarios.more.with="])
    ask(two, overrides=["base_url=http://localhost:9"])


def test_a_search_elsewhere_needs_an_end() -> None:
    """It would go on until something breaks."""
    search = {"base_url": "http://api.example.com", "scenarios": {"find": {
        "kind": "capacity", "thresholds": ["p95 < 1s"], "endpoints": [{"path": "/"}]}}}  # fmt: skip
    with pytest.raises(UsageError, match="without max_rate"):
        ask(search)
    ask(search, overrides=["scenarios.find.max_rate=50/s"])


def test_a_load_shape_elsewhere_is_confirmed() -> None:
    """Nobody but its code knows how much it will ask."""
    suite = {"scenarios": {"load": {"locustfile": "users.py"}}}
    ask(suite, user_class=Elsewhere)
    with pytest.raises(UsageError, match=r"load has a load shape .*shop\.example"):
        ask(suite, user_class=Elsewhere, shaped=("load",))
    ask(suite, user_class=Elsewhere, shaped=("load",), confirmed=True)


def test_a_plan_that_leaves_its_target_open_goes_where_it_is_told() -> None:
    """By its variable, or, where that is not set, by the command line."""
    plan = plan_with("${BASE_URL}")
    ask(plan, environ={"BASE_URL": "http://one.example"})
    ask(plan, overrides=["base_url=http://two.example"])
    with pytest.raises(UsageError, match=r"two\.example"):
        ask(plan, environ={"BASE_URL": "http://one.example"}, overrides=["base_url=http://two.example"])


def test_the_command_refuses_before_anything_is_sent(tmp_path: Path) -> None:
    """One line, exit code 2, no run directory."""
    plan = write_plan(tmp_path, plan_with("http://localhost:9"))
    done = loadworthy("run", plan, "--url", "http://service.invalid", cwd=tmp_path)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("loadworthy: service.invalid (base_url) is not among")
    assert not (tmp_path / "runs").exists()
    plan = write_plan(tmp_path, plan_with("http://service.invalid", scenario={"users": 500}))
    done = loadworthy("run", plan, cwd=tmp_path)
    assert done.code == 2
    assert "say --yes-really" in done.err
    done = loadworthy("run", plan, "--yes-really", cwd=tmp_path)
    assert "nothing listens at http://service.invalid" in done.err
