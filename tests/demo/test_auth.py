"""Passwords and tokens."""

from loadworthy.demo.auth import TOKEN_LIFE_S, Tokens, hash_password, verify_password
from loadworthy.testing import FakeClock
from loadworthy.units import US_PER_S


def test_a_password_is_kept_as_a_salted_hash() -> None:
    """Two hashes of one password differ, both verify, and another password does not."""
    first, second = hash_password("open sesame"), hash_password("open sesame")
    assert first != second
    assert "sesame" not in first
    assert verify_password("open sesame", first)
    assert verify_password("open sesame", second)
    assert not verify_password("open sesamE", first)
    assert not verify_password("open sesame", None)


def test_a_token_lasts_an_hour() -> None:
    """To the microsecond, by the service's own clock."""
    clock = FakeClock()
    tokens = Tokens(clock)
    token = tokens.issue("admin")
    clock.advance(TOKEN_LIFE_S * US_PER_S - 1)
    assert tokens.role(token) == "admin"
    clock.advance(1)
    assert tokens.role(token) is None
    assert tokens.role("made-up") is None


def test_tokens_do_not_eat_the_memory() -> None:
    """Beyond ten thousand the oldest goes."""
    tokens = Tokens(FakeClock())
    issued = [tokens.issue("patient") for _ in range(10_001)]
    assert tokens.role(issued[0]) is None
    assert tokens.role(issued[1]) == tokens.role(issued[-1]) == "patient"
