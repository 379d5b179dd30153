"""A miss is told once, when it has lasted; its end, only where it was told; and not again before the cool-down."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from loadworthy.alert.policy import Due, Policy, key_of
from loadworthy.plan.alerting import DEFAULT_MATTERS, Matter

P95 = "p95 < 5ms"
AFTER, COOL_DOWN = 30, 600


def policy(on: tuple[Matter, ...] = DEFAULT_MATTERS, told: dict[str, int] | None = None) -> Policy:
    """Of small numbers."""
    return Policy(on, AFTER, COOL_DOWN, told)


def breach(one: Policy, now: int, scenario: str = "load", *, aborts: bool = False) -> list[Due]:
    """Of the p95."""
    return one.breached(now, scenario, P95, f"missed at {now}", aborts=aborts)


def test_a_miss_that_lasts_is_told_once_and_its_end_too() -> None:
    """Not before it has lasted; then once; and when it holds again, how long it was so."""
    one = policy()
    assert breach(one, 100) == []
    assert one.tick(129) == []
    assert one.tick(130) == [Due("breach", "load", P95, "missed at 100", 30)]
    assert one.tick(1000) == []
    assert one.recovered(1100, "load", P95, "holds") == [Due("recovered", "load", P95, "holds", 1000)]
    assert one.tick(1200) == []


def test_a_miss_that_passes_is_not_told_nor_its_end() -> None:
    """A moment is no matter; each miss counts its own time."""
    one = policy()
    breach(one, 0)
    assert one.recovered(29, "load", P95, "holds") == []
    breach(one, 29)
    assert one.tick(58) == []
    assert len(one.tick(59)) == 1


def test_one_that_ends_the_run_is_told_at_once() -> None:
    """Others that are missed meanwhile keep their time."""
    one = policy()
    one.breached(0, "load", "p99 < 1s", "missed", aborts=False)
    assert [(due.expression, due.aborts) for due in breach(one, 1, aborts=True)] == [(P95, True)]
    assert [due.expression for due in one.tick(40)] == ["p99 < 1s"]


def test_what_was_told_is_not_told_again_before_the_cool_down_is_over() -> None:
    """By this run or an earlier one; a miss that lasts beyond the cool-down is told then; others are told as ever."""
    one = policy(told={key_of("load", P95): -500})
    breach(one, 0)
    breach(one, 0, "other")
    assert [due.scenario for due in one.tick(30)] == ["other"]
    assert one.tick(99) == []
    assert [due.scenario for due in one.tick(100)] == ["load"]
    one.recovered(200, "load", P95, "holds")
    breach(one, 210)
    assert one.tick(300) == []
    assert one.recovered(310, "load", P95, "holds") == []  # nobody heard that it was missed again
    assert breach(one, 690, aborts=True) == []  # not even then
    assert one.tick(719) == []
    assert [due.evidence for due in one.tick(720)] == ["missed at 690"]


def test_a_clock_that_was_set_back_mutes_nothing() -> None:
    """What was told in the future is no reason to wait for it."""
    one = policy(told={key_of("load", P95): 10_000})
    breach(one, 0)
    assert len(one.tick(30)) == 1


def test_a_scenario_that_is_over_has_no_matter_left() -> None:
    """The message on the whole run says it; a last second that is looked at late is not told either."""
    one = policy()
    breach(one, 0)
    one.ended("load")
    breach(one, 5)
    assert one.tick(100) == []


def test_only_what_is_wanted() -> None:
    """Neither a breach nor, without it, its end; or a breach without its end."""
    none = policy(on=("fail", "recovered"))
    breach(none, 0)
    assert none.tick(100) == []
    assert none.recovered(100, "load", P95, "holds") == []
    half = policy(on=("breach",))
    breach(half, 0)
    assert len(half.tick(100)) == 1
    assert half.recovered(200, "load", P95, "holds") == []


@given(st.lists(st.tuples(st.sampled_from(["breach", "recover", "tick"]), st.integers(0, 200)), max_size=60))
def test_whatever_happens(steps: list[tuple[str, int]]) -> None:
    """Each end follows a breach that was told, and between two breaches lies the cool-down."""
    one, now, told = policy(), 0, list[tuple[int, str]]()
    for what, later in steps:
        now += later
        if what == "breach":
            due = breach(one, now)
        elif what == "recover":
            due = one.recovered(now, "load", P95, "holds")
        else:
            due = one.tick(now)
        told += [(now, each.matter) for each in due]
    matters = [matter for _, matter in told]
    assert matters == ["breach" if place % 2 == 0 else "recovered" for place in range(len(matters))]
    times = [at for at, matter in told if matter == "breach"]
    assert all(after - before >= COOL_DOWN for before, after in pairwise(times))
