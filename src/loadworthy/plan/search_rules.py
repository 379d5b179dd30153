"""The rules of scenarios that look for their own load: ``kind: capacity``, and ``kind: stress`` that says no load."""

from __future__ import annotations

from typing import Any

from loadworthy.plan.document import DataPath, Document
from loadworthy.plan.model import LOAD_KEYS, searches
from loadworthy.plan.search_objectives import is_judged_beside, objective_of
from loadworthy.plan.thresholds import parse_threshold, threshold_from_mapping
from loadworthy.plan.translate import shown_at

SEARCH_KEYS = ("start_rate", "max_rate", "max_duration", "precision")
STRESS_KEYS = ("overload", "overload_time", "base_load", "recovery_time")
_NO_LOAD = (*LOAD_KEYS, "spawn_rate", "run_time")


def check_search(scenario: dict[str, Any], path: DataPath, document: Document) -> None:
    """Add a problem for each broken rule of one scenario."""
    if not searches(scenario):
        _check_no_settings(scenario, path, document)
        return
    for key in _NO_LOAD:
        if scenario.get(key) is not None:
            value = shown_at((*path, key), document)
            hint = "a search finds its own rates; max_rate and max_duration limit it"
            document.add((*path, key), f"{key} {value} has no place in a search for the capacity", hint, at_key=True)
    if scenario.get("with"):
        hint = "run it alone: what others do at the same time would count as this scenario's limit"
        document.add((*path, "with"), "a search for the capacity runs alone", hint, at_key=True)
    if scenario.get("kind") == "capacity":
        for key in STRESS_KEYS:
            if scenario.get(key) is not None:
                hint = "make it kind: stress, or leave it out"
                document.add((*path, key), f"{key} is for what comes after the search of a stress", hint, at_key=True)
    _check_objectives(scenario.get("thresholds"), path, document)


def _check_no_settings(scenario: dict[str, Any], path: DataPath, document: Document) -> None:
    for key in (*SEARCH_KEYS, *STRESS_KEYS):
        if scenario.get(key) is not None:
            hint = "make it kind: capacity, or kind: stress without users, rate, stages and iterations, or leave it out"
            document.add((*path, key), f"{key} belongs to a search for the capacity", hint, at_key=True)


def _check_objectives(thresholds: Any, path: DataPath, document: Document) -> None:
    found = False
    for place, text in _expressions(thresholds):
        try:
            threshold = parse_threshold(text)
        except ValueError:
            return  # told of where the models are
        found = found or objective_of(threshold) is not None
        if threshold.is_conditional:
            hint = "a trial is judged as a whole; leave out for, warmup and abort"
            document.add((*path, "thresholds", *place), f"{text} asks for a part of a trial", hint)
        elif threshold.abort:
            hint = "a search goes beyond what holds, and ends by itself; leave abort out"
            document.add((*path, "thresholds", *place), f"{text} would end a search at the first miss", hint)
        if objective_of(threshold) is None and not is_judged_beside(threshold):
            hint = "write percentiles or max, such as p95 < 500ms, an error_rate or dropped_rate, or capacity >= 300/s"
            document.add((*path, "thresholds", *place), f"{text} is nothing that a search can look for", hint)
    if not found and not (isinstance(thresholds, str | list | dict) and document.problems):
        hint = "say what must hold, such as thresholds: [p95 < 500ms, error_rate < 1%]"
        document.add(path, "a search for the capacity needs to know what the service must keep", hint, at_key=True)


def _expressions(thresholds: Any) -> list[tuple[DataPath, str]]:
    """(place below ``thresholds``, expression) of each; what is no threshold is passed over."""
    if isinstance(thresholds, str):
        return [((), thresholds)]
    if isinstance(thresholds, dict):
        entries: list[tuple[DataPath, Any]] = [((key,), {key: limit}) for key, limit in thresholds.items()]
    else:
        entries = [((number,), one) for number, one in enumerate(thresholds if isinstance(thresholds, list) else [])]
    found = []
    for place, entry in entries:
        text = _expression(entry)
        if text is not None:
            found.append((place, text))
    return found


def _expression(entry: Any) -> str | None:
    if isinstance(entry, dict) and len(entry) == 1:
        ((key, limit),) = entry.items()
        try:
            return threshold_from_mapping(str(key), limit)
        except ValueError:
            return None
    return entry if isinstance(entry, str) else None
