"""The columns of generated rows: each a function of the row's number, and of the columns above it.

What a column draws is named by its seed, its test data, its own name and the row's number, so neither other columns nor
other rows change it. *Unique* values need no memory of those before:

- whole numbers (``random_int``, ``pyint``) and choices are permuted, each taken once;
- text gets the row's number, after a character that is no digit: before the last ``@`` (an address of e-mail), or at
  its end. The last digits of two values are then the numbers of their rows, so the values differ;
- a relation takes each of the other rows once;
- identifiers such as ``uuid4`` are left as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from itertools import accumulate
from random import Random
from typing import Any

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from loadworthy.data.fake import Faker
from loadworthy.data.permutation import Permutation
from loadworthy.errors import UsageError
from loadworthy.plan.faker_providers import UNIQUE_AS_THEY_ARE
from loadworthy.plan.test_data import FieldSpec, Generate

Row = Mapping[str, Any]
RowsOf = Callable[[str], Sequence[Row]]


class Making:
    """One row while it is made: its number, its columns so far, and the rows of other data that it refers to."""

    __slots__ = ("number", "parents", "row")

    def __init__(self, number: int) -> None:
        self.number = number
        self.row: dict[str, Any] = {}
        self.parents: dict[str, Row] = {}


Column = Callable[[Making], Any]


@dataclass(frozen=True, slots=True)
class _Stream:
    """Random numbers of a column, or of a relation."""

    key: int

    def seed(self, number: int) -> int:
        return self.key << 64 | number

    def random(self, number: int) -> Random:
        return Random(self.seed(number))


def _stream(*names: object) -> _Stream:
    digest = blake2b("\0".join(map(str, names)).encode(), digest_size=8).digest()
    return _Stream(int.from_bytes(digest, "big"))


def columns_of(name: str, generate: Generate, rows_of: RowsOf, today: date) -> dict[str, Column]:
    """Column → what makes it, in the order of the plan.

    Args:
        name: of the test data.
        generate: how it is made.
        rows_of: the rows of other test data by its name.
        today: from which Faker counts its dates.

    Raises:
        UsageError: where a column cannot be made like that.
    """
    maker = _Maker(name, generate, rows_of, today)
    try:
        return {column: maker.column(column, spec) for column, spec in generate.fields.items()}
    except ValueError as error:
        raise UsageError(f"test data {name}: {error}") from error


class _Maker:
    def __init__(self, name: str, generate: Generate, rows_of: RowsOf, today: date) -> None:
        self._name = name
        self._generate = generate
        self._rows_of = rows_of
        self._today = today
        self._faker: Faker | None = None
        self._environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
        related = [spec for spec in generate.fields.values() if spec.from_ is not None]
        self._taken_once = {_parent(spec) for spec in related if spec.unique}

    def column(self, column: str, spec: FieldSpec) -> Column:
        stream = _stream(self._generate.seed, self._name, column)
        if spec.faker is not None:
            return self._faked(spec, stream)
        if spec.choice is not None:
            return self._chosen(column, spec, stream)
        if spec.sequence is not None:
            first = spec.sequence
            return lambda making: first + making.number
        if spec.template is not None:
            return _counted(self._filled(column, spec.template)) if spec.unique else self._filled(column, spec.template)
        if spec.from_ is not None:
            return self._related(spec)
        value = spec.value
        return lambda _making: value

    def _faked(self, spec: FieldSpec, stream: _Stream) -> Column:
        self._faker = self._faker or Faker(self._generate.locales, self._today)
        assert spec.faker is not None  # noqa: S101  # the caller has looked
        if spec.unique and (numbers := self._faker.numbers(spec.faker, spec.args)) is not None:
            return self._permuted(numbers, stream)
        fake = self._faker.fake(spec.faker, spec.args)
        made: Column = lambda making: fake(stream.seed(making.number))  # noqa: E731
        return _counted(made) if spec.unique and spec.faker not in UNIQUE_AS_THEY_ARE else made

    def _permuted(self, values: Sequence[Any], stream: _Stream) -> Column:
        if len(values) < self._generate.count:
            raise ValueError(f"{self._generate.count:,} rows cannot have unique values of {len(values):,}")
        place = Permutation(len(values), stream.key)
        return lambda making: values[place(making.number)]

    def _chosen(self, column: str, spec: FieldSpec, stream: _Stream) -> Column:
        choice = spec.choice or ()
        if not choice:
            raise ValueError(f"column {column} has nothing to choose from")
        if spec.unique:
            return self._permuted(choice, stream)
        weights = list(accumulate(spec.weights)) or None
        return lambda making: stream.random(making.number).choices(choice, cum_weights=weights)[0]

    def _filled(self, column: str, template: str) -> Column:
        render = self._environment.from_string(template).render

        def filled(making: Making) -> str:
            try:
                return render(making.row, row=making.number)
            except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
                raise UsageError(f"test data {self._name}: the template of {column}: {error}") from error

        return filled

    def _related(self, spec: FieldSpec) -> Column:
        parent, _, column = str(spec.from_).partition(".")
        rows = self._rows_of(parent)
        if column not in rows[0]:
            raise ValueError(f"{parent} has no column {column}; it has: {', '.join(rows[0])}")
        stream, place = _stream(self._generate.seed, self._name, "from", parent), None
        if parent in self._taken_once:
            if len(rows) < self._generate.count:
                count = self._generate.count
                raise ValueError(f"{count:,} rows cannot each have another of the {len(rows):,} rows of {parent}")
            place = Permutation(len(rows), stream.key)

        def related(making: Making) -> Any:
            row = making.parents.get(parent)
            if row is None:
                number = making.number
                row = rows[place(number) if place else stream.random(number).randrange(len(rows))]
                making.parents[parent] = row
            return row[column]

        return related


def _parent(spec: FieldSpec) -> str:
    return str(spec.from_).partition(".")[0]


def _counted(made: Column) -> Column:
    return lambda making: with_number(str(made(making)), making.number)


_SPACE = re.compile(r"\s")


def with_number(text: str, number: int) -> str:
    """The text with a number in it that tells it from all texts with other numbers."""
    before, at, after = text.rpartition("@")
    if at and before:
        return f"{before}.{number}@{after}"
    return f"{text}{' ' if _SPACE.search(text) else '-'}{number}"
