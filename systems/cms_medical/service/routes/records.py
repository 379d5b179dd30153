"""Files, insurance policies and notifications."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, HTTPException, Response, UploadFile
from sqlalchemy import func, select, update

from systems.cms_medical.service import audit
from systems.cms_medical.service.access import Anyone, PatientsOwn, Staff, Store
from systems.cms_medical.service.models import InsurancePolicy, MedicalFile, Notification, Patient, utc_now
from systems.cms_medical.service.schemas import FileOut, NotificationOut, PolicyOut
from systems.kit.inputs import RowId
from systems.kit.web import Paged, not_found

router = APIRouter(prefix="/api", tags=["records"])

MAX_FILE_BYTES = 1024 * 1024
CONTENT_TYPES = frozenset({"text/plain", "application/pdf", "image/png", "image/jpeg"})


@router.get("/files")
def list_files(caller: Anyone, store: Store, page: Paged, patient_id: RowId | None = None) -> dict[str, Any]:
    """Files without their bytes, the latest first."""
    query = select(MedicalFile).order_by(MedicalFile.id.desc())
    if patient_id is not None:
        caller.require_patient(patient_id)
        query = query.where(MedicalFile.patient_id == patient_id)
    if caller.role == "patient":
        query = query.where(MedicalFile.patient_id == caller.patient_id)
    with store.reading() as session:
        rows, total = page.of(session, query)
        return page.body([FileOut.model_validate(row) for row in rows], total)


@router.post("/files", status_code=201)
def upload_file(
    caller: Staff, store: Store, patient_id: Annotated[RowId, Form()], file: Annotated[UploadFile, File()]
) -> FileOut:
    """A file of at most 1 MiB: 413 where it is larger, 415 where it is of another type."""
    content_type = (file.content_type or "").partition(";")[0].strip()
    if content_type not in CONTENT_TYPES:
        raise HTTPException(415, f"send one of {', '.join(sorted(CONTENT_TYPES))}")
    name = _file_name(file.filename or "file")
    content = file.file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise HTTPException(413, f"a file has at most {MAX_FILE_BYTES} bytes")
    row = MedicalFile(
        patient_id=patient_id,
        uploaded_by=caller.user_id,
        name=name,
        content_type=content_type,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        content=content,
    )
    with store.writing() as session:
        if session.get(Patient, patient_id) is None:
            raise not_found("patient")
        session.add(row)
        session.flush()
        audit.note(session, caller, "create", "file", row.id)
    return FileOut.model_validate(row)


def _file_name(given: str) -> str:
    if any(ord(sign) < 32 or ord(sign) == 127 for sign in given):
        raise HTTPException(422, "the name of the file has control characters")
    return given[:120]


@router.get("/files/{file_id}")
def show_file(file_id: RowId, caller: Anyone, store: Store) -> FileOut:
    """What is known of a file."""
    with store.reading() as session:
        row = session.get(MedicalFile, file_id)
        if row is None:
            raise not_found("file")
        caller.require_patient(row.patient_id)
        return FileOut.model_validate(row)


@router.get("/files/{file_id}/content")
def download_file(file_id: RowId, caller: Anyone, store: Store) -> Response:
    """The bytes."""
    with store.reading() as session:
        row = session.get(MedicalFile, file_id)
        if row is None:
            raise not_found("file")
        caller.require_patient(row.patient_id)
        headers = {"ETag": f'"{row.sha256}"', "Content-Disposition": "attachment"}
        return Response(row.content, media_type=row.content_type, headers=headers)


@router.delete("/files/{file_id}", status_code=204)
def delete_file(file_id: RowId, caller: Staff, store: Store, erase: bool = False) -> None:
    """Delete it, as its doctor or an administrator. ``erase``: with the audit trail."""
    with store.writing() as session:
        row = session.get(MedicalFile, file_id)
        if row is not None:
            caller.require_author(row)
        audit.remove(session, caller, row, "file", file_id, erase=erase)


@router.get("/insurance-policies")
def list_policies(caller: PatientsOwn, store: Store, page: Paged, patient_id: RowId | None = None) -> dict[str, Any]:
    """Patients see their own, administrators all; doctors none, for treatment does not depend on them."""
    query = select(InsurancePolicy).order_by(InsurancePolicy.valid_to.desc(), InsurancePolicy.id.desc())
    if patient_id is not None:
        caller.require_patient(patient_id)
        query = query.where(InsurancePolicy.patient_id == patient_id)
    if caller.role == "patient":
        query = query.where(InsurancePolicy.patient_id == caller.patient_id)
    with store.reading() as session:
        rows, total = page.of(session, query)
        return page.body([PolicyOut.model_validate(row) for row in rows], total)


@router.get("/insurance-policies/{policy_id}")
def show_policy(policy_id: RowId, caller: PatientsOwn, store: Store) -> PolicyOut:
    """One policy."""
    with store.reading() as session:
        row = session.get(InsurancePolicy, policy_id)
        if row is None:
            raise not_found("insurance policy")
        caller.require_patient(row.patient_id)
        return PolicyOut.model_validate(row)


@router.get("/notifications")
def list_notifications(caller: Anyone, store: Store, page: Paged, unread: bool = False) -> dict[str, Any]:
    """One's own, the latest first, and how many are unread."""
    mine = Notification.user_id == caller.user_id
    query = select(Notification).where(mine).order_by(Notification.created_at.desc(), Notification.id.desc())
    if unread:
        query = query.where(Notification.read_at.is_(None))
    count = select(func.count()).select_from(Notification).where(mine, Notification.read_at.is_(None))
    with store.reading() as session:
        rows, total = page.of(session, query)
        body = page.body([NotificationOut.model_validate(row) for row in rows], total)
        return {**body, "unread": session.scalar(count)}


@router.post("/notifications/{notification_id}/read", status_code=204)
def read_notification(notification_id: RowId, caller: Anyone, store: Store) -> None:
    """Mark one's own as read; another's does not exist."""
    wanted = (Notification.id == notification_id, Notification.user_id == caller.user_id)
    with store.writing() as session:
        if session.scalar(select(Notification.id).where(*wanted)) is None:
            raise not_found("notification")
        session.execute(update(Notification).where(*wanted, Notification.read_at.is_(None)).values(read_at=utc_now()))
