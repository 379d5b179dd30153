"""Requests that would end or change the session that all others need: refresh and log out get one of their own."""

from __future__ import annotations

import re
from collections.abc import Sequence

from loadworthy.importers.imported import Json
from loadworthy.importers.openapi.auth import Auth
from loadworthy.importers.openapi.flow import Flow, Planning
from loadworthy.importers.openapi.reader import Operation
from loadworthy.importers.openapi.text import snake
from loadworthy.importers.openapi.things import segments_of

_LOG_OUT = re.compile(r"log-?_?out|sign-?_?out|log-?_?off|revoke", re.IGNORECASE)
_REFRESH = re.compile(r"refresh", re.IGNORECASE)
_REFRESH_NAMES = ("refresh_token", "refreshToken", "refresh")


def ends_session(operation: Operation) -> bool:
    """Whether it uses up or ends the token that it is sent with."""
    segments = segments_of(operation.path)
    return bool(segments) and bool(_LOG_OUT.search(segments[-1]) or _REFRESH.search(segments[-1]))


def session_flow(operations: Sequence[Operation], planning: Planning, auth: Auth) -> list[Json]:
    """Log in, refresh, log out: each pass with tokens of its own."""
    if not operations:
        return []
    login = auth.login
    if login is None:
        for operation in operations:
            planning.refuse(operation, "it ends the session, and no login is known that begins another")
        return []
    first = auth.login_step("session_token")
    steps = [first]
    for operation in sorted(operations, key=lambda one: bool(_LOG_OUT.search(one.path))):
        flow = Flow(planning)
        if not flow.add(operation):
            continue
        if len(flow.steps) > 1:
            planning.refuse(operation, "it needs more than a session")
            continue
        step = flow.steps[0]
        if "Authorization" in step.get("headers", {}):
            step["headers"]["Authorization"] = "Bearer {{ session_token }}"
        if _use_tokens(step, first, auth):
            steps.append(step)
        else:
            planning.refuse(operation, "it needs a refresh token, and the login is not known to give one")
    return steps if len(steps) > 1 else []


def _use_tokens(step: Json, login: Json, auth: Auth) -> bool:
    """Put the tokens that the login gave into the body; False where it does not give them."""
    for kind in ("json", "form"):
        body = step.get(kind)
        if not isinstance(body, dict):
            continue
        for name in body:
            if snake(name) in ("refresh_token", "refresh"):
                source = _refresh_source(auth)
                if source is None:
                    return False
                body[name] = "{{ refresh_token }}"
                login.setdefault("extract", {})["refresh_token"] = source
            elif snake(name) in ("token", "access_token") and "session_token" in login.get("extract", {}):
                body[name] = "{{ session_token }}"
    return True


def _refresh_source(auth: Auth) -> str | None:
    assert auth.login is not None  # noqa: S101  there is one where there is a session
    _, schema = auth.answers.schema(auth.login.operation)
    if schema is not None:
        return auth.answers.property_path(schema, _REFRESH_NAMES)
    return f"$..[{', '.join(repr(name) for name in _REFRESH_NAMES[:2])}]"
