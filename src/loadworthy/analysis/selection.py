"""Which series a threshold means: by name, by kind, by tag, or else parts.

What a pattern means depends on what there is: it is taken as the name of series; if none has it, as their kind; if
there is none of that kind either, as parts. While a run goes on nobody knows what is still to come. So each series is
given the *rank* at which a pattern would mean it, and the best rank that was seen counts.

A tag means the series of all steps that have it, worked out from the plan as the run has kept it. Steps name their
series before any template in the name is filled in (see :mod:`loadworthy.users.declared`), so plan and run agree.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from typing import Any

from loadworthy.plan.thresholds import TAG

SeriesKey = tuple[str, str]
_STEP_LISTS = ("on_start", "flow", "endpoints")
_KINDS = {"request": ("message",), "expect_push": ("push",), "stream": ("stream",), "events": ("sse", "push")}
"""The kinds of the series of steps that name their series themselves."""
_NORMAL_CLOSE = 1000


class Rank(IntEnum):
    """How a pattern means a series; the lowest that there is counts."""

    NAME = 0
    KIND = 1
    PART = 2


@dataclass(frozen=True, slots=True)
class Tags:
    """The tags of a scenario: ``whole`` are its own, which hold for all its series; ``series`` those of its steps."""

    whole: frozenset[str] = frozenset()
    series: Mapping[str, frozenset[SeriesKey]] = field(default_factory=dict)

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> Tags:
        """Those of a scenario, from what the plan says of it."""
        series: dict[str, set[SeriesKey]] = {}
        opened = [step.get("websocket") for behaviour in _behaviours(spec) for step in _steps(behaviour)]
        sockets = [_socket_name(one) for one in opened if isinstance(one, Mapping)]
        for behaviour in _behaviours(spec):
            for step in _steps(behaviour):
                for tag in _words(step.get("tags")):
                    series.setdefault(tag, set()).update(_series_of(step, sockets))
        return cls(frozenset(_words(spec.get("tags"))), {tag: frozenset(keys) for tag, keys in series.items()})

    @property
    def known(self) -> list[str]:
        """All that there are, sorted."""
        return sorted({*self.whole, *self.series})

    def has(self, tag: str, key: SeriesKey) -> bool:
        """Whether a series has the tag."""
        return tag in self.whole or key in self.series.get(tag, ())


NO_TAGS = Tags()
"""Those of a scenario of which nothing is known."""


def tag_of(pattern: str | None) -> str | None:
    """``checkout`` of ``tag:checkout``; None for any other pattern."""
    return pattern.removeprefix(TAG) if pattern is not None and pattern.startswith(TAG) else None


def rank_of(pattern: str, key: SeriesKey, tags: Tags = NO_TAGS, *, is_part: bool = False) -> Rank | None:
    """How a pattern means a series, or a part; None if it does not."""
    tag = tag_of(pattern)
    if tag is not None:
        return Rank.NAME if not is_part and tags.has(tag, key) else None
    if is_part:
        return Rank.PART if matches_part(pattern, *key) else None
    if matches(pattern, *key):
        return Rank.NAME
    return Rank.KIND if key[0] == pattern else None


def matches(pattern: str, kind: str, name: str) -> bool:
    """Whether a series is meant by ``KIND NAME`` or ``NAME``, in which only ``*`` is special (names hold brackets)."""
    wanted = _pattern(pattern)
    return bool(wanted.fullmatch(f"{kind} {name}") or wanted.fullmatch(name))


def matches_part(pattern: str, kind: str, name: str) -> bool:
    """Whether a part is meant by ``KIND NAME`` or ``KIND``; its name alone is that of a host or of a series."""
    wanted = _pattern(pattern)
    return bool(wanted.fullmatch(f"{kind} {name}") or wanted.fullmatch(kind))


@lru_cache(maxsize=256)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in text.split("*")), re.DOTALL)


def _behaviours(spec: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield spec
    roles = spec.get("roles")
    yield from _mappings(list(roles.values()) if isinstance(roles, Mapping) else ())


def _steps(behaviour: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [step for key in _STEP_LISTS for step in _mappings(behaviour.get(key))]


def _mappings(values: object) -> list[Mapping[str, Any]]:
    return [value for value in values if isinstance(value, Mapping)] if isinstance(values, list | tuple) else []


def _words(tags: object) -> list[str]:
    words = [tags] if isinstance(tags, str) else tags
    return [str(word) for word in words] if isinstance(words, list | tuple) else []


def _socket_name(spec: Mapping[str, Any]) -> str:
    return str(spec.get("name") or str(spec.get("path") or "").partition("?")[0])


def _series_of(step: Mapping[str, Any], sockets: Sequence[str]) -> Iterator[SeriesKey]:
    if step.get("path") is not None:
        yield str(step.get("method") or "GET"), str(step.get("name") or step["path"])
    if isinstance(step.get("websocket"), Mapping):
        yield "connect", _socket_name(step["websocket"])
    for action, kinds in _KINDS.items():
        spec = step.get(action)
        if isinstance(spec, Mapping):
            yield from ((kind, str(spec.get("name"))) for kind in kinds)
    if step.get("ping") is not None:
        yield from (("ping", name) for name in sockets)
    if isinstance(step.get("close"), Mapping):
        yield from (("close", f"{name} {step['close'].get('code', _NORMAL_CLOSE)}") for name in sockets)
