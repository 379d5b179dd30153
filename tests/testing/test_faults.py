"""Faults as they are declared."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadworthy.testing import ConnectionLeak, Drift, Errors, Fault, MemoryLeak, Resets, Stall
from loadworthy.testing.faults import fault_from_json

_time = st.floats(0, 1e6)
_when: dict[str, st.SearchStrategy[Any]] = {"at_s": _time, "for_s": st.one_of(st.none(), st.floats(1e-6, 1e6))}
_share = st.floats(0, 1)
_faults: st.SearchStrategy[Fault] = st.one_of(
    st.builds(Stall, **_when),
    st.builds(Errors, **_when, share=_share, status=st.integers(400, 599), fast=st.booleans(), path=st.just("/a")),
    st.builds(Resets, **_when, share=_share, when=st.sampled_from(["connect", "arrival", "departure", "half"])),
    st.builds(Drift, **_when, ms_per_min=_time, share_per_min=_time),
    st.builds(MemoryLeak, **_when, bytes_per_request=st.integers(0), bytes_per_s=st.integers(0)),
    st.builds(ConnectionLeak, **_when, share=_share, per_request=st.integers(0), limit=st.integers(0)),
)


@settings(deadline=None)
@given(_faults)
def test_a_fault_survives_json(fault: Fault) -> None:
    """What the server's process reads is equal to what the test declared, and of its kind."""
    read = fault_from_json(json.loads(json.dumps(fault.to_json())))
    assert (type(read), read) == (type(fault), fault)


@pytest.mark.parametrize(
    ("kind", "fields", "words"),
    [
        (Stall, {"at_s": -1}, "finite time of 0 or more, not at -1"),
        (Stall, {"at_s": math.nan}, "not at nan"),
        (Stall, {"for_s": 0}, "above 0, not 0 s"),
        (Stall, {"for_s": 2, "every_s": 2}, "of 2 s cannot come every 2 s"),
        (Stall, {"every_s": 2}, "every_s > for_s is needed"),
        (Errors, {"share": 1.1}, "between 0 and 1, not 1.1"),
        (Errors, {"status": 200}, "between 400 and 599, not 200"),
        (Errors, {"at_s": -1}, "not at -1"),
        (Resets, {"when": "never"}, "connect, arrival, departure, half, not 'never'"),
        (Drift, {"ms_per_min": -1}, "finite numbers of 0 or more"),
        (MemoryLeak, {"limit_bytes": -1}, "0 bytes or more"),
        (ConnectionLeak, {"share": 2}, "between 0 and 1"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(kind: type[Fault], fields: dict[str, Any], words: str) -> None:
    """In words, when it is declared."""
    with pytest.raises(ValueError, match=words):
        kind(**fields)


@pytest.mark.parametrize("data", [{"kind": "quake"}, {"at_s": 1}])
def test_an_unknown_kind_is_refused_with_those_there_are(data: dict[str, Any]) -> None:
    """For those who write the JSON by hand."""
    with pytest.raises(ValueError, match="stall, errors, resets, drift, memory_leak, connection_leak"):
        fault_from_json(data)
