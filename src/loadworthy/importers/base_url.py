"""Base URLs as a plan may have them."""

from __future__ import annotations

import re

from loadworthy.importers.imported import Variables

_WITH_PASSWORD = re.compile(r"(https?://[^/?#@:]*:)(?!\$\{)([^/?#]+)(@[^/?#@]*(?:[/?#].*)?)", re.DOTALL)


def without_password(url: str, variables: Variables) -> str:
    """The URL with a variable in place of a password that stands in it."""
    match = _WITH_PASSWORD.fullmatch(url)
    if match is None:
        return url
    return match[1] + variables.reference("BASE_URL_PASSWORD", "the password in base_url") + match[3]
