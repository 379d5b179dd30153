"""The settings of the suite, each from the environment or by default.

``LOAD_TEST_BASE_URL=http://localhost:8001 locust -f …``; for the target, ``--host`` goes before it.
"""

from __future__ import annotations

import os
from pathlib import Path

_TRUE, _FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")


def _text(name: str, default: str) -> str:
    return os.environ.get(name) or default


def _flag(name: str, default: bool) -> bool:
    text = os.environ.get(name, "").strip().lower()
    if text and text not in _TRUE + _FALSE:
        raise SystemExit(f"{name}={text}: write true or false")
    return text in _TRUE if text else default


def _seconds(name: str, default: float) -> float:
    text = _text(name, str(default))
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise SystemExit(f"{name}={text}: write a number of seconds, 0 or more")
    return value


def websocket_url(base_url: str) -> str:
    """The base of the WebSocket URLs below a base URL: ``http`` becomes ``ws``, ``https`` ``wss``."""
    return base_url.rstrip("/").replace("http", "ws", 1)


SUITE = Path(__file__).resolve().parents[1]

BASE_URL = _text("LOAD_TEST_BASE_URL", "https://dev.thanotopolis.com").rstrip("/")
WEBSOCKET_URL = websocket_url(BASE_URL)
TEST_USER_EMAIL = _text("LOAD_TEST_USER_EMAIL", "loadtest@thanotopolis.com")
TEST_USER_PASSWORD = _text("LOAD_TEST_USER_PASSWORD", "LoadTest2025!")

SIMULATE_EXTERNAL_SERVICES = _flag("SIMULATE_EXTERNAL_SERVICES", True)
"""Whether the suite plays the phone carrier: its webhooks, its media streams, the codes that it would send."""
TWILIO_AUTH_TOKEN = _text("TWILIO_AUTH_TOKEN", "thanotopolis-development-token")
"""Signs the webhooks; the service must know the same."""

MIN_WAIT_S = _seconds("LOAD_TEST_MIN_WAIT", 1)
"""The shortest pause of a user between two tasks."""
MAX_WAIT_S = _seconds("LOAD_TEST_MAX_WAIT", 3)
"""The longest."""
STREAM_S = _seconds("LOAD_TEST_STREAM_SECONDS", 2)
"""How long a stream of sound lasts."""
STOP_S = _seconds("LOAD_TEST_STOP_SECONDS", 30)
"""How long tasks under way may take when a test ends, unless ``--stop-timeout`` says so."""

if MIN_WAIT_S > MAX_WAIT_S:
    raise SystemExit(f"LOAD_TEST_MIN_WAIT ({MIN_WAIT_S:g}) must not be above LOAD_TEST_MAX_WAIT ({MAX_WAIT_S:g})")
