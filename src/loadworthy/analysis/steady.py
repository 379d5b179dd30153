"""Where a warm-up ends: the truncation rule MSER-5.

A mean over all values is pulled by those from before the steady state; cutting more of them off makes what is left less
biased, but also less sure, for there is less of it. MSER (White 1997, "An effective truncation heuristic for bias
reduction in simulation output") cuts where the standard error of the mean that is left is smallest; MSER-5 (White, Cobb
and Spratt 2000) does so on means of five values each, which a single outlier moves less. With m means Z and d of them
cut off, it minimises::

    Σ (Z - Z̄)² ÷ (m - d)²        over the m - d that are left, for 0 ≤ d ≤ m ÷ 2

A minimum at the limit says that the values never settled in the first half, and so perhaps not at all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

BATCH = 5
"""Values in each mean."""

MIN_BATCHES = 10
"""With fewer means, which of them is the best cut is chance."""


def truncation_point(values: Sequence[float]) -> int | None:
    """How many leading values belong to the warm-up: a multiple of five, 0 where there was none.

    None where the values are not steady (the best cut lies at half of them), or are fewer than fifty. Up to four at the
    end, which fill no batch, are not looked at.
    """
    count = len(values) // BATCH
    if count < MIN_BATCHES:
        return None
    table = np.asarray(values[: count * BATCH], dtype=np.float64)
    # Less the first one: values that are all the same become exact zeros, and no rounding makes one cut the best.
    means = (table - table[0]).reshape(count, BATCH).mean(axis=1)
    limit = count // 2
    errors = [float(np.square(means[cut:] - means[cut:].mean()).sum()) / (count - cut) ** 2 for cut in range(limit + 1)]
    best = int(np.argmin(errors))
    return None if best == limit else best * BATCH
