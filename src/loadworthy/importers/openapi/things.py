"""What an API is about: contacts, orders, files. Which requests create or list them, and where an answer has their id.

A *thing* is known by a noun: the path segment before a parameter (``/contacts/{contact_id}``), in the singular. A
property ``contact_id`` of a body means the same thing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from loadworthy.importers.openapi.reader import Operation, Parameter, UnfillableError
from loadworthy.importers.openapi.schemas import Schemas
from loadworthy.importers.openapi.text import snake

_PARAMETER = re.compile(r"\{([^{}]+)\}")
_VERSION = re.compile(r"v[0-9]{1,3}(?:[._][0-9]{1,3})*", re.IGNORECASE)
_FORMAT = re.compile(r"\.(?:json|xml)$", re.IGNORECASE)
_ID_WORDS = frozenset(
    ("id", "ids", "uuid", "guid", "sid", "key", "slug", "name", "number", "code", "ref", "pk", "oid", "username")
)
_SINGULARS = {
    **{f"{word}s": word for word in ("movie", "cookie", "calorie", "zombie", "selfie", "cache", "size", "prize")},
    **{f"{word}es": word for word in ("status", "bonus", "bus", "virus", "campus", "alias", "canvas", "atlas", "gas")},
    **dict.fromkeys(("news", "series", "species", "lens", "alias", "canvas", "atlas", "gas", "sms", "dns")),
    "people": "person",
    "children": "child",
    "indices": "index",
    "quizzes": "quiz",
}
"""What the rules for plurals get wrong and APIs are about; None: it is one already."""
_NO_REFERENCE = ("date", "date-time", "time", "ipv4", "ipv6", "email", "binary")


def parameters_of(path: str) -> list[str]:
    """The names in braces."""
    return _PARAMETER.findall(path)


def segments_of(path: str) -> list[str]:
    """What stands between the slashes, without the ending of a format: ``/a/{id}.json`` is one of ``/a.json``."""
    return [segment for segment in _FORMAT.sub("", path).split("/") if segment]


def shape(path: str) -> str:
    """A path whose parameters have no names, without a slash at its end: what two spellings of a path share."""
    return "/" + "/".join(_PARAMETER.sub("{}", segment) for segment in segments_of(path))


def noun_at(segments: Sequence[str]) -> str:
    """What a collection holds: its last word in the singular; ``/orders/v1`` holds orders, too."""
    named = next((one for one in reversed(segments) if not _VERSION.fullmatch(one)), "")
    return singular(named) if named and not _PARAMETER.search(named) else ""


def singular(segment: str) -> str:
    """``consent-forms`` → ``consent_form``."""
    before, _, last = snake(segment).rpartition("_")
    if last in _SINGULARS:
        return f"{before}_{_SINGULARS[last] or last}".lstrip("_")
    word = snake(segment)
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


@dataclass(frozen=True, slots=True)
class Named:
    """What a parameter or property stands for.

    Args:
        noun: the thing.
        key: by which of its properties it is known: ``id``, ``sid``, ``slug``.
    """

    noun: str
    key: str

    @property
    def variable(self) -> str:
        """As templates name it."""
        return self.key if self.key.startswith(self.noun) else f"{self.noun}_{self.key}"


def named_by_parameter(path: str, name: str) -> Named:
    """What a path parameter stands for: something out of the collection before it."""
    before = noun_at(segments_of(collection_of(path, name)))
    own = named_by_property(name)
    if own is not None:
        return Named(before or own.noun or snake(name), own.key)
    key = snake(name)
    if key == before or not before:
        return Named(before or key, "id")
    return Named(before, key.removeprefix(f"{before}_"))


def named_by_property(name: str) -> Named | None:
    """What a property or a query parameter stands for; None where it names no thing. ``id`` alone has no noun."""
    words = snake(name).split("_")
    if words[-1] not in _ID_WORDS or (len(words) > 1 and words[-1] in ("name", "number", "code", "username", "key")):
        return None
    key = "id" if words[-1] == "ids" else words[-1]
    return Named("_".join(words[:-1]), key)


def collection_of(path: str, name: str) -> str:
    """The part of a path before a parameter."""
    return path.partition("{" + name + "}")[0].rpartition("/")[0] if "{" + name + "}" in path else ""


def is_reference(parameter: Parameter, schemas: Schemas) -> bool:
    """Whether a path parameter names a thing, rather than a day, a flag or one of a few words."""
    try:
        schema = schemas.first(parameter.schema)
    except UnfillableError:
        return True
    return not (
        schema.data.get("enum")
        or "const" in schema.data
        or schema.data.get("format") in _NO_REFERENCE
        or schema.kind in ("boolean", "number")
    )


@dataclass(slots=True)
class Things:
    """The things of a document, and who gives them.

    Args:
        creates: noun → POST requests on a collection.
        listings: noun → GET requests on it.
        addressed: shapes of the collections out of which some path names one.
    """

    creates: dict[str, list[Operation]] = field(default_factory=dict)
    listings: dict[str, list[Operation]] = field(default_factory=dict)
    addressed: set[str] = field(default_factory=set)

    def noun_of(self, named: Named) -> str | None:
        """The noun that requests create or list; others have a word more, or one less.

        ``item`` finds ``shop_item`` where there is no ``item``, and ``from_account`` finds ``account``.
        """
        known = [*self.creates, *(noun for noun in self.listings if noun not in self.creates)]
        if named.noun in known:
            return named.noun
        if not named.noun:
            return None
        longer = (noun for noun in known if noun.endswith(f"_{named.noun}"))
        shorter = (noun for noun in sorted(known, key=len, reverse=True) if named.noun.endswith(f"_{noun}"))
        return next(iter([*longer, *shorter]), None)

    def home(self, noun: str, where: str | None) -> str:
        """The shape of the collection that a thing's identifier comes from.

        That is the very collection of a path if things can be created there; else one that is below no other thing
        (``/appointments`` for ``/admin/appointments/{id}``); else the very collection, if it can be listed. A document
        of an order is no document of an invoice, so other collections below a thing come last.
        """
        creates = [shape(one.path) for one in self.creates.get(noun, ())]
        listings = [shape(one.path) for one in self.listings.get(noun, ())]
        if where in creates:
            return str(where)
        top = [one for one in creates if "{}" not in one]
        return next(iter([*top, *(one for one in listings if one == where), *creates, *listings]), where or "")


def things_of(operations: Iterable[Operation], schemas: Schemas) -> Things:
    """Sort the operations by what they are about."""
    things = Things()
    for operation in operations:
        segments = segments_of(operation.path)
        if not segments:
            continue
        if not parameters_of(segments[-1]):
            into = {"POST": things.creates, "GET": things.listings}.get(operation.method)
            noun = noun_at(segments)
            if into is not None and noun:
                into.setdefault(noun, []).append(operation)
        for name in parameters_of(operation.path):
            parameter = next((one for one in operation.parameters if (one.where, one.name) == ("path", name)), None)
            if parameter is None or is_reference(parameter, schemas):
                things.addressed.add(shape(collection_of(operation.path, name)))
    return things
