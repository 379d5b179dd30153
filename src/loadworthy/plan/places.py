"""What the places of a plan are for: where a secret may live, and where a text belongs to the plan's own language.

*Free* places hold what is sent or handed on (headers, bodies, credentials): what comes there from the environment is a
secret. *Text* places name and describe things (paths, names, the base URL). All others are *typed*: numbers, durations,
methods, thresholds. A mask may stand in for a free or a text value and the plan is still a plan; in a typed one it may
not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from loadworthy.plan.document import DataPath
from loadworthy.plan.steps import STEP_PARTS

PlaceKind = Literal["free", "text", "typed"]

_SECRET_ENDINGS = ("token", "authorization", "cookie", "cookies", "webhookurl")
_SECRET_WORDS = ("password", "passwd", "passphrase", "secret", "apikey", "privatekey", "accesskey")
_SECRET_LAST = frozenset(("pass", "pwd", "pw", "passcode", "otp", "jwt", "bearer"))
"""As a word of its own: ``pass``, ``user_pass``, ``dbPwd``, and not ``bypass``."""
_STEP_LISTS = ("endpoints", "flow", "on_start")
_PLAN_STEPS = ("setup", "teardown")
_ALL_STEPS = (*_STEP_LISTS, *_PLAN_STEPS)
_ACTIONS = (*STEP_PARTS, "undo")
_FREE_STEP_KEYS = ("query", "headers", "json", "form", "multipart", "body", "extract")
_FREE_SOCKET_KEYS = (*_FREE_STEP_KEYS, "subprotocols", "text", "base64", "match", "reason")
_EMAIL_TEXT = ("smtp_server", "username", "password", "from_addr", "to_addrs")
_NEVER_SECRET = re.compile(r"[-+]?\d{0,5}|[-+.\d]{1,5}|true|false|yes|no|on|off|null|none", re.IGNORECASE)


def place_kind(path: DataPath) -> PlaceKind:
    """What the value at a path is."""
    if free_root(path) is not None:
        return "free"
    match path:
        case ("name",) | ("base_url",) | ("locust", "locustfile") | ("test_data", _, "file"):
            return "text"
        case ("scenarios", _, "description" | "locustfile") | ("scenarios", _, "user_classes", *_):
            return "text"
        case ("scenarios", _, "roles", _, steps, _, *rest) if steps in _STEP_LISTS:
            return _step_kind(rest)
        case ("scenarios", _, steps, _, *rest) if steps in _STEP_LISTS:
            return _step_kind(rest)
        case (steps, _, *rest) if steps in _PLAN_STEPS:
            return _step_kind(rest)
        case ("monitors", _, *rest) | ("scenarios", _, "monitors", _, *rest):
            return "text" if rest[:1] in (["prometheus"], ["metrics"]) or rest == ["process", "name"] else "typed"
    return "typed"


def _step_kind(rest: Sequence[str | int]) -> PlaceKind:
    """Of a place in a step that is not free: the step's own, or one below what it does on a WebSocket."""
    match list(rest):
        case ["path" | "name"]:
            return "text"
        case [action, "path" | "name"] if action in _ACTIONS:
            return "text"
        case ["multipart", _, "file" | "type"] | ["multipart", _, int(), "file" | "type"]:
            return "text"
    return "typed"


def free_root(path: DataPath) -> int | None:
    """How many parts of the path lead to free data (the rest are its keys); None if the place is not free."""
    match path:
        case ("alerting", *rest):
            return _alerting_root(tuple(rest))
        case ("test_data", _, *rest):
            return _rows_root(tuple(rest))
        case ("reporting", *_):
            return 1
        case ("locust", "locustfile" | "stop_timeout", *_):
            return None
        case ("locust", *_):
            return 1
        case ("monitors", _, "postgres"):
            return 3
        case ("scenarios", _, "monitors", _, "postgres"):
            return 5
        case (steps, *_) if steps in _PLAN_STEPS:
            return _behaviour_root(path, 0)
        case ("scenarios", _, "roles", _, *rest):
            return _behaviour_root(tuple(rest), 4)
        case ("scenarios", _, *rest):
            return _behaviour_root(tuple(rest), 2)
    return None


def _alerting_root(rest: DataPath) -> int | None:
    match rest:
        case ("email", field, *_) if field in _EMAIL_TEXT:
            return 2
        case ("slack", "webhook_url" | "channel") | ("urls", *_):
            return 2
    return None


def _rows_root(rest: DataPath) -> int | None:
    match rest:
        case (int(), *_) | ("rows", *_) | ("database",):
            return 3
        case ("generate", "fields", _, "args" | "choice" | "value" | "template", *_):
            return 4  # the column's name tells whether it is a secret
    return None


def _behaviour_root(rest: DataPath, above: int) -> int | None:
    match rest:
        case ("headers", *_):
            return above + 1
        case (steps, _, "expect", "json" | "text", *_) if steps in _ALL_STEPS:
            return above + 4
        case (steps, _, "multipart", _, "file" | "type") if steps in _ALL_STEPS:
            return None
        case (steps, _, "multipart", _, int(), "file" | "type") if steps in _ALL_STEPS:
            return None
        case (steps, _, field, *_) if steps in _ALL_STEPS and field in _FREE_STEP_KEYS:
            return above + 3
        case (steps, _, action, "expect", "json" | "text", *_) if steps in _ALL_STEPS and action in _ACTIONS:
            return above + 5
        case (steps, _, action, field, *_) if steps in _ALL_STEPS and action in _ACTIONS:
            return above + 4 if field in _FREE_SOCKET_KEYS else None
    return None


def is_secret_place(path: DataPath) -> bool:
    """Whether a value is a secret because of the key it stands under (``password``, ``X-Api-Key``, …), or because it
    is the URL of a service that alerts go to, which has the token in it.
    """
    if path[:2] == ("alerting", "urls"):
        return True
    root = free_root(path)
    if root is None or _is_read_from_answers(path):
        return False
    return any(isinstance(key, str) and looks_secret(key) for key in path[root:])


def _is_read_from_answers(path: DataPath) -> bool:
    """Whether it says where a value comes from or what it must be (``token: $.token``), rather than holding one."""
    match path:
        case ("scenarios", _, "roles", _, steps, _, *rest) if steps in _STEP_LISTS:
            return _speaks_of_answers(rest)
        case ("scenarios", _, steps, _, *rest) if steps in _STEP_LISTS:
            return _speaks_of_answers(rest)
        case (steps, _, *rest) if steps in _PLAN_STEPS:
            return _speaks_of_answers(rest)
    return False


def _speaks_of_answers(rest: Sequence[str | int]) -> bool:
    match list(rest):
        case ["extract" | "expect", *_]:
            return True
        case [action, "extract" | "expect" | "match", *_] if action in STEP_PARTS:
            return True
    return False


def looks_secret(key: str) -> bool:
    """Whether a key or a variable's name speaks of a secret; case, ``-`` and ``_`` do not matter."""
    name = re.sub(r"[-_\s]", "", key).lower()
    if name.endswith(_SECRET_ENDINGS) or any(word in name for word in _SECRET_WORDS):
        return True
    return re.split(r"[-_\s]|(?<=[a-z0-9])(?=[A-Z])", key)[-1].lower() in _SECRET_LAST


def is_never_secret(text: str) -> bool:
    """Whether a text says too little to be a secret: short numbers, flags, nothing."""
    return _NEVER_SECRET.fullmatch(text.strip()) is not None
