"""A ``config.json`` with ``test_scenarios`` becomes a plan with those scenarios, and without its credentials."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from loadworthy.importers.emit import plan_yaml
from loadworthy.importers.imported import Imported, ImportFailedError, ImportOptions
from loadworthy.importers.kimmy.plan import detect, import_kimmy_config
from loadworthy.plan.load import plan_from_mapping

OWN = Path(__file__).parents[3] / "systems" / "kimmy_esthi" / "stress-test" / "config.json"


def _loaded(imported: Imported) -> Any:
    data = yaml.safe_load(plan_yaml(imported))
    return plan_from_mapping(data, path=Path("plan.yaml"), environ=dict.fromkeys(imported.variables, "x")).plan


def _scenario(**more: object) -> dict[str, Any]:
    return {"concurrent_users": 4, "duration_seconds": 30, "endpoints": [{"path": "/a"}], **more}


def _imported(*, options: ImportOptions | None = None, **data: object) -> Imported:
    whole = {"api": {"base_url": "http://localhost:5000"}, "test_scenarios": {"read": _scenario()}, **data}
    return import_kimmy_config(json.dumps(whole), options or ImportOptions())


def test_the_reference_configuration() -> None:
    """Four scenarios with their users, ramps, times, pauses, weights and thresholds; who logs in comes from outside."""
    imported = import_kimmy_config(OWN.read_text(encoding="utf-8"), ImportOptions())
    plan = _loaded(imported)
    assert list(plan.scenarios) == ["read_test", "write_test", "mixed_test", "admin_test"]
    read = plan.scenarios["read_test"]
    assert (read.users, read.spawn_rate, read.run_time, read.wait_time.low_us) == (50, 5, 60_000_000, 1_000_000)
    assert read.thresholds == ("error_rate < 5%",)
    assert [(step.path, step.name, step.weight) for step in read.endpoints] == [
        ("/appointments/status", None, 40),
        ("/appointments/{{ values.date }}", "/appointments/[date]", 40),
        ("/treatments", None, 20),
    ]
    admin = plan.scenarios["admin_test"]
    assert admin.headers == {"Authorization": "Bearer {{ access_token }}"}
    assert admin.on_start[0].path == "/admin/login"
    assert not plan.scenarios["mixed_test"].on_start
    assert set(imported.variables) == {"KIMMY_ADMIN_USERNAME", "KIMMY_ADMIN_PASSWORD"}
    assert "kimmy-admin-test" not in plan_yaml(imported)
    assert any("(booking)" in note.what for note in imported.notes)
    assert any("date, booked_id" in note.what for note in imported.notes)


def test_what_is_not_carried_over_is_said() -> None:
    """Scenarios that are off, keys that nothing is made of, endpoints without a path, thresholds nobody can read."""
    scenarios = {
        "read": _scenario(thresholds=["p95 < 1s", "quick"], retries=3, endpoints=[{"path": "/a"}, {"path": "b"}]),
        "off": _scenario(enabled=False),
        "empty": _scenario(endpoints=[]),
        "odd": _scenario(concurrent_users="many", duration_seconds=0, wait_seconds="long"),
    }
    imported = _imported(test_scenarios=scenarios, reporting={"x": 1})
    assert list(imported.plan["scenarios"]) == ["read", "odd"]
    told = {note.where: note.what for note in imported.notes}
    assert "not enabled" in told["off"]
    assert "none of its endpoints" in told["empty"]
    assert set(told) >= {"read.retries", "reporting", "read, endpoint 2", "odd"}
    assert any('"quick"' in note.what for note in imported.notes)
    assert imported.plan["scenarios"]["read"]["thresholds"] == ["p95 < 1s"]
    assert imported.plan["scenarios"]["odd"] == {"users": 1, "run_time": "1m", "endpoints": [{"path": "/a"}]}
    _loaded(imported)


def test_credentials_are_not_written() -> None:
    """Passwords, tokens in headers and bodies, and one in the base URL; two of a name stay two."""
    endpoints = [
        {"path": "/a", "method": "POST", "body": {"user": "ann", "password": "pw-of-ann", "n": "${x} {{ y }}"}},
        {"path": "/b", "headers": {"X-Api-Key": "key-12345"}, "query": {"access_token": "tok-67890", "q": 1}},
    ]
    imported = _imported(
        api={"base_url": "http://u:pw-of-url@localhost:1", "headers": {"Authorization": "Bearer abc-def", "X": "1"}},
        admin={"email": "root@x.example", "password": "pw-of-root", "login_url": "/in"},
        test_scenarios={"admins": _scenario(endpoints=endpoints)},
    )
    text = plan_yaml(imported)
    for secret in ("pw-of", "key-1", "tok-6", "abc-def", "root@x"):
        assert secret not in text
    assert len(imported.variables) == 6
    assert any(note.where == "api.headers.Authorization" for note in imported.notes)  # users log in
    scenario = _loaded(imported).scenarios["admins"]
    assert scenario.on_start[0].path == "/in"
    assert scenario.endpoints[0].json_["n"] == "{{ '${x} {{ y }}' }}"


def test_credentials_are_what_they_are_elsewhere() -> None:
    """By all names and forms that other importers know; found once, they are nowhere."""
    body = {"pwd": "s-111-s", "pin": 471199, "jwt": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl", "note": "root-pw-77 x"}
    endpoints = [
        {"path": "/a?token=s-222-s&q={id}&x", "method": "POST", "body": body, "query": {"sid": "s-333-s"}},
        {"path": "/b", "headers": {"X-Auth": "s-444-s", "X-Tenant": "${TENANT:-t1}"}},
        {"path": "/c", "method": "POST", "body": "user=a&password=s-555-s"},
    ]
    imported = _imported(
        boss={"user": "root", "password": "root-pw-77"}, other={"user": "x", "password": "y"},
        test_scenarios={"s": _scenario(endpoints=endpoints, login=True)},
    )  # fmt: skip
    text = plan_yaml(imported)
    for secret in ("-111-", "-222-", "-333-", "-444-", "-555-", "4711", "eyJ", "root-pw"):
        assert secret not in text
    a, b, c = imported.plan["scenarios"]["s"]["endpoints"]
    assert a["path"] == "/a?token=${TOKEN}&q={{ values.id }}&x"
    assert a["json"]["pin"] == "{{ '${PIN}' | int }}"
    assert b["headers"] == {"X-Auth": "${X_AUTH}", "X-Tenant": "${TENANT:-t1}"}
    assert c["body"] == "user=a&password=${PASSWORD}"
    assert [note.what[:40] for note in imported.notes if note.where == "other"] == [
        "no scenario logs in with it; it is left "
    ]
    _loaded(imported)


def test_nothing_of_an_endpoint_vanishes() -> None:
    """Weights and methods alone, names, descriptions; headers and thresholds of another kind than they should be."""
    endpoints = {"/a": 3, "/b": {"name": "the b", "description": "x"}, "/c": "delete", "/d": [1]}
    imported = _imported(
        api={"base_url": "http://localhost:1", "headers": ["X: 1"]},
        test_scenarios={"s": _scenario(endpoints=endpoints, thresholds="quick")},
    )
    assert imported.plan["scenarios"]["s"]["endpoints"] == [
        {"path": "/a", "weight": 3},
        {"path": "/b", "name": "the b"},
        {"path": "/c", "method": "DELETE"},
        {"path": "/d"},
    ]
    told = " ".join(f"{note.where}: {note.what}" for note in imported.notes)
    for said in (
        "GET /d: its weight",
        "api.headers: they are no mapping",
        'threshold "quick"',
        "1 description left out",
    ):
        assert said in told
    _loaded(imported)


def test_what_the_user_says_goes_first() -> None:
    """``--url``, ``--login`` and ``--only``."""
    options = ImportOptions(base_url="http://localhost:9", login="PUT /session", only=("GET /a*",))
    imported = _imported(
        options=options,
        login_data={"username": "u", "password": "p"},
        test_scenarios={"s": _scenario(login=True, endpoints=["/abc", {"path": "/a", "method": "POST"}, "/b"])},
    )
    scenario = imported.plan["scenarios"]["s"]
    assert imported.plan["base_url"] == "http://localhost:9"
    assert (scenario["on_start"][0]["method"], scenario["on_start"][0]["path"]) == ("PUT", "/session")
    assert scenario["endpoints"] == [{"path": "/abc"}]
    assert sum("--only" in note.what for note in imported.notes) == 2
    _loaded(imported)


def test_placeholders_become_test_data() -> None:
    """Each is a column, also where its name means something else to a template."""
    imported = _imported(test_scenarios={"s": _scenario(endpoints=["/{items}/{id}", "/{0}?x={{y}}"])})
    assert imported.plan["test_data"]["values"]["rows"] == [{"items": 1, "id": 1, "0": 1, "y": 1}]
    assert imported.plan["scenarios"]["s"]["endpoints"][0]["path"] == "/{{ values['items'] }}/{{ values.id }}"
    _loaded(imported)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("{", "no JSON"),
        ("[]", "test_scenarios"),
        ("[1e999]", "1e999 is no number of JSON"),
        ("[NaN]", "NaN is no number of JSON"),
        ('{"test_scenarios": {}}', "no scenario is left"),
        ('{"test_scenarios": {"a": {"enabled": false}}}', "a: it is not enabled"),
    ],
)
def test_what_is_no_configuration_is_refused(text: str, word: str) -> None:
    """In words."""
    with pytest.raises(ImportFailedError, match=word):
        import_kimmy_config(text, ImportOptions())


def test_it_is_known_by_its_scenarios() -> None:
    """Other JSON is not taken for it."""
    assert detect(OWN.read_text(encoding="utf-8"), "config.json")
    assert not any(detect(text, "config.json") for text in ("{}", "[]", "", '{"test_scenarios": {"a": 1}}', "[" * 9999))


_TEXTS = st.sampled_from(["", "/a", "{x}", "${X}", "{% if %}", "é\x00"])
_NAMES = st.sampled_from(["path", "method", "password", "{{", "email"])
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=4),
    max_leaves=8,
)
_KEYS = ["enabled", "concurrent_users", "duration_seconds", "ramp_up_seconds", "wait_seconds", "login", "thresholds"]
_ENDPOINTS = st.builds(
    lambda path, more: {**more, "path": path},
    st.sampled_from(["/", "/{id}", "/{{x}}", "/a b", "/${A}", "/${{b}}", "/é?x=%"]),
    st.dictionaries(st.sampled_from(["method", "weight", "body", "headers", "query", "name"]), _VALUES, max_size=4),
)


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from(_KEYS), _VALUES), st.lists(_ENDPOINTS, max_size=3), _VALUES, st.text(max_size=5))
def test_any_configuration_is_a_plan_that_loads_or_an_error_in_words(
    scenario: dict[str, Any], endpoints: list[Any], other: Any, name: str
) -> None:
    """Whatever stands there."""
    data = {
        "api": {"timeout": other, "headers": other},
        "admin": other,
        "test_scenarios": {name: {**scenario, "endpoints": endpoints}},
    }
    try:
        imported = import_kimmy_config(json.dumps(data), ImportOptions())
    except ImportFailedError:
        return
    _loaded(imported)
