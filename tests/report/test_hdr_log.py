"""The HdrHistogram log, read back by the ``hdrhistogram`` package: its counts and percentiles are ours."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram  # type: ignore[import-untyped]
from hdrh.log import HistogramLogReader  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st
from tests.support.exported import EVERY_RUN
from tests.support.runs import START_MS, interval, open_run, series
from tests.support.shop import failing_run

from loadworthy.analysis.reading import read
from loadworthy.record.histogram import MAX_TRACKABLE_US, Histogram, bin_bounds, bin_index
from loadworthy.record.rundir import Run
from loadworthy.report.hdr_log import LEGEND, encode, hdr_log, tag_of
from loadworthy.report.steps import Steps

PERCENTILES = (0.0, 50.0, 90.0, 95.0, 99.0, 99.9, 100.0)


def logged(text: str, path: Path) -> list[HdrHistogram]:
    """The histograms of a log, in its order."""
    file = path / "log.hlog"
    file.write_text(text, encoding="utf-8")
    reader = HistogramLogReader(str(file), HdrHistogram(1, MAX_TRACKABLE_US, 3))
    found = []
    while (one := reader.get_next_interval_histogram()) is not None:
        found.append(one)
    reader.close()
    return found


def assert_same(theirs: HdrHistogram, ours: Histogram) -> None:
    """Count, and each percentile in the same bin; theirs is a bin's highest value, ours its middle."""
    assert theirs.get_total_count() == ours.count
    for percentile in PERCENTILES[1:]:
        value = ours.percentile_us(percentile / 100)
        assert value is not None
        low, high = bin_bounds(bin_index(int(value)))
        assert low <= theirs.get_value_at_percentile(percentile) <= high


@given(st.lists(st.integers(0, MAX_TRACKABLE_US) | st.integers(0, 5000), min_size=1, max_size=200))
def test_an_encoded_histogram_is_the_same(values_us: list[int]) -> None:
    """Every bin and its count."""
    ours = Histogram.of(values_us)
    theirs = HdrHistogram.decode(encode(ours).encode())
    used = {place: count for place, count in enumerate(theirs.counts) if count}
    bins, counts = ours.used()
    assert used == dict(zip(bins.tolist(), counts.tolist(), strict=True))


@pytest.mark.parametrize("count", [1, 63, 64, 8191, 8192, 2**31, 2**40, 2**55, 2**62])
def test_counts_of_any_size(count: int) -> None:
    """One byte to nine, with runs of empty bins between them: byte for byte as the package writes them."""
    theirs = HdrHistogram(1, MAX_TRACKABLE_US, 3)
    for value, number in ((3, 1), (4, count), (6, 1), (90_000, 1)):
        theirs.record_value(value, number)
    ours = Histogram.of([3, 4, 6, 90_000])
    ours.count += count - 1
    ours._counts[4] = count
    assert words_of(encode(ours)) == words_of(theirs.encode().decode())


def words_of(encoded: str) -> bytes:
    """What follows the head of the payload."""
    return zlib.decompress(base64.b64decode(encoded)[8:])[40:]


def test_what_lies_beyond_an_hour_is_counted() -> None:
    """Where the highest value lies; also where that shares its bin with values that are not beyond."""
    for values_us in ([5, MAX_TRACKABLE_US + 1], [5, MAX_TRACKABLE_US, MAX_TRACKABLE_US + 1], [7_200_000_000] * 3):
        assert_same(HdrHistogram.decode(encode(Histogram.of(values_us)).encode()), Histogram.of(values_us))


def test_the_log_of_a_run(tmp_path: Path) -> None:
    """Each series added up over the log is the series of the run; the lines are in order and say when they were."""
    run = failing_run(tmp_path)
    totals = read(run).totals.scenarios
    found = logged(hdr_log(Steps(run.intervals()), "failing"), tmp_path)
    sums: dict[str, HdrHistogram] = {}
    for one in found:
        tag = one.get_tag()
        sums.setdefault(tag, HdrHistogram(1, MAX_TRACKABLE_US, 3)).add(one)
    expected = {
        tag_of(name, key): one.response for name, scenario in totals.items() for key, one in scenario.series.items()
    }
    assert sums.keys() == expected.keys()
    for tag, ours in expected.items():
        assert_same(sums[tag], ours)
    starts = [one.get_start_time_stamp() for one in found]
    assert starts == sorted(starts)
    assert (starts[0], found[0].get_end_time_stamp()) == (START_MS, START_MS + 1000)
    assert starts[-1] == START_MS + 31_000


def test_a_line_is_a_second_of_all_processes(tmp_path: Path) -> None:
    """Two processes, one line; its maximum is in ms."""
    intervals = [interval(0, series("/", [1500, 2500 * process]), process=process) for process in (1, 2)]
    text = hdr_log(Steps(intervals))
    lines = text.splitlines()
    assert lines[0] == "#[Histogram log format version 1.3]"
    assert lines[4] == LEGEND
    assert len(lines) == 6
    assert re.fullmatch(r"Tag=load:GET:/,0\.000,1\.000,5\.000,HISTFAAAA\S+", lines[5])
    assert [one.get_total_count() for one in logged(text, tmp_path)] == [4]


def test_times_are_response_times(tmp_path: Path) -> None:
    """From when requests were due; parts are no lines."""
    run = open_run(tmp_path)
    tags = {line.split(",")[0] for line in hdr_log(Steps(run.intervals())).splitlines()[5:]}
    assert tags == {"Tag=orders:GET:/items", "Tag=browse:GET:/"}
    text = hdr_log(Steps([interval(0, series("/", [9000] * 5, service_us=[1000] * 5))]))
    assert 8990 <= logged(text, tmp_path)[0].get_value_at_percentile(50) <= 9010


@pytest.mark.parametrize("make", EVERY_RUN.values(), ids=list(EVERY_RUN))
def test_every_request_is_in_exactly_one_line(make: Callable[[Path], Run], tmp_path: Path) -> None:
    """Whatever the run; a name cannot begin another line or field."""
    run = make(tmp_path)
    totals = read(run).totals.scenarios
    found = logged(hdr_log(Steps(run.intervals()), run.path.name), tmp_path)
    timed = sum(scenario.total.response.count for scenario in totals.values())
    assert sum(one.get_total_count() for one in found) == timed
    assert all(re.fullmatch(r"[^\s,<>\"'&]+", one.get_tag()) for one in found)


@given(st.tuples(*[st.text(max_size=8)] * 3), st.tuples(*[st.text(max_size=8)] * 3))
def test_different_series_have_different_tags(one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    """And a tag holds neither a comma nor a space."""
    tags = [tag_of(scenario, (kind, name)) for scenario, kind, name in (one, other)]
    assert (tags[0] == tags[1]) == (one == other)
    assert re.fullmatch(r"[\x21-\x2b\x2d-\x7e]+", tags[0])


def test_an_empty_run_has_a_head_alone() -> None:
    """Which readers take."""
    assert hdr_log(Steps([])).splitlines()[-1] == LEGEND


def test_the_bins_are_theirs() -> None:
    """The number of a bin is the place of its count in their table."""
    histogram = HdrHistogram(1, MAX_TRACKABLE_US, 3)
    for value in np.unique(np.geomspace(1, MAX_TRACKABLE_US, 500).astype(np.int64)).tolist():
        assert histogram.get_counts_array_index(value) == bin_index(value)
