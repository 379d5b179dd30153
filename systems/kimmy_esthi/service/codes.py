"""Withdrawal codes: who made a booking or signed a form gets one, and can take it back with it, without an account."""

from __future__ import annotations

import hashlib
import secrets


def new_code() -> str:
    """A code of 128 random bits."""
    return secrets.token_hex(16)


def hash_code(code: str) -> str:
    """What is kept of a code. So long a random one needs no salt and no slow hash."""
    return hashlib.sha256(code.encode()).hexdigest()


def fits(code: str | None, hashed: str) -> bool:
    """Whether this is the code, in a time that tells nothing."""
    return code is not None and secrets.compare_digest(hash_code(code), hashed)
