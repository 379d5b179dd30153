"""Credentials are found by their names, in text of any form, and nothing else is taken for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadworthy.importers.imported import Variables
from loadworthy.importers.named_secrets import is_secret_header, is_secret_name, named_secrets
from loadworthy.importers.request_credentials import Credentials, sweep_steps
from loadworthy.importers.requests import Site

S = "hunter2secret"


def filled(value: object, *keys: str, place: str = "body") -> object:
    """What a plan has for the value."""
    return Credentials(Variables())(Site(place, keys), value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "plan"),
    [
        # in texts of other forms
        (f'42["auth",{{"token":"{S}"}}]', '42["auth",{"token":"${TOKEN}"}]'),
        (f'{{"a": 1, "password": "{S}\\"x", "b"', '{"a": 1, "password": "${PASSWORD}", "b"'),
        (rf'"{{\"pwd\":\"{S}\",\"x\":1}}"', r'"{\"pwd\":\"${PWD}\",\"x\":1}"'),
        ('{"pin": 471100, "n": 471100', '{"pin": ${PIN}, "n": 471100'),
        (f"<a:Password Type='t'>{S}</a:Password><b>x</b>", "<a:Password Type='t'>${PASSWORD}</a:Password><b>x</b>"),
        (f"<login password='{S}' user='b'/>", "<login password='${PASSWORD}' user='b'/>"),
        (f"user: bob\npassword: {S}\nn: 1", "user: bob\npassword: ${PASSWORD}\nn: 1"),
        (f'mutation {{ login(user: "b", password: "{S}") {{ id }} }}',
         'mutation { login(user: "b", password: "${PASSWORD}") { id } }'),
        # in queries and forms with a part that has no value
        (f"user=bob&password={S};x&remember", "user=bob&password=${PASSWORD}&remember"),
        ("token=a%20b+c&flag", "token=${TOKEN}&flag"),
        (f"https://a.example/x?token={S}&q=1#top", "https://a.example/x?token=${TOKEN}&q=1#top"),
        # what is none
        ("query Login($password: String!) { a }", "query Login($password: String!) { a }"),
        ("your password: see below", "your password: see below"),
        ("token=&a=1&b", "token=&a=1&b"),
        ("a=1&page=2&sort_key=name&b", "a=1&page=2&sort_key=name&b"),
    ],
)  # fmt: skip
def test_what_a_text_itself_calls_a_secret(text: str, plan: str) -> None:
    """It is replaced where it stands, and the rest is left as it is."""
    assert filled(text) == plan


def test_a_secret_of_one_part_ends_with_it() -> None:
    """Of a header with parameters, of an address in JSON."""
    assert filled(f"password={S}; q=1", "X-Note", place="header") == "password=${PASSWORD}; q=1"
    assert filled(f"see https://a.example/x?token={S}&q=1, ok", "link", place="json") == (
        "see https://a.example/x?token=${TOKEN}&q=1, ok"
    )


@pytest.mark.parametrize("ending", ["\n-----END RSA PRIVATE KEY-----", ""])
def test_a_private_key_is_a_secret_whatever_its_name(ending: str) -> None:
    """It is known by its first line, also where the last one is cut off."""
    credentials = Credentials(Variables())
    steps = [{"json": {"pem": f"-----BEGIN RSA PRIVATE KEY-----\nMIIEvQIBADANBg{ending}"}}]
    credentials(Site("json", ("pem",)), steps[0]["json"]["pem"])
    assert sweep_steps(steps, credentials) == [{"json": {"pem": "${SECRET}"}}]
    assert filled("-----BEGIN PUBLIC KEY-----", "pem", place="json") == "-----BEGIN PUBLIC KEY-----"


NAMES = (
    "pwd user_pass sid sessionId X-Auth X-Session-Id X-Hub-Signature-256 client_key otp_code jwt apiKey access_token"
    " card[cvc] user[pin][]"
)
NO_NAMES = "key id user sort_key primaryKey author passenger design session_count keyboard spin"


def test_names_of_credentials() -> None:
    """Those that everybody uses; of headers, each that ends in a key, but for one."""
    assert all(map(is_secret_name, NAMES.split()))
    assert not any(map(is_secret_name, NO_NAMES.split()))
    assert all(map(is_secret_header, ["X-Auth-Key", "Ocp-Apim-Subscription-Key", "x-functions-key"]))
    assert not is_secret_header("Idempotency-Key")


def test_a_number_stays_a_number() -> None:
    """A secret that JSON has as a number is sent as one."""
    assert filled(471100, "pin", place="json") == "{{ '${PIN}' | int }}"
    assert filled(True, "password", place="json") is True
    credentials = Credentials(Variables())
    credentials(Site("json", ("pin",)), 471100)
    (swept,) = sweep_steps([{"json": {"again": 471100, "in": "x471100", "n": 47110}, "timeout": 471100}], credentials)
    assert swept == {"json": {"again": "{{ '${PIN}' | int }}", "in": "x${PIN}", "n": 47110}, "timeout": 471100}


def test_sweeping() -> None:
    """A secret is one everywhere, but where it may be a word; also in templates, and beside what is like a variable."""
    credentials = Credentials(Variables())
    for secret in (S, "admin", "k-77", "correcthorsebattery"):
        credentials(Site("json", ("password",)), secret)
    step = {
        "path": f"/y/pw-correcthorsebattery/{S}%20",
        "json": {
            "role": "admin", "k": "k-77", "whole": S, "in": f"a {S}", "dollar": f"${S}", "escaped": f"$${{ {S} }}",
            "template": f"{{{{ '{{% {S} %}}' }}}}", "own": "${PASSWORD_2:-x}{{ hunter2secret }}",
        },
    }  # fmt: skip
    (swept,) = sweep_steps([step], credentials)
    assert swept == {
        "path": "/y/pw-${PASSWORD_4}/${PASSWORD}%20",
        "json": {
            "role": "admin", "k": "k-77", "whole": "${PASSWORD}", "in": "a ${PASSWORD}",
            "dollar": "{{ '$' }}${PASSWORD}", "escaped": "$${ ${PASSWORD} }",
            "template": "{{ '{% ' }}${PASSWORD}{{ ' %}' }}", "own": "${PASSWORD_2:-x}{{ hunter2secret }}",
        },
    }  # fmt: skip


@given(st.text("pasword=:\"'<>/&\\ \n{}1", max_size=60))
def test_any_text_is_cut_into_parts_that_do_not_overlap(text: str) -> None:
    """Whatever it is; names stand before their values."""
    end = 0
    for is_query in (True, False):
        end = 0
        for one in named_secrets(text, is_query=is_query):
            assert end <= one.start < one.end <= len(text)
            end = one.end


@pytest.mark.parametrize("text", ['x="', 'a:"b\\', "<password ", "a" * 23, "password=", "password: "])
def test_long_texts_take_time_in_proportion(text: str) -> None:
    """A megabyte of beginnings is read at once; where it were not, this test would not end."""
    named_secrets(text * (1_000_000 // len(text)))
