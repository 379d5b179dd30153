"""The one table, and the bodies that requests may have."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """The tables of this service."""


class Client(Base):
    """An account. ``email`` is kept in lower case and is unique; ``domain`` is what follows its ``@``."""

    __tablename__ = "clients"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    email: Mapped[str] = mapped_column(String(200), unique=True)
    domain: Mapped[str] = mapped_column(String(200), index=True)
    phone: Mapped[str | None] = mapped_column(String(30))
    password_hash: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(10), default="client")
    created_at: Mapped[datetime]
    last_login_at: Mapped[datetime | None]
    login_count: Mapped[int] = mapped_column(default=0)

    def shown(self) -> dict[str, Any]:
        """What the account's owner, and an administrator, may see of it."""
        return {
            "id": self.id,
            "name": self.name,
            "email": self.email,
            "phone": self.phone,
            "role": self.role,
            "created_at": self.created_at.isoformat(),
            "last_login_at": self.last_login_at.isoformat() if self.last_login_at else None,
            "login_count": self.login_count,
        }


def utc_now() -> datetime:
    """Now, in UTC, as the table keeps it: without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)


_NO_CONTROLS = r"^[^\x00-\x1f\x7f]+$"
"""PostgreSQL's texts cannot hold NUL, and nobody's name has a line feed."""
_ADDRESS = r"^[^@\s\x00-\x1f]+@[^@\s.\x00-\x1f]+(\.[^@\s.\x00-\x1f]+)+$"

Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100, pattern=_NO_CONTROLS)]
Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=200, pattern=_ADDRESS),
    AfterValidator(str.lower),
]
Phone = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^\+?[0-9][0-9 ()/-]{4,28}$")]
Password = Annotated[str, Field(min_length=8, max_length=128)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Registration(_Body):
    """A new account."""

    name: Name
    email: Email
    password: Password
    phone: Phone | None = None


class Login(_Body):
    """Who wants in. Whether the address could be one does not matter here."""

    email: Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True, max_length=200, pattern=_NO_CONTROLS)]
    password: Annotated[str, Field(max_length=128)]


class ProfileChange(_Body):
    """What an account's owner changes; what is not given stays."""

    name: Name | None = None
    phone: Phone | None = None


class DomainQuery(BaseModel):
    """``?domain=``: the accounts whose address ends in ``@domain``."""

    domain: Annotated[str, StringConstraints(to_lower=True, max_length=200, pattern=_NO_CONTROLS)] | None = None
