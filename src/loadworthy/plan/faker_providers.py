"""What can be asked of Faker: its providers by name, what they take, and what is wrong with how a plan asks.

Faker is imported when one of these functions is called.
"""

from __future__ import annotations

import datetime as dt
import decimal
import difflib
import inspect
import ipaddress
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from loadworthy.plan.document import shown

Provider = Callable[..., Any]

UNIQUE_AS_THEY_ARE = ("uuid4", "md5", "sha1", "sha256")
"""Providers whose values are so many that no two are alike, as they are drawn."""
_FORMED = frozenset(
    (
        "aba", "bban", "iban", "swift", "swift8", "swift11", "isbn10", "isbn13", "ssn", "ein", "itin", "vin",
        "license_plate", "phone_number", "basic_phone_number", "color", "hex_color", "safe_hex_color", "rgb_color",
        "domain_name", "hostname", "tld", "country_code", "currency_code", "language_code", "locale",
    )
)  # fmt: skip
"""Providers of texts whose form does not allow of one more number, though it cannot be seen in the text."""
_RANGES = {"random_int": ("min", "max", "step"), "pyint": ("min_value", "max_value", "step")}
_MOST_LONG = 10_000
_LENGTHS = ("length", "nb", "num", "max_chars", "min_chars", "max_nb_chars", "size", "uncompressed_size")
_NOT_FOR_ROWS = frozenset(
    ("add_provider", "binary", "enum", "image", "pyobject", "random_element", "tar", "time_series", "xml", "zip")
)
"""They take Python objects, or make files; ``choice`` is what ``random_element`` does."""


def generator_of(locale: str) -> Any:
    """Faker's generator for a locale, with random numbers of its own; ValueError where there is no such locale."""
    from faker.config import AVAILABLE_LOCALES
    from faker.factory import Factory

    try:
        generator = Factory.create(locale)
    except (AttributeError, ValueError, ImportError) as error:
        near = difflib.get_close_matches(locale, AVAILABLE_LOCALES, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else "write one like en_US or de_DE"
        raise ValueError(f"{shown(locale)} is not a locale of Faker; {hint}") from error
    return generator.seed_instance(0)


def providers_of(generator: Any) -> dict[str, Provider]:
    """Name → what makes a value, of all providers that rows can have."""
    found: dict[str, Provider] = {}
    for provider in reversed(generator.get_providers()):
        names = (name for name in dir(provider) if not name.startswith("_") and name not in _NOT_FOR_ROWS)
        found |= {name: method for name in names if callable(method := getattr(provider, name))}
    return found


def whole_range(name: str, method: Provider, args: Mapping[str, Any]) -> range | None:
    """The whole numbers that a provider draws from; None where it draws something else."""
    if name not in _RANGES:
        return None
    bound = inspect.signature(method).bind(**args)
    bound.apply_defaults()
    low, high, step = (bound.arguments[key] for key in _RANGES[name])
    return range(low, high + 1, step)


def complaint_of(
    name: str, args: Mapping[str, Any], providers: Mapping[str, Provider], unique_among: int | None
) -> tuple[str, str, str] | None:
    """What is wrong with a column that a plan asks of Faker: (key, message, hint); None where it is good.

    Args:
        name: of the provider.
        args: what it is given.
        providers: of a locale.
        unique_among: the number of rows, where no two values may be the same.
    """
    method = providers.get(name)
    if method is None:
        near = difflib.get_close_matches(name, providers, n=1)
        more = "use choice" if name == "random_element" else "see Faker's list of standard providers"
        hint = f"did you mean {near[0]}?" if near and name != "random_element" else more
        return "faker", f"there is no provider {shown(name)}", hint
    if complaint := _complaint_of_args(name, method, args):
        return "args", *complaint
    try:
        value = method(**args)
    except Exception as error:  # noqa: BLE001  # a provider raises what it likes for what it cannot take
        return "args", f"{name} cannot take this: {type(error).__name__}: {str(error)[:200]}", ""
    if unique_among is None or name in UNIQUE_AS_THEY_ARE:
        return None
    numbers = whole_range(name, method, args)
    if numbers is not None:
        return _complaint_of_range(numbers, unique_among)
    if name in _FORMED or not is_countable_text(value):
        hint = "use sequence, a template with row, or random_int with min and max"
        return "unique", f"no number fits into the values of {name}, so they cannot be made unique", hint
    return None


def _complaint_of_args(name: str, method: Provider, args: Mapping[str, Any]) -> tuple[str, str] | None:
    signature = inspect.signature(method)
    try:
        signature.bind(**args)
    except TypeError as error:
        takes = ", ".join(signature.parameters) or "nothing"
        unknown = next((key for key in args if key not in signature.parameters), None)
        near = difflib.get_close_matches(unknown or "", signature.parameters, n=1)
        message = f"{name} takes no {unknown}" if unknown else f"{name}: {error}"
        return message, f"did you mean {near[0]}?" if near else f"it takes: {takes}"
    for key, value in args.items():
        if key.startswith(_LENGTHS) and isinstance(value, int | float) and value > _MOST_LONG:
            return f"{key} {value} is more than {_MOST_LONG:,}", "rows are kept in memory, and sent"
    return None


def _complaint_of_range(numbers: range, count: int) -> tuple[str, str, str] | None:
    if len(numbers) >= count:
        return None
    most = f"there are only {len(numbers):,} numbers from {numbers.start} to {numbers.stop - 1}"
    return "unique", f"{count:,} rows cannot have unique numbers: {most}", "widen the range, or use sequence"


def is_countable_text(value: object) -> bool:
    """Whether a row's number can be put into a value: it is text, and neither an address nor a date."""
    if not isinstance(value, str):
        return False
    return not any(_is_made_by(make, value) for make in _FIXED_FORMS)


def _is_made_by(make: Callable[[str], object], text: str) -> bool:
    try:
        make(text)
    except (ValueError, ArithmeticError):
        return False
    return True


def _mac_address(text: str) -> None:
    parts = text.split(":")
    if len(parts) != 6 or not all(len(part) == 2 for part in parts):
        raise ValueError(text)


_FIXED_FORMS: Iterable[Callable[[str], object]] = (
    ipaddress.ip_address,
    ipaddress.ip_network,
    dt.datetime.fromisoformat,
    dt.time.fromisoformat,
    decimal.Decimal,
    _mac_address,
)
