"""The log's codec and counts."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from loadworthy.testing import Exchange, ServerStats
from loadworthy.testing.truth import FAULTS, Truth, decode_log, decode_log_arrays

_whole = st.integers(0, 2**62)
_exchanges = st.builds(
    Exchange,
    method=st.sampled_from(["GET", "POST", "BREW"]),
    target=st.text(max_size=12),
    status=st.integers(0, 599),
    request_bytes=_whole,
    response_bytes=_whole,
    arrival_us=_whole,
    departure_us=_whole,
    imposed_us=_whole,
    connection=_whole,
    started_us=_whole,
    due_us=_whole,
    fault=st.sampled_from(FAULTS),
)


@settings(deadline=None)
@given(st.lists(_exchanges, max_size=30))
def test_the_log_is_read_back_as_it_was_written(exchanges: list[Exchange]) -> None:
    """Through JSON, in order, every field."""
    truth = Truth(limit=100)
    for exchange in exchanges:
        truth.add(exchange)
    assert decode_log(json.loads(json.dumps(truth.log()))) == exchanges
    stats = ServerStats.from_json(json.loads(json.dumps(truth.stats())))
    assert stats.requests == sum(stats.statuses.values()) == len(exchanges)


@settings(deadline=None)
@given(st.lists(_exchanges, max_size=30))
def test_the_columns_hold_what_the_rows_do(exchanges: list[Exchange]) -> None:
    """Also of an empty log."""
    truth = Truth(limit=100)
    for exchange in exchanges:
        truth.add(exchange)
    arrays = decode_log_arrays(json.loads(json.dumps(truth.log())))
    assert len(arrays) == len(exchanges)
    assert arrays.sojourn_us.tolist() == [entry.departure_us - entry.arrival_us for entry in exchanges]
    assert [arrays.names[place] for place in arrays.name] == [exchange[:2] for exchange in exchanges]
    assert [FAULTS[place] for place in arrays.fault] == [exchange.fault for exchange in exchanges]
    for column in Exchange._fields[2:-1]:
        assert getattr(arrays, column).tolist() == [getattr(exchange, column) for exchange in exchanges]


def test_beyond_its_limit_it_counts_and_says_so() -> None:
    """The log tells how many there were, so that nobody takes a part for the whole."""
    truth = Truth(limit=2)
    for number in range(5):
        truth.add(Exchange("GET", "/", 200, 1, 1, number, number, 0, 1))
    log = truth.log()
    assert (log["requests"], len(decode_log(log))) == (5, 2)
    truth.clear()
    assert (truth.log()["requests"], truth.stats()["statuses"]) == (0, {})
