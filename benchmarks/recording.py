"""What recording one sample costs: appending it, and its share of the interval it is drained into. See README.md."""

from __future__ import annotations

import gc
import statistics

from loadworthy.clock import monotonic_ns
from loadworthy.record.buffer import SampleBuffer

SAMPLES = 100_000
"""About what one busy process records in the second between two drains."""
SERIES = 10
ROUNDS = 9


def one_round() -> tuple[float, float, float]:
    """Nanoseconds a sample: the empty loop, recording, draining."""
    buffer = SampleBuffer()
    names = [f"/path/{number}" for number in range(SERIES)] * (SAMPLES // SERIES)
    start_ns = monotonic_ns()
    for index, _name in enumerate(names):
        _ = index + 1_234
    loop_ns = monotonic_ns()
    for index, name in enumerate(names):
        buffer.record("GET", name, index, index, index + 1_234, 200, 120, 350)
    recorded_ns = monotonic_ns()
    intervals = buffer.drain()
    drained_ns = monotonic_ns()
    if not intervals:
        raise RuntimeError("nothing was recorded")
    return (
        (loop_ns - start_ns) / SAMPLES,
        (recorded_ns - loop_ns) / SAMPLES,
        (drained_ns - recorded_ns) / SAMPLES,
    )


def main() -> None:
    """Print the medians."""
    gc.disable()
    rounds = [one_round() for _ in range(ROUNDS + 1)][1:]  # the first one warms up
    loop, record, drain = (statistics.median(column) for column in zip(*rounds, strict=True))
    print(f"{SAMPLES:,} samples in {SERIES} series, median of {ROUNDS} rounds")
    print(f"record  {record - loop:7.0f} ns a sample (the loop around it, {loop:.0f} ns, is taken off)")
    print(f"drain   {drain:7.0f} ns a sample")
    print(f"both    {record - loop + drain:7.0f} ns a sample")


if __name__ == "__main__":
    main()
