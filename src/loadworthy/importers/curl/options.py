"""The options of curl: which take a value, what each means for a request, and which a plan cannot follow."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from loadworthy.importers.curl.form_fields import form_parts
from loadworthy.importers.curl.quiet_options import SHORT, VALUES_WITHOUT_EFFECT, WITHOUT_EFFECT
from loadworthy.importers.marks import has_mark
from loadworthy.importers.requests import FormPart


@dataclass(slots=True)
class Call:
    """What one ``curl`` was asked to do, up to ``--next``.

    Args:
        urls: each is a request with all that follows.
        method: if one was named.
        headers: in order; None as the value takes a header away that curl would send.
        data: pieces of the body.
        form: parts of a multipart form, which goes instead of it.
        mime: of the body, if an option says it.
        notes: what a plan does not do.
    """

    urls: list[str] = field(default_factory=list)
    method: str = ""
    headers: list[tuple[str, str | None]] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    query: list[str] = field(default_factory=list)
    mime: str = ""
    has_body: bool = False
    is_get: bool = False
    is_head: bool = False
    follows: bool = False
    is_insecure: bool = False
    timeout: str = ""
    login: str = ""
    has_other_scheme: bool = False
    cookies: list[str] = field(default_factory=list)
    form: list[FormPart] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


Act = Callable[[Call, str], None]
_LEFT_OUT = "has no counterpart in a plan; it is left out"


def _say(what: str) -> Act:
    def act(call: Call, value: str) -> None:
        call.notes.append(what.replace("{}", value[:60]) if not has_mark(value) else what.replace("{}", "…"))

    return act


def _set(name: str, *, to: object = None) -> Act:
    def act(call: Call, value: str) -> None:
        setattr(call, name, value if to is None else to)

    return act


def _header(name: str) -> Act:
    return lambda call, value: call.headers.append((name, value))


def _any_header(call: Call, value: str) -> None:
    name, colon, content = value.partition(":")
    if value.startswith("@"):
        call.notes.append(f"its headers are read from the file {value[1:61]}; they are left out")
    elif colon:
        call.headers.append((name.strip(), content.strip() or None))
    elif value.endswith(";"):
        call.headers.append((value[:-1].strip(), ""))


def _data(call: Call, value: str) -> None:
    call.has_body = True
    if value.startswith("@"):
        call.notes.append(f"its body is read from the file {value[1:61]}; it is left out")
    else:
        call.data.append(value)


def _raw_data(call: Call, value: str) -> None:
    call.has_body = True
    call.data.append(value)


def _encoded_data(call: Call, value: str) -> None:
    call.has_body = True
    piece = _encoded(call, value)
    if piece is not None:
        call.data.append(piece)


def _encoded(call: Call, value: str) -> str | None:
    """``name=content``, ``=content`` or ``content``, the content encoded; None where a file has it."""
    match = re.match(r"[^=@]*@", value)
    if match:
        call.notes.append(f"its body is read from the file {value[match.end() :][:60]}; it is left out")
        return None
    name, equals, content = value.partition("=")
    if not equals:
        return _quoted(value)
    return f"{name}={_quoted(content)}" if name else _quoted(content)


def _quoted(text: str) -> str:
    return text if has_mark(text) else quote(text, safe="")


def _url_query(call: Call, value: str) -> None:
    piece = value[1:] if value.startswith("+") else _encoded(call, value)
    if piece is not None:
        call.query.append(piece)


def _json(call: Call, value: str) -> None:
    _data(call, value)
    call.mime = "application/json"


def _cookie(call: Call, value: str) -> None:
    if "=" in value:
        call.cookies.append(value)
    elif value:
        call.notes.append(f"cookies are read from the file {value[:60]}; they are left out")


def _upload(call: Call, value: str) -> None:
    call.has_body = True
    call.method = call.method or "PUT"
    call.notes.append(f"it uploads the file {value[:60]}; the body is left out")


def _form(call: Call, value: str) -> None:
    name, equals, content = value.partition("=")
    call.has_body = True
    if not equals:
        call.notes.append("a field of its form (-F) has no =; it is left out")
    else:
        call.form += form_parts(name, content)


def _form_text(call: Call, value: str) -> None:
    name, _, content = value.partition("=")
    call.has_body = True
    call.form.append(FormPart(name, content))


def _variable(call: Call, value: str) -> None:
    name = re.split(r"[=@]", value.removeprefix("%"), maxsplit=1)[0]
    call.notes.append(f"the variable {name[:60]} of curl is not read")


def _other_scheme(what: str) -> Act:
    def act(call: Call, _: str) -> None:
        call.has_other_scheme = True
        call.notes.append(f"{what} {_LEFT_OUT}")

    return act


def _referer(call: Call, value: str) -> None:
    plain = value.removesuffix(";auto")
    if plain:
        call.headers.append(("Referer", plain))


def _range(call: Call, value: str) -> None:
    call.headers.append(("Range", f"bytes={value}"))


def _bearer(call: Call, value: str) -> None:
    call.headers.append(("Authorization", f"Bearer {value}"))


_ACTING: Mapping[str, Act] = {
    "url": lambda call, value: call.urls.append(value),
    "request": lambda call, value: setattr(call, "method", value.upper()),
    "header": _any_header,
    "data": _data,
    "data-ascii": _data,
    "data-binary": _data,
    "data-raw": _raw_data,
    "data-urlencode": _encoded_data,
    "json": _json,
    "url-query": _url_query,
    "user": _set("login"),
    "user-agent": _header("User-Agent"),
    "referer": _referer,
    "cookie": _cookie,
    "range": _range,
    "oauth2-bearer": _bearer,
    "max-time": _set("timeout"),
    "form": _form,
    "form-string": _form_text,
    "upload-file": _upload,
    "connect-timeout": _say("the time-out for connecting ({} s) " + _LEFT_OUT),
    "proxy": _say("the proxy " + _LEFT_OUT),
    "retry": _say("a failed request is not tried again"),
    "limit-rate": _say("the limited rate ({}) " + _LEFT_OUT),
    "config": _say("the file of options {} is not read"),
    "cert": _say("the client certificate " + _LEFT_OUT),
    "key": _say("the client's key " + _LEFT_OUT),
    "cacert": _say("the file of trusted certificates " + _LEFT_OUT),
    "capath": _say("the folder of trusted certificates " + _LEFT_OUT),
    "resolve": _say("the address given for a host ({}) " + _LEFT_OUT),
    "connect-to": _say("the other address to connect to ({}) " + _LEFT_OUT),
    "unix-socket": _say("the Unix socket {} " + _LEFT_OUT),
    "interface": _say("the interface {} " + _LEFT_OUT),
    "aws-sigv4": _other_scheme("the AWS signature"),
    "time-cond": _say("the condition on the time ({}) " + _LEFT_OUT),
    "request-target": _say("the other target of the request ({}) " + _LEFT_OUT),
    "variable": _variable,
    "preproxy": _say("the proxy " + _LEFT_OUT),
    **dict.fromkeys(("socks4", "socks4a", "socks5", "socks5-hostname", "proxy1.0"), _say("the proxy " + _LEFT_OUT)),
    "pass": _say("the password of the client's key " + _LEFT_OUT),
    "abstract-unix-socket": _say("the Unix socket {} " + _LEFT_OUT),
    "doh-url": _say("the DNS server " + _LEFT_OUT),
    "dns-servers": _say("the DNS servers " + _LEFT_OUT),
    "local-port": _say("the local port {} " + _LEFT_OUT),
    "rate": _say("the pace of requests ({}) " + _LEFT_OUT),
    "continue-at": _say("it goes on from byte {} of a file; the plan asks for all of it"),
    "netrc-file": _say("the file {} of passwords is not read"),
    "etag-compare": _say("the ETag in the file {} is not sent"),
    "quote": _say("a command for FTP " + _LEFT_OUT),
    "haproxy-clientip": _say("the client's address {} " + _LEFT_OUT),
}
_FLAGS: Mapping[str, Act] = {
    "get": _set("is_get", to=True),
    "head": _set("is_head", to=True),
    "location": _set("follows", to=True),
    "location-trusted": _set("follows", to=True),
    "insecure": _set("is_insecure", to=True),
    "http2": _say("HTTP/2 is asked for; the client speaks HTTP/1.1"),
    "http2-prior-knowledge": _say("HTTP/2 is asked for; the client speaks HTTP/1.1"),
    "http3": _say("HTTP/3 is asked for; the client speaks HTTP/1.1"),
    "http3-only": _say("HTTP/3 is asked for; the client speaks HTTP/1.1"),
    "http1.0": _say("HTTP/1.0 is asked for; the client speaks HTTP/1.1"),
    "digest": _other_scheme("Digest authentication"),
    "ntlm": _other_scheme("NTLM authentication"),
    "negotiate": _other_scheme("Negotiate authentication"),
    "anyauth": _say("Basic authentication is sent at once, without being asked for"),
    "netrc": _say("the file .netrc is not read"),
}
_LIKE_URL = re.compile(r"[./:\ue000]|localhost", re.IGNORECASE)


def calls_of(words: Sequence[str]) -> list[Call]:
    """What the words of one command ask for; ``--next`` begins another call."""
    calls = [Call()]
    waiting = list(reversed(words))
    only_urls = False
    is_after_unknown = False
    while waiting:
        word = waiting.pop()
        known = True
        if word == "--" and not only_urls:
            only_urls = True
        elif word in {"--next", "-:"} and not only_urls:
            calls.append(Call())
        elif word.startswith("--") and not only_urls:
            known = _long(calls[-1], word[2:], waiting)
        elif word.startswith("-") and len(word) > 1 and not only_urls:
            known = _short(calls[-1], word[1:], waiting)
        elif word and ("://" in word or (_LIKE_URL.search(word) and not is_after_unknown)):
            calls[-1].urls.append(word)
        elif word and not is_after_unknown:
            calls[-1].notes.append("a word of it is no URL; it is left out")
        is_after_unknown = not known
    return calls


def _long(call: Call, name: str, waiting: list[str]) -> bool:
    """Do what an option says; False where it is not known, and the word behind it may be its value."""
    if name.startswith("expand-") and name[7:] in _ACTING:
        name = name[7:]
        call.notes.append(f"the variables of curl in --expand-{name} are not put in")
    act = _ACTING.get(name)
    if act is not None:
        _with_value(call, f"--{name}", act, waiting)
    elif name in VALUES_WITHOUT_EFFECT:
        _with_value(call, f"--{name}", lambda *_: None, waiting)
    elif name in _FLAGS:
        _FLAGS[name](call, "")
    elif name not in WITHOUT_EFFECT and name.removeprefix("no-") not in WITHOUT_EFFECT:
        call.notes.append(f"the option --{name[:40]} is not known; it is left out")
        return False
    return True


def _with_value(call: Call, option: str, act: Act, waiting: list[str]) -> None:
    if waiting:
        act(call, waiting.pop())
    else:
        call.notes.append(f"the option {option} has no value; it is left out")


def _short(call: Call, letters: str, waiting: list[str]) -> bool:
    """Letters in one word: flags, and at last one with its value, in this word or the next."""
    known = True
    for index, letter in enumerate(letters):
        name = SHORT.get(letter)
        known = name is not None
        if name is None:
            call.notes.append(f"the option -{letter} is not known; it is left out")
        elif name in _ACTING or name in VALUES_WITHOUT_EFFECT:
            rest = letters[index + 1 :]
            if rest:
                waiting.append(rest)
            return _long(call, name, waiting)
        else:
            _long(call, name, waiting)
    return known
