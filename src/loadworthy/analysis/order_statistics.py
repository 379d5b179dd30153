"""How sure a percentile is, by order statistics: no assumption about the distribution, only about independence.

Of n independent samples, the number below the true p-quantile is Binomial(n, p). So the r-th smallest sample lies above
the quantile with probability P[B <= r - 1], and the s-th smallest below it with P[B >= s]. Taking the largest r and the
smallest s that keep each at most 2.5 % gives a two-sided interval of at least 95 %. (H. A. David and H. N. Nagaraja,
*Order Statistics*, 3rd ed., section 7.1.)

With few samples there is no such s: even the largest sample may well lie below the quantile. The upper end is finite
from the first n with p^n <= 2.5 %, the lower end from (1 - p)^n <= 2.5 %: p99 needs 368 samples, p99.9 needs 3,688.

Latencies of one service under load are not independent; slow ones come in bursts. The true coverage is then lower, and
on a queue near saturation far lower. The interval is therefore a lower bound of the doubt, and no verdict rests on it
except where even it decides a breach.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

_TAIL = 0.025
_SPREAD_SD = 12.0
_SLACK = 60


def min_samples(fraction: float) -> int:
    """The fewest samples for which the 95 % interval of this quantile is finite at both ends (0 < fraction < 1)."""
    if not 0 < fraction < 1:
        return 1
    scarce = max(fraction, 1 - fraction)
    estimate = max(math.ceil(math.log(_TAIL) / math.log(scarce)), 1)
    # The quotient of logarithms may be off by one where the power meets the limit exactly.
    while estimate > 1 and scarce ** (estimate - 1) <= _TAIL:
        estimate -= 1
    while scarce**estimate > _TAIL:
        estimate += 1
    return estimate


@lru_cache(maxsize=1024)
def interval_ranks(fraction: float, count: int) -> tuple[int | None, int | None]:
    """The ranks (1 = smallest sample) that enclose the quantile with 95 %; None for an end that is not finite.

    Args:
        fraction: the quantile, 0 < fraction < 1.
        count: how many samples there are, at least 1.
    """
    outcomes, mass = _binomial_mass(count, fraction)
    below = np.cumsum(mass)
    above = np.cumsum(mass[::-1])[::-1]
    # Largest r with P[B <= r - 1] <= 2.5 %.
    fitting_low = outcomes[below <= _TAIL]
    low = int(fitting_low[-1]) + 1 if fitting_low.size else int(outcomes[0])
    # Smallest s with P[B >= s] <= 2.5 %.
    fitting_high = outcomes[above <= _TAIL]
    high = int(fitting_high[0]) if fitting_high.size else int(outcomes[-1]) + 1
    return (low if low >= 1 else None), (high if high <= count else None)


def _binomial_mass(count: int, fraction: float) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Outcomes around the mean and their probabilities; what lies outside is less than 1e-12 and left out.

    Ratios of neighbours are summed as logarithms from the mode outwards and normalised, which needs no factorial.
    """
    mean = count * fraction
    reach = _SPREAD_SD * math.sqrt(mean * (1 - fraction)) + _SLACK
    first, last = max(math.floor(mean - reach), 0), min(math.ceil(mean + reach), count)
    outcomes = np.arange(first, last + 1, dtype=np.int64)
    steps = np.log((count - outcomes[:-1]) / (outcomes[:-1] + 1)) + math.log(fraction / (1 - fraction))
    logs = np.concatenate(([0.0], np.cumsum(steps)))
    mass = np.exp(logs - logs.max())
    return outcomes, mass / mass.sum()
