"""Locust's own web page, made fit to stand beside ours.

Locust's page would let every other site read it, shows tracebacks to whoever asks, and names no policy. The first is
undone by :mod:`loadworthy.page.guard`, around everything; the others here. Its scripts are allowed by their hashes,
for the page has one of them within itself.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask, Response
from locust import argument_parser
from locust.env import Environment
from locust.web import WebUI

from loadworthy.errors import UsageError

_INLINE_SCRIPT = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.DOTALL | re.IGNORECASE)
_POLICY = (
    "default-src 'none'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
    "img-src 'self' data: blob:; font-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_LINK = (
    '<a href="./loadworthy/" style="position:fixed;left:16px;bottom:16px;z-index:2000;padding:8px 16px;'
    "border-radius:999px;background:#1f6fc4;color:#fff;font:600 14px system-ui,sans-serif;text-decoration:none;"
    'box-shadow:0 2px 10px rgba(0,0,0,.35)">Live charts and thresholds</a></body>'
)
_HTML = "text/html"


def app_of(web_ui: WebUI) -> Flask:
    """The application of Locust's page."""
    assert web_ui.app is not None  # noqa: S101  # it is from the first moment on
    return web_ui.app


def tame(app: Flask) -> None:
    """No debugging, a policy for every page, and a link to ours on Locust's own."""
    app.debug = False

    @app.after_request
    def harden(response: Response) -> Response:
        if response.mimetype != _HTML or response.is_streamed or response.headers.get("Content-Security-Policy"):
            return response
        text = response.get_data(as_text=True)
        if "window.templateArgs" in text and '<div id="root">' in text:
            text = text.replace("</body>", _LINK, 1)
            response.set_data(text)
        response.headers["Content-Security-Policy"] = _policy_for(text)
        return response


def _policy_for(page: str) -> str:
    digests = (hashlib.sha256(source.encode()).digest() for source in _INLINE_SCRIPT.findall(page))
    hashes = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    return _POLICY.format(hashes=hashes)


class _PageOfRun(WebUI):
    """Locust would read this process's command line for options of its own, and end the process over ours."""

    def update_template_args(self) -> None:
        """What its page is made of, without such options: the plan says everything."""
        read = argument_parser.ui_extra_args_dict
        argument_parser.ui_extra_args_dict = _no_options
        try:
            super().update_template_args()  # type: ignore[no-untyped-call]
        finally:
            argument_parser.ui_extra_args_dict = read


def _no_options(args: Any = None) -> dict[str, dict[str, Any]]:  # noqa: ARG001  # as Locust's own
    return {}


def page_of_run(environment: Environment, start: Callable[[Mapping[str, str]], str], stop: Callable[[], str]) -> Flask:
    """Locust's page of one run of ours. Its buttons do what ours do, or say why not; Locust itself starts nothing.

    Args:
        environment: the run's, with its runner.
        start: begins a run; UsageError where that cannot be.
        stop: ends the run under way.
    """
    app = app_of(_PageOfRun(environment, "", 0, delayed_start=True))
    host = environment.host

    def answer(act: Callable[[], str]) -> Response:
        try:
            said = {"success": True, "message": act(), "host": host}
        except UsageError as error:
            said = {"success": False, "message": str(error), "host": host}
        return Response(json.dumps(said), mimetype="application/json")

    def swarm() -> Response:
        return answer(lambda: start({}) or "The plan is run again, with the load that it says.")

    def end() -> Response:
        return answer(lambda: stop() or "The run is ended.")

    def refuse() -> Response:
        return Response("The plan says what users do; change it there.\n", 403, mimetype="text/plain")

    app.view_functions |= {"locust.swarm": swarm, "locust.stop": end, "locust.update_user": refuse}
    tame(app)
    return app
