"""The settings of the suite. Change them here, or for one run by the environment: ``TEST_`` and the name.

``TEST_HOST=http://staging:5000 TEST_MAX_WAIT_TIME=500 locust -f …``; for the host, ``--host`` comes before both.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

HOST = "http://localhost:5000"  # the API
MIN_WAIT_TIME = 1000  # the shortest pause of a user between two requests, ms
MAX_WAIT_TIME = 3000  # the longest, ms
USERS_COUNT = 1000  # how many accounts of data/test_users.json the login test uses
STOP_TIME = 30  # how long requests under way may take when a test ends, s

REGISTRATION_ENDPOINT = "/client_registeration"
LOGIN_ENDPOINT = "/client_login"
CLIENTS_ENDPOINT = "/clients"  # where an administrator removes accounts; for cleaning up

TEST_USERS_FILE = Path(__file__).resolve().parents[1] / "data" / "test_users.json"

ADMIN_EMAIL = "admin@example.com"
ADMIN_PASSWORD = "let-me-administer"  # the default of the service on loopback; elsewhere: TEST_ADMIN_PASSWORD


def _text(name: str, default: str) -> str:
    return os.environ.get(f"TEST_{name}") or default


def _whole(name: str, default: int) -> int:
    text = _text(name, str(default))
    if not text.isascii() or not text.isdigit():
        raise SystemExit(f"TEST_{name}={text}: write a whole number")
    return int(text)


def _url(name: str, default: str) -> str:
    text = _text(name, default)
    try:
        parts = urlsplit(text)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets or a port that make no sense
        is_url = False
    if not is_url:
        raise SystemExit(f"TEST_{name}={text}: write a URL, such as http://localhost:5000")
    return text


HOST = _url("HOST", HOST)
MIN_WAIT_TIME = _whole("MIN_WAIT_TIME", MIN_WAIT_TIME)
MAX_WAIT_TIME = _whole("MAX_WAIT_TIME", MAX_WAIT_TIME)
USERS_COUNT = _whole("USERS_COUNT", USERS_COUNT)
STOP_TIME = _whole("STOP_TIME", STOP_TIME)
REGISTRATION_ENDPOINT = _text("REGISTRATION_ENDPOINT", REGISTRATION_ENDPOINT)
LOGIN_ENDPOINT = _text("LOGIN_ENDPOINT", LOGIN_ENDPOINT)
CLIENTS_ENDPOINT = _text("CLIENTS_ENDPOINT", CLIENTS_ENDPOINT)
TEST_USERS_FILE = Path(_text("USERS_FILE", str(TEST_USERS_FILE)))
ADMIN_EMAIL = _text("ADMIN_EMAIL", ADMIN_EMAIL)
ADMIN_PASSWORD = _text("ADMIN_PASSWORD", ADMIN_PASSWORD)

if MIN_WAIT_TIME > MAX_WAIT_TIME:
    raise SystemExit(f"MIN_WAIT_TIME ({MIN_WAIT_TIME}) must not be above MAX_WAIT_TIME ({MAX_WAIT_TIME})")
