"""The formats that plans are made from: which one a text is, and who reads it.

An importer is imported when it is asked for. Each module has ``detect(text, name)`` and its function.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from loadworthy.importers.imported import Imported, ImportFailedError, ImportOptions


@dataclass(frozen=True, slots=True)
class Format:
    """One of them.

    Args:
        title: what people call it.
        module: in this package.
        function: in the module; takes the text and the :class:`ImportOptions`.
    """

    title: str
    module: str
    function: str


FORMATS = {
    "openapi": Format("an OpenAPI 3 document", "openapi.plan", "import_openapi"),
    "har": Format("a HAR recording of a browser", "har.plan", "import_har"),
    "postman": Format("a Postman collection", "postman.plan", "import_postman"),
    "config": Format("a config.json with test_scenarios", "kimmy.plan", "import_kimmy_config"),
    "locust": Format("a locustfile, a Locust configuration or `locust` command lines", "locust.plan", "import_locust"),
    "curl": Format("curl command lines", "curl.plan", "import_curl"),
}


def find_format(text: str, name: str) -> str:
    """The name of the format of a text.

    Args:
        text: all of it.
        name: of its file, for its ending; may be empty.

    Raises:
        ImportFailedError: where it is none of them, or may be several.
    """
    found = [key for key, one in FORMATS.items() if import_module(_path(one)).detect(text, name)]
    if len(found) == 1:
        return found[0]
    shown = name or "the source"
    if found:
        raise ImportFailedError(
            f"{shown} may be {' or '.join(FORMATS[key].title for key in found)}; say which: --from {' or '.join(found)}"
        )
    known = "".join(f"\n  --from {key:<8} {one.title}" for key, one in FORMATS.items())
    raise ImportFailedError(
        f"{shown} is none of the formats known here: {described(text)}. If it is one, say so:{known}"
    )


def importer(key: str) -> Callable[[str, ImportOptions], Imported]:
    """The function that makes a plan of a text in this format."""
    chosen = FORMATS[key]
    function: Callable[[str, ImportOptions], Imported] = getattr(import_module(_path(chosen)), chosen.function)
    return function


def _path(chosen: Format) -> str:
    return f"loadworthy.importers.{chosen.module}"


def described(text: str) -> str:
    """What a text that is no format looks like, in words of our own and a bounded excerpt."""
    if not text.strip():
        return "it is empty"
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        begins = next(line.strip() for line in text.splitlines() if line.strip())
        return f"it begins with {_excerpt(begins)}"
    if isinstance(data, dict):
        return (
            f"it is JSON with the keys {_excerpt(', '.join(map(str, list(data)[:8])))}"
            if data
            else "it is an empty JSON object"
        )
    return f"it is a JSON {'list' if isinstance(data, list) else 'value'}"


def _excerpt(text: str) -> str:
    text = "".join(letter if letter.isprintable() else "·" for letter in text)
    return f"{text[:60]}…" if len(text) > 60 else text
