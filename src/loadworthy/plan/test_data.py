"""What the plan's ``test_data`` section says: where rows come from, and how they are handed out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from loadworthy.plan.values import Model, Weight, Whole

WAYS = ("faker", "choice", "sequence", "template", "from", "value")
"""The keys of a generated column that say how it is made; each column has one of them."""
KINDS = ("file", "rows", "database", "generate")
"""The keys of test data that say where its rows come from; it has one of them."""


class FieldSpec(Model):
    """How one column of a generated row is made: exactly one way. A text alone names a Faker provider."""

    faker: str | None = None
    """A provider of Faker: ``name``, ``email``, ``date_of_birth``."""
    args: dict[str, Any] = Field(default_factory=dict)
    """What is given to the provider, by name."""
    choice: tuple[Any, ...] | None = None
    """One of these."""
    weights: tuple[Weight, ...] = ()
    """How often each of the choices is taken, relative to the others."""
    sequence: Whole | None = None
    """A number that grows by one from row to row, from this one."""
    template: str | None = None
    """A text with ``{{ … }}`` of the columns above it, and of ``row``, the row's number from 0."""
    from_: str | None = Field(default=None, alias="from")
    """``companies.id``: a column of a row of other test data. Columns from the same data are of the same row."""
    value: Any = None
    """Always this."""
    unique: bool = False
    """No two rows have the same."""


def _spec_from_name(value: object) -> object:
    return {"faker": value} if isinstance(value, str) else value


class Generate(Model):
    """Rows that are made up, the same for the same seed, whichever process makes them."""

    count: Annotated[Whole, Field(ge=1)]
    """How many rows there are."""
    fields: Annotated[
        dict[str, Annotated[FieldSpec, BeforeValidator(_spec_from_name, json_schema_input_type=FieldSpec | str)]],
        Field(min_length=1),
    ]
    """Column → how its value is made."""
    seed: Whole = 0
    """Other rows for another number."""
    locale: str | tuple[str, ...] = "en_US"
    """Of Faker: names and addresses as in this country, or in one of these."""

    @property
    def locales(self) -> tuple[str, ...]:
        """All of them."""
        return (self.locale,) if isinstance(self.locale, str) else self.locale


class RowSource(Model):
    """Rows of test data: from a file, a database, written in the plan, or made up."""

    file: str | None = None
    """CSV (with a header line), JSON (a list of objects) or JSON lines, relative to the plan."""
    rows: tuple[dict[str, Any], ...] = ()
    database: str | None = None
    """An SQLite file, relative to the plan, or the URL of a database."""
    query: str | None = None
    """The SELECT whose rows these are, in the order in which they come."""
    generate: Generate | None = None
    order: Literal["sequential", "random", "once"] = "sequential"
    """In order, from the start again after the last; each drawn at random; or in order, and each once."""
    per: Literal["user", "iteration"] = "user"
    """A row for each user, kept for its life; or a new one for each iteration."""

    @model_validator(mode="before")
    @classmethod
    def _from_rows(cls, value: object) -> object:
        return {"rows": value} if isinstance(value, list | tuple) and not isinstance(value, Mapping) else value
