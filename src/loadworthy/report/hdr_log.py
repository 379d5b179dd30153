"""An HdrHistogram interval log (format 1.3, V2 encoding), for viewers and libraries that read such.

::

    #[Histogram log format version 1.3]
    #[StartTime: 1795183509.000 (seconds since epoch), 2026-11-20T14:05:09+00:00]
    #[BaseTime: 1795183509.000 (seconds since epoch)]
    "StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"
    Tag=load:GET:/items,0.000,1.000,18.432,HISTFAAAA...

A line is a series in a second in which it had requests, all processes together. Its values are response times in whole
µs; ``Interval_Max`` alone is in ms, as viewers expect. Every request with a time is in exactly one line, so all lines
together are the run, and those of a scenario are the scenario.

Our bins are those of a HdrHistogram of three significant digits with 1 as its lowest value, so the counts go over as
they are, without being recorded a second time. What lies beyond the range that we bin (an hour) is counted in the bin
of the highest value that was seen, where our own percentiles put it, too.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import groupby
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from loadworthy.analysis.accumulate import MS_PER_S, SeriesKey
from loadworthy.record.histogram import MAX_TRACKABLE_US, Histogram, Int64Array, bin_index
from loadworthy.report.harmless import one_line
from loadworthy.report.steps import Step, Steps
from loadworthy.units import US_PER_MS

LOG_VERSION = "1.3"
LEGEND = '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"'
SIGNIFICANT_DIGITS = 3

# The cookies of the V2 encoding, with the nibble that its words are of varying length.
_COOKIE = 0x1C849303 | 0x10
_COMPRESSED_COOKIE = 0x1C849304 | 0x10
_PAYLOAD = struct.Struct(">iiiiqqd")
_ENVELOPE = struct.Struct(">ii")
_LEB128_BYTES = 9
_BITS = np.arange(_LEB128_BYTES, dtype=np.uint64) * np.uint64(7)
_MASKS = np.array([0x7F] * (_LEB128_BYTES - 1) + [0xFF], dtype=np.uint64)

# A tag ends at the first comma, and readers take neither spaces nor line breaks in one.
_TAG_SAFE = "/-_.~[]{}()*@!$+;?|"


def hdr_log(steps: Steps, run: str = "") -> str:
    """The log of a run; ``run`` is its name, for a comment at the top."""
    scenarios = steps.scenarios()
    start_ms = min((steps.start_ms(name) for name in scenarios), default=0)
    # By time, as readers want it; of one second in the order of the tags.
    lines = sorted(line for name in scenarios for line in _lines(name, steps, start_ms))
    start = f"{start_ms / MS_PER_S:.3f} (seconds since epoch)"
    head = [
        f"#[Histogram log format version {LOG_VERSION}]",
        f"#[Loadworthy run {one_line(run)}: response times in microseconds]",
        f"#[StartTime: {start}, {datetime.fromtimestamp(start_ms / MS_PER_S, UTC).isoformat()}]",
        f"#[BaseTime: {start}]",
        LEGEND,
    ]
    return "\n".join([*head, *(line for *_, line in lines)]) + "\n"


def tag_of(scenario: str, key: SeriesKey) -> str:
    """``load:GET:/items``; what a tag cannot hold is percent-encoded, so that different series have different tags."""
    kind, name = key
    return f"{_encoded(scenario)}:{_encoded(kind)}:{_encoded(name, also=':')}"


def _encoded(text: str, also: str = "") -> str:
    return quote(text, safe=_TAG_SAFE + also, errors="backslashreplace")


def _lines(scenario: str, steps: Steps, log_start_ms: int) -> Iterator[tuple[int, str, str]]:
    """When each line begins, its tag, and the line."""
    for key, some in groupby(steps.of(scenario), key=lambda step: step.key):
        tag = tag_of(scenario, key)
        yield from ((step.start_ms, tag, _line(tag, step, log_start_ms)) for step in some if step.times.count)


def _line(tag: str, step: Step, log_start_ms: int) -> str:
    at_s = (step.start_ms - log_start_ms) / MS_PER_S
    length_s = (step.end_ms - step.start_ms) / MS_PER_S
    return f"Tag={tag},{at_s:.3f},{length_s:.3f},{step.times.max_us / US_PER_MS:.3f},{encode(step.times)}"


def encode(histogram: Histogram) -> str:
    """A histogram in the compressed V2 encoding, as text."""
    bins, counts = histogram.used()
    if histogram.overflow:
        bins, counts = _with_overflow(histogram, bins, counts)
    words = _leb128(_zigzag(_runs(bins, counts)))
    highest = max(MAX_TRACKABLE_US, histogram.max_us)
    payload = zlib.compress(_PAYLOAD.pack(_COOKIE, len(words), 0, SIGNIFICANT_DIGITS, 1, highest, 1.0) + words)
    return base64.b64encode(_ENVELOPE.pack(_COMPRESSED_COOKIE, len(payload)) + payload).decode("ascii")


def _with_overflow(histogram: Histogram, bins: Int64Array, counts: Int64Array) -> tuple[Int64Array, Int64Array]:
    last = bin_index(histogram.max_us)
    if bins.size and bins[-1] == last:
        counts = counts.copy()
        counts[-1] += histogram.overflow
        return bins, counts
    return np.append(bins, last), np.append(counts, histogram.overflow)


def _runs(bins: Int64Array, counts: Int64Array) -> Int64Array:
    """The counts up to the last bin in use; a run of empty bins is its negative length."""
    pairs = np.empty((bins.size, 2), dtype=np.int64)
    pairs[:1, 0] = -bins[:1]
    pairs[1:, 0] = bins[:-1] - bins[1:] + 1
    pairs[:, 1] = counts
    runs = pairs.reshape(-1)
    kept: Int64Array = runs[runs != 0]  # no bin in use is empty, so what is 0 is a run of none
    return kept


def _zigzag(values: Int64Array) -> npt.NDArray[np.uint64]:
    return ((values << 1) ^ (values >> 63)).astype(np.uint64)


def _leb128(words: npt.NDArray[np.uint64]) -> bytes:
    """Seven bits a byte, the lowest first, the top bit set where more follow; a ninth byte holds eight bits."""
    longest = min(-(-int(words.max(initial=1)).bit_length() // 7), _LEB128_BYTES)
    rest = words[:, None] >> _BITS[:longest]
    octets = (rest & _MASKS[:longest]).astype(np.uint8)
    octets[:, :-1][rest[:, 1:] > 0] |= 0x80
    is_kept = rest > 0
    is_kept[:, 0] = True
    kept: npt.NDArray[np.uint8] = octets[is_kept]
    return kept.tobytes()
