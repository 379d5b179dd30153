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
        # forms
        (f"-F a=1 -F 'b=x y;type=text/csv;charset=utf-8' --form-string 'c=@d;type=e' {URL}",
         {"path": "/v1/items", "method": "POST",
          "multipart": {"a": "1", "b": {"text": "x y", "type": "text/csv;charset=utf-8"}, "c": "@d;type=e"}}),
        (f"-X PUT -F 'about={{\"n\": 1}};type=application/json' {URL}",
         {"path": "/v1/items", "method": "PUT", "multipart": {"about": {"json": {"n": 1}}}}),
        (f"-F token=t-1234567 -F 'x={{{{ y }}}}' {URL}",
         {"path": "/v1/items", "method": "POST", "multipart": {"token": "${TOKEN}", "x": "{{ '{{ y }}' }}"}}),
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
        # bodies that are called forms, and are none
        (f"-d '{{\"user\": \"b\", \"password\": \"pw-12345\"}}' {URL}",
         {"path": "/v1/items", "method": "POST", "headers": {"Content-Type": "application/x-www-form-urlencoded"},
          "json": {"user": "b", "password": "${PASSWORD}"}}),
        (f"-d 'user=$U&password=pw-12345&remember' {URL}",
         {"path": "/v1/items", "method": "POST", "headers": {"Content-Type": "application/x-www-form-urlencoded"},
          "body": "user=$U&password=${PASSWORD}&remember"}),
        (f'-d "user=$U&password=pw-12345&remember" {URL}',
         {"path": "/v1/items", "method": "POST", "headers": {"Content-Type": "application/x-www-form-urlencoded"},
          "body": "user=${U}&password=${PASSWORD}&remember"}),
        (f"'{URL}?token=tk-12345&flag'", {"path": "/v1/items?token=${TOKEN}&flag", "name": "/v1/items"}),
        # more than once
        (f"-b a=1-secret -H 'Cookie: b=2-secret' {URL}",
         {"path": "/v1/items", "headers": {"Cookie": "b=${COOKIE_B}; a=${COOKIE_A}"}}),
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


def test_files_of_a_form_are_named_and_random_bytes_go_in_their_place() -> None:
    """One or several of a field, under another name, or as a text; a header without the boundary goes."""
    fields = "-F 'p=@~/p/a.png' -F 'p=@\"b;c.jpg\",d.bin;filename=e.bin' -F 'note=<note.txt'"
    assert only_step(f"curl -H 'Content-Type: multipart/form-data' {fields} {URL}") == {
        "path": "/v1/items",
        "method": "POST",
        "multipart": {
            "p": [{"size": "10kB", "filename": name} for name in ("a.png", "b;c.jpg", "e.bin")],
            "note": {"size": "10kB"},
        },
    }


@pytest.mark.parametrize(
    ("arguments", "note"),
    [
        ("-F file=@dir/a.png", "random bytes are sent as a.png"),
        ("-F loose", "a field of its form (-F) has no ="),
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
        ("--variable tok=pw-1234567", "the variable tok of curl"),
        ("--socks5-hostname localhost:9050", "the proxy"),
        ("--pass pw-1234567", "the password of the client's key"),
        ("--rate 10/s", "the pace of requests"),
        ("-C -", "it goes on from byte"),
        ("--frobnicate pw-1234567.txt", "--frobnicate is not known"),
        ("stray", "a word of it is no URL"),
        ("-H 'X-Tag: a' -H 'x-tag: b'", "X-Tag stands more than once; the plan sends all values in one"),
        ("-H 'Range: a' -H 'Range: b'", "Range stands more than once; the plan sends only the first"),
        ("--max-time 99999999999", "--max-time is no time"),
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
    (step,) = steps(made)
    assert step["path"] == "/v1/items"
    assert step.get("headers", {}).keys() <= {"X-Tag", "Range"}
    assert note in told(made)
    assert "pw-1234567" not in plan_yaml(made)
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


def test_commands_in_a_text_for_people() -> None:
    """A README: prose with apostrophes is not read; each command is taken or told of."""
    made = made_of(
        """Don't forget:

    curl https://a.example/one

It's easy (isn't it; or: curl is nice | fun). We'd say curl -s https://a.example/untold

1. `curl -s https://a.example/two` and that's it
- $ curl https://a.example/three
TOKEN="$(curl -s https://a.example/four -d "a=b" | jq .x)"
sh -c "cd x; curl https://a.example/quoted"
for i in 1 2; do curl https://a.example/five; done
user@host:~$ curl https://a.example/six
DEBUG=1 curl \\
  https://a.example/seven
curl https://a.example isn't there

curl 'https://a.example/eight'
curl -X POST http://a.example/nine --json '{"pattern":"^", "b c": "a\\\\n"}'
"""
    )
    assert [step["path"].removeprefix("http://a.example") for step in steps(made)] == [
        "/one", "/two", "/three", "/four", "/five", "/six", "/seven", "/eight", "/nine"
    ]  # fmt: skip
    assert [note.where for note in made.notes] == ["line 5", "line 10", "line 15"]
    quoted = made_of('sh -c "x; curl https://a.example/q"\ncurl https://a.example/r\nof 5" and more')
    assert [step["path"] for step in steps(quoted)] == ["/r"]
    assert [note.where for note in quoted.notes] == ["line 1"]
    assert steps(made)[-1]["json"] == {"pattern": "^", "b c": "a\\n"}


def test_each_command_has_its_own_shell() -> None:
    """Commands for Bash and for the interpreter of Windows in one text; several of the latter, joined."""
    made = made_of(
        """curl 'http://a.example/1' -H 'X-A: 1'
curl "http://a.example/2" ^
  -H "content-type: application/json" ^
  --data-raw "{^\\^"n^\\^":^\\^"b^\\^"}" &
C:\\Users\\me>curl ^"http://a.example/3^" & curl ^"http://a.example/4^"
curl $'http://a.example/5' --data-raw $'{"n":"M\\u00fcller"}' -H 'content-type: application/json'
"""
    )
    assert [step["path"] for step in steps(made)] == ["/1", "/2", "/3", "/4", "/5"]
    assert [step.get("json") for step in steps(made)][1::3] == [{"n": "b"}, {"n": "Müller"}]
    assert made.notes == ()


def test_many_commands_take_time_in_proportion() -> None:
    """On lines of their own, and on one."""
    for end in "\n;":
        assert len(import_curl(f"curl http://a.example/x{end}" * 5_000, ImportOptions()).plan["scenarios"]) == 1


def test_other_hosts_and_variables_as_hosts() -> None:
    """The base URL is where most go; others of its owner keep their whole URL; strangers are left out and told of."""
    made = made_of(
        "curl https://a.example/1x -H 'Authorization: Bearer t-1234567'\ncurl https://api.a.example/y\n"
        "curl https://a.example/z\ncurl https://payments.example/v1 -u sk_live_1234567890:\ncurl $OTHER/b"
    )
    assert [step["path"] for step in steps(made)] == ["/1x", "https://api.a.example/y", "/z", "${OTHER}/b"]
    assert made.plan["allowed_hosts"] == ["a.example", "api.a.example"]
    assert told(made) == "payments.example: 1 request to a host that is not the service's own; left out"
    assert made.variables.keys() == {"TOKEN", "OTHER"}
    assert "${SUB}.pay.example: 1 request" in told(made_of("curl http://a.example/\ncurl http://$SUB.pay.example/"))
    assert made_of("curl $BASE_URL/a").plan["base_url"] == "${BASE_URL}"
    assert made_of("curl https://${HOST:-a.example}/a").plan["base_url"] == "https://${HOST:-a.example}"
    assert made_of("curl $BASE_URL/a", base_url="http://localhost:1").plan["base_url"] == "http://localhost:1"
    note = "it goes to ${OTHER} with its header Authorization: see that this is your own service"
    assert note in told(made_of("curl http://a.example/\ncurl -H 'Authorization: Bearer t-1234567' $OTHER/b"))


def test_another_target_does_not_open_the_door_to_the_others() -> None:
    """With --url, what goes elsewhere still is told of, and not allowed; a password in it is no part of the plan."""
    text = "curl https://a.example/\ncurl https://api.a.example/x\ncurl https://b.example/y"
    made = made_of(text, base_url="http://bob:pw-4711@x@localhost:8000")
    assert made.plan["base_url"] == "http://bob:${BASE_URL_PASSWORD}@localhost:8000"
    assert "allowed_hosts" not in made.plan
    assert "api.a.example: 1 request goes there still, and not to --url" in told(made)
    assert "b.example: 1 request to a host" in told(made)
    assert [step["path"] for step in steps(made_of(text, base_url="https://b.example/v1"))] == ["/y"]


def test_login_and_only() -> None:
    """The login is done once by each user; only what is wanted is taken over."""
    text = "curl -d a=1 https://a.example/login\ncurl https://a.example/x\ncurl https://a.example/y"
    made = made_of(text, login="POST /login", only=("/x",))
    assert [step["path"] for step in made.plan["scenarios"]["load"]["on_start"]] == ["/login"]
    assert [step["path"] for step in made.plan["scenarios"]["load"]["endpoints"]] == ["/x"]
    assert told(made) == "1 request: not among the requests that were asked for; left out"
    assert "--login: no request before others is POST /in" in told(made_of(text, login="POST /in"))


def test_what_is_a_list_of_commands() -> None:
    """A line begins with curl."""
    assert detect("# all\n$ curl -s https://a.example", "notes.txt")
    assert detect("curl.exe https://a.example", "x.bat")
    assert not detect("import curl\n", "x.py")
    assert not detect("we like curl here", "x.md")


def test_patterns_that_fit_nothing() -> None:
    """It is said what there is."""
    with pytest.raises(ImportFailedError, match="no request fits --only /nope; there are GET /b"):
        made_of("curl https://a.example/b", only=("/nope",))


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
    # What begins like JSON is read as JSON where it is, whatever its type says.
    body=st.text(
        st.characters(codec="utf-8", exclude_categories=["Cs", "Co"], exclude_characters="\r\0"), min_size=1
    ).filter(lambda text: not text.lstrip().startswith(("{", "["))),
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
