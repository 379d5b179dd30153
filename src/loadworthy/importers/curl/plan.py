"""curl command lines as plans: each call is an endpoint, all of the same weight."""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Iterator
from urllib.parse import urldefrag, urlsplit

from loadworthy.importers.curl.options import FORM, Call, calls_of
from loadworthy.importers.curl.words import commands_of
from loadworthy.importers.imported import Imported, ImportFailedError, ImportOptions, Json, Note, Variables
from loadworthy.importers.request_credentials import Credentials, sweep_steps
from loadworthy.importers.request_steps import StepMaker, common_headers, no_login, plan_of, used_variables
from loadworthy.importers.requests import (
    METHODS,
    Marks,
    RecordedRequest,
    has_mark,
    is_like,
    is_wanted,
    unmarked,
    url_mistake,
)
from loadworthy.units import US_PER_S, parse_duration_us

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

    def imported(self, text: str) -> Imported:
        """The plan and its notes."""
        # A prompt before a pasted command is none of its words.
        text = re.sub(r"^([ \t]*)[$>%] (?=(?:\S*[/\\])?curl)", r"\1", text, flags=re.MULTILINE)
        commands = commands_of(text, self._variable)
        if not commands:
            raise ImportFailedError("there is no curl command in it; one looks like: curl -X POST https://… -d …")
        made: list[tuple[RecordedRequest, Call]] = []
        for command in commands:
            where = f"line {command.line}"
            self._notes += [Note(where, oddity) for oddity in dict.fromkeys(command.oddities)]
            for call in calls_of(command.words):
                self._notes += [Note(where, note) for note in call.notes]
                made += [(request, call) for request in self._requests(call, where)]
        if not made:
            why = "; ".join(f"{note.where}: {note.what}" for note in self._notes[:5])
            raise ImportFailedError(f"none of the commands makes a request that a plan can send ({why})")
        return self._planned(made)

    def _variable(self, name: str) -> str:
        return self._marks.mark(self._variables.reference(name, f"the variable {name} of the commands"))

    def _requests(self, call: Call, where: str) -> Iterator[RecordedRequest]:
        if not call.urls:
            self._notes.append(Note(where, "the command has no URL; it is left out"))
        for written in call.urls:
            url = self._url(written, call)
            method = call.method or ("HEAD" if call.is_head else "POST" if call.has_body and not call.is_get else "GET")
            request = RecordedRequest(method, url, tuple(self._headers(call, written)), *self._body(call), where)
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
        if login and "authorization" not in given:
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

    def _planned(self, made: list[tuple[RecordedRequest, Call]]) -> Imported:
        origin = Counter(request.origin for request, _ in made).most_common(1)[0][0]
        maker = StepMaker(self._credentials, origin, self._marks, self._notes)
        start: list[Json] = []
        endpoints: list[Json] = []
        for request, call in made:
            (start if self._is_login(request) else endpoints).append(self._step(maker, request, call))
        if not endpoints:
            start, endpoints = [], start
        if self._options.login and not start:
            self._notes.append(Note("--login", no_login(self._options.login)))
        steps = sweep_steps([*start, *endpoints], self._credentials)
        headers = common_headers(steps)
        behaviour: Json = {"headers": headers} if headers else {}
        if start:
            behaviour["on_start"] = steps[: len(start)]
        behaviour["endpoints"] = steps[len(start) :]
        base_url = self._options.base_url or self._marks.resolved(origin)
        plan = plan_of(base_url, self._options.scenario, behaviour, steps, **self._tls(made))
        count = len(made)
        source = "a curl command" if count == 1 else f"{count} curl commands"
        notes = [Note(note.where, self._credentials.masked(note.what)) for note in dict.fromkeys(self._notes)]
        return Imported(plan, source, tuple(notes), variables=used_variables(plan, self._variables.told))

    def _step(self, maker: StepMaker, request: RecordedRequest, call: Call) -> Json:
        step = maker.step(request)
        if "body" in step and not any(name.lower() == "content-type" for name in step.get("headers", {})):
            step["headers"] = {**step.get("headers", {}), "Content-Type": request.mime}
        if not call.follows:
            step["allow_redirects"] = False
        if call.timeout:
            try:
                seconds = parse_duration_us(float(call.timeout)) / US_PER_S
                if seconds > 0:  # 0 means no limit, which a plan does not know
                    step["timeout"] = f"{seconds:g}s"
            except (ValueError, OverflowError):
                self._notes.append(Note(request.where, "its --max-time is no time; it is left out"))
        return step

    def _tls(self, made: list[tuple[RecordedRequest, Call]]) -> Json:
        if not any(call.is_insecure for _, call in made):
            return {}
        if not all(call.is_insecure or urlsplit(request.url).scheme == "http" for request, call in made):
            self._notes.append(Note("-k", "only some commands accept any certificate; in the plan, all requests do"))
        return {"verify_tls": False}
