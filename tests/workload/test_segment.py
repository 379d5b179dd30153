"""Segments: load that is decided while the run goes on."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from loadworthy.workload.arrivals import Split
from loadworthy.workload.segment import Segment, steady


def taken(segment: Segment, split: Split) -> list[tuple[int, int]]:
    source = segment.source("7/find", [split])
    found = []
    while (arrival := source.take()) is not None:
        found.append((arrival.number, arrival.at_us))
    return found


@given(
    number=st.integers(0, 50),
    rates=st.lists(st.tuples(st.floats(0.5, 2000), st.floats(0.1, 3)), min_size=1, max_size=3),
    processes=st.integers(1, 4),
    is_random=st.booleans(),
)
def test_the_shares_of_all_processes_are_the_segment(
    number: int, rates: list[tuple[float, float]], processes: int, is_random: bool
) -> None:
    """Each arrival is one process's; numbers go on from the first, and times lie within the segment."""
    segment = Segment(number, 5_000_000, steady(rates), 1000, is_random)
    whole = taken(segment, Split(0, 1))
    shared = sorted(one for share in range(processes) for one in taken(segment, Split(share, processes)))
    assert shared == whole
    assert [one for one, _ in whole] == list(range(1000, 1000 + segment.count("7/find")))
    assert all(segment.at_us <= at_us <= segment.end_us for _, at_us in whole)


def test_segments_differ_by_their_number_alone() -> None:
    """The same rates at another number are other arrivals, of the same seed the same."""
    first, again, other = (Segment(number, 0, steady([(100, 2)]), 0, True) for number in (1, 1, 2))
    assert taken(first, Split(0, 1)) == taken(again, Split(0, 1)) != taken(other, Split(0, 1))


def test_a_segment_goes_over_the_wire() -> None:
    """What comes out of JSON is what went in."""
    segment = Segment(3, 12, steady([(0.5, 2), (1234.5678, 1.5)]), 77, False)
    assert Segment.from_json(json.loads(json.dumps(segment.to_json()))) == segment


def test_even_arrivals_come_at_the_rate_of_their_leg() -> None:
    """Two legs of 10/s and 20/s for a second each: 30 arrivals, the later ones twice as dense."""
    times = [at_us for _, at_us in taken(Segment(0, 0, steady([(10, 1), (20, 1)]), 0, False), Split(0, 1))]
    assert len(times) == 30
    assert times[:3] == [0, 100_000, 200_000]
    assert times[10:13] == [1_000_000, 1_050_000, 1_100_000]
