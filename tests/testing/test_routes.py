"""Routes and delays as they are declared."""

import json
import math
import random
from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadworthy.testing import Delay, Route

_US = 1e-3  # one µs in ms


def ks_distance(values: Sequence[float], cdf: Callable[[float], float]) -> float:
    """Kolmogorov-Smirnov distance between values and a continuous distribution, straight from its definition."""
    ordered = sorted(values)
    n = len(ordered)
    return max(max((i + 1) / n - cdf(v), cdf(v) - i / n) for i, v in enumerate(ordered))


def ks_limit(n: int, false_alarm: float = 1e-3) -> float:
    """The distance that a right sample exceeds with this probability (asymptotic Kolmogorov bound)."""
    return math.sqrt(-math.log(false_alarm / 2) / 2 / n)


DISTRIBUTIONS: list[tuple[Delay, Callable[[float], float]]] = [
    (Delay.uniform(2, 10), lambda ms: min(max((ms - 2) / 8, 0), 1)),
    (Delay.exponential(5), lambda ms: 1 - math.exp(-ms / 5)),
    (Delay.lognormal(5, 0.7), lambda ms: NormalDist().cdf(math.log(max(ms, _US) / 5) / 0.7)),
]


@pytest.mark.parametrize(("delay", "cdf"), DISTRIBUTIONS, ids=lambda x: x.shape if isinstance(x, Delay) else "")
def test_draws_follow_the_distribution(delay: Delay, cdf: Callable[[float], float]) -> None:
    """20,000 draws lie within the Kolmogorov-Smirnov bound of their distribution (fixed seed; false alarm 0.1 %)."""
    rng = random.Random(11)
    values_ms = [delay.draw_us(rng) / 1000 for _ in range(20_000)]
    assert ks_distance(values_ms, cdf) < ks_limit(len(values_ms))
    wrong = [value * 1.05 for value in values_ms]
    assert ks_distance(wrong, cdf) > ks_limit(len(wrong)), "the test would not see an error of 5 %"


def test_a_fixed_delay_is_fixed() -> None:
    """It draws nothing."""
    assert {Delay.fixed(2.5).draw_us(random.Random(seed)) for seed in range(20)} == {2500}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Delay.fixed(-1), "0 or more"),
        (lambda: Delay.fixed(math.nan), "finite"),
        (lambda: Delay.exponential(math.inf), "finite"),
        (lambda: Delay.uniform(5, 4), "from low to high, not from 5 to 4"),
        (lambda: Delay("normal", 1), "'normal' is no delay"),  # type: ignore[arg-type]
        (lambda: Route("x"), "begins with a slash, 'x' does not"),
        (lambda: Route("/a*b"), "only stand at the end"),
        (lambda: Route("/a", status=100), "between 200 and 599, not 100"),
        (lambda: Route("/a", body_bytes=-1), "0 or more"),
        (lambda: Route("/a", failure_share=1.5), "between 0 and 1"),
        (lambda: Route("/a", echo=True, json={}), "choose one of"),
        (lambda: Route("/a", headers={"X": "1\r\nY: 2"}), "line break"),
        (lambda: Route("/a", set_cookies=("a=1\nb",)), "line break"),
    ],
)
def test_what_makes_no_sense_is_refused(make: Callable[[], Any], words: str) -> None:
    """A mistake in a declaration is told in words when it is made, not when the server meets it."""
    with pytest.raises(ValueError, match=words):
        make()


_delays = st.one_of(
    st.none(),
    st.builds(Delay.fixed, st.floats(0, 1e6)),
    st.builds(Delay.exponential, st.floats(0, 1e6)),
    st.builds(Delay.lognormal, st.floats(0, 1e6), st.floats(0, 5)),
)
_plain = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
_routes = st.builds(
    Route,
    path=st.builds("/{}".format, st.text("abc/-", max_size=10)),
    method=st.sampled_from([None, "GET", "POST"]),
    status=st.integers(200, 599),
    json=st.one_of(st.none(), st.dictionaries(_plain, st.integers())),
    delay=_delays,
    failure_share=st.floats(0, 1),
    headers=st.dictionaries(_plain, _plain, max_size=3),
    set_cookies=st.lists(_plain, max_size=3).map(tuple),
    needs_token=st.booleans(),
)


@given(_routes)
def test_a_route_survives_json(route: Route) -> None:
    """What the server's process reads is equal to what the test declared."""
    assert Route.from_json(json.loads(json.dumps(route.to_json()))) == route
