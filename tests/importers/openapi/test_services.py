"""Imported from what they serve at /openapi.json, the reference services are loaded with good answers only.

For four of the five the plan runs as it was imported, with credentials and rows filled in as its notes ask. That of
cms_medical is changed by hand first (:func:`_give_doctors_their_account`): it has roles whose requests only a doctor,
or only a patient, may send, which its document does not say. In all, loose requests are sent in turn and not at random,
and pauses are shorter, so that a short run sends each.
"""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.importers.openapi.declared_shop import KEY, PASSWORD
from tests.support.systems import Service

from loadworthy import api
from loadworthy.importers.emit import plan_yaml
from loadworthy.importers.imported import ImportOptions
from loadworthy.importers.openapi.plan import detect, import_openapi

pytestmark = pytest.mark.slow

GOOD = 0.95

_SHOP = Path(__file__).with_name("declared_shop.py")
SERVICES: dict[str, tuple[dict[str, str], dict[str, str], set[str]]] = {
    "declared_shop": (
        {"API_USERNAME": "anybody", "API_PASSWORD": PASSWORD, "API_KEY_APIKEYHEADER": KEY},
        {},
        set(),
    ),
    "app_performance": (
        {"API_EMAIL": "manager01@example.com", "API_PASSWORD": "performance-test"},
        {},
        {"DELETE /api/test-runs/{run_id}"},
    ),
    "thanotopolis": (
        {"API_EMAIL": "admin@thanotopolis.com", "API_PASSWORD": "LoadTest2025!"},
        {},
        {
            "DELETE /api/auth/me",
            "DELETE /api/auth/users/{user_id}",
            "DELETE /api/telephony/calls/{call_sid}",
            "POST /api/telephony/verifications/{verification_id}/confirm",
            "POST /api/telephony/webhooks/twilio/status",
            "POST /api/telephony/webhooks/twilio/voice",
        },
    ),
    "cms_medical": (
        {"API_USERNAME": "admin", "API_PASSWORD": "password123"},
        {},
        set(),
    ),
    "kimmy_esthi": (
        {"API_USERNAME": "admin", "API_PASSWORD": "kimmy-admin-test"},
        {"treatment.csv": "treatment\nlash-lift\nwaxing\n"},
        {"DELETE /appointments/{appointment_id}", "DELETE /consent-forms/{form_id}"},
    ),
}
"""Service → credentials that it is seeded with, files that its notes ask for, operations that its notes leave out.

With cms_medical's credentials alone, some answers would be 403: see the opening.
"""


@pytest.mark.parametrize("name", SERVICES)
def test_the_imported_plan_runs_with_good_answers(name: str, tmp_path: Path) -> None:
    environ, filled_in, left_out = SERVICES[name]
    program = (str(_SHOP),) if name == "declared_shop" else ("-m", "systems.serve")
    with Service(name, tmp_path, program=program) as service:
        text = _served(service)
        assert detect(text, "openapi.json")
        imported = import_openapi(text, ImportOptions(base_url=service.url))
        assert set(imported.variables) == set(environ)
        assert set(imported.files) == set(filled_in)
        noted = {note.where for note in imported.notes if "left out" in note.what and " /" in note.where}
        assert noted == left_out
        scenario = imported.plan["scenarios"]["load"]
        _send_each_in_turn(scenario["roles"]["requests"])
        if name == "cms_medical":
            _give_doctors_their_account(scenario)
            _send_pictures(scenario)
        for file, content in {**imported.files, **filled_in}.items():
            (tmp_path / file).write_text(content, encoding="utf-8")
        (tmp_path / "plan.yaml").write_text(plan_yaml(imported), encoding="utf-8")
        result = api.run(
            tmp_path / "plan.yaml",
            overrides={
                "scenarios.load.wait_time": "50ms-150ms",
                "scenarios.load.spawn_rate": None,
                "scenarios.load.iterations": 8 * scenario["users"],
                "scenarios.load.run_time": "10m",  # on a slow machine the minute that it has may be too short
            },
            environ=environ,
            out=tmp_path / "runs",
            seed=7,
            view=False,
            closing=False,
        )
    figures = json.loads((result.path / "summary.json").read_text(encoding="utf-8"))["scenarios"]["load"]
    answered = sum(figures["status_codes"].values())
    good = sum(count for status, count in figures["status_codes"].items() if status.startswith("2"))
    assert good >= GOOD * figures["requests"] >= GOOD * answered
    assert figures["error_rate"] <= 1 - GOOD
    exercised = {
        name.replace("***", "admin")
        for name, series in figures["series"].items()
        if series["requests"] > series["failures"]
    }
    assert exercised == {_series_name(one) for one in _operations(text) - left_out}


def _send_pictures(scenario: dict[str, Any]) -> None:
    """The clinic takes no bytes of an unknown kind; the note on POST /api/files asks for a file of the user's."""
    for role in scenario["roles"].values():
        for step in role.get("flow", []):
            if "file" in step.get("multipart", {}):
                step["multipart"]["file"]["filename"] = "scan.png"


def _send_each_in_turn(role: dict[str, Any]) -> None:
    """Not at random: in so short a run, chance might miss one."""
    role["flow"] = role.pop("endpoints")


def _give_doctors_their_account(scenario: dict[str, Any]) -> None:
    """What only the user knows: doctors write medical records, and patients get notifications."""
    (login,) = scenario["on_start"]
    headers = {"Authorization": "Bearer {{ doctor_token }}"}
    account = {"username": "doctor001", "password": "${API_PASSWORD}"}
    for noun in ("consultation", "episode"):
        role = scenario["roles"][noun]
        role["on_start"] = [login, {**login, "json": account, "extract": {"doctor_token": "$.access_token"}}]
        for step in role["flow"]:
            if noun in step["path"]:
                step["headers"] = headers
    patient = {"username": "patient0001", "password": "${API_PASSWORD}"}
    scenario["roles"]["notification"]["on_start"] = [{**login, "json": patient}]


def _served(service: Service) -> str:
    with urllib.request.urlopen(f"{service.url}/openapi.json", timeout=60) as answer:
        return str(answer.read().decode())


def _operations(text: str) -> set[str]:
    paths: Mapping[str, Mapping[str, Any]] = json.loads(text)["paths"]
    return {f"{method.upper()} {path}" for path, item in paths.items() for method in item}


def _series_name(operation: str) -> str:
    return re.sub(r"\{(\w+)\}", r"[\1]", operation)
