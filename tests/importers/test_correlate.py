"""Which values that are sent came from answers, where they are taken from, and which stay constants."""

from __future__ import annotations

from typing import Any

import pytest
from tests.importers.recordings import START_S, entry, imported, steps, told

from loadworthy.importers.answer_values import identifies, looks_generated, pattern_around, pattern_in
from loadworthy.importers.correlate import repeated_uuids
from loadworthy.importers.names import singular, words_of

UUID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


def html(text: str, path: str = "/page") -> dict[str, Any]:
    return entry("GET", path, answer=text, answer_mime="text/html")


def sends(**parts: Any) -> dict[str, Any]:
    """A request that sends these in its body."""
    return entry("POST", "/use", sent=parts)


@pytest.mark.parametrize(
    ("answered", "sent", "extract", "filled"),
    [
        # JSON: long values by themselves, short ones where the names agree.
        (entry("POST", "/login", answer={"auth": {"access_token": "abc12345xyz"}}),
         entry("GET", "/a", headers={"Authorization": "Bearer abc12345xyz"}),
         {"access_token": "$.auth.access_token"}, {"headers": {"Authorization": "Bearer {{ access_token }}"}}),
        (entry("POST", "/orders", answer={"id": 17}), entry("GET", "/orders/17"),
         {"order_id": "$.id"}, {"path": "/orders/{{ order_id }}"}),
        (entry("GET", "/v1/products", answer=[{"id": 4}, {"id": 5}]), sends(productId=5),
         {"product_id": "$[1].id"}, {"json": {"productId": "{{ product_id }}"}}),
        (entry("GET", "/me", answer={"customer": {"id": 7}, "address": {"id": 8}}), sends(lines=[{"address_id": 8}]),
         {"address_id": "$.address.id"}, {"json": {"lines": [{"address_id": "{{ address_id }}"}]}}),
        (entry("GET", "/list", answer={"a b": {"it's": "tok-4711-zz"}}), sends(x="tok-4711-zz"),
         {"it_s": r"$['a b']['it\'s']"}, {"json": {"x": "{{ it_s }}"}}),
        # Types: the request's own.
        (entry("POST", "/orders", answer={"id": 4711}), sends(order_id="4711"),
         {"order_id": "$.id"}, {"json": {"order_id": "{{ order_id | string }}"}}),
        (entry("POST", "/orders", answer={"id": "4711"}), sends(order_id=4711),
         {"order_id": "$.id"}, {"json": {"order_id": "{{ order_id | int }}"}}),
        # Among other text, in a query, in a form, percent-encoded in a path.
        (entry("POST", "/a", answer={"job": "job-99x-1234"}), sends(note="see job-99x-1234, please"),
         {"job": "$.job"}, {"json": {"note": "see {{ job }}, please"}}),
        (entry("GET", "/a", answer={"next_cursor": "eyJvIjoxMH0="}), entry("GET", "/a?cursor=eyJvIjoxMH0%3D"),
         {"next_cursor": "$.next_cursor"}, {"query": {"cursor": "{{ next_cursor }}"}}),
        (entry("GET", "/a", answer={"key": "f/2026/x+1=zz"}), entry("GET", "/files/f%2F2026%2Fx%2B1%3Dzz"),
         {"a_key": "$.key"}, {"path": "/files/{{ a_key | urlencode }}"}),
        # Parts of addresses.
        (entry("GET", "/a", answer={"links": {"self": "https://shop.example/things/th-0042-xy?tab=1#x"}}),
         entry("GET", "/things/th-0042-xy"),
         {"the_self": "$.links.self"}, {"path": "/things/{{ the_self.split('?')[0].split('#')[0].split('/')[-1] }}"}),
        (entry("POST", "/things", status=201, answer_headers=[("Location", "/things/88")]), entry("GET", "/things/88"),
         {"thing_location": "header:Location"}, {"path": "/things/{{ thing_location.split('/')[-1] }}"}),
        # Headers and cookies.
        (entry("GET", "/a", answer_headers=[("X-CSRF-Token", "csrf-778-abcd")]),
         entry("POST", "/use", headers={"X-CSRF-Token": "csrf-778-abcd"}),
         {"csrf_token": "header:X-CSRF-Token"}, {"headers": {"X-CSRF-Token": "{{ csrf_token }}"}}),
        (entry("POST", "/a", answer_headers=[("Authorization", "Bearer abc12345xyz")]),
         entry("POST", "/use", headers={"Authorization": "Bearer abc12345xyz"}),
         {"authorization": "header:Authorization"}, {"headers": {"Authorization": "Bearer {{ authorization[7:] }}"}}),
        (entry("GET", "/a", answer_headers=[("Set-Cookie", "XSRF-TOKEN=xs-1234-yy; Path=/\nother=1")]),
         entry("POST", "/use", headers={"X-XSRF-TOKEN": "xs-1234-yy", "Cookie": "XSRF-TOKEN=xs-1234-yy"}),
         {"xsrf_token": "cookie:XSRF-TOKEN"}, {"headers": {"X-XSRF-TOKEN": "{{ xsrf_token }}"}}),
        # HTML: fields, meta tags, attributes, links, scripts.
        (html("<input name=other value='no'><input type=hidden value='a1b2c3d4e5' name='token'>"),
         sends(token="a1b2c3d4e5"),
         {"token": r"regex:value='([^']+)'[^>]{0,400}?name='token'"}, {"json": {"token": "{{ token }}"}}),
        (html('<meta name="csrf" content="zz-11-yy-22">'), sends(t="zz-11-yy-22"),
         {"csrf": 'regex:name="csrf"[^>]{0,400}?content="([^"]+)"'}, {"json": {"t": "{{ csrf }}"}}),
        (html('<tr data-order-id="42"><tr data-order-id="43">'), entry("DELETE", "/orders/43"),
         {"order_id": 'regex:(?s)(?:data\\-order\\-id="(?:[^"]+)".*?){1}data\\-order\\-id="([^"]+)"'},
         {"path": "/orders/{{ order_id }}"}),
        (html('<a href="/orders/42/pay?x=1">'), entry("GET", "/orders/42/pay?x=1"),
         {"order_id": 'regex:href="/orders/([^"/?#&]+)/'}, {"path": "/orders/{{ order_id }}/pay"}),
        (html('<script>var nonce = "q1w2e3r4t5";</script>'), sends(nonce="q1w2e3r4t5"),
         {"nonce": 'regex:nonce\\ =\\ "([^"]+)'}, {"json": {"nonce": "{{ nonce }}"}}),
    ],
)  # fmt: skip
def test_a_value_that_came_back(
    answered: dict[str, Any], sent: dict[str, Any], extract: dict[str, str], filled: dict[str, Any]
) -> None:
    """It is extracted from the simplest source there is, under a good name, and sent with the request's own type."""
    sent["startedDateTime"] = "2026-11-28T11:55:01Z"
    made = imported(answered, sent)
    first, _, second = steps(made)
    assert first.get("extract") == extract
    for key, value in filled.items():
        assert second[key] == value


@pytest.mark.parametrize(
    ("answered", "sent"),
    [
        (entry("GET", "/a", answer={"status": "confirmed", "page": 2}), sends(status="confirmed", page=2)),
        (entry("GET", "/a", answer={"id": 17171}), sends(quantity=17171, page=17171)),
        (entry("GET", "/things", answer={"id": 3}), entry("GET", "/orders/3")),
        (entry("GET", "/a", answer={"day": "2026-11-28", "p": "1299.00001"}), sends(day="2026-11-28", p="1299.00001")),
        (entry("GET", "/a", answer={"kind": "averylongwordwithoutdigits"}), sends(kind="averylongwordwithoutdigits")),
        (entry("GET", "/a", answer={"is_new": True, "id": True}), sends(id=True)),
        (entry("GET", "/items/4711", answer={"id": 4711}), entry("GET", "/items/4711/parts")),
        (entry("POST", "/a", sent={"x": "SUMMER-26-X"}, answer="<p>code = 'SUMMER-26-X';</p>", answer_mime="text/html"),
         sends(x="SUMMER-26-X")),
        (entry("POST", "/a", sent={"code": "SUMMER-26-X"}, answer={"code": "SUMMER-26-X"}), sends(code="SUMMER-26-X")),
    ],
)  # fmt: skip
def test_a_value_that_is_the_clients_own(answered: dict[str, Any], sent: dict[str, Any]) -> None:
    """Words, quantities, dates, and what a request sent before any answer had it are constants, also when echoed."""
    sent["startedDateTime"] = "2026-11-28T11:55:01Z"
    assert not any("extract" in step for step in steps(imported(answered, sent)))


def test_the_first_answer_that_had_it_gives_it() -> None:
    """Not a later list, in which other users' rows may come first; two values of one name get two names."""
    made = imported(
        entry("POST", "/orders", answer={"id": 77}),
        entry("GET", "/orders", at_ms=10, answer=[{"id": 77}, {"id": 76}]),
        entry("POST", "/orders", at_ms=20, answer={"id": 78}),
        entry("GET", "/orders/77", at_ms=30),
        entry("GET", "/orders/78", at_ms=40),
    )
    assert [step.get("extract") for step in steps(made)] == [
        {"order_id": "$.id"},
        None,
        {"order_id_2": "$.id"},
        None,
        None,
    ]
    assert [step["path"] for step in steps(made)][3:] == ["/orders/{{ order_id }}", "/orders/{{ order_id_2 }}"]


def test_only_earlier_answers_count() -> None:
    """A value is not taken from an answer that comes later, nor from the request's own."""
    made = imported(
        entry("GET", "/a", headers={"X-Token": "tok-1234-ab"}, answer={"token": "tok-1234-ab"}),
        entry("GET", "/b", at_ms=20, answer={"token": "tok-1234-ab"}),
    )
    assert steps(made)[0]["headers"] == {"X-Token": "${X_TOKEN}"}
    assert not any("extract" in step for step in steps(made))


def test_clocks_and_uuids_of_the_client() -> None:
    """The time of the recording in ms or s, a UUID that is sent once; not an old date, nor an id of something known."""
    made = imported(
        sends(at=START_S * 1000 + 5, s=START_S + 1, text=str(START_S * 1000), t=str(START_S), old=1_500_000_000_000),
        entry("POST", "/b", at_ms=100, sent={"id": UUID, "product_id": UUID.replace("3f", "4f")}),
    )
    assert steps(made)[0]["json"] == {
        "at": "{{ now_ms() }}",
        "s": "{{ now_ms() // 1000 }}",
        "text": "{{ now_ms() | string }}",
        "t": "{{ (now_ms() // 1000) | string }}",
        "old": 1_500_000_000_000,
    }
    assert steps(made)[1]["json"] == {"id": "{{ uuid() }}", "product_id": UUID.replace("3f", "4f")}


def test_a_uuid_that_is_sent_again() -> None:
    """Where the answer gave it back, it is taken from there; else it must be the same, and that is said."""
    put = entry("POST", "/carts", sent={"id": UUID}, answer={"id": UUID})
    made = imported(put, entry("GET", f"/carts/{UUID}", at_ms=20))
    assert steps(made)[0]["json"] == {"id": "{{ uuid() }}"}
    assert steps(made)[1]["path"] == "/carts/{{ cart_id }}"
    silent = imported(entry("POST", "/carts", sent={"id": UUID}), entry("GET", f"/carts/{UUID}", at_ms=20))
    assert steps(silent)[0]["json"] == {"id": UUID}
    assert "1 UUID: made by the browser and sent more than once" in told(silent)
    assert repeated_uuids([(UUID, ""), ("", UUID), (UUID, "")]) == frozenset()
    assert repeated_uuids([(UUID, ""), (UUID, UUID)]) == {UUID}


def test_names_that_templates_have_already() -> None:
    """An extracted value is never called uuid, iteration, class or self."""
    for name in ("uuid", "iteration", "class", "self", "1st", "now_ms"):
        made = imported(
            entry("GET", "/", answer={name: "tok-4711-zz"}), entry("POST", "/use", at_ms=20, sent={"x": "tok-4711-zz"})
        )
        assert len(steps(made)[0]["extract"]) == 1


@pytest.mark.parametrize(
    ("text", "is_generated"),
    [
        ("a1b2c3d4", True), (UUID, True), ("98765432", True), ("QWxhZGRpbjpPcGVuU2VzYW1l", True), ("ord_1a2b", True),
        ("a1b2c3", False), ("confirmed", False), ("2026-11-28", False), ("2026-11-28T11:55:00Z", False),
        ("12345.678", False),
        ("/orders/1234567", False), ("https://a.example/12345", False), ("two words 12", False),
    ],
)  # fmt: skip
def test_what_looks_generated(text: str, is_generated: bool) -> None:
    """Ids, tokens and hashes; not words, dates, numbers with a point, or addresses."""
    assert looks_generated(text) is is_generated


def test_names() -> None:
    """Words of names in any style, whether they identify, singulars."""
    assert words_of("billingOrderId") == words_of("billing-order_id") == ["billing", "order", "id"]
    assert [identifies(name) for name in ("id", "orderId", "next_cursor", "status", "paid", "")] == [
        True, True, True, False, True, False,
    ]  # fmt: skip
    assert [singular(name) for name in ("orders", "categories", "boxes", "class", "news", "line-items")] == [
        "order", "category", "box", "class", "new", "item",
    ]  # fmt: skip


def test_patterns_find_the_value_first() -> None:
    """A pattern counts only if its first match is the value; else so many before it are passed over, or it is none."""
    import re

    text = 'a="x1" a="x2" a="x3"'
    for value in ("x1", "x2", "x3"):
        pattern = pattern_in(text, 'a="([^"]+)"', value)
        assert pattern is not None
        match = re.search(pattern, text)
        assert match is not None
        assert match[1] == value
    assert pattern_in(text, 'a="([^"]+)"', "x4") is None
    assert pattern_around("'abcdef12'", "abcdef12") is None
    assert pattern_around("xy: abcdef12, z", "abcdef12") == "xy:\\ ([^,]+)"
