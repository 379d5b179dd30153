"""Correlation: a value that an answer gave and a later request sends again is extracted, not repeated.

Requests are gone through in order. Each value that one sends is looked up among what the answers before gave. If it is
there, the answer's step gets an ``extract`` and the value becomes ``{{ name }}``. A value that a request sent before
any answer had it is the client's own: it stays a constant, also where answers echo it.

A long generated value needs no more evidence than that it is the same. Short ones (order 17, product 4) are the same
by chance all the time; there the names must agree: ``/orders/17`` is what ``POST /orders`` called ``id``, or what
something called ``order_id``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import unquote

from loadworthy.importers.answer_values import (
    MIN_GENERATED_CHARACTERS,
    Found,
    identifies,
    looks_generated,
    pattern_around,
    pattern_in,
)
from loadworthy.importers.imported import Json
from loadworthy.importers.marks import Marks
from loadworthy.importers.names import is_reserved, singular, words_of
from loadworthy.importers.requests import Filler, Site

_MAX_SOURCES = 50
_MAX_PIECES = 50_000
_MIN_SHORT_CHARACTERS = 4
_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-8][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}")
_PIECES = re.compile(r"[A-Za-z0-9_\-.~+/=%]{8,}")
_SMALL_PIECES = re.compile(r"[A-Za-z0-9_-]{8,}")
_SLACK_MS = 10_000
_CLIENT_WORDS = frozenset(
    {"client", "request", "idempotency", "correlation", "trace", "transaction", "message", "event", "temp", "nonce"}
)
_VAGUE_WORDS = frozenset({"id", "uuid", "guid", "key", "slug", "code", "number", "value", "ref", "version", "hash"})


@dataclass(frozen=True, slots=True)
class _Source:
    step: int
    found: Found
    visit: str


class Correlator:
    """The filler that looks values up in the answers so far.

    Args:
        otherwise: what fills the values that no answer gave.
        from_ms: when the recording began, in ms since 1970; times within it are the client's clock.
        to_ms: when it ended.
        repeated: UUIDs that more than one request sends.
    """

    def __init__(
        self, otherwise: Filler, *, from_ms: float, to_ms: float, repeated: frozenset[str] = frozenset()
    ) -> None:
        self._otherwise = otherwise
        self._from_ms, self._to_ms = from_ms - _SLACK_MS, to_ms + _SLACK_MS
        self._repeated = repeated
        self._sources: dict[str, list[_Source]] = {}
        self._texts: dict[int, str] = {}
        self._in_texts: dict[str, int] = {}
        """What looks like a value in a text → the first step whose text has it."""
        self._holders: list[Json] = []
        self._first_sent: dict[str, int] = {}
        self._names: dict[str, tuple[int, str]] = {}
        self.unmerged: set[str] = set()
        """Requests whose redirects gave a value that is needed: the client must not follow them by itself."""
        self.constant_uuids: set[str] = set()
        """UUIDs that the client made, sent more than once, and no answer gave back."""

    # --- what has been answered ---

    def learn(self, holder: Json, values: Iterable[Found], *, text: str = "", visit: str = "") -> None:
        """An answer: what it gave can be used by the requests after it.

        Args:
            holder: gets the ``extract`` if one is needed.
            values: in the answer.
            text: of the body, where values may be found that have no place of their own; empty otherwise.
            visit: the place of the request, by which its redirects are unmerged.
        """
        step = len(self._holders)
        self._holders.append(holder)
        for found in values:
            known = self._sources.setdefault(str(found.value), [])
            if str(found.value) not in self._first_sent and len(known) < _MAX_SOURCES:
                known.append(_Source(step, found, visit))
        if text:
            self._texts[step] = text
            for pieces in (_PIECES, _SMALL_PIECES):
                for match in islice(pieces.finditer(text), _MAX_PIECES):
                    self._in_texts.setdefault(match[0], step)

    # --- what is sent ---

    def __call__(self, site: Site, value: Any) -> Any:
        """What the plan has for a value that is sent."""
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            return self._otherwise(site, value)
        text = str(value)
        filled = self._whole(site, value, text)
        if filled is None and isinstance(value, str):
            filled = self._unquoted(site, value) or self._clock(site, value) or self._in_pieces(site, value)
        elif filled is None:
            filled = self._clock(site, value)
        if filled is None:
            for piece in (text, *_PIECES.findall(text)[:500], *_SMALL_PIECES.findall(text)[:500]):
                self._first_sent.setdefault(piece, len(self._holders))
            return self._otherwise(site, value)
        return filled

    def _whole(self, site: Site, value: Any, text: str) -> str | None:
        source = self._best(site, text)
        if source is not None:
            return self._template(source, _converted(value, source.found) if site.place == "json" else "")
        return self._own_uuid(site, text) if _UUID.fullmatch(text) and text not in self._first_sent else None

    def _own_uuid(self, site: Site, text: str) -> str | None:
        """A UUID that the client made. If it is sent again and was not given back, both must be the same."""
        words = words_of(site.key)
        if site.place in {"path", "query"} or not (len(words) == 1 or _CLIENT_WORDS & set(words)):
            return None  # it names something that must be there already
        if text in self._repeated:
            self.constant_uuids.add(text)
            return None
        return "{{ uuid() }}"

    def _unquoted(self, site: Site, value: str) -> str | None:
        plain = unquote(value) if site.place == "path" and "%" in value else value
        source = self._best(site, plain) if plain != value else None
        return None if source is None else self._template(source, " | urlencode")

    def _in_pieces(self, site: Site, value: str) -> str | None:
        """A text that holds values among other things: ``Bearer …``, an address, a query language."""
        for pieces in (_PIECES, _SMALL_PIECES):
            marks = Marks()
            parts: list[str] = []
            end = 0
            for match in list(pieces.finditer(value))[:500]:
                source = self._best(Site(site.place), match[0]) if match[0] != value else None
                if source is not None:
                    parts += [value[end : match.start()], marks.mark(self._template(source, ""))]
                    end = match.end()
            if parts:
                # What stands beside the values may be a credential.
                filled = self._otherwise(site, "".join([*parts, value[end:]]))
                return marks.put_in(str(filled))
        return None

    def _clock(self, site: Site, value: str | int) -> str | None:
        """The client's clock, in ms or s since 1970."""
        text = str(value)
        if not re.fullmatch(r"\d{10}|\d{13}", text) or site.place == "header":
            return None
        is_ms = len(text) == 13
        if not self._from_ms <= int(text) * (1 if is_ms else 1000) <= self._to_ms:
            return None
        is_text = isinstance(value, str) and site.place == "json"
        if is_ms:
            return "{{ now_ms() | string }}" if is_text else "{{ now_ms() }}"
        return "{{ (now_ms() // 1000) | string }}" if is_text else "{{ now_ms() // 1000 }}"

    # --- which answer gave it ---

    def _best(self, site: Site, text: str) -> _Source | None:
        """The answer that most likely gave the value; the earliest of those that are as likely."""
        is_generated = looks_generated(text) or len(text) >= MIN_GENERATED_CHARACTERS
        rated = [(self._relation(site, one.found), one) for one in self._sources.get(text, ())]
        usable = [(related, one) for related, one in rated if self._is_enough(related, text, one.found)]
        ordered = sorted(
            usable,
            key=lambda item: (0 if is_generated else -item[0], item[1].found.is_hop, item[1].step, item[1].found.rank),
        )
        for _, source in ordered:
            settled = self._settled(source)
            if settled is not None:
                return settled
        return self._found_in_texts(text, site) if looks_generated(text) else None

    def _settled(self, source: _Source) -> _Source | None:
        """The source, its pattern such that the first match is the value."""
        if not source.found.extract.startswith("regex:"):
            return source
        found = source.found
        text = self._texts.get(source.step, "")
        pattern = pattern_in(text, found.extract.removeprefix("regex:"), str(found.value))
        if pattern is None:
            return None
        return _Source(source.step, Found(found.value, f"regex:{pattern}", found.key, found.nouns, 3), source.visit)

    def _found_in_texts(self, text: str, site: Site) -> _Source | None:
        """The first text that has the value, before any request sent it."""
        step = self._in_texts.get(text)
        if step is None or self._first_sent.get(text, step + 1) <= step:
            return None
        pattern = pattern_around(self._texts[step], text)
        if pattern is None:
            return None
        key = site.key or "value"
        return _Source(step, Found(text, f"regex:{pattern}", key, rank=3), "")

    @staticmethod
    def _is_enough(related: int, text: str, found: Found) -> bool:
        if looks_generated(text.strip('"')):
            return True
        if related == 2:
            return True
        return related == 1 and len(text) >= _MIN_SHORT_CHARACTERS and identifies(found.key)

    @staticmethod
    def _relation(site: Site, found: Found) -> int:
        """2: they are called the same; 1: both identify something; 0: nothing speaks for it."""
        own, given = words_of(site.key), words_of(found.key)
        if site.place == "path":
            own = [singular(site.key), "id"]
        if not identifies(found.key) or not (site.place == "path" or identifies(site.key)):
            return 0
        if own == given and own != ["id"]:
            return 2
        own_nouns = set(own[:-1][-1:]) or {singular(key) for key in site.keys[:-1][-1:]}
        given_nouns = set(given[:-1][-1:]) or set(found.nouns)
        return 2 if own_nouns & given_nouns else 1

    # --- how the plan says it ---

    def _template(self, source: _Source, filters: str) -> str:
        name = self._name(source)
        if source.found.is_hop:
            self.unmerged.add(source.visit)
        return f"{{{{ {name}{source.found.pick}{filters} }}}}"

    def _name(self, source: _Source) -> str:
        """The name under which the value is extracted; the same for the same value of the same step."""
        extracts = self._holders[source.step].setdefault("extract", {})
        for name, extract in extracts.items():
            if extract == source.found.extract:
                return str(name)
        base = _good_name(source.found)
        name, number = base, 1
        while name in self._names and self._names[name] != (source.step, source.found.extract):
            number += 1
            name = f"{base}_{number}"
        self._names[name] = (source.step, source.found.extract)
        extracts[name] = source.found.extract
        return name


def _converted(value: Any, found: Found) -> str:
    """The filter that gives the type that the request had, where the answer had another."""
    if found.pick or isinstance(value, type(found.value)):
        return " | int" if isinstance(value, int) and isinstance(found.value, str) else ""
    return " | string" if isinstance(value, str) else " | int"


def _good_name(found: Found) -> str:
    if found.pick and found.extract == "header:Location":
        words = [*words_of(found.key)[:1], "location"] if found.key != "_id" else ["location"]
    elif found.pick:
        words = words_of(re.sub(r"\[\d+\]$|^header:", "", found.extract).rpartition(".")[2] or "link")
    else:
        words = words_of(found.key)
        if len(words) == 1 and words[0] in _VAGUE_WORDS and found.nouns:
            words = [found.nouns[0], *words]
    name = "_".join(words)[:40] or "value"
    if name[0].isdigit() or is_reserved(name):
        name = f"the_{name}"
    return name


def repeated_uuids(exchanges: Sequence[tuple[str, str]]) -> frozenset[str]:
    """UUIDs that a request sends after one before it had, without an answer in between that gave them back.

    Args:
        exchanges: what was sent and what was answered, in order.
    """
    sent: set[str] = set()
    given: set[str] = set()
    repeated: set[str] = set()
    for request, answer in exchanges:
        found = _UUID.findall(request)
        repeated |= {one for one in found if (one in sent and one not in given) or found.count(one) > 1}
        sent.update(found)
        given.update(one for one in _UUID.findall(answer) if one in sent)
    return frozenset(repeated)
