"""Our addresses, as a blueprint that any Flask application can take in.

========================  ==========================================================================================
``/loadworthy/``          the page
``…/static/<name>``       its scripts and styles
``…/events``              what is new, as server-sent events
``…/start``, ``…/stop``   POST: begin a run, end it
``…/load``                POST ``factor`` and perhaps ``scenario``: so many times the planned load
``…/download/<name>``     a file of the run directory, or ``run.zip``: all of them
``…/report``              ``report.html``, to be looked at
========================  ==========================================================================================

Whether somebody may come in is :mod:`loadworthy.page.guard`'s business.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Protocol

from flask import Blueprint, Response, abort, request, send_file

from loadworthy.errors import LoadworthyError, UsageError
from loadworthy.page.downloads import ARCHIVE, archive, files_of
from loadworthy.page.guard import NOTHING, OWN_PATH
from loadworthy.page.stream import Stream
from loadworthy.page.view import POLICY, View

REPORT = "report.html"
FOR_EVER = "public, max-age=31536000, immutable"
_POLICY_OF_REPORT = re.compile(rb'http-equiv="Content-Security-Policy" content="([^"<>]*)"')
_HEAD_BYTES = 8192
_IN_A_SANDBOX = "; frame-ancestors 'none'; sandbox allow-scripts allow-downloads"


class Controls(Protocol):
    """Whoever leads runs. A UsageError says in a sentence why something cannot be."""

    def start(self, wishes: Mapping[str, str]) -> str:
        """Begin a run; what to tell the reader, mostly nothing."""
        ...

    def stop(self) -> str:
        """End the run under way."""
        ...

    def change_load(self, factor: float, scenario: str | None) -> str:
        """Make so many times the planned load."""
        ...

    @property
    def directory(self) -> Path | None:
        """Of the run under way, or of the last."""
        ...


def page_blueprint(view: View, stream: Stream, controls: Controls, base_path: str = "") -> Blueprint:
    """The addresses, below a base path (``/tests``; empty: at the root)."""
    blueprint = Blueprint("loadworthy", __name__, url_prefix=f"{base_path}{OWN_PATH}".rstrip("/"))

    @blueprint.get("/")
    def page() -> Response:
        return Response(view.page, mimetype="text/html", headers={"Content-Security-Policy": POLICY})

    @blueprint.get("/static/<name>")
    def static(name: str) -> Response:
        asset = view.assets.get(name) or abort(HTTPStatus.NOT_FOUND)
        headers = {"Cache-Control": FOR_EVER, "Vary": "Accept-Encoding", "Content-Type": asset.mime}
        if request.accept_encodings.quality("gzip"):
            return Response(asset.packed, headers=headers | {"Content-Encoding": "gzip"})
        return Response(asset.content, headers=headers)

    @blueprint.get("/events")
    def events() -> Response:
        # A proxy that collects what it passes on would hold back the news.
        return Response(stream.events(), mimetype="text/event-stream", headers={"X-Accel-Buffering": "no"})

    @blueprint.post("/start")
    def start() -> Response:
        return _told(controls.start(request.form))

    @blueprint.post("/stop")
    def stop() -> Response:
        return _told(controls.stop())

    @blueprint.post("/load")
    def load() -> Response:
        factor = _number(request.form.get("factor", ""))
        return _told(controls.change_load(factor, request.form.get("scenario") or None))

    @blueprint.get("/download/<path:name>")
    def download(name: str) -> Response:
        directory = _directory(controls)
        files = files_of(directory)
        if name == ARCHIVE:
            response = Response(archive(files, directory.name), mimetype="application/zip")
            response.headers.set("Content-Disposition", "attachment", filename=f"{directory.name}.zip")
            return response
        path = files.get(name) or abort(HTTPStatus.NOT_FOUND)
        # Flask takes a relative path to be in a folder of its own.
        return send_file(path.absolute(), as_attachment=True, max_age=0, etag=False, conditional=False)

    @blueprint.get("/report")
    def report() -> Response:
        path = files_of(_directory(controls)).get(REPORT) or abort(HTTPStatus.NOT_FOUND)
        content = path.read_bytes()
        return Response(content, mimetype="text/html", headers={"Content-Security-Policy": _policy_of(content)})

    @blueprint.errorhandler(LoadworthyError)
    def refused(error: LoadworthyError) -> Response:
        return _told(str(error), HTTPStatus.CONFLICT)

    return blueprint


def _directory(controls: Controls) -> Path:
    return controls.directory or abort(HTTPStatus.NOT_FOUND)


def _told(message: str, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(
        json.dumps({"ok": status is HTTPStatus.OK, "message": message}), status, mimetype="application/json"
    )


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"{text[:40]!r} is no number; write so many times the planned load, such as 1.5") from None


def _policy_of(report: bytes) -> str:
    """What the report says of itself, and that it is nobody else's page: it may not act as this one."""
    found = _POLICY_OF_REPORT.search(report[:_HEAD_BYTES])
    policy = NOTHING if found is None else found[1].decode("ascii", "replace").replace("&#39;", "'")
    return f"{policy}{_IN_A_SANDBOX}"
