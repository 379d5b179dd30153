"""Which hosts belong to the service that a source is about."""

from __future__ import annotations

import pytest

from loadworthy.importers.origins import belongs, main_origin
from loadworthy.importers.requests import RecordedRequest


@pytest.mark.parametrize(
    ("host", "own", "is_own"),
    [
        ("api.shop.example", "shop.example", True),
        ("shop.example:8443", "shop.example", True),
        ("127.0.0.1:8001", "localhost:8000", True),
        ("[::1]:8001", "localhost:8000", True),
        ("stats.shop.example", "shop.example", False),
        ("pay.example", "shop.example", False),
        ("a.co.uk", "b.co.uk", False),
        ("10.0.0.2", "10.0.0.1", False),
        ("\ue0000\ue001", "shop.example", True),
        ("\ue0000\ue001.shop.example", "www.shop.example", True),
        ("\ue0000\ue001.pay.example", "shop.example", False),
        ("pay.example", "\ue0000\ue001", False),
    ],
)
def test_whose_a_host_is(host: str, own: str, is_own: bool) -> None:
    """The same owner's, but for helpers; what only the environment says is the user's to choose."""
    assert belongs(f"http://{host}/x", f"http://{own}") is is_own


def test_the_service_is_where_most_go_or_what_the_user_names() -> None:
    """The first of several that are as frequent."""
    requests = [RecordedRequest("GET", f"https://{host}.example/x") for host in "abba"]
    assert main_origin(requests) == "https://a.example"
    assert main_origin(requests, "http://b.example:81/v1") == "https://b.example"
    assert main_origin(requests, "http://localhost") == "https://a.example"
    assert main_origin([]) == ""
