"""What the plan's ``reporting`` section says: which reports a run leaves in its directory.

The section may hold anything, for it is also a place for what other tools want to know; one key is ours, ``formats``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

DEFAULT_FORMATS = ("html", "json", "junit", "csv", "plots")
FORMATS = (*DEFAULT_FORMATS, "markdown", "locust-csv", "hdr", "prometheus", "parquet", "otlp")
"""``summary.json`` is written in any case."""
_KEY = "formats"


def formats_of(reporting: object) -> tuple[str, ...]:
    """The formats that are wanted, each once; those that a run leaves by default where nothing sensible is said."""
    wanted = _wanted(reporting)
    return DEFAULT_FORMATS if wanted is None else tuple(dict.fromkeys(one for one in wanted if one in FORMATS))


def idle_keys(reporting: Mapping[str, Any]) -> list[str]:
    """What in the section has no effect: ``results_dir``, ``formats: pdf``."""
    wanted = _wanted(reporting)
    unknown = [] if wanted is None else [f"{_KEY}: {one}" for one in wanted if one not in FORMATS]
    return [*(key for key in reporting if key != _KEY or wanted is None), *unknown]


def _wanted(reporting: object) -> Sequence[str] | None:
    wanted = reporting.get(_KEY) if isinstance(reporting, Mapping) else None
    if not isinstance(wanted, list | tuple) or not all(isinstance(one, str) for one in wanted):
        return None
    return wanted
