"""One pass of a flow under way: which step gives what the next ones need."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from loadworthy.importers.imported import Json, Note
from loadworthy.importers.openapi.answers import Found
from loadworthy.importers.openapi.given import CREATE
from loadworthy.importers.openapi.reader import Operation, UnfillableError
from loadworthy.importers.openapi.requests import Requests
from loadworthy.importers.openapi.text import snake
from loadworthy.importers.openapi.things import Named, Things, shape
from loadworthy.plan.rules import TEMPLATE_NAMES

_MOST_BEFORE = 12
_TEMPLATE = re.compile(r"\{\{.*?\}\}", re.DOTALL)


@dataclass(slots=True)
class Planning:
    """What all flows of a plan share.

    Args:
        requests: makes steps.
        things: what the API is about.
        notes: what could not be done.
        refused: operations that cannot become a step.
        assumed: operation → JSON path in its answer, which the document does not describe.
    """

    requests: Requests
    things: Things
    notes: list[Note] = field(default_factory=list)
    refused: list[Operation] = field(default_factory=list)
    assumed: dict[str, str] = field(default_factory=dict)

    def refuse(self, operation: Operation, reason: str) -> None:
        """Note that an operation is left out, once."""
        if operation not in self.refused:
            self.refused.append(operation)
            self.notes.append(Note(operation.where, f"{reason}; it is left out"))


@dataclass(slots=True)
class Made:
    """A step of a flow that gives identifiers.

    Args:
        noun: of what.
        operation: what it does.
        step: as it stands in the flow.
        way: ``create`` or ``listing``.
    """

    noun: str
    operation: Operation
    step: Json
    way: str


@dataclass(slots=True)
class Flow:
    """Steps under way to becoming one pass.

    Args:
        planning: who makes the steps, and what is known so far.
        steps: so far.
        made: shape of a collection → the step that gives one of its things.
        done: operations that have become a step.
    """

    planning: Planning
    steps: list[Json] = field(default_factory=list)
    made: dict[str, Made] = field(default_factory=dict)
    done: list[Operation] = field(default_factory=list)
    _under_way: list[Operation] = field(default_factory=list)

    def give(self, named: Named, where: str | None, way: str) -> str | None:
        """See :class:`~loadworthy.importers.openapi.given.Giver`."""
        things = self.planning.things
        noun = named.noun if where is not None else things.noun_of(named)
        if noun is None:
            return None
        named = Named(noun, named.key)
        before = self.of(noun, where)
        if before is not None:
            return self._extract(before, named)
        home = things.home(noun, where)
        candidates = (things.creates if way == CREATE else things.listings).get(noun, [])
        for operation in _nearest(candidates, home, where):
            is_circle = operation in self._under_way or len(self._under_way) > _MOST_BEFORE
            if is_circle or operation in self.planning.refused:
                continue
            if self._found(operation, named, way) is not None and self.add(operation):
                made = self.made[shape(operation.path)] = Made(noun, operation, self.steps[-1], way)
                return self._extract(made, named)
        return None

    def of(self, noun: str, where: str | None) -> Made | None:
        """The step that gives a thing of this collection; of any collection where that is not said."""
        if where is None:
            return next((made for made in reversed(self.made.values()) if made.noun == noun), None)
        made = self.made.get(self.planning.things.home(noun, where)) or self.made.get(where)
        return made if made is not None and made.noun == noun else None

    def proof(self, name: str) -> str | None:
        """See :class:`~loadworthy.importers.openapi.given.Giver`."""
        for made in reversed(self.made.values()):
            _, schema = self.planning.requests.answers.schema(made.operation)
            source = self.planning.requests.answers.property_path(schema, [name]) if schema is not None else None
            if source and made.way == CREATE:
                variable = f"{made.noun}_{snake(name)}"
                made.step.setdefault("extract", {})[variable] = source
                return f"{{{{ {variable} }}}}"
        return None

    def add(self, operation: Operation) -> bool:
        """Put a step for an operation behind what it needs; False, and nothing put in, where it cannot be made."""
        count, made, done = len(self.steps), dict(self.made), list(self.done)
        self._under_way.append(operation)
        try:
            step = self.planning.requests.step(operation, self)
        except UnfillableError as error:
            del self.steps[count:]
            self.made, self.done = made, done
            self.planning.refuse(operation, str(error))
            return False
        finally:
            self._under_way.pop()
        self.steps.append(step)
        self.done.append(operation)
        return True

    def creates(self, noun: str, where: str | None) -> bool:
        """Whether the pass itself creates one."""
        made = self.of(noun, where)
        return made is not None and made.way == CREATE

    def _found(self, operation: Operation, named: Named, way: str) -> Found | None:
        answers = self.planning.requests.answers
        return (answers.created if way == CREATE else answers.listed)(operation, named)

    def _extract(self, made: Made, named: Named) -> str | None:
        found = self._found(made.operation, named, made.way)
        if found is None:
            return None
        if not found.is_described:
            self.planning.assumed.setdefault(made.operation.where, found.source)
        variable = self._variable(made, named.variable)
        made.step.setdefault("extract", {})[variable] = found.source
        return f"{{{{ {variable} }}}}"

    def _variable(self, made: Made, name: str) -> str:
        """A name that no other step of the pass gives a value."""
        others = {one for step in self.steps if step is not made.step for one in step.get("extract", {})}
        number, variable = 1, name
        others.update(TEMPLATE_NAMES)
        while variable in others or keyword.iskeyword(variable):
            number += 1
            variable = f"{name}_{number}"
        return variable


def _nearest(candidates: Iterable[Operation], home: str, where: str | None) -> list[Operation]:
    """Those at home first. Others serve only where it is not said from which collection a thing is."""
    fitting = [one for one in candidates if where is None or shape(one.path) in (home, where)]
    return sorted(fitting, key=lambda one: shape(one.path) != home)


def forget_unused(steps: Sequence[Json]) -> None:
    """Take out identifiers that no step uses: an answer without them would be a failure for nothing."""
    used = " ".join(_TEMPLATE.findall(repr([{**step, "extract": None} for step in steps])))
    for step in steps:
        kept = {name: source for name, source in step.pop("extract", {}).items() if re.search(rf"\b{name}\b", used)}
        if kept:
            step["extract"] = kept
