"""``loadworthy run --ui``: runs that are watched and led from a browser."""

from __future__ import annotations

import sys

from loadworthy.cli.running import run_and_judge
from loadworthy.cli.showing import RunResult
from loadworthy.engine.control import Control
from loadworthy.engine.observer import Observer
from loadworthy.engine.run import OnEnvironment, RunRequest
from loadworthy.errors import ExitCode
from loadworthy.page.guard import OWN_PATH, Guard, new_token
from loadworthy.page.routes import page_blueprint
from loadworthy.page.server import PageServer, needs_token
from loadworthy.page.session import Session
from loadworthy.page.two_pages import TwoPages
from loadworthy.page.view import view_of


def run_with_page(request: RunRequest, host: str, port: int, autoquit_s: float | None) -> ExitCode:
    """Run at once, and again whenever the page asks for it; the exit code of the last run.

    Args:
        request: what is run each time.
        host: where the page listens.
        port: 0 takes any that is free.
        autoquit_s: how long after a run the page ends; None: not before Ctrl-C.

    Raises:
        SetupError: where the page cannot listen; nothing was run.
    """

    def make(observer: Observer, control: Control, on_environment: OnEnvironment) -> RunResult:
        return run_and_judge(request, observers=[observer], control=control, on_environment=on_environment)

    plan = request.loaded.plan
    names = [name for name in plan.scenarios if not request.scenarios or name in request.scenarios]
    pages = TwoPages()
    session = Session(request, make, pages.show, _tell_error, autoquit_s)
    view = view_of(plan, names, plan.name or request.loaded.path.stem)
    pages.add(page_blueprint(view, session.stream, session))
    token = new_token() if needs_token(host) else None
    guard = Guard(pages, token, name=str(port))
    with PageServer(host, port, guard) as server:
        print(f"live page: {server.address(OWN_PATH, token)}", flush=True)
        session.stream.start()
        try:
            return session.lead()
        finally:
            session.stream.close()


def _tell_error(message: str) -> None:
    print(f"loadworthy: {message}", file=sys.stderr, flush=True)
