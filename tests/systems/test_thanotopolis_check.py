"""The check of the cemetery's results: what it judges, by which limits, and what it says."""

from __future__ import annotations

import math
import runpy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.support.systems import SYSTEMS, run

SCRIPT = SYSTEMS / "thanotopolis" / "load_tests" / "check_results.py"
HEAD = "Type,Name,Request Count,Failure Count,Average Response Time,Max Response Time,95%\n"


def check(folder: Path, lines: Sequence[tuple[Any, ...]], *options: str, history: str = "") -> Any:
    """Run the check over results with these lines."""
    path = folder / "made_stats.csv"
    path.write_text(HEAD + "".join(",".join(map(str, line)) + "\n" for line in lines), encoding="utf-8")
    if history:
        (folder / "made_stats_history.csv").write_text(history, encoding="utf-8")
    return run("python", SCRIPT, path, *options, cwd=folder)


@pytest.mark.parametrize(
    ("total", "broken"),
    [
        ((1000, 20, 2000, 9000, 5000), ""),
        ((1000, 20, 2000.1, 9000, 5000), "mean response time"),
        ((1000, 21, 2000, 9000, 5000), "error rate"),
        ((1000, 20, 2000, 9000, 5001), "95th percentile"),
        ((1000, 999, 9999, 9999, 9999), "mean response time, error rate, 95th percentile"),
    ],
)
def test_each_regression_limit_decides(total: tuple[float, ...], broken: str, tmp_path: Path) -> None:
    """At the limit is good, beyond it is not; each limit has its line with what was observed."""
    done = check(tmp_path, [("", "Aggregated", *total)])
    assert done.code == (1 if broken else 0)
    assert done.out.endswith(f"\nFAIL: {broken}\n" if broken else "\nPASS\n")
    assert f"observed: {total[2]:.1f} ms" in done.out
    assert f"observed: {total[1] / total[0]:.3%}" in done.out


def test_targets_are_shown_and_decide_if_strict(tmp_path: Path) -> None:
    """Means are weighted by requests; an area without requests says nothing."""
    lines = [
        ("POST", "/api/auth/login", 30, 0, 400, 800, 700),
        ("GET", "/api/auth/me", 10, 1, 900, 900, 900),
        ("connect", "/api/ws/notifications", 5, 0, 100, 2500, 2500),
        ("", "Aggregated", 45, 1, 500, 900, 900),
    ]
    done = check(tmp_path, lines)
    assert done.code == 1  # 1 of 45 is more than 2 %
    lines[3] = ("", "Aggregated", 4500, 1, 500, 900, 900)
    assert check(tmp_path, lines).code == 0
    strict = check(tmp_path, lines, "--strict")
    assert strict.code == 1
    shown = {" ".join(line.split()[:3]): line for line in strict.out.splitlines()}
    assert "observed: 525.0 ms" in shown["MISSED authentication mean"]
    assert "observed: 2500.0 ms" in shown["MISSED WebSocket connection,"]
    assert "observed: nothing" in shown["- calendar mean"]


def test_failures_of_a_kind_do_not_drown_in_frames(tmp_path: Path) -> None:
    """Ten thousand good frames beside a message that fails each tenth time: the run fails, by what is judged alone."""
    lines = [
        ("POST", "/api/calendar/events", 100, 0, 20, 90, 40),
        ("connect", "/api/ws/notifications", 100, 0, 30, 80, 60),
        ("message", "/api/ws/conversations/[id]", 100, 10, 100, 900, 300),
        ("push", "/api/ws/notifications", 100, 0, 50, 500, 200),
        ("stream", "/api/ws/voice/[id]", 10_000, 0, 1, 10, 2),
        ("close", "/api/ws/voice/[id] 1000", 100, 0, 0, 0, 0),
        ("", "Aggregated", 10_500, 10, 3, 900, 10),
    ]
    done = check(tmp_path, lines)
    assert done.code == 1
    assert done.out.endswith("\nFAIL: error rate\n")
    assert "400 requests, 10 failed (10,100 frames and ends of connections are left out)" in done.out
    assert "observed: 2.500%" in done.out
    assert "observed: 50.0 ms" in done.out
    assert "observed: 300.0 ms" in done.out  # 95 of 100 messages took no longer, and all but five of the rest
    frames_only = check(tmp_path, lines[4:])
    assert (frames_only.code, len(frames_only.err.splitlines())) == (2, 1)


@given(st.lists(st.lists(st.integers(0, 2000), min_size=1, max_size=60), min_size=1, max_size=4), st.data())
def test_the_joint_percentile_is_never_too_low(series: list[list[int]], data: st.DataObject) -> None:
    """Against all times in one list; of a single series, at a percentile that is known, it is exact."""
    module = runpy.run_path(str(SCRIPT))
    shares = (0.5, 0.9, 0.95, 0.99)
    rows = [
        module["Row"]("GET", "/", len(times), 0, 0, max(times), _percentile(times, 0.95),
                      tuple((share, _percentile(times, share)) for share in shares))
        for times in series
    ]  # fmt: skip
    share = data.draw(st.sampled_from(shares))
    found = module["joint_percentile_ms"](rows, share)
    true = _percentile([one for times in series for one in times], share)
    assert true <= found <= max(max(times) for times in series)
    if len(series) == 1:
        assert found == true


def _percentile(times: list[int], share: float) -> int:
    """The smallest time that so much of them does not exceed."""
    return sorted(times)[max(math.ceil(share * len(times) - 1e-9), 1) - 1]


def test_searches_count_to_the_contacts_mean(tmp_path: Path) -> None:
    """As in the plan, whose ``* /api/crm/*`` has them in it; the mean of searches has a target of its own besides."""
    lines = [
        ("GET", "/api/crm/contacts", 30, 0, 100, 800, 700),
        ("GET", "/api/crm/contacts/search", 10, 0, 1400, 1400, 1400),
        ("", "Aggregated", 40, 0, 425, 1400, 1400),
    ]
    shown = {" ".join(line.split()[:3]): line for line in check(tmp_path, lines).out.splitlines()}
    assert "observed: 425.0 ms" in shown["met CRM mean"]
    assert "observed: 1400.0 ms" in shown["met search mean"]
    plan = yaml.safe_load(SCRIPT.with_name("plan.yaml").read_text(encoding="utf-8"))["scenarios"]
    assert "* /api/crm/* mean < 1000ms" in plan["crm"]["thresholds"]


def test_what_cannot_be_judged_is_said_in_one_line(tmp_path: Path) -> None:
    """No file, another file, no requests, no numbers: exit code 2."""
    missing = run("python", SCRIPT, "none_stats.csv", cwd=tmp_path)
    (tmp_path / "other.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    other = run("python", SCRIPT, "other.csv", cwd=tmp_path)
    empty = check(tmp_path, [("", "Aggregated", 0, 0, 0, 0, "N/A")])
    words_in_it = check(tmp_path, [("", "Aggregated", "many", 0, 0, 0, 0)])
    for done in (missing, other, empty, words_in_it):
        assert (done.code, len(done.err.splitlines())) == (2, 1), done.err
        assert done.err.startswith("check_results.py: ")


@pytest.mark.parametrize("busy", [0, 37, 119])
def test_requests_of_a_user_are_those_of_the_busiest_minute(busy: int) -> None:
    """Against a naive count over all windows of 60 s, for a run of three minutes with one busy minute."""
    made = [(second, 10, 7 if busy <= second < busy + 60 else 3) for second in range(180)]
    history, total = [(0, 10, 0)], 0
    for second, users, requested in made:
        total += requested
        history.append((second + 1, users, total))
    module = runpy.run_path(str(SCRIPT))
    naive = max(sum(one[2] for one in made[start : start + 60]) for start in range(121)) / 10
    assert module["requests_per_user_minute"](history) == pytest.approx(naive)
    assert module["requests_per_user_minute"](history[:1]) is None
    assert module["requests_per_user_minute"](history[:31]) == pytest.approx(sum(one[2] for one in made[:30]) / 5)


def test_too_fast_users_miss_the_target(tmp_path: Path) -> None:
    """From the history beside the results."""
    history = "Timestamp,User Count,Name,Total Request Count\n" + "".join(
        f"{second},1,Aggregated,{3 * second}\n" for second in range(90)
    )
    done = check(tmp_path, [("", "Aggregated", 270, 0, 1, 1, 1)], "--strict", history=history)
    assert done.code == 1
    assert "observed: 180.0/min" in done.out
    assert done.out.endswith("FAIL: requests of a user\n")


def test_the_pace_of_the_shared_account_is_shown_too(tmp_path: Path) -> None:
    """Ten users with a request every two seconds: 30 a minute each, 300 the account; no target is set for that."""
    history = "Timestamp,User Count,Name,Total Request Count\n" + "".join(
        f"{second},10,Aggregated,{5 * second}\n" for second in range(90)
    )
    done = check(tmp_path, [("", "Aggregated", 445, 0, 1, 1, 1)], "--strict", history=history)
    assert done.code == 0
    (user,) = [line for line in done.out.splitlines() if "requests of a user" in line]
    (account,) = [line for line in done.out.splitlines() if "requests of the shared account" in line]
    assert user.endswith("observed: 30.0/min")
    assert account.endswith("(no target)      observed: 300.0/min")
