"""An HTTP user for load tests: Locust's API, a client that costs a fraction, and every failure with its kind."""

import locust  # noqa: F401  # first of all: it monkey-patches, and what imports ssl before that breaks

from loadworthy.users.http.response import Response
from loadworthy.users.http.session import HttpSession
from loadworthy.users.http.user import HttpUser

__all__ = ["HttpSession", "HttpUser", "Response"]
