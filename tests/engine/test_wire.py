"""What master and workers say to each other comes out as it went in."""

from __future__ import annotations

import msgpack  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from loadworthy.engine.wire import pack_changes, pack_split, unpack_changes, unpack_split
from loadworthy.workload.arrivals import Split
from loadworthy.workload.profile import LoadChange

MOMENTS = st.integers(0, 1 << 52)


@given(st.lists(st.builds(LoadChange, MOMENTS, st.floats(min_value=1e-6, max_value=100)), max_size=5))
def test_changes_of_the_load_survive_the_journey(changes: list[LoadChange]) -> None:
    """To the µs and to the last bit of the factor: all processes are to do the same sums."""
    assert unpack_changes(msgpack.unpackb(msgpack.packb(pack_changes(changes)))) == tuple(changes)


@given(st.builds(Split, st.none() | st.integers(0, 1000), st.integers(1, 1000), MOMENTS, st.integers(0, 5000)))
def test_splits_survive_the_journey(split: Split) -> None:
    """Also one of a process that has no share."""
    assert unpack_split(msgpack.unpackb(msgpack.packb(pack_split(split)))) == split
