"""How a run ended, and whether that leaves enough of it to judge.

``ended`` in the manifest is None while the run goes on, and stays so if the process is killed. A run that stopped short
of what was planned cannot pass: the part that is missing may be the part that would have failed. It can still fail.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from loadworthy.analysis.planned import planned_duration_s
from loadworthy.analysis.verdict import Verdict

ROWS_USED_UP = "rows_used_up"
"""The event that says that a scenario ended because each row of its test data was handed out."""
_UNSIGNED = ("asked to stop", "told twice to stop")
"""How a run's ``ended_reason`` begins where a signal ended it: that says nothing more than ``interrupted``."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run, or one scenario of it, ended.

    ``verdict`` is the best it can still get because of that, ``reason`` the sentence that says so (None: no objection).
    """

    verdict: Verdict = Verdict.PASS
    reason: str | None = None


def run_duration_s(manifest: Mapping[str, Any], last_ms: int | None) -> float | None:
    """From the start to the recorded end, or to the last interval where no end is recorded; None if unknown."""
    started = _parse(manifest.get("started_at"))
    ended = _parse(manifest.get("ended_at"))
    if started is None:
        return None
    if ended is not None:
        return round(max((ended - started).total_seconds(), 0.0), 3)
    return None if last_ms is None else round(max(last_ms / 1000 - started.timestamp(), 0.0), 3)


def judge_ending(manifest: Mapping[str, Any], duration_s: float | None) -> Ending:
    """What the end of the run allows it to be."""
    ended, planned_s = manifest.get("ended"), planned_duration_s(manifest)
    after = _after(duration_s, planned_s)
    if ended == "completed":
        return Ending()
    if ended == "interrupted":
        if planned_s is None or (duration_s is not None and duration_s >= planned_s):
            return Ending()
        by = str(manifest.get("ended_reason") or "")
        said = "" if not by or by.startswith(_UNSIGNED) else f" ({by})"
        return Ending(
            Verdict.UNDECIDED, f"The run was interrupted{said}: it ended {after}. Run it to its end for a verdict."
        )
    if ended == "aborted":
        why = str(manifest.get("ended_reason") or "a threshold was missed").rstrip(".")
        return Ending(Verdict.FAIL, f"The run ended itself {after}: {why}.")
    if ended == "error":
        cause = str(manifest.get("ended_reason") or "no cause was recorded").rstrip(".")
        return Ending(Verdict.INVALID, f"The run broke off by an error of the generator {after}: {cause}.")
    return Ending(
        Verdict.UNDECIDED,
        f"The run has no end on record (killed, or still going on): it ended {after}. Run it to its end for a verdict.",
    )


def judge_scenario_ending(
    name: str, manifest: Mapping[str, Any], events: Sequence[Mapping[str, Any]], duration_s: float, iterations: int = 0
) -> Ending:
    """What the end of one scenario allows it to be: one cut short cannot pass, one that was done before the cut may."""
    mine = [event for event in events if event.get("scenario") == name]
    started: Mapping[str, Any] = next((event for event in mine if event.get("type") == "scenario_started"), {})
    planned_s, planned_iterations = started.get("planned_duration_s"), started.get("iterations")
    reason = next((e.get("reason") for e in mine if e.get("type") == "scenario_ended"), None)
    after = _after(duration_s, planned_s)
    if reason == "aborted":
        return Ending(Verdict.UNDECIDED, f"it was ended early, {after}, for a threshold that was missed")
    if reason == "workers_lost":
        return Ending(Verdict.UNDECIDED, f"it lost all its workers and ended {after}")
    used_up = next((e for e in mine if e.get("type") == ROWS_USED_UP), None)
    if used_up is not None and reason == "iterations" and planned_s is not None and duration_s < planned_s - 0.5:
        # It did all that was asked, as with ``iterations``; whoever reads the run should know why it was short.
        return Ending(Verdict.PASS, f"it ended {after}: {used_up.get('message') or 'its test data was used up'}")
    if reason == "users_stopped" and planned_s is not None and duration_s < planned_s - 0.5:
        return Ending(Verdict.UNDECIDED, f"all its users had stopped by themselves {after}")
    if reason == "interrupted" and planned_s is None and planned_iterations is not None:
        if iterations >= planned_iterations:
            return Ending()
        return Ending(Verdict.UNDECIDED, f"it was interrupted after {iterations} of {planned_iterations} iterations")
    if reason == "interrupted":
        # Half a second of grace: the measured time starts with the first interval, not with the scenario.
        if planned_s is None or duration_s >= planned_s - 0.5:
            return Ending()
        return Ending(Verdict.UNDECIDED, f"it was interrupted and ended {after}")
    if reason is None and manifest.get("ended") in (None, "error"):
        return Ending(Verdict.UNDECIDED, f"it has no end on record and stops {after}")
    return Ending()


def _after(duration_s: float | None, planned_s: float | None) -> str:
    measured = "after an unknown time" if duration_s is None else f"after {seconds(duration_s)}"
    return measured if planned_s is None else f"{measured} of the planned {seconds(planned_s)}"


def seconds(duration_s: float) -> str:
    """A duration in words: ``1.5 s``, ``60 s``, ``2 min 5 s``, ``1 h 30 min``."""
    if duration_s < 99.95:
        return f"{math.floor(duration_s * 10 + 0.5) / 10:g} s"
    minutes, rest_s = divmod(math.floor(duration_s + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "min"), (rest_s if not hours else 0, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count)


def _parse(text: object) -> datetime | None:
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
