"""What is made of each kind of thing that a recording holds, and of files that are no recordings."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.importers.recordings import ORIGIN, START_S, entry, har, imported, loads, sample, steps, told
from tests.importers.spoiling import assert_harmless, spoil

from loadworthy.importers.emit import plan_yaml
from loadworthy.importers.har.plan import import_har
from loadworthy.importers.imported import ImportFailedError, ImportOptions

PAGE = entry("GET", "/", answer="<html></html>", answer_mime="text/html")


def test_the_order_is_that_of_the_clock() -> None:
    """Entries stand in any order, in any time zone, without a time; the pauses are between them."""
    late = entry("GET", "/late", at_ms=9_000)
    early = entry("GET", "/early", at_ms=1_000)
    zoned = entry("GET", "/zoned", at_ms=0)
    zoned["startedDateTime"] = "2026-11-28T13:55:04.1234567+02:00"
    untimed = entry("GET", "/untimed")
    del untimed["startedDateTime"]
    made = imported(late, untimed, early, zoned)
    assert [step.get("path", step.get("wait")) for step in steps(made)] == [
        "/early", "3.1s", "/zoned", "4.9s", "/late", "/untimed",
    ]  # fmt: skip


def test_a_list_of_requests_without_answers_is_repeated_whole() -> None:
    """Tools that only list requests record no answers: then none of them went wrong, and none is expected."""
    listed = [entry("POST", "/login", sent={"user": "u"}), entry("GET", "/items", headers={"Alt-Used": "shop.example"})]
    for one in listed:
        del one["response"]
    made = imported(*listed)
    assert steps(made) == [{"path": "/login", "method": "POST", "json": {"user": "u"}}, {"path": "/items"}]
    assert "answers: no body of an answer was recorded" in told(made)


def test_a_recording_may_have_nothing_but_a_websocket() -> None:
    """Its host is then that of the WebSocket."""
    one = entry("GET", "wss://feed.example/live", status=101, _resourceType="websocket")
    one["_webSocketMessages"] = [{"type": "send", "time": START_S, "opcode": 1, "data": "hello"}]
    made = imported(one)
    assert made.plan["base_url"] == "https://feed.example"
    assert "websocket" in steps(made)[0]


def test_pauses_are_what_no_request_explains() -> None:
    """From the end of all that came before, and of what the page still fetched; short ones are none, long ones cut."""
    made = imported(
        entry("GET", "/a", at_ms=0, took_ms=2_000),
        entry("GET", "/b", at_ms=100, took_ms=100),
        entry("GET", "/pic.png", at_ms=2_050, took_ms=3_000, answer_mime="image/png"),
        entry("GET", "/c", at_ms=5_300),
        entry("GET", "/pic2.png", at_ms=10_000, took_ms=100, answer_mime="image/png"),
        entry("GET", "/d", at_ms=20_310),
        entry("GET", "/e", at_ms=200_000),
    )
    assert [step["wait"] for step in steps(made) if "wait" in step] == ["15s", "30s"]
    assert "180s before entry 7, GET /e: cut to 30s" in told(made)
    assert "1 request: sent at the same time as others" in told(made)


@pytest.mark.parametrize(
    ("one", "step"),
    [
        (entry("GET", "/a", status=304), {"path": "/a", "expect": {"status": [200, 304]}}),
        (entry("GET", "/a", status=404), {"path": "/a", "expect": {"status": 404}}),
        (entry("GET", "/a", status=503), {"path": "/a"}),
        (entry("GET", "/a", took_ms=25_000), {"path": "/a", "expect": {"status": 200}, "timeout": "60s"}),
        (entry("GET", "/a", took_ms=10**14), {"path": "/a", "expect": {"status": 200}, "timeout": "172800s"}),
        (
            entry("GET", "/a?q=a+b&tag=x&tag=y#top"),
            {"path": "/a", "query": {"q": "a b", "tag": ["x", "y"]}, "expect": {"status": 200}},
        ),
        (entry("GET", "/a?flag&b=1"), {"path": "/a?flag&b=1", "name": "/a", "expect": {"status": 200}}),
        (entry("GET", "/a/17/b"), {"path": "/a/17/b", "name": "/a/[id]/b", "expect": {"status": 200}}),
        (
            entry("GET", "/a/3f2504e0-4f89-11d3-9a0c-0305e82c3301"),
            {"path": "/a/3f2504e0-4f89-11d3-9a0c-0305e82c3301", "name": "/a/[id]", "expect": {"status": 200}},
        ),
        (
            entry("POST", "/a", sent="x=1&y=a%26b", mime="application/x-www-form-urlencoded"),
            {"path": "/a", "method": "POST", "form": {"x": "1", "y": "a&b"}, "expect": {"status": 200}},
        ),
        (
            entry("PUT", "/a", sent="<a>${HOME} {{ x }}</a>", mime="text/xml", headers={"content-type": "text/xml"}),
            {
                "path": "/a",
                "method": "PUT",
                "headers": {"content-type": "text/xml"},
                "body": "{{ '<a>$${HOME} {{ x }}</a>' }}",
                "expect": {"status": 200},
            },
        ),
        (
            entry("POST", "/a", sent={"n": 1.5, "t": "2026-01-02", "none": None, "list": [True]}),
            {
                "path": "/a",
                "method": "POST",
                "json": {"n": 1.5, "t": "2026-01-02", "none": None, "list": [True]},
                "expect": {"status": 200},
            },
        ),
        (
            entry("PATCH", "/a", sent=[1], mime="application/x+json", headers={"Content-Type": "application/x+json"}),
            {
                "path": "/a",
                "method": "PATCH",
                "headers": {"Content-Type": "application/x+json"},
                "json": [1],
                "expect": {"status": 200},
            },
        ),
        (
            entry("POST", "/graphql", sent={"operationName": "Me", "query": "{ me }"}),
            {
                "path": "/graphql",
                "method": "POST",
                "name": "/graphql Me",
                "json": {"operationName": "Me", "query": "{ me }"},
                "expect": {"status": 200},
            },
        ),
        (
            entry("POST", "/a", sent="[" * 500 + "]" * 500),
            {
                "path": "/a",
                "method": "POST",
                "headers": {"Content-Type": "application/json"},
                "body": "[" * 500 + "]" * 500,
                "expect": {"status": 200},
            },
        ),
    ],
)  # fmt: skip
def test_one_request_is_one_step(one: dict[str, Any], step: dict[str, Any]) -> None:
    """Method, path, query, body and status of a recorded request."""
    made = imported(PAGE, one)
    (found,) = steps(made)[1:]
    assert found == step


def test_the_headers_that_matter() -> None:
    """What browsers add by themselves goes; what the site's own code adds stays; what all have is said once."""
    noise = {
        ":authority": "shop.example", "Host": "shop.example", "User-Agent": "x", "Sec-Fetch-Mode": "cors",
        "Accept-Encoding": "br", "Connection": "keep-alive", "Content-Length": "2", "Referer": ORIGIN, "Origin": ORIGIN,
        "If-None-Match": "x", "Cache-Control": "no-cache", "traceparent": "00-1", "DNT": "1", "Accept": "*/*",
    }  # fmt: skip
    made = imported(
        PAGE | {},
        entry("GET", "/a", headers={**noise, "X-Tenant": "t1", "Accept-Language": "de"}),
        entry("GET", "/b", headers={**noise, "X-Tenant": "t1", "Origin": "https://other.example"}),
        only=("/a", "/b"),
    )
    assert made.plan["scenarios"]["load"]["headers"] == {"X-Tenant": "t1"}
    assert [step.get("headers") for step in steps(made)] == [
        {"Accept-Language": "de"},
        {"Origin": "https://other.example"},
    ]


@pytest.mark.parametrize("value", ["http://[", "null", "\x00", "\ud800", "x" * 100_000])
def test_headers_that_are_broken(value: str) -> None:
    """Any header may hold anything; what HTTP does not allow is left out, and told of."""
    names = (
        "Origin",
        "Referer",
        "Cookie",
        "Authorization",
        "Content-Type",
        "X-A",
        "sec-websocket-protocol",
        "Location",
    )
    headers = {**dict.fromkeys(names, value), "bad name": "x"}
    answered = [*headers.items(), ("Set-Cookie", value)]
    made = imported(entry("POST", "/a", headers=headers, sent="x", mime=value, answer="{}", answer_headers=answered))
    assert "HTTP does not allow its header bad name" in told(made)
    assert ("does not allow its header X-A" in told(made)) is (value == "\x00")


def test_other_hosts() -> None:
    """The API of the same owner is kept with its whole URL; others are left out, and told of."""
    made = imported(
        PAGE,
        entry("GET", "https://api.shop.example/v1/items"),
        entry("GET", "https://stats.shop.example/hit"),
        entry("POST", "https://widgets.other.example/x"),
        entry("GET", "https://shop.example:8443/side"),
    )
    assert [step["path"] for step in steps(made)] == [
        "/",
        "https://api.shop.example/v1/items",
        "https://shop.example:8443/side",
    ]
    assert made.plan["allowed_hosts"] == ["api.shop.example", "shop.example"]
    assert "stats.shop.example: 1 request" in told(made)
    assert "widgets.other.example: 1 request" in told(made)


def test_another_target_does_not_open_the_door_to_the_others() -> None:
    """With --url, hosts of the recording that are loaded still are told of, and not allowed."""
    made = imported(
        PAGE, entry("GET", "https://api.shop.example/v1/items"), base_url="http://bob:pw-4711@localhost:8000"
    )
    assert made.plan["base_url"] == "http://bob:${BASE_URL_PASSWORD}@localhost:8000"
    assert "allowed_hosts" not in made.plan
    assert "api.shop.example: 1 request goes there still, and not to --url" in told(made)


def test_bodies_that_were_not_recorded() -> None:
    """A request that sent one, by its size or its headers, is left out, and told of; one without a body is none."""
    blob = entry("PUT", "/a")
    blob["request"]["bodySize"] = 1234
    long = entry("POST", "/b", headers={"Content-Length": "99"})
    long["request"]["postData"] = {"mimeType": "application/json"}
    empty = entry("POST", "/c", headers={"Content-Length": "0"})
    empty["request"]["bodySize"] = -1
    made = imported(PAGE, blob, long, empty, entry("GET", "/d", headers={"Content-Length": "2"}))
    assert [step["path"] for step in steps(made)] == ["/", "/c", "/d"]
    assert told(made).count("its body was not recorded") == 2


def test_what_is_said_elsewhere_than_in_headers() -> None:
    """Cookies of the request's own list, in several headers, and a user with a password in the URL."""
    listed = entry("GET", "/a")
    listed["request"]["cookies"] = [{"name": "sid", "value": "s-12345"}]
    several = entry("GET", "/b", headers={"Cookie": "auth_a=1-23456"})
    several["request"]["headers"].append({"name": "cookie", "value": "auth_b=2-34567"})
    made = imported(PAGE, listed, several, entry("GET", "https://ann:sesame-77@shop.example/c"))
    assert [step.get("headers") for step in steps(made)[1:]] == [
        {"Cookie": "sid=${COOKIE_SID}"},
        {"Cookie": "auth_a=${COOKIE_AUTH_A}; auth_b=${COOKIE_AUTH_B}"},
        {"Authorization": "Basic ${BASIC_AUTH}"},
    ]


def test_secrets_in_bodies_of_any_type() -> None:
    """JSON of whatever type is data; its type stays; beside a value that came back, a secret is one, too."""
    ref = "abc12345xyz"
    made = imported(
        entry("POST", "/in", answer={"session_ref": ref}),
        entry("POST", "/a", sent={"AuthParameters": {"PASSWORD": "hunter2secret"}}, mime="application/x-amz-json-1.1"),
        entry("GET", "/b", headers={"X-Api-Key": f"{ref}:key-4711", "Authorization": f"Bearer {ref}"}),
        entry("POST", "/c", sent=f"<r>{ref}</r><password>hunter3secret</password>", mime="text/xml"),
    )
    _, a, b, c = steps(made)
    assert a["headers"] == {"Content-Type": "application/x-amz-json-1.1"}
    assert a["json"] == {"AuthParameters": {"PASSWORD": "${PASSWORD}"}}
    assert b["headers"] == {
        "X-Api-Key": "{{ session_ref }}${X_API_KEY}", "Authorization": "Bearer {{ session_ref }}"
    }  # fmt: skip
    assert c["body"] == "<r>{{ session_ref }}</r><password>${PASSWORD_2}</password>"


def test_redirects_are_part_of_the_request() -> None:
    """Those that the browser followed, over several hops; one to elsewhere, or unfollowed, is not followed."""

    def redirect(method: str, path: str, to: str, at_ms: int) -> dict[str, Any]:
        return entry(method, path, at_ms=at_ms, status=302, answer_headers=[("location", to)])

    made = imported(
        redirect("GET", "/old", "/newer", 0),
        redirect("GET", "/newer", ORIGIN + "/new", 10),
        entry("GET", "/side", at_ms=15),
        entry("GET", "/new", at_ms=20, answer="<html></html>", answer_mime="text/html"),
        redirect("GET", "/away", "https://idp.other.example/login", 30),
        entry("GET", "https://idp.other.example/login", at_ms=40),
    )
    assert [(step["path"], step["expect"]["status"], step.get("allow_redirects", True)) for step in steps(made)] == [
        ("/old", 200, True),
        ("/side", 200, True),
        ("/away", 302, False),
    ]


def test_what_looks_like_a_credential_is_asked_of_the_environment() -> None:
    """Authorization without an origin, keys, passwords, cookies of an earlier visit; wherever they stand."""
    token = "Zq8-first-9x1"
    made = imported(
        PAGE,
        entry("GET", "/a", headers={"Authorization": f"Bearer {token}", "X-Api-Key": "k-778-abc", "Cookie": "sid=s-1"}),
        entry("GET", f"/b?access_token={token}&page=2&again=x-k-778-abc"),
        entry("POST", "/c", sent={"user": "ann", "password": "pässword 1", "old": {"secret": {"value": 123456789}}}),
        entry("POST", "/d", sent="pwd=pässword 1", mime="text/plain"),
        entry("GET", "https://ann:sesame-77@shop.example/e", headers={"Authorization": "Basic YW5uOnNlc2FtZS03Nw=="}),
        entry("GET", "/f", headers={"X-Note": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"}),
    )  # fmt: skip
    by_path = {step["path"]: step for step in steps(made)}
    assert by_path["/a"]["headers"] == {
        "Authorization": "Bearer ${TOKEN}",
        "X-Api-Key": "${X_API_KEY}",
        "Cookie": "sid=${COOKIE_SID}",
    }
    assert by_path["/b"]["query"] == {"access_token": "${TOKEN}", "page": "2", "again": "x-${X_API_KEY}"}
    assert by_path["/c"]["json"] == {
        "user": "ann",
        "password": "${PASSWORD}",
        "old": {"secret": {"value": "{{ '${VALUE}' | int }}"}},
    }
    assert by_path["/d"]["body"] == "pwd=${PASSWORD}"
    assert by_path["/e"]["headers"] == {"Authorization": "Basic ${BASIC_AUTH}"}
    assert by_path["/f"]["headers"] == {"X-Note": "${SECRET}"}
    assert made.variables.keys() == {
        "TOKEN", "X_API_KEY", "COOKIE_SID", "PASSWORD", "VALUE", "BASIC_AUTH", "SECRET",
    }  # fmt: skip
    written = plan_yaml(made)
    for secret in (token, "k-778", "s-1", "pässword", "123456789", "sesame", "YW5u", "eyJ"):
        assert secret not in written


def test_a_login_can_be_done_once() -> None:
    """All up to the login becomes on_start; without it, it is said that cookies stay."""
    entries = [
        PAGE,
        entry("POST", "/login", at_ms=1_000, sent={"a": 1}, answer_headers=[("Set-Cookie", "sid=abc-123-def; Path=/")]),
        entry("GET", "/home", at_ms=5_000, headers={"Cookie": "sid=abc-123-def"}),
    ]
    made = imported(*entries, login="POST /login")
    scenario = made.plan["scenarios"]["load"]
    assert [step.get("path") for step in scenario["on_start"]] == ["/", None, "/login"]
    assert [step.get("path") for step in scenario["flow"]] == ["/home"]
    assert "cookies" not in told(made)
    assert "cookies: they stay with a user" in told(imported(*entries))
    assert "--login: no request before others is POST /in" in told(imported(*entries, login="POST /in"))


def test_a_recording_that_was_robbed_of_its_cookies() -> None:
    """Browsers leave out cookies and Authorization unless told otherwise; where there is a login, that is said."""
    login = entry("POST", "/login", sent={"user": "ann"})
    note = "cookies: the recording has neither cookies nor Authorization"
    assert note in told(imported(PAGE, login))
    assert note not in told(imported(PAGE, login, entry("GET", "/a", headers={"authorization": "Bearer t-123456"})))
    assert note not in told(imported(PAGE, entry("GET", "/a")))


def test_only_what_is_wanted() -> None:
    """Patterns of paths, with a method or without; the rest is counted."""
    entries = [PAGE, entry("GET", "/orders/1"), entry("POST", "/orders"), entry("POST", "/carts")]
    made = imported(*entries, only=("/orders*",))
    assert [step["path"] for step in steps(made)] == ["/orders/1", "/orders"]
    assert "2 requests: not among the requests that were asked for" in told(made)
    assert [step["path"] for step in steps(imported(*entries, only=("POST /*",)))] == ["/orders", "/carts"]


def test_bodies_in_other_forms() -> None:
    """Fields without a text, as Firefox has them; answers in base64; a file of version 1.1 with a byte order mark."""
    fields = entry("POST", "/a", mime="application/x-www-form-urlencoded", sent="")
    fields["request"]["postData"] = {"mimeType": "", "params": [{"name": "x", "value": "1 2"}]}
    encoded = entry("POST", "/b")
    content = {"text": base64.b64encode(b'{"id": "ord-778812"}').decode(), "encoding": "base64", "mimeType": "x"}
    encoded["response"]["content"] = content
    made = import_har(
        "\ufeff" + har(PAGE, fields, encoded, entry("GET", "/b/ord-778812")).replace("1.2", "1.1"), ImportOptions()
    )
    loads(made)
    assert steps(made)[1]["form"] == {"x": "1 2"}
    assert steps(made)[3]["path"] == "/b/{{ b_id }}"


def test_without_bodies_it_says_so() -> None:
    """A recording without contents cannot be correlated, and is imported all the same."""
    made = imported(entry("GET", "/a"), entry("GET", "/b"))
    assert "no body of an answer was recorded" in told(made)


def test_what_a_websocket_said() -> None:
    """Replies, pushes that are alike together, binary messages; a second socket at the same time is left out."""
    messages = [
        {"type": "send", "time": START_S + 1, "opcode": 1, "data": "hello"},
        {"type": "receive", "time": START_S + 1.1, "opcode": 1, "data": "world"},
        {"type": "receive", "time": START_S + 2, "opcode": 1, "data": '{"event": "tick", "n": 1}'},
        {"type": "receive", "time": START_S + 9, "opcode": 1, "data": '{"event": "tick", "n": 2}'},
        {"type": "send", "time": START_S + 10, "opcode": 2, "data": "AAEC"},
        {"type": "send", "time": START_S + 10.1, "opcode": 1, "data": '{"id": 5, "method": "get"}'},
        {"type": "receive", "time": START_S + 10.2, "opcode": 1, "data": '{"id": 5, "ok": true}'},
        {"type": "send", "time": "never", "opcode": 8, "data": None},
    ]
    offers = {"Sec-WebSocket-Protocol": "v1, v2", "Authorization": "Bearer t-12345678"}
    made = imported(
        PAGE,
        entry("GET", "wss://shop.example/live?x=1", status=101, headers=offers, _webSocketMessages=messages),
        entry("GET", "wss://shop.example/other", at_ms=500, status=101, _resourceType="websocket"),
    )
    assert [step for step in steps(made)[1:] if "wait" not in step] == [
        {
            "websocket": {
                "path": "/live",
                "query": {"x": "1"},
                "headers": {"Authorization": "Bearer ${TOKEN}"},
                "subprotocols": ["v1", "v2"],
            }
        },
        {"request": {"name": "message", "text": "hello"}},
        {"expect_push": {"name": "tick", "match": {"$.event": "tick"}, "count": 2}},
        {"send": {"base64": "AAEC"}},
        {"request": {"name": "get", "json": {"id": 5, "method": "get"}, "match": {"$.id": 5}}},
    ]
    assert "GET /other: a second WebSocket was open at the same time" in told(made)


@pytest.mark.parametrize("times", [[None, None], [1, 2], [START_S * 1000 + 10, START_S * 1000 + 20], [1e30, "x"]])
def test_messages_without_a_time(times: list[Any]) -> None:
    """They come behind the opening of their WebSocket, in the order of the file, and without a pause of years."""
    messages = [
        {"type": kind, "time": time, "opcode": 1, "data": data}
        for kind, time, data in zip(("send", "receive"), times, ("hello", "world"), strict=True)
    ]
    made = imported(PAGE, entry("GET", "wss://shop.example/live", status=101, _webSocketMessages=messages))
    assert [next(iter(step)) for step in steps(made)[1:]] == ["websocket", "request"]


def test_patterns_that_fit_nothing() -> None:
    """It is said what there is."""
    with pytest.raises(ImportFailedError, match="no request fits --only /nope; there are GET /, GET /b"):
        imported(PAGE, entry("GET", "/b"), only=("/nope",))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ('{"log": {"entries": [{"a"', "line 1, column"),
        ("[1, 2]", "no list at log.entries"),
        ('{"log": {"entries": {}}}', "no list at log.entries"),
        ('{"log": {"entries": []}}', "nothing was recorded"),
        ('{"log": {"entries": [{}]}}', "entry 1 of the HAR file has no request"),
        (har(entry("GET", "data:text/plain,x")), "no request over http"),
        (har(entry("GET", "/pic.png", answer_mime="image/png")), "no request over http"),
        (har(entry("GET", "/a", status=0)), "no request of the HAR file is left"),
        ("[" * 100_000, "cannot be read as JSON"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, message: str) -> None:
    """One error, which says where, and how to make a better file."""
    with pytest.raises(ImportFailedError, match=message):
        import_har(text, ImportOptions())


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_hostile_entries_do_no_harm(data: st.DataObject) -> None:
    """Whatever stands in place of the parts of a recording, it becomes a plan without mistakes, or one error."""
    recorded = json.loads(sample("shop-chrome.har"))
    recorded["log"]["entries"] = recorded["log"]["entries"][:16]
    texts = ("https://a.example/1?y=2", "http://[", "//", "\ue0000\ue001", "{{ x }}", "${X}", "\ud800")
    spoil(recorded["log"]["entries"], data, *texts)
    assert_harmless("har", recorded)
