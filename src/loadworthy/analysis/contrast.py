"""Two groups of runs, one figure: how far apart are they, and how sure is that?

The run is the unit. Requests of one run share its machine, its cache and its luck; taking them as independent finds a
difference between a service and itself in more than half of all comparisons. So the spread between runs is what counts,
and the test is Welch's (Biometrika 34, 1947): Student's t with each group's own spread. With five to eight runs a side
a bootstrap over runs is too sure of itself, for it knows no spread but that of the few runs drawn; t is not.

- The spread of a group is never taken to be less than what its runs show within themselves (their windows), or two or
  three runs that agree by luck would decide.
- A group of one run has no spread of its own. Beside a group of several, theirs stands for both.
- One run on either side leaves only the spread within each. That says nothing about what the next run would show,
  and is labelled so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from loadworthy.analysis.samples_by_window import MIN_WINDOWS, Measured

_SMALLEST_SE = 1e-9


class Basis(StrEnum):
    """What the uncertainty of a comparison was taken from."""

    RUNS = "runs"
    OTHER_SIDE = "runs of the other side"
    WINDOWS = "windows only"


@dataclass(frozen=True, slots=True)
class Contrast:
    """``delta``, new - base, with its standard error and degrees of freedom; more than ``margin`` is too much.

    Where more is better, the sign is turned, so that positive is always worse.
    """

    delta: float
    se: float
    df: float
    margin: float
    basis: Basis

    def p_worse(self) -> float:
        """The chance of a delta like this or larger if the truth were just at the margin."""
        return _t_below((self.margin - self.delta) / self.se, self.df)

    def p_better(self) -> float:
        """The same for an improvement beyond the margin."""
        return _t_below((self.delta + self.margin) / self.se, self.df)

    def low(self, level: float) -> float:
        """The bound that the truth is below with a chance of at most ``level``."""
        return self.delta - self._reach(level)

    def high(self, level: float) -> float:
        """The bound that the truth is above with a chance of at most ``level``."""
        return self.delta + self._reach(level)

    def _reach(self, level: float) -> float:
        from scipy.special import stdtrit

        return float(stdtrit(self.df, 1 - level)) * self.se


def contrast(
    delta: float, base: Sequence[Measured], new: Sequence[Measured], margin: float, least_se: float = 0.0
) -> Contrast | None:
    """The contrast of two groups of runs; None where nothing is known of their spread.

    Args:
        delta: new - base, positive where new is worse.
        base, new: the figure in each run, at least one a side.
        margin: how much worse is still tolerated.
        least_se: never taken to be surer than this.
    """
    sides = (_spread(base), _spread(new))
    if None in sides and len(base) == len(new) == 1:
        variance, df, basis = _within(base, new)
    elif None in sides:
        (known,) = (side for side in sides if side is not None)
        several = max(len(base), len(new))
        variance, df, basis = known * (1 + 1 / several), several - 1.0, Basis.OTHER_SIDE
    else:
        variance, df = _welch(sides[0] or 0.0, len(base), sides[1] or 0.0, len(new))
        basis = Basis.RUNS
    if math.isnan(variance):
        return None
    return Contrast(delta, max(math.sqrt(variance), least_se, _SMALLEST_SE), df, margin, basis)


def _spread(runs: Sequence[Measured]) -> float | None:
    """The variance from run to run, at least what their windows show; None for a single run."""
    if len(runs) < 2:
        return None
    mean = sum(one.value for one in runs) / len(runs)
    between = sum((one.value - mean) ** 2 for one in runs) / (len(runs) - 1)
    within = [one.se**2 for one in runs if one.se is not None]
    return max(between, sum(within) / len(within) if within else 0.0)


def _within(base: Sequence[Measured], new: Sequence[Measured]) -> tuple[float, float, Basis]:
    errors = [one.se for one in (*base, *new)]
    variance = math.nan if None in errors else sum((error or 0.0) ** 2 for error in errors)
    return variance, 2.0 * (MIN_WINDOWS - 1), Basis.WINDOWS


def _welch(base: float, base_runs: int, new: float, new_runs: int) -> tuple[float, float]:
    """The variance of the difference, and the degrees of freedom by Satterthwaite."""
    one, other = base / base_runs, new / new_runs
    total = one + other
    if total <= 0:
        return 0.0, float(base_runs + new_runs - 2)
    return total, total**2 / (one**2 / (base_runs - 1) + other**2 / (new_runs - 1))


def _t_below(value: float, df: float) -> float:
    from scipy.special import stdtr

    return float(stdtr(df, value))
