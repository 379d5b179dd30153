"""curl command lines as plans: each call is an endpoint, all of the same weight."""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Iterator
from urllib.parse import urldefrag, urlsplit

from loadworthy.importers.curl.options import Call, calls_of
from loadworthy.importers.curl.words import commands_of
from loadworthy.importers.imported import Imported, ImportFailedError, ImportOptions, Json, Note, Variables
from loadworthy.importers.marks import Marks, has_mark, unmarked
from loadworthy.importers.named_secrets import is_secret_name
from loadworthy.importers.only import nothing_fits
from loadworthy.importers.origins import belongs, left_out_by_only, left_out_hosts, main_origin
from loadworthy.importers.request_credentials import Credentials
from loadworthy.importers.request_plan import imported_of, no_login, plan_of
from loadworthy.importers.request_steps import StepMaker
from loadworthy.importers.requests import FORM, METHODS, RecordedRequest, is_like, is_wanted, url_mistake
from loadworthy.units import US_PER_S, format_duration, parse_duration_us

_NOT_UNDERSTOOD = "a curl command that is not understood, or stands in a quotation; it is left out"
_MOST_US = 30 * 86_400 * US_PER_S
_GLOB = re.compile(r"\{[^{}]*,[^{}]*\}|\[[\w]+-[\w:]+\]")


def detect(text: str, name: str) -> bool:
    """Whether the file holds curl command lines: one begins a line, after comments, prompts and settings perhaps."""
    if name.lower().endswith((".har", ".json", ".yaml", ".yml", ".py")):
        return False
    return re.search(r"^[ \t]*(?:[$>#%] )?(?:\S*[/\\])?curl(?:\.exe)?[ \t]+\S", text, re.MULTILINE) is not None


def import_curl(text: str, options: ImportOptions) -> Imported:
    """The plan of the commands.

    Raises:
        ImportFailedError: there is no command in it, or one has a quotation without an end.
    """
    return _Importer(options).imported(unmarked(text))


class _Importer:
    def __init__(self, options: ImportOptions) -> None:
        self._options = options
        self._variables = Variables()
        self._credentials = Credentials(self._variables)
        self._marks = Marks()
        self._notes: list[Note] = []
        self._unwanted: list[str] = []

    def imported(self, text: str) -> Imported:
        """The plan and its notes."""
        commands, unread = commands_of(text, self._variable)
        if not commands:
            raise ImportFailedError("there is no curl command in it; one looks like: curl -X POST https://… -d …")
        made: list[tuple[RecordedRequest, Call]] = []
        for command in commands:
            where = f"line {command.line}"
            self._notes += [Note(where, oddity) for oddity in dict.fromkeys(command.oddities)]
            for call in calls_of(command.words):
                self._notes += [Note(where, note) for note in call.notes]
                made += [(request, call) for request in self._requests(call, where)]
        self._notes += [Note(f"line {line}", _NOT_UNDERSTOOD) for line in dict.fromkeys(unread)]
        origin = main_origin((request for request, _ in made), self._options.base_url)
        strangers = (request.parts.hostname or "" for request, _ in made if not belongs(request.url, origin))
        others = Counter(map(self._marks.resolved, strangers))
        made = [(request, call) for request, call in made if belongs(request.url, origin)]
        self._notes += [*left_out_hosts(others, "the service's own"), *left_out_by_only(self._unwanted)]
        if not made and self._unwanted:
            raise ImportFailedError(nothing_fits(self._options.only, self._unwanted))
        if not made:
            why = "; ".join(f"{note.where}: {note.what}" for note in self._notes[:5])
            raise ImportFailedError(f"none of the commands makes a request that a plan can send ({why})")
        return self._planned(origin, made)

    def _variable(self, name: str, default: str) -> str:
        is_plain = not re.search(r"[{}$\\\ue000]", default) and self._credentials.masked(default) == default
        if default and is_plain and not is_secret_name(name):
            return self._marks.mark(f"${{{name}:-{default}}}")
        return self._marks.mark(self._variables.reference(name, f"the variable {name} of the commands"))

    def _requests(self, call: Call, where: str) -> Iterator[RecordedRequest]:
        if not call.urls:
            self._notes.append(Note(where, "the command has no URL; it is left out"))
        for written in call.urls:
            url = self._url(written, call)
            method = call.method or ("HEAD" if call.is_head else "POST" if call.has_body and not call.is_get else "GET")
            body, form = self._body(call), tuple(call.form)
            request = RecordedRequest(method, url, tuple(self._headers(call, written)), *body, where, form)
            mistake = url_mistake(url)
            if mistake is None and method not in METHODS:
                mistake = f"a plan knows no method {method[:20]}"
            if mistake is not None:
                self._notes.append(Note(where, f"{mistake}; the command is left out"))
            elif is_wanted(request, self._options) or self._is_login(request):
                if _GLOB.search(written) and not has_mark(written):
                    self._notes.append(
                        Note(where, "curl would make several URLs of this one; the plan asks for it as it is")
                    )
                yield request
            else:
                self._unwanted.append(self._marks.resolved(request.label))

    def _url(self, written: str, call: Call) -> str:
        url = urldefrag(written)[0] if "#" in written else written
        if url.startswith("\ue000"):
            mark, _, rest = url.partition("\ue001")
            url = self._marks.address(f"{mark}\ue001") + rest
        elif not re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", url):
            url = f"http://{url}"
        scheme, _, rest = url.partition("://")
        authority = re.split(r"[/?]", rest, maxsplit=1)[0]
        url = f"{scheme.lower()}://{authority.rpartition('@')[2]}{rest[len(authority) :]}"
        added = [*call.query, *(call.data if call.is_get else ())]
        if added:
            url += ("&" if "?" in url else "?") + "&".join(added)
        return url

    def _headers(self, call: Call, written: str) -> Iterator[tuple[str, str]]:
        given = {name.lower() for name, _ in call.headers}
        for name, value in call.headers:
            if value is not None and name.lower() not in {"host", "content-length"}:
                yield name, value
            elif name.lower() == "host":
                self._notes.append(Note("headers", "the header Host is left out; a plan sends that of the URL"))
        if call.mime == "application/json" and "accept" not in given:
            yield "Accept", "application/json"
        if call.cookies:
            yield "Cookie", "; ".join(call.cookies)
        login = call.login or re.split(r"[/?#]", written.partition("://")[2], maxsplit=1)[0].rpartition("@")[0]
        if login and "authorization" not in given and not call.has_other_scheme:
            yield "Authorization", f"Basic {self._basic(login)}"

    def _basic(self, login: str) -> str:
        if has_mark(login):
            return self._marks.mark(
                self._variables.reference("BASIC_AUTH", "USER:PASSWORD in base64, for Basic authentication")
            )
        return base64.b64encode(login.encode()).decode()

    def _body(self, call: Call) -> tuple[str, str]:
        if call.is_get or not call.data:
            return "", ""
        separator = "" if call.mime == "application/json" else "&"
        declared = next((value for name, value in call.headers if name.lower() == "content-type" and value), "")
        return separator.join(call.data), declared or call.mime or FORM

    def _is_login(self, request: RecordedRequest) -> bool:
        return bool(self._options.login) and is_like(request, self._options.login or "")

    def _planned(self, origin: str, made: list[tuple[RecordedRequest, Call]]) -> Imported:
        maker = StepMaker(self._credentials, origin, self._marks, self._notes)
        start: list[Json] = []
        endpoints: list[Json] = []
        for request, call in made:
            (start if self._is_login(request) else endpoints).append(self._step(maker, request, call))
        if not endpoints:
            start, endpoints = [], start
        if self._options.login and not start:
            self._notes.append(Note("--login", no_login(self._options.login)))
        top = self._tls(made)
        plan = plan_of(
            start,
            "endpoints",
            endpoints,
            origin=self._marks.resolved(origin),
            options=self._options,
            credentials=self._credentials,
            notes=self._notes,
            **top,
        )
        source = "a curl command" if len(made) == 1 else f"{len(made)} curl commands"
        return imported_of(plan, source, self._notes, self._credentials)

    def _step(self, maker: StepMaker, request: RecordedRequest, call: Call) -> Json:
        step = maker.step(request)
        if not call.follows:
            step["allow_redirects"] = False
        if call.timeout:
            timeout = _timeout(call.timeout)
            if timeout is None:
                self._notes.append(Note(request.where, "its --max-time is no time; it is left out"))
            elif timeout:
                step["timeout"] = timeout
        return step

    def _tls(self, made: list[tuple[RecordedRequest, Call]]) -> Json:
        if not any(call.is_insecure for _, call in made):
            return {}
        if not all(call.is_insecure or urlsplit(request.url).scheme == "http" for request, call in made):
            self._notes.append(Note("-k", "only some commands accept any certificate; in the plan, all requests do"))
        return {"verify_tls": False}


def _timeout(written: str) -> str | None:
    """The time-out as a plan has it; empty where there is none (0), None where it is no time."""
    try:
        length_us = parse_duration_us(float(written))
    except (ValueError, OverflowError):
        return None
    return format_duration(length_us) if 0 < length_us <= _MOST_US else "" if length_us == 0 else None
