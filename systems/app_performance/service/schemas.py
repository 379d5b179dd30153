"""What requests hold and answers show."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from systems.kit.inputs import Line, RowId, Text

MAX_VALUE = 10_000_000
MAX_QUANTITY = 99
MAX_LINES = 20

Name = Annotated[Line, StringConstraints(max_length=120)]
Category = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z-]{0,39}$")]
Description = Annotated[Text, StringConstraints(max_length=1000)]
Value = Annotated[int, Field(ge=0, le=MAX_VALUE)]
Search = Annotated[Text | None, Query(min_length=1, max_length=60)]
CategoryQuery = Annotated[Category | None, Query()]
Days = Annotated[int, Query(ge=1, le=365)]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class Credentials(_In):
    """A log-in."""

    email: Annotated[Text, StringConstraints(max_length=200)]
    password: Annotated[str, StringConstraints(max_length=200)]


class TokenOut(BaseModel):
    """What a log-in gives."""

    access_token: str
    token_type: str = "Bearer"
    expires_in: int


class UserOut(_Out):
    """An account."""

    id: int
    email: str
    name: str
    role: str


class ItemIn(_In):
    """A new item, or all of a changed one."""

    name: Name
    value: Value
    description: Description = ""
    category: Category = "other"


class ItemChange(_In):
    """Part of an item; what is left out stays as it is."""

    name: Name | None = None
    value: Value | None = None
    description: Description | None = None
    category: Category | None = None

    @model_validator(mode="before")
    @classmethod
    def _no_nulls(cls, data: Any) -> Any:
        if isinstance(data, dict) and any(value is None for value in data.values()):
            raise ValueError("leave out what is not to change")
        return data


class ItemOut(_Out):
    """An item."""

    id: int
    name: str
    description: str
    category: str
    value: int
    owner_id: int | None
    created_at: datetime
    updated_at: datetime


class LineIn(_In):
    """So many of one item."""

    item_id: RowId
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY)] = 1


class OrderIn(_In):
    """A new order."""

    lines: Annotated[list[LineIn], Field(min_length=1, max_length=MAX_LINES)]

    @model_validator(mode="after")
    def _each_item_once(self) -> OrderIn:
        if len({line.item_id for line in self.lines}) < len(self.lines):
            raise ValueError("an item stands in one line only")
        return self


class LineOut(_Out):
    """A line of an order."""

    item_id: int
    quantity: int
    unit_value: int


class OrderOut(_Out):
    """An order."""

    id: int
    user_id: int
    placed_at: datetime
    total: int
    lines: list[LineOut]
