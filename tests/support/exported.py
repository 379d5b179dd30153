"""Run directories of every sort that an export must not stumble over."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from loadworthy.record.rundir import INTERVALS, Run
from tests.support.runs import (
    START_MS,
    ended,
    failure,
    interval,
    make_run,
    manifest,
    open_run,
    series,
    started,
    started_open,
)
from tests.support.shop import clean_run, failing_run

HOSTILE = (
    '<img src=x onerror="x()">', "</details></summary><script>x()</script>", "](http://evil.test) ![x](http://evil.test)",
    "a|b\\|c", "`` ` `", "@everyone #1 :tada: GH-1", "=cmd()", '"},,{x="1', "line\nbreak\r\tand\x1b[31m",
    "lone \ud800", "\u202egnp.exe", "$x$ *a* _b_ ~~c~~", "a,b c=d%2C", "&lt;b&gt;", "]]>",
)  # fmt: skip
"""Names and messages that would be more than text in one format or another."""


def hostile_run(path: Path) -> Run:
    """A scenario, series, messages and a target with :data:`HOSTILE` in them; the lone surrogate comes in as JSON."""
    scenario = HOSTILE[0]
    writable = [text.encode("utf-8", "replace").decode("utf-8") for text in HOSTILE]
    parts = [series(text, [1000] * 20, kind=text, failures={"status": 1}) for text in writable]
    run = make_run(
        path / "hostile",
        [interval(second, *parts, scenario=scenario) for second in range(3)],
        events=[
            started(scenario, 3.0),
            *({"at_ms": START_MS, "type": "user_error", "scenario": scenario, "message": text} for text in writable),
            ended(scenario, at_s=3),
        ],
        failures=[failure(text, text, scenario=scenario, kind=text) for text in writable],
        run_json=manifest(
            {scenario: ["p50 < 1s"]}, ended_at_s=3.0, planned_s=3.0, target=writable[1], name=writable[8]
        ),
    )
    file = run.path / INTERVALS
    file.write_bytes(file.read_bytes().replace(b"lone ?", b"lone \\ud800"))
    return Run.open(run.path)


def invalid_run(path: Path) -> Run:
    """A second is missing."""
    intervals = [interval(number, series("/", [1000] * 10)) for number in (0, 2)]
    return make_run(path / "invalid", intervals, run_json=manifest({"load": ["p50 < 1s"]}))


def aborted_run(path: Path) -> Run:
    """A threshold ended it."""
    breach = {
        "at_ms": START_MS + 2000, "type": "threshold_breached", "scenario": "load", "abort": True,
        "expression": "error_rate < 1%, abort", "message": "error_rate was 50.00 %, limit 1.00 %",
    }  # fmt: skip
    return make_run(
        path / "aborted",
        [interval(second, series("/", [1000] * 4, failures={"status": 2})) for second in range(2)],
        events=[started(), breach, ended(reason="aborted", at_s=2)],
        run_json=manifest({"load": ["error_rate < 1%, abort"]}, ended="aborted", ended_at_s=2.0),
    )


def killed_run(path: Path) -> Run:
    """No end is on record, and the last line is torn."""
    intervals = [interval(second, series("/", [1000] * 50)) for second in range(5)]
    run = make_run(path / "killed", intervals, events=[started()], run_json=manifest(ended=None))
    file = run.path / INTERVALS
    file.write_bytes(file.read_bytes()[:-20])
    return Run.open(run.path)


def silent_run(path: Path) -> Run:
    """Users were there and nothing was asked; the second scenario never began."""
    intervals = [interval(second) for second in range(3)]
    return make_run(path / "silent", intervals, run_json=manifest({"load": ["p95 < 1s"], "later": []}, ended_at_s=3.0))


def unborn_run(path: Path) -> Run:
    """It broke before the first second was over."""
    return make_run(path / "unborn", run_json=manifest({"load": ["p95 < 1s"]}, ended="error", ended_at_s=0.2))


def searched_run(path: Path) -> Run:
    """Two trials of a search for the capacity, the second too much, and what was found."""
    intervals = [
        replace(
            interval(second, series("/", [9_000 if second < 3 else 900_000] * 60), scheduled=60, sent=60),
            segment=second // 3,
        )
        for second in range(6)
    ]
    trials = [
        {
            "at_ms": START_MS + 3000 * (place + 1), "type": "trial", "scenario": "load", "number": place,
            "trial": place + 1, "purpose": "grow", "rate": rate, "duration_s": 3.0, "took_s": 3.0, "sending_s": 3.0,
            "is_bad": place == 1, "by_generator": None, "low": 60.0, "high": 90.0,
        }
        for place, rate in enumerate((60.0, 90.0))
    ]  # fmt: skip
    found = {
        "at_ms": START_MS + 6000, "type": "capacity", "scenario": "load", "rate": 60.0, "low": 58.0, "high": 90.0,
        "ended": "found",
    }  # fmt: skip
    run_json = manifest({"load": ()}, ended_at_s=6.0, planned_s=None)
    run_json["plan"]["scenarios"]["load"] = {"kind": "capacity", "thresholds": ["p95 < 500ms"]}
    events = [started_open(planned_s=None) | {"search": True}, *trials, found, ended(at_s=6)]
    return make_run(path / "searched", intervals, events=events, run_json=run_json)


def endurance_run(path: Path) -> Run:
    """Three minutes in which a process grew."""
    intervals = [interval(second, series("/", [2_000] * 100)) for second in range(180)]
    readings = [
        {"at_ms": START_MS + 1000 * second, "source": "process 7", "values": {"memory_bytes": 1e8 + 1e6 * second}}
        for second in range(180)
    ]
    run_json = manifest({"load": ["p95 < 500ms"]}, ended_at_s=180.0, planned_s=180.0)
    run_json["plan"]["scenarios"]["load"]["kind"] = "endurance"
    return make_run(
        path / "endurance", intervals, resources=readings, run_json=run_json,
        events=[started(planned_s=180.0), ended(at_s=180)],
    )  # fmt: skip


EVERY_RUN = {
    "passed": clean_run, "failed": failing_run, "open": open_run, "invalid": invalid_run, "aborted": aborted_run,
    "killed": killed_run, "silent": silent_run, "unborn": unborn_run, "searched": searched_run,
    "endurance": endurance_run, "hostile": hostile_run,
}  # fmt: skip
"""What sort of run → what makes one in a folder."""
