"""Whether a webhook comes from the carrier: ``X-Twilio-Signature``.

Twilio's rule (https://www.twilio.com/docs/usage/security): the full URL as the carrier called it, then each form
parameter's name and value, sorted by name, all in one string; HMAC-SHA1 of it with the account's auth token; base64.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Mapping

DEVELOPMENT_TOKEN = "thanotopolis-development-token"
"""The account's auth token unless ``TWILIO_AUTH_TOKEN`` names another. Good for loopback only."""


def auth_token() -> str:
    """The secret that this service shares with the carrier."""
    return os.environ.get("TWILIO_AUTH_TOKEN") or DEVELOPMENT_TOKEN


def signature(token: str, url: str, form: Mapping[str, str]) -> str:
    """The header's value for a request."""
    text = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def is_genuine(token: str, url: str, form: Mapping[str, str], given: str | None) -> bool:
    """Whether the header that came is the right one; takes as long for a wrong one."""
    return hmac.compare_digest(signature(token, url, form).encode(), (given or "").encode())
