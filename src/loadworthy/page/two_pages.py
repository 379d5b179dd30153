"""One address for two pages: ours, which stays, and Locust's, of which each run has its own."""

from __future__ import annotations

from collections.abc import Iterable

from flask import Blueprint, Flask, redirect
from flask.typing import ResponseReturnValue

from loadworthy.page.guard import OWN_PATH, Application, Environ, StartResponse

MOST_BYTES = 64 * 1024
"""Of what is sent to our page: commands are short."""


class TwoPages:
    """A WSGI application: what is ours goes to our page, everything else to Locust's, once there is one."""

    def __init__(self) -> None:
        self._own = Flask("loadworthy.page", static_folder=None)
        self._own.config["MAX_CONTENT_LENGTH"] = MOST_BYTES
        self._own.add_url_rule("/", "root", _to_our_page)
        self._locust: Application | None = None

    def add(self, blueprint: Blueprint) -> None:
        """Our addresses."""
        self._own.register_blueprint(blueprint)

    def show(self, locust: Application) -> None:
        """Locust's page of the run that begins; it stays until the next."""
        self._locust = locust

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """WSGI."""
        path = environ.get("PATH_INFO", "")
        is_ours = path.startswith(OWN_PATH) or path == OWN_PATH.rstrip("/")
        application = self._own if is_ours or self._locust is None else self._locust
        return application(environ, start_response)


def _to_our_page() -> ResponseReturnValue:
    return redirect(OWN_PATH)
