"""Templates in a plan: ``/contacts/{{ id }}``.

Compiled once when the user class is made; a string without ``{{`` costs nothing at run time. The expressions are
Jinja's, in its sandbox, and an undefined name is an error rather than an empty string. A string that is exactly one
``{{ … }}`` inside a JSON body keeps the type of its value; everything else becomes text.
"""

from __future__ import annotations

import contextlib
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from loadworthy.clock import wall_s
from loadworthy.errors import LoadworthyError

Variables = Mapping[str, Any]
Rendered = Callable[[Variables], Any]
MaybeVarying = dict[str, Any] | Callable[[Variables], dict[str, Any]]

_MARKED = re.compile(r"(\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\})", re.DOTALL)
_SINGLE = re.compile(r"\{\{((?:(?!\}\}|\{\{).)*)\}\}", re.DOTALL)


class TemplateFailedError(LoadworthyError):
    """A template met a name that is not there, or an operation that failed; the request cannot be built."""


class _KeysFirst(ImmutableSandboxedEnvironment):
    """``{{ order.items }}`` is the order's column of that name, where it has one, and not the method of a mapping."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        """As Jinja's, but for mappings a key goes before an attribute."""
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)


class Templates:
    """Compiles templates; one for all steps of a scenario."""

    def __init__(self) -> None:
        self._environment = _KeysFirst(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)

    def text(self, source: str) -> str | Callable[[Variables], str]:
        """The string itself where nothing varies, else a function of the variables that returns text."""
        if "{{" not in source and "{%" not in source:
            return source
        render = self._environment.from_string(_with_returns(source)).render

        def rendered(variables: Variables) -> str:
            try:
                return render(variables)
            except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
                raise TemplateFailedError(f"template {source!r}: {error}") from error

        return rendered

    def value(self, source: Any) -> Any | Rendered:
        """Like :meth:`text` for any JSON value, keeping the type of values that are one whole expression."""
        if isinstance(source, str):
            single = _SINGLE.fullmatch(source.strip())
            return self._expression(single[1], source) if single else self.text(source)
        if isinstance(source, Mapping):
            return _combined(source, {key: self.value(item) for key, item in source.items()})
        if isinstance(source, list | tuple):
            items = [self.value(item) for item in source]
            if any(callable(item) for item in items):
                return lambda variables: [resolve(item, variables) for item in items]
            return items
        return source

    def texts(self, source: Mapping[str, Any], optional: Mapping[str, Any] | None = None) -> MaybeVarying:
        """A mapping whose string values (or lists of them) are templates of text: headers, query, form.

        Those of ``optional`` are left out as long as they cannot be filled.
        """
        parts = {key: self._text_or_texts(item) for key, item in source.items()}
        always = _combined(source, parts)
        if not optional:
            return always
        sometimes = {key: self._text_or_texts(item) for key, item in optional.items()}
        return lambda variables: {**_fillable(sometimes, variables), **resolve(always, variables)}

    def _text_or_texts(self, item: Any) -> Any:
        if isinstance(item, list | tuple):
            return [self.text(_plain(one)) for one in item]
        return self.text(_plain(item))

    def _expression(self, expression: str, source: str) -> Rendered:
        evaluate = self._environment.compile_expression(expression.strip(), undefined_to_none=False)

        def rendered(variables: Variables) -> Any:
            try:
                value = evaluate(variables)
                if isinstance(value, StrictUndefined):
                    str(value)  # raises, naming what is undefined
            except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
                raise TemplateFailedError(f"template {source!r}: {error}") from error
            return value

        return rendered


def _with_returns(source: str) -> str:
    """Jinja would take carriage returns out of the text between expressions; expressions give them back."""
    if "\r" not in source:
        return source
    parts = _MARKED.split(source)
    return "".join(part if number % 2 else part.replace("\r", "{{ '\\r' }}") for number, part in enumerate(parts))


def resolve(part: Any, variables: Variables) -> Any:
    """The value of a compiled part: called where it varies, itself where it does not."""
    if callable(part):
        return part(variables)
    if isinstance(part, list):
        return [resolve(item, variables) for item in part]
    return part


def _plain(value: Any) -> str:
    """As a plan writes it: flags in small letters."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _fillable(parts: Mapping[str, Any], variables: Variables) -> dict[str, Any]:
    filled = {}
    for key, part in parts.items():
        with contextlib.suppress(TemplateFailedError):
            filled[key] = resolve(part, variables)
    return filled


def _combined(source: Mapping[str, Any], parts: dict[str, Any]) -> MaybeVarying:
    def varies(part: Any) -> bool:
        return callable(part) or (isinstance(part, list) and any(varies(item) for item in part))

    if not any(varies(part) for part in parts.values()):
        return dict(parts) if parts else dict(source)
    return lambda variables: {key: resolve(part, variables) for key, part in parts.items()}


def functions(random: Random) -> dict[str, Any]:
    """What every template can call, drawing from this user's own random numbers."""

    def random_choice(options: Any) -> Any:
        if not isinstance(options, Sequence) or not options:
            raise ValueError("random_choice() takes a list with an entry or more")
        return random.choice(options)

    return {
        "uuid": lambda: str(uuid.UUID(int=random.getrandbits(128), version=4)),
        "random_int": random.randint,
        "random_choice": random_choice,
        "now_ms": lambda: int(wall_s() * 1000),
        "now": _now,
        "today": _today,
    }


def _now(shift_s: float = 0) -> str:
    moment = datetime.fromtimestamp(wall_s() + shift_s, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _today(shift_days: int = 0) -> str:
    return (datetime.fromtimestamp(wall_s(), UTC).date() + timedelta(days=shift_days)).isoformat()
