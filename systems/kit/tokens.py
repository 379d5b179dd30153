"""Bearer tokens: JSON Web Tokens, signed with a key that lives as long as the service."""

from __future__ import annotations

import os
import secrets
import time
import uuid
from typing import Any

import jwt

_ALGORITHM = "HS256"


class InvalidTokenError(Exception):
    """A token that is forged, expired, revoked or of another kind; the message says which."""


class Tokens:
    """Issues and verifies tokens.

    Args:
        lifetime_s: how long a token of kind ``access`` is good.
        key: signs; from ``SERVICE_JWT_KEY`` or drawn anew unless given.
    """

    def __init__(self, lifetime_s: float = 3600, key: str | None = None) -> None:
        self.lifetime_s = lifetime_s
        self._key = key or os.environ.get("SERVICE_JWT_KEY") or secrets.token_urlsafe(48)
        self._revoked: dict[str, float] = {}

    def issue(self, subject: object, *, kind: str = "access", lifetime_s: float | None = None, **claims: Any) -> str:
        """A signed token for ``subject`` (its id, as text in ``sub``)."""
        now = time.time()
        payload = {
            **claims,
            "sub": str(subject),
            "kind": kind,
            "jti": uuid.uuid4().hex,
            "iat": now,
            "exp": now + (lifetime_s or self.lifetime_s),
        }
        return jwt.encode(payload, self._key, algorithm=_ALGORITHM)

    def verify(self, token: str, *, kind: str = "access") -> dict[str, Any]:
        """The token's claims; InvalidTokenError where it does not hold."""
        try:
            claims: dict[str, Any] = jwt.decode(token, self._key, algorithms=[_ALGORITHM])
        except jwt.ExpiredSignatureError as error:
            raise InvalidTokenError("the token has expired") from error
        except jwt.InvalidTokenError as error:
            raise InvalidTokenError("the token is not valid") from error
        if claims.get("kind") != kind:
            raise InvalidTokenError(f"this is not a token of kind {kind}")
        if claims["jti"] in self._revoked:
            raise InvalidTokenError("the token was revoked")
        return claims

    def revoke(self, claims: dict[str, Any]) -> None:
        """From now on this token is refused (log-out)."""
        now = time.time()
        if len(self._revoked) % 1000 == 999:
            self._revoked = {jti: expires for jti, expires in self._revoked.items() if expires > now}
        self._revoked[claims["jti"]] = claims["exp"]
