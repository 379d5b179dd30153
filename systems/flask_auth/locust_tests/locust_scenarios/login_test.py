"""The login test, under the path that the commands name; it stands in ``scenarios/``."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scenarios.login_test import LoginUser

__all__ = ["LoginUser"]
