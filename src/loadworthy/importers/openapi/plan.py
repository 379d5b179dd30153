"""A plan from an OpenAPI 3 document: every operation a step, in an order in which it can succeed.

The parts: ``reader`` (the document, its references and operations), ``servers`` (where requests go), ``schemas``
(made simple), ``values`` (that fit them, with ``examples``, ``numbers``, ``strings``, ``text`` and ``patterns``),
``things`` and ``answers`` (what creates and lists what), ``auth`` and ``session`` (logins), ``requests``, ``queries``,
and ``bodies`` (a step), ``given``, ``flow`` and ``order`` (which step needs which).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loadworthy.importers.imported import (
    Imported,
    ImportFailedError,
    ImportOptions,
    Json,
    Note,
    Variables,
)
from loadworthy.importers.only import is_wanted
from loadworthy.importers.openapi.answers import Answers
from loadworthy.importers.openapi.auth import Auth
from loadworthy.importers.openapi.bodies import Bodies
from loadworthy.importers.openapi.flow import Planning
from loadworthy.importers.openapi.given import Rows
from loadworthy.importers.openapi.login import Login
from loadworthy.importers.openapi.order import Order
from loadworthy.importers.openapi.reader import Operation, Reader, detect, read
from loadworthy.importers.openapi.requests import Requests
from loadworthy.importers.openapi.schemas import Schemas
from loadworthy.importers.openapi.servers import Servers
from loadworthy.importers.openapi.session import ends_session, session_flow
from loadworthy.importers.openapi.things import things_of
from loadworthy.importers.openapi.values import Values
from loadworthy.importers.request_credentials import Credentials, sweep_steps

__all__ = ["detect", "import_openapi"]

MAX_OPERATIONS = 2_000
_USERS = 5
_MANY_USERS = 20
_MOST_NAMES = 30
_MOST_CHARACTERS = 60
_LOAD = {"spawn_rate": "1/s", "run_time": "1m", "wait_time": "1s-3s", "thresholds": ["p95 < 500ms", "error_rate < 1%"]}
_ALONE = "requests"
_ALONE_PER_USER = 3
_SESSION = "session"


def import_openapi(text: str, options: ImportOptions) -> Imported:
    """The plan, with what could not be carried over.

    Args:
        text: the document, as JSON or YAML.
        options: what the user says besides.

    Raises:
        ImportFailedError: it is broken, no OpenAPI 3, or nothing of it is left.
    """
    reader = read(text, options.read)
    importing = _importing(reader, options)
    operations = importing.operations
    kept = _kept(operations, options, importing.notes)
    login = importing.auth.login
    others = [one for one in kept if login is None or one is not login.operation]
    ending = [one for one in others if ends_session(one)]
    alone, flows = importing.order.roles([one for one in others if one not in ending])
    session = session_flow(ending, importing.planning, importing.auth)
    roles = _roles(alone, {**flows, **({_SESSION: session} if session else {})})
    if login is not None and login.operation in kept and not (roles and _is_used(login, roles)):
        # Nobody needs its token: it is a request as any other.
        roles.setdefault(_ALONE, {"endpoints": []})["endpoints"].insert(0, importing.auth.login_step(None))
    if not roles:
        raise ImportFailedError("#/paths: no operation is left to make a step of" + _why(importing.all_notes()))
    return _imported(reader, options, importing, roles)


@dataclass(frozen=True, slots=True)
class _Importing:
    operations: list[Operation]
    values: Values
    credentials: Credentials
    auth: Auth
    servers: Servers
    planning: Planning
    order: Order
    notes: list[Note]

    def all_notes(self) -> list[Note]:
        requests = self.planning.requests
        parts = (self, self.auth, self.planning, requests, requests.bodies, self.servers)
        return list(dict.fromkeys(note for part in parts for note in part.notes))


def _importing(reader: Reader, options: ImportOptions) -> _Importing:
    schemas = Schemas(reader)
    answers, variables = Answers(reader, schemas), Variables()
    credentials = Credentials(variables)
    values = Values(schemas, credentials)
    notes: list[Note] = _unused_parts(reader)
    operations = reader.operations()
    notes += reader.notes
    operations = _current(operations, notes)
    servers = Servers(reader, options, variables, operations)
    auth = Auth(reader, schemas, answers, values, variables, servers)
    auth.prepare(operations, options.login)
    login = auth.login.operation if auth.login is not None else None
    things = things_of((one for one in operations if one is not login and not ends_session(one)), schemas)
    rows = Rows()
    bodies = Bodies(reader, schemas, values, things, rows)
    requests = Requests(reader, schemas, answers, values, auth, servers, variables, bodies, rows)
    deletes = [one for one in operations if one.method == "DELETE"]
    planning = Planning(requests, things)
    return _Importing(operations, values, credentials, auth, servers, planning, Order(planning, deletes), notes)


def _unused_parts(reader: Reader) -> list[Note]:
    webhooks = [name for name, _ in reader.root.at("webhooks").items()]
    what = "requests that the service sends are not part of a plan"
    return [Note("webhooks", f"{', '.join(webhooks)}: {what}")] if webhooks else []


def _current(operations: Sequence[Operation], notes: list[Note]) -> list[Operation]:
    """Those that are not deprecated."""
    current = []
    for operation in operations:
        if operation.place.at("deprecated").value is True:
            notes.append(Note(operation.where, "it is deprecated; it is left out"))
            continue
        current.append(operation)
        if operation.place.at("callbacks").value:
            notes.append(Note(operation.where, "its callbacks come from the service; nobody waits for them"))
        links = [code for code, place in operation.place.at("responses").items() if place.at("links").value]
        if links:
            notes.append(Note(operation.where, "its links are not followed; values are carried over by their names"))
    return current


def _kept(operations: Sequence[Operation], options: ImportOptions, notes: list[Note]) -> list[Operation]:
    kept = [one for one in operations if is_wanted(options.only, one.method, one.path)]
    if len(kept) > MAX_OPERATIONS:
        raise ImportFailedError(f"#/paths: {len(kept)} operations are too many for one plan; choose some with --only")
    if options.only and not kept:
        raise ImportFailedError(
            f"#/paths: no operation fits {', '.join(options.only)}; there are for example: "
            + ", ".join(one.where for one in operations[:5])
        )
    if len(kept) < len(operations):
        notes.append(Note("--only", f"{len(operations) - len(kept)} operations were not asked for"))
    return kept


def _why(notes: Sequence[Note]) -> str:
    told = "; ".join(f"{note.where}: {note.what}" for note in notes[:3])
    return f" ({told})" if told else " (no path has get, post or another method below it)"


def _roles(alone: list[Json], flows: Mapping[str, list[Json]]) -> dict[str, Json]:
    roles: dict[str, Json] = {}
    if alone:
        # A pass of a flow sends each of its requests, a pass of these only one of them.
        weight = -(-len(alone) // _ALONE_PER_USER)
        roles[_ALONE] = {**({"weight": weight} if weight > 1 and flows else {}), "endpoints": alone}
    for noun, steps in flows.items():
        name = noun.replace("_", "-")[:_MOST_CHARACTERS]
        while name in roles:
            name += "-flow"
        roles[name] = {"flow": steps}
    return roles


def _imported(reader: Reader, options: ImportOptions, importing: _Importing, roles: dict[str, Json]) -> Imported:
    login = importing.auth.login
    for role in roles.values():
        for key in role.keys() & {"flow", "endpoints"}:
            role[key] = sweep_steps(role[key], importing.credentials)
    scenario: Json = {"users": max(_USERS, sum(role.get("weight", 1) for role in roles.values())), **_LOAD}
    if login is not None and _is_used(login, roles):
        scenario["on_start"] = [importing.auth.login_step()]
    steps = [step for role in roles.values() for step in _steps(role)]
    headers = _common_headers(steps)
    if headers:
        scenario["headers"] = headers
    for role in roles.values():
        own = _common_headers(list(_steps(role)))
        if own:
            role["headers"] = own
    if len(roles) == 1:
        scenario |= next(iter(roles.values()))
    else:
        scenario["roles"] = roles
    plan: Json = {"base_url": importing.servers.base_url}
    files, test_data = _files(importing, repr(roles))
    if test_data:
        plan["test_data"] = test_data
    plan["scenarios"] = {options.scenario: scenario}
    elsewhere = importing.servers.closing(plan, [*scenario.get("on_start", []), *steps])
    notes = [*importing.all_notes(), *_closing_notes(importing, roles), *elsewhere]
    info = reader.root.at("info")
    version = str(reader.root.at("openapi").value)[:10]
    source = f"OpenAPI {version}: {info.text('title', 'without a title')} {info.text('version')}".strip()
    written = repr(plan)
    variables = {name: what for name, what in importing.auth.variables.told.items() if f"${{{name}}}" in written}
    return Imported(plan, source, tuple(notes), files, variables)


def _is_used(login: Login, roles: Mapping[str, Json]) -> bool:
    return login.token is None or "{{ token }}" in repr(roles)


def _steps(role: Json) -> list[Json]:
    steps: list[Json] = role.get("flow") or role.get("endpoints") or []
    return steps


def _common_headers(steps: Sequence[Json]) -> Json:
    """Take the headers that all steps share out of them; some steps may have the same header with another value."""
    if len(steps) < 2:
        return {}
    shared: Json = {}
    for name in dict(steps[0].get("headers", {})):
        values = [step.get("headers", {}).get(name) for step in steps]
        if None in values or name == "Content-Type":
            continue
        common = max(values, key=values.count)
        if values.count(common) > 1:
            shared[name] = common
    for step in steps:
        for name, value in shared.items():
            if step["headers"].get(name) == value:
                del step["headers"][name]
        if not step.get("headers", True):
            del step["headers"]
    return shared


def _files(importing: _Importing, steps: str) -> tuple[dict[str, str], Json]:
    """A CSV file for each kind of row that the user has to fill in, and that a step uses."""
    files: dict[str, str] = {}
    test_data: Json = {}
    for name, (column, placeholder, where) in importing.planning.requests.rows.columns.items():
        if f"{name}." not in steps:
            continue
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([[column], [placeholder]])
        file = f"{name.removesuffix('_rows')}.csv"
        files[file] = text.getvalue()
        test_data[name] = {"file": file, "order": "sequential", "per": "iteration"}
        importing.notes.append(
            Note(where, f"nothing in the document gives it: fill {file}, column {column}, with values that exist")
        )
    return files, test_data


def _closing_notes(importing: _Importing, roles: Mapping[str, Json]) -> list[Note]:
    notes = []
    steps = [step for role in roles.values() for step in _steps(role)]
    sources = {source for step in steps for source in step.get("extract", {}).values()}
    for where, source in importing.planning.assumed.items():
        if source not in sources:
            continue
        notes.append(Note(where, f"its answer is not described; the identifier is taken from {source}"))
    left_out = list(importing.planning.requests.left_out)
    if left_out:
        notes.append(Note("optional parameters", f"left out, as they have no example: {_several(left_out)}"))
    left_out = list(importing.values.left_out)
    if left_out:
        notes.append(Note("optional properties", f"left out, as they have no example: {_several(left_out)}"))
    users = sum(role.get("weight", 1) for role in roles.values())
    if users > _MANY_USERS:
        notes.append(
            Note("users", f"{users}, so that each kind of user is there; choose operations (--only) for fewer")
        )
    return notes


def _several(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more
