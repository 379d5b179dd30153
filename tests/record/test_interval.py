"""Intervals: through JSON and back, and merged without loss."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadworthy.record.histogram import Histogram
from loadworthy.record.interval import Interval, SeriesInterval

COUNT = st.integers(0, 10**9)
TIMES = st.lists(st.integers(0, 10**8), max_size=20)


@st.composite
def series_intervals(draw: st.DrawFn) -> SeriesInterval:
    """Any series of one interval."""
    response = Histogram.of(draw(TIMES))
    kinds = draw(st.dictionaries(st.sampled_from(["status", "reset", "dns"]), st.integers(1, 99)))
    return SeriesInterval(
        kind=draw(st.text(max_size=5)),
        name=draw(st.text(max_size=20)),
        requests=draw(COUNT),
        failures=sum(kinds.values()),
        sent_bytes=draw(COUNT),
        received_bytes=draw(COUNT),
        statuses=draw(st.dictionaries(st.integers(100, 599), st.integers(1, 99), max_size=3)),
        failure_kinds=kinds,
        response=response,
        service=response if draw(st.booleans()) or not response.count else Histogram.of(draw(TIMES)),
        content_bytes=draw(COUNT),
        send_lag=Histogram.of(draw(TIMES)),
    )


INTERVALS = st.builds(
    Interval,
    scenario=st.text(max_size=10),
    process=st.integers(0, 1000),
    number=st.integers(0, 10**7),
    start_ms=st.integers(0, 10**13),
    duration_ms=st.integers(1, 2000),
    users=COUNT,
    iterations=COUNT,
    interrupted=COUNT,
    health=st.dictionaries(st.sampled_from(["cpu", "loop_lag_ms"]), st.floats(0, 1e6, allow_nan=False)),
    series=st.lists(series_intervals(), max_size=4),
)


@given(interval=INTERVALS)
@settings(max_examples=150, deadline=None)
def test_json_round_trip(interval: Interval) -> None:
    """Through the text of a line, whatever the names are."""
    line = json.dumps(interval.to_json())
    assert "\n" not in line
    assert Interval.from_json(json.loads(line)) == interval


@given(parts=st.lists(series_intervals(), max_size=5))
@settings(max_examples=100, deadline=None)
def test_adding_series_loses_nothing(parts: list[SeriesInterval]) -> None:
    """Every count and every sample is in the total, in either order, and the parts stay as they were."""
    before = [part.to_json() for part in parts]
    total, backwards = SeriesInterval("k", "n"), SeriesInterval("k", "n")
    for part in parts:
        total.add(part)
    for part in reversed(parts):
        backwards.add(part)
    assert total == backwards
    assert [part.to_json() for part in parts] == before
    for name in ("requests", "failures", "sent_bytes", "received_bytes"):
        assert getattr(total, name) == sum(getattr(part, name) for part in parts)
    assert total.response == Histogram.merged(part.response for part in parts)
    assert total.service == Histogram.merged(part.service for part in parts)
    assert sum(total.statuses.values()) == sum(sum(part.statuses.values()) for part in parts)


WHOLE = Interval("s", 0, 0, 0, 1000, series=[SeriesInterval("GET", "/", 1)]).to_json()


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"scenario": "s"},
        WHOLE | {"process": "one"},
        WHOLE | {"start_ms": None},
        WHOLE | {"series": 5},
        WHOLE | {"series": [{}]},
        WHOLE | {"series": [WHOLE["series"][0] | {"response": "%%%"}]},
        WHOLE | {"series": [WHOLE["series"][0] | {"response": "AAAA"}]},
        WHOLE | {"series": [WHOLE["series"][0] | {"statuses": {"ok": 1}}]},
        WHOLE | {"health": 5},
    ],
)
def test_what_is_no_interval_is_refused(data: dict[str, Any]) -> None:
    """With one of the errors that readers expect."""
    with pytest.raises((ValueError, KeyError, TypeError)):
        Interval.from_json(data)


@given(interval=INTERVALS, read=st.booleans())
@settings(max_examples=100, deadline=None)
def test_response_times_side_by_side_and_together(interval: Interval, read: bool) -> None:
    """The same whether the interval was recorded here or read, with series without any time among them."""
    if read:
        interval = Interval.from_json(json.loads(json.dumps(interval.to_json())))
    rows = interval.responses()
    found = dict(zip(rows.rows.tolist(), rows.histograms(), strict=True))
    for number, one in enumerate(interval.series):
        assert found.get(number, Histogram()) == one.response
    assert interval.response() == Histogram.merged(one.response for one in interval.series)


def test_every_histogram_finds_its_place() -> None:
    """Response, service and send lag of series and parts, and the lags of the interval, each unlike the others."""
    made = [Histogram.of([100 * number + 7] * number) for number in range(1, 15)]
    series = [
        SeriesInterval("GET", "/a", 1, response=made[0], service=made[1], send_lag=made[2]),
        SeriesInterval("GET", "/none", 1),
        SeriesInterval("GET", "/b", 1, response=made[3], service=made[3]),
        SeriesInterval("GET", "/lag", 1, send_lag=made[4]),
    ]
    parts = [SeriesInterval("iteration", "i", 1, response=made[5], service=made[6], send_lag=made[7])]
    interval = Interval("load", 0, 0, 0, 1000, series=series, parts=parts, own_lag=made[8], receive_lag=made[9])
    back = Interval.from_json(json.loads(json.dumps(interval.to_json())))
    assert back == interval
    assert back.series[2].service is back.series[2].response
