"""Comparing with golden files. ``UPDATE_GOLDEN=1`` writes them anew; look at the difference before you commit it."""

from __future__ import annotations

import os
from pathlib import Path

GOLDEN = Path(__file__).resolve().parents[1] / "report" / "golden"


def assert_golden(name: str, text: str) -> None:
    """Fail unless the text is the golden file's, byte by byte."""
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    assert text == path.read_text(encoding="utf-8"), f"{name} differs; UPDATE_GOLDEN=1 writes it anew"
