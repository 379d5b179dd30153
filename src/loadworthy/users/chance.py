"""Random numbers that can be replayed: one stream for each user, and in open workloads one for each iteration.

A stream is named by a text (seed, scenario, number), so what a user or an iteration draws depends neither on the other
users nor on the process it runs in. Seeding costs some ten µs, as much as a request, so it is put off until something
is drawn: most iterations draw nothing.

User code draws from the module :mod:`random`, and so do Locust's task choice and pauses. :func:`personal_random` makes
the functions of that module draw from the stream of the user in whose greenlet they are called.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import gevent

CHANCE = "loadworthy_chance"
"""Key among the locals that the greenlets of one user share, under which the :class:`Holder` of its stream lies."""

_SHARED = (
    "betavariate", "binomialvariate", "choice", "choices", "expovariate", "gammavariate", "gauss", "getrandbits",
    "lognormvariate", "normalvariate", "paretovariate", "randbytes", "randint", "random", "randrange", "sample",
    "shuffle", "triangular", "uniform", "vonmisesvariate", "weibullvariate",
)  # fmt: skip
"""Functions of the module; not seed and the like, which speak of the module's own stream."""


class Holder(Protocol):
    """Who has a stream, made when it is asked for: the state of a generator takes 2.5 KB for each user."""

    def current_chance(self) -> Chance | None:
        """The stream to draw from now; None where what is drawn has no consequence, and need not be replayed."""
        ...


class Chance(random.Random):
    """A stream of random numbers that is seeded when the first is drawn."""

    def __init__(self, name: str) -> None:
        self._name: str | None = None
        super().__init__(0)
        self._name = name

    def restart(self, name: str) -> None:
        """What is drawn from now on is the stream of this name, from its beginning."""
        self._name = name
        self.gauss_next = None  # one of the old stream may have been drawn ahead

    def random(self) -> float:
        """As :meth:`random.Random.random`."""
        if self._name is not None:
            self._begin()
        return super().random()

    def getrandbits(self, k: int, /) -> int:
        """As :meth:`random.Random.getrandbits`."""
        if self._name is not None:
            self._begin()
        return super().getrandbits(k)

    def _begin(self) -> None:
        name, self._name = self._name, None
        self.seed(name)  # forgets a second Gaussian that was drawn ahead, too


@contextmanager
def personal_random() -> Iterator[None]:
    """While the context lasts, functions of :mod:`random` draw from the stream of the user that calls them.

    Greenlets that belong to no user draw from the module's own stream, as ever.
    """
    originals = {name: getattr(random, name) for name in _SHARED if hasattr(random, name)}
    for name, original in originals.items():
        setattr(random, name, _personal(name, original))
    try:
        yield
    finally:
        for name, original in originals.items():
            setattr(random, name, original)


def _personal(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    def draw(*args: Any, **options: Any) -> Any:
        chance = chance_here()
        return original(*args, **options) if chance is None else getattr(chance, name)(*args, **options)

    draw.__name__ = draw.__qualname__ = name
    draw.__doc__ = original.__doc__
    return draw


def chance_here() -> Chance | None:
    """The stream of the user in whose greenlet this is called."""
    shared: dict[str, Any] | None = getattr(gevent.getcurrent(), "spawn_tree_locals", None)
    holder: Holder | None = shared.get(CHANCE) if shared else None
    return None if holder is None else holder.current_chance()
