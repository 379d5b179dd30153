"""The JSON Schema that editors use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.plans import FRAMEWORK_PLAN, FULL_PLAN, load_text
from tests.support.schemas import accepts

from loadworthy.plan.document import Document
from loadworthy.plan.model import Plan
from loadworthy.plan.schema import plan_schema
from loadworthy.plan.yaml_reader import read_yaml


def _data(text: str) -> Any:
    document = Document("plan.yaml")
    read_yaml(text, document)
    assert not document.problems
    return document.data


def test_it_describes_itself_and_every_key() -> None:
    """The dialect, a title, what is required, and the words of the models for their keys."""
    schema = plan_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"] == "Loadworthy plan"
    assert schema["required"] == ["scenarios"]
    assert set(schema["properties"]) == {field.alias or name for name, field in Plan.model_fields.items()}
    assert schema["additionalProperties"] is False
    assert "Time-out for connecting" in schema["properties"]["timeout"]["description"]
    assert "below the base URL" in schema["$defs"]["Endpoint"]["properties"]["path"]["description"]
    assert json.loads(json.dumps(schema)) == schema


def test_it_is_made_anew_each_time() -> None:
    """Who changes the schema changes a copy."""
    plan_schema()["properties"].clear()
    assert plan_schema()["properties"]


@pytest.mark.parametrize(
    "text",
    [
        FRAMEWORK_PLAN,
        FULL_PLAN,
        "verify_tls: ${TLS}\nscenarios: {a: {users: '${N:-3}', kind: '${KIND}', run_time: 30, spawn_rate: 5/s}}",
        "scenarios: {a: {wait_time: 1.5, thresholds: [p95 < 1s, {error_rate: 0.1}]}}",
        "scenarios: {a: {flow: [{path: /, headers: {X: 1.10}, expect: {status: 200}, json: [1, {a: null}]}]}}",
        "scenarios: {a: {flow: [{websocket: {path: /}}, {ping: {}}, {close: 4000}, {wait: 1s}, {send: {text: x}}]}}",
        "scenarios: {a: {endpoints: [{events: {path: /, name: x, count: 3, match: {$.a: 1}}, weight: 2}]}}",
        "scenarios: {a: {flow: [{websocket: {path: /}}, {stream: {name: x, size: 1kB, count: 3, every: 20ms}}]}}",
        "scenarios: {a: {flow: [{path: /, multipart: {a: 1, b: [x, {file: a.csv}], c: {json: [1], type: a/b}}}]}}",
        "name: 7\ntest_data: {a: [{x: 1}], b: {file: a.csv, order: random}}\nscenarios: {a: {}}",
    ],
)
def test_it_accepts_what_the_loader_accepts(tmp_path: Path, text: str) -> None:
    """Short forms, units, variables and numbers for text are no mistakes in an editor either."""
    (tmp_path / "a.csv").write_text("x\n1\n")
    environ = {"TLS": "true", "KIND": "load"}
    load_text(tmp_path, text, environ=environ)
    assert accepts(plan_schema(), _data(text))


@pytest.mark.parametrize(
    "text",
    [
        "base_url: http://x",
        "scenarios: {}",
        "scenarios: [a]",
        "scenarios: {a: {user: 1}}",
        "scenarios: {a: {users: many}}",
        "scenarios: {a: {users: 0}}",
        "scenarios: {a: {kind: laod}}",
        "scenarios: {a: {flow: [{name: x}]}}",
        "scenarios: {a: {flow: [{path: /, method: get}]}}",
        "scenarios: {a: {flow: [{path: /, ping: {}}]}}",
        "scenarios: {a: {flow: [{websocket: {path: /}}, {send: {}}]}}",
        "scenarios: {a: {flow: [{websocket: {path: /}}, {request: {name: x, text: a, size: 5}}]}}",
        "scenarios: {a: {flow: [{websocket: {path: /}}, {request: {text: a}}]}}",
        "scenarios: {a: {flow: [{path: /, expect: {status: 999}}]}}",
        "scenarios: {a: {flow: [{path: /, multipart: {a: {text: x, size: 1}}}]}}",
        "scenarios: {a: {flow: [{path: /, multipart: {a: {filename: x}}}]}}",
        "scenarios: {a: {flow: [{path: /, multipart: {a: {txt: x}}}]}}",
        "scenarios: {a: {thresholds: [{p95: 1, p99: 2}]}}",
        "scenarios: {a: {}}\ntest_data: {a: []}",
    ],
)
def test_it_refuses_what_the_loader_refuses(text: str) -> None:
    """Unknown keys, missing ones, and values of the wrong kind are marked by an editor."""
    assert not accepts(plan_schema(), _data(text))
