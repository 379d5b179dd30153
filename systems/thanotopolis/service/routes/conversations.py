"""Conversations as records; what is said in them goes over sockets."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from systems.kit.inputs import RowId
from systems.kit.web import Paged, not_found
from systems.thanotopolis.service.access import Anyone, Caller, Store
from systems.thanotopolis.service.models import Conversation, Message
from systems.thanotopolis.service.schemas import ConversationForm, ConversationOut

router = APIRouter(prefix="/api/conversations", tags=["conversations"])


@router.post("", status_code=201, response_model=ConversationOut)
def create(body: ConversationForm, caller: Anyone, store: Store) -> Conversation:
    """A new conversation of the caller."""
    conversation = Conversation(title=body.title, user_id=caller.user_id)
    with store.writing() as session:
        session.add(conversation)
    return conversation


@router.get("")
def conversations(caller: Anyone, store: Store, page: Paged) -> dict[str, Any]:
    """One's own conversations, the latest first."""
    own = select(Conversation).where(Conversation.user_id == caller.user_id).order_by(Conversation.id.desc())
    with store.reading() as session:
        items, total = page.of(session, own)
        return page.body([ConversationOut.model_validate(item) for item in items], total)


@router.get("/{conversation_id}/messages")
def messages(conversation_id: RowId, caller: Anyone, store: Store, page: Paged) -> dict[str, Any]:
    """What was said, in order."""
    said = select(Message).where(Message.conversation_id == conversation_id).order_by(Message.id)
    with store.reading() as session:
        own_conversation(session, conversation_id, caller)
        items, total = page.of(session, said)
        shown = [{"id": one.id, "author": one.author, "text": one.text, "sent_at": one.sent_at} for one in items]
        return page.body(shown, total)


@router.delete("/{conversation_id}", status_code=204)
def remove(conversation_id: RowId, caller: Anyone, store: Store) -> Response:
    """Remove a conversation with its messages."""
    with store.writing() as session:
        own_conversation(session, conversation_id, caller)
        session.execute(delete(Conversation).where(Conversation.id == conversation_id))
    return Response(status_code=204)


def own_conversation(session: Session, conversation_id: int, caller: Caller) -> Conversation:
    """The caller's conversation; 404 where it is another's or there is none."""
    found = session.get(Conversation, conversation_id)
    if found is None or found.user_id != caller.user_id:
        raise not_found("conversation")
    return found
