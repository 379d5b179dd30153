"""A password in a base URL is asked of the environment."""

from __future__ import annotations

import pytest

from loadworthy.importers.base_url import without_password
from loadworthy.importers.imported import Variables


@pytest.mark.parametrize(
    ("url", "plan"),
    [
        ("https://a.example/x@y:z", "https://a.example/x@y:z"),
        ("https://bob@a.example", "https://bob@a.example"),
        ("https://bob:pw@a.example/v1", "https://bob:${BASE_URL_PASSWORD}@a.example/v1"),
        ("http://bob:p@w:d@localhost:8000", "http://bob:${BASE_URL_PASSWORD}@localhost:8000"),
        ("http://bob:${PW}@a.example", "http://bob:${PW}@a.example"),
    ],
)
def test_passwords(url: str, plan: str) -> None:
    """Whatever characters it has; what is a variable already stays."""
    assert without_password(url, Variables()) == plan
