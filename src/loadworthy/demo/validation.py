"""What input the booking service accepts. All that is wrong is told at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

from loadworthy.demo.seed import CONSENT_KINDS, DAYS, FIRST_DAY, PRACTITIONERS, SERVICES, TIMES

STATUSES = ("pending", "confirmed", "cancelled")
_MAX_TEXT = 200
_MAX_PAGE_SIZE = 100
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class InvalidError(Exception):
    """Field → what is wrong with it."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(", ".join(f"{name} {what}" for name, what in fields.items()))
        self.fields = dict(fields)


class Page(NamedTuple):
    """Which part of a list is wanted."""

    number: int
    size: int

    @property
    def offset(self) -> int:
        """How many rows come before it."""
        return (self.number - 1) * self.size

    def describe(self, total: int) -> dict[str, int]:
        """What a response says about its page."""
        return {"page": self.number, "per_page": self.size, "total": total}


def check_day(text: str | None) -> str:
    """A date as ISO text."""
    try:
        return date.fromisoformat(text or "").isoformat()
    except ValueError:
        raise InvalidError({"date": "is a day like 2030-05-17"}) from None


def check_page(query: Mapping[str, str]) -> Page:
    """``page`` from 1, ``per_page`` up to 100, 20 by default."""
    fields: dict[str, str] = {}
    number = _check_number(query.get("page", "1"), "page", 1_000_000, fields)
    size = _check_number(query.get("per_page", "20"), "per_page", _MAX_PAGE_SIZE, fields)
    if fields:
        raise InvalidError(fields)
    return Page(number, size)


def check_booking(data: Mapping[str, Any]) -> dict[str, str]:
    """A slot of the calendar and who wants it; ``phone`` may be left out."""
    fields: dict[str, str] = {}
    booking = {name: _check_text(data, name, fields) for name in ("date", "time", "name", "email")}
    booking["practitioner"] = _check_choice(data, "practitioner", PRACTITIONERS, fields)
    booking["service"] = _check_choice(data, "service", SERVICES, fields)
    booking["phone"] = _check_text(data, "phone", fields) if "phone" in data else ""
    if "time" not in fields and booking["time"] not in TIMES:
        fields["time"] = f"is every half hour from {TIMES[0]} to {TIMES[-1]}"
    if "email" not in fields and not _EMAIL.fullmatch(booking["email"]):
        fields["email"] = "is not an e-mail address"
    if "date" not in fields and not _is_in_calendar(booking["date"]):
        fields["date"] = f"is a day like {FIRST_DAY}, within the {DAYS} days from then"
    if fields:
        raise InvalidError(fields)
    return booking


def check_consent(data: Mapping[str, Any]) -> dict[str, Any]:
    """An appointment's id, a name and what is consented to."""
    fields: dict[str, str] = {}
    consent: dict[str, Any] = {"name": _check_text(data, "name", fields)}
    consent["kind"] = _check_choice(data, "kind", CONSENT_KINDS, fields)
    number = data.get("appointment_id")
    if not isinstance(number, int) or isinstance(number, bool) or not 0 < number < 10**15:
        fields["appointment_id"] = "is the number of an appointment"
    consent["appointment_id"] = number
    if fields:
        raise InvalidError(fields)
    return consent


def check_login(data: Mapping[str, Any]) -> dict[str, str]:
    """E-mail and password."""
    fields: dict[str, str] = {}
    login = {name: _check_text(data, name, fields) for name in ("email", "password")}
    if fields:
        raise InvalidError(fields)
    return login


def check_status(data: Mapping[str, Any]) -> str:
    """The status an administrator can give."""
    fields: dict[str, str] = {}
    status = _check_choice(data, "status", STATUSES[1:], fields)
    if fields:
        raise InvalidError(fields)
    return status


def _check_text(data: Mapping[str, Any], name: str, fields: dict[str, str]) -> str:
    value = data.get(name)
    if not isinstance(value, str) or not value.strip():
        fields[name] = "is a text that is not empty"
        return ""
    if len(value) > _MAX_TEXT:
        fields[name] = f"has at most {_MAX_TEXT} characters"
    return value.strip()


def _check_choice(data: Mapping[str, Any], name: str, choices: tuple[str, ...], fields: dict[str, str]) -> str:
    value = data.get(name)
    if not isinstance(value, str) or value not in choices:
        fields[name] = f"is one of {', '.join(choices)}"
        return ""
    return value


def _check_number(text: str, name: str, highest: int, fields: dict[str, str]) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= highest):
        fields[name] = f"is a number from 1 to {highest}"
        return 1
    return int(text)


def _is_in_calendar(text: str) -> bool:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return False
    return text == day.isoformat() and 0 <= (day - FIRST_DAY).days < DAYS
