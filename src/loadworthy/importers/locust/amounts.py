"""What options say in numbers: users, rates and times, which may come from the environment."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from loadworthy.importers.locust.options import Asked
from loadworthy.importers.locust.shell_variables import with_default
from loadworthy.plan.values import MAX_DURATION_US
from loadworthy.units import format_duration, parse_duration_us

_RATE = r"\d{1,9}(\.\d{1,9})?"


@dataclass(frozen=True, slots=True)
class Amounts:
    """Reads them; what is none is told of, and the default goes in its place.

    Args:
        note: takes the place of an option, and what is to be said of it.
    """

    _note: Callable[[str, str], None]

    def _of_environment(self, asked: Asked, key: str, name: str, value: str) -> str:
        self._note(asked.where, f"--{key} is a variable of the shell; where it is not set, the plan has {value}")
        return f"${{{name}:-{value}}}"

    def whole(self, asked: Asked, key: str, default: int) -> int | str:
        """A number of users."""
        text = asked.value(key)
        variable = with_default(text or "", str(default))
        if variable is not None and re.fullmatch(r"[1-9]\d{0,8}", variable[1]):
            return self._of_environment(asked, key, *variable)
        if text is not None and not (text.isascii() and text.isdigit() and 0 < int(text) < 10**9):
            self._note(asked.where, f"--{key} {text} is no number of users; the plan has {default}")
            return default
        return default if text is None else int(text)

    def rate(self, asked: Asked, key: str, default: float) -> float | str:
        """Users per second."""
        text = asked.value(key)
        if text is None:
            return default
        variable = with_default(text, f"{default:g}")
        if variable is not None and re.fullmatch(_RATE, variable[1]) and float(variable[1]):
            return self._of_environment(asked, key, *variable)
        if not re.fullmatch(_RATE, text) or not float(text):
            self._note(asked.where, f"--{key} {text} is no rate; the plan has {default:g}")
            return default
        return int(text) if text.isdigit() else float(text)

    def duration(self, asked: Asked, key: str, default: str) -> str:
        """A time, as plans write it."""
        text = asked.value(key)
        variable = with_default(text or "", default)
        try:
            duration_us = parse_duration_us(variable[1] if variable else text or default)
        except ValueError:
            duration_us = -1
        least_us = 0 if key == "stop-timeout" else 1
        if variable and least_us <= duration_us <= MAX_DURATION_US:
            return self._of_environment(asked, key, variable[0], format_duration(duration_us))
        if least_us <= duration_us <= MAX_DURATION_US:
            return format_duration(duration_us)
        self._note(asked.where, f"--{key} {text} is no duration that a plan can have; the plan has {default}")
        return default
