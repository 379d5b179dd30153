"""Secrets: what is one, and that none is ever shown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.support.plans import FULL_PLAN, load_text

from loadworthy.plan.load import plan_from_mapping
from loadworthy.plan.model import Plan
from loadworthy.plan.redact import Redactor, mask_named_values, mask_url_password


def test_secrets_are_masked_longest_first() -> None:
    """A secret inside another one leaves nothing of the longer; short ones stay."""
    redact = Redactor(["abcd", "abcdefgh", "xyz"])
    assert redact("1 abcdefgh 2 abcd 3 xyz abc") == "1 *** 2 *** 3 xyz abc"
    assert Redactor()("abcd") == "abcd"


def test_secrets_are_masked_as_they_are_encoded() -> None:
    """In URLs, forms and JSON a secret looks different and is still found."""
    redact = Redactor(['p&ss "wörd"/'])
    for text in ("p%26ss%20%22w%C3%B6rd%22%2F", quote_plus('p&ss "wörd"/'), json.dumps({"a": 'p&ss "wörd"/'})):
        assert "ss" not in redact(text)


@given(st.lists(st.text(min_size=4, max_size=8), max_size=4), st.lists(st.text(max_size=6), max_size=5))
def test_no_secret_is_left_in_any_text(secrets: list[str], parts: list[str]) -> None:
    """Wherever secrets stand, also where masking one would make another."""
    text = "".join(part + secret for part, secret in zip(parts, secrets * 5, strict=False)) + "".join(parts)
    masked = Redactor(secrets)(text)
    assert not [secret for secret in secrets if secret in masked]


@example("aaa*", "aaaaaa*")
@given(st.text("*a", min_size=4, max_size=6), st.text("*a", max_size=20))
def test_masks_and_secrets_that_look_like_masks_come_to_an_end(secret: str, text: str) -> None:
    """A secret made of stars is masked, too, and masking ends."""
    assert secret not in Redactor([secret])(text)


def _secrets(tmp_path: Path, text: str, **environ: str) -> frozenset[str]:
    return load_text(tmp_path, text, environ=environ).secrets


@pytest.mark.parametrize(
    "scenario",
    [
        "headers: {X: 'a ${V} b'}",
        "flow: [{path: /, headers: {X: '${V}'}}]",
        "flow: [{path: /, query: {k: ['${V}']}}]",
        "flow: [{path: /, json: {a: [{b: '${V}'}]}}]",
        "flow: [{path: /, form: {name: '${V}'}}]",
        "flow: [{path: /, body: 'x${V}'}]",
        "flow: [{path: /, expect: {text: '${V}'}}]",
        "flow: [{path: '/x?key=${API_KEY}'}]",
        "roles: {r: {on_start: [{path: /, body: '${V}'}], flow: [{path: /}]}}",
        "flow: [{websocket: {path: '/x?key=${API_KEY}'}}]",
        "flow: [{websocket: {path: /, headers: {X: '${V}'}}}]",
        "flow: [{websocket: {path: /, query: {k: '${V}'}}}]",
        "flow: [{websocket: {path: /, subprotocols: ['${V}']}}]",
        "flow: [{websocket: {path: /}}, {send: {text: 'a ${V}'}}]",
        "flow: [{websocket: {path: /}}, {request: {name: x, json: {a: ['${V}']}, match: {$.b: 1}}}]",
        "flow: [{websocket: {path: /}}, {expect_push: {name: x, expect: {text: '${V}'}}}]",
        "flow: [{events: {path: '/x?key=${API_KEY}', name: x, headers: {X: '${V}'}}}]",
        "roles: {r: {flow: [{websocket: {path: /}}, {stream: {name: x, text: '${V}', count: 1}}]}}",
    ],
)
def test_values_from_the_environment_are_secrets(tmp_path: Path, scenario: str) -> None:
    """In whatever is sent; in a path only if the variable's name speaks of a secret."""
    loaded = load_text(tmp_path, f"scenarios: {{a: {{{scenario}}}}}", environ={"V": "qwertz9", "API_KEY": "qwertz9"})
    assert loaded.secrets == {"qwertz9"}
    assert "qwertz9" not in json.dumps(loaded.redacted_json)
    assert "***" in json.dumps(loaded.redacted_json)
    assert "qwertz9" in loaded.plan.model_dump_json()


@pytest.mark.parametrize(
    ("scenario", "value"),
    [
        ("users: '${V}'", "123456"),
        ("run_time: '${V}'", "1m30s"),
        ("thresholds: ['p95 < ${V}']", "1500ms"),
        ("kind: '${V}'", "endurance"),
        ("description: '${V}'", "nightly"),
        ("flow: [{path: '/${V}/x', name: '${V}'}]", "version2"),
        ("flow: [{path: /, headers: {X: '${V}'}}]", "12345"),
        ("flow: [{path: /, json: {x: '${V}'}}]", "true"),
        ("flow: [{path: /, json: {x: '${V:-fallback}'}}]", ""),
        ("stages: [{duration: '${V}', users: 1}]", "1m30s"),
        ("flow: [{websocket: {path: '/${V}', name: '${V}'}}, {expect_push: {name: '${V}'}}]", "version2"),
        ("flow: [{websocket: {path: /}}, {stream: {name: x, size: '${V}', count: 1}}]", "123456"),
    ],
)
def test_what_shapes_the_run_is_no_secret(tmp_path: Path, scenario: str, value: str) -> None:
    """Amounts, times, names, paths, flags and short numbers from the environment stay readable."""
    assert _secrets(tmp_path, f"scenarios: {{a: {{{scenario}}}}}", V=value) == set()


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("headers: {Authorization: Bearer abcdef}", {"Bearer abcdef", "abcdef"}),
        ("headers: {X-API-Key: abcdef}", {"abcdef"}),
        ("headers: {cookie: 'sid=abcdefgh; lang=de'}", {"sid=abcdefgh; lang=de", "abcdefgh"}),
        ("flow: [{path: /, json: {client_secret: abcdef, user: {accessToken: ghijkl}}}]", {"abcdef", "ghijkl"}),
        ("flow: [{path: /, form: {Passwd: 123456}}]", {"123456"}),
        ("flow: [{path: /, form: {password: '{{ uuid() }}'}}]", set()),
        ("flow: [{path: /, json: {token_type: bearer, tokens_left: 5000000}}]", set()),
        ("flow: [{path: /, extract: {token: $.access_token}, expect: {json: {$.token: null}}}]", set()),
        ("flow: [{path: /, json: {password: true, secret: null, token: ''}}]", set()),
        ("flow: [{websocket: {path: /, headers: {Cookie: sid=abcdefgh}}}]", {"sid=abcdefgh", "abcdefgh"}),
        ("flow: [{websocket: {path: /}}, {send: {json: {password: ghijkl}}}]", {"ghijkl"}),
        (
            "flow: [{websocket: {path: /}}, {expect_push: {name: x, match: {$.token: abcd}, extract: {token: $.t}}}]",
            set(),
        ),
    ],
)
def test_literals_under_telling_keys_are_secrets(tmp_path: Path, entry: str, expected: set[str]) -> None:
    """Keys that speak of secrets make one of their value; templates, flags and what is extracted are none."""
    assert _secrets(tmp_path, f"scenarios: {{a: {{{entry}}}}}") == expected


def test_what_opens_a_channel_is_masked_also_where_it_stands_in_the_plan(tmp_path: Path) -> None:
    """Whole at its place, and what is secret in it in every text; two braces there are no template."""
    text = """\
scenarios: {load: {}}
alerting:
  urls: ["json://user:l1teral-pw@127.0.0.1:80/x", "nosuch://{{l1teral}}/${V}", "json://127.0.0.1:80/y"]
  slack: {webhook_url: "https://hooks.example.com/{{l1teral}}"}
  email: {smtp_server: h, username: u, password: "l1teral{{x", from_addr: a@example.com, to_addrs: [b@example.com]}
"""
    loaded = load_text(tmp_path, text, environ={"V": "inserted"})
    assert "l1teral" not in json.dumps(loaded.redacted_json)
    assert loaded.redacted_json["alerting"]["urls"] == ["***"] * 3
    said = "cannot reach nosuch://{{l1teral}}/inserted with l1teral-pw or l1teral{{x"
    assert loaded.redactor(said) == "cannot reach *** with *** or ***"


def test_a_scenario_called_like_a_key_changes_nothing(tmp_path: Path) -> None:
    """Names that the user chose do not decide what is a secret."""
    text = """\
scenarios: {expect: {headers: {Cookie: abcdef}}, token: {headers: {Accept: something}}}
test_data: {expect: [{password: ghijkl}], passwords: [{user: someone}]}
"""
    assert _secrets(tmp_path, text) == {"abcdef", "ghijkl"}


def test_secrets_of_a_full_plan(tmp_path: Path) -> None:
    """The password in the base URL and those of the test data are found and masked; the URL stays one."""
    loaded = load_text(tmp_path, FULL_PLAN)
    assert loaded.secrets == {"pa55-word", "open-sesame", "open-barley"}
    assert loaded.redacted_json["base_url"] == "https://tester:***@shop.example:8443/v1"
    assert loaded.redacted_json["test_data"]["accounts"]["rows"][0] == {"user": "ann", "password": "***"}
    assert loaded.redactor("got open-sesame") == "got ***"
    assert Plan.model_validate(loaded.redacted_json).scenarios.keys() == loaded.plan.scenarios.keys()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://h/", "http://h/"),
        ("http://u@h/", "http://u@h/"),
        ("http://u:p@h:1/a?b#c", "http://u:***@h:1/a?b#c"),
        ("http://u:p:q@h", "http://u:***@h"),
        ("http://u:p@q@h", "http://u:***@h"),
        ("http://u:@h", "http://u:@h"),
        ("http://[", "http://["),
    ],
)
def test_the_password_of_a_url_is_masked(url: str, expected: str) -> None:
    """Only the password, whatever characters it has."""
    assert mask_url_password(url) == expected


def test_ordinary_words_are_masked_only_where_they_are_secrets(tmp_path: Path) -> None:
    """A password that is also a scenario's name, a threshold's figure or the host masks its own place only."""
    text = """\
base_url: http://localhost:8000/api
scenarios:
  load-all:
    run_time: 1m30s
    thresholds: [p95 < 500ms]
    headers: {A: 'x ${A} y', B: '${B}', C: '${C}', Password: '1234', D: "${D}"}
    flow: [{path: /, json: {token: load-a, password: p95, secret: 1m30s}}]
"""
    environ = {"A": "localhost", "B": "abc", "C": "http://localhost:8000/api", "D": "/api"}
    loaded = load_text(tmp_path, text, environ=environ)
    assert loaded.secrets == {"/api"}
    load = loaded.redacted_json["scenarios"]["load-all"]
    assert loaded.redacted_json["base_url"] == "http://localhost:8000***"
    assert (load["run_time"], load["thresholds"]) == ("1m30s", ["p95 < 500ms"])
    assert load["headers"] == {"A": "***", "B": "***", "C": "***", "Password": "***", "D": "***"}
    assert load["flow"][0]["json"] == {"token": "***", "password": "***", "secret": "***"}


_VALUES = st.text(min_size=1, max_size=12) | st.sampled_from(
    ["load", "p95 < 1s", "localhost", "POST", "30s", "true", "users"]
)
_KEYS = st.sampled_from(["password", "X-Api-Key", "name", "load"]) | st.text(max_size=6)


@given(
    environ=st.dictionaries(st.sampled_from(["A", "B", "TOKEN"]), _VALUES, min_size=3),
    keys=st.lists(_KEYS, min_size=3, max_size=3),
    literals=st.lists(_VALUES, min_size=3, max_size=3),
    scenario=st.sampled_from(["load", "smoke", "a"]),
)
def test_no_secret_is_ever_in_the_redacted_plan(
    environ: dict[str, str], keys: list[str], literals: list[str], scenario: str
) -> None:
    """Whatever the secrets are: no text of the redacted plan holds one, and it is a plan still."""
    literals = [literal.replace("${", "").replace("{{", "").replace("{%", "").replace("{#", "") for literal in literals]
    environ = {name: re.sub(r"[{\r\n\x00]", "", value) for name, value in environ.items()}
    flow = [
        {
            "path": "/x/${TOKEN}",
            "method": "POST",
            "json": {"a": "${A}", **dict(zip(keys, literals, strict=True)), "b": ["pre ${B} post"]},
        }
    ]
    data: dict[str, Any] = {
        "base_url": "http://me:s3cret@localhost:80",
        "scenarios": {
            scenario: {"run_time": "30s", "thresholds": ["p95 < 1s"], "headers": {"H": "${B}"}, "flow": flow}
        },
    }
    loaded = plan_from_mapping(data, path=Path("x.py"), environ=environ)
    for text in _texts(loaded.redacted_json):
        assert not [secret for secret in loaded.secrets if secret in text]
    redacted = Plan.model_validate(loaded.redacted_json)
    assert redacted.base_url is not None
    assert redacted.base_url.endswith("@localhost:80")
    assert loaded.redactor("s3cret") == "***"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value


@given(st.text("qxzjvk", min_size=6, max_size=12), st.sampled_from(["headers", "json", "form", "body", "extract"]))
def test_a_distinctive_secret_is_nowhere(secret: str, place: str) -> None:
    """A secret that is no ordinary word is in no byte of what is written."""
    content: Any = "${S}" if place == "body" else {"a": "regex:${S}" if place == "extract" else "${S}"}
    data = {"scenarios": {"load": {"flow": [{"path": "/", "method": "POST", place: content}]}}}
    loaded = plan_from_mapping(data, path=Path("x.py"), environ={"S": secret})
    assert secret not in json.dumps(loaded.redacted_json)
    assert secret in loaded.plan.model_dump_json()


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ('{"access_token": "abc.def", "user": "ada"}', '{"access_token": "***", "user": "ada"}'),
        ('{"password":"a \\"b\\" c","n":1}', '{"password":"***","n":1}'),
        ('{"detail": "no", "refresh_token": "cut off', '{"detail": "no", "refresh_token": "***"'),
        ("user=ada&password=s3cret&x=1", "user=ada&password=***&x=1"),
        ("http://h/p?api_key=123&page=2", "http://h/p?api_key=***&page=2"),
        ("Authorization: Bearer abc.def ok", "Authorization: *** ok"),
        ("{'secret': 'x', 'b': 2}", "{'secret': '***', 'b': 2}"),
        ("status 401, expected 200", "status 401, expected 200"),
        ('{"tokens": 5, "total": 7}', '{"tokens": 5, "total": 7}'),
        ("<p>Password: required</p>", "<p>Password: ***</p>"),
    ],
)
def test_values_whose_names_speak_of_secrets_are_masked(text: str, masked: str) -> None:
    """In JSON, forms, queries, cookies and headers, also where the text is cut off; the rest stays as it was."""
    assert mask_named_values(text) == masked


@given(st.text(max_size=300))
def test_masking_named_values_takes_any_text(text: str) -> None:
    """Whatever a target answers, it comes out without an error, and masking twice changes nothing more."""
    once = mask_named_values(text)
    assert mask_named_values(once) == once
