"""Password hashes: Argon2id with the least memory that OWASP's password storage cheat sheet names (7 MiB, 5 passes)."""

from __future__ import annotations

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

_HASHER = PasswordHasher(time_cost=5, memory_cost=7 * 1024, parallelism=1)


def hash_password(password: str) -> str:
    """A new salted hash; takes about 10 ms of CPU, by design."""
    return _HASHER.hash(password)


def verify_password(password: str, hashed: str | None) -> bool:
    """Whether the password fits. None (no such user) takes as long as a wrong password, so time tells nothing."""
    try:
        _HASHER.verify(hashed or _somebodys_hash(), password)
    except (Argon2Error, InvalidHashError):
        return False
    return hashed is not None


@cache
def _somebodys_hash() -> str:
    return _HASHER.hash("a password that nobody has")
