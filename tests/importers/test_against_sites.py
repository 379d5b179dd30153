"""Three recordings, a collection and command lines are imported and run against sites that want right correlation."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.importers.recordings import loads, sample, steps, told
from tests.importers.sites import API_KEY, PASSWORD, Sites
from tests.support.cli import EASY_THRESHOLDS, loadworthy, only_run, summary_of, write_plan

from loadworthy.importers.curl.plan import import_curl
from loadworthy.importers.emit import plan_yaml
from loadworthy.importers.har.plan import detect, import_har
from loadworthy.importers.imported import Imported, ImportOptions
from loadworthy.importers.postman.plan import import_postman

COLLECTION = {
    "info": {"schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json", "name": "Carts"},
    "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{token}}"}]},
    "item": [
        {
            "name": "Log in",
            "event": [
                {"listen": "test", "script": {"exec": ["pm.environment.set('token', pm.response.json().token)"]}}
            ],
            "request": {
                "auth": {"type": "noauth"},
                "method": "POST",
                "url": "{{baseUrl}}/api/auth/login",
                "body": {
                    "mode": "raw",
                    "raw": '{"email": "{{$randomEmail}}", "password": "{{password}}"}',
                    "options": {"raw": {"language": "json"}},
                },
            },
        },
        {
            "name": "Products",
            "event": [
                {"listen": "test", "script": {"exec": "pm.globals.set('product', pm.response.json().items[2].id);"}}
            ],
            "request": "{{baseUrl}}/api/products?page=1",
        },
        {
            "name": "New cart",
            "event": [
                {
                    "listen": "test",
                    "script": {
                        "exec": [
                            "pm.test('made', () => pm.response.to.have.status(201));",
                            "const made = pm.response.json();",
                            "pm.environment.set('cart', made.id);",
                            "pm.environment.set('etag', pm.response.headers.get('ETag'));",
                        ]
                    },
                }
            ],
            "request": {
                "method": "POST",
                "url": "{{baseUrl}}/api/carts",
                "header": [{"key": "Idempotency-Key", "value": "{{$guid}}"}],
            },
        },
        {
            "name": "Put in",
            "event": [{"listen": "prerequest", "script": {"exec": ["pm.variables.set('at', Date.now());"]}}],
            "request": {
                "method": "POST",
                "url": {
                    "host": ["{{baseUrl}}"],
                    "path": ["api", "carts", ":id", "items"],
                    "variable": [{"key": "id", "value": "{{cart}}"}],
                },
                "header": [{"key": "If-Match", "value": "{{etag}}"}],
                "body": {
                    "mode": "raw",
                    "raw": '{"product_id": {{product}}, "quantity": 2, "page": 1, "at": {{at}}}',
                    "options": {"raw": {"language": "json"}},
                },
            },
        },
    ],
}
COMMANDS = """
curl -s "$BASE_URL/"
curl --json '{"email": "ann@shop.example", "password": "'"$PASSWORD"'"}' $BASE_URL/api/auth/login
"""
FILES = {"shop": "shop-chrome.har", "forms": "forms-firefox.har", "dash": "dash-chrome.har"}
USERS, PASSES = 2, 6
"""Passes of all users together."""


@dataclass(frozen=True)
class Ran:
    """What was imported, what the sites saw, and what the run says."""

    made: dict[str, Imported]
    books: list[tuple[str, str, int]]
    summary: Any

    def assert_all_good(self, name: str, prefix: str, requests: int) -> None:
        """Every request of every pass was answered well, and none was left out."""
        seen = [one for one in self.books if one[1].startswith(prefix)]
        assert [one for one in seen if one[2] >= 400] == []
        scenario = self.summary["scenarios"][name]
        assert scenario["failures"] == 0
        calls = sum(
            figures["requests"] for series, figures in scenario["series"].items()
            if re.match("GET|POST|sse", series)
        )  # fmt: skip
        assert calls == requests * PASSES


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """All of them at the same time in one run, without the pauses."""
    folder = tmp_path_factory.mktemp("recorded")
    with Sites() as sites:
        made = {
            name: import_har(sample(file), ImportOptions(base_url=sites.url, scenario=name))
            for name, file in FILES.items()
        }
        made["postman"] = import_postman(json.dumps(COLLECTION), ImportOptions(base_url=sites.url, scenario="postman"))
        made["curl"] = import_curl(COMMANDS, ImportOptions(base_url=sites.url, scenario="curl"))
        scenarios: dict[str, Any] = {}
        for name, one in made.items():
            scenario = dict(one.plan["scenarios"][name])
            if "flow" in scenario:
                scenario["flow"] = [step for step in scenario["flow"] if "wait" not in step]
            scenario |= {"users": USERS, "iterations": PASSES, "run_time": "10m", "thresholds": EASY_THRESHOLDS}
            scenarios[name] = scenario
        scenarios["forms"]["with"] = ["shop", "dash", "postman", "curl"]
        path = write_plan(
            folder, {"base_url": sites.url, "seed": 5, "reporting": {"formats": []}, "scenarios": scenarios}
        )
        done = loadworthy("run", path, cwd=folder, environ={"PASSWORD": PASSWORD, "API_KEY": API_KEY})
        assert done.code == 0, done.out + done.err + json.dumps([one for one in sites.books() if one[2] >= 400])
        yield Ran(made, sites.books(), summary_of(only_run(folder)))


def assert_no_secrets(made: Imported, text: str) -> None:
    """Nothing that was given out or typed in is in the file that is written."""
    written = plan_yaml(made)
    tokens = set(re.findall(r"[A-Za-z0-9]{16,}x7Q2", text)) | {PASSWORD, API_KEY}
    assert len(tokens) > 2
    assert [token for token in tokens if token in written] == []
    loads(made)


def test_a_shop_with_a_json_api(ran: Ran) -> None:
    """Token, ids, cursor, ETag, idempotency key and clock are made anew; static files, trackers and preflights go."""
    made = ran.made["shop"]
    ran.assert_all_good("shop", "/api/", 11)
    assert_no_secrets(made, sample("shop-chrome.har"))
    by_name = {step.get("name", step.get("path")): step for step in steps(made)}
    assert by_name["/api/auth/login"]["extract"] == {"token": "$.token", "user_id": "$.user.id"}
    assert by_name["/api/auth/login"]["json"] == {"email": "ann@shop.example", "password": "${PASSWORD}"}
    assert by_name["/api/carts/[id]/items"]["json"] == {
        "product_id": "{{ item_id }}",
        "quantity": 2,
        "page": 1,
        "at": "{{ now_ms() }}",
    }
    assert by_name["/api/carts"]["headers"]["Idempotency-Key"] == "{{ uuid() }}"
    assert by_name["/api/carts/[id]/items"]["headers"]["If-Match"] == "{{ etag }}"
    assert by_name["/api/orders"]["extract"] == {"order_id": "$.order.id"}
    assert by_name["/api/orders/[id]"]["query"] == {"_": "{{ now_ms() }}"}
    assert [step["expect"]["status"] for step in steps(made) if "path" in step] == [200] * 6 + [201] * 3 + [200, 204]
    assert [step["wait"] for step in steps(made) if "wait" in step] == ["3.8s", "3s", "1.6s", "5.2s", "30s", "1.6s"]
    assert made.plan["scenarios"]["shop"]["headers"] == {"Accept-Language": "en-GB,en;q=0.9"}
    names = {name.lower() for step in steps(made) for name in step.get("headers", {})}
    assert names == {"accept", "authorization", "idempotency-key", "if-match"}
    assert made.variables == {"PASSWORD": "the password that is sent"}
    for part in (
        "images: 2 requests from shop.example",
        "scripts: 1 request from shop.example",
        "cdn.shop.example: 1 request",
        "www.googletagmanager.example: 1 request",
        "telemetry.trackers.example: 1 request",
        "CORS preflights",
        "data: addresses",
        "chrome-extension: addresses",
        "POST /api/receipts: its body is multipart",
        "GET /api/recommendations: it was never answered (net::ERR_ABORTED)",
        "1 request: sent at the same time as others",
        "46s before entry 20, POST /api/orders: cut to 30s",
    ):
        assert part in told(made)


def test_pages_with_forms(ran: Ran) -> None:
    """Hidden fields, a meta tag, a link among others, a script, the address of a redirect; cookies by themselves."""
    made = ran.made["forms"]
    ran.assert_all_good("forms", "/account/", 7)
    assert_no_secrets(made, sample("forms-firefox.har"))
    requests = [step for step in steps(made) if "path" in step]
    # Two of the five redirects that were recorded are followed by the client, and are no steps.
    assert [(step.get("method", "GET"), step.get("name", step["path"])) for step in requests] == [
        ("GET", "/account/"),
        ("POST", "/account/login"),
        ("GET", "/account/orders/[id]"),
        ("POST", "/account/orders/[id]/notes"),
        ("GET", "/account/notes/[id]"),
        ("POST", "/account/notes/[id]/pin"),
        ("GET", "/account/logout"),
    ]
    assert requests[1]["form"] == {"csrf_token": "{{ csrf_token }}", "user": "ann", "password": "${PASSWORD}"}
    assert requests[3]["form"]["text"] == "Ring twice & wait"
    assert requests[3]["extract"] == {"note_location": "header:Location"}
    assert (requests[3]["allow_redirects"], requests[3]["expect"]) == (False, {"status": 303})
    assert not any(name.lower() == "cookie" for step in requests for name in step.get("headers", {}))
    assert "cookie consent: no answer of the recording set it" in told(made)
    assert "cookies: they stay with a user" in told(made)
    seen = Counter(path.split("?")[0] for _, path, _ in ran.books if path.startswith("/account/login"))
    assert seen["/account/login"] == PASSES * 3  # once from the start, once to log in, once from the end


def test_a_dashboard(ran: Ran) -> None:
    """A WebSocket with a ticket, its messages among long polls, server-sent events, requests at the same time."""
    made = ran.made["dash"]
    ran.assert_all_good("dash", "/dash/", 9)
    assert_no_secrets(made, sample("dash-chrome.har"))
    kinds = [next(iter(step)) for step in steps(made)]
    assert kinds == [
        *["path"] * 6,
        "websocket",
        "path",
        "expect_push",
        "request",
        "expect_push",
        "path",
        "expect_push",
        "wait",
        "request",
        "wait",
        "events",
    ]
    by_kind = {next(iter(step)): step for step in reversed(steps(made))}
    assert by_kind["websocket"]["websocket"] == {"path": "/dash/live", "query": {"ticket": "{{ ticket }}"}}
    assert by_kind["expect_push"]["expect_push"] == {
        "name": "hello",
        "match": {"$.type": "hello"},
        "extract": {"channel": "$.channel"},
    }
    assert by_kind["request"]["request"] == {
        "name": "subscribe",
        "json": {"type": "subscribe", "id": 1, "channel": "{{ channel }}"},
        "match": {"$.type": "subscribed", "$.id": 1},
    }
    assert by_kind["events"]["events"]["count"] == 3
    assert made.plan["scenarios"]["dash"]["headers"]["X-Requested-With"] == "XMLHttpRequest"
    assert "2 requests: sent at the same time as others" in told(made)
    series = ran.summary["scenarios"]["dash"]["series"]
    assert series["message subscribe"]["requests"] == PASSES
    assert series["push tick"]["requests"] == PASSES * 2
    assert [kind for kind, _, status in ran.books if kind == "MESSAGE" and status != 200] == []


def test_a_collection(ran: Ran) -> None:
    """What scripts take out of answers is sent again, with its type; the login goes without the token."""
    ran.assert_all_good("postman", "/api/", 4)
    assert ran.made["postman"].notes == ()
    assert ran.made["postman"].variables.keys() == {"PASSWORD"}


def test_command_lines(ran: Ran) -> None:
    """Each is an endpoint; variables of the shell come from the environment."""
    ran.assert_all_good("curl", "/", 1)
    assert len(ran.made["curl"].plan["scenarios"]["curl"]["endpoints"]) == 2
    assert ran.made["curl"].notes == ()
    assert ran.made["curl"].variables.keys() == {"PASSWORD"}


def test_what_is_a_recording() -> None:
    """By its name, or by what it begins with."""
    assert all(detect(sample(file), "recorded.txt") for file in FILES.values())
    assert detect("", "a.HAR")
    assert not detect('{"openapi": "3.1.0"}', "api.json")
