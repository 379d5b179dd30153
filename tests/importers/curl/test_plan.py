"""Command lines of curl, as people write them and as browsers copy them, become the requests that curl would make."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.importers.recordings import loads, steps, told

from loadworthy.importers.curl.plan import detect, import_curl
from loadworthy.importers.emit import plan_yaml
from loadworthy.importers.imported import Imported, ImportFailedError, ImportOptions

URL = "https://api.example/v1/items"


def made_of(text: str, **options: Any) -> Imported:
    """What is made of the commands; it is a plan without mistakes."""
    made = import_curl(text, ImportOptions(**options))
    loads(made)
    return made


def only_step(text: str) -> dict[str, Any]:
    """The one step, without what curl does not do with redirects."""
    (step,) = steps(made_of(text))
    assert step.pop("allow_redirects") is False
    return step


@pytest.mark.parametrize(
    ("arguments", "step"),
    [
        (f"{URL}", {"path": "/v1/items"}),
        (f"{URL}?a=1\\&b=2#top", {"path": "/v1/items", "query": {"a": "1", "b": "2"}}),
        (f"--url {URL}", {"path": "/v1/items"}),
        (f"-X DELETE {URL}/7", {"path": "/v1/items/7", "method": "DELETE", "name": "/v1/items/[id]"}),
        (f"-XPUT {URL}", {"path": "/v1/items", "method": "PUT"}),
        (f"--request patch {URL}", {"path": "/v1/items", "method": "PATCH"}),
        (f"-I {URL}", {"path": "/v1/items", "method": "HEAD"}),
        (f"--head {URL}", {"path": "/v1/items", "method": "HEAD"}),
        # headers
        (f"-H 'X-A: 1' -H 'X-B:2' -H 'Accept:' -H 'X-C;' {URL}",
         {"path": "/v1/items", "headers": {"X-A": "1", "X-B": "2", "X-C": ""}}),
        (f"-A me -e 'https://a.example;auto' -r 0-9 {URL}",
         {"path": "/v1/items", "headers": {"User-Agent": "me", "Referer": "https://a.example", "Range": "bytes=0-9"}}),
        (f"-H 'Authorization: Bearer t-1234567' {URL}",
         {"path": "/v1/items", "headers": {"Authorization": "Bearer ${TOKEN}"}}),
        (f"--oauth2-bearer t-1234567 {URL}", {"path": "/v1/items", "headers": {"Authorization": "Bearer ${TOKEN}"}}),
        (f"-u ann:pw {URL}", {"path": "/v1/items", "headers": {"Authorization": "Basic ${BASIC_AUTH}"}}),
        ("https://ann:pw@api.example/v1/items",
         {"path": "/v1/items", "headers": {"Authorization": "Basic ${BASIC_AUTH}"}}),
        (f"-b 'sid=s-123; theme=dark' {URL}",
         {"path": "/v1/items", "headers": {"Cookie": "sid=${COOKIE_SID}; theme=${COOKIE_THEME}"}}),
        # bodies
        (f"-d a=1 --data 'b=x y' {URL}", {"path": "/v1/items", "method": "POST", "form": {"a": "1", "b": "x y"}}),
        (f"-da=1 {URL}", {"path": "/v1/items", "method": "POST", "form": {"a": "1"}}),
        (f"--data-urlencode 'q=a b&c' --data-urlencode '=x y=' {URL}",
         {"path": "/v1/items", "method": "POST", "headers": {"Content-Type": "application/x-www-form-urlencoded"},
          "body": "q=a%20b%26c&x%20y%3D"}),
        (f"-d '{{\"a\": [1, true]}}' -H 'Content-Type: application/json' {URL}",
         {"path": "/v1/items", "method": "POST", "json": {"a": [1, True]}}),
        (f"--json '{{\"a\":' --json ' 1}}' {URL}",
         {"path": "/v1/items", "method": "POST", "headers": {"Accept": "application/json"}, "json": {"a": 1}}),
        (f"--data-raw '@name' -H 'content-type: text/plain' {URL}",
         {"path": "/v1/items", "method": "POST", "headers": {"content-type": "text/plain"}, "body": "@name"}),
        (f"--data-binary $'a\\nb' -H 'Content-Type: text/csv' -X PUT {URL}",
         {"path": "/v1/items", "method": "PUT", "headers": {"Content-Type": "text/csv"}, "body": "a\nb"}),
        (f"-G -d a=1 --data-urlencode 'b=x y' {URL}?c=3",
         {"path": "/v1/items", "query": {"c": "3", "a": "1", "b": "x y"}}),
        (f"--url-query 'q=a b' {URL}", {"path": "/v1/items", "query": {"q": "a b"}}),
        (f"-d password=pw-12345 -d user=ann {URL}",
         {"path": "/v1/items", "method": "POST", "form": {"password": "${PASSWORD}", "user": "ann"}}),
        # times
        (f"-m 2.5 {URL}", {"path": "/v1/items", "timeout": "2.5s"}),
        (f"--max-time 0 {URL}", {"path": "/v1/items"}),
        # without effect
        (f"-sSvif --compressed -o /dev/null -w '%{{http_code}}' -c jar -# {URL} -O", {"path": "/v1/items"}),
        (f"--fail-with-body --no-progress-meter --http1.1 -- {URL}", {"path": "/v1/items"}),
        ("api.example/v1/items", {"path": "/v1/items"}),
        ("HTTPS://api.example", {"path": "/"}),
    ],
)  # fmt: skip
def test_options(arguments: str, step: dict[str, Any]) -> None:
    """Each option that a plan can follow, alone and joined with others; none of these leaves a note."""
    made = made_of(f"curl {arguments}")
    assert only_step(f"curl {arguments}") == step
    assert made.notes == ()


@pytest.mark.parametrize(
    ("arguments", "note"),
    [
        ("-F file=@a.png", "multipart"),
        ("-T a.bin", "uploads the file a.bin"),
        ("-d @body.json", "read from the file body.json"),
        ("--data-urlencode name@body.txt", "read from the file body.txt"),
        ("-b cookies.txt", "read from the file cookies.txt"),
        ("-H @headers.txt", "read from the file headers.txt"),
        ("-x http://proxy:3128", "the proxy"),
        ("--connect-timeout 3", "time-out for connecting (3 s)"),
        ("--retry 3", "not tried again"),
        ("--http2", "HTTP/1.1"),
        ("--digest -u a:b", "Digest"),
        ("--cert c.pem --key k.pem", "client certificate"),
        ("-K more.txt", "options more.txt"),
        ("-H 'Host: other.example'", "Host is left out"),
        ("--frobnicate -Q -?", "--frobnicate is not known"),
        ("--max-time soon", "--max-time is no time"),
        ("-H 'bad name: x'", "does not allow its header bad name"),
        ("-H", "--header has no value"),
    ],
)
def test_options_that_a_plan_cannot_follow(arguments: str, note: str) -> None:
    """They are told of with their line, and the request is made all the same."""
    made = made_of(f"\ncurl {URL} {arguments}")
    assert len(steps(made)) == 1
    assert note in told(made)
    assert {one.where for one in made.notes} <= {"line 2", "headers"}


def test_several_commands_in_a_script() -> None:
    """Comments, continued lines, pipes, redirections, variables, prompts, --next; lines are those of the file."""
    made = made_of(
        """#!/bin/sh
TOKEN=$(cat token.txt)   # a comment with curl in it
$ curl -sSL https://api.example/a \\
    -H "Authorization: Bearer $TOKEN" -H 'X-Raw: $TOKEN' | jq '.[] | .id' > out.json 2>&1
curl https://api.example/b > https://b.example 2>&1 -H 'X-After: 1' && \\
    /usr/bin/curl -k "https://api.example/c?x=${NAME}" --next -d x=1 $BASE_URL/d

# curl https://api.example/never
curl --request TRACE https://api.example/t; curl ftp://api.example/f; echo done
"""
    )
    assert steps(made) == [
        {"path": "/a", "headers": {"Authorization": "Bearer ${TOKEN}", "X-Raw": "$TOKEN"}},
        {"path": "/b", "headers": {"X-After": "1"}, "allow_redirects": False},
        {"path": "/c", "query": {"x": "${NAME}"}, "allow_redirects": False},
        {"path": "${BASE_URL}/d", "method": "POST", "form": {"x": "1"}, "allow_redirects": False},
    ]
    assert made.variables.keys() == {"TOKEN", "NAME", "BASE_URL"}
    assert made.plan["base_url"] == "https://api.example"
    assert made.plan["verify_tls"] is False
    assert made.source == "4 curl commands"
    assert "line 9: a plan knows no method TRACE" in told(made)
    assert "line 9: it has no http:// or https:// URL" in told(made)
    assert "-k: only some commands" in told(made)


def test_as_browsers_copy_it_for_other_shells() -> None:
    """$'…' with escapes of Bash; the command interpreter of Windows with its carets; PowerShell's backticks."""
    step = {"path": "/a", "method": "POST", "headers": {"X-A": "1"}, "json": {"t": "a\n'ä'", "p": "100%"}}
    bash = (
        "curl 'https://api.example/a' -H 'content-type: application/json' -H 'X-A: 1' "
        r"""--data-raw $'{"t":"a\\n\'\u00e4\'","p":"100%"}'"""
    )
    cmd = (
        'curl ^"https://api.example/a^" ^\r\n  -H ^"content-type: application/json^" ^\r\n  -H ^"X-A: 1^" ^\r\n'
        r'  --data-raw ^"^{^\^"t^\^":^\^"a^\n^\u0027ä^\u0027^\^",^\^"p^\^":^\^"100^%^\^"^}^"'
    )
    powershell = (
        'curl.exe "https://api.example/a" `\r\n -H "content-type: application/json" -H "X-A: 1" `\r\n'
        """ --data-raw '{"t":"a\\n\\u0027ä\\u0027","p":"100%"}'"""
    )
    for text in (bash, cmd, powershell):
        assert only_step(text) == step
    assert only_step(r"curl https://api.example/$'\x61\xc3\xa4\141'-$'\ud83d\ude00'")["path"] == "/aäa-😀"


def test_other_hosts_and_variables_as_hosts() -> None:
    """The base URL is where most go; others keep their whole URL, and are allowed."""
    made = made_of("curl https://a.example/1x\ncurl https://b.example/y\ncurl https://a.example/z")
    assert [step["path"] for step in steps(made)] == ["/1x", "https://b.example/y", "/z"]
    assert made.plan["allowed_hosts"] == ["a.example", "b.example"]
    assert made_of("curl $BASE_URL/a").plan["base_url"] == "${BASE_URL}"
    assert made_of("curl $BASE_URL/a", base_url="http://localhost:1").plan["base_url"] == "http://localhost:1"


def test_login_and_only() -> None:
    """The login is done once by each user; only what is wanted is taken over."""
    text = "curl -d a=1 https://a.example/login\ncurl https://a.example/x\ncurl https://a.example/y"
    made = made_of(text, login="POST /login", only=("/x",))
    assert [step["path"] for step in made.plan["scenarios"]["load"]["on_start"]] == ["/login"]
    assert [step["path"] for step in made.plan["scenarios"]["load"]["endpoints"]] == ["/x"]
    assert "--login: no request before others is POST /in" in told(made_of(text, login="POST /in"))


def test_what_is_a_list_of_commands() -> None:
    """A line begins with curl."""
    assert detect("# all\n$ curl -s https://a.example", "notes.txt")
    assert detect("curl.exe https://a.example", "x.bat")
    assert not detect("import curl\n", "x.py")
    assert not detect("we like curl here", "x.md")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no curl command"),
        ("wget https://a.example", "no curl command"),
        ("\n\ncurl 'https://a.example", "line 3: the quotation that begins with '"),
        ('curl "https://a.example', "line 1: the quotation"),
        ("curl $'a", "line 1: the quotation"),
        ("curl -s", "the command has no URL"),
        ("curl 'https://a b/'", "its URL holds a space"),
        ("curl http://[", "its URL cannot be read"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, message: str) -> None:
    """One error."""
    with pytest.raises(ImportFailedError, match=message.replace("(", r"\(")):
        import_curl(text, ImportOptions())


WORD = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Co"]), max_size=15)


@settings(max_examples=150, deadline=None)
@given(
    headers=st.dictionaries(st.sampled_from(["X-A", "X-B", "X-C"]), WORD.map(str.strip)),
    body=st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Co"], exclude_characters="\r\0"), min_size=1),
    query=st.dictionaries(st.sampled_from(["q", "page"]), WORD, max_size=2),
)
def test_quoting_goes_there_and_back(headers: dict[str, str], body: str, query: dict[str, str]) -> None:
    """Whatever stands in arguments that a shell would quote, arrives as it is."""
    from urllib.parse import urlencode

    arguments = ["curl", "https://api.example/a" + (f"?{urlencode(query)}" if query else ""), "--data-raw", body]
    for name, value in {**headers, "Content-Type": "text/plain"}.items():
        arguments += ["-H", f"{name}: {value}" if value else f"{name};"]
    made = made_of(shlex.join(arguments))
    (step,) = steps(made)
    assert rendered(step["body"]) == body
    assert {name: rendered(value) for name, value in step["headers"].items()} == {
        **headers,
        "Content-Type": "text/plain",
    }
    assert {name: rendered(value) for name, value in step.get("query", {}).items()} == query


def rendered(text: str) -> str:
    """As a run would send it."""
    from loadworthy.plan.interpolate import interpolate
    from loadworthy.users.templates import Templates, resolve

    return str(resolve(Templates().text(interpolate(text, {}).text), {}))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "curl",
                "curl ",
                "'",
                '"',
                "$'",
                "\\",
                "\n",
                " ",
                "-d",
                "-X",
                "--json",
                "@",
                "http://a.example/",
                "$X",
                "${Y",
                "`",
                "^",
                "--next",
                "-",
                "#",
                ";",
                "|",
                ">",
                "\ue0000\ue001",
                "{{ x }}",
                "${",
                "[1-3]",
                "%41",
                "é",
                "\x00",
            ]
        ),
        max_size=14,
    ).map("".join)
)
def test_hostile_text_does_no_harm(text: str) -> None:
    """It becomes a plan without mistakes, or one error."""
    try:
        made = made_of(text)
    except ImportFailedError:
        return
    plan_yaml(made).encode()
