"""Settings from the environment, refused with a sentence where they make no sense."""

from __future__ import annotations

import math
import os


class SettingError(Exception):
    """A setting with which a service cannot start; the message says which, and how to write it."""


def whole_number(name: str, default: int) -> int:
    """A whole number, 0 or more; SettingError for anything else."""
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdecimal()):
        raise SettingError(f"{name}={text}: write a whole number, such as {default}")
    return int(text)


def seconds(name: str, default: float) -> float:
    """A time in seconds above 0; SettingError for anything else."""
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise SettingError(f"{name}={text}: write a number of seconds above 0, such as {default:g}")
    return value
