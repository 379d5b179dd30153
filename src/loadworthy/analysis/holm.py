"""Many questions at once: Holm's step-down procedure.

Asked often enough, chance says yes. Holm (Scandinavian Journal of Statistics 6, 1979) keeps the chance of even one
false yes among all m questions below α, whatever their dependence: the smallest p-value must be at most α/m, the next
α/(m - 1), and so on; at the first that is not, it stops.
"""

from __future__ import annotations

from collections.abc import Sequence


def holm_levels(p_values: Sequence[float], alpha: float) -> list[float]:
    """The level at which each question is asked; it is answered yes exactly if its p-value is at most that.

    Those behind the one at which the procedure stops share its level, so that an interval at this level agrees with
    the answer.
    """
    levels = [0.0] * len(p_values)
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    stopped: float | None = None
    for rank, index in enumerate(order):
        level = alpha / (len(p_values) - rank) if stopped is None else stopped
        levels[index] = level
        if stopped is None and p_values[index] > level:
            stopped = level
    return levels
