"""The phone carrier, played by the suite: calls as Twilio announces them, signed as Twilio signs them.

The signature (https://www.twilio.com/docs/usage/security): the full URL, then each form parameter's name and value,
sorted by name, all in one string; HMAC-SHA1 with the account's auth token; base64.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import random
import uuid
from collections.abc import Mapping

VOICE = "/api/telephony/webhooks/twilio/voice"
STATUS = "/api/telephony/webhooks/twilio/status"
HOUSE = "+13125550100"
ACCOUNT = f"AC{0:032x}"


def fictional_number() -> str:
    """A phone number that nobody has: 555-0100 to 555-0199 are set aside for fiction in each area."""
    return f"+1{random.randrange(200, 1000)}555{random.randrange(100, 200):04}"


def new_call_sid() -> str:
    """An id for a call, in the carrier's form; nobody else has it."""
    return f"CA{uuid.uuid4().hex}"


def incoming_call(call_sid: str) -> dict[str, str]:
    """The form that says that a call comes in."""
    caller = fictional_number()
    return {
        "AccountSid": ACCOUNT,
        "ApiVersion": "2010-04-01",
        "CallSid": call_sid,
        "CallStatus": "ringing",
        "Called": HOUSE,
        "Caller": caller,
        "Direction": "inbound",
        "From": caller,
        "To": HOUSE,
    }


def call_status(call_sid: str, status: str) -> dict[str, str]:
    """The form that says how a call goes on."""
    form = {"AccountSid": ACCOUNT, "ApiVersion": "2010-04-01", "CallSid": call_sid, "CallStatus": status}
    return {**form, "CallDuration": str(random.randrange(20, 600))} if status == "completed" else form


def signed(url: str, form: Mapping[str, str], token: str) -> dict[str, str]:
    """The header for a webhook."""
    text = url + "".join(name + form[name] for name in sorted(form))
    digest = hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()
    return {"X-Twilio-Signature": base64.b64encode(digest).decode()}
