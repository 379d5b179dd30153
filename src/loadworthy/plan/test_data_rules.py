"""The rules of ``test_data``: one kind of source each, rows that can be read, and no more users than rows.

Which columns there are is known here, so what templates ask for is checked, too (:mod:`loadworthy.plan.column_rules`).
How the columns of generated rows are made has rules of its own (:mod:`loadworthy.plan.generate_rules`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadworthy.plan.column_rules import check_columns
from loadworthy.plan.document import DataPath, Document, shown
from loadworthy.plan.generate_rules import check_generate, check_relations, whole_of
from loadworthy.plan.model import searches
from loadworthy.plan.rows import Row, is_ordered, read_rows, select_complaint, sqlite_file, sqlite_rows
from loadworthy.plan.stage_rules import is_open
from loadworthy.plan.template_words import names_in
from loadworthy.plan.test_data import KINDS
from loadworthy.plan.translate import shown_at

_HOW = "rows come from a file, a database or a generator, or stand in the plan"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a source before a run; None where it is not.

    Args:
        count: of its rows.
        columns: of its rows.
    """

    count: int | None = None
    columns: frozenset[str] | None = None


def check_test_data(document: Document, base_dir: Path) -> None:
    """Add a problem for each broken rule; files are looked for below ``base_dir``."""
    sources = _mapping(document.get(("test_data",)))
    known = {name: _check_source(source, ("test_data", name), document, base_dir) for name, source in sources.items()}
    for name, source in sources.items():
        if isinstance(generate := _mapping(source).get("generate"), dict):
            check_generate(generate, ("test_data", name, "generate"), document)
    columns = {name: one.columns for name, one in known.items()}
    check_relations(sources, columns, document)
    check_columns(columns, document)
    for name, source in sources.items():
        _check_order_by(source, ("test_data", name), sources, document)
        if _mapping(source).get("order") == "once":
            _check_once(name, _mapping(source), known[name].count, document)


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _check_source(source: object, path: DataPath, document: Document, base_dir: Path) -> Known:
    if isinstance(source, list):
        if not source:
            document.add(path, "it has no rows", "give it at least one")
        return _known_of(source)
    if not isinstance(source, dict):
        return Known()
    given = [key for key in KINDS if source.get(key) is not None]
    if len(given) != 1:
        message = f"{given[0]} and {given[1]} exclude each other" if given else "it needs file or rows"
        document.add(path, message if given else f"{message}, database with query, or generate", _HOW)
        return Known()
    if source.get("query") is not None and given != ["database"]:
        document.add((*path, "query"), "query stands without a database", "say which database is asked", at_key=True)
    if given == ["rows"]:
        if source["rows"] == []:
            document.add((*path, "rows"), "it has no rows", "give it at least one")
        return _known_of(source["rows"])
    if given == ["generate"]:
        return _known_of_generate(source["generate"])
    if given == ["database"]:
        return _check_database(source, path, document, base_dir)
    return _check_file(source["file"], (*path, "file"), document, base_dir)


def _known_of(rows: object) -> Known:
    if not isinstance(rows, list | tuple) or not all(isinstance(row, Mapping) for row in rows):
        return Known()
    return Known(len(rows), frozenset().union(*rows))


def _known_of_generate(generate: object) -> Known:
    fields = _mapping(generate).get("fields")
    columns = frozenset(fields) if isinstance(fields, dict) else None
    return Known(whole_of(_mapping(generate).get("count")), columns)


def _check_file(file: object, path: DataPath, document: Document, base_dir: Path) -> Known:
    if not isinstance(file, str):
        return Known()
    try:
        rows = read_rows(base_dir / file)
    except ValueError as error:
        document.add(path, f"{shown(file)}: {error}")
        return Known()
    return _known_of_read(rows)


def _known_of_read(rows: tuple[Row, ...]) -> Known:
    return Known(len(rows), frozenset().union(*rows))


def _check_database(source: dict[str, Any], path: DataPath, document: Document, base_dir: Path) -> Known:
    """An SQLite file is asked at once; other databases when the run is set up."""
    database, query = source["database"], source.get("query")
    if query is None:
        document.add((*path, "database"), "database stands without a query", "say query: SELECT … ORDER BY …")
        return Known()
    if not isinstance(database, str) or not isinstance(query, str):
        return Known()
    if complaint := select_complaint(query):
        document.add((*path, "query"), complaint, "write one SELECT")
        return Known()
    if (file := sqlite_file(database)) is None:
        return Known()
    try:
        rows = sqlite_rows(base_dir / file, query)
    except ValueError as error:
        at_file = not (base_dir / file).is_file()
        at = (*path, "database") if at_file else (*path, "query")
        document.add(at, f"{shown_at(at, document) if at_file else 'the query'}: {error}")
        return Known()
    return _known_of_read(rows)


def _check_order_by(source: object, path: DataPath, sources: Mapping[str, Any], document: Document) -> None:
    """All processes must see the rows in the same order, unless they are drawn at random anyway."""
    query, order = _mapping(source).get("query"), _mapping(source).get("order") or "sequential"
    if _mapping(source).get("database") is None or not isinstance(query, str):
        return
    if is_ordered(query) or select_complaint(query):
        return
    if order != "random" or str(path[1]) in _parents(sources):
        message = "the query does not say in which order the rows come, so processes would not agree on them"
        document.add((*path, "query"), message, "end it with ORDER BY and a column that tells all rows apart")


def _parents(sources: Mapping[str, Any]) -> frozenset[str]:
    """The names of sources that generated rows refer to."""
    fields = (_mapping(_mapping(_mapping(source).get("generate")).get("fields")) for source in sources.values())
    specs = (spec for one in fields for spec in one.values())
    return frozenset(str(_mapping(spec).get("from")).partition(".")[0] for spec in specs)


# --- each row once ---


def _check_once(name: str, source: dict[str, Any], count: int | None, document: Document) -> None:
    for scenario, asked in _mapping(document.get(("scenarios",))).items():
        if not isinstance(asked, dict) or name not in names_in(asked):
            continue
        path: DataPath = ("scenarios", scenario)
        if source.get("per") == "iteration":
            if searches(asked):
                hint = "hand them out in order, from the start again after the last (order: sequential)"
                message = f"nobody knows how many iterations a search begins, and {name} hands out each row once"
                document.add(path, message, hint, at_key=True)
            elif is_open(asked):
                _check_early_use(name, asked, path, document)
        else:
            _check_roles(name, asked, path, document)
            if count is not None:
                _check_users(name, count, asked, path, document)


def _check_early_use(name: str, asked: dict[str, Any], path: DataPath, document: Document) -> None:
    """With a rate, users are ready before their first iteration, whose row is not known then."""
    behaviours = {path: asked, **{(*path, "roles", role): one for role, one in _mapping(asked.get("roles")).items()}}
    for at, behaviour in behaviours.items():
        if name in names_in(_mapping(behaviour).get("on_start")):
            message = f"it uses {name} before the first iteration begins, and {name} has a row for each iteration"
            document.add((*at, "on_start"), message, "hand it out per: user, or use it in the flow", at_key=True)


def _check_roles(name: str, asked: dict[str, Any], path: DataPath, document: Document) -> None:
    """With a rate, an idle user of one role goes where one of another is wanted, which needs a row of its own."""
    if len(_mapping(asked.get("roles"))) > 1 and (is_open(asked) or searches(asked)):
        message = f"users of one role make way for those of another, so no number of rows of {name} is enough"
        hint = "hand them out in order (order: sequential), or give each role a scenario of its own"
        document.add((*path, "roles"), message, hint, at_key=True)


def _check_users(name: str, count: int, asked: dict[str, Any], path: DataPath, document: Document) -> None:
    rows = f"{name} has {count:,} row{'s' * (count != 1)}, each once"
    if is_open(asked) or searches(asked):
        most = whole_of(asked.get("max_users"))
        if asked.get("max_users") is None:
            hint = f"say max_users: {count} or less"
            document.add(path, f"it makes as many users as its rate needs, but {rows}", hint, at_key=True)
        elif most is not None and most > count:
            document.add((*path, "max_users"), f"max_users: {most}, but {rows}", "add rows, or allow fewer users")
        return
    users = users_made(asked)
    if users > count:
        what = "users" if asked.get("users") is not None else "stages" if asked.get("stages") else None
        at = path if what is None else (*path, what)
        hint = "add rows, have fewer users, or hand them out in order (order: sequential)"
        document.add(at, f"users: {users}, but {rows}", hint)


def users_made(asked: Mapping[str, Any]) -> int:
    """How many users a closed scenario, as data, makes in all: those that come after others have gone are new ones."""
    stages = asked.get("stages")
    if not isinstance(stages, list) or not stages:
        return whole_of(asked.get("users")) or 1
    made, before = 0, 0
    for stage in stages:
        given = _mapping(stage)
        wanted = given.get("ramp_to") if given.get("users") is None else given["users"]
        known = whole_of(wanted)
        now = before if known is None else known
        made += max(now - before, 0)
        before = now
    return made
