"""Postman collections (v2.0, v2.1) as a list of requests, each with what its folders say for it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from loadworthy.importers.imported import ImportFailedError
from loadworthy.importers.marks import unmarked

MAX_REQUESTS = 5_000
MAX_FOLDERS_DEEP = 40
_HOW = "in Postman: “…” beside the collection, Export (“Collection v2.1”)"


@dataclass(frozen=True, slots=True)
class Item:
    """A request of a collection.

    Args:
        name: as Postman shows it.
        folders: names of the folders that it is in, from the outside.
        request: its data; a text is a URL.
        auth: the data of the nearest level that says how to authenticate; None where none does.
        tests: scripts for its answer, from the outside.
        before: scripts before it is sent.
        follows: whether redirects are followed.
    """

    name: str
    folders: tuple[str, ...]
    request: Mapping[str, Any]
    auth: Mapping[str, Any] | None
    tests: str
    before: str
    follows: bool = True

    @property
    def where(self) -> str:
        """Its place in the collection."""
        return " / ".join((*self.folders, self.name))


@dataclass(slots=True)
class Collection:
    """A collection that was read."""

    name: str
    version: str
    items: list[Item]
    variables: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Level:
    folders: tuple[str, ...]
    auth: Mapping[str, Any] | None
    tests: str
    before: str


def read_collection(text: str) -> Collection:
    """Read it.

    Raises:
        ImportFailedError: it is no collection, or one that is too old, or has no request in it.
    """
    try:
        data = json.loads(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise ImportFailedError(f"the collection is not JSON: {error.msg} ({place}); export it again {_HOW}") from error
    except (ValueError, RecursionError) as error:
        raise ImportFailedError(f"the collection cannot be read as JSON: {type(error).__name__}") from error
    if isinstance(data, dict) and isinstance(data.get("collection"), dict):
        data = data["collection"]
    _refuse_others(data)
    level = _Level((), _mapping(data.get("auth")) or None, _script(data, "test"), _script(data, "prerequest"))
    items = list(_items(data["item"], level))
    if not items:
        raise ImportFailedError("the collection has no requests")
    info = _mapping(data.get("info"))
    schema = text_of(info.get("schema"))
    version = "v2.0" if "v2.0" in schema else "v2.1"
    return Collection(text_of(info.get("name")) or "without a name", version, items, _variables(data.get("variable")))


def _refuse_others(data: Any) -> None:
    if not isinstance(data, dict):
        raise ImportFailedError(f"this is not a Postman collection: it is no JSON object; export one {_HOW}")
    if isinstance(data.get("requests"), list) and "item" not in data:
        raise ImportFailedError(f"this is a collection of format v1, which is too old: import it, and export it {_HOW}")
    if isinstance(data.get("values"), list) and "item" not in data:
        raise ImportFailedError(
            "this is an environment of Postman, not a collection: name the collection's file, and put the variables"
            " into the collection, or set them as environment variables"
        )
    if not isinstance(data.get("item"), list):
        raise ImportFailedError(f"this is not a Postman collection: it has no list at item; export one {_HOW}")


def _items(found: list[Any], level: _Level) -> Iterator[Item]:
    waiting = [(one, level) for one in reversed(found)]
    count = 0
    while waiting:
        data, above = waiting.pop()
        if not isinstance(data, dict):
            continue
        name = text_of(data.get("name")) or "without a name"
        here = _Level(
            above.folders, _auth(data, above), _both(above.tests, data, "test"), _both(above.before, data, "prerequest")
        )
        if isinstance(data.get("item"), list):
            if len(above.folders) >= MAX_FOLDERS_DEEP:
                raise ImportFailedError(f"the collection has folders more than {MAX_FOLDERS_DEEP} deep")
            inner = _Level((*above.folders, name), here.auth, here.tests, here.before)
            waiting += [(one, inner) for one in reversed(data["item"])]
        elif data.get("request") is not None:
            count += 1
            if count > MAX_REQUESTS:
                raise ImportFailedError(f"the collection has more than {MAX_REQUESTS} requests: export a folder of it")
            yield _item(name, data, here)


def _item(name: str, data: Mapping[str, Any], level: _Level) -> Item:
    request = data["request"]
    request = {"url": request} if isinstance(request, str) else _mapping(request)
    own = request.get("auth")
    behaviour = _mapping(data.get("protocolProfileBehavior"))
    return Item(
        name=name,
        folders=level.folders,
        request=request,
        auth=own if isinstance(own, dict) else level.auth,
        tests=level.tests,
        before=level.before,
        follows=behaviour.get("followRedirects") is not False,
    )


def _auth(data: Mapping[str, Any], above: _Level) -> Mapping[str, Any] | None:
    own = data.get("auth")
    return own if isinstance(own, dict) else above.auth


def _both(above: str, data: Mapping[str, Any], listen: str) -> str:
    own = _script(data, listen)
    return f"{above}\n{own}" if above and own else above or own


def _script(data: Mapping[str, Any], listen: str) -> str:
    events = data.get("event")
    lines: list[str] = []
    for event in events if isinstance(events, list) else []:
        if isinstance(event, dict) and event.get("listen") == listen:
            source = _mapping(event.get("script")).get("exec")
            lines += [source] if isinstance(source, str) else [text_of(one) for one in list_of(source)]
    return unmarked("\n".join(lines))


def _variables(found: Any) -> dict[str, str]:
    """Name → value; of a secret only the name counts."""
    known: dict[str, str] = {}
    for one in list_of(found):
        data = _mapping(one)
        name = text_of(data.get("key")) or text_of(data.get("id"))
        if name and data.get("disabled") is not True:
            known[name] = "" if data.get("type") == "secret" else scalar_of(data.get("value"))
    return known


def text_of(value: Any) -> str:
    """The text; empty where it is none."""
    return unmarked(value) if isinstance(value, str) else ""


def scalar_of(value: Any) -> str:
    """The text of a text, number or flag; empty where it is none."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else text_of(value)


def list_of(value: Any) -> list[Any]:
    """The list; empty where it is none."""
    return value if isinstance(value, list) else []


def pairs_of_entries(value: Any) -> Iterator[tuple[str, str | None, Mapping[str, Any]]]:
    """Key, value (None where there is none) and data of the entries that are not switched off."""
    for one in list_of(value):
        data = _mapping(one)
        if text_of(data.get("key")) and data.get("disabled") is not True:
            yield text_of(data.get("key")), None if data.get("value") is None else scalar_of(data["value"]), data


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
