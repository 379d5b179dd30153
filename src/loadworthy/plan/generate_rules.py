"""The rules of generated test data: how each column is made, and from which other rows."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from loadworthy.plan.document import DataPath, Document, shown
from loadworthy.plan.step_rules import check_templates
from loadworthy.plan.template_words import names_of
from loadworthy.plan.test_data import WAYS

Columns = Mapping[str, frozenset[str] | None]


def check_generate(generate: Mapping[str, Any], path: DataPath, document: Document) -> None:
    """Add a problem for each column that cannot be made as it says."""
    fields = generate.get("fields")
    faker = _FakerRules(generate, path, document)
    above: list[str] = []
    for name, spec in (fields if isinstance(fields, dict) else {}).items():
        at: DataPath = (*path, "fields", name)
        if not name.isidentifier() or name == "row":
            hint = "templates write it as {{ data.name }}: letters, digits and _; row is the row's number"
            document.add(at, f"{shown(name)} cannot name a column", hint, at_key=True)
        if isinstance(spec, str):
            faker.check({"faker": spec}, at)
        elif isinstance(spec, dict):
            _check_spec(spec, at, generate, above, faker, document)
        above.append(name)


def _check_spec(
    spec: dict[str, Any],
    path: DataPath,
    generate: Mapping[str, Any],
    above: list[str],
    faker: _FakerRules,
    document: Document,
) -> None:
    ways = [way for way in WAYS if way in spec and (spec[way] is not None or way == "value")]
    if len(ways) != 1:
        message = f"{ways[0]} and {ways[1]} exclude each other" if ways else "it does not say how the column is made"
        document.add(path, message, f"give it one of {', '.join(WAYS)}", at_key=True)
        return
    for key, way in (("args", "faker"), ("weights", "choice")):
        if spec.get(key) and ways != [way]:
            document.add((*path, key), f"{key} belongs to {way}", "leave it out", at_key=True)
    count = _count_of(generate) if spec.get("unique") is True else None
    if ways == ["faker"]:
        faker.check(spec, path)
    elif ways == ["choice"]:
        _check_choice(spec, path, count, document)
    elif ways == ["template"]:
        _check_template(spec["template"], (*path, "template"), above, document)
    elif ways == ["value"] and count is not None and count > 1:
        document.add((*path, "unique"), f"{count:,} rows cannot all have another value here", "leave unique out")


def _count_of(generate: Mapping[str, Any]) -> int | None:
    return whole_of(generate.get("count"))


def whole_of(value: object) -> int | None:
    """A whole number, also as text: so it stands in data where it comes from the environment. None where it is none."""
    if isinstance(value, str):
        return int(value) if value.strip().isdecimal() else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


class _FakerRules:
    """The rules of columns that Faker makes, for all columns of some test data: each locale is looked at once."""

    def __init__(self, generate: Mapping[str, Any], path: DataPath, document: Document) -> None:
        self._generate = generate
        self._path: DataPath = (*path, "locale")
        self._document = document
        self._providers: list[dict[str, Any]] | None = None

    def check(self, spec: Mapping[str, Any], path: DataPath) -> None:
        """Add a problem for a column that Faker cannot make in one of the locales."""
        from loadworthy.plan.faker_providers import complaint_of

        name, args = spec["faker"], spec.get("args") or {}
        if not isinstance(name, str) or not isinstance(args, dict):
            return
        count = _count_of(self._generate) if spec.get("unique") is True else None
        if self._providers is None:
            self._providers = list(self._of_locales())
        for providers in self._providers:
            if (complaint := complaint_of(name, args, providers, count)) is not None:
                key, message, hint = complaint
                is_there = isinstance(self._document.get((*path, key)), str | dict | bool)
                self._document.add((*path, key) if is_there else path, message, hint)
                return

    def _of_locales(self) -> Iterator[dict[str, Any]]:
        from loadworthy.plan.faker_providers import generator_of, providers_of

        locales = self._generate.get("locale") or "en_US"
        for number, locale in enumerate(locales if isinstance(locales, list) else [locales]):
            if not isinstance(locale, str):
                continue
            try:
                yield providers_of(generator_of(locale))
            except ValueError as error:
                self._document.add((*self._path, number) if isinstance(locales, list) else self._path, str(error))


def _check_choice(spec: dict[str, Any], path: DataPath, count: int | None, document: Document) -> None:
    choice, weights = spec["choice"], spec.get("weights") or []
    if not isinstance(choice, list) or not isinstance(weights, list):
        return
    if not choice:
        document.add((*path, "choice"), "it is empty", "give it at least one entry")
    elif weights and len(weights) != len(choice):
        message = f"there are {len(weights)} weights for {len(choice)} choices"
        document.add((*path, "weights"), message, "give one for each")
    elif count is not None and weights:
        document.add((*path, "weights"), "weights have no effect where each choice is taken once", "leave them out")
    elif count is not None and len({repr(one) for one in choice}) < max(count, len(choice)):
        message = f"{count:,} rows cannot have unique values of {len(choice):,} choices"
        same = "two of the choices are the same" if count <= len(choice) else message
        document.add((*path, "unique"), same, "give more choices, all different, or leave unique out")


def _check_template(text: object, path: DataPath, above: list[str], document: Document) -> None:
    if not isinstance(text, str):
        return
    before = len(document.problems)
    check_templates(text, path, document)
    if len(document.problems) > before or "{" not in text:
        return
    given = [*above, "row"]
    for name in sorted((names_of(text) or frozenset()) - set(given)):
        near = difflib.get_close_matches(name, given, n=1)
        hint = f"did you mean {near[0]}?" if near else f"the columns above it are there: {', '.join(given)}"
        document.add(path, f"the template uses {name}, which nothing gives", hint)


# --- relations ---


def check_relations(sources: Mapping[str, Any], columns: Columns, document: Document) -> None:
    """Add a problem for each ``from`` that names no column of other test data, or that leads back to its own."""
    parents: dict[str, set[str]] = {}
    for name, source in sources.items():
        for column, spec in _specs(source):
            relation = spec.get("from")
            if isinstance(relation, str):
                at: DataPath = ("test_data", name, "generate", "fields", column, "from")
                if (parent := _check_relation(relation, at, sources, columns, document)) is not None:
                    parents.setdefault(name, set()).add(parent)
                    _check_unique_relation(spec, name, relation, sources, document)
    for name in sources:
        if (cycle := _cycle(name, parents)) is not None and name == min(cycle):
            message = f"its rows come from themselves: {' from '.join([*cycle, cycle[0]])}"
            document.add(("test_data", name, "generate"), message, "take out one of these", at_key=True)


def _specs(source: object) -> Iterable[tuple[str, dict[str, Any]]]:
    generate = source.get("generate") if isinstance(source, dict) else None
    fields = generate.get("fields") if isinstance(generate, dict) else None
    return [
        (name, spec) for name, spec in (fields if isinstance(fields, dict) else {}).items() if isinstance(spec, dict)
    ]


def _check_relation(
    relation: str, path: DataPath, sources: Mapping[str, Any], columns: Columns, document: Document
) -> str | None:
    """The name of the other test data, where there is such."""
    parent, dot, column = relation.partition(".")
    if not dot or not parent or not column:
        document.add(path, f"{shown(relation)} is not data.column", "write it like companies.id")
        return None
    if parent not in sources:
        near = difflib.get_close_matches(parent, sources, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(sources)}"
        document.add(path, f"there is no test data {shown(parent)}", hint)
        return None
    known = columns.get(parent)
    if known is not None and column not in known:
        near = difflib.get_close_matches(column, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"it has: {', '.join(sorted(known))}"
        document.add(path, f"{parent} has no column {shown(column)}", hint)
    return parent


def _check_unique_relation(
    spec: Mapping[str, Any], name: str, relation: str, sources: Mapping[str, Any], document: Document
) -> None:
    """A row of the others for each row: there must be enough, and they must differ."""
    if spec.get("unique") is not True:
        return
    parent, _, column = relation.partition(".")
    own, theirs = (_generated(sources[one]) for one in (name, parent))
    count, there_are = _count_of(own), _count_of(theirs)
    at: DataPath = ("test_data", name, "generate", "fields")
    at = (*at, next(key for key, one in _specs(sources[name]) if one is spec), "unique")
    if count is not None and there_are is not None and count > there_are:
        document.add(at, f"{count:,} rows cannot each have another of the {there_are:,} rows of {parent}")
    elif theirs and column in theirs.get("fields", {}):
        other = theirs["fields"][column]
        if not isinstance(other, dict) or (other.get("unique") is not True and other.get("sequence") is None):
            hint = f"make {relation} unique, too"
            document.add(at, f"the values of {relation} are not unique, so these cannot be", hint)


def _generated(source: object) -> Mapping[str, Any]:
    generate = source.get("generate") if isinstance(source, dict) else None
    return generate if isinstance(generate, dict) else {}


def _cycle(name: str, parents: Mapping[str, set[str]]) -> list[str] | None:
    """The way from a source back to itself, if there is one."""
    ways, seen = [[name]], set[str]()
    while ways:
        way = ways.pop()
        for parent in sorted(parents.get(way[-1], ())):
            if parent == name:
                return way
            if parent not in seen:
                seen.add(parent)
                ways.append([*way, parent])
    return None
