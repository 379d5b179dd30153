"""Which requests come before which: what one needs, another gives.

Each thing of the API gets a flow of its own: create, read, change, list, delete. What creating it needs (a doctor for
an appointment) is created first and deleted last. As a step that fails ends its pass, flows keep failures to
themselves. Nothing is deleted that the same pass has not created.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from loadworthy.importers.imported import Json, Note
from loadworthy.importers.openapi.flow import Flow, Made, Planning, forget_unused
from loadworthy.importers.openapi.given import CREATE
from loadworthy.importers.openapi.reader import Operation
from loadworthy.importers.openapi.things import (
    Named,
    Things,
    collection_of,
    is_reference,
    named_by_parameter,
    noun_at,
    parameters_of,
    segments_of,
    shape,
    singular,
)

_RANK = {"PUT": 2, "PATCH": 2, "POST": 3, "OPTIONS": 4, "HEAD": 4}


@dataclass(slots=True)
class Order:
    """Puts all operations into flows.

    Args:
        planning: what the flows share.
        deletes: all requests that delete, for cleaning up.
    """

    planning: Planning
    deletes: Sequence[Operation]
    _collections: frozenset[str] = frozenset()

    def roles(self, operations: Sequence[Operation]) -> tuple[list[Json], dict[str, list[Json]]]:
        """Steps that need no other, and a flow for each thing."""
        self._collections = _collections_of(self.planning.things)
        alone: list[Json] = []
        flows: dict[str, list[Json]] = {}
        for (noun, home), group in self._groups(operations).items():
            if not noun:
                self._alone(group, alone, flows)
                continue
            flow = self._flow(noun, home, group)
            forget_unused(flow.steps)
            if len(flow.steps) > 1 and flow.made:
                flows[_free(noun, home, flows)] = flow.steps
            else:
                alone += flow.steps
            for more in self._other_deletes(group, flow):
                flows[_free(noun, home, flows)] = more.steps
        return alone, flows

    def _groups(self, operations: Sequence[Operation]) -> dict[tuple[str, str], list[Operation]]:
        groups: dict[tuple[str, str], list[Operation]] = {}
        for operation in operations:
            groups.setdefault(self._owner(operation), []).append(operation)
        return groups

    def _owner(self, operation: Operation) -> tuple[str, str]:
        """The noun and the home of the things in whose flow an operation belongs; empty where it stands alone."""
        segments = segments_of(operation.path)
        where = shape(operation.path)
        is_collection = bool(segments) and not parameters_of(segments[-1]) and where in self._collections
        if is_collection and operation.method in ("POST", "GET", "PUT", "PATCH"):
            noun = noun_at(segments)
            return noun, self.planning.things.home(noun, where)
        for name in reversed(parameters_of(operation.path)):
            parameter = next((one for one in operation.parameters if one.name == name), None)
            if parameter is None or is_reference(parameter, self.planning.requests.schemas):
                noun = named_by_parameter(operation.path, name).noun
                return noun, self.planning.things.home(noun, shape(collection_of(operation.path, name)))
        return "", ""

    def _alone(self, group: Iterable[Operation], alone: list[Json], flows: dict[str, list[Json]]) -> None:
        for operation in group:
            if operation.method == "DELETE":
                self.planning.refuse(operation, "it deletes what no step has created")
                continue
            flow = Flow(self.planning)
            if not flow.add(operation):
                continue
            if len(flow.steps) == 1:
                alone += flow.steps
                if operation.method == "POST" and 201 in self.planning.requests.answers.statuses(operation):
                    self._note_what_stays(operation)
            else:
                self._clean_up(flow)
                segments = segments_of(operation.path)
                flows[_free(singular(segments[-1]) if segments else "root", "", flows)] = flow.steps

    def _flow(self, noun: str, home: str, group: Sequence[Operation]) -> Flow:
        flow = Flow(self.planning)
        if any(one in self.planning.things.creates.get(noun, ()) for one in group):
            flow.give(self._usual_name(noun, group), home, CREATE)
        deletes = [one for one in group if one.method == "DELETE"]
        for operation in sorted((one for one in group if one not in deletes), key=_rank):
            if operation not in flow.done and operation not in self.planning.refused:
                self._add(flow, operation)
        below = [one for one in deletes if not segments_of(one.path)[-1].endswith("}")]
        for operation in below:
            self._delete(flow, operation)
        self._clean_up(flow)
        if not flow.creates(noun, home):
            for operation in deletes:
                self._delete(flow, operation)
        return flow

    def _usual_name(self, noun: str, group: Sequence[Operation]) -> Named:
        found = (named_by_parameter(one.path, name) for one in group for name in parameters_of(one.path))
        return next((named for named in found if named.noun == noun), Named(noun, "id"))

    def _add(self, flow: Flow, operation: Operation) -> None:
        names = parameters_of(operation.path)
        if not flow.add(operation) or operation.method in ("GET", "HEAD", "OPTIONS") or not names:
            return
        noun, where = (
            named_by_parameter(operation.path, names[-1]).noun,
            shape(collection_of(operation.path, names[-1])),
        )
        if not flow.creates(noun, where):
            whose = "those that were there before" if flow.of(noun, where) else "what the rows of test data name"
            self.planning.notes.append(Note(operation.where, f"it changes {whose}"))

    def _delete(self, flow: Flow, operation: Operation) -> bool:
        """Add a deletion of what the pass has created."""
        for name in parameters_of(operation.path):
            noun = named_by_parameter(operation.path, name).noun
            if not flow.creates(noun, shape(collection_of(operation.path, name))):
                which = (
                    "that it deletes"
                    if segments_of(operation.path)[-1].endswith(f"{{{name}}}")
                    else "below which it deletes"
                )
                self.planning.refuse(operation, f"no step creates the {noun.replace('_', ' ')} {which}")
                return False
        return flow.add(operation)

    def _clean_up(self, flow: Flow) -> None:
        """Delete what the pass has created, the last first."""
        for made in reversed(list(flow.made.values())):
            if made.way != CREATE:
                continue
            candidates = self._deletes_of(made)
            if not any(self._delete(flow, one) for one in candidates if one not in self.planning.refused):
                self._note_what_stays(made.operation)

    def _deletes_of(self, made: Made) -> list[Operation]:
        """Those of the very collection first."""
        found = []
        created = shape(made.operation.path)
        for operation in self.deletes:
            names = parameters_of(operation.path)
            if not names or segments_of(operation.path)[-1] != "{" + names[-1] + "}":
                continue
            where = shape(collection_of(operation.path, names[-1]))
            noun = named_by_parameter(operation.path, names[-1]).noun
            if noun == made.noun and created in (where, self.planning.things.home(noun, where)):
                found.append((where != created, operation))
        return [operation for _, operation in sorted(found, key=lambda one: one[0])]

    def _other_deletes(self, group: Sequence[Operation], first: Flow) -> list[Flow]:
        """A flow for each further way to delete a thing: create it, and delete it so."""
        flows = []
        for operation in group:
            if operation.method != "DELETE" or operation in first.done or operation in self.planning.refused:
                continue
            flow = Flow(self.planning)
            named = named_by_parameter(operation.path, parameters_of(operation.path)[-1])
            where = shape(collection_of(operation.path, parameters_of(operation.path)[-1]))
            flow.give(named, where, CREATE)
            if self._delete(flow, operation):
                flow.made.pop(self.planning.things.home(named.noun, where), None)
                self._clean_up(flow)
                flows.append(flow)
        return flows

    def _note_what_stays(self, operation: Operation) -> None:
        note = Note(operation.where, "what it creates stays: nothing is known that deletes it")
        if note not in self.planning.notes:
            self.planning.notes.append(note)


def _collections_of(things: Things) -> frozenset[str]:
    """The shapes of the collections whose things some path names, and of those where these are created."""
    nouns = {where: noun_at(segments_of(where)) for where in things.addressed if where != "/"}
    return frozenset(things.addressed | {things.home(noun, where) for where, noun in nouns.items()})


def _rank(operation: Operation) -> tuple[int, int]:
    """Read one, change it, act on it, list them all."""
    last = segments_of(operation.path)[-1:]
    is_one = bool(last and parameters_of(last[0]))
    if operation.method == "GET":
        return (0 if is_one else 1 if parameters_of(operation.path) else 5), 0
    return _RANK.get(operation.method, 4), 0 if is_one else 1


def _free(noun: str, home: str, taken: Iterable[str]) -> str:
    """A name for a flow: the noun, with that of the thing it belongs to where there are several."""
    owner = [singular(segment) for segment in segments_of(home)[:-1] if segment != "{}"]
    if noun in taken and owner and f"{owner[-1]}_{noun}" not in taken:
        return f"{owner[-1]}_{noun}"
    number, free = 1, noun
    while free in taken:
        number += 1
        free = f"{noun}_{number}"
    return free
