"""Which hosts a plan loads, and which it may."""

from __future__ import annotations

from typing import Any

import pytest

from loadworthy.plan.hosts import allowed_hosts, host_of, hosts_named, is_allowed, is_this_machine
from loadworthy.plan.model import Plan


def plan(**keys: Any) -> Plan:
    return Plan.model_validate({"scenarios": {"load": {"endpoints": [{"path": "/"}]}}, **keys})


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://api.example.com", "api.example.com"),
        ("HTTPS://API.Example.COM.:8443/v1?x=http://other", "api.example.com"),
        ("https://user:a%40b@api.example.com/", "api.example.com"),
        ("wss://[2001:db8::1]:9/", "2001:db8::1"),
        ("ws://chat", "chat"),
        ("http://{{ host }}/a", None),
        ("http://api.example.com/{{ id }}", "api.example.com"),
        ("http://ann:${PASSWORD}@api.example.com/", "api.example.com"),
        ("/path", None),
        ("{{ url }}", None),
        ("tcp://db.example.com", None),
        ("http://[broken", None),
        ("", None),
    ],
)
def test_the_host_of_a_url(url: str, host: str | None) -> None:
    """In small letters; none where it is no URL, or decided by a template."""
    assert host_of(url) == host


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("shop.localhost", True),
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("0.0.0.0", True),
        ("10.0.0.1", False),
        ("localhost.example.com", False),
        ("127.0.0.1.example.com", False),
        ("1270.0.0.1", False),
    ],
)
def test_this_machine(host: str, expected: bool) -> None:
    """Loopback, by address or name; nothing that only begins like it."""
    assert is_this_machine(host) is expected


@pytest.mark.parametrize(
    ("host", "patterns", "expected"),
    [
        ("localhost", (), True),
        ("api.example.com", (), False),
        ("api.example.com", ("api.example.com",), True),
        ("api.example.com", ("API.Example.com.",), True),
        ("api.example.com", ("example.com",), False),
        ("api.example.com", ("*.example.com",), True),
        ("example.com", ("*.example.com",), False),
        ("badexample.com", ("*.example.com",), False),
        ("2001:db8::1", ("[2001:db8::1]",), True),
    ],
)
def test_what_is_allowed(host: str, patterns: tuple[str, ...], expected: bool) -> None:
    """A name stands for itself, a star for what is below."""
    assert is_allowed(host, patterns) is expected


@pytest.mark.parametrize(
    ("keys", "own", "expected"),
    [
        ({"base_url": "http://a.example"}, "http://a.example", ("a.example",)),
        ({"base_url": "http://b.example"}, "http://a.example", ("a.example",)),
        ({"base_url": "http://b.example"}, None, ("b.example",)),
        ({"base_url": "http://a.example", "allowed_hosts": ["c.example"]}, "http://a.example", ("c.example",)),
        ({"base_url": "http://a.example", "allowed_hosts": []}, "http://a.example", ()),
        ({}, None, ()),
    ],
)
def test_by_default_a_plan_may_load_its_own_target(
    keys: dict[str, Any], own: str | None, expected: tuple[str, ...]
) -> None:
    """As its file names it, whatever the command line says; a plan that names none leaves it to the command line."""
    assert allowed_hosts(plan(**keys), own) == expected


def test_everything_that_is_asked_is_named() -> None:
    """Steps of all kinds, of roles, the set-up, what undoes; not those of scenarios that do not run."""
    roles = {"a": {"flow": [{"path": "http://h1/"}, {"websocket": {"path": "ws://h2/"}}]}}
    undo = {"path": "http://h5/", "undo": {"path": "http://h6/"}}
    asked = plan(
        base_url="http://h0",
        setup=[undo],
        teardown=[{"path": "/"}, {"path": "http://h7/"}],
        scenarios={
            "load": {"on_start": [{"path": "http://h3/"}], "roles": roles},
            "events": {"endpoints": [{"events": {"path": "http://h4/", "name": "x"}}, {"path": "/{{ a }}"}]},
            "other": {"endpoints": [{"path": "http://h8/"}]},
        },
    )
    assert dict(hosts_named(asked, ["load", "events"])) == {
        "h0": "base_url",
        "h1": "scenarios.load.roles.a.flow[0]",
        "h2": "scenarios.load.roles.a.flow[1]",
        "h3": "scenarios.load.on_start[0]",
        "h4": "scenarios.events.endpoints[0]",
        "h5": "setup[0]",
        "h6": "setup[0]",
        "h7": "teardown[1]",
    }
