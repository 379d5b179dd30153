"""Postman collections: folders, variables, authentication, bodies and scripts become a flow."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.importers.recordings import loads, sample, steps, told
from tests.importers.spoiling import assert_harmless, spoil

from loadworthy.importers.emit import plan_yaml
from loadworthy.importers.imported import Imported, ImportFailedError, ImportOptions
from loadworthy.importers.postman.plan import detect, import_postman
from loadworthy.importers.postman.scripts import read_script
from loadworthy.importers.postman.values import DYNAMIC

SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
BASE = "https://api.example/v1"


def item(request: Any, name: str = "One", *, test: str = "", before: str = "", **others: Any) -> dict[str, Any]:
    """A request of a collection, with its scripts."""
    events = [
        {"listen": listen, "script": {"exec": script.split("\n")}}
        for listen, script in (("test", test), ("prerequest", before))
        if script
    ]
    return {"name": name, "request": request, "event": events, **others}


def collection(*items: dict[str, Any], variables: dict[str, Any] | None = None, **others: Any) -> str:
    """The file."""
    found = [{"key": key, "value": value} for key, value in {"baseUrl": BASE, **(variables or {})}.items()]
    info = {"name": "Shop", "schema": SCHEMA}
    return json.dumps({"info": info, "item": list(items), "variable": found, **others})


def made_of(*items: dict[str, Any], options: dict[str, Any] | None = None, **others: Any) -> Imported:
    """What is made of it; it is a plan without mistakes."""
    made = import_postman(collection(*items, **others), ImportOptions(**(options or {})))
    loads(made)
    return made


def body(mode: str, data: Any, **others: Any) -> dict[str, Any]:
    """A request with this body."""
    return {"method": "POST", "url": "{{baseUrl}}/a", "body": {"mode": mode, mode: data, **others}}


JSON_OPTIONS = {"options": {"raw": {"language": "json"}}}


@pytest.mark.parametrize(
    ("request_data", "step"),
    [
        # URLs
        ("{{baseUrl}}/a?at={{$isoTimestamp}}", {"path": "/v1/a", "query": {"at": "{{ now() }}"}}),
        ("{{baseUrl}}/a?x=1 2&y", {"path": "/v1/a?x=1%202&y", "name": "/v1/a"}),
        ({"url": "https://api.example/a#top"}, {"path": "/a"}),
        ({"url": {"raw": "x", "protocol": "https", "host": ["api", "example"], "port": "8443", "path": ["a b", "c"]}},
         {"path": "/a%20b/c"}),
        ({"url": {"host": "{{baseUrl}}", "path": "/a/b"}}, {"path": "/v1/a/b"}),
        ({"url": {"raw": "{{baseUrl}}/a/:id?off=1", "query": [{"key": "q", "value": "ä&b"},
                  {"key": "off", "value": "1", "disabled": True}], "variable": [{"key": "id", "value": "7"}]}},
         {"path": "/v1/a/7", "name": "/v1/a/[id]", "query": {"q": "ä&b"}}),
        ({"url": {"host": ["{{baseUrl}}"], "path": ["users", ":userId", ":kept"], "variable": [{"key": "userId"}]}},
         {"path": "/v1/users/${USER_ID}/:kept", "name": "/v1/users/[id]/:kept"}),
        ({"method": "delete", "url": "{{baseUrl}}/a"}, {"path": "/v1/a", "method": "DELETE"}),
        ({"url": {"raw": "https://api.example/x?page=2&q=z"}}, {"path": "/x", "query": {"page": "2", "q": "z"}}),
        ({"url": "https://bob:pw-12345@api.example/x"},
         {"path": "/x", "headers": {"Authorization": "Basic ${BASIC_AUTH}"}}),
        # headers
        ({"url": "{{baseUrl}}/a", "header": [{"key": "X-A", "value": "{{size}}"}, {"key": "X-B", "disabled": True},
                                             {"key": "Host", "value": "x"}]},
         {"path": "/v1/a", "headers": {"X-A": "20"}}),
        ({"url": "{{baseUrl}}/a", "header": "X-A: 1\nX-Key: {{apiKey}}"},
         {"path": "/v1/a", "headers": {"X-A": "1", "X-Key": "${API_KEY}"}}),
        # bodies
        (body("raw", '{"n": {{size}}, "t": "{{size}}", "in": "a {{size}} b", "r": {{$randomInt}},'
                     ' "s": "{{$randomInt}}", "u": "{{$guid}}", "password": "p-1234567"}', **JSON_OPTIONS),
         {"path": "/v1/a", "method": "POST", "json": {
             "n": 20, "t": "20", "in": "a 20 b", "r": "{{ random_int(0, 1000) }}",
             "s": "{{ random_int(0, 1000) | string }}", "u": "{{ uuid() }}", "password": "${PASSWORD}"}}),
        (body("raw", "plain {{size}} {% x %}"),
         {"path": "/v1/a", "method": "POST", "headers": {"Content-Type": "text/plain"},
          "body": "{{ 'plain 20 {% x %}' }}"}),
        (body("raw", "<a/>", options={"raw": {"language": "xml"}}),
         {"path": "/v1/a", "method": "POST", "headers": {"Content-Type": "application/xml"}, "body": "<a/>"}),
        (body("urlencoded", [{"key": "a b", "value": "c&{{size}}"}, {"key": "x", "value": "1", "disabled": True}]),
         {"path": "/v1/a", "method": "POST", "form": {"a b": "c&20"}}),
        (body("formdata", [{"key": "n", "value": "{{size}}", "type": "text"}, {"key": "off", "disabled": True},
                           {"key": "j", "value": "[1]", "type": "text", "contentType": "application/json"}])
         | {"header": [{"key": "Content-Type", "value": "application/json"}]},
         {"path": "/v1/a", "method": "POST", "multipart": {"n": "20", "j": {"json": [1]}}}),
        (body("graphql", {"query": "{ me(id: 1) { id } }", "variables": '{"n": {{size}}}'}),
         {"path": "/v1/a", "method": "POST", "json": {"query": "{ me(id: 1) { id } }", "variables": {"n": 20}}}),
        (body("raw", "{}", disabled=True), {"path": "/v1/a", "method": "POST"}),
        # authentication
        ({"url": "{{baseUrl}}/a", "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "t-1234567"}]}},
         {"path": "/v1/a", "headers": {"Authorization": "Bearer ${TOKEN}"}}),
        ({"url": "{{baseUrl}}/a", "auth": {"type": "bearer", "bearer": {"token": "{{jwt}}"}}},
         {"path": "/v1/a", "headers": {"Authorization": "Bearer ${JWT}"}}),
        ({"url": "{{baseUrl}}/a", "auth": {"type": "basic", "basic": [{"key": "username", "value": "ann"},
                                                                   {"key": "password", "value": "pw-12345"}]}},
         {"path": "/v1/a", "headers": {"Authorization": "Basic ${BASIC_AUTH}"}}),
        ({"url": "{{baseUrl}}/a", "auth": {"type": "basic", "basic": {"username": "ann", "password": "{{password}}"}}},
         {"path": "/v1/a", "headers": {"Authorization": "Basic ${BASIC_AUTH}"}}),
        ({"url": "{{baseUrl}}/a?x=1", "auth": {"type": "apikey", "apikey": [
            {"key": "key", "value": "api_key"}, {"key": "value", "value": "k-1234567"},
            {"key": "in", "value": "query"}]}},
         {"path": "/v1/a", "query": {"x": "1", "api_key": "${API_KEY}"}}),
        ({"url": "{{baseUrl}}/a", "auth": {"type": "apikey", "apikey": {"key": "X-Api-Key", "value": "k-1234567"}}},
         {"path": "/v1/a", "headers": {"X-Api-Key": "${X_API_KEY}"}}),
        ({"url": "{{baseUrl}}/a", "auth": {"type": "apikey", "apikey": {"key": "appid", "value": "k-1234567",
                                                                        "in": "query"}}},
         {"path": "/v1/a", "query": {"appid": "${APPID}"}}),
        # a secret beside a variable that is not known
        (body("raw", '{"user": "{{who}}", "password": "p-1234567"}'),
         {"path": "/v1/a", "method": "POST", "headers": {"Content-Type": "text/plain"},
          "json": {"user": "${WHO}", "password": "${PASSWORD}"}}),
    ],
)  # fmt: skip
def test_one_request_is_one_step(request_data: Any, step: dict[str, Any]) -> None:
    """URL, variables, headers, body and authentication of a request; none of these leaves a note."""
    made = made_of(item(request_data), variables={"size": 20, "apiKey": "zzz-1234567"})
    assert steps(made) == [step]
    assert made.notes == ()
    assert not {"zzz-1234567", "t-1234567", "k-1234567", "p-1234567", "pw-12345"} & set(plan_yaml(made).split())


def test_files_of_a_form_are_named_and_random_bytes_go_in_their_place() -> None:
    """One or several of a field, by the paths that they have on somebody's machine."""
    files = [{"key": "f", "type": "file", "src": ["/a/b.png", "c\\d.jpg"]}, {"key": "g", "type": "file"}]
    (step,) = steps(made_of(item(body("formdata", files))))
    assert step["multipart"] == {
        "f": [{"size": "10kB", "filename": "b.png"}, {"size": "10kB", "filename": "d.jpg"}],
        "g": {"size": "10kB", "filename": "file"},
    }


@pytest.mark.parametrize(
    ("one", "note"),
    [
        (item(body("file", {"src": "a.bin"})), "its body is a file"),
        (item(body("formdata", [{"key": "f", "type": "file", "src": "/a/b.png"}])), "random bytes are sent as b.png"),
        (item({"url": BASE, "auth": {"type": "awsv4"}}), "authentication of kind awsv4"),
        (item({"url": BASE, "auth": {"type": "oauth2", "oauth2": []}}), "OAuth 2 token is not asked for"),
        (item({"url": f"{BASE}/{{{{$randomCatName}}}}"}), "{{$randomCatName}}: a plan has nothing like it"),
        (item(BASE, before="pm.sendRequest('x', go)"), "its script before the request does more"),
        (item(BASE, test="postman.setNextRequest('Two')\nfoo()"), "does more: postman.setNextRequest… and 1 more"),
    ],
)
def test_what_a_plan_does_not_do(one: dict[str, Any], note: str) -> None:
    """It is told of under the name of the request, which is made all the same."""
    made = made_of(one)
    assert len(steps(made)) == 1
    assert note in told(made)


def test_a_collection_as_people_have_it() -> None:
    """Folders, inherited authentication, scripts that pass values on, old and new ways to write them, v2.0 parts."""
    made = import_postman(sample("shop.postman_collection.json"), ImportOptions())
    loads(made)
    scenario = made.plan["scenarios"]["load"]
    assert made.plan["base_url"] == "https://api.shop.example"
    assert made.source == "Postman collection v2.1: Shop API"
    assert scenario["headers"] == {"X-Client": "postman"}
    assert scenario["flow"] == [
        {
            "path": "/v1/auth/login",
            "method": "POST",
            "json": {"email": "user{{ random_int(1, 1000000) }}@example.com", "password": "${USER_PASSWORD}"},
            "expect": {"status": 200, "json": {"$.user.active": True}},
            "extract": {"access_token": "$.token", "userId": "$.user.id", "csrf": "header:X-CSRF-Token"},
            "tags": ["Auth"],
        },
        {
            "path": "/v1/users/{{ userId }}/orders",
            "name": "/v1/users/[id]/orders",
            "query": {"page": "1", "size": "25"},
            "headers": {"Authorization": "Bearer {{ access_token }}"},
            "expect": {"status": [200, 304]},
            "tags": ["Orders"],
        },
        {
            "path": "/v1/orders",
            "method": "POST",
            "headers": {"Authorization": "Bearer {{ access_token }}", "X-CSRF-Token": "{{ csrf }}"},
            "json": {
                "user": "{{ userId }}",
                "label": "order of {{ userId }}",
                "at": "{{ now_ms() }}",
                "ref": "{{ uuid() }}",
            },
            "expect": {"status": 201, "text": ["created"]},
            "extract": {"order_id": "$['order'].items[0].id"},
            "tags": ["Orders", "Write"],
        },
        {
            "path": "/v1/orders/{{ order_id }}",
            "method": "DELETE",
            "name": "/v1/orders/[id]",
            "headers": {"Authorization": "Bearer {{ access_token }}"},
            "allow_redirects": False,
            "tags": ["Orders", "Write"],
        },
        {"path": "${STATUS_URL}/health"},
    ]
    assert made.variables.keys() == {"USER_PASSWORD", "STATUS_URL"}
    assert "Orders / Write / Create: its script does more: schema.validate…" in told(made)
    assert len(made.notes) == 1
    once = import_postman(
        sample("shop.postman_collection.json"), ImportOptions(login="POST *login", only=("/v1/users/*",))
    )
    assert [len(once.plan["scenarios"]["load"][key]) for key in ("on_start", "flow")] == [1, 1]
    other = import_postman(sample("shop.postman_collection.json"), ImportOptions(login="POST /in"))
    assert "--login: no request before others is POST /in" in told(other)


@pytest.mark.parametrize(
    ("script", "extract"),
    [
        ("pm.environment.set('a', pm.response.json().b)", {"a": "$.b"}),
        ("pm.globals.set('a', pm.response.json()[0]['x y'].b);", {"a": "$[0]['x y'].b"}),
        ('var d = JSON.parse(responseBody);\npostman.setEnvironmentVariable("a", d.b);', {"a": "$.b"}),
        ("let r = pm.response.json()\nconst u = r.user\npm.collectionVariables.set(`a`, u.id)", {"a": "$.user.id"}),
        ("pm.test('t', () => { pm.environment.set('a', pm.response.json().b); });", {"a": "$.b"}),
        ("pm.environment.set('a', pm.cookies.get('sid'))", {"a": "cookie:sid"}),
        ("pm.environment.set('a', postman.getResponseHeader('ETag'))", {"a": "header:ETag"}),
        ("try {\n  pm.environment.set('a', pm.response.json().b)\n}", {"a": "$.b"}),
        ("if (x) {\n  pm.environment.set('a', pm.response.json().b)\n}", {}),
        ("if (x)\n  pm.environment.set('a', pm.response.json().b)", {}),
        ("x && pm.environment.set('a', pm.response.json().b)", {}),
        ("pm.sendRequest('u', function (e, r) {\n  pm.environment.set('a', pm.response.json().b)\n})", {}),
        ("pm.environment.set('a', unknown.b)", {}),
        ("pm.environment.set('a', pm.response.json().b + 1)", {}),
    ],
)
def test_values_that_scripts_take(script: str, extract: dict[str, str]) -> None:
    """The ways in which people write it; what is none of them is given back."""
    found = read_script(script)
    assert found.extract == extract
    assert bool(found.rest) is (extract == {} or "try" in script)


@pytest.mark.parametrize(
    ("script", "statuses"),
    [
        ("pm.test('ok', function () {\n    pm.response.to.have.status(201);\n});", [201]),
        ('pm.test("ok", () => pm.expect(pm.response.code).to.equal(204));', [204]),
        ("pm.expect(pm.response.code).to.be.oneOf([200, 202])", [200, 202]),
        ("tests['ok'] = responseCode.code === 200;", [200]),
        ("pm.response.to.be.ok;\nconsole.log('x')\n// pm.response.to.have.status(500)", []),
    ],
)
def test_statuses_that_scripts_want(script: str, statuses: list[int]) -> None:
    """Chai's ways and the old one; what only logs is no matter."""
    found = read_script(script)
    assert (found.statuses, found.rest) == (statuses, [])


def test_statuses_of_branches_are_not_expected() -> None:
    """Of an if and its else, a switch; what comes behind them is."""
    found = read_script(
        "pm.test('Status {', () => {\n if (responseCode.code === 401) {\n  pm.response.to.have.status(401);\n"
        " } else {\n  pm.expect(pm.response.code).to.eql(503);\n }\n});\nvar late = responseCode.code === 404;\n"
        "switch (x) {\n case 1:\n  pm.response.to.have.status(500);\n}\npm.response.to.have.status(200);"
    )
    assert found.statuses == [200]
    assert len(found.rest) == 8


@pytest.mark.parametrize(
    ("script", "extract", "rest"),
    [
        ("if (d.token) {\n  pm.environment.set('t', d.token);\n}\npm.globals.set('u', d.u);", {"t", "u"}, 0),
        ("if (pm.response.code === 200) { pm.environment.set('t', d.t); }", {"t"}, 0),
        ("if (responseCode.code == 200 && d.t) pm.environment.set('t', d.t);", {"t"}, 0),
        ("tests['has t'] = d.hasOwnProperty('t');\nif (tests['has t']) {\n pm.globals.set('t', d.t);\n}", {"t"}, 1),
        ("var user = d.user || {};\npm.globals.set('t', user.t);", {"t"}, 0),
        ("if (d.t) {\n pm.globals.set('t', d.t);\n} else {\n pm.globals.set('e', d.e);\n}", {"t"}, 2),
        ("if (d.a) {\n if (d.b > 3) {\n  pm.globals.set('t', d.t);\n }\n pm.globals.set('u', d.u);\n}", {"u"}, 2),
        ("if (d.all) {\n pm.globals.set('t', d.all[0].t);\n}\nif (d.t) {\n pm.globals.set('t', d.t);\n}", set(), 1),
        ("if (!d.t) {\n pm.globals.set('t', d.other);\n}", set(), 2),
        ("if (pm.environment.get('x')) {\n pm.globals.set('t', d.t);\n}", set(), 2),
        ("for (const one of d) {\n if (one.t) {\n  pm.globals.set('t', d.t);\n }\n}", set(), 3),
    ],
)
def test_values_that_are_taken_where_the_answer_has_them(script: str, extract: set[str], rest: int) -> None:
    """An if that only asks for the value, or a good status, is no reason to go without it; any other one is."""
    found = read_script(f"const d = pm.response.json();\n{script}")
    assert (set(found.extract), len(found.rest)) == (extract, rest)


def test_a_value_that_may_be_missing_is_taken_where_a_request_needs_it() -> None:
    """That a plan always takes it is told; where nobody needs it, it is not taken."""
    taking = (
        "const d = pm.response.json();\nif (d.id) {\n pm.globals.set('id', d.id);\n pm.globals.set('key', d.key);\n}"
    )
    made = made_of(item("{{baseUrl}}/a", "Make", test=taking), item("{{baseUrl}}/a/{{id}}"))
    assert made.plan["scenarios"]["load"]["flow"][0]["extract"] == {"id": "$.id"}
    assert [note.what for note in made.notes if note.where == "Make"] == [
        "it takes id if the answer has it; without it, the step of the plan fails"
    ]


def test_other_hosts() -> None:
    """They are left out and told of; what one of them would have given is asked of the environment; --only alike."""
    token = item(
        "https://auth.third.test/token", "In", before="foo()", test="pm.environment.set('token', pm.response.json().t)"
    )
    pages = [item("{{baseUrl}}/a", "A"), item("{{baseUrl}}/b", "B"), item("https://static.api.example/c", "C")]
    auth = {"type": "bearer", "bearer": {"token": "{{token}}"}}
    made = made_of(token, *pages, auth=auth)
    assert [step["path"] for step in steps(made)] == ["/v1/a", "/v1/b"]
    assert "allowed_hosts" not in made.plan
    assert made.plan["scenarios"]["load"]["headers"] == {"Authorization": "Bearer ${TOKEN}"}
    assert told(made) == "\n".join(
        f"{host}: 1 request to a host that is not the service's own; left out"
        for host in ("auth.third.test", "static.api.example")
    )
    one = made_of(token, *pages, auth=auth, options={"only": ("/v1/b",), "base_url": "http://localhost:1"})
    assert [step["path"] for step in steps(one)] == ["/v1/b"]
    assert one.plan["scenarios"]["load"]["flow"][0]["headers"] == {"Authorization": "Bearer ${TOKEN}"}
    assert "3 requests: not among the requests that were asked for; left out" in told(one)


def test_extracted_names_that_are_alike() -> None:
    """Two variables stay two."""
    made = made_of(
        item("{{baseUrl}}/a", test="pm.environment.set('u-id', pm.response.json().a);\n"
                                   "pm.environment.set('u_id', pm.response.json().b)"),
        item("{{baseUrl}}/z/{{u-id}}/{{u_id}}"),
    )  # fmt: skip
    assert steps(made)[0]["extract"] == {"u_id": "$.a", "u_id_2": "$.b"}
    assert steps(made)[1]["path"] == "/v1/z/{{ u_id }}/{{ u_id_2 }}"


def test_what_scripts_hold_is_not_shown() -> None:
    """Of a statement that is not understood, only what it calls."""
    made = made_of(item(BASE, before="pm.sendRequest('https://x.example/?k=pw-12345')", test="x = 'pw-12345'\nfoo()"))
    assert "pm.sendRequest…" in told(made)
    assert "pw-12345" not in told(made)


@pytest.mark.parametrize("raw", ['"' + '\\"' * 100_000, "{{" + " " * 100_000])
def test_long_bodies_take_time_in_proportion(raw: str) -> None:
    """A text without its end is read at once; where it were not, this test would not end."""
    assert steps(made_of(item(body("raw", raw, **JSON_OPTIONS))))


def test_scripts_before_a_request_and_constants() -> None:
    """A clock, a constant, another variable; set again by an answer, it is the answer's."""
    made = made_of(
        item("{{baseUrl}}/a?t={{now}}&c={{c}}&g={{g}}", before=(
            "pm.variables.set('now', Date.now());\npm.environment.set('c', 'red');\n"
            "pm.environment.set('g', pm.variables.replaceIn('{{$guid}}'));"
        ), test="pm.environment.set('c', pm.response.json().colour)"),
        item("{{baseUrl}}/b?c={{c}}"),
    )  # fmt: skip
    assert [step["query"] for step in steps(made)] == [
        {"t": "{{ now_ms() }}", "c": "red", "g": "{{ uuid() }}"},
        {"c": "{{ c }}"},
    ]
    assert steps(made)[0]["extract"] == {"c": "$.colour"}
    assert made.notes == ()


def test_a_token_that_comes_later() -> None:
    """A request before the login goes without it, and that is said; the login itself, too, where it inherits."""
    auth = {"type": "bearer", "bearer": [{"key": "token", "value": "{{token}}"}]}
    made = made_of(
        item("{{baseUrl}}/ping"),
        item("{{baseUrl}}/login", "In", test="pm.environment.set('token', pm.response.json().token)"),
        item("{{baseUrl}}/a"),
        auth=auth,
    )
    assert [step.get("headers") for step in steps(made)] == [None, None, {"Authorization": "Bearer {{ token }}"}]
    assert [note.where for note in made.notes] == ["One", "In"]
    assert made.variables == {}


def test_dynamic_variables_are_templates() -> None:
    """Each of them can be filled, as text and in JSON."""
    raw = "{" + ", ".join(f'"{name}": "{{{{${name}}}}}"' for name in DYNAMIC) + "}"
    made = made_of(item(body("raw", raw, **JSON_OPTIONS)))
    from random import Random

    from loadworthy.users.templates import Templates, functions, resolve

    filled = resolve(Templates().value(steps(made)[0]["json"]), functions(Random(1)))
    assert filled.keys() == DYNAMIC.keys()
    assert all(isinstance(value, str) and "{{" not in value and value for value in filled.values())


def test_what_is_a_collection() -> None:
    """By its name or what it holds; an environment, too, so that it can be refused with a reason."""
    assert detect(collection(item(BASE)), "x.json")
    assert detect("{}", "Shop.postman_collection.json")
    assert detect('{"values": [], "_postman_variable_scope": "environment"}', "env.json")
    assert not detect('{"openapi": "3.0.0"}', "api.json")


def test_patterns_that_fit_nothing() -> None:
    """It is said what there is."""
    with pytest.raises(ImportFailedError, match="no request fits --only /nope; there are GET /v1/b"):
        made_of(item("{{baseUrl}}/b"), options={"only": ("/nope",)})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "line 1, column"),
        ("[]", "no JSON object"),
        ("{}", "no list at item"),
        ('{"item": []}', "no requests"),
        ('{"id": "1", "order": [], "requests": [{"url": "x"}]}', "format v1, which is too old.*v2.1"),
        ('{"values": [], "_postman_variable_scope": "environment"}', "an environment of Postman"),
        (collection(item({"method": "LINK", "url": BASE})), "no method LINK"),
        (collection(item({"url": "ftp://a.example"})), "no http:// or https://"),
        ("[" * 100_000, "cannot be read as JSON"),
    ],
)
def test_what_is_wrong_is_said(text: str, message: str) -> None:
    """One error, and how to mend it."""
    with pytest.raises(ImportFailedError, match=message):
        import_postman(text, ImportOptions())


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_hostile_collections_do_no_harm(data: st.DataObject) -> None:
    """Whatever stands in place of the parts of a collection, it becomes a plan without mistakes, or one error."""
    whole = json.loads(sample("shop.postman_collection.json"))
    spoil(whole, data, "{{baseUrl}}", "{{a}}/{{$guid}}", "{{ {{ }}", "http://[", "\ue0000\ue001", "{% x", "\ud800")
    assert_harmless("postman", whole)
