"""What a plan asks of a response, and what it takes out of it: ``expect`` and ``extract``, compiled once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import jsonpath

from loadworthy.plan.steps import Expect, ExpectMessage
from loadworthy.users.templates import Templates, Variables, resolve


class ResponseLike(Protocol):
    """The part of a response that checks look at."""

    status_code: int

    @property
    def text(self) -> str: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def cookies(self) -> Mapping[str, Any]: ...

    def json(self) -> Any: ...


class CheckFailedError(Exception):
    """A response is not what the plan expects; the message is the failure's."""


class StatusNotExpectedError(CheckFailedError):
    """The status is not among those that are right."""


Check = Callable[[ResponseLike, Variables], None]
Extractor = Callable[[ResponseLike], Any]


def compile_checks(expect: ExpectMessage, templates: Templates) -> list[Check]:
    """The checks besides the status, in the order: text, JSON paths; each raises CheckFailedError."""
    checks: list[Check] = []
    texts = (expect.text,) if isinstance(expect.text, str) else expect.text or ()
    checks.extend(_text_check(templates.text(text)) for text in texts)
    checks.extend(_json_check(path, templates.value(value)) for path, value in expect.json_.items())
    return checks


def expected_statuses(expect: Expect) -> frozenset[int] | None:
    """The statuses that are right; None: anything below 400."""
    if expect.status is None:
        return None
    return frozenset((expect.status,) if isinstance(expect.status, int) else expect.status)


def compile_extractor(name: str, source: str) -> Extractor:
    """The function that takes the value for ``name`` from a response; raises CheckFailedError where it is not there."""
    missing = f"nothing to extract for {name}: {source} is not in the response"
    if source.startswith("header:"):
        header = source.removeprefix("header:").strip()
        return _present(lambda response: response.headers.get(header), missing)
    if source.startswith("cookie:"):
        cookie = source.removeprefix("cookie:").strip()
        return _present(lambda response: response.cookies.get(cookie), missing)
    if source.startswith("regex:"):
        pattern = re.compile(source.removeprefix("regex:").strip())
        return _present(lambda response: _first_group(pattern, response.text), missing)
    path = jsonpath.compile(source)
    return _present(lambda response: _first_match(path, _json_of(response)), missing)


def _present(find: Callable[[ResponseLike], Any], missing: str) -> Extractor:
    def extract(response: ResponseLike) -> Any:
        value = find(response)
        if value is None:
            raise CheckFailedError(missing)
        return value

    return extract


def _first_group(pattern: re.Pattern[str], text: str) -> str | None:
    match = pattern.search(text)
    if match is None:
        return None
    return match[1] if pattern.groups else match[0]


def _first_match(path: Any, document: Any) -> Any:
    match = path.match(document) if isinstance(document, dict | list) else None
    return None if match is None else match.obj


def _text_check(expected: Any) -> Check:
    def check(response: ResponseLike, variables: Variables) -> None:
        text = resolve(expected, variables)
        if text not in response.text:
            raise CheckFailedError(
                f"the body does not contain {_short(expected if isinstance(expected, str) else '…')}"
            )

    return check


def _json_check(source: str, expected: Any) -> Check:
    path = jsonpath.compile(source)

    def check(response: ResponseLike, variables: Variables) -> None:
        document = _json_of(response)
        match = path.match(document) if isinstance(document, dict | list) else None
        if match is None:
            raise CheckFailedError(f"{source} is not in the response")
        wanted = resolve(expected, variables)
        if wanted is not None and not _equal(match.obj, wanted):
            # The value found may differ each time; the message must not, for failures are counted by it.
            raise CheckFailedError(f"{source} is not {_short(wanted) if not callable(expected) else 'as expected'}")

    return check


def _equal(found: Any, wanted: Any) -> bool:
    """As JSON sees it: true is not 1."""
    return bool(found == wanted) and isinstance(found, bool) == isinstance(wanted, bool)


def _json_of(response: ResponseLike) -> Any:
    try:
        return response.json()
    except ValueError as error:
        raise CheckFailedError("the body is not JSON") from error


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "…"
