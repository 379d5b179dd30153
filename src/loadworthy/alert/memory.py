"""What was told of a plan, and how its last run ended: ``alerts.json`` in the folder that holds the runs.

::

    {"schema": 1,
     "plans": {"shop [load] at http://shop.test": {"passed": false, "heard": true, "told": {"fail": 1795183509000}}}}

It is what keeps a run every five minutes from sending a message every five minutes. It may be deleted at any time:
then the next run that fails is news once more. Times are ms since the epoch.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadworthy.alert.policy import BREACH
from loadworthy.plan.alerting import Matter
from loadworthy.record.rundir import replace_file
from loadworthy.units import UNKNOWN

ALERTS = "alerts.json"
SCHEMA = 1
OF_THE_VERDICT: frozenset[Matter] = frozenset({"aborted", "invalid", "fail", "drift", "undecided"})
_MOST_PLANS = 100
_MOST_TOLD = 200


@dataclass(frozen=True, slots=True)
class Remembered:
    """Of one plan.

    Args:
        passed: whether its last run passed; None where none is known.
        heard: whether somebody was told, since the last run that passed, that it is bad.
        told_ms: what was told → when it was last told.
    """

    passed: bool | None = None
    told_ms: Mapping[str, int] = field(default_factory=dict)
    heard: bool = False

    def after(self, passed: bool | None, told_ms: Mapping[str, int]) -> Remembered:
        """What is to be remembered after one more run.

        Args:
            passed: whether it did; None where it says nothing of that.
            told_ms: what it told → when.
        """
        latest = {what: max(at, self.told_ms.get(what, at)) for what, at in told_ms.items()}
        heard = not passed and (self.heard or any(_is_bad(what) for what in told_ms))
        return Remembered(self.passed if passed is None else passed, {**self.told_ms, **latest}, heard)


def _is_bad(what: str) -> bool:
    """Not what is worse than the baseline: a run may pass and be that, time and again."""
    return what in OF_THE_VERDICT or what.startswith(BREACH)


def plan_key(plan: str, scenarios: tuple[str, ...], target: str | None) -> str:
    """By what runs of the same plan are recognised: its name, what ran of it, and against what."""
    return f"{plan} [{', '.join(scenarios)}] at {target or UNKNOWN}"


def recall(folder: Path, key: str) -> Remembered:
    """What is known of a plan; nothing where there is no such file, or a damaged one."""
    one = _plans(folder).get(key)
    if not isinstance(one, dict):
        return Remembered()
    told, passed = one.get("told"), one.get("passed")
    times = told if isinstance(told, dict) else {}
    return Remembered(
        passed if isinstance(passed, bool) else None,
        {str(what): at for what, at in times.items() if isinstance(at, int) and not isinstance(at, bool)},
        one.get("heard") is True,
    )


def remember(folder: Path, key: str, passed: bool | None, told_ms: Mapping[str, int]) -> None:
    """Add a run to what is known of its plan by now: others may have ended since it began.

    ``passed`` and ``told_ms`` as in :meth:`Remembered.after`. OSError where the file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _alone_in(folder):
        remembered = recall(folder, key).after(passed, told_ms)
        plans = {name: one for name, one in _plans(folder).items() if name != key}
        newest = sorted(remembered.told_ms.items(), key=lambda pair: pair[1])[-_MOST_TOLD:]
        plans[key] = {"passed": remembered.passed, "heard": remembered.heard, "told": dict(newest)}
        kept = dict(list(plans.items())[-_MOST_PLANS:])  # the one used longest ago is first
        text = json.dumps({"schema": SCHEMA, "plans": kept}, indent=2, ensure_ascii=False)
        replace_file(folder / ALERTS, text + "\n")


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """While no other run writes what it knows. The folder is locked: the file is another one after each write."""
    place = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system without locks: better remembered without one than not at all
            fcntl.flock(place, fcntl.LOCK_EX)
        yield
    finally:
        with suppress(OSError):
            fcntl.flock(place, fcntl.LOCK_UN)  # gevent closes later than it is told to
        os.close(place)


def _plans(folder: Path) -> dict[str, Any]:
    try:
        data = json.loads((folder / ALERTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    plans = data.get("plans") if isinstance(data, dict) and data.get("schema") == SCHEMA else None
    return plans if isinstance(plans, dict) else {}
