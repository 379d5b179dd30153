"""Who calls, and what their role allows.

The role is in the token. An account that is deleted or switched off is put on a list of the process, so that its tokens
are refused at once without a query for each request.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request

from systems.cms_medical.service.models import Appointment, Consultation, Doctor, Episode, MedicalFile, Patient, User
from systems.kit.database import Database
from systems.kit.tokens import InvalidTokenError, Tokens
from systems.kit.web import bearer_token, forbidden, unauthorized

SHIFT_S = 8 * 3600
"""How long a log-in lasts."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent the request; ``doctor_id`` or ``patient_id`` is set where the account is that person's."""

    user_id: int
    username: str
    role: str
    doctor_id: int | None
    patient_id: int | None

    def require_patient(self, patient_id: int) -> None:
        """403 where a patient asks for another's data."""
        if self.role == "patient" and patient_id != self.patient_id:
            raise forbidden("patients see their own data only")

    def require_party(self, row: Appointment | Consultation) -> None:
        """403 unless admin, or the doctor or patient whom the row is about."""
        self.require_patient(row.patient_id)
        if self.role == "doctor" and row.doctor_id != self.doctor_id:
            raise forbidden("this belongs to another doctor")

    def require_author(self, row: Appointment | Consultation | Episode | MedicalFile) -> None:
        """403 unless admin, or the doctor who made the row."""
        if self.role == "admin":
            return
        author, mine = (
            (row.uploaded_by, self.user_id) if isinstance(row, MedicalFile) else (row.doctor_id, self.doctor_id)
        )
        if self.role != "doctor" or author != mine:
            raise forbidden("only its author or an administrator may change this")


class Gate:
    """Lets callers in by their tokens."""

    def __init__(self) -> None:
        self._tokens = Tokens(lifetime_s=SHIFT_S)
        self._shut_out: set[int] = set()

    def token_for(self, user: User, doctor: Doctor | None, patient: Patient | None) -> str:
        """A token for somebody whose password was right."""
        return self._tokens.issue(
            user.id,
            username=user.username,
            role=user.role,
            doctor_id=doctor and doctor.id,
            patient_id=patient and patient.id,
        )

    def caller(self, token: str) -> Caller:
        """Whose token it is; 401 where it does not hold."""
        try:
            claims: dict[str, Any] = self._tokens.verify(token)
        except InvalidTokenError as error:
            raise unauthorized(str(error)) from error
        user_id = int(claims["sub"])
        if user_id in self._shut_out:
            raise unauthorized("this account is closed")
        return Caller(user_id, claims["username"], claims["role"], claims["doctor_id"], claims["patient_id"])

    def shut_out(self, user_id: int) -> None:
        """Refuse this account's tokens from now on."""
        self._shut_out.add(user_id)

    def let_in(self, user_id: int) -> None:
        """Take them again."""
        self._shut_out.discard(user_id)


# These are coroutines, for FastAPI would send plain functions through its pool of threads.
async def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


async def _gate(request: Request) -> Gate:
    gate: Gate = request.app.state.gate
    return gate


async def _caller(request: Request) -> Caller:
    gate: Gate = request.app.state.gate
    return gate.caller(bearer_token(request))


def _only(*roles: str) -> Callable[[Caller], Awaitable[Caller]]:
    async def allowed(caller: Annotated[Caller, Depends(_caller)]) -> Caller:
        if caller.role not in roles:
            raise forbidden()
        return caller

    return allowed


Store = Annotated[Database, Depends(_database)]
Door = Annotated[Gate, Depends(_gate)]
Anyone = Annotated[Caller, Depends(_caller)]
Admin = Annotated[Caller, Depends(_only("admin"))]
Staff = Annotated[Caller, Depends(_only("admin", "doctor"))]
PatientsOwn = Annotated[Caller, Depends(_only("admin", "patient"))]
