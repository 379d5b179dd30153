"""Values of Faker's that are functions of a seed, in whichever process and at whatever time of the day.

Faker counts some of its dates from *now*. Two processes would then make different rows, so while a value is made, now
is the beginning of a given day in UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, tzinfo
from random import Random
from typing import Any

from loadworthy.data.json_values import json_value
from loadworthy.plan.faker_providers import generator_of, providers_of, whole_range

Fake = Callable[[int], Any]
"""Seed → value, a JSON type."""


class Faker:
    """Makes values of one or several locales.

    Args:
        locales: at least one; ValueError for one that Faker has not.
        today: the day from which Faker counts.
    """

    def __init__(self, locales: Sequence[str], today: date) -> None:
        self._generators = [generator_of(locale) for locale in locales]
        self._providers = [providers_of(generator) for generator in self._generators]
        self._frozen = _Frozen(today)

    def fake(self, name: str, args: Mapping[str, Any]) -> Fake:
        """What makes the values of a provider; ValueError where there is none of that name."""
        if any(name not in providers for providers in self._providers):
            raise ValueError(f"Faker has no provider {name}")
        methods = [providers[name] for providers in self._providers]
        randoms: list[Random] = [generator.random for generator in self._generators]
        frozen, several = self._frozen, len(methods) > 1

        def fake(seed: int) -> Any:
            chosen = seed % len(methods) if several else 0
            randoms[chosen].seed(seed)
            with frozen():
                return json_value(methods[chosen](**args))

        return fake

    def numbers(self, name: str, args: Mapping[str, Any]) -> range | None:
        """The whole numbers that a provider draws from; None where it draws something else."""
        return whole_range(name, self._providers[0][name], args)


class _Anytime(type):
    """Any date and time is an instance of the classes that stand in for them."""

    real: type

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, cls.real)


class _Frozen:
    """Makes Faker's module of dates take a day's beginning in UTC for now."""

    def __init__(self, today: date) -> None:
        from faker.providers import date_time

        midnight = datetime(today.year, today.month, today.day, tzinfo=UTC)

        class Moment(datetime, metaclass=_Anytime):
            real = datetime

            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
                return midnight.replace(tzinfo=None) if tz is None else midnight.astimezone(tz)

        class Day(date, metaclass=_Anytime):
            real = date

            @classmethod
            def today(cls) -> date:  # type: ignore[override]
                return today

        self._module: Any = date_time
        self._stand_ins = {"datetime": Moment, "dtdate": Day, "_get_local_timezone": lambda: UTC}

    @contextmanager
    def __call__(self) -> Iterator[None]:
        module = vars(self._module)
        before = {name: module[name] for name in self._stand_ins}
        module.update(self._stand_ins)
        try:
            yield
        finally:
            module.update(before)
