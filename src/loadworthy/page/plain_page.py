"""The live page beside Locust's own, in the process that leads a test of plain Locust."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gevent
from flask import Response, current_app
from flask_login import current_user  # type: ignore[import-untyped]  # it comes with Locust, without types
from locust.env import Environment
from locust.runners import LocalRunner, Runner
from locust.web import WebUI

from loadworthy.analysis.live_thresholds import LiveThresholds
from loadworthy.analysis.watch import WATCH, HealthWatch
from loadworthy.clock import SystemClock
from loadworthy.errors import UsageError
from loadworthy.page.guard import OWN_PATH, Guard, new_token
from loadworthy.page.locust_ui import app_of, tame
from loadworthy.page.plain_plan import PlainPlan
from loadworthy.page.routes import page_blueprint
from loadworthy.page.server import address_of, needs_token
from loadworthy.page.stream import Stream
from loadworthy.page.view import StartForm, view_of
from loadworthy.record.interval import Interval
from loadworthy.report.live_feed import LiveFeed
from loadworthy.units import US_PER_S
from loadworthy.users.interrupt import take_ctrl_c

LOOPBACK = "127.0.0.1"
MOST_FACTOR = 100
_TICK_S = 0.5
_DOWNLOADS = {
    "stats.csv": "../stats/requests/csv",
    "failures.csv": "../stats/failures/csv",
    "exceptions.csv": "../exceptions/csv",
    "locust-report.html": "../stats/report?download=1",
}
"""What Locust has to hand out, from our page."""


class PlainPage:
    """The page and its :class:`~loadworthy.page.routes.Controls`, whose commands go to Locust's runner.

    Args:
        environment: Locust's, with its runner.
        web_ui: Locust's page, which does not listen yet.
        plain: what the plan says.
    """

    directory: Path | None = None
    """There is no run directory."""

    def __init__(self, environment: Environment, web_ui: WebUI, plain: PlainPlan) -> None:
        self._environment = environment
        self._web_ui = web_ui
        self._plain = plain
        self._clock = SystemClock()
        self._feed = self._new_feed()
        self._watch = HealthWatch()
        self._thresholds = self._new_thresholds()
        self._began_us = 0
        self._is_begun = False
        self._errors = _LastError()
        logging.getLogger("loadworthy").addHandler(self._errors)
        self._ticking: gevent.Greenlet | None = None
        self._users: tuple[int, int] | None = None
        """Those that somebody asked for, and what we made of them."""
        self._stream = Stream(self._feed)
        take_ctrl_c()  # each connection that a web server closes is a place where Python may lose it
        self._join()
        self._stream.start()
        events = environment.events
        events.test_start.add_listener(self._on_test_start)
        events.test_stopping.add_listener(self._on_test_stopping)
        events.quitting.add_listener(lambda **_: self._stream.close())

    # --- commands ---

    def start(self, wishes: Mapping[str, str]) -> str:  # noqa: ARG002  # Locust reads them from the request itself
        """As Locust's own Start."""
        if self._feed.state in ("starting", "running", "stopping"):
            raise UsageError("a test is under way; another can begin when it has ended")
        return self._as_locust("locust.swarm")

    def stop(self) -> str:
        """As Locust's own Stop."""
        return self._as_locust("locust.stop")

    def change_load(self, factor: float, scenario: str | None) -> str:  # noqa: ARG002  # there is one
        """So many times the users that somebody asked for."""
        runner = self._environment.runner
        if not 0 < factor <= MOST_FACTOR:
            raise UsageError(f"{factor:g} times the load: write a factor above 0, up to {MOST_FACTOR}")
        if runner is None or self._feed.state != "running":
            raise UsageError("no test is under way, so there is no load to change")
        if self._environment.shape_class is not None:
            shape = type(self._environment.shape_class).__name__
            raise UsageError(f"{shape} in the locustfile decides how many users run; nobody else can")
        asked = runner.target_user_count
        planned = self._users[0] if self._users is not None and self._users[1] == asked else asked
        wanted = max(round(planned * factor), 1)
        self._users = planned, wanted
        self._spawn(runner, wanted)
        self._tell(
            {"type": "load_changed", "factor": wanted / planned if planned else 1.0, "message": _by_hand(wanted)}
        )
        return f"{wanted:,} users from now on."

    def _spawn(self, runner: Runner, users: int) -> None:
        """In a greenlet that Locust's own page knows: its Stop ends it."""
        page = self._web_ui
        if page._swarm_greenlet is not None:  # noqa: SLF001  # Locust has no public way to change the users
            page._swarm_greenlet.kill(block=True)  # noqa: SLF001
        rate = getattr(self._environment.parsed_options, "spawn_rate", None) or max(users, 1)
        page._swarm_greenlet = gevent.spawn(runner.start, users, rate)  # noqa: SLF001

    def _as_locust(self, view: str) -> str:
        """What Locust's own page does with this request; UsageError with its words where it will not."""
        response: Response = current_app.ensure_sync(current_app.view_functions[view])()
        said = current_app.make_response(response).get_json(silent=True) or {}
        if not said.get("success", True):
            raise UsageError(str(said.get("message") or "Locust refused"))
        return ""

    # --- what happens ---

    @property
    def scenario(self) -> str:
        """The name of the one that is shown."""
        return self._plain.scenario

    def on_interval(self, interval: Interval) -> None:
        """One process's last second."""
        interval.scenario = self.scenario
        self._feed.on_interval(interval)
        for message in self._watch.add(interval):
            self._tell({"type": "warning", "source": WATCH, "message": message})
        for breach in self._thresholds.add(interval):
            kind = "threshold_recovered" if breach.recovered else "threshold_breached"
            self._tell({"type": kind, "expression": breach.expression, "message": breach.message})

    def _on_test_start(self, **_: Any) -> None:
        self._is_begun = True
        self._watch, self._thresholds, self._users = HealthWatch(), self._new_thresholds(), None
        self._began_us = self._clock.monotonic_us()
        self._show_another()
        self._feed.begins()
        planned_s = self._options().get("run_time")
        self._tell({"type": "scenario_started", "users": None, "planned_duration_s": planned_s, "workload": "closed"})
        self._ticking = gevent.spawn(self._tick)

    def _on_test_stopping(self, **_: Any) -> None:
        if self._is_begun:
            self._tell({"type": "scenario_ended", "reason": "completed"})

    def on_test_stop(self, **_: Any) -> None:
        """The listener of ``test_stop``; to be called after whatever hands in a test's last intervals."""
        if self._ticking is not None:
            self._ticking.kill()
        if self._is_begun:
            self._feed.files = tuple(_DOWNLOADS)
            self._feed.ended()
        else:  # somebody has ended it before it came to us, as where nothing listens at the target
            self._show_another()
            self._feed.failed(self._errors.last or "The test did not begin; Locust's log says why.")
        self._is_begun, self._errors.last = False, ""
        self._stream.push()

    def _show_another(self) -> None:
        self._feed = self._new_feed()
        self._stream.show(self._feed)

    def _tick(self) -> None:
        planned_s = self._options().get("run_time")
        planned_us = None if planned_s is None else round(planned_s * US_PER_S)
        while True:
            runner = self._environment.runner
            users = 0 if runner is None else runner.user_count
            target = 0 if runner is None else runner.target_user_count
            self._feed.doing = [f"{users:,} of {target:,} users" if users != target else f"{users:,} users"]
            self._feed.tick(self._clock.monotonic_us() - self._began_us, planned_us, users)
            gevent.sleep(_TICK_S)

    def _tell(self, event: Mapping[str, Any]) -> None:
        self._feed.on_event({"at_ms": self._clock.wall_us() // 1000, "scenario": self.scenario, **event})

    # --- joining Locust's page ---

    def _join(self) -> None:
        """Before it listens."""
        web_ui, options = self._web_ui, self._options()
        app = app_of(web_ui)
        if not web_ui.host and not options.get("web_host"):
            web_ui.host = LOOPBACK  # nobody asked for all addresses: they are only Locust's default
        base_path = str(options.get("web_base_path") or "")
        token = new_token() if needs_token(web_ui.host) else None
        is_tls = bool(web_ui.tls_cert and web_ui.tls_key)
        view = view_of(
            self._plain.plan, [self.scenario], self._environment.locustfile or self.scenario,
            form=self._form(), downloads=_DOWNLOADS,
        )  # fmt: skip
        blueprint = page_blueprint(view, self._stream, self, base_path)
        if web_ui.web_login:
            blueprint.before_request(_only_if_logged_in)
        app.register_blueprint(blueprint)
        tame(app)
        own_path = f"{base_path}{OWN_PATH}"
        app.wsgi_app = Guard(  # type: ignore[method-assign]
            app.wsgi_app, token, is_tls=is_tls, own_path=own_path, name=str(web_ui.port)
        )
        address = address_of(web_ui.host, web_ui.port, own_path, token, is_tls=is_tls)
        if token is None:
            _log().info("live page: %s (for this machine only; --web-host opens it to others)", address)
        else:
            _log().warning("live page: %s (only with this token, Locust's own page, too)", address)

    def _form(self) -> StartForm:
        options = self._options()
        run_time = options.get("run_time")
        return StartForm(
            users=int(options.get("num_users") or self._plain.users or 1),
            spawn_rate=float(options.get("spawn_rate") or self._plain.spawn_rate or 1),
            host=str(self._environment.host or ""),
            run_time=f"{run_time}s" if run_time else "",
        )

    def _options(self) -> Mapping[str, Any]:
        options = self._environment.parsed_options
        return {} if options is None else vars(options)

    def _new_feed(self) -> LiveFeed:
        return LiveFeed(self._plain.plan)

    def _new_thresholds(self) -> LiveThresholds:
        expressions = {name: spec.thresholds for name, spec in self._plain.plan.scenarios.items()}
        processes = 1 if isinstance(self._environment.runner, LocalRunner) else 0  # workers come and go
        return LiveThresholds(expressions, self._plain.data, processes=processes)


class _LastError(logging.Handler):
    """Keeps the last error that Loadworthy has logged: whoever looks at the page does not see the log."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.last = record.getMessage()


def _only_if_logged_in() -> Any:
    """As Locust's own addresses under ``--web-login``."""
    if current_user.is_authenticated:
        return None
    return current_app.login_manager.unauthorized()  # type: ignore[attr-defined]  # Flask-Login puts it there


def _by_hand(users: int) -> str:
    return f"by hand: {users:,} users"


def _log() -> logging.Logger:
    return logging.getLogger(__name__)
