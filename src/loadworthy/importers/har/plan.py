"""HAR recordings of browsers and proxies as plans: one flow, with the pauses of the person who was recorded.

What a load test must not repeat is left out (:mod:`loadworthy.importers.har.choosing`), values that came from answers
are extracted again (:mod:`loadworthy.importers.correlate`), credentials become environment variables.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from loadworthy.importers.correlate import Correlator, repeated_uuids
from loadworthy.importers.har.choosing import choose
from loadworthy.importers.har.flow import Event, Flow, events_of
from loadworthy.importers.har.reading import Entry, read_har
from loadworthy.importers.har.steps import MAX_WAIT_MS, add_events
from loadworthy.importers.imported import Imported, ImportOptions, Json, Note, Variables
from loadworthy.importers.request_credentials import Credentials
from loadworthy.importers.request_plan import imported_of, no_login, plan_of
from loadworthy.importers.request_steps import StepMaker
from loadworthy.importers.requests import is_like

_MAX_PASSES = 20
_LOGIN = re.compile(r"^POST .*(log-?in|sign-?in|auth|session)", re.IGNORECASE)
_SANITISED = (
    "the recording has neither cookies nor Authorization; Chrome leaves them out unless it may save sensitive data,"
    " and if the site needs them, record it so"
)
_WITHOUT_BODIES = (
    "no body of an answer was recorded, so values that came from the server cannot be told from constants;"
    " save the recording with content"
)


def detect(text: str, name: str) -> bool:
    """Whether the file is a HAR recording, by its name or its beginning."""
    if name.lower().endswith(".har"):
        return True
    return re.match(r'\ufeff?\s*\{\s*"log"\s*:\s*\{', text[:1000]) is not None and '"entries"' in text


def import_har(text: str, options: ImportOptions) -> Imported:
    """The plan of a recording.

    Raises:
        ImportFailedError: the file is no HAR file, or has nothing that could be repeated.
    """
    entries = read_har(text)
    unmerged: frozenset[str] = frozenset()
    for _ in range(_MAX_PASSES):
        made = _Made(entries, options, unmerged)
        # A value that only a redirect has is not seen by a client that follows it: then both are steps.
        if made.correlator.unmerged <= unmerged:
            break
        unmerged |= made.correlator.unmerged
    return made.imported()


class _Made:
    """One pass over the entries."""

    def __init__(self, entries: Sequence[Entry], options: ImportOptions, unmerged: frozenset[str]) -> None:
        self._options = options
        self._chosen = choose(entries, options, unmerged)
        self._notes: list[Note] = []
        self._credentials = Credentials(Variables())
        events = events_of(self._chosen, self._notes)
        self.correlator = Correlator(
            self._credentials,
            from_ms=min(entry.started_ms for entry in entries),
            to_ms=max(entry.ended_ms for entry in entries),
            repeated=repeated_uuids([(_sent(event), _answered(event)) for event in events]),
        )
        self._flow = Flow(StepMaker(self.correlator, self._chosen.base_url, notes=self._notes), self.correlator)
        add_events(self._flow, events, self._chosen.beside)

    def imported(self) -> Imported:
        """The plan and what is to be said of it."""
        start, flow = self._parts()
        plan = plan_of(
            start,
            "flow",
            flow,
            origin=self._chosen.base_url,
            options=self._options,
            credentials=self._credentials,
            notes=self._notes,
        )
        host = self._chosen.base_url.partition("://")[2]
        source = f"a HAR recording of {host} with {_count(len(self._chosen.visits), 'request')}"
        return imported_of(plan, source, self._told(), self._credentials)

    def _parts(self) -> tuple[list[Json], list[Json]]:
        """The steps up to the login, if the user named one, and those after it."""
        steps, visits = self._flow.steps, self._flow.visits
        login = self._options.login
        for index in range(len(steps) - 1 if login else 0):
            visit = visits[index]
            if login and visit is not None and is_like(visit.entry.request, login):
                rest = steps[index + 1 :]
                return steps[: index + 1], rest[1:] if "wait" in rest[0] and len(rest) > 1 else rest
        return [], steps

    def _told(self) -> list[Note]:
        flow = self._flow
        notes = [*self._notes, *flow.notes, *self._chosen.notes]
        if flow.together:
            notes.append(
                Note(_count(flow.together, "request"), "sent at the same time as others; the plan sends them in turn")
            )
        notes += [Note("pauses", f"{pause}: cut to {MAX_WAIT_MS // 1000}s") for pause in flow.capped]
        if self.correlator.constant_uuids:
            what = "made by the browser and sent more than once; they are the same for all users"
            notes.append(Note(_count(len(self.correlator.constant_uuids), "UUID"), what))
        if not any(visit.entry.answer.text for visit in self._chosen.visits):
            notes.append(Note("answers", _WITHOUT_BODIES))
        notes += self._about_logins()
        if flow.set_cookies and not self._options.login:
            what = (
                "they stay with a user from one pass to the next, and what only strangers see does not come again;"
                " name the login (--login), and all up to it is done once"
            )
            notes.append(Note("cookies", what))
        return list(dict.fromkeys(notes))

    def _about_logins(self) -> list[Note]:
        """What is to be said where a login is not what it should be."""
        visits = self._chosen.visits
        notes = []
        if self._options.login and not self._parts()[0]:
            notes.append(Note("--login", no_login(self._options.login)))
        hops = [hop for visit in visits for hop in visit.hops]
        logs_in = any(_LOGIN.search(visit.entry.request.label) for visit in visits)
        if logs_in and not any(map(_has_credentials, [*(visit.entry for visit in visits), *hops])):
            notes.append(Note("cookies", _SANITISED))
        return notes


def _has_credentials(entry: Entry) -> bool:
    names = {name.lower() for name, _ in (*entry.request.headers, *entry.answer.headers)}
    return not names.isdisjoint({"cookie", "set-cookie", "authorization"})


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _sent(event: Event) -> str:
    if event.message is not None:
        return event.message.data if event.message.is_sent else ""
    request = event.visit.entry.request
    fields = (part.text for part in request.form if part.text is not None)
    headers = (value for name, value in request.headers if name != "Cookie")
    return "\n".join([request.url, request.body, *fields, *headers])


def _answered(event: Event) -> str:
    if event.message is not None:
        return event.reply.data if event.reply is not None else ""
    return event.visit.entry.answer.text
