"""Reading the Prometheus text format, and choosing from it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadworthy.monitor.exposition import Exposed, choose, parse_exposition, rates
from loadworthy.plan.selectors import parse_selector

PAGE = """\
# HELP http_requests_total Requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400"}    3

# TYPE pool gauge
pool{state="checked_out",path="C:\\\\DIR\\\\FILE.TXT",error="Cannot find:\\n\\"x} y\\""} 1.458255915e9
metric_without_type_and_timestamp 12.47
loose_total 5
# TYPE bad gauge
bad NaN
# TYPE lag histogram
lag_bucket{le="0.05"} 24054
lag_bucket{le="+Inf"} 144320
lag_sum 53423
lag_count 144320
# TYPE rpc summary
rpc{quantile="0.5"} 4773
rpc_sum 1.7560473e+07
rpc_count 2693
# TYPE open counter
open_total 4 # {trace="x"} 1
open_created 1.6e9
# TYPE jobs_created gauge
jobs_created 1.6e9
# EOF
"""


def keys(selectors: tuple[str, ...] = (), most: int = 100) -> tuple[set[str], set[str]]:
    chosen = choose(list(parse_exposition(PAGE)), [parse_selector(text) for text in selectors], most)
    return set(chosen.values), set(chosen.counters)


def test_gauges_and_counters_are_taken_unless_said() -> None:
    """Not the parts of histograms and summaries, not stamps, not what is no number; untyped ones by their name."""
    gauges, counters = keys()
    pool = 'pool{state="checked_out",path="C:\\\\DIR\\\\FILE.TXT",error="Cannot find:\\n\\"x} y\\""}'
    assert gauges == {pool, "metric_without_type_and_timestamp"}
    assert counters == {
        'http_requests_total{method="post",code="200"}',
        'http_requests_total{method="post",code="400"}',
        "loose_total",
        "open_total",
    }


def test_selectors_take_what_they_name_and_nothing_else() -> None:
    """Also parts of histograms, whose counts and sums are counters while a quantile is not."""
    assert keys(('http_requests_total{code="400"}', "lag_count", "rpc", 'lag_bucket{le=~"0.*"}')) == (
        {'rpc{quantile="0.5"}'},
        {'http_requests_total{method="post",code="400"}', "lag_count", 'lag_bucket{le="0.05"}'},
    )


def test_selectors_that_matched_are_known() -> None:
    """So that one that never does can be told of."""
    wanted = [parse_selector("pool"), parse_selector("nothing")]
    assert choose(list(parse_exposition(PAGE)), wanted, 10).matched == {wanted[0]}


def test_a_page_is_bounded() -> None:
    """Of many series the first are kept, the others counted."""
    chosen = choose([Exposed("x", {"n": str(number)}, number, "gauge") for number in range(10)], [], 3)
    assert (len(chosen.values), chosen.left_out) == (3, 7)


@pytest.mark.parametrize("line", ["<html>", "up", "up one", 'up{a="1} 2', "up{a=1} 2", '{"up"} 1'])
def test_a_line_that_is_none_is_told_with_its_number(line: str) -> None:
    """A page of something else must not be taken for one without metrics."""
    with pytest.raises(ValueError, match="line 2 is not in the Prometheus text format"):
        list(parse_exposition(f"up 1\n{line}\n"))


_NAMES = st.from_regex(r"[a-z_:][a-z0-9_:]{0,8}", fullmatch=True)
_LABELS = st.dictionaries(st.from_regex(r"[a-z_][a-z0-9_]{0,5}", fullmatch=True), st.text(max_size=8), max_size=3)


@given(st.lists(st.tuples(_NAMES, _LABELS, st.floats()), max_size=5))
def test_what_is_written_is_read(series: list[tuple[str, dict[str, str], float]]) -> None:
    """Any labels and numbers come back as they were; lines end where the format says, not where Unicode may."""
    written = [Exposed(name, labels, value, "gauge") for name, labels, value in series]
    text = "".join(f"{one.key} {one.value!r}\n" for one in written)
    read = list(parse_exposition(text))
    assert [(one.name, one.labels) for one in read] == [(one.name, one.labels) for one in written]
    assert all(
        one.value == other.value or (math.isnan(one.value) and math.isnan(other.value))
        for one, other in zip(read, written, strict=True)
    )


def test_a_counter_becomes_a_rate() -> None:
    """Increase per second; after a restart from 0; nothing for one that is new, and nothing without time."""
    assert rates({"a": 10.0, "b": 9.0, "gone": 1.0}, {"a": 25.0, "b": 3.0, "new": 7.0}, 1.5) == {
        "rate(a)": 10.0,
        "rate(b)": 2.0,
    }
    assert rates({"a": 1.0}, {"a": 2.0}, 0) == {}
