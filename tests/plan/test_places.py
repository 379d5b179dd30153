"""Which keys speak of a secret."""

from __future__ import annotations

import pytest

from loadworthy.plan.places import looks_secret


@pytest.mark.parametrize(
    ("key", "is_secret"),
    [
        ("password", True), ("X-Api-Key", True), ("csrf_token", True), ("clientSecret", True),
        ("pass", True), ("user_pass", True), ("pwd", True), ("dbPwd", True), ("PW", True), ("otp", True), ("jwt", True),
        ("bypass", False), ("passes", False), ("pass_rate", False), ("compass", False), ("tokens_left", False),
        ("email", False), ("", False),
    ],
)  # fmt: skip
def test_what_a_key_speaks_of(key: str, is_secret: bool) -> None:
    """Short words only where they stand by themselves, at the end."""
    assert looks_secret(key) is is_secret
