"""Passwords and tokens of the booking service."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from loadworthy.clock import Clock
from loadworthy.units import US_PER_S

TOKEN_LIFE_S = 3600
_MAX_TOKENS = 10_000
_SCRYPT_N, _SCRYPT_R, _SCRYPT_P = 2**12, 8, 1  # some 10 ms: a demo must not spend its seconds in logins
_UNKNOWN = "00$00"


def hash_password(password: str) -> str:
    """``salt$key``, both hexadecimal, by scrypt."""
    salt = secrets.token_bytes(16)
    return f"{salt.hex()}${_derive(password, salt).hex()}"


def verify_password(password: str, hashed: str | None) -> bool:
    """Whether it is the password; None, for an unknown account, takes as long as a wrong one."""
    salt, _, key = (hashed or _UNKNOWN).partition("$")
    return hmac.compare_digest(_derive(password, bytes.fromhex(salt)).hex(), key)


def _derive(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=_SCRYPT_N, r=_SCRYPT_R, p=_SCRYPT_P, dklen=32)


class Tokens:
    """Who is logged in. The oldest are forgotten first when there are too many."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._roles: dict[str, tuple[str, int]] = {}

    def issue(self, role: str) -> str:
        """A new token for somebody of this role."""
        while len(self._roles) >= _MAX_TOKENS:
            del self._roles[next(iter(self._roles))]
        token = secrets.token_urlsafe(24)
        self._roles[token] = (role, self._clock.monotonic_us() + TOKEN_LIFE_S * US_PER_S)
        return token

    def role(self, token: str) -> str | None:
        """The role behind a token, or None if it is unknown or too old."""
        role, expires_us = self._roles.get(token, ("", 0))
        if not role:
            return None
        if self._clock.monotonic_us() >= expires_us:
            del self._roles[token]
            return None
        return role
